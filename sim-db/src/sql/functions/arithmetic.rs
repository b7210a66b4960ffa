//! Arithmetic on numbers: overflow and division by zero are errors, numeric is exact.

use crate::error::{DatabaseError, Result};
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::oid::*;
use crate::value::{Numeric, Value};

pub(super) fn overflow(name: &str) -> DatabaseError {
    error(b"22003", format!("{name} out of range"))
}

pub(super) fn division_by_zero() -> DatabaseError {
    error(b"22012", "division by zero")
}

pub(super) fn i16_of(value: &Value) -> i16 {
    match value {
        Value::Int2(n) => *n,
        other => other.as_i64().unwrap_or(0) as i16,
    }
}

pub(super) fn i32_of(value: &Value) -> i32 {
    match value {
        Value::Int4(n) => *n,
        other => other.as_i64().unwrap_or(0) as i32,
    }
}

pub(super) fn i64_of(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

pub(super) fn f64_of(value: &Value) -> f64 {
    match value {
        Value::Float8(n) => *n,
        Value::Float4(n) => f64::from(*n),
        _ => 0.0,
    }
}

fn f32_of(value: &Value) -> f32 {
    match value {
        Value::Float4(n) => *n,
        _ => 0.0,
    }
}

pub(super) fn numeric_of(value: &Value) -> &Numeric {
    match value {
        Value::Numeric(n) => n,
        _ => const { &Numeric::NaN },
    }
}

/// Refuses an infinity (or zero) that finite operands cannot give.
pub(super) fn checked_float(result: f64, infinite_input: bool, zero_allowed: bool) -> Result<Value> {
    if result.is_infinite() && !infinite_input {
        return Err(error(b"22003", "value out of range: overflow"));
    }
    if result == 0.0 && !zero_allowed {
        return Err(error(b"22003", "value out of range: underflow"));
    }
    Ok(Value::Float8(result))
}

fn single(result: f32, infinite_input: bool, zero_allowed: bool) -> Result<Value> {
    checked_float(f64::from(result), infinite_input, zero_allowed).map(|_| Value::Float4(result))
}

macro_rules! integers {
    ($oid:ident, $variant:ident, $get:ident, $name:literal) => {
        [
            Function::scalar("+", &[$oid, $oid], $oid, |_, a| {
                $get(&a[0]).checked_add($get(&a[1])).map(Value::$variant).ok_or_else(|| overflow($name))
            }),
            Function::scalar("-", &[$oid, $oid], $oid, |_, a| {
                $get(&a[0]).checked_sub($get(&a[1])).map(Value::$variant).ok_or_else(|| overflow($name))
            }),
            Function::scalar("*", &[$oid, $oid], $oid, |_, a| {
                $get(&a[0]).checked_mul($get(&a[1])).map(Value::$variant).ok_or_else(|| overflow($name))
            }),
            Function::scalar("/", &[$oid, $oid], $oid, |_, a| {
                if $get(&a[1]) == 0 {
                    return Err(division_by_zero());
                }
                $get(&a[0]).checked_div($get(&a[1])).map(Value::$variant).ok_or_else(|| overflow($name))
            }),
            Function::scalar("%", &[$oid, $oid], $oid, |_, a| {
                if $get(&a[1]) == 0 {
                    return Err(division_by_zero());
                }
                Ok(Value::$variant($get(&a[0]).wrapping_rem($get(&a[1]))))
            }),
            Function::scalar("mod", &[$oid, $oid], $oid, |_, a| {
                if $get(&a[1]) == 0 {
                    return Err(division_by_zero());
                }
                Ok(Value::$variant($get(&a[0]).wrapping_rem($get(&a[1]))))
            }),
            Function::scalar("-", &[$oid], $oid, |_, a| {
                $get(&a[0]).checked_neg().map(Value::$variant).ok_or_else(|| overflow($name))
            }),
            Function::scalar("+", &[$oid], $oid, |_, a| Ok(a[0].clone())),
            Function::scalar("abs", &[$oid], $oid, |_, a| {
                $get(&a[0]).checked_abs().map(Value::$variant).ok_or_else(|| overflow($name))
            }),
            Function::scalar("@", &[$oid], $oid, |_, a| {
                $get(&a[0]).checked_abs().map(Value::$variant).ok_or_else(|| overflow($name))
            }),
            Function::scalar("&", &[$oid, $oid], $oid, |_, a| Ok(Value::$variant($get(&a[0]) & $get(&a[1])))),
            Function::scalar("|", &[$oid, $oid], $oid, |_, a| Ok(Value::$variant($get(&a[0]) | $get(&a[1])))),
            Function::scalar("#", &[$oid, $oid], $oid, |_, a| Ok(Value::$variant($get(&a[0]) ^ $get(&a[1])))),
            Function::scalar("~", &[$oid], $oid, |_, a| Ok(Value::$variant(!$get(&a[0])))),
            Function::scalar("<<", &[$oid, INT4], $oid, |_, a| {
                Ok(Value::$variant($get(&a[0]).wrapping_shl(i32_of(&a[1]) as u32)))
            }),
            Function::scalar(">>", &[$oid, INT4], $oid, |_, a| {
                Ok(Value::$variant($get(&a[0]).wrapping_shr(i32_of(&a[1]) as u32)))
            }),
        ]
    };
}

static INT2_FUNCTIONS: [Function; 16] = integers!(INT2, Int2, i16_of, "smallint");
static INT4_FUNCTIONS: [Function; 16] = integers!(INT4, Int4, i32_of, "integer");
static INT8_FUNCTIONS: [Function; 16] = integers!(INT8, Int8, i64_of, "bigint");

static OTHERS: [Function; 23] = [
    Function::scalar("+", &[FLOAT8, FLOAT8], FLOAT8, |_, a| {
        let (x, y) = (f64_of(&a[0]), f64_of(&a[1]));
        checked_float(x + y, x.is_infinite() || y.is_infinite(), true)
    }),
    Function::scalar("-", &[FLOAT8, FLOAT8], FLOAT8, |_, a| {
        let (x, y) = (f64_of(&a[0]), f64_of(&a[1]));
        checked_float(x - y, x.is_infinite() || y.is_infinite(), true)
    }),
    Function::scalar("*", &[FLOAT8, FLOAT8], FLOAT8, |_, a| {
        let (x, y) = (f64_of(&a[0]), f64_of(&a[1]));
        checked_float(x * y, x.is_infinite() || y.is_infinite(), x == 0.0 || y == 0.0)
    }),
    Function::scalar("/", &[FLOAT8, FLOAT8], FLOAT8, |_, a| {
        let (x, y) = (f64_of(&a[0]), f64_of(&a[1]));
        if y == 0.0 && !x.is_nan() {
            return Err(division_by_zero());
        }
        checked_float(x / y, x.is_infinite(), x == 0.0 || y.is_infinite())
    }),
    Function::scalar("-", &[FLOAT8], FLOAT8, |_, a| Ok(Value::Float8(-f64_of(&a[0])))),
    Function::scalar("+", &[FLOAT8], FLOAT8, |_, a| Ok(a[0].clone())),
    Function::scalar("+", &[FLOAT4, FLOAT4], FLOAT4, |_, a| {
        let (x, y) = (f32_of(&a[0]), f32_of(&a[1]));
        single(x + y, x.is_infinite() || y.is_infinite(), true)
    }),
    Function::scalar("-", &[FLOAT4, FLOAT4], FLOAT4, |_, a| {
        let (x, y) = (f32_of(&a[0]), f32_of(&a[1]));
        single(x - y, x.is_infinite() || y.is_infinite(), true)
    }),
    Function::scalar("*", &[FLOAT4, FLOAT4], FLOAT4, |_, a| {
        let (x, y) = (f32_of(&a[0]), f32_of(&a[1]));
        single(x * y, x.is_infinite() || y.is_infinite(), x == 0.0 || y == 0.0)
    }),
    Function::scalar("/", &[FLOAT4, FLOAT4], FLOAT4, |_, a| {
        let (x, y) = (f32_of(&a[0]), f32_of(&a[1]));
        if y == 0.0 && !x.is_nan() {
            return Err(division_by_zero());
        }
        single(x / y, x.is_infinite(), x == 0.0 || y.is_infinite())
    }),
    Function::scalar("-", &[FLOAT4], FLOAT4, |_, a| Ok(Value::Float4(-f32_of(&a[0])))),
    Function::scalar("+", &[FLOAT4], FLOAT4, |_, a| Ok(a[0].clone())),
    Function::scalar("+", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        Ok(Value::numeric(numeric_of(&a[0]).add(numeric_of(&a[1]))))
    }),
    Function::scalar("-", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        Ok(Value::numeric(numeric_of(&a[0]).sub(numeric_of(&a[1]))))
    }),
    Function::scalar("*", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        Ok(Value::numeric(numeric_of(&a[0]).mul(numeric_of(&a[1]))))
    }),
    Function::scalar("/", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        numeric_of(&a[0]).div(numeric_of(&a[1])).map(Value::numeric).ok_or_else(division_by_zero)
    }),
    Function::scalar("%", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        numeric_of(&a[0]).rem(numeric_of(&a[1])).map(Value::numeric).ok_or_else(division_by_zero)
    }),
    Function::scalar("mod", &[NUMERIC, NUMERIC], NUMERIC, |_, a| {
        numeric_of(&a[0]).rem(numeric_of(&a[1])).map(Value::numeric).ok_or_else(division_by_zero)
    }),
    Function::scalar("-", &[NUMERIC], NUMERIC, |_, a| Ok(Value::numeric(numeric_of(&a[0]).neg()))),
    Function::scalar("+", &[NUMERIC], NUMERIC, |_, a| Ok(a[0].clone())),
    Function::scalar("abs", &[NUMERIC], NUMERIC, |_, a| {
        let number = numeric_of(&a[0]);
        Ok(if number.is_negative() { Value::numeric(number.neg()) } else { a[0].clone() })
    }),
    Function::scalar("abs", &[FLOAT8], FLOAT8, |_, a| Ok(Value::Float8(f64_of(&a[0]).abs()))),
    Function::scalar("abs", &[FLOAT4], FLOAT4, |_, a| Ok(Value::Float4(f32_of(&a[0]).abs()))),
];

/// The arithmetic operators and functions, by type.
pub(super) fn groups() -> [&'static [Function]; 4] {
    [&INT4_FUNCTIONS, &INT8_FUNCTIONS, &INT2_FUNCTIONS, &OTHERS]
}
