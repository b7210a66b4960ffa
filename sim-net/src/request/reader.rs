//! Which protocol a connection speaks, told from its first bytes.

use super::event::{Event, Mark};
use super::http1::Http1;
use super::http2::{Http2, PREFACE};
use super::postgres::Postgres;

/// A reader of both directions of one connection.
#[derive(Debug)]
pub struct Reader {
    protocol: Protocol,
    keep: bool,
}

#[derive(Debug)]
enum Protocol {
    /// Nothing from the client yet, or too little to tell.
    Unknown(Vec<u8>),
    Http1(Box<Http1>),
    Http2(Box<Http2>),
    Postgres(Box<Postgres>),
    Opaque,
}

impl Reader {
    /// A reader of a fresh connection. `keep`: requests are kept whole, so that they can be repeated.
    pub fn new(keep: bool) -> Reader {
        Reader { protocol: Protocol::Unknown(Vec::new()), keep }
    }

    /// Keeps requests that begin from now on whole, or stops doing so.
    pub fn keep(&mut self, keep: bool) {
        self.keep = keep;
        match &mut self.protocol {
            Protocol::Http1(http) => http.keep(keep),
            Protocol::Http2(http) => http.keep(keep),
            Protocol::Postgres(_) | Protocol::Unknown(_) | Protocol::Opaque => {}
        }
    }

    /// Whether nothing will be understood from here on.
    pub fn is_opaque(&self) -> bool {
        matches!(self.protocol, Protocol::Opaque)
    }

    /// Whether several exchanges share the connection at a time.
    pub fn multiplexes(&self) -> bool {
        matches!(self.protocol, Protocol::Http2(_))
    }

    /// Reads what the client sent.
    pub fn client(&mut self, bytes: &[u8], marks: &mut Vec<Mark>) {
        let read = match &mut self.protocol {
            Protocol::Opaque => return,
            Protocol::Http1(http) => http.client(bytes, marks),
            Protocol::Http2(http) => http.client(bytes, marks),
            Protocol::Postgres(postgres) => postgres.client(bytes, marks),
            Protocol::Unknown(before) if before.is_empty() => return self.begin(bytes, bytes.len(), marks),
            Protocol::Unknown(before) => {
                before.extend_from_slice(bytes);
                let all = std::mem::take(before);
                return self.begin(&all, bytes.len(), marks);
            }
        };
        if read.is_err() {
            self.give_up("not understood", marks);
        }
    }

    fn begin(&mut self, all: &[u8], new: usize, marks: &mut Vec<Mark>) {
        if all.starts_with(&[0x16]) && (all.len() < 2 || all[1] == 3) {
            if all.len() < 2 {
                self.protocol = Protocol::Unknown(all.to_vec());
                return;
            }
            return self.give_up("TLS", marks);
        }
        match Postgres::looks_like(all) {
            None => {
                self.protocol = Protocol::Unknown(all.to_vec());
                return;
            }
            Some(true) => {
                self.protocol = Protocol::Postgres(Box::default());
                return self.again(all, new, marks);
            }
            Some(false) => {}
        }
        let shared = all.len().min(PREFACE.len());
        if all[..shared] == PREFACE[..shared] {
            if all.len() < PREFACE.len() {
                self.protocol = Protocol::Unknown(all.to_vec());
                return;
            }
            self.protocol = Protocol::Http2(Box::new(Http2::new(self.keep)));
        } else if Http1::looks_like(all) {
            if all.len() < 16 && !all.contains(&b'\n') {
                self.protocol = Protocol::Unknown(all.to_vec());
                return;
            }
            self.protocol = Protocol::Http1(Box::new(Http1::new(self.keep)));
        } else {
            return self.give_up("another protocol", marks);
        }
        self.again(all, new, marks);
    }

    /// Reads all that came so far with the protocol now known.
    fn again(&mut self, all: &[u8], new: usize, marks: &mut Vec<Mark>) {
        let from = marks.len();
        self.client(all, marks);
        // Offsets count from the piece at hand; what began in an earlier one began at 0.
        for mark in &mut marks[from..] {
            mark.at = mark.at.saturating_sub(all.len() - new);
        }
    }

    /// Reads what the server sent.
    pub fn server(&mut self, bytes: &[u8], marks: &mut Vec<Mark>) {
        let read = match &mut self.protocol {
            Protocol::Opaque => return,
            Protocol::Http1(http) => http.server(bytes, marks),
            Protocol::Http2(http) => http.server(bytes, marks),
            Protocol::Postgres(postgres) => postgres.server(bytes, marks),
            // Servers that speak first speak none of these.
            Protocol::Unknown(_) => return self.give_up("the server spoke first", marks),
        };
        if read.is_err() || marks.iter().any(|mark| matches!(mark.event, Event::Opaque { .. })) {
            self.give_up("not understood", marks);
        }
    }

    fn give_up(&mut self, why: &'static str, marks: &mut Vec<Mark>) {
        self.protocol = Protocol::Opaque;
        if !marks.iter().any(|mark| matches!(mark.event, Event::Opaque { .. })) {
            marks.push(Mark { at: 0, event: Event::Opaque { why } });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: Option<&str>) {
        let mut reader = Reader::new(false);
        let mut marks = Vec::new();
        for piece in pieces {
            reader.client(piece, &mut marks);
        }
        let why = marks.iter().find_map(|mark| match mark.event {
            Event::Opaque { why } => Some(why),
            _ => None,
        });
        assert_eq!(why, expected);
    }

    #[test]
    fn protocols_are_told_apart_by_their_first_bytes() {
        check(&[b"\x16\x03\x01\x02\x00"], Some("TLS"));
        check(&[b"\x16", b"\x03\x01"], Some("TLS"));
        check(&[b"GET / HTTP/1.1\r\n\r\n"], None);
        check(&[b"PO", b"ST / HTTP/1.1\r\n", b"\r\n"], None);
        check(&[b"PRI * HT", b"TP/2.0\r\n\r\nSM\r\n\r\n"], None);
        check(&[b"*1\r\n$4\r\nPING\r\n"], Some("another protocol"));
        check(&[b"\0\0\0\x08\x04\xd2\x16\x2f"], None);
        check(&[b"\0\0\0\x08", b"\x04\xd2\x16\x2f"], None);
        check(&[b"\0\0\0\x08\x04\xd2\x16\x2a"], Some("another protocol"));
    }

    #[test]
    fn offsets_count_from_the_piece_at_hand() {
        let mut reader = Reader::new(false);
        let mut marks = Vec::new();
        reader.client(b"GET ", &mut marks);
        reader.client(b"/ HTTP/1.1\r\n\r\n", &mut marks);
        assert_eq!(marks.iter().map(|mark| mark.at).collect::<Vec<_>>(), [0, 14]);
    }
}
