//! The text format: fields between delimiters, backslash escapes.

use super::{CopyOptions, RawRow, bad_format};
use crate::error::Result;

/// Cuts a line into fields.
pub(super) fn split(options: &CopyOptions, line: &[u8]) -> Result<RawRow> {
    let mut row = RawRow::new();
    let mut rest = line;
    loop {
        let end = field_end(rest, options.delimiter);
        let raw = &rest[..end];
        row.push(if raw == options.null.as_bytes() { None } else { Some(unescape(raw)?) });
        match rest.get(end + 1..) {
            Some(next) => rest = next,
            None => return Ok(row),
        }
    }
}

fn field_end(bytes: &[u8], delimiter: u8) -> usize {
    let mut at = 0;
    while at < bytes.len() && bytes[at] != delimiter {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

fn unescape(raw: &[u8]) -> Result<Vec<u8>> {
    let mut value = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let byte = raw[at];
        at += 1;
        if byte == b'\r' {
            return Err(bad_format("literal carriage return found in data"));
        }
        if byte != b'\\' || at == raw.len() {
            value.push(byte);
            continue;
        }
        let escaped = raw[at];
        at += 1;
        let (code, digits) = match escaped {
            b'b' => (8, 0),
            b'f' => (12, 0),
            b'n' => (b'\n', 0),
            b'r' => (b'\r', 0),
            b't' => (b'\t', 0),
            b'v' => (11, 0),
            b'0'..=b'7' => {
                at -= 1;
                number(&raw[at..], 8, 3)
            }
            b'x' if raw.get(at).is_some_and(u8::is_ascii_hexdigit) => number(&raw[at..], 16, 2),
            other => (other, 0),
        };
        at += digits;
        value.push(code);
    }
    Ok(value)
}

/// Reads up to `digits_max` digits; gives the low byte and how many there were.
fn number(bytes: &[u8], radix: u32, digits_max: usize) -> (u8, usize) {
    let digits = bytes.iter().take(digits_max).map_while(|&b| char::from(b).to_digit(radix));
    let (value, count) = digits.fold((0, 0), |(value, count), digit| (value * radix + digit, count + 1));
    ((value & 0xff) as u8, count)
}

/// Joins fields to a line without its end.
pub(super) fn join(options: &CopyOptions, row: &RawRow) -> Vec<u8> {
    let mut line = Vec::new();
    for (i, field) in row.iter().enumerate() {
        if i > 0 {
            line.push(options.delimiter);
        }
        let Some(field) = field else {
            line.extend_from_slice(options.null.as_bytes());
            continue;
        };
        for &byte in field {
            let letter = match byte {
                8 => b'b',
                12 => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                11 => b'v',
                b'\\' => b'\\',
                other if other == options.delimiter => other,
                other => {
                    line.push(other);
                    continue;
                }
            };
            line.extend_from_slice(&[b'\\', letter]);
        }
    }
    line
}
