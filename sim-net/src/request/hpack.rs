//! Header compression of HTTP/2 (RFC 7541), the decoding half, and the plainest encoding.
//!
//! Ours rather than a crate's: the kept one without tokio (`loona-hpack`) builds a table of `HashMap`s for
//! every Huffman string, which costs more than all the rest of the reader and draws hash keys from the
//! thread of the code under test.

use std::collections::VecDeque;

use super::chunked::Malformed;
use super::huffman;

/// A field of a header block.
pub(super) type Field = (Vec<u8>, Vec<u8>);

const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// What an entry costs beside its bytes.
const ENTRY_BYTES: usize = 32;
/// Size of the dynamic table until settings say otherwise.
const TABLE_BYTES: usize = 4_096;
/// Fields of one block.
const FIELDS_MAX: usize = 1_024;

/// Decodes the header blocks of one direction.
#[derive(Debug)]
pub(super) struct Decoder {
    table: VecDeque<Field>,
    bytes: usize,
    limit: usize,
    /// What the peer's settings allow `limit` to be.
    allowed: usize,
}

impl Decoder {
    pub(super) fn new() -> Decoder {
        Decoder { table: VecDeque::new(), bytes: 0, limit: TABLE_BYTES, allowed: TABLE_BYTES }
    }

    /// The other side announced how large a table it keeps. The encoder says when it makes use of that.
    pub(super) fn allow(&mut self, bytes: usize) {
        self.allowed = bytes.max(self.allowed);
    }

    /// Decodes a complete block.
    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Vec<Field>, Malformed> {
        let mut input = block;
        let mut fields = Vec::new();
        while let Some(&first) = input.first() {
            if fields.len() > FIELDS_MAX {
                return Err(Malformed);
            }
            if first & 0x80 != 0 {
                let index = integer(&mut input, 7)?;
                fields.push(self.field(index)?);
            } else if first & 0xe0 == 0x20 {
                let limit = integer(&mut input, 5)?;
                if limit > self.allowed {
                    return Err(Malformed);
                }
                self.limit = limit;
                self.evict();
            } else {
                let indexed = first & 0xc0 == 0x40;
                let index = integer(&mut input, if indexed { 6 } else { 4 })?;
                let name = if index == 0 { string(&mut input)? } else { self.field(index)?.0 };
                let value = string(&mut input)?;
                if indexed {
                    self.bytes += name.len() + value.len() + ENTRY_BYTES;
                    self.table.push_front((name.clone(), value.clone()));
                    self.evict();
                }
                fields.push((name, value));
            }
        }
        Ok(fields)
    }

    fn field(&self, index: usize) -> Result<Field, Malformed> {
        let index = index.checked_sub(1).ok_or(Malformed)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        self.table.get(index - STATIC.len()).cloned().ok_or(Malformed)
    }

    fn evict(&mut self) {
        while self.bytes > self.limit {
            let Some((name, value)) = self.table.pop_back() else { break };
            self.bytes -= name.len() + value.len() + ENTRY_BYTES;
        }
    }
}

fn integer(input: &mut &[u8], bits: u32) -> Result<usize, Malformed> {
    let mask = (1usize << bits) - 1;
    let mut next = || {
        let (&first, rest) = input.split_first().ok_or(Malformed)?;
        *input = rest;
        Ok(usize::from(first))
    };
    let mut value = next()? & mask;
    if value < mask {
        return Ok(value);
    }
    for shift in (0..28).step_by(7) {
        let byte = next()?;
        value += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

fn string(input: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    let compressed = *input.first().ok_or(Malformed)? & 0x80 != 0;
    let length = integer(input, 7)?;
    let (text, rest) = input.split_at_checked(length).ok_or(Malformed)?;
    *input = rest;
    if compressed { huffman::decode(text).ok_or(Malformed) } else { Ok(text.to_vec()) }
}

/// Encodes fields so that no table is touched: literals, never indexed, not compressed.
pub(super) fn encode(fields: &[Field]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x10);
        put(&mut block, name);
        put(&mut block, value);
    }
    block
}

fn put(block: &mut Vec<u8>, text: &[u8]) {
    let mut left = text.len();
    if left < 127 {
        block.push(left as u8);
    } else {
        block.push(127);
        left -= 127;
        while left >= 128 {
            block.push((left % 128) as u8 | 0x80);
            left /= 128;
        }
        block.push(left as u8);
    }
    block.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(decoder: &mut Decoder, block: &[u8], expected: &[(&str, &str)]) {
        let fields = decoder.decode(block).expect("well formed");
        let fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(n, v)| (String::from_utf8(n).expect("text"), String::from_utf8(v).expect("text")))
            .collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(fields, expected);
    }

    #[test]
    fn the_requests_of_the_standard_share_a_table() {
        let mut decoder = Decoder::new();
        let plain =
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
        let first = [
            0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4,
            0xff,
        ];
        check(&mut decoder, &first, &plain);
        let second = [0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
        let mut more = plain.to_vec();
        more.push(("cache-control", "no-cache"));
        check(&mut decoder, &second, &more);
    }

    #[test]
    fn a_table_made_small_forgets() {
        let mut decoder = Decoder::new();
        check(&mut decoder, b"\x40\x01a\x01b", &[("a", "b")]);
        check(&mut decoder, &[0xbe], &[("a", "b")]);
        check(&mut decoder, &[0x20], &[]);
        assert_eq!(decoder.decode(&[0xbe]), Err(Malformed));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(fields in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(any::<u8>(), 0..300)), 0..8)) {
            prop_assert_eq!(Decoder::new().decode(&encode(&fields)), Ok(fields));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(block in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Decoder::new().decode(&block);
        }
    }
}
