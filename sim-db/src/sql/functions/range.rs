//! Functions and operators of ranges.

use super::string::str_of;
use crate::error::Result;
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::oid::*;
use crate::value::{Oid, RangeValue, Value};
use std::sync::Arc;

fn range_of(value: &Value) -> &RangeValue {
    match value {
        Value::Range(range) => range,
        _ => panic!("a range argument is a range: the function is strict and typed"),
    }
}

fn construct(type_oid: Oid, a: &[Value]) -> Result<Value> {
    let flags = match a.get(2) {
        Some(Value::Null) => {
            return Err(error(b"22000", "range constructor flags argument must not be null"));
        }
        Some(flags) => str_of(flags).to_owned(),
        None => "[)".to_owned(),
    };
    let (lower_inclusive, upper_inclusive) = match flags.as_str() {
        "[)" => (true, false),
        "[]" => (true, true),
        "(]" => (false, true),
        "()" => (false, false),
        _ => return Err(error(b"42601", "invalid range bound flags")),
    };
    let bound = |value: &Value| if value.is_null() { None } else { Some(value.clone()) };
    let range = RangeValue::new(type_oid, bound(&a[0]), bound(&a[1]), lower_inclusive, upper_inclusive)?;
    Ok(Value::Range(Arc::new(range)))
}

macro_rules! constructors {
    ($(($name:literal, $type:ident, $subtype:ident)),*) => {
        static CONSTRUCTORS: &[Function] = &[$(
            Function::scalar($name, &[$subtype, $subtype], $type, |_, a| construct($type, a)).with_nulls(),
            Function::scalar($name, &[$subtype, $subtype, TEXT], $type, |_, a| construct($type, a)).with_nulls(),
            Function::scalar("@>", &[$type, $subtype], BOOL, |_, a| Ok(Value::Bool(range_of(&a[0]).contains(&a[1])))),
            Function::scalar("<@", &[$subtype, $type], BOOL, |_, a| Ok(Value::Bool(range_of(&a[1]).contains(&a[0])))),
            Function::scalar("lower", &[$type], $subtype, |_, a| Ok(range_of(&a[0]).lower.clone().unwrap_or_default())),
            Function::scalar("upper", &[$type], $subtype, |_, a| Ok(range_of(&a[0]).upper.clone().unwrap_or_default())),
        )*];
    };
}

constructors!(
    ("int4range", INT4RANGE, INT4),
    ("int8range", INT8RANGE, INT8),
    ("numrange", NUMRANGE, NUMERIC),
    ("tsrange", TSRANGE, TIMESTAMP),
    ("tstzrange", TSTZRANGE, TIMESTAMPTZ),
    ("daterange", DATERANGE, DATE)
);

/// Constructors and the operators with an element.
pub(super) fn constructors() -> &'static [Function] {
    CONSTRUCTORS
}

fn intersection(a: &RangeValue, b: &RangeValue) -> Result<RangeValue> {
    if !a.overlaps(b) {
        return Ok(RangeValue::empty(a.type_oid));
    }
    let (lower, lower_inclusive) = match (&a.lower, &b.lower) {
        (None, _) => (b.lower.clone(), b.lower_inclusive),
        (_, None) => (a.lower.clone(), a.lower_inclusive),
        (Some(x), Some(y)) if x == y => (a.lower.clone(), a.lower_inclusive && b.lower_inclusive),
        (Some(x), Some(y)) if x > y => (a.lower.clone(), a.lower_inclusive),
        _ => (b.lower.clone(), b.lower_inclusive),
    };
    let (upper, upper_inclusive) = match (&a.upper, &b.upper) {
        (None, _) => (b.upper.clone(), b.upper_inclusive),
        (_, None) => (a.upper.clone(), a.upper_inclusive),
        (Some(x), Some(y)) if x == y => (a.upper.clone(), a.upper_inclusive && b.upper_inclusive),
        (Some(x), Some(y)) if x < y => (a.upper.clone(), a.upper_inclusive),
        _ => (b.upper.clone(), b.upper_inclusive),
    };
    RangeValue::new(a.type_oid, lower, upper, lower_inclusive, upper_inclusive)
}

fn adjacent(a: &RangeValue, b: &RangeValue) -> bool {
    let touches = |a: &RangeValue, b: &RangeValue| match (&a.upper, &b.lower) {
        (Some(x), Some(y)) => x == y && a.upper_inclusive != b.lower_inclusive,
        _ => false,
    };
    !a.empty && !b.empty && (touches(a, b) || touches(b, a))
}

fn union(a: &RangeValue, b: &RangeValue) -> Result<RangeValue> {
    if a.empty {
        return Ok(b.clone());
    }
    if b.empty {
        return Ok(a.clone());
    }
    if !a.overlaps(b) && !adjacent(a, b) {
        return Err(error(b"22000", "result of range union would not be contiguous"));
    }
    let a_first = match (&a.lower, &b.lower) {
        (None, _) => true,
        (_, None) => false,
        (Some(x), Some(y)) => x < y || (x == y && a.lower_inclusive),
    };
    let a_last = match (&a.upper, &b.upper) {
        (None, _) => true,
        (_, None) => false,
        (Some(x), Some(y)) => x > y || (x == y && a.upper_inclusive),
    };
    let (first, last) = (if a_first { a } else { b }, if a_last { a } else { b });
    RangeValue::new(
        a.type_oid,
        first.lower.clone(),
        last.upper.clone(),
        first.lower_inclusive,
        last.upper_inclusive,
    )
}

fn left_of(a: &RangeValue, b: &RangeValue) -> bool {
    if a.empty || b.empty {
        return false;
    }
    match (&a.upper, &b.lower) {
        (Some(x), Some(y)) => x < y || (x == y && !(a.upper_inclusive && b.lower_inclusive)),
        _ => false,
    }
}

macro_rules! ranges {
    ($(($name:literal, $result:ident, $body:expr);)*) => {
        pub(super) static FUNCTIONS: &[Function] = &[$(
            Function::scalar($name, &[ANYRANGE, ANYRANGE], $result, |_, a| {
                let body: fn(&RangeValue, &RangeValue) -> Result<Value> = $body;
                body(range_of(&a[0]), range_of(&a[1]))
            }),
        )*
            Function::scalar("isempty", &[ANYRANGE], BOOL, |_, a| Ok(Value::Bool(range_of(&a[0]).empty))),
            Function::scalar("lower_inc", &[ANYRANGE], BOOL, |_, a| Ok(Value::Bool(range_of(&a[0]).lower_inclusive))),
            Function::scalar("upper_inc", &[ANYRANGE], BOOL, |_, a| Ok(Value::Bool(range_of(&a[0]).upper_inclusive))),
            Function::scalar("lower_inf", &[ANYRANGE], BOOL, |_, a| {
                let range = range_of(&a[0]);
                Ok(Value::Bool(!range.empty && range.lower.is_none()))
            }),
            Function::scalar("upper_inf", &[ANYRANGE], BOOL, |_, a| {
                let range = range_of(&a[0]);
                Ok(Value::Bool(!range.empty && range.upper.is_none()))
            }),
        ];
    };
}

ranges! {
    ("&&", BOOL, |a, b| Ok(Value::Bool(a.overlaps(b))));
    ("@>", BOOL, |a, b| Ok(Value::Bool(a.contains_range(b))));
    ("<@", BOOL, |a, b| Ok(Value::Bool(b.contains_range(a))));
    ("-|-", BOOL, |a, b| Ok(Value::Bool(adjacent(a, b))));
    ("<<", BOOL, |a, b| Ok(Value::Bool(left_of(a, b))));
    (">>", BOOL, |a, b| Ok(Value::Bool(left_of(b, a))));
    ("*", ANYRANGE, |a, b| Ok(Value::Range(Arc::new(intersection(a, b)?))));
    ("+", ANYRANGE, |a, b| Ok(Value::Range(Arc::new(union(a, b)?))));
}
