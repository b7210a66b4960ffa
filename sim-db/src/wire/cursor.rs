//! Reading the body of one message.
//!
//! A body is a slice that was cut at its own length before anything looked into it, so a field that runs past
//! the end is an error of this message and never reads the next one.

use super::malformed::Malformed;

/// A read position in a message body.
#[derive(Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `body`.
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Takes `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        if n > self.rest.len() {
            return Err(Malformed::protocol("insufficient data left in message"));
        }
        let (taken, rest) = self.rest.split_at(n);
        self.rest = rest;
        Ok(taken)
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        match self.rest.split_first() {
            Some((&first, rest)) => {
                self.rest = rest;
                Ok(first)
            }
            None => Err(Malformed::protocol("no data left in message")),
        }
    }

    /// A big-endian 16-bit count or code.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        let b = self.bytes(2)?;
        Ok(u16::from_be_bytes([b[0], b[1]]))
    }

    /// A big-endian 32-bit integer.
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        let b = self.bytes(4)?;
        Ok(i32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// A big-endian 32-bit unsigned integer: an OID.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.i32().map(i32::cast_unsigned)
    }

    /// A string that ends with a zero byte, as UTF-8.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        let Some(end) = self.rest.iter().position(|&b| b == 0) else {
            return Err(Malformed::protocol("invalid string in message"));
        };
        let text = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        std::str::from_utf8(text).map_err(|e| Malformed::encoding(&text[e.valid_up_to()..]))
    }

    /// The body must be used up.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed::protocol("invalid message format")) }
    }
}
