//! How operations of the typed API read in a timeline.

use super::Record;
use crate::error::DatabaseError;
use crate::value::Value;

/// A key: `7`, or `7, anna`.
pub(super) fn key_text(key: &[Value]) -> String {
    let values: Vec<_> = key.iter().map(value_text).collect();
    values.join(", ")
}

/// A record: `(id 7, stock 1)`.
pub(super) fn record_text<R: Record>(record: &R) -> String {
    let row = record.to_row();
    let columns: Vec<_> = R::COLUMNS
        .iter()
        .zip(&row)
        .map(|(column, value)| format!("{column} {}", value_text(value)))
        .collect();
    format!("({})", columns.join(", "))
}

/// What an operation on one record came to.
pub(super) fn found_text<R: Record>(found: Option<&R>) -> String {
    found.map_or(": no record".to_owned(), |record| format!(": {}", record_text(record)))
}

/// The code, and the constraint if it is one that failed.
pub(super) fn error_text(error: &DatabaseError) -> String {
    match &error.constraint {
        Some(constraint) => format!("{} {constraint}", error.sqlstate.as_str()),
        None => format!("{} {}", error.sqlstate.as_str(), error.message),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Bool(value) => value.to_string(),
        value => value.as_i64().map_or_else(|| format!("{value:?}"), |number| number.to_string()),
    }
}
