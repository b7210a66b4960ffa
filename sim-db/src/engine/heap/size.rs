//! How many bytes a row takes on PostgreSQL's page.
//!
//! Which rows share a page decides what SIREAD page locks cover, where an update's
//! new version goes, and when a page is pruned; so the estimate follows PostgreSQL's
//! layout, alignment included, but need not be exact for rare types.

use crate::value::Value;

/// Bytes of a page.
pub(crate) const PAGE_BYTES: usize = 8192;
/// Bytes of a page's header.
pub(crate) const PAGE_HEADER_BYTES: usize = 24;
/// Bytes of a line pointer.
pub(crate) const LINE_POINTER_BYTES: usize = 4;
/// A longer row has its long values moved out of line (TOAST).
const TOAST_TARGET_BYTES: usize = 2032;

fn align(offset: usize, to: usize) -> usize {
    offset.div_ceil(to) * to
}

/// Where a varlena of `length` bytes of payload ends, when the row is `offset` long before it.
fn after_varlena(offset: usize, length: usize) -> usize {
    if length < 127 { offset + 1 + length } else { align(offset, 4) + 4 + length }
}

/// Where `value` ends, when the row is `offset` long before it.
fn after(offset: usize, value: &Value) -> usize {
    match value {
        Value::Null | Value::Void => offset,
        Value::Bool(_) | Value::Byte(_) => offset + 1,
        Value::Int2(_) => align(offset, 2) + 2,
        Value::Int4(_) | Value::Oid(_) | Value::Float4(_) | Value::Date(_) | Value::Enum(_) => {
            align(offset, 4) + 4
        }
        Value::Int8(_) | Value::Float8(_) | Value::Time(_) | Value::Timestamp(_) | Value::TimestampTz(_) => {
            align(offset, 8) + 8
        }
        Value::TimeTz(..) => align(offset, 8) + 12,
        Value::Interval(_) => align(offset, 8) + 16,
        Value::Uuid(_) => offset + 16,
        Value::MacAddr(_) => align(offset, 4) + 6,
        Value::Numeric(_) => after_varlena(offset, 8),
        Value::Text(text) | Value::Char(text) | Value::Json(text) => after_varlena(offset, text.len()),
        Value::Bytea(bytes) => after_varlena(offset, bytes.len()),
        Value::Jsonb(_) | Value::Array(_) | Value::Record(_) => after_varlena(offset, 48),
        Value::Inet(_) | Value::Range(_) => after_varlena(offset, 18),
    }
}

/// Bytes of a row version with its header and line pointer.
pub(crate) fn tuple_bytes(row: &[Value]) -> u16 {
    let has_null = row.iter().any(Value::is_null);
    let header = align(23 + if has_null { row.len().div_ceil(8) } else { 0 }, 8);
    let body = row.iter().fold(0, after);
    let whole = align(header + body, 8).min(TOAST_TARGET_BYTES);
    u16::try_from(whole + LINE_POINTER_BYTES).expect("a row is shorter than a page")
}

/// Bytes of an index entry with its line pointer.
pub(crate) fn index_entry_bytes(key: &[Value]) -> u16 {
    let has_null = key.iter().any(Value::is_null);
    let header = if has_null { 16 } else { 8 };
    let body = key.iter().fold(0, after);
    let whole = align(header + body, 8).min(TOAST_TARGET_BYTES);
    u16::try_from(whole + LINE_POINTER_BYTES).expect("an index entry is shorter than a page")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(row: &[Value], bytes: u16) {
        assert_eq!(tuple_bytes(row), bytes);
    }

    #[test]
    fn two_integers_take_36_bytes() {
        check(&[Value::Int4(1), Value::Int4(2)], 24 + 8 + 4);
    }

    #[test]
    fn a_null_costs_a_bitmap_that_fits_the_header() {
        check(&[Value::Int4(1), Value::Null], 24 + 8 + 4);
    }

    #[test]
    fn a_long_row_is_moved_out_of_line() {
        check(&[Value::text("x".repeat(10_000))], 2036);
    }

    #[test]
    fn an_integer_key_takes_20_bytes() {
        assert_eq!(index_entry_bytes(&[Value::Int4(1)]), 20);
    }
}
