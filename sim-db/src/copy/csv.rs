//! The CSV format: fields between delimiters, quoted where they must be.

use super::{CopyOptions, RawRow, bad_format};
use crate::error::Result;

/// Cuts a line (which may hold line ends inside quotes) into fields.
pub(super) fn split(options: &CopyOptions, columns: &[String], line: &[u8]) -> Result<RawRow> {
    let mut row = RawRow::new();
    let mut at = 0;
    loop {
        let mut value = Vec::new();
        let mut quoted = false;
        let mut in_quotes = false;
        while let Some(&byte) = line.get(at) {
            if in_quotes {
                let next = line.get(at + 1).copied();
                let escapes = next.is_some_and(|n| n == options.quote || n == options.escape);
                if byte == options.escape && escapes {
                    value.extend(next);
                    at += 1;
                } else if byte == options.quote {
                    in_quotes = false;
                } else {
                    value.push(byte);
                }
            } else if byte == options.delimiter {
                break;
            } else if byte == options.quote {
                quoted = true;
                in_quotes = true;
            } else if byte == b'\r' {
                return Err(bad_format("unquoted carriage return found in data"));
            } else {
                value.push(byte);
            }
            at += 1;
        }
        if in_quotes {
            return Err(bad_format("unterminated CSV quoted field"));
        }
        let column = columns.get(row.len()).map_or("", String::as_str);
        let is_null = value == options.null.as_bytes()
            && if quoted {
                options.force_null.contains(column)
            } else {
                !options.force_not_null.contains(column)
            };
        row.push((!is_null).then_some(value));
        if at >= line.len() {
            return Ok(row);
        }
        at += 1;
    }
}

/// Joins fields to a line without its end.
pub(super) fn join(options: &CopyOptions, columns: &[String], row: &RawRow) -> Vec<u8> {
    let mut line = Vec::new();
    for (i, field) in row.iter().enumerate() {
        if i > 0 {
            line.push(options.delimiter);
        }
        let Some(field) = field else {
            line.extend_from_slice(options.null.as_bytes());
            continue;
        };
        let special = |b: &u8| *b == options.delimiter || *b == options.quote || *b == b'\n' || *b == b'\r';
        let quoted = field == options.null.as_bytes()
            || (row.len() == 1 && field == b"\\.")
            || options.force_quote.contains(columns.get(i).map_or("", String::as_str))
            || field.iter().any(special);
        if !quoted {
            line.extend_from_slice(field);
            continue;
        }
        line.push(options.quote);
        for &byte in field {
            if byte == options.quote || byte == options.escape {
                line.push(options.escape);
            }
            line.push(byte);
        }
        line.push(options.quote);
    }
    line
}
