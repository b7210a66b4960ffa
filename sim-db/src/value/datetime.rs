//! Text of dates, times and timestamps.

use super::calendar::*;
use super::text::TextStyle;
use super::zone::Zone;
use std::fmt::Write;

/// Order of the fields of a date given in digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// Month, day, year.
    Mdy,
    /// Day, month, year.
    Dmy,
    /// Year, month, day.
    Ymd,
}

/// How dates are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateFormat {
    /// `2024-02-29`.
    Iso,
    /// `02/29/2024`.
    Sql,
    /// `Thu 29 Feb 2024`.
    Postgres,
    /// `29.02.2024`.
    German,
}

/// Month names, in three letters.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Day names, in three letters, from Sunday.
pub const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Writes a date.
pub fn write_date(out: &mut String, days: i32, style: &TextStyle) {
    match days {
        i32::MAX => return out.push_str("infinity"),
        i32::MIN => return out.push_str("-infinity"),
        _ => {}
    }
    let year = write_civil_date(out, i64::from(days), style);
    if year <= 0 {
        out.push_str(" BC");
    }
}

fn write_civil_date(out: &mut String, days: i64, style: &TextStyle) -> i64 {
    let (year, month, day) = civil_from_days(days);
    let shown = if year > 0 { year } else { 1 - year };
    let dmy = style.date_order == DateOrder::Dmy;
    let _ = match style.date_format {
        DateFormat::Iso => write!(out, "{shown:04}-{month:02}-{day:02}"),
        DateFormat::Sql if dmy => write!(out, "{day:02}/{month:02}/{shown:04}"),
        DateFormat::Sql => write!(out, "{month:02}/{day:02}/{shown:04}"),
        DateFormat::German => write!(out, "{day:02}.{month:02}.{shown:04}"),
        DateFormat::Postgres if dmy => write!(out, "{day:02}-{month:02}-{shown:04}"),
        DateFormat::Postgres => write!(out, "{month:02}-{day:02}-{shown:04}"),
    };
    year
}

/// Writes a time of day, fraction digits without trailing zeros.
pub fn write_time(out: &mut String, micros: i64) {
    let _ = write!(
        out,
        "{:02}:{:02}:{:02}",
        micros / USECS_PER_HOUR,
        micros / USECS_PER_MINUTE % 60,
        micros / USECS_PER_SEC % 60
    );
    write_fraction(out, micros % USECS_PER_SEC);
}

/// Writes `.ffffff` without trailing zeros; nothing for zero.
pub fn write_fraction(out: &mut String, micros: i64) {
    if micros != 0 {
        let digits = format!("{:06}", micros.abs());
        out.push('.');
        out.push_str(digits.trim_end_matches('0'));
    }
}

/// Writes an offset as `+HH[:MM[:SS]]`.
pub fn write_offset(out: &mut String, seconds_east: i32) {
    let total = seconds_east.abs();
    let _ = write!(out, "{}{:02}", if seconds_east < 0 { '-' } else { '+' }, total / 3600);
    if total % 3600 != 0 {
        let _ = write!(out, ":{:02}", total % 3600 / 60);
        if total % 60 != 0 {
            let _ = write!(out, ":{:02}", total % 60);
        }
    }
}

/// Writes a `timestamp` (`zone` is `None`) or a `timestamptz`.
pub fn write_timestamp(out: &mut String, moment: i64, zone: Option<&Zone>, style: &TextStyle) {
    match moment {
        i64::MAX => return out.push_str("infinity"),
        i64::MIN => return out.push_str("-infinity"),
        _ => {}
    }
    let offset = zone.map_or(0, |zone| zone.offset_at(moment));
    let local = moment + i64::from(offset) * USECS_PER_SEC;
    let (days, time) = (local.div_euclid(USECS_PER_DAY), local.rem_euclid(USECS_PER_DAY));
    if style.date_format == DateFormat::Postgres {
        let (year, month, day) = civil_from_days(days);
        let name = MONTHS[(month - 1) as usize];
        let weekday = DAYS[day_of_week(days) as usize];
        let _ = if style.date_order == DateOrder::Dmy {
            write!(out, "{weekday} {day:02} {name} ")
        } else {
            write!(out, "{weekday} {name} {day:02} ")
        };
        write_time(out, time);
        let _ = write!(out, " {:04}", if year > 0 { year } else { 1 - year });
        if let Some(zone) = zone {
            let _ = write!(out, " {}", zone.abbreviation_at(moment));
        }
        if year <= 0 {
            out.push_str(" BC");
        }
        return;
    }
    let year = write_civil_date(out, days, style);
    out.push(' ');
    write_time(out, time);
    if let Some(zone) = zone {
        if style.date_format == DateFormat::Iso {
            write_offset(out, offset);
        } else {
            let _ = write!(out, " {}", zone.abbreviation_at(moment));
        }
    }
    if year <= 0 {
        out.push_str(" BC");
    }
}
