//! HTTP/2 (RFC 9113).

use super::chunked::Malformed;
use super::event::Mark;

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A reader of HTTP/2.
#[derive(Debug)]
pub struct Http2 {
    _keep: bool,
}

impl Http2 {
    /// In front of the preface.
    pub fn new(keep: bool) -> Http2 {
        Http2 { _keep: keep }
    }
    /// Keeps requests.
    pub fn keep(&mut self, keep: bool) {
        self._keep = keep;
    }
    /// Reads what the client sent.
    pub fn client(&mut self, _bytes: &[u8], _marks: &mut Vec<Mark>) -> Result<(), Malformed> {
        Err(Malformed)
    }
    /// Reads what the server sent.
    pub fn server(&mut self, _bytes: &[u8], _marks: &mut Vec<Mark>) -> Result<(), Malformed> {
        Err(Malformed)
    }
}
