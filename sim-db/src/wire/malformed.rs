//! What is wrong with bytes that a client sent.
//!
//! The parsers of this layer know no engine and no SQL, so they carry their own error: a SQLSTATE and the
//! text that PostgreSQL gives for the same bytes. The session turns it into an `ErrorResponse`.

use std::fmt;

/// A message that does not follow the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Five characters, `08P01` for nearly everything.
    pub sqlstate: &'static str,
    /// PostgreSQL's text.
    pub message: String,
}

impl Malformed {
    /// A protocol violation (`08P01`).
    pub fn protocol(message: impl Into<String>) -> Self {
        Self { sqlstate: "08P01", message: message.into() }
    }

    /// Text that is not UTF-8 (`22021`), with the offending bytes in hexadecimal.
    pub fn encoding(bytes: &[u8]) -> Self {
        let wanted = match bytes.first() {
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf7) => 4,
            _ => 1,
        };
        let shown: Vec<String> = bytes.iter().take(wanted).map(|b| format!("0x{b:02x}")).collect();
        Self {
            sqlstate: "22021",
            message: format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sqlstate, self.message)
    }
}

impl std::error::Error for Malformed {}
