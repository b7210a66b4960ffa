//! A history as text: one operation a line, to be kept with a failure and read back.
//!
//! ```text
//! history 1 numbered
//! 1..1 1000..1000 s1 T1 begin read-committed req=req-a1
//! 2..3 1000..2500 s1 T1 read items 7 v0 req=req-a1 sql="SELECT stock FROM items WHERE id = 7"
//! 4..5 2500..3000 s1 T1 update items 7 v1 over=v0 sql="UPDATE items SET stock = 0 WHERE id = 7"
//! 6..7 3000..3000 s1 T1 select items "stock > 0" 2 8@v0 9@v4
//! 8..9 3000..4000 s1 T1 commit
//! matches items "stock > 0" 7 v1 no
//! ```
//!
//! Ticks, nanoseconds, session, transaction, what it did, then `req=` and `sql=` when known. `read-newest` and
//! `select-newest` are the reads of [`Sight::Newest`]. A word with spaces, quotes or an empty one is
//! quoted, with `\"`, `\\`, `\n` and `\r` inside. Empty lines and lines that begin with `#` are skipped.

use std::fmt::{self, Write as _};

use super::operation::{
    Action, Change, Label, Level, Moment, Session, Sight, Span, TransactionId, Version, VersionOrder,
};
use super::record::{Cause, History};

/// Why a text is not a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "history line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

impl History {
    /// The whole history, one operation a line.
    pub fn to_text(&self) -> String {
        let order = match self.order() {
            VersionOrder::Numbered => "numbered",
            VersionOrder::Inferred => "inferred",
        };
        let mut text = format!("history 1 {order}\n");
        for operation in self.operations() {
            let Span { start, end } = operation.span;
            let session = self.session(operation.transaction);
            let _ = write!(
                text,
                "{}..{} {}..{} {session} {} ",
                start.tick, end.tick, start.ns, end.ns, operation.transaction
            );
            self.write_action(&mut text, &operation.action);
            for (name, label) in [("req", operation.request), ("sql", operation.sql)] {
                if let Some(label) = label {
                    let _ = write!(text, " {name}={}", word(self.text(label)));
                }
            }
            text.push('\n');
        }
        for ((predicate, key, version), holds) in self.stated() {
            let (table, condition) = self.predicate_name(*predicate);
            let id = word(self.key_name(*key).1);
            let says = if *holds { "yes" } else { "no" };
            let _ = writeln!(text, "matches {} {} {id} {version} {says}", word(table), word(condition));
        }
        text
    }

    fn write_action(&self, text: &mut String, action: &Action) {
        let newest = |sight: Sight| if sight == Sight::Newest { "-newest" } else { "" };
        let _ = match action {
            Action::Begin(level) => write!(text, "begin {}", level.to_string().replace(' ', "-")),
            Action::Read { key, version, sight } => {
                let (table, id) = self.key_name(*key);
                write!(text, "read{} {} {} {version}", newest(*sight), word(table), word(id))
            }
            Action::Select { predicate, rows, sight } => {
                let (table, condition) = self.predicate_name(*predicate);
                let count = rows.len();
                let _ = write!(text, "select{} {} {} {count}", newest(*sight), word(table), word(condition));
                rows.iter()
                    .try_for_each(|(key, version)| write!(text, " {}@{version}", word(self.key_name(*key).1)))
            }
            Action::Write { key, version, change, replaces } => {
                let (table, id) = self.key_name(*key);
                let change = match change {
                    Change::Insert => "insert",
                    Change::Update => "update",
                    Change::Delete => "delete",
                };
                let _ = write!(text, "{change} {} {} {version}", word(table), word(id));
                replaces.map_or(Ok(()), |replaces| write!(text, " over={replaces}"))
            }
            Action::Savepoint(name) => write!(text, "savepoint {}", word(self.text(*name))),
            Action::RollbackTo(name) => write!(text, "rollback-to {}", word(self.text(*name))),
            Action::Release(name) => write!(text, "release {}", word(self.text(*name))),
            Action::Commit => write!(text, "commit"),
            Action::Abort => write!(text, "abort"),
            Action::Unknown => write!(text, "unknown"),
        };
    }

    /// Reads what [`Self::to_text`] wrote, or what somebody wrote by hand.
    ///
    /// # Errors
    ///
    /// Names the first line that is not as described in this module, and why.
    pub fn from_text(text: &str) -> Result<Self, ParseError> {
        let mut history = Self::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |message| ParseError { line: number + 1, message };
            let words = words(line).map_err(at)?;
            let mut words = Words { words: &words };
            history.read_line(&mut words).map_err(at)?;
            if let [extra, ..] = words.words {
                return Err(at(format!("unexpected {extra:?} at the end")));
            }
        }
        Ok(history)
    }

    fn read_line(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let first = words.next("an operation")?;
        match first {
            "history" => return self.read_header(words),
            "matches" => return self.read_match(words),
            _ => {}
        }
        let ticks = range(first)?;
        let ns = range(words.next("nanoseconds as 10..20")?)?;
        let span =
            Span { start: Moment { tick: ticks.0, ns: ns.0 }, end: Moment { tick: ticks.1, ns: ns.1 } };
        let session = Session(numbered(words.next("a session")?, "s")?);
        let transaction = TransactionId(numbered(words.next("a transaction")?, "T")?);
        let action = self.read_action(words)?;
        let cause = Cause { request: self.named(words, "req="), sql: self.named(words, "sql=") };
        if let Action::Begin(level) = action {
            if transaction.0 as usize != self.transactions() + 1 {
                let next = self.transactions() + 1;
                return Err(format!(
                    "{transaction} begins out of turn: number begins upwards, next is T{next}"
                ));
            }
            self.begin_for(session, level, cause, span);
            return Ok(());
        }
        if transaction.0 == 0 || transaction.0 as usize > self.transactions() {
            return Err(format!("{transaction} did not begin: add its begin line before"));
        }
        self.push(transaction, span, cause, action);
        Ok(())
    }

    fn read_header(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let version = words.next("the format's version")?;
        if version != "1" {
            return Err(format!("format {version:?} is not known here, only 1"));
        }
        let order = match words.next("numbered or inferred")? {
            "numbered" => VersionOrder::Numbered,
            "inferred" => VersionOrder::Inferred,
            other => return Err(format!("{other:?} is no version order: use numbered or inferred")),
        };
        *self = Self::with_order(order);
        Ok(())
    }

    fn read_match(&mut self, words: &mut Words<'_>) -> Result<(), String> {
        let table = words.next("a table")?;
        let predicate = self.predicate(table, words.next("a condition")?);
        let key = self.key(table, words.next("a row")?);
        let version = Version(numbered(words.next("a version")?, "v")?);
        let holds = match words.next("yes or no")? {
            "yes" => true,
            "no" => false,
            other => return Err(format!("{other:?} is neither yes nor no")),
        };
        self.matches(predicate, key, version, holds);
        Ok(())
    }

    fn read_action(&mut self, words: &mut Words<'_>) -> Result<Action, String> {
        let name = words.next("what it did")?;
        let sight = if name.ends_with("-newest") { Sight::Newest } else { Sight::Snapshot };
        Ok(match name {
            "begin" => Action::Begin(level(words.next("a level")?)?),
            "read" | "read-newest" => {
                let key = self.key(words.next("a table")?, words.next("a row")?);
                Action::Read { key, version: Version(numbered(words.next("a version")?, "v")?), sight }
            }
            "select" | "select-newest" => {
                let table = words.next("a table")?;
                let predicate = self.predicate(table, words.next("a condition")?);
                let count: usize = number(words.next("the number of rows")?)?;
                let mut rows = Vec::new();
                for _ in 0..count {
                    let row = words.next("a row such as 7@v0")?;
                    let (id, version) =
                        row.rsplit_once("@v").ok_or_else(|| format!("{row:?} should look like 7@v0"))?;
                    rows.push((self.key(table, id), Version(number(version)?)));
                }
                Action::Select { predicate, rows, sight }
            }
            "insert" | "update" | "delete" => {
                let key = self.key(words.next("a table")?, words.next("a row")?);
                let version = Version(numbered(words.next("a version")?, "v")?);
                let change = match name {
                    "insert" => Change::Insert,
                    "update" => Change::Update,
                    _ => Change::Delete,
                };
                let replaces = words.next_if(|word| word.strip_prefix("over=v")).map(number).transpose()?;
                Action::Write { key, version, change, replaces: replaces.map(Version) }
            }
            "savepoint" => Action::Savepoint(self.label(words.next("a savepoint's name")?)),
            "rollback-to" => Action::RollbackTo(self.label(words.next("a savepoint's name")?)),
            "release" => Action::Release(self.label(words.next("a savepoint's name")?)),
            "commit" => Action::Commit,
            "abort" => Action::Abort,
            "unknown" => Action::Unknown,
            other => return Err(format!("{other:?} is no operation")),
        })
    }

    fn named(&mut self, words: &mut Words<'_>, prefix: &str) -> Option<Label> {
        words.next_if(|word| word.strip_prefix(prefix)).map(|text| self.label(text))
    }
}

struct Words<'a> {
    words: &'a [String],
}

impl<'a> Words<'a> {
    fn next(&mut self, wanted: &str) -> Result<&'a str, String> {
        self.next_if(Some).ok_or_else(|| format!("the line ends where {wanted} should be"))
    }

    fn next_if<T>(&mut self, accepts: impl Fn(&'a str) -> Option<T>) -> Option<T> {
        let (first, rest) = self.words.split_first()?;
        let accepted = accepts(first)?;
        self.words = rest;
        Some(accepted)
    }
}

/// Splits a line at spaces outside quotes and takes the quotes away.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => (quoted, any) = (!quoted, true),
            '\\' if quoted => match letters.next() {
                Some('n') => word.push('\n'),
                Some('r') => word.push('\r'),
                Some(plain @ ('"' | '\\')) => word.push(plain),
                other => return Err(format!("\\{} is no escape", other.unwrap_or(' '))),
            },
            ' ' if !quoted => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            _ => word.push(letter),
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn word(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-.:+#".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' | '\\' => quoted.extend(['\\', letter]),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is no number, or too large"))
}

fn numbered<T: std::str::FromStr>(text: &str, prefix: &str) -> Result<T, String> {
    let digits = text.strip_prefix(prefix).ok_or_else(|| format!("{text:?} should begin with {prefix:?}"))?;
    number(digits)
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let (start, end) = text.split_once("..").ok_or_else(|| format!("{text:?} should look like 10..20"))?;
    let (start, end) = (number(start)?, number(end)?);
    if start <= end { Ok((start, end)) } else { Err(format!("{text:?} ends before it starts")) }
}

fn level(name: &str) -> Result<Level, String> {
    let known = Level::ALL.into_iter().find(|level| level.to_string().replace(' ', "-") == name);
    known.ok_or_else(|| format!("{name:?} is no isolation level, such as read-committed"))
}
