//! The PostgreSQL protocol, version 3 (PostgreSQL manual, chapter "Frontend/Backend Protocol").
//!
//! A request is what one `ReadyForQuery` answers: a simple query, or everything up to a `Sync`. Its method is
//! `SQL`, its path the text of its (last) statement with runs of white space made one space, so that
//! `Match::new("SQL", "COMMIT")` and `Match::new("SQL", "INSERT INTO charge*")` mean what they say. Nothing else is
//! read: no parameters, no rows. Start-up, passwords and `COPY` data are passed over.

use std::collections::BTreeMap;

use super::chunked::Malformed;
use super::event::{Event, Head, Mark};

const VERSION_3: u32 = 196_608;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// Statement text that is kept.
const TEXT_BYTES_MAX: usize = 400;
/// Payload of a message that is kept: what is longer is passed over, its beginning aside.
const KEPT_BYTES: usize = 8_192;

/// One direction's bytes, cut into messages.
#[derive(Debug, Default)]
struct Messages {
    /// Head and beginning of the message at hand.
    message: Vec<u8>,
    /// Bytes of it still to come that are not kept.
    skip: usize,
}

/// A complete message: its type (0 for those without), its payload as far as it is kept, where it lies.
struct Message {
    kind: u8,
    payload: Vec<u8>,
    begun_at: usize,
    end: usize,
}

impl Messages {
    /// The next complete message. `untyped`: start-up messages have no type byte.
    fn next(&mut self, bytes: &[u8], at: &mut usize, untyped: bool) -> Result<Option<Message>, Malformed> {
        let head = if untyped { 4 } else { 5 };
        let begun_at = if self.message.is_empty() { *at } else { 0 };
        let mut take = |message: &mut Vec<u8>, up_to: usize| {
            let wanted = up_to.saturating_sub(message.len()).min(bytes.len() - *at);
            message.extend_from_slice(&bytes[*at..*at + wanted]);
            *at += wanted;
            message.len() >= up_to
        };
        if !take(&mut self.message, head) {
            return Ok(None);
        }
        let length = self.message[head - 4..head].try_into().map_err(|_| Malformed)?;
        let length = u32::from_be_bytes(length) as usize;
        let payload = length.checked_sub(4).ok_or(Malformed)?;
        if !take(&mut self.message, head + payload.min(KEPT_BYTES)) {
            return Ok(None);
        }
        if payload > KEPT_BYTES {
            if self.skip == 0 {
                self.skip = payload - KEPT_BYTES;
            }
            let skipped = self.skip.min(bytes.len() - *at);
            *at += skipped;
            self.skip -= skipped;
            if self.skip > 0 {
                return Ok(None);
            }
        }
        let kind = if untyped { 0 } else { self.message[0] };
        let payload = self.message.split_off(head);
        self.message.clear();
        Ok(Some(Message { kind, payload, begun_at, end: *at }))
    }
}

/// A reader of the PostgreSQL protocol.
#[derive(Debug)]
pub struct Postgres {
    client: Messages,
    server: Messages,
    /// Start-up messages still come, without types.
    starting: bool,
    /// The server answers a request for encryption with one byte.
    one_byte: bool,
    /// Texts of prepared statements and of portals bound to them.
    statements: BTreeMap<String, String>,
    portals: BTreeMap<String, String>,
    /// Statement of the request at hand, and where it began.
    open: Option<(String, usize)>,
    /// Requests not yet answered; whether the answer to the first has begun.
    waiting: u32,
    answering: bool,
}

impl Postgres {
    /// Whether a connection that begins so may speak PostgreSQL; `None` when it is too early to tell.
    pub fn looks_like(bytes: &[u8]) -> Option<bool> {
        let Some(head) = bytes.first_chunk::<8>() else {
            return if bytes.first().is_none_or(|b| *b == 0) { None } else { Some(false) };
        };
        let code = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        Some(length < 65_536 && matches!(code, VERSION_3 | SSL_REQUEST | GSS_REQUEST | CANCEL_REQUEST))
    }

    /// In front of the start-up message.
    pub fn new() -> Postgres {
        Postgres {
            client: Messages::default(),
            server: Messages::default(),
            starting: true,
            one_byte: false,
            statements: BTreeMap::new(),
            portals: BTreeMap::new(),
            open: None,
            waiting: 0,
            answering: false,
        }
    }

    /// Reads what the client sent.
    ///
    /// # Errors
    /// When it is not this protocol.
    pub fn client(&mut self, bytes: &[u8], marks: &mut Vec<Mark>) -> Result<(), Malformed> {
        let mut at = 0;
        if let Some((_, begun_at)) = &mut self.open {
            *begun_at = 0;
        }
        while let Some(message) = self.client.next(bytes, &mut at, self.starting)? {
            let payload = &message.payload[..];
            if message.kind == 0 {
                let code = payload.first_chunk().ok_or(Malformed)?;
                match u32::from_be_bytes(*code) {
                    SSL_REQUEST | GSS_REQUEST => self.one_byte = true,
                    VERSION_3 => {
                        self.starting = false;
                        // The server is ready once, without having been asked anything.
                        self.waiting += 1;
                        self.answering = true;
                    }
                    _ => return Err(Malformed),
                }
                continue;
            }
            match message.kind {
                b'Q' => {
                    let text = words(payload).next().unwrap_or_default();
                    self.begin(&text, message.begun_at, marks);
                    self.end(message.end, marks);
                }
                b'P' => {
                    let mut words = words(payload);
                    let (name, text) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                    self.open.get_or_insert((String::new(), message.begun_at)).0.clone_from(&text);
                    self.statements.insert(name, text);
                }
                b'B' => {
                    let mut words = words(payload);
                    let (portal, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                    let text = self.statements.get(&name).cloned().unwrap_or_default();
                    self.open.get_or_insert((String::new(), message.begun_at)).0.clone_from(&text);
                    self.portals.insert(portal, text);
                }
                b'E' => {
                    let portal = words(payload).next().unwrap_or_default();
                    let text = self.portals.get(&portal).cloned().unwrap_or_default();
                    self.open.get_or_insert((String::new(), message.begun_at)).0 = text;
                }
                b'C' | b'D' | b'F' => {
                    self.open.get_or_insert((String::new(), message.begun_at));
                }
                b'S' => {
                    let (text, begun_at) = self.open.take().unwrap_or((String::new(), message.begun_at));
                    self.begin(&text, begun_at, marks);
                    self.end(message.end, marks);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn begin(&mut self, text: &str, at: usize, marks: &mut Vec<Mark>) {
        let mut path = text.split_whitespace().collect::<Vec<_>>().join(" ");
        path.truncate(path.floor_char_boundary(TEXT_BYTES_MAX));
        let path = path.trim_end_matches(';').to_owned();
        let head = Head { method: "SQL".to_owned(), path, authority: String::new() };
        marks.push(Mark { at, event: Event::RequestBegins { stream: 0, head } });
    }

    fn end(&mut self, at: usize, marks: &mut Vec<Mark>) {
        self.waiting += 1;
        marks.push(Mark { at, event: Event::RequestEnds { stream: 0, whole: None } });
    }

    /// Reads what the server sent.
    ///
    /// # Errors
    /// When it is not this protocol.
    pub fn server(&mut self, bytes: &[u8], marks: &mut Vec<Mark>) -> Result<(), Malformed> {
        let mut at = 0;
        if self.one_byte && !bytes.is_empty() {
            self.one_byte = false;
            if bytes[0] != b'N' {
                marks.push(Mark { at: 1, event: Event::Opaque { why: "encrypted" } });
                return Ok(());
            }
            at = 1;
        }
        let mut begun: Option<usize> = None;
        while let Some(message) = self.server.next(bytes, &mut at, false)? {
            match message.kind {
                // Notices, notifications and settings come at any time.
                b'N' | b'A' | b'S' | b'K' | b'R' => {}
                b'Z' => {
                    if self.waiting > 0 {
                        self.begin_answer(message.begun_at, 0, &mut begun, marks);
                        self.waiting -= 1;
                        self.answering = false;
                        begun = None;
                        marks.push(Mark { at: message.end, event: Event::ResponseEnds { stream: 0 } });
                    }
                }
                kind => {
                    let status = u16::from(kind == b'E');
                    self.begin_answer(message.begun_at, status, &mut begun, marks);
                }
            }
        }
        Ok(())
    }

    /// An answer begins, or goes on and turns out to be an error in the same piece.
    fn begin_answer(&mut self, at: usize, status: u16, begun: &mut Option<usize>, marks: &mut Vec<Mark>) {
        if self.waiting > 0 && !self.answering {
            self.answering = true;
            *begun = Some(marks.len());
            marks.push(Mark { at, event: Event::ResponseBegins { stream: 0, status } });
        } else if status != 0
            && let Some(Mark { event: Event::ResponseBegins { status: earlier, .. }, .. }) =
                begun.and_then(|index| marks.get_mut(index))
        {
            *earlier = status;
        }
    }
}

impl Default for Postgres {
    fn default() -> Postgres {
        Postgres::new()
    }
}

/// Strings that end with a zero byte, one after the other.
fn words(payload: &[u8]) -> impl Iterator<Item = String> {
    payload.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&(payload.len() as u32 + 4).to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    fn startup() -> Vec<u8> {
        let mut bytes = 17u32.to_be_bytes().to_vec();
        bytes.extend_from_slice(&VERSION_3.to_be_bytes());
        bytes.extend_from_slice(b"user\0me\0\0");
        bytes
    }

    fn conversation() -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let client = vec![
            startup(),
            message(b'Q', b"BEGIN;\0"),
            [
                message(b'P', b"s1\0INSERT INTO charge\n  VALUES ($1)\0\0\0"),
                message(b'B', b"\0s1\0\0\0\0\0\0\0"),
                message(b'E', b"\0\0\0\0\0"),
                message(b'S', b""),
            ]
            .concat(),
            message(b'Q', b"COMMIT\0"),
        ];
        let ready = message(b'Z', b"I");
        let server = vec![
            [message(b'R', b"\0\0\0\0"), ready.clone()].concat(),
            [message(b'C', b"BEGIN\0"), ready.clone()].concat(),
            [message(b'1', b""), message(b'2', b""), message(b'E', b"SERROR\0C23505\0\0"), ready.clone()]
                .concat(),
            [message(b'C', b"ROLLBACK\0"), ready].concat(),
        ];
        (client, server)
    }

    fn describe(mark: &Mark) -> String {
        match &mark.event {
            Event::RequestBegins { head, .. } => format!("{} {}", head.method, head.path),
            Event::RequestEnds { .. } => "sent".to_owned(),
            Event::ResponseBegins { status, .. } => format!("answer {status}"),
            Event::ResponseEnds { .. } => "answered".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn statements_are_requests() {
        let (client, server) = conversation();
        let mut reader = Postgres::new();
        let mut seen = Vec::new();
        for (ask, answer) in client.iter().zip(&server) {
            let mut marks = Vec::new();
            reader.client(ask, &mut marks).expect("well formed");
            reader.server(answer, &mut marks).expect("well formed");
            seen.extend(marks.iter().map(describe));
        }
        let expected = [
            "answered",
            "SQL BEGIN",
            "sent",
            "answer 0",
            "answered",
            "SQL INSERT INTO charge VALUES ($1)",
            "sent",
            "answer 1",
            "answered",
            "SQL COMMIT",
            "sent",
            "answer 0",
            "answered",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn refused_encryption_goes_on_in_the_open_and_granted_does_not() {
        let ask = [8u32.to_be_bytes(), SSL_REQUEST.to_be_bytes()].concat();
        for (answer, opaque) in [(b"N", false), (b"S", true)] {
            let mut reader = Postgres::new();
            let mut marks = Vec::new();
            reader.client(&ask, &mut marks).expect("well formed");
            reader.server(answer, &mut marks).expect("well formed");
            assert_eq!(marks.iter().any(|mark| matches!(mark.event, Event::Opaque { .. })), opaque);
        }
    }

    #[test]
    fn a_long_message_is_passed_over() {
        let mut reader = Postgres::new();
        let mut marks = Vec::new();
        reader.client(&startup(), &mut marks).expect("well formed");
        let mut text = b"SELECT '".to_vec();
        text.extend(std::iter::repeat_n(b'x', 100_000));
        text.extend_from_slice(b"'\0");
        for piece in message(b'Q', &text).chunks(1_000) {
            reader.client(piece, &mut marks).expect("well formed");
        }
        assert_eq!(marks.len(), 2);
        assert!(describe(&marks[0]).len() < 500);
    }

    proptest! {
        #[test]
        fn pieces_say_what_the_whole_says(cut in 0usize..200) {
            let all = conversation().0.concat();
            let read = |cut: usize| {
                let mut reader = Postgres::new();
                let mut marks = Vec::new();
                for piece in [&all[..cut], &all[cut..]] {
                    reader.client(piece, &mut marks).expect("well formed");
                }
                marks.iter().map(describe).collect::<Vec<_>>()
            };
            prop_assert_eq!(read(cut.min(all.len())), read(0));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Postgres::new();
            let _ = reader.client(&[startup(), bytes.clone()].concat(), &mut Vec::new());
            let _ = reader.server(&bytes, &mut Vec::new());
        }
    }
}
