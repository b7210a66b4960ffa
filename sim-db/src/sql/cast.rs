//! Casts: which exist, when they apply by themselves, and what they do.

use super::catalog::Env;
use super::context::Exec;
use super::error::error;
use crate::error::{DatabaseError, Result, SqlState};
use crate::value::calendar::{USECS_PER_DAY, USECS_PER_SEC};
use crate::value::text::{self, TypeCatalog, TypeKind};
use crate::value::{
    ArrayValue, DataType, Interval, Jsonb, Numeric, Oid, RecordValue, Value, json, oid, typmod,
};
use std::sync::Arc;

/// When a cast may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastContext {
    /// Anywhere in an expression.
    Implicit,
    /// Also when a value is stored in a column.
    Assignment,
    /// Only when it is written.
    Explicit,
}

/// How a cast is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastMethod {
    /// The value stays as it is.
    Relabel,
    /// From one scalar representation to another.
    Convert,
    /// Through the text of the value.
    Text,
    /// Each element of an array.
    Elements,
    /// Each field of a row.
    Fields,
    /// To a domain: to its base, then checked.
    Domain,
}

use CastContext::{Assignment, Explicit, Implicit};

fn is_string(type_oid: Oid) -> bool {
    matches!(type_oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN)
}

fn is_reg(type_oid: Oid) -> bool {
    matches!(
        type_oid,
        oid::REGCLASS | oid::REGTYPE | oid::REGPROC | oid::REGPROCEDURE | oid::REGNAMESPACE | oid::REGROLE
    )
}

/// Rank of the numeric types: a cast upwards is implicit.
fn numeric_rank(type_oid: Oid) -> Option<u8> {
    Some(match type_oid {
        oid::INT2 => 0,
        oid::INT4 => 1,
        oid::INT8 => 2,
        oid::NUMERIC => 3,
        oid::FLOAT4 => 4,
        oid::FLOAT8 => 5,
        _ => return None,
    })
}

fn builtin(source: Oid, target: Oid) -> Option<CastContext> {
    if let (Some(from), Some(to)) = (numeric_rank(source), numeric_rank(target)) {
        return Some(if from < to { Implicit } else { Assignment });
    }
    Some(match (source, target) {
        (oid::INT2 | oid::INT4 | oid::INT8, oid::OID) => Implicit,
        (oid::INT2 | oid::INT4 | oid::INT8, t) if is_reg(t) => Implicit,
        (oid::OID, oid::INT4 | oid::INT8) => Assignment,
        (s, oid::INT4 | oid::INT8) if is_reg(s) => Assignment,
        (s, oid::OID) if is_reg(s) => Implicit,
        (oid::OID, t) if is_reg(t) => Implicit,
        (oid::REGPROC, oid::REGPROCEDURE) | (oid::REGPROCEDURE, oid::REGPROC) => Implicit,
        (oid::TEXT | oid::VARCHAR, oid::REGCLASS) => Implicit,
        (oid::NAME, oid::VARCHAR | oid::BPCHAR) => Assignment,
        (s, t) if is_string(s) && is_string(t) => Implicit,
        (oid::CHAR, oid::TEXT) => Implicit,
        (oid::CHAR, oid::VARCHAR | oid::BPCHAR) | (oid::TEXT | oid::VARCHAR | oid::BPCHAR, oid::CHAR) => {
            Assignment
        }
        (oid::CHAR, oid::INT4) | (oid::INT4, oid::CHAR) => Explicit,
        (oid::INT4, oid::BOOL) | (oid::BOOL, oid::INT4) => Explicit,
        (oid::BOOL, oid::TEXT | oid::VARCHAR | oid::BPCHAR) => Assignment,
        (oid::DATE, oid::TIMESTAMP | oid::TIMESTAMPTZ) => Implicit,
        (oid::TIMESTAMP, oid::TIMESTAMPTZ) => Implicit,
        (oid::TIMESTAMPTZ, oid::TIMESTAMP | oid::DATE | oid::TIME | oid::TIMETZ) => Assignment,
        (oid::TIMESTAMP, oid::DATE | oid::TIME) => Assignment,
        (oid::TIME, oid::INTERVAL | oid::TIMETZ) => Implicit,
        (oid::TIMETZ, oid::TIME) | (oid::INTERVAL, oid::TIME) => Assignment,
        (oid::JSON, oid::JSONB) | (oid::JSONB, oid::JSON) => Assignment,
        (oid::JSONB, t) if t == oid::BOOL || numeric_rank(t).is_some() => Explicit,
        (oid::CIDR, oid::INET) => Implicit,
        (oid::INET, oid::CIDR) => Assignment,
        (oid::INET | oid::CIDR, oid::TEXT | oid::VARCHAR | oid::BPCHAR) => Assignment,
        (oid::TEXT | oid::INT4, oid::XID) => return None,
        _ => return None,
    })
}

/// Whether a value of one type can become one of another in a context, and how.
pub fn find(source: Oid, target: Oid, context: CastContext, env: &Env) -> Option<CastMethod> {
    if source == target {
        return Some(CastMethod::Relabel);
    }
    if let Some(TypeKind::Domain(base)) = env.kind(target) {
        return find(source, base.oid, context, env).map(|_| CastMethod::Domain);
    }
    if let Some(TypeKind::Domain(base)) = env.kind(source) {
        return find(env.base_type(base).oid, target, context, env);
    }
    if let Some(needed) = builtin(source, target) {
        if needed > context {
            return None;
        }
        let relabel = source != oid::BPCHAR
            && target != oid::BPCHAR
            && target != oid::NAME
            && is_string(source)
            && is_string(target);
        let oids = (source == oid::OID || is_reg(source)) && (target == oid::OID || is_reg(target));
        return Some(if relabel || oids { CastMethod::Relabel } else { CastMethod::Convert });
    }
    if source == oid::UNKNOWN {
        return Some(CastMethod::Text);
    }
    if let (Some(from), Some(to)) = (env.element_of(source), env.element_of(target)) {
        if matches!(source, oid::INT2VECTOR | oid::OIDVECTOR) && from == to {
            return Some(CastMethod::Relabel);
        }
        return find(from, to, context, env).map(|_| CastMethod::Elements);
    }
    if source == oid::RECORD
        && let Some(TypeKind::Composite(_)) = env.kind(target)
    {
        return Some(CastMethod::Fields);
    }
    if target == oid::RECORD && env.category(source) == 'C' {
        return Some(CastMethod::Relabel);
    }
    // Through text: to a string type as an assignment, from one only when written.
    let to_string = matches!(target, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME);
    let pseudo = |type_oid: Oid| env.category(type_oid) == 'P' && type_oid != oid::RECORD;
    if to_string && context >= Assignment && !pseudo(source) {
        return Some(CastMethod::Text);
    }
    if is_string(source) && context == Explicit && !pseudo(target) {
        return Some(CastMethod::Text);
    }
    None
}

fn out_of_range(target: Oid) -> DatabaseError {
    let name = match target {
        oid::INT2 => "smallint",
        oid::INT4 => "integer",
        oid::INT8 => "bigint",
        oid::OID => "OID",
        oid::FLOAT4 => return error(b"22003", "value out of range: overflow"),
        _ => "value",
    };
    error(b"22003", format!("{name} out of range"))
}

/// An integer of a type.
///
/// # Errors
///
/// 22003 when it does not fit.
pub fn integer(number: i64, target: Oid) -> Result<Value> {
    match target {
        oid::INT2 => i16::try_from(number).map(Value::Int2).map_err(|_| out_of_range(target)),
        oid::INT4 => i32::try_from(number).map(Value::Int4).map_err(|_| out_of_range(target)),
        oid::INT8 => Ok(Value::Int8(number)),
        _ => u32::try_from(number)
            .or_else(|_| i32::try_from(number).map(|n| n as u32))
            .map(Value::Oid)
            .map_err(|_| out_of_range(oid::OID)),
    }
}

fn float_to_integer(number: f64, target: Oid) -> Result<Value> {
    let rounded = number.round_ties_even();
    if !(-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&rounded) {
        return Err(out_of_range(target));
    }
    integer(rounded as i64, target)
}

fn to_number(value: &Value, target: Oid) -> Result<Value> {
    match target {
        oid::INT2 | oid::INT4 | oid::INT8 => match value {
            Value::Float4(n) => float_to_integer(f64::from(*n), target),
            Value::Float8(n) => float_to_integer(*n, target),
            Value::Numeric(n) => match &**n {
                Numeric::Finite { .. } => {
                    n.to_i64().ok_or_else(|| out_of_range(target)).and_then(|n| integer(n, target))
                }
                special => {
                    let what = if matches!(special, Numeric::NaN) { "NaN" } else { "infinity" };
                    let name = if target == oid::INT2 {
                        "smallint"
                    } else if target == oid::INT4 {
                        "integer"
                    } else {
                        "bigint"
                    };
                    Err(error(b"0A000", format!("cannot convert {what} to {name}")))
                }
            },
            other => integer(other.as_i64().expect("an integer remains"), target),
        },
        oid::NUMERIC => Ok(Value::numeric(match value {
            Value::Float4(n) => Numeric::from_f64(f64::from(*n), 6),
            Value::Float8(n) => Numeric::from_f64(*n, 15),
            other => Numeric::from(other.as_i64().expect("an integer remains")),
        })),
        _ => {
            let number = match value {
                Value::Float4(n) => f64::from(*n),
                Value::Float8(n) => *n,
                Value::Numeric(n) => n.to_f64(),
                other => other.as_i64().expect("an integer remains") as f64,
            };
            if target == oid::FLOAT8 {
                let overflow = number.is_infinite()
                    && matches!(value, Value::Numeric(n) if matches!(**n, Numeric::Finite { .. }));
                return if overflow {
                    Err(error(
                        b"22003",
                        format!("\"{}\" is out of range for type double precision", text_of(value)),
                    ))
                } else {
                    Ok(Value::Float8(number))
                };
            }
            let narrow = if let Value::Numeric(n) = value {
                n.to_string().parse::<f32>().unwrap_or(number as f32)
            } else {
                number as f32
            };
            if narrow.is_infinite() && !number.is_infinite() {
                return Err(out_of_range(target));
            }
            Ok(Value::Float4(narrow))
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Numeric(n) => n.to_string(),
        _ => String::new(),
    }
}

fn timestamp_range() -> DatabaseError {
    error(b"22008", "timestamp out of range")
}

/// Midnight of a date as a local timestamp.
///
/// # Errors
///
/// 22008 when the date is beyond what a timestamp holds.
pub fn date_to_timestamp(days: i32) -> Result<i64> {
    match days {
        i32::MAX => Ok(i64::MAX),
        i32::MIN => Ok(i64::MIN),
        _ => i64::from(days)
            .checked_mul(USECS_PER_DAY)
            .ok_or_else(|| error(b"22008", "date out of range for timestamp")),
    }
}

/// The date of a local timestamp.
pub fn timestamp_to_date(moment: i64) -> i32 {
    match moment {
        i64::MAX => i32::MAX,
        i64::MIN => i32::MIN,
        _ => moment.div_euclid(USECS_PER_DAY) as i32,
    }
}

/// A moment as local time.
pub fn to_local(moment: i64, env: &Env) -> i64 {
    match moment {
        i64::MAX | i64::MIN => moment,
        _ => moment + i64::from(env.style.zone.offset_at(moment)) * USECS_PER_SEC,
    }
}

/// Local time as a moment.
pub fn from_local(local: i64, env: &Env) -> i64 {
    match local {
        i64::MAX | i64::MIN => local,
        _ => env.style.zone.to_moment(local),
    }
}

fn convert(value: &Value, source: Oid, target: Oid, env: &Env) -> Result<Value> {
    if numeric_rank(source).is_some() && numeric_rank(target).is_some() {
        return to_number(value, target);
    }
    Ok(match (value, target) {
        (Value::Int2(_) | Value::Int4(_) | Value::Int8(_), t) if t == oid::OID || is_reg(t) => {
            integer(value.as_i64().expect("an integer"), oid::OID)?
        }
        (Value::Oid(n), oid::INT4) => Value::Int4(*n as i32),
        (Value::Oid(n), oid::INT8) => Value::Int8(i64::from(*n)),
        (Value::Text(name), oid::REGCLASS) => Value::Oid(env.object_named(target, name)?),
        (Value::Text(text), oid::BPCHAR) => Value::Char(text.clone()),
        (Value::Char(text), oid::TEXT | oid::VARCHAR | oid::UNKNOWN) => {
            Value::text(text.trim_end_matches(' '))
        }
        (Value::Char(text), oid::BPCHAR) => Value::Char(text.clone()),
        (Value::Text(text) | Value::Char(text), oid::NAME) => {
            text::input(text.trim_end_matches(' '), DataType::of(oid::NAME), env.text())?
        }
        (Value::Byte(b), oid::TEXT | oid::VARCHAR) => Value::text(char::from(*b).to_string()),
        (Value::Byte(b), oid::BPCHAR) => Value::Char(char::from(*b).to_string().into()),
        (Value::Byte(b), oid::INT4) => Value::Int4(i32::from(*b as i8)),
        (Value::Int4(n), oid::CHAR) => {
            Value::Byte(i8::try_from(*n).map_err(|_| error(b"22003", "\"char\" out of range"))? as u8)
        }
        (Value::Text(text) | Value::Char(text), oid::CHAR) => Value::Byte(text.bytes().next().unwrap_or(0)),
        (Value::Int4(n), oid::BOOL) => Value::Bool(*n != 0),
        (Value::Bool(b), oid::INT4) => Value::Int4(i32::from(*b)),
        (Value::Bool(b), oid::BPCHAR) => Value::Char(b.to_string().into()),
        (Value::Bool(b), _) => Value::text(b.to_string()),
        (Value::Date(days), oid::TIMESTAMP) => Value::Timestamp(date_to_timestamp(*days)?),
        (Value::Date(days), oid::TIMESTAMPTZ) => {
            Value::TimestampTz(from_local(date_to_timestamp(*days)?, env))
        }
        (Value::Timestamp(local), oid::TIMESTAMPTZ) => Value::TimestampTz(from_local(*local, env)),
        (Value::TimestampTz(moment), oid::TIMESTAMP) => Value::Timestamp(to_local(*moment, env)),
        (Value::TimestampTz(moment), oid::DATE) => Value::Date(timestamp_to_date(to_local(*moment, env))),
        (Value::Timestamp(local), oid::DATE) => Value::Date(timestamp_to_date(*local)),
        (Value::TimestampTz(moment), oid::TIME) => {
            Value::Time(to_local(*moment, env).rem_euclid(USECS_PER_DAY))
        }
        (Value::TimestampTz(moment), oid::TIMETZ) => Value::TimeTz(
            to_local(*moment, env).rem_euclid(USECS_PER_DAY),
            -env.style.zone.offset_at(*moment),
        ),
        (Value::Timestamp(local), oid::TIME) => {
            if matches!(*local, i64::MAX | i64::MIN) {
                return Err(timestamp_range());
            }
            Value::Time(local.rem_euclid(USECS_PER_DAY))
        }
        (Value::Time(micros), oid::INTERVAL) => Value::Interval(Interval::new(0, 0, *micros)),
        (Value::Time(micros), oid::TIMETZ) => {
            Value::TimeTz(*micros, -env.style.zone.offset_at(env.style.now))
        }
        (Value::TimeTz(micros, _), oid::TIME) => Value::Time(*micros),
        (Value::Interval(interval), oid::TIME) => Value::Time(interval.micros.rem_euclid(USECS_PER_DAY)),
        (Value::Json(text), oid::JSONB) => Value::Jsonb(Arc::new(json::parse(text)?)),
        (Value::Jsonb(document), oid::JSON) => {
            let mut out = String::new();
            json::write(&mut out, document);
            Value::Json(out.into())
        }
        (Value::Jsonb(document), _) => return from_jsonb(document, target, env),
        (Value::Inet(inet), oid::INET | oid::CIDR) => {
            let mut changed = (**inet).clone();
            changed.cidr = target == oid::CIDR;
            if changed.cidr {
                let text = text::output(&Value::Inet(Arc::new(changed.clone())), oid::CIDR, env.text());
                return mask_host_bits(&text, changed.prefix, env);
            }
            Value::Inet(Arc::new(changed))
        }
        // The cast shows the prefix always, the type's output only where it says something.
        (Value::Inet(inet), oid::TEXT | oid::VARCHAR) => {
            Value::text(format!("{}/{}", inet.address, inet.prefix))
        }
        (value, oid::TEXT | oid::VARCHAR) => Value::text(text::output(value, source, env.text())),
        (value, oid::BPCHAR) => Value::Char(text::output(value, source, env.text()).into()),
        (value, _) => value.clone(),
    })
}

fn mask_host_bits(text: &str, prefix: u8, env: &Env) -> Result<Value> {
    let inet = text::input(text, DataType::of(oid::INET), env.text())?;
    let Value::Inet(inet) = inet else { return Ok(inet) };
    let mut masked = (*inet).clone();
    masked.cidr = true;
    masked.prefix = prefix;
    masked.address = match masked.address {
        std::net::IpAddr::V4(address) => {
            let keep = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            std::net::Ipv4Addr::from(u32::from(address) & keep).into()
        }
        std::net::IpAddr::V6(address) => {
            let keep = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            std::net::Ipv6Addr::from(u128::from(address) & keep).into()
        }
    };
    Ok(Value::Inet(Arc::new(masked)))
}

fn from_jsonb(document: &Jsonb, target: Oid, env: &Env) -> Result<Value> {
    let kind = match document {
        Jsonb::Null => "null",
        Jsonb::Bool(_) => "boolean",
        Jsonb::Number(_) => "numeric",
        Jsonb::String(_) => "string",
        Jsonb::Array(_) => "array",
        Jsonb::Object(_) => "object",
    };
    match (document, target) {
        (Jsonb::Bool(b), oid::BOOL) => Ok(Value::Bool(*b)),
        (Jsonb::Number(n), t) if t != oid::BOOL => {
            let number = Value::numeric(n.clone());
            if t == oid::NUMERIC { Ok(number) } else { to_number(&number, t) }
        }
        _ => Err(error(b"22023", format!("cannot cast jsonb {kind} to type {}", env.type_name(target)))),
    }
}

/// Makes a cast; `NULL` stays `NULL` (but a domain may refuse it).
///
/// # Errors
///
/// Those of the conversion: 22P02, 22003, 22001, 23514 …
pub fn apply(
    value: Value,
    source: Oid,
    target: DataType,
    method: CastMethod,
    explicit: bool,
    env: &Env,
) -> Result<Value> {
    if method == CastMethod::Domain {
        let base = env.base_type(target);
        let inner = find(source, base.oid, CastContext::Explicit, env).unwrap_or(CastMethod::Relabel);
        let converted = apply(value, source, base, inner, explicit, env)?;
        env.check_domain(target.oid, &converted)?;
        return Ok(converted);
    }
    if value.is_null() {
        return Ok(value);
    }
    let converted = match method {
        CastMethod::Relabel | CastMethod::Domain => value,
        CastMethod::Convert => {
            let source = env.base_type(DataType::of(source)).oid;
            convert(&value, source, target.oid, env)?
        }
        CastMethod::Text => {
            if let Value::Text(text) | Value::Char(text) = &value {
                let trimmed = if source == oid::BPCHAR { text.trim_end_matches(' ') } else { text };
                let unmodified = text::input(
                    trimmed,
                    DataType { oid: target.oid, typmod: interval_only(target) },
                    env.text(),
                )?;
                return typmod::apply(unmodified, target, explicit);
            }
            let text = text::output(&value, source, env.text());
            if target.oid == oid::BPCHAR { Value::Char(text.into()) } else { Value::text(text) }
        }
        CastMethod::Elements => {
            let Value::Array(array) = &value else { return Ok(value) };
            let element = env.element_of(target.oid).unwrap_or(array.element);
            let from = array.element;
            let inner = find(from, element, CastContext::Explicit, env).unwrap_or(CastMethod::Text);
            let wanted = DataType { oid: element, typmod: target.typmod };
            let mut values = Vec::with_capacity(array.values.len());
            for item in &array.values {
                values.push(apply(item.clone(), from, wanted, inner, explicit, env)?);
            }
            let dimensions = array.dimensions.clone();
            return Ok(Value::Array(Arc::new(ArrayValue { element, dimensions, values })));
        }
        CastMethod::Fields => {
            let Value::Record(record) = &value else { return Ok(value) };
            let Some(TypeKind::Composite(fields)) = env.kind(target.oid) else { return Ok(value) };
            if fields.len() != record.values.len() {
                let message = format!("cannot cast type record to {}", env.type_name(target.oid));
                let detail = if fields.len() > record.values.len() {
                    "Input has too few columns."
                } else {
                    "Input has too many columns."
                };
                return Err(DatabaseError::new(SqlState::CANNOT_COERCE, message).with_detail(detail));
            }
            let mut values = Vec::with_capacity(fields.len());
            for (at, field) in fields.iter().enumerate() {
                let from = record.types[at];
                let inner = find(from, field.oid, CastContext::Explicit, env).unwrap_or(CastMethod::Text);
                values.push(apply(record.values[at].clone(), from, *field, inner, explicit, env)?);
            }
            let types = fields.iter().map(|field| field.oid).collect();
            return Ok(Value::Record(Arc::new(RecordValue { type_oid: target.oid, types, values })));
        }
    };
    typmod::apply(converted, target, explicit)
}

/// The modifier that reading itself needs (an interval's fields); the rest is applied afterwards.
fn interval_only(target: DataType) -> i32 {
    if target.oid == oid::INTERVAL { target.typmod } else { -1 }
}

/// As [`apply`], with an execution at hand.
///
/// # Errors
///
/// As [`apply`].
pub fn evaluate(value: Value, cast: &super::expr::Cast, exec: &Exec) -> Result<Value> {
    apply(value, cast.source, cast.target, cast.method, cast.explicit, &exec.env)
}
