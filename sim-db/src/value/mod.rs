//! PostgreSQL values: one enum for every built-in type, cheap to clone.
//!
//! A value is 24 bytes; large payloads are behind `Arc`, so that a row version costs its own size once however many
//! snapshots, indexes and results share it. `Ord`, `Eq` and `Hash` are those of PostgreSQL's btree and hash operator
//! classes for values of one type (numbers of different width compare by value, `NaN` is equal to itself and above
//! every number, `char(n)` ignores trailing blanks, `NULL` sorts last and is equal to itself): what an index, a sort,
//! a group needs. SQL's three-valued `=` is the evaluator's business.

mod array;
pub mod binary;
pub mod calendar;
mod composite_text;
pub mod datetime;
pub mod datetime_input;
mod interval;
pub mod interval_text;
pub mod json;
mod jsonb;
mod network;
pub mod numeric;
mod order;
mod range;
pub mod text;
pub mod types;
pub mod typmod;
pub mod zone;

use std::sync::Arc;

pub use array::ArrayValue;
pub use interval::Interval;
pub use jsonb::Jsonb;
pub use network::Inet;
pub use numeric::Numeric;
pub use range::RangeValue;
pub use types::{DataType, Oid, oid};

/// One row: shared, immutable.
pub type Row = Arc<[Value]>;

/// A value of a built-in type, or of an enum; `Null` for every type.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// SQL `NULL`.
    #[default]
    Null,
    /// `boolean`.
    Bool(bool),
    /// `smallint`.
    Int2(i16),
    /// `integer`.
    Int4(i32),
    /// `bigint`.
    Int8(i64),
    /// `oid` and the `reg*` types.
    Oid(Oid),
    /// `real`.
    Float4(f32),
    /// `double precision`.
    Float8(f64),
    /// `numeric`.
    Numeric(Arc<Numeric>),
    /// `text`, `varchar`, `name`, `unknown`.
    Text(Arc<str>),
    /// `char(n)`, blank-padded.
    Char(Arc<str>),
    /// `"char"`.
    Byte(u8),
    /// `bytea`.
    Bytea(Arc<[u8]>),
    /// `date`: days since 2000-01-01; `i32::MAX` and `i32::MIN` are the infinities.
    Date(i32),
    /// `time`: microseconds since midnight.
    Time(i64),
    /// `time with time zone`: microseconds since midnight, seconds west of Greenwich.
    TimeTz(i64, i32),
    /// `timestamp`: microseconds since 2000-01-01 00:00; the extremes are the infinities.
    Timestamp(i64),
    /// `timestamptz`: microseconds since 2000-01-01 00:00 UTC; the extremes are the infinities.
    TimestampTz(i64),
    /// `interval`.
    Interval(Interval),
    /// `uuid`.
    Uuid([u8; 16]),
    /// `json`: the text as it was given.
    Json(Arc<str>),
    /// `jsonb`.
    Jsonb(Arc<Jsonb>),
    /// Any array type.
    Array(Arc<ArrayValue>),
    /// `record` and composite types.
    Record(Arc<RecordValue>),
    /// A value of an enum type.
    Enum(Arc<EnumValue>),
    /// `inet` and `cidr`.
    Inet(Arc<Inet>),
    /// `macaddr`.
    MacAddr([u8; 6]),
    /// Any range type.
    Range(Arc<RangeValue>),
    /// `void`.
    Void,
}

/// A row value: the fields with their types (needed by the binary format).
#[derive(Clone, Debug)]
pub struct RecordValue {
    /// Composite type, or [`oid::RECORD`].
    pub type_oid: Oid,
    /// One type a field.
    pub types: Arc<[Oid]>,
    /// One value a field.
    pub values: Vec<Value>,
}

/// A value of an enum type: its label, and its place in the type's order.
#[derive(Clone, Debug)]
pub struct EnumValue {
    /// The enum type.
    pub type_oid: Oid,
    /// The object identifier of the label (`pg_enum.oid`).
    pub label_oid: Oid,
    /// Place in the order of the type's labels (`pg_enum.enumsortorder`).
    pub order: f32,
    /// The label.
    pub label: Arc<str>,
}

impl Value {
    /// A `text` value.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A `numeric` value.
    pub fn numeric(number: Numeric) -> Self {
        Self::Numeric(Arc::new(number))
    }

    /// Whether this is `NULL`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a `text`-like value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Char(text) | Self::Json(text) => Some(text),
            Self::Enum(value) => Some(&value.label),
            _ => None,
        }
    }

    /// An integer of any width.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int2(n) => Some(i64::from(*n)),
            Self::Int4(n) => Some(i64::from(*n)),
            Self::Int8(n) => Some(*n),
            Self::Oid(n) => Some(i64::from(*n)),
            _ => None,
        }
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
