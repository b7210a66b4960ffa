//! The binary format: a signature, rows of length-prefixed values, a trailer.

use super::{RawRow, bad_format};
use crate::error::Result;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// What stands at the start of some bytes.
pub(super) enum Next {
    /// Not a whole row yet.
    Incomplete,
    /// The trailer, of this many bytes.
    End(usize),
    /// A row of this many bytes.
    Row(RawRow, usize),
}

/// Signature, no flags, no extension.
pub(super) fn header() -> Vec<u8> {
    [SIGNATURE.as_slice(), &[0; 8]].concat()
}

/// The end of the rows.
pub(super) fn trailer() -> Vec<u8> {
    (-1_i16).to_be_bytes().to_vec()
}

/// How long the header at the start of `bytes` is; `None` if it is not all there.
pub(super) fn header_length(bytes: &[u8]) -> Result<Option<usize>> {
    let seen = bytes.len().min(SIGNATURE.len());
    if bytes[..seen] != SIGNATURE[..seen] {
        return Err(bad_format("COPY file signature not recognized"));
    }
    let (Some(flags), Some(extension)) = (integer(bytes, 11), integer(bytes, 15)) else { return Ok(None) };
    if flags & 0xffff_0000_u32.cast_signed() != 0 {
        return Err(bad_format("unrecognized critical flags in COPY file header"));
    }
    let length =
        usize::try_from(extension).map_err(|_| bad_format("invalid COPY file header (missing length)"))?;
    Ok((bytes.len() >= 19 + length).then_some(19 + length))
}

/// Reads one row of `columns` fields.
pub(super) fn row(bytes: &[u8], columns: usize) -> Result<Next> {
    let Some(count) = bytes.get(..2) else { return Ok(Next::Incomplete) };
    let count = i16::from_be_bytes([count[0], count[1]]);
    if count == -1 {
        return Ok(Next::End(2));
    }
    if usize::try_from(count) != Ok(columns) {
        return Err(bad_format(format!("row field count is {count}, expected {columns}")));
    }
    let mut row = RawRow::new();
    let mut at = 2;
    for _ in 0..columns {
        let Some(length) = integer(bytes, at) else { return Ok(Next::Incomplete) };
        at += 4;
        if length == -1 {
            row.push(None);
            continue;
        }
        let length = usize::try_from(length).map_err(|_| bad_format("invalid field size"))?;
        let Some(value) = bytes.get(at..at + length) else { return Ok(Next::Incomplete) };
        row.push(Some(value.to_vec()));
        at += length;
    }
    Ok(Next::Row(row, at))
}

fn integer(bytes: &[u8], at: usize) -> Option<i32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// One row.
pub(super) fn write_row(row: &RawRow) -> Vec<u8> {
    let count = i16::try_from(row.len()).expect("a row has at most 1664 columns");
    let mut bytes = count.to_be_bytes().to_vec();
    for field in row {
        match field {
            None => bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(value) => {
                let length = i32::try_from(value.len()).expect("a value is shorter than 2 GiB");
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(value);
            }
        }
    }
    bytes
}
