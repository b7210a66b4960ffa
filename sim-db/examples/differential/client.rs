//! A client without a socket: simple queries as bytes, answers from bytes.
//!
//! Both servers are driven through it, so that a difference is never one of two client libraries.

use std::collections::BTreeMap;

/// What a statement gave, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Command tag, or nothing for an empty query.
    pub tag: String,
    /// Column names; `None` for a statement without rows.
    pub columns: Option<Vec<String>>,
    /// Text representations.
    pub rows: Vec<Vec<Option<String>>>,
}

/// The answer to one Query message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// One for every statement that ended well.
    pub outcomes: Vec<Outcome>,
    /// SQLSTATE of the error.
    pub sqlstate: Option<String>,
    /// The constraint that the error names.
    pub constraint: Option<String>,
    /// The error's text, for reading only.
    pub message: String,
    /// SQLSTATEs of notices and warnings.
    pub notices: Vec<String>,
    /// `I`, `T`, `E`; a space if the connection was closed.
    pub status: char,
}

impl Answer {
    /// Equal but for the texts; rows as a multiset.
    pub fn same(&self, other: &Self) -> bool {
        let sorted = |answer: &Self| {
            let mut answer = Self { message: String::new(), ..answer.clone() };
            for outcome in &mut answer.outcomes {
                outcome.rows.sort();
            }
            answer
        };
        sorted(self) == sorted(other)
    }

    /// One line to read.
    pub fn summary(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for outcome in &self.outcomes {
            let mut part = outcome.tag.clone();
            if outcome.columns.is_some() {
                let row = |row: &Vec<Option<String>>| {
                    let fields: Vec<&str> = row.iter().map(|f| f.as_deref().unwrap_or("NULL")).collect();
                    format!("({})", fields.join(", "))
                };
                let rows: Vec<String> = outcome.rows.iter().map(row).collect();
                part = format!("{part} {}", rows.join(" "));
            }
            parts.push(part);
        }
        if let Some(sqlstate) = &self.sqlstate {
            let constraint = self.constraint.as_ref().map(|c| format!(" [{c}]")).unwrap_or_default();
            parts.push(format!("{sqlstate}{constraint} {}", self.message));
        }
        for notice in &self.notices {
            parts.push(format!("notice {notice}"));
        }
        format!("{} <{}>", parts.join("; "), self.status)
    }
}

/// Start-up for trust authentication.
pub fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = 196_608_i32.to_be_bytes().to_vec();
    for text in ["user", user, "database", database, "client_encoding", "UTF8", ""] {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    let mut packet = (i32::try_from(body.len() + 4).expect("short")).to_be_bytes().to_vec();
    packet.append(&mut body);
    packet
}

/// A Query message.
pub fn query(sql: &str) -> Vec<u8> {
    let mut message = vec![b'Q'];
    message.extend_from_slice(&i32::try_from(sql.len() + 5).expect("short").to_be_bytes());
    message.extend_from_slice(sql.as_bytes());
    message.push(0);
    message
}

/// Collects what a server sends.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    answer: Answer,
    columns: Option<Vec<String>>,
    rows: Vec<Vec<Option<String>>>,
    /// The server's process number for this session.
    pub pid: i32,
}

impl Inbox {
    /// More bytes from the server.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The server closed the connection: what there is becomes the answer.
    pub fn closed(&mut self) -> Answer {
        let mut answer = std::mem::take(&mut self.answer);
        answer.status = ' ';
        answer
    }

    /// The answer, once ReadyForQuery is there.
    pub fn answer(&mut self) -> Option<Answer> {
        while self.bytes.len() >= 5 {
            let length = int(&self.bytes[1..5]) as usize;
            if self.bytes.len() < length + 1 {
                return None;
            }
            let message: Vec<u8> = self.bytes.drain(..=length).collect();
            if self.message(message[0], &message[5..]) {
                return Some(std::mem::take(&mut self.answer));
            }
        }
        None
    }

    /// Whether an answer is whole now.
    fn message(&mut self, tag: u8, body: &[u8]) -> bool {
        match tag {
            b'Z' => {
                self.answer.status = char::from(body[0]);
                return true;
            }
            b'K' => self.pid = int(&body[..4]),
            b'T' => {
                let mut rest = &body[2..];
                let mut names = Vec::new();
                while !rest.is_empty() {
                    let (name, after) = text(rest);
                    names.push(name);
                    rest = &after[18..];
                }
                self.columns = Some(names);
            }
            b'D' => {
                let mut rest = &body[2..];
                let mut row = Vec::new();
                while !rest.is_empty() {
                    let length = int(&rest[..4]);
                    rest = &rest[4..];
                    let field = usize::try_from(length).ok().map(|length| {
                        let (field, after) = rest.split_at(length);
                        rest = after;
                        String::from_utf8_lossy(field).into_owned()
                    });
                    row.push(field);
                }
                self.rows.push(row);
            }
            b'C' => {
                let outcome = Outcome {
                    tag: text(body).0,
                    columns: self.columns.take(),
                    rows: std::mem::take(&mut self.rows),
                };
                self.answer.outcomes.push(outcome);
            }
            b'I' => {
                let outcome = Outcome { tag: String::new(), columns: None, rows: Vec::new() };
                self.answer.outcomes.push(outcome);
            }
            b'E' => {
                let fields = fields(body);
                self.answer.sqlstate = fields.get(&b'C').cloned();
                self.answer.constraint = fields.get(&b'n').cloned();
                self.answer.message = fields.get(&b'M').cloned().unwrap_or_default();
                self.columns = None;
                self.rows.clear();
            }
            b'N' => self.answer.notices.extend(fields(body).get(&b'C').cloned()),
            _ => {}
        }
        false
    }
}

fn int(bytes: &[u8]) -> i32 {
    i32::from_be_bytes(bytes[..4].try_into().expect("four bytes"))
}

fn text(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|&b| b == 0).expect("a string of the protocol ends with a zero byte");
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 1..])
}

fn fields(mut body: &[u8]) -> BTreeMap<u8, String> {
    let mut fields = BTreeMap::new();
    while let [letter, rest @ ..] = body {
        if *letter == 0 {
            break;
        }
        let (value, after) = text(rest);
        fields.insert(*letter, value);
        body = after;
    }
    fields
}
