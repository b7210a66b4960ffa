//! Set-returning functions.

use super::arithmetic::{f64_of, i32_of, numeric_of};
use super::interval_ops::{add, add_zoned, interval_of, micros_of};
use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::function::{Function, Kind};
use crate::value::oid::*;
use crate::value::{ArrayValue, Interval, Numeric, Oid, Value};
use std::sync::Arc;

type Rows = Result<Vec<Vec<Value>>>;

fn zero_step() -> crate::error::DatabaseError {
    error(b"22023", "step size cannot equal zero")
}

fn integers(a: &[Value], make: fn(i64) -> Value) -> Rows {
    let int = |at: usize| a[at].as_i64().unwrap_or(0);
    let step = a.get(2).map_or(1, |step| step.as_i64().unwrap_or(1));
    if step == 0 {
        return Err(zero_step());
    }
    let (mut at, end) = (int(0), int(1));
    let mut rows = Vec::new();
    while (step > 0 && at <= end) || (step < 0 && at >= end) {
        rows.push(vec![make(at)]);
        match at.checked_add(step) {
            Some(next) => at = next,
            None => break,
        }
    }
    Ok(rows)
}

fn numerics(a: &[Value]) -> Rows {
    let step = a.get(2).map_or_else(|| Numeric::new(1, 0), |step| numeric_of(step).clone());
    if step.is_zero() {
        return Err(zero_step());
    }
    let mut at = numeric_of(&a[0]).clone();
    let end = numeric_of(&a[1]);
    let mut rows = Vec::new();
    while if step.is_negative() { at >= *end } else { at <= *end } {
        rows.push(vec![Value::numeric(at.clone())]);
        at = at.add(&step);
    }
    Ok(rows)
}

fn moments(a: &[Value], make: fn(i64) -> Value, next: &dyn Fn(i64, Interval) -> Result<i64>) -> Rows {
    let (mut at, end, step) = (micros_of(&a[0]), micros_of(&a[1]), interval_of(&a[2]));
    let sign = step.span();
    if sign == 0 {
        return Err(zero_step());
    }
    let mut rows = Vec::new();
    while (sign > 0 && at <= end) || (sign < 0 && at >= end) {
        rows.push(vec![make(at)]);
        at = next(at, step)?;
    }
    Ok(rows)
}

fn unnest(a: &[Value]) -> Rows {
    Ok(match &a[0] {
        Value::Array(array) => array.values.iter().map(|value| vec![value.clone()]).collect(),
        _ => Vec::new(),
    })
}

fn subscripts(a: &[Value]) -> Rows {
    let Value::Array(array) = &a[0] else { return Ok(Vec::new()) };
    let Some((length, lower)) =
        usize::try_from(i32_of(&a[1]) - 1).ok().and_then(|at| array.dimensions.get(at))
    else {
        return Ok(Vec::new());
    };
    let mut rows: Vec<Vec<Value>> = (0..*length).map(|at| vec![Value::Int4(lower + at as i32)]).collect();
    if a.get(2).and_then(Value::as_bool) == Some(true) {
        rows.reverse();
    }
    Ok(rows)
}

fn string_to_table(a: &[Value]) -> Rows {
    let (Some(text), separator) = (a[0].as_str(), a[1].as_str()) else { return Ok(Vec::new()) };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<String> = match separator {
        None => text.chars().map(|c| c.to_string()).collect(),
        Some("") => vec![text.to_owned()],
        Some(separator) => text.split(separator).map(str::to_owned).collect(),
    };
    Ok(parts.into_iter().map(|part| vec![Value::text(part)]).collect())
}

fn enum_labels(exec: &Exec, type_oid: Oid) -> Vec<Value> {
    use crate::sql::catalog::TypeBody;
    use crate::value::text::TypeCatalog;
    let Some(user_type) = exec.env.catalog.type_by_oid(type_oid) else { return Vec::new() };
    let TypeBody::Enum(labels) = &user_type.body else { return Vec::new() };
    labels.iter().filter_map(|(_, _, label)| exec.env.enum_value(type_oid, label)).map(Value::Enum).collect()
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::of(
        "generate_series",
        &[INT4, INT4],
        INT4,
        Kind::Set(|_, a, _| integers(a, |n| Value::Int4(n as i32)), &[]),
    ),
    Function::of(
        "generate_series",
        &[INT4, INT4, INT4],
        INT4,
        Kind::Set(|_, a, _| integers(a, |n| Value::Int4(n as i32)), &[]),
    ),
    Function::of("generate_series", &[INT8, INT8], INT8, Kind::Set(|_, a, _| integers(a, Value::Int8), &[])),
    Function::of(
        "generate_series",
        &[INT8, INT8, INT8],
        INT8,
        Kind::Set(|_, a, _| integers(a, Value::Int8), &[]),
    ),
    Function::of("generate_series", &[NUMERIC, NUMERIC], NUMERIC, Kind::Set(|_, a, _| numerics(a), &[])),
    Function::of(
        "generate_series",
        &[NUMERIC, NUMERIC, NUMERIC],
        NUMERIC,
        Kind::Set(|_, a, _| numerics(a), &[]),
    ),
    Function::of(
        "generate_series",
        &[TIMESTAMP, TIMESTAMP, INTERVAL],
        TIMESTAMP,
        Kind::Set(|_, a, _| moments(a, Value::Timestamp, &add), &[]),
    ),
    Function::of(
        "generate_series",
        &[TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL],
        TIMESTAMPTZ,
        Kind::Set(
            |exec, a, _| {
                let env = exec.env.clone();
                moments(a, Value::TimestampTz, &|moment, step| add_zoned(moment, step, &env))
            },
            &[],
        ),
    ),
    Function::of("unnest", &[ANYARRAY], ANYELEMENT, Kind::Set(|_, a, _| unnest(a), &[])),
    Function::of("generate_subscripts", &[ANYARRAY, INT4], INT4, Kind::Set(|_, a, _| subscripts(a), &[])),
    Function::of(
        "generate_subscripts",
        &[ANYARRAY, INT4, BOOL],
        INT4,
        Kind::Set(|_, a, _| subscripts(a), &[]),
    ),
    Function::of("string_to_table", &[TEXT, TEXT], TEXT, Kind::Set(|_, a, _| string_to_table(a), &[]))
        .with_nulls(),
    Function::of(
        "enum_range",
        &[ANYENUM],
        ANYARRAY,
        Kind::Typed(|exec, _, types| {
            Ok(Value::Array(Arc::new(ArrayValue::from_values(types[0], enum_labels(exec, types[0])))))
        }),
    )
    .with_nulls(),
    Function::of(
        "enum_first",
        &[ANYENUM],
        ANYENUM,
        Kind::Typed(|exec, _, types| {
            Ok(enum_labels(exec, types[0]).into_iter().next().unwrap_or(Value::Null))
        }),
    )
    .with_nulls(),
    Function::of(
        "enum_last",
        &[ANYENUM],
        ANYENUM,
        Kind::Typed(|exec, _, types| {
            Ok(enum_labels(exec, types[0]).into_iter().next_back().unwrap_or(Value::Null))
        }),
    )
    .with_nulls(),
    Function::of(
        "pg_options_to_table",
        &[TEXT_ARRAY],
        RECORD,
        Kind::Set(|_, _, _| Ok(Vec::new()), &[("option_name", TEXT), ("option_value", TEXT)]),
    ),
    Function::scalar("float8_of", &[FLOAT8], FLOAT8, |_, a| Ok(Value::Float8(f64_of(&a[0])))),
];
