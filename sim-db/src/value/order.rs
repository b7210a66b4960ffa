//! Total order, equality and hash of values: those of the btree and hash operator classes.

use super::{ArrayValue, Numeric, RangeValue, Value};
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

fn to_f64(value: &Value) -> Option<f64> {
    match value {
        Value::Float4(n) => Some(f64::from(*n)),
        Value::Float8(n) => Some(*n),
        Value::Numeric(n) => Some(n.to_f64()),
        other => other.as_i64().map(|n| n as f64),
    }
}

/// Numbers of different representations: integers exactly, numerics exactly, floats as floats.
fn compare_mixed(a: &Value, b: &Value) -> Ordering {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a.cmp(&b);
    }
    if let (Value::Numeric(a), Some(b)) = (a, b.as_i64()) {
        return Numeric::cmp(a, &Numeric::from(b));
    }
    if let (Some(a), Value::Numeric(b)) = (a.as_i64(), b) {
        return Numeric::from(a).cmp(b);
    }
    if let (Some(a), Some(b)) = (to_f64(a), to_f64(b)) {
        return compare_floats(a, b);
    }
    if let (Some(a), Some(b)) = (a.as_str(), b.as_str()) {
        return a.trim_end_matches(' ').as_bytes().cmp(b.trim_end_matches(' ').as_bytes());
    }
    rank(a).cmp(&rank(b))
}

/// Only to make the order total across types that SQL never compares.
fn rank(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => 0,
        Value::Int2(_) | Value::Int4(_) | Value::Int8(_) | Value::Oid(_) => 1,
        Value::Float4(_) | Value::Float8(_) | Value::Numeric(_) => 2,
        Value::Text(_) | Value::Char(_) | Value::Json(_) => 3,
        Value::Byte(_) => 4,
        Value::Bytea(_) => 5,
        Value::Date(_) => 6,
        Value::Time(_) => 7,
        Value::TimeTz(..) => 8,
        Value::Timestamp(_) => 9,
        Value::TimestampTz(_) => 10,
        Value::Interval(_) => 11,
        Value::Uuid(_) => 12,
        Value::Jsonb(_) => 13,
        Value::Array(_) => 14,
        Value::Record(_) => 15,
        Value::Enum(_) => 16,
        Value::Inet(_) => 17,
        Value::MacAddr(_) => 18,
        Value::Range(_) => 19,
        Value::Void => 20,
        Value::Null => 21,
    }
}

fn compare_arrays(a: &ArrayValue, b: &ArrayValue) -> Ordering {
    a.values
        .cmp(&b.values)
        .then_with(|| a.dimensions.len().cmp(&b.dimensions.len()))
        .then_with(|| a.dimensions.cmp(&b.dimensions))
}

fn compare_ranges(a: &RangeValue, b: &RangeValue) -> Ordering {
    match (a.empty, b.empty) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        (false, false) => {}
    }
    let lower = match (&a.lower, &b.lower) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(x), Some(y)) => x.cmp(y).then_with(|| b.lower_inclusive.cmp(&a.lower_inclusive)),
    };
    lower.then_with(|| match (&a.upper, &b.upper) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Greater,
        (_, None) => Ordering::Less,
        (Some(x), Some(y)) => x.cmp(y).then_with(|| a.upper_inclusive.cmp(&b.upper_inclusive)),
    })
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int2(a), Self::Int2(b)) => a.cmp(b),
            (Self::Int4(a), Self::Int4(b)) => a.cmp(b),
            (Self::Int8(a), Self::Int8(b)) | (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Timestamp(a) | Self::TimestampTz(a), Self::Timestamp(b) | Self::TimestampTz(b)) => {
                a.cmp(b)
            }
            (Self::Oid(a), Self::Oid(b)) => a.cmp(b),
            (Self::Float4(a), Self::Float4(b)) => compare_floats(f64::from(*a), f64::from(*b)),
            (Self::Float8(a), Self::Float8(b)) => compare_floats(*a, *b),
            (Self::Numeric(a), Self::Numeric(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) | (Self::Json(a), Self::Json(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Char(a), Self::Char(b)) => {
                a.trim_end_matches(' ').as_bytes().cmp(b.trim_end_matches(' ').as_bytes())
            }
            (Self::Byte(a), Self::Byte(b)) => a.cmp(b),
            (Self::Bytea(a), Self::Bytea(b)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::TimeTz(a, az), Self::TimeTz(b, bz)) => (a + i64::from(*az) * 1_000_000)
                .cmp(&(b + i64::from(*bz) * 1_000_000))
                .then_with(|| az.cmp(bz)),
            (Self::Interval(a), Self::Interval(b)) => a.span().cmp(&b.span()),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Jsonb(a), Self::Jsonb(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => compare_arrays(a, b),
            (Self::Record(a), Self::Record(b)) => a.values.cmp(&b.values),
            (Self::Enum(a), Self::Enum(b)) => a.order.total_cmp(&b.order),
            (Self::Inet(a), Self::Inet(b)) => a
                .bits_max()
                .cmp(&b.bits_max())
                .then_with(|| a.address.cmp(&b.address).then_with(|| a.prefix.cmp(&b.prefix))),
            (Self::MacAddr(a), Self::MacAddr(b)) => a.cmp(b),
            (Self::Range(a), Self::Range(b)) => compare_ranges(a, b),
            (Self::Null, Self::Null) | (Self::Void, Self::Void) => Ordering::Equal,
            (Self::Null, _) => Ordering::Greater,
            (_, Self::Null) => Ordering::Less,
            (a, b) => compare_mixed(a, b),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Null | Self::Void => state.write_u8(0),
            Self::Bool(b) => b.hash(state),
            Self::Int2(_) | Self::Int4(_) | Self::Int8(_) | Self::Oid(_) => {
                (self.as_i64().expect("the four variants are integers") as f64).to_bits().hash(state);
            }
            // One hash for every number, since numbers of different width compare by value.
            Self::Float4(_) | Self::Float8(_) | Self::Numeric(_) => {
                let number = to_f64(self).expect("the three variants are numbers");
                let canonical = if number.is_nan() { f64::NAN } else { number + 0.0 };
                canonical.to_bits().hash(state);
            }
            Self::Text(text) | Self::Char(text) | Self::Json(text) => {
                text.trim_end_matches(' ').hash(state);
            }
            Self::Byte(b) => b.hash(state),
            Self::Bytea(bytes) => bytes.hash(state),
            Self::Date(days) => days.hash(state),
            Self::Time(n) | Self::Timestamp(n) | Self::TimestampTz(n) => n.hash(state),
            Self::TimeTz(n, zone) => (n + i64::from(*zone) * 1_000_000).hash(state),
            Self::Interval(interval) => interval.span().hash(state),
            Self::Uuid(bytes) => bytes.hash(state),
            Self::Jsonb(document) => document.hash(state),
            Self::Array(array) => array.values.hash(state),
            Self::Record(record) => record.values.hash(state),
            Self::Enum(value) => value.order.to_bits().hash(state),
            Self::Inet(inet) => (inet.address, inet.prefix).hash(state),
            Self::MacAddr(bytes) => bytes.hash(state),
            Self::Range(range) => {
                range.empty.hash(state);
                if !range.empty {
                    range.lower.hash(state);
                    range.upper.hash(state);
                }
            }
        }
    }
}
