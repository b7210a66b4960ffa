//! The Huffman code of HPACK (RFC 7541, appendix B).
//!
//! The code is canonical: its words are determined by their lengths, in order of length and then of symbol.
//! So the lengths are all there is to write down.

/// Length of each symbol's word in bits; the last symbol ends a string and never appears.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26, 30,
];

const LENGTH_MAX: usize = 30;

struct Code {
    /// First word of each length.
    first: [u32; LENGTH_MAX + 1],
    /// How many words have it.
    count: [u32; LENGTH_MAX + 1],
    /// Where its symbols start in `symbols`.
    start: [usize; LENGTH_MAX + 1],
    symbols: [u16; 257],
}

const CODE: Code = build();

const fn build() -> Code {
    let mut code = Code {
        first: [0; LENGTH_MAX + 1],
        count: [0; LENGTH_MAX + 1],
        start: [0; LENGTH_MAX + 1],
        symbols: [0; 257],
    };
    let (mut length, mut word, mut filled) = (1, 0, 0);
    while length <= LENGTH_MAX {
        word <<= 1;
        code.first[length] = word;
        code.start[length] = filled;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                code.symbols[filled] = symbol as u16;
                code.count[length] += 1;
                filled += 1;
                word += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    code
}

/// Decodes a string; `None` when it is none.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len() * 8 / 5);
    let (mut word, mut length) = (0u32, 0usize);
    for byte in bytes {
        for bit in (0..8).rev() {
            word = word << 1 | u32::from(byte >> bit & 1);
            length += 1;
            if length > LENGTH_MAX {
                return None;
            }
            let index = word.wrapping_sub(CODE.first[length]);
            if index < CODE.count[length] {
                let symbol = CODE.symbols[CODE.start[length] + index as usize];
                text.push(u8::try_from(symbol).ok()?);
                (word, length) = (0, 0);
            }
        }
    }
    // What is left must be the beginning of the last symbol's word: ones, less than a byte of them.
    (length < 8 && word == (1 << length) - 1).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], text: Option<&str>) {
        assert_eq!(decode(bytes), text.map(|text| text.as_bytes().to_vec()));
    }

    #[test]
    fn the_examples_of_the_standard() {
        check(
            &[0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff],
            Some("www.example.com"),
        );
        check(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf], Some("no-cache"));
        check(&[0x64, 0x02], Some("302"));
    }

    #[test]
    fn padding_must_be_ones_and_short() {
        check(&[0b0000_0111], Some("0"));
        check(&[0b0000_0110], None);
        check(&[0xff, 0xff], None);
    }
}
