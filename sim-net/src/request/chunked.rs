//! Where a chunked body ends (RFC 9112, section 7.1).

/// A position in a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunked {
    /// In the line that says how long the next chunk is.
    Size {
        /// What its digits say so far.
        length: u64,
        /// An extension has begun: the rest of the line does not count.
        extension: bool,
    },
    /// In a chunk.
    Data {
        /// Bytes left, the line end behind them included.
        left: u64,
    },
    /// Behind the last chunk, in a line of trailers.
    Trailer {
        /// Nothing but a carriage return so far.
        empty: bool,
    },
}

impl Chunked {
    /// In front of the first chunk.
    pub const START: Chunked = Chunked::Size { length: 0, extension: false };

    /// Reads on. How many of `bytes` belong to the body when it ends among them; `Ok(None)` when all do and
    /// it goes on.
    ///
    /// # Errors
    /// When this is no chunked body.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            match self {
                Chunked::Data { left } => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    *left -= taken as u64;
                    at += taken;
                    if *left == 0 {
                        *self = Chunked::START;
                    }
                    continue;
                }
                Chunked::Size { length, extension } => match byte {
                    b'\n' if *length == 0 => *self = Chunked::Trailer { empty: true },
                    b'\n' => *self = Chunked::Data { left: length.saturating_add(2) },
                    b'\r' => {}
                    b';' | b' ' | b'\t' => *extension = true,
                    _ if *extension => {}
                    _ => {
                        let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
                        *length = length.checked_mul(16).ok_or(Malformed)? + u64::from(digit);
                    }
                },
                Chunked::Trailer { empty } => match byte {
                    b'\n' if *empty => return Ok(Some(at + 1)),
                    b'\n' => *empty = true,
                    b'\r' => {}
                    _ => *empty = false,
                },
            }
            at += 1;
        }
        Ok(None)
    }
}

/// This is not what it was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], end: usize) {
        for split in 0..=end {
            let mut state = Chunked::START;
            let first = state.feed(&body[..split]).expect("well formed");
            let found = match first {
                Some(at) => at,
                None => split + state.feed(&body[split..]).expect("well formed").expect("it ends"),
            };
            assert_eq!(found, end, "split at {split}");
        }
    }

    #[test]
    fn a_body_ends_behind_its_trailers_wherever_it_is_split() {
        check(b"5\r\nhello\r\n0\r\n\r\nGET /", 15);
        check(b"5;x=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nDigest: x\r\n\r\n", 45);
        check(b"0\r\n\r\n", 5);
    }

    #[test]
    fn what_is_no_number_is_malformed() {
        let mut state = Chunked::START;
        assert_eq!(state.feed(b"hello\r\n"), Err(Malformed));
    }
}
