//! Type modifiers: `varchar(n)`, `char(n)`, `numeric(p, s)`, `timestamp(p)`, and how a value is made to fit.

use super::calendar::USECS_PER_SEC;
use super::interval_text::IntervalUnit;
use super::{ArrayValue, DataType, Interval, Numeric, Value, oid, types};
use crate::error::{DatabaseError, Result, SqlState};
use std::sync::Arc;

const HEADER: i32 = 4;

/// Modifier of `varchar(length)` or `char(length)`.
pub fn of_length(length: i32) -> i32 {
    length + HEADER
}

/// Modifier of `numeric(precision, scale)`.
pub fn of_numeric(precision: i32, scale: i32) -> i32 {
    (precision << 16 | (scale & 0x7ff)) + HEADER
}

/// Precision and scale of a `numeric` modifier.
pub fn numeric_parts(typmod: i32) -> Option<(i32, i32)> {
    (typmod >= HEADER).then(|| {
        let bits = typmod - HEADER;
        let scale = bits & 0x7ff;
        (bits >> 16 & 0xffff, if scale > 1023 { scale - 2048 } else { scale })
    })
}

/// The field that an interval modifier ends with, when it restricts fields.
pub fn interval_unit(typmod: i32) -> Option<IntervalUnit> {
    if typmod < 0 {
        return None;
    }
    let range = typmod >> 16 & 0x7fff;
    Some(match range {
        0x7fff => return None,
        r if r & 1 << 12 != 0 => IntervalUnit::Second,
        r if r & 1 << 11 != 0 => IntervalUnit::Minute,
        r if r & 1 << 10 != 0 => IntervalUnit::Hour,
        r if r & 1 << 3 != 0 => IntervalUnit::Day,
        r if r & 1 << 1 != 0 => IntervalUnit::Month,
        _ => IntervalUnit::Year,
    })
}

/// `(n)` after a type's name, as `format_type` shows the modifier.
pub fn display(data_type: DataType) -> String {
    let typmod = data_type.typmod;
    if typmod < 0 {
        return String::new();
    }
    match data_type.oid {
        oid::VARCHAR | oid::BPCHAR => format!("({})", typmod - HEADER),
        oid::NUMERIC => numeric_parts(typmod).map_or_else(String::new, |(p, s)| format!("({p},{s})")),
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ => format!("({typmod})"),
        _ => String::new(),
    }
}

fn round_micros(micros: i64, precision: i32) -> i64 {
    if !(0..6).contains(&precision) || micros == i64::MAX || micros == i64::MIN {
        return micros;
    }
    let unit = 10_i64.pow(6 - precision as u32);
    let half = unit / 2;
    if micros >= 0 { (micros + half) / unit * unit } else { -((-micros + half) / unit * unit) }
}

fn too_long(name: &str, length: i32) -> DatabaseError {
    DatabaseError::new(SqlState(*b"22001"), format!("value too long for type {name}({length})"))
}

/// Cuts a text to `length` characters if only blanks (or, explicitly, anything) would be lost.
fn fit(text: &str, length: i32, explicit: bool, name: &str) -> Result<Arc<str>> {
    let limit = length as usize;
    match text.char_indices().nth(limit) {
        None => Ok(text.into()),
        Some((end, _)) if explicit || text[end..].bytes().all(|b| b == b' ') => Ok(text[..end].into()),
        Some(_) => Err(too_long(name, length)),
    }
}

/// Makes a value fit its type's modifier; an `explicit` cast cuts what an assignment refuses.
///
/// # Errors
///
/// 22001 for a string too long, 22003 for a number that does not fit.
pub fn apply(value: Value, data_type: DataType, explicit: bool) -> Result<Value> {
    let typmod = data_type.typmod;
    if typmod < 0 {
        return Ok(value);
    }
    Ok(match (&value, data_type.oid) {
        (Value::Text(text), oid::VARCHAR) => {
            let length = typmod - HEADER;
            if text.len() <= length as usize {
                return Ok(value);
            }
            Value::Text(fit(text, length, explicit, "character varying")?)
        }
        (Value::Char(text) | Value::Text(text), oid::BPCHAR) => {
            let length = typmod - HEADER;
            let cut = fit(text, length, explicit, "character")?;
            let missing = (length as usize).saturating_sub(cut.chars().count());
            Value::Char(if missing == 0 { cut } else { format!("{cut}{}", " ".repeat(missing)).into() })
        }
        (Value::Numeric(number), oid::NUMERIC) => {
            let Some((precision, scale)) = numeric_parts(typmod) else { return Ok(value) };
            if matches!(**number, Numeric::NaN) {
                return Ok(value);
            }
            let overflow = |what: String| {
                DatabaseError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
                    .with_detail(what)
            };
            if !matches!(**number, Numeric::Finite { .. }) {
                return Err(overflow(format!(
                    "A field with precision {precision}, scale {scale} cannot hold an infinite value."
                )));
            }
            let rounded = number.round(scale);
            if rounded.integer_digits() > i64::from(precision - scale) {
                let power = precision - scale;
                let bound = if power == 0 { "1".to_owned() } else { format!("10^{power}") };
                return Err(overflow(format!(
                    "A field with precision {precision}, scale {scale} must round to an absolute value less than {bound}."
                )));
            }
            Value::numeric(rounded)
        }
        (Value::Time(micros), oid::TIME) => Value::Time(round_micros(*micros, typmod)),
        (Value::TimeTz(micros, west), oid::TIMETZ) => Value::TimeTz(round_micros(*micros, typmod), *west),
        (Value::Timestamp(moment), oid::TIMESTAMP) => Value::Timestamp(round_micros(*moment, typmod)),
        (Value::TimestampTz(moment), oid::TIMESTAMPTZ) => Value::TimestampTz(round_micros(*moment, typmod)),
        (Value::Interval(interval), oid::INTERVAL) => Value::Interval(fit_interval(*interval, typmod)),
        (Value::Array(array), _) => {
            let Some(element) = types::element_of(data_type.oid) else { return Ok(value) };
            let element_type = DataType { oid: element, typmod };
            let values = array.values.iter().map(|v| apply(v.clone(), element_type, explicit));
            let values = values.collect::<Result<Vec<_>>>()?;
            Value::Array(Arc::new(ArrayValue { element, dimensions: array.dimensions.clone(), values }))
        }
        _ => return Ok(value),
    })
}

fn fit_interval(interval: Interval, typmod: i32) -> Interval {
    let precision = typmod & 0xffff;
    let mut fitted = interval;
    match interval_unit(typmod) {
        Some(IntervalUnit::Year) => fitted = Interval::new(interval.months / 12 * 12, 0, 0),
        Some(IntervalUnit::Month) => fitted = Interval::new(interval.months, 0, 0),
        Some(IntervalUnit::Day) => fitted.micros = 0,
        Some(IntervalUnit::Hour) => fitted.micros -= interval.micros % (3600 * USECS_PER_SEC),
        Some(IntervalUnit::Minute) => fitted.micros -= interval.micros % (60 * USECS_PER_SEC),
        _ => {}
    }
    if precision <= 6 {
        fitted.micros = round_micros(fitted.micros, precision);
    }
    fitted
}
