//! Arithmetic of dates, times, timestamps and intervals.

use super::arithmetic::{division_by_zero, f64_of, i32_of};
use crate::error::{DatabaseError, Result};
use crate::sql::cast::{date_to_timestamp, from_local, to_local};
use crate::sql::catalog::Env;
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::calendar::*;
use crate::value::oid::*;
use crate::value::{Interval, Value};

pub(super) fn timestamp_overflow() -> DatabaseError {
    error(b"22008", "timestamp out of range")
}

pub(super) fn interval_overflow() -> DatabaseError {
    error(b"22008", "interval out of range")
}

pub(super) fn interval_of(value: &Value) -> Interval {
    match value {
        Value::Interval(interval) => *interval,
        _ => Interval::default(),
    }
}

/// The microseconds of a timestamp, a time.
pub(super) fn micros_of(value: &Value) -> i64 {
    match value {
        Value::Timestamp(n) | Value::TimestampTz(n) | Value::Time(n) | Value::TimeTz(n, _) => *n,
        _ => 0,
    }
}

fn days_of(value: &Value) -> i32 {
    match value {
        Value::Date(days) => *days,
        _ => 0,
    }
}

fn in_range(moment: i64) -> Result<i64> {
    if (TIMESTAMP_MIN..TIMESTAMP_END).contains(&moment) { Ok(moment) } else { Err(timestamp_overflow()) }
}

/// A local timestamp plus an interval: months, then days, then time.
///
/// # Errors
///
/// 22008 beyond what a timestamp holds.
pub fn add(local: i64, interval: Interval) -> Result<i64> {
    if matches!(local, i64::MAX | i64::MIN) {
        return Ok(local);
    }
    let moved = if interval.months == 0 { local } else { add_months(local, interval.months) };
    let days = i64::from(interval.days).checked_mul(USECS_PER_DAY).ok_or_else(timestamp_overflow)?;
    let moved = moved
        .checked_add(days)
        .and_then(|n| n.checked_add(interval.micros))
        .ok_or_else(timestamp_overflow)?;
    in_range(moved)
}

/// A moment plus an interval: months and days in local time.
///
/// # Errors
///
/// 22008 beyond what a timestamp holds.
pub fn add_zoned(moment: i64, interval: Interval, env: &Env) -> Result<i64> {
    if matches!(moment, i64::MAX | i64::MIN) {
        return Ok(moment);
    }
    let mut moved = moment;
    if interval.months != 0 || interval.days != 0 {
        let local = to_local(moment, env);
        moved = from_local(add(local, Interval::new(interval.months, interval.days, 0))?, env);
    }
    in_range(moved.checked_add(interval.micros).ok_or_else(timestamp_overflow)?)
}

fn negated(interval: Interval) -> Result<Interval> {
    interval.checked_neg().ok_or_else(interval_overflow)
}

/// Whole days and the rest of a difference of timestamps.
fn difference(left: i64, right: i64) -> Result<Value> {
    if matches!(left, i64::MAX | i64::MIN) || matches!(right, i64::MAX | i64::MIN) {
        return Err(error(b"22008", "cannot subtract infinite timestamps"));
    }
    let micros = left.checked_sub(right).ok_or_else(interval_overflow)?;
    Ok(Value::Interval(Interval::new(0, (micros / USECS_PER_DAY) as i32, micros % USECS_PER_DAY)))
}

fn scale(interval: Interval, factor: f64) -> Result<Value> {
    if factor.is_nan() || factor.is_infinite() {
        return Err(interval_overflow());
    }
    let whole = |n: f64| -> Result<i32> {
        if n.abs() > f64::from(i32::MAX) { Err(interval_overflow()) } else { Ok(n.trunc() as i32) }
    };
    let months_exact = f64::from(interval.months) * factor;
    let days_exact = f64::from(interval.days) * factor;
    let (months, mut days) = (whole(months_exact)?, whole(days_exact)?);
    // What is left of a month becomes days, what is left of a day becomes time.
    let month_rest = (months_exact - f64::from(months)) * 30.0;
    let month_rest = (month_rest * 1e6).round() / 1e6;
    let mut seconds = (days_exact - f64::from(days) + month_rest - month_rest.trunc()) * 86_400.0;
    seconds = (seconds * 1e6).round() / 1e6;
    if seconds.abs() >= 86_400.0 {
        days += (seconds / 86_400.0) as i32;
        seconds -= (seconds / 86_400.0).trunc() * 86_400.0;
    }
    days += month_rest.trunc() as i32;
    let micros = (interval.micros as f64 * factor + seconds * 1e6).round_ties_even();
    if micros.abs() > 9.2e18 {
        return Err(interval_overflow());
    }
    Ok(Value::Interval(Interval::new(months, days, micros as i64)))
}

fn add_days(date: i32, days: i64) -> Result<Value> {
    if matches!(date, i32::MAX | i32::MIN) {
        return Ok(Value::Date(date));
    }
    let moved = i64::from(date) + days;
    if !(DATE_MIN..DATE_END).contains(&moved) {
        return Err(error(b"22008", "date out of range"));
    }
    Ok(Value::Date(moved as i32))
}

fn day_time(micros: i64) -> Value {
    Value::Time(micros.rem_euclid(USECS_PER_DAY))
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("+", &[DATE, INT4], DATE, |_, a| add_days(days_of(&a[0]), i64::from(i32_of(&a[1])))),
    Function::scalar("+", &[INT4, DATE], DATE, |_, a| add_days(days_of(&a[1]), i64::from(i32_of(&a[0])))),
    Function::scalar("-", &[DATE, INT4], DATE, |_, a| add_days(days_of(&a[0]), -i64::from(i32_of(&a[1])))),
    Function::scalar("-", &[DATE, DATE], INT4, |_, a| {
        let (left, right) = (days_of(&a[0]), days_of(&a[1]));
        if matches!(left, i32::MAX | i32::MIN) || matches!(right, i32::MAX | i32::MIN) {
            return Err(error(b"22008", "cannot subtract infinite dates"));
        }
        Ok(Value::Int4(left - right))
    }),
    Function::scalar("+", &[DATE, INTERVAL], TIMESTAMP, |_, a| {
        add(date_to_timestamp(days_of(&a[0]))?, interval_of(&a[1])).map(Value::Timestamp)
    }),
    Function::scalar("+", &[INTERVAL, DATE], TIMESTAMP, |_, a| {
        add(date_to_timestamp(days_of(&a[1]))?, interval_of(&a[0])).map(Value::Timestamp)
    }),
    Function::scalar("-", &[DATE, INTERVAL], TIMESTAMP, |_, a| {
        add(date_to_timestamp(days_of(&a[0]))?, negated(interval_of(&a[1]))?).map(Value::Timestamp)
    }),
    Function::scalar("+", &[DATE, TIME], TIMESTAMP, |_, a| {
        Ok(Value::Timestamp(date_to_timestamp(days_of(&a[0]))? + micros_of(&a[1])))
    }),
    Function::scalar("+", &[TIME, DATE], TIMESTAMP, |_, a| {
        Ok(Value::Timestamp(date_to_timestamp(days_of(&a[1]))? + micros_of(&a[0])))
    }),
    Function::scalar("+", &[TIMESTAMP, INTERVAL], TIMESTAMP, |_, a| {
        add(micros_of(&a[0]), interval_of(&a[1])).map(Value::Timestamp)
    }),
    Function::scalar("+", &[INTERVAL, TIMESTAMP], TIMESTAMP, |_, a| {
        add(micros_of(&a[1]), interval_of(&a[0])).map(Value::Timestamp)
    }),
    Function::scalar("-", &[TIMESTAMP, INTERVAL], TIMESTAMP, |_, a| {
        add(micros_of(&a[0]), negated(interval_of(&a[1]))?).map(Value::Timestamp)
    }),
    Function::scalar("+", &[TIMESTAMPTZ, INTERVAL], TIMESTAMPTZ, |exec, a| {
        add_zoned(micros_of(&a[0]), interval_of(&a[1]), &exec.env).map(Value::TimestampTz)
    })
    .stable(),
    Function::scalar("+", &[INTERVAL, TIMESTAMPTZ], TIMESTAMPTZ, |exec, a| {
        add_zoned(micros_of(&a[1]), interval_of(&a[0]), &exec.env).map(Value::TimestampTz)
    })
    .stable(),
    Function::scalar("-", &[TIMESTAMPTZ, INTERVAL], TIMESTAMPTZ, |exec, a| {
        add_zoned(micros_of(&a[0]), negated(interval_of(&a[1]))?, &exec.env).map(Value::TimestampTz)
    })
    .stable(),
    Function::scalar("-", &[TIMESTAMP, TIMESTAMP], INTERVAL, |_, a| {
        difference(micros_of(&a[0]), micros_of(&a[1]))
    }),
    Function::scalar("-", &[TIMESTAMPTZ, TIMESTAMPTZ], INTERVAL, |_, a| {
        difference(micros_of(&a[0]), micros_of(&a[1]))
    }),
    Function::scalar("+", &[TIME, INTERVAL], TIME, |_, a| {
        Ok(day_time(micros_of(&a[0]) + interval_of(&a[1]).micros))
    }),
    Function::scalar("+", &[INTERVAL, TIME], TIME, |_, a| {
        Ok(day_time(micros_of(&a[1]) + interval_of(&a[0]).micros))
    }),
    Function::scalar("-", &[TIME, INTERVAL], TIME, |_, a| {
        Ok(day_time(micros_of(&a[0]) - interval_of(&a[1]).micros))
    }),
    Function::scalar("-", &[TIME, TIME], INTERVAL, |_, a| {
        Ok(Value::Interval(Interval::new(0, 0, micros_of(&a[0]) - micros_of(&a[1]))))
    }),
    Function::scalar("+", &[INTERVAL, INTERVAL], INTERVAL, |_, a| {
        interval_of(&a[0]).checked_add(interval_of(&a[1])).map(Value::Interval).ok_or_else(interval_overflow)
    }),
    Function::scalar("-", &[INTERVAL, INTERVAL], INTERVAL, |_, a| {
        let right = negated(interval_of(&a[1]))?;
        interval_of(&a[0]).checked_add(right).map(Value::Interval).ok_or_else(interval_overflow)
    }),
    Function::scalar("-", &[INTERVAL], INTERVAL, |_, a| negated(interval_of(&a[0])).map(Value::Interval)),
    Function::scalar("*", &[INTERVAL, FLOAT8], INTERVAL, |_, a| scale(interval_of(&a[0]), f64_of(&a[1]))),
    Function::scalar("*", &[FLOAT8, INTERVAL], INTERVAL, |_, a| scale(interval_of(&a[1]), f64_of(&a[0]))),
    Function::scalar("/", &[INTERVAL, FLOAT8], INTERVAL, |_, a| {
        let divisor = f64_of(&a[1]);
        if divisor == 0.0 {
            return Err(division_by_zero());
        }
        scale(interval_of(&a[0]), 1.0 / divisor)
    }),
    Function::scalar("overlaps", &[TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ, TIMESTAMPTZ], BOOL, |_, a| {
        Ok(overlaps(a))
    }),
    Function::scalar("overlaps", &[TIMESTAMP, TIMESTAMP, TIMESTAMP, TIMESTAMP], BOOL, |_, a| Ok(overlaps(a))),
    Function::scalar("overlaps", &[TIME, TIME, TIME, TIME], BOOL, |_, a| Ok(overlaps(a))),
];

fn overlaps(a: &[Value]) -> Value {
    let (mut start, mut end) = (micros_of(&a[0]), micros_of(&a[1]));
    let (mut other_start, mut other_end) = (micros_of(&a[2]), micros_of(&a[3]));
    if start > end {
        std::mem::swap(&mut start, &mut end);
    }
    if other_start > other_end {
        std::mem::swap(&mut other_start, &mut other_end);
    }
    Value::Bool(match start.cmp(&other_start) {
        std::cmp::Ordering::Equal => true,
        std::cmp::Ordering::Greater => start < other_end,
        std::cmp::Ordering::Less => other_start < end,
    })
}
