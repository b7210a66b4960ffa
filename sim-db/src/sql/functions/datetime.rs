//! The clock, and functions that take dates apart and put them together.

use super::arithmetic::{f64_of, i32_of};
use super::interval_ops::{add, interval_of, interval_overflow, micros_of, timestamp_overflow};
use super::string::str_of;
use crate::engine::Timestamp;
use crate::error::Result;
use crate::sql::cast::{date_to_timestamp, from_local, timestamp_to_date, to_local};
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::calendar::*;
use crate::value::oid::*;
use crate::value::zone::Zone;
use crate::value::{Interval, Numeric, Oid, Value};

fn moment(timestamp: Timestamp) -> i64 {
    timestamp.0 - UNIX_EPOCH_OFFSET
}

fn transaction_time(exec: &Exec) -> Result<i64> {
    Ok(moment(exec.session()?.transaction_timestamp()))
}

fn clock(exec: &Exec) -> Result<i64> {
    Ok(moment(exec.session()?.engine().environment().now()))
}

fn unit_unknown(unit: &str, type_name: &str) -> crate::error::DatabaseError {
    error(b"22023", format!("unit \"{unit}\" not recognized for type {type_name}"))
}

fn unit_unsupported(unit: &str, type_name: &str) -> crate::error::DatabaseError {
    error(b"0A000", format!("unit \"{unit}\" not supported for type {type_name}"))
}

/// The unit's singular, lower-case name.
fn unit_name(text: &str) -> String {
    let lower = text.trim().to_ascii_lowercase();
    let singular = match lower.as_str() {
        "centuries" | "c" | "cent" => "century",
        "millennia" | "mil" | "mils" => "millennium",
        "y" | "yr" | "yrs" | "years" => "year",
        "mon" | "mons" | "months" => "month",
        "d" | "days" => "day",
        "h" | "hr" | "hrs" | "hours" => "hour",
        "m" | "min" | "mins" | "minutes" => "minute",
        "s" | "sec" | "secs" | "seconds" => "second",
        "ms" | "msec" | "millisecond" | "milliseconds" => "milliseconds",
        "us" | "usec" | "microsecond" | "microseconds" => "microseconds",
        "w" | "weeks" => "week",
        "qtr" | "quarters" => "quarter",
        "dec" | "decades" => "decade",
        other => return other.to_owned(),
    };
    singular.to_owned()
}

fn fraction(micros: i64, scale: u32) -> Numeric {
    Numeric::new(micros, scale)
}

/// A field of a local date and time; `offset` is that of its zone, `epoch` its seconds since 1970.
fn field_of(local: i64, unit: &str, offset: Option<i32>, epoch: i64, type_name: &str) -> Result<Numeric> {
    let (days, time) = (local.div_euclid(USECS_PER_DAY), local.rem_euclid(USECS_PER_DAY));
    let (year, month, day) = civil_from_days(days);
    let shown = if year > 0 { year } else { year - 1 };
    let whole = |n: i64| Ok(Numeric::from(n));
    match unit {
        "year" => whole(shown),
        "month" => whole(month),
        "day" => whole(day),
        "hour" => whole(time / USECS_PER_HOUR),
        "minute" => whole(time / USECS_PER_MINUTE % 60),
        "second" => Ok(fraction(time % USECS_PER_MINUTE, 6)),
        "milliseconds" => Ok(fraction(time % USECS_PER_MINUTE, 3)),
        "microseconds" => whole(time % USECS_PER_MINUTE),
        "quarter" => whole((month - 1) / 3 + 1),
        "dow" => whole(day_of_week(days)),
        "isodow" => whole((day_of_week(days) + 6) % 7 + 1),
        "doy" => whole(day_of_year(days)),
        "week" => whole(iso_week(days).1),
        "isoyear" => {
            let year = iso_week(days).0;
            whole(if year > 0 { year } else { year - 1 })
        }
        "decade" => whole(year.div_euclid(10)),
        "century" => whole(if year > 0 { (year + 99) / 100 } else { -((99 - (year - 1)) / 100) }),
        "millennium" => whole(if year > 0 { (year + 999) / 1000 } else { -((999 - (year - 1)) / 1000) }),
        "julian" => {
            let whole_days = Numeric::from(days + 2_451_545);
            let part = Numeric::from(time).div(&Numeric::from(USECS_PER_DAY)).unwrap_or_else(Numeric::zero);
            Ok(if time == 0 { whole_days } else { whole_days.add(&part) })
        }
        "epoch" => Ok(fraction(epoch, 6)),
        "timezone" | "timezone_hour" | "timezone_minute" => match offset {
            Some(offset) => whole(match unit {
                "timezone" => i64::from(offset),
                "timezone_hour" => i64::from(offset / 3600),
                _ => i64::from(offset % 3600 / 60),
            }),
            None => Err(unit_unsupported(unit, type_name)),
        },
        _ => Err(unit_unknown(unit, type_name)),
    }
}

fn infinite_field(unit: &str, negative: bool) -> Value {
    let grows = matches!(unit, "year" | "decade" | "century" | "millennium" | "julian" | "isoyear" | "epoch");
    match (grows, negative) {
        (false, _) => Value::Null,
        (true, false) => Value::numeric(Numeric::Infinity),
        (true, true) => Value::numeric(Numeric::NegativeInfinity),
    }
}

fn interval_field(interval: Interval, unit: &str) -> Result<Numeric> {
    let whole = |n: i64| Ok(Numeric::from(n));
    let time = interval.micros;
    match unit {
        "year" => whole(i64::from(interval.months / 12)),
        "month" => whole(i64::from(interval.months % 12)),
        "day" => whole(i64::from(interval.days)),
        "hour" => whole(time / USECS_PER_HOUR),
        "minute" => whole(time / USECS_PER_MINUTE % 60),
        "second" => Ok(fraction(time % USECS_PER_MINUTE, 6)),
        "milliseconds" => Ok(fraction(time % USECS_PER_MINUTE, 3)),
        "microseconds" => whole(time % USECS_PER_MINUTE),
        "quarter" => whole(i64::from(interval.months % 12 / 3 + 1)),
        "decade" => whole(i64::from(interval.months / 120)),
        "century" => whole(i64::from(interval.months / 1200)),
        "millennium" => whole(i64::from(interval.months / 12_000)),
        "epoch" => {
            let years = i128::from(interval.months / 12) * 31_557_600;
            let months = i128::from(interval.months % 12) * 30 * 86_400;
            let seconds = years + months + i128::from(interval.days) * 86_400;
            Ok(Numeric::new(seconds * 1_000_000 + i128::from(time), 6))
        }
        _ => Err(unit_unknown(unit, "interval")),
    }
}

fn extract(exec: &mut Exec, unit: &str, value: &Value) -> Result<Value> {
    let unit = unit_name(unit);
    let number = match value {
        Value::Timestamp(local) if matches!(*local, i64::MAX | i64::MIN) => {
            return Ok(infinite_field(&unit, *local < 0));
        }
        Value::TimestampTz(local) if matches!(*local, i64::MAX | i64::MIN) => {
            return Ok(infinite_field(&unit, *local < 0));
        }
        Value::Date(days) if matches!(*days, i32::MAX | i32::MIN) => {
            return Ok(infinite_field(&unit, *days < 0));
        }
        Value::Timestamp(local) => {
            field_of(*local, &unit, None, local + UNIX_EPOCH_OFFSET, "timestamp without time zone")?
        }
        Value::TimestampTz(moment) => {
            let offset = exec.env.style.zone.offset_at(*moment);
            let local = to_local(*moment, &exec.env);
            field_of(local, &unit, Some(offset), moment + UNIX_EPOCH_OFFSET, "timestamp with time zone")?
        }
        Value::Date(days) => {
            if matches!(
                unit.as_str(),
                "hour" | "minute" | "second" | "milliseconds" | "microseconds" | "timezone" | "timezone_hour"
            ) {
                return Err(unit_unsupported(&unit, "date"));
            }
            let local = date_to_timestamp(*days)?;
            if unit == "epoch" {
                return Ok(Value::numeric(Numeric::from((local + UNIX_EPOCH_OFFSET) / USECS_PER_SEC)));
            }
            field_of(local, &unit, None, local + UNIX_EPOCH_OFFSET, "date")?
        }
        Value::Time(micros) => match unit.as_str() {
            "hour" | "minute" | "second" | "milliseconds" | "microseconds" | "epoch" => {
                field_of(*micros, &unit, None, *micros, "time without time zone")?
            }
            _ => return Err(unit_unsupported(&unit, "time without time zone")),
        },
        Value::TimeTz(micros, west) => field_of(
            *micros,
            &unit,
            Some(-west),
            micros + i64::from(*west) * USECS_PER_SEC,
            "time with time zone",
        )?,
        Value::Interval(interval) => interval_field(*interval, &unit)?,
        _ => return Ok(Value::Null),
    };
    Ok(Value::numeric(number))
}

fn date_part(exec: &mut Exec, args: &[Value]) -> Result<Value> {
    Ok(match extract(exec, str_of(&args[0]), &args[1])? {
        Value::Numeric(number) => Value::Float8(number.to_f64()),
        other => other,
    })
}

/// A local timestamp cut to a unit.
fn truncate(local: i64, unit: &str, type_name: &str) -> Result<i64> {
    if matches!(local, i64::MAX | i64::MIN) {
        return Ok(local);
    }
    let (days, time) = (local.div_euclid(USECS_PER_DAY), local.rem_euclid(USECS_PER_DAY));
    let (year, month, _) = civil_from_days(days);
    let first = |year: i64, month: i64| days_from_civil(year, month, 1) * USECS_PER_DAY;
    let cut = |unit: i64| days * USECS_PER_DAY + time - time % unit;
    Ok(match unit {
        "microseconds" => local,
        "milliseconds" => cut(1000),
        "second" => cut(USECS_PER_SEC),
        "minute" => cut(USECS_PER_MINUTE),
        "hour" => cut(USECS_PER_HOUR),
        "day" => days * USECS_PER_DAY,
        "week" => (days - (day_of_week(days) + 6) % 7) * USECS_PER_DAY,
        "month" => first(year, month),
        "quarter" => first(year, (month - 1) / 3 * 3 + 1),
        "year" => first(year, 1),
        "decade" => first(year.div_euclid(10) * 10, 1),
        "century" => first((year - 1).div_euclid(100) * 100 + 1, 1),
        "millennium" => first((year - 1).div_euclid(1000) * 1000 + 1, 1),
        _ => return Err(unit_unknown(unit, type_name)),
    })
}

fn truncate_interval(interval: Interval, unit: &str) -> Result<Interval> {
    let months = |per: i32| Interval::new(interval.months / per * per, 0, 0);
    let time =
        |unit: i64| Interval::new(interval.months, interval.days, interval.micros - interval.micros % unit);
    Ok(match unit {
        "microseconds" => interval,
        "milliseconds" => time(1000),
        "second" => time(USECS_PER_SEC),
        "minute" => time(USECS_PER_MINUTE),
        "hour" => time(USECS_PER_HOUR),
        "day" => Interval::new(interval.months, interval.days, 0),
        "month" => months(1),
        "quarter" => months(3),
        "year" => months(12),
        "decade" => months(120),
        "century" => months(1200),
        "millennium" => months(12_000),
        "week" => return Err(unit_unsupported(unit, "interval")),
        _ => return Err(unit_unknown(unit, "interval")),
    })
}

/// The difference in years, months, days and time, as a calendar reader counts it.
fn age(left: i64, right: i64) -> Value {
    if left < right {
        let Value::Interval(interval) = age(right, left) else { return Value::Null };
        return Value::Interval(Interval::new(-interval.months, -interval.days, -interval.micros));
    }
    let parts = |moment: i64| {
        let days = moment.div_euclid(USECS_PER_DAY);
        (civil_from_days(days), moment.rem_euclid(USECS_PER_DAY))
    };
    let ((year, month, day), time) = parts(left);
    let ((other_year, other_month, other_day), other_time) = parts(right);
    let mut months = (year - other_year) * 12 + month - other_month;
    let mut days = day - other_day;
    let mut micros = time - other_time;
    if micros < 0 {
        micros += USECS_PER_DAY;
        days -= 1;
    }
    if days < 0 {
        days += days_in_month(other_year, other_month);
        months -= 1;
    }
    Value::Interval(Interval::new(months as i32, days as i32, micros))
}

fn make_date(year: i64, month: i64, day: i64) -> Result<i64> {
    let adjusted = if year < 0 { year + 1 } else { year };
    if year == 0 || !(1..=12).contains(&month) || day < 1 || day > days_in_month(adjusted, month) {
        return Err(error(b"22008", format!("date field value out of range: {year}-{month:02}-{day:02}")));
    }
    Ok(days_from_civil(adjusted, month, day))
}

fn make_time(hour: i64, minute: i64, second: f64) -> Result<i64> {
    let micros = (second * 1e6).round_ties_even() as i64;
    let total = hour * USECS_PER_HOUR + minute * USECS_PER_MINUTE + micros;
    if !(0..=24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0.0..=60.0).contains(&second)
        || total > USECS_PER_DAY
    {
        return Err(error(
            b"22008",
            format!("time field value out of range: {hour}:{minute:02}:{second:02}"),
        ));
    }
    Ok(total)
}

fn make_timestamp(a: &[Value]) -> Result<i64> {
    let int = |at: usize| i64::from(i32_of(&a[at]));
    let days = make_date(int(0), int(1), int(2))?;
    Ok(days * USECS_PER_DAY + make_time(int(3), int(4), f64_of(&a[5]))?)
}

fn make_interval(a: &[Value]) -> Result<Value> {
    let int = |at: usize| i64::from(i32_of(&a[at]));
    let months = i32::try_from(int(0) * 12 + int(1)).map_err(|_| interval_overflow())?;
    let days = i32::try_from(int(2) * 7 + int(3)).map_err(|_| interval_overflow())?;
    let seconds = f64_of(&a[6]);
    let micros =
        int(4) * USECS_PER_HOUR + int(5) * USECS_PER_MINUTE + (seconds * 1e6).round_ties_even() as i64;
    Ok(Value::Interval(Interval::new(months, days, micros)))
}

fn to_timestamp(seconds: f64) -> Result<Value> {
    if seconds.is_nan() {
        return Err(error(b"22008", "timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Ok(Value::TimestampTz(if seconds > 0.0 { i64::MAX } else { i64::MIN }));
    }
    let micros = (seconds * 1e6).round_ties_even();
    if !(TIMESTAMP_MIN as f64..TIMESTAMP_END as f64).contains(&(micros - UNIX_EPOCH_OFFSET as f64)) {
        return Err(error(b"22008", format!("timestamp out of range: \"{seconds}\"")));
    }
    Ok(Value::TimestampTz(micros as i64 - UNIX_EPOCH_OFFSET))
}

fn date_bin(stride: Interval, source: i64, origin: i64) -> Result<i64> {
    if stride.months != 0 {
        return Err(error(b"0A000", "timestamps cannot be binned into intervals containing months or years"));
    }
    let width = i64::from(stride.days) * USECS_PER_DAY + stride.micros;
    if width <= 0 {
        return Err(error(b"22008", "stride must be greater than zero"));
    }
    Ok(origin + (source - origin).div_euclid(width) * width)
}

fn zone_of(value: &Value) -> Result<Zone> {
    match value {
        Value::Interval(interval) => Ok(Zone::fixed((interval.micros / USECS_PER_SEC) as i32)),
        other => Zone::parse(str_of(other), true),
    }
}

fn zone_local(zone: &Zone, moment: i64) -> i64 {
    match moment {
        i64::MAX | i64::MIN => moment,
        _ => moment + i64::from(zone.offset_at(moment)) * USECS_PER_SEC,
    }
}

fn at_zone(a: &[Value]) -> Result<Value> {
    let zone = zone_of(&a[0])?;
    Ok(match &a[1] {
        Value::Timestamp(local) if matches!(*local, i64::MAX | i64::MIN) => Value::TimestampTz(*local),
        Value::Timestamp(local) => Value::TimestampTz(zone.to_moment(*local)),
        Value::TimestampTz(moment) => Value::Timestamp(zone_local(&zone, *moment)),
        Value::TimeTz(micros, west) => {
            let offset = zone.offset_at(0);
            let utc = micros + i64::from(*west) * USECS_PER_SEC;
            Value::TimeTz((utc + i64::from(offset) * USECS_PER_SEC).rem_euclid(USECS_PER_DAY), -offset)
        }
        _ => Value::Null,
    })
}

fn justify(interval: Interval, hours: bool, days: bool) -> Value {
    let mut result = interval;
    if hours {
        result.days += (result.micros / USECS_PER_DAY) as i32;
        result.micros %= USECS_PER_DAY;
    }
    if days {
        result.months += result.days / 30;
        result.days %= 30;
    }
    if days && hours {
        if result.months > 0 && (result.days < 0 || (result.days == 0 && result.micros < 0)) {
            result.days += 30;
            result.months -= 1;
        } else if result.months < 0 && (result.days > 0 || (result.days == 0 && result.micros > 0)) {
            result.days -= 30;
            result.months += 1;
        }
    }
    if hours {
        if result.days > 0 && result.micros < 0 {
            result.micros += USECS_PER_DAY;
            result.days -= 1;
        } else if result.days < 0 && result.micros > 0 {
            result.micros -= USECS_PER_DAY;
            result.days += 1;
        }
    }
    Value::Interval(result)
}

macro_rules! fields {
    ($($type:ident),*) => {
        static FIELDS: &[Function] = &[$(
            Function::scalar("extract", &[TEXT, $type], NUMERIC, |exec, a| extract(exec, str_of(&a[0]), &a[1])).stable(),
            Function::scalar("date_part", &[TEXT, $type], FLOAT8, date_part).stable(),
        )*];
    };
}

fields!(TIMESTAMP, TIMESTAMPTZ, DATE, TIME, TIMETZ, INTERVAL);

/// `extract` and `date_part`.
pub(super) fn fields() -> &'static [Function] {
    FIELDS
}

macro_rules! now {
    ($name:literal) => {
        Function::scalar($name, &[], TIMESTAMPTZ, |exec, _| transaction_time(exec).map(Value::TimestampTz))
            .stable()
    };
}

const OID_ZONE: Oid = TEXT;

pub(super) static FUNCTIONS: &[Function] = &[
    now!("now"),
    now!("transaction_timestamp"),
    now!("current_timestamp"),
    Function::scalar("statement_timestamp", &[], TIMESTAMPTZ, |exec, _| {
        Ok(Value::TimestampTz(moment(exec.statement_time)))
    })
    .stable(),
    Function::scalar("clock_timestamp", &[], TIMESTAMPTZ, |exec, _| clock(exec).map(Value::TimestampTz))
        .volatile(),
    Function::scalar("timeofday", &[], TEXT, |exec, _| {
        let now = Value::TimestampTz(clock(exec)?);
        Ok(Value::text(crate::value::text::output(&now, TIMESTAMPTZ, exec.text())))
    })
    .volatile(),
    Function::scalar("localtimestamp", &[], TIMESTAMP, |exec, _| {
        Ok(Value::Timestamp(to_local(transaction_time(exec)?, &exec.env)))
    })
    .stable(),
    Function::scalar("current_date", &[], DATE, |exec, _| {
        Ok(Value::Date(timestamp_to_date(to_local(transaction_time(exec)?, &exec.env))))
    })
    .stable(),
    Function::scalar("localtime", &[], TIME, |exec, _| {
        Ok(Value::Time(to_local(transaction_time(exec)?, &exec.env).rem_euclid(USECS_PER_DAY)))
    })
    .stable(),
    Function::scalar("current_time", &[], TIMETZ, |exec, _| {
        let now = transaction_time(exec)?;
        let offset = exec.env.style.zone.offset_at(now);
        Ok(Value::TimeTz(to_local(now, &exec.env).rem_euclid(USECS_PER_DAY), -offset))
    })
    .stable(),
    Function::scalar("date_trunc", &[TEXT, TIMESTAMP], TIMESTAMP, |_, a| {
        truncate(micros_of(&a[1]), &unit_name(str_of(&a[0])), "timestamp without time zone")
            .map(Value::Timestamp)
    }),
    Function::scalar("date_trunc", &[TEXT, TIMESTAMPTZ], TIMESTAMPTZ, |exec, a| {
        let local = to_local(micros_of(&a[1]), &exec.env);
        let cut = truncate(local, &unit_name(str_of(&a[0])), "timestamp with time zone")?;
        Ok(Value::TimestampTz(from_local(cut, &exec.env)))
    })
    .stable(),
    Function::scalar("date_trunc", &[TEXT, TIMESTAMPTZ, TEXT], TIMESTAMPTZ, |_, a| {
        let zone = zone_of(&a[2])?;
        let local = zone_local(&zone, micros_of(&a[1]));
        let cut = truncate(local, &unit_name(str_of(&a[0])), "timestamp with time zone")?;
        Ok(Value::TimestampTz(zone.to_moment(cut)))
    }),
    Function::scalar("date_trunc", &[TEXT, INTERVAL], INTERVAL, |_, a| {
        truncate_interval(interval_of(&a[1]), &unit_name(str_of(&a[0]))).map(Value::Interval)
    }),
    Function::scalar("date_bin", &[INTERVAL, TIMESTAMP, TIMESTAMP], TIMESTAMP, |_, a| {
        date_bin(interval_of(&a[0]), micros_of(&a[1]), micros_of(&a[2])).map(Value::Timestamp)
    }),
    Function::scalar("date_bin", &[INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ], TIMESTAMPTZ, |_, a| {
        date_bin(interval_of(&a[0]), micros_of(&a[1]), micros_of(&a[2])).map(Value::TimestampTz)
    }),
    Function::scalar("age", &[TIMESTAMP, TIMESTAMP], INTERVAL, |_, a| {
        Ok(age(micros_of(&a[0]), micros_of(&a[1])))
    }),
    Function::scalar("age", &[TIMESTAMPTZ, TIMESTAMPTZ], INTERVAL, |exec, a| {
        Ok(age(to_local(micros_of(&a[0]), &exec.env), to_local(micros_of(&a[1]), &exec.env)))
    })
    .stable(),
    Function::scalar("age", &[TIMESTAMP], INTERVAL, |exec, a| {
        let today = to_local(transaction_time(exec)?, &exec.env).div_euclid(USECS_PER_DAY) * USECS_PER_DAY;
        Ok(age(today, micros_of(&a[0])))
    })
    .stable(),
    Function::scalar("age", &[TIMESTAMPTZ], INTERVAL, |exec, a| {
        let today = to_local(transaction_time(exec)?, &exec.env).div_euclid(USECS_PER_DAY) * USECS_PER_DAY;
        Ok(age(today, to_local(micros_of(&a[0]), &exec.env)))
    })
    .stable(),
    Function::scalar("make_date", &[INT4, INT4, INT4], DATE, |_, a| {
        let int = |at: usize| i64::from(i32_of(&a[at]));
        make_date(int(0), int(1), int(2)).map(|days| Value::Date(days as i32))
    }),
    Function::scalar("make_time", &[INT4, INT4, FLOAT8], TIME, |_, a| {
        make_time(i64::from(i32_of(&a[0])), i64::from(i32_of(&a[1])), f64_of(&a[2])).map(Value::Time)
    }),
    Function::scalar("make_timestamp", &[INT4, INT4, INT4, INT4, INT4, FLOAT8], TIMESTAMP, |_, a| {
        make_timestamp(a).map(Value::Timestamp)
    }),
    Function::scalar("make_timestamptz", &[INT4, INT4, INT4, INT4, INT4, FLOAT8], TIMESTAMPTZ, |exec, a| {
        Ok(Value::TimestampTz(from_local(make_timestamp(a)?, &exec.env)))
    })
    .stable(),
    Function::scalar(
        "make_timestamptz",
        &[INT4, INT4, INT4, INT4, INT4, FLOAT8, TEXT],
        TIMESTAMPTZ,
        |_, a| Ok(Value::TimestampTz(zone_of(&a[6])?.to_moment(make_timestamp(a)?))),
    ),
    Function::scalar("make_interval", &[INT4, INT4, INT4, INT4, INT4, INT4, FLOAT8], INTERVAL, |_, a| {
        make_interval(a)
    })
    .named(&["years", "months", "weeks", "days", "hours", "mins", "secs"], 7),
    Function::scalar("to_timestamp", &[FLOAT8], TIMESTAMPTZ, |_, a| to_timestamp(f64_of(&a[0]))),
    Function::scalar("timezone", &[OID_ZONE, TIMESTAMP], TIMESTAMPTZ, |_, a| at_zone(a)),
    Function::scalar("timezone", &[OID_ZONE, TIMESTAMPTZ], TIMESTAMP, |_, a| at_zone(a)),
    Function::scalar("timezone", &[OID_ZONE, TIMETZ], TIMETZ, |_, a| at_zone(a)),
    Function::scalar("timezone", &[INTERVAL, TIMESTAMP], TIMESTAMPTZ, |_, a| at_zone(a)),
    Function::scalar("timezone", &[INTERVAL, TIMESTAMPTZ], TIMESTAMP, |_, a| at_zone(a)),
    Function::scalar("justify_hours", &[INTERVAL], INTERVAL, |_, a| {
        Ok(justify(interval_of(&a[0]), true, false))
    }),
    Function::scalar("justify_days", &[INTERVAL], INTERVAL, |_, a| {
        Ok(justify(interval_of(&a[0]), false, true))
    }),
    Function::scalar("justify_interval", &[INTERVAL], INTERVAL, |_, a| {
        Ok(justify(interval_of(&a[0]), true, true))
    }),
    Function::scalar("isfinite", &[DATE], BOOL, |_, a| {
        Ok(Value::Bool(!matches!(a[0], Value::Date(i32::MAX | i32::MIN))))
    }),
    Function::scalar("isfinite", &[TIMESTAMP], BOOL, |_, a| {
        Ok(Value::Bool(!matches!(micros_of(&a[0]), i64::MAX | i64::MIN)))
    }),
    Function::scalar("isfinite", &[TIMESTAMPTZ], BOOL, |_, a| {
        Ok(Value::Bool(!matches!(micros_of(&a[0]), i64::MAX | i64::MIN)))
    }),
    Function::scalar("isfinite", &[INTERVAL], BOOL, |_, _| Ok(Value::Bool(true))),
    Function::scalar("date", &[TIMESTAMP], DATE, |_, a| Ok(Value::Date(timestamp_to_date(micros_of(&a[0]))))),
    Function::scalar("date", &[TIMESTAMPTZ], DATE, |exec, a| {
        Ok(Value::Date(timestamp_to_date(to_local(micros_of(&a[0]), &exec.env))))
    })
    .stable(),
    Function::scalar("timestamp_add", &[TIMESTAMP, INTERVAL], TIMESTAMP, |_, a| {
        add(micros_of(&a[0]), interval_of(&a[1])).map(Value::Timestamp).map_err(|_| timestamp_overflow())
    }),
];
