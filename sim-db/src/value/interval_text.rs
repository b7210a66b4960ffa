//! Text of intervals: PostgreSQL's verbose input, ISO 8601, and the output styles.

use super::Interval;
use super::calendar::{USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC};
use super::datetime::write_fraction;
use super::datetime_input::fraction_micros;
use crate::error::{DatabaseError, Result, SqlState};
use std::fmt::Write;

/// How intervals are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalStyle {
    /// `1 year 2 mons 3 days 04:05:06`.
    Postgres,
    /// `@ 1 year 2 mons 3 days 4 hours 5 mins 6 secs`.
    PostgresVerbose,
    /// `+1-2 +3 +4:05:06`.
    SqlStandard,
    /// `P1Y2M3DT4H5M6S`.
    Iso8601,
}

/// What a number without a unit means, from `INTERVAL '1' HOUR` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntervalUnit {
    /// Years.
    Year,
    /// Months.
    Month,
    /// Days.
    Day,
    /// Hours.
    Hour,
    /// Minutes.
    Minute,
    /// Seconds.
    Second,
}

fn syntax(text: &str) -> DatabaseError {
    DatabaseError::new(SqlState(*b"22007"), format!("invalid input syntax for type interval: \"{text}\""))
}

fn overflow(text: &str) -> DatabaseError {
    DatabaseError::new(SqlState(*b"22015"), format!("interval field value out of range: \"{text}\""))
}

/// A decimal number, exact to the sixth digit after the point.
#[derive(Clone, Copy)]
struct Decimal {
    whole: i64,
    micros: i64,
}

fn decimal(text: &str) -> Option<Decimal> {
    let (negative, body) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    if (whole.is_empty() && fraction.is_empty())
        || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let micros = fraction_micros(fraction);
    Some(if negative { Decimal { whole: -whole, micros: -micros } } else { Decimal { whole, micros } })
}

struct Sum {
    months: i64,
    days: i64,
    micros: i64,
}

impl Sum {
    /// Adds `number` of `unit`; a fraction flows down to smaller units as PostgreSQL lets it.
    fn add(&mut self, number: Decimal, unit: &str) -> Option<()> {
        let scaled = |per: i64| -> Option<i64> {
            number
                .whole
                .checked_mul(per)?
                .checked_add((i128::from(number.micros) * i128::from(per) / 1_000_000) as i64)
        };
        let months = |sum: &mut Self, per: i64| -> Option<()> {
            sum.months = sum.months.checked_add(number.whole.checked_mul(per)?)?;
            let part = i128::from(number.micros) * i128::from(per);
            sum.months += (part / 1_000_000) as i64;
            if per == 1 {
                let day_micros = (part % 1_000_000) * 30;
                sum.days += (day_micros / 1_000_000) as i64;
                sum.micros += ((day_micros % 1_000_000) * 86_400) as i64;
            }
            Some(())
        };
        let days = |sum: &mut Self, per: i64| -> Option<()> {
            sum.days = sum.days.checked_add(number.whole.checked_mul(per)?)?;
            let part = i128::from(number.micros) * i128::from(per);
            sum.days += (part / 1_000_000) as i64;
            sum.micros += ((part % 1_000_000) * 86_400) as i64;
            Some(())
        };
        match unit {
            "microsecond" | "us" | "usec" | "microsec" => {
                self.micros = self.micros.checked_add(number.whole)?
            }
            "millisecond" | "ms" | "msec" | "millisec" | "msecond" => {
                self.micros = self.micros.checked_add(scaled(1000)?)?;
            }
            "second" | "sec" | "s" => self.micros = self.micros.checked_add(scaled(USECS_PER_SEC)?)?,
            "minute" | "min" | "m" => self.micros = self.micros.checked_add(scaled(USECS_PER_MINUTE)?)?,
            "hour" | "hr" | "h" => self.micros = self.micros.checked_add(scaled(USECS_PER_HOUR)?)?,
            "day" | "d" => days(self, 1)?,
            "week" | "w" => days(self, 7)?,
            "month" | "mon" => months(self, 1)?,
            "year" | "yr" | "y" => months(self, 12)?,
            "decade" | "dec" => months(self, 120)?,
            "century" | "cent" | "c" => months(self, 1200)?,
            "millennium" | "mil" | "millennia" => months(self, 12_000)?,
            _ => return None,
        }
        Some(())
    }
}

/// Reads an interval; `default_unit` is that of a trailing number without one (seconds unless the type says else).
///
/// # Errors
///
/// 22007 for a text that is none, 22015 when a field overflows.
pub fn parse_interval(text: &str, default_unit: Option<IntervalUnit>) -> Result<Interval> {
    let trimmed = text.trim();
    let mut sum = Sum { months: 0, days: 0, micros: 0 };
    if trimmed.starts_with('P') && trimmed.len() > 1 {
        parse_iso(&trimmed[1..], &mut sum).ok_or_else(|| syntax(text))?;
    } else {
        parse_words(trimmed, default_unit, &mut sum).ok_or_else(|| syntax(text))??;
    }
    let months = i32::try_from(sum.months).map_err(|_| overflow(text))?;
    let days = i32::try_from(sum.days).map_err(|_| overflow(text))?;
    Ok(Interval::new(months, days, sum.micros))
}

fn parse_iso(text: &str, sum: &mut Sum) -> Option<()> {
    let mut in_time = false;
    let mut number = String::new();
    for c in text.chars() {
        match c {
            'T' => in_time = true,
            '0'..='9' | '.' | '-' | '+' => number.push(c),
            _ => {
                let value = decimal(&number)?;
                number.clear();
                let unit = match (c, in_time) {
                    ('Y', false) => "year",
                    ('M', false) => "month",
                    ('W', false) => "week",
                    ('D', false) => "day",
                    ('H', true) => "hour",
                    ('M', true) => "minute",
                    ('S', true) => "second",
                    _ => return None,
                };
                sum.add(value, unit)?;
            }
        }
    }
    number.is_empty().then_some(())
}

fn clock(word: &str) -> Option<Result<i64>> {
    let (sign, body) = match word.as_bytes()[0] {
        b'-' => (-1, &word[1..]),
        b'+' => (1, &word[1..]),
        _ => (1, word),
    };
    let mut parts: Vec<&str> = body.split(':').collect();
    if parts.len() < 2 || parts.len() > 3 {
        return None;
    }
    if parts.len() == 2 && parts[1].contains('.') {
        parts.insert(0, "0");
    }
    let hours: i64 = parts[0].parse().ok()?;
    let minutes: i64 = parts[1].parse().ok()?;
    let seconds = decimal(parts.get(2).copied().unwrap_or("0"))?;
    if minutes > 59 || seconds.whole > 60 {
        return Some(Err(DatabaseError::new(
            SqlState(*b"22015"),
            format!("interval field value out of range: \"{word}\""),
        )));
    }
    let total = hours.checked_mul(USECS_PER_HOUR)?
        + minutes * USECS_PER_MINUTE
        + seconds.whole * USECS_PER_SEC
        + seconds.micros;
    Some(Ok(sign * total))
}

fn parse_words(text: &str, default_unit: Option<IntervalUnit>, sum: &mut Sum) -> Option<Result<()>> {
    let lower = text.to_ascii_lowercase();
    let mut spaced = String::new();
    let mut previous = ' ';
    for c in lower.chars() {
        // "3days" and "3d" are a number and a unit.
        if c.is_ascii_alphabetic() && previous.is_ascii_digit() {
            spaced.push(' ');
        } else if (c.is_ascii_digit() || c == '-' || c == '+') && previous.is_ascii_alphabetic() {
            spaced.push(' ');
        }
        spaced.push(c);
        previous = c;
    }
    let mut ago = false;
    let mut pending: Option<Decimal> = None;
    let mut seen = false;
    for word in spaced.split_whitespace() {
        if word == "@" {
            continue;
        }
        if word == "ago" {
            ago = true;
        } else if word.contains(':') {
            if let Some(days) = pending.take() {
                sum.add(days, "day")?;
            }
            match clock(word)? {
                Ok(micros) => sum.micros = sum.micros.checked_add(micros)?,
                Err(error) => return Some(Err(error)),
            }
            seen = true;
        } else if let Some(number) = decimal(word) {
            if let Some(days) = pending.replace(number) {
                sum.add(days, "day")?;
            }
            seen = true;
        } else if let Some((years, months)) = word.get(1..).and_then(|rest| rest.split_once('-')) {
            // "1-2": years and months of the SQL standard.
            let sign = if word.starts_with('-') { -1 } else { 1 };
            let first = &word[..=years.len()];
            let years: i64 = first.trim_start_matches(['+', '-']).parse().ok()?;
            sum.months += sign * (years * 12 + months.parse::<i64>().ok()?);
            seen = true;
        } else {
            let mut unit = word;
            if !matches!(unit, "s" | "ms" | "us") {
                unit = match unit {
                    "centuries" => "century",
                    other => other.strip_suffix('s').unwrap_or(other),
                };
            }
            sum.add(pending.take()?, unit)?;
        }
    }
    if let Some(number) = pending {
        let unit = match default_unit {
            Some(IntervalUnit::Year) => "year",
            Some(IntervalUnit::Month) => "month",
            Some(IntervalUnit::Day) => "day",
            Some(IntervalUnit::Hour) => "hour",
            Some(IntervalUnit::Minute) => "minute",
            _ => "second",
        };
        sum.add(number, unit)?;
    }
    if ago {
        (sum.months, sum.days, sum.micros) = (-sum.months, -sum.days, -sum.micros);
    }
    seen.then_some(Ok(()))
}

fn plural(n: i64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// Writes an interval in a style.
pub fn write_interval(out: &mut String, interval: Interval, style: IntervalStyle) {
    let (years, months) = (interval.months / 12, interval.months % 12);
    let days = interval.days;
    let time = interval.micros;
    let hours = time / USECS_PER_HOUR;
    let minutes = (time / USECS_PER_MINUTE % 60).abs();
    let seconds = (time / USECS_PER_SEC % 60).abs();
    let fraction = (time % USECS_PER_SEC).abs();
    match style {
        IntervalStyle::Postgres => {
            let start = out.len();
            let mut negative_before = false;
            for (n, unit) in [(years, "year"), (months, "mon"), (days, "day")] {
                if n != 0 {
                    let separator = if out.len() > start { " " } else { "" };
                    let sign = if negative_before && n > 0 { "+" } else { "" };
                    let _ = write!(out, "{separator}{sign}{n} {unit}{}", plural(i64::from(n)));
                    negative_before = n < 0;
                }
            }
            if time != 0 || out.len() == start {
                let separator = if out.len() > start { " " } else { "" };
                let sign = if time < 0 {
                    "-"
                } else if negative_before {
                    "+"
                } else {
                    ""
                };
                let _ = write!(out, "{separator}{sign}{:02}:{minutes:02}:{seconds:02}", hours.abs());
                write_fraction(out, fraction);
            }
        }
        IntervalStyle::PostgresVerbose => {
            out.push('@');
            let first_negative = [i64::from(years), i64::from(months), i64::from(days), time]
                .into_iter()
                .find(|n| *n != 0)
                .is_some_and(|n| n < 0);
            let flip = if first_negative { -1 } else { 1 };
            let mut any = false;
            for (n, unit) in [
                (i64::from(years), "year"),
                (i64::from(months), "mon"),
                (i64::from(days), "day"),
                (hours, "hour"),
                (time / USECS_PER_MINUTE % 60, "min"),
            ] {
                if n != 0 {
                    let _ = write!(out, " {} {unit}{}", n * flip, plural((n * flip).abs()));
                    any = true;
                }
            }
            let seconds_signed = time / USECS_PER_SEC % 60;
            if seconds_signed != 0 || fraction != 0 {
                let _ = write!(out, " {}", seconds_signed * flip);
                write_fraction(out, fraction);
                let _ =
                    write!(out, " sec{}", if seconds_signed.abs() == 1 && fraction == 0 { "" } else { "s" });
                any = true;
            }
            if !any {
                out.push_str(" 0");
            }
            if first_negative {
                out.push_str(" ago");
            }
        }
        IntervalStyle::Iso8601 => {
            out.push('P');
            let start = out.len();
            for (n, unit) in [(years, 'Y'), (months, 'M'), (days, 'D')] {
                if n != 0 {
                    let _ = write!(out, "{n}{unit}");
                }
            }
            if time != 0 || out.len() == start {
                out.push('T');
                let minutes = time / USECS_PER_MINUTE % 60;
                if hours != 0 {
                    let _ = write!(out, "{hours}H");
                }
                if minutes != 0 {
                    let _ = write!(out, "{minutes}M");
                }
                if seconds != 0 || fraction != 0 || time == 0 {
                    let sign = if time % USECS_PER_MINUTE < 0 { "-" } else { "" };
                    let _ = write!(out, "{sign}{seconds}");
                    write_fraction(out, fraction);
                    out.push('S');
                }
            }
        }
        IntervalStyle::SqlStandard => {
            let mut parts = Vec::new();
            let mixed = [i64::from(interval.months), i64::from(days), time];
            let signs = mixed.iter().filter(|n| **n != 0).count();
            let force = signs > 1;
            let sign = |negative: bool| {
                if negative {
                    "-"
                } else if force {
                    "+"
                } else {
                    ""
                }
            };
            if interval.months != 0 {
                parts.push(format!("{}{}-{}", sign(interval.months < 0), years.abs(), months.abs()));
            }
            if days != 0 {
                parts.push(format!("{}{}", sign(days < 0), days.abs()));
            }
            if time != 0 {
                let mut text = format!("{}{}:{minutes:02}:{seconds:02}", sign(time < 0), hours.abs());
                write_fraction(&mut text, fraction);
                parts.push(text);
            }
            out.push_str(&if parts.is_empty() { "0".to_owned() } else { parts.join(" ") });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, output: &str) {
        let mut out = String::new();
        write_interval(&mut out, parse_interval(input, None).expect(input), IntervalStyle::Postgres);
        assert_eq!(out, output, "{input}");
    }

    #[test]
    fn intervals_are_read_and_written() {
        check("90 minutes", "01:30:00");
        check("1 year 2 months 3 days", "1 year 2 mons 3 days");
        check("-1 day", "-1 days");
        check("1 day 02:03:04.5", "1 day 02:03:04.5");
        check("P1Y2M3DT4H5M6S", "1 year 2 mons 3 days 04:05:06");
        check("1.5 days", "1 day 12:00:00");
        check("-1 day +02:00", "-1 days +02:00:00");
        check("1 week ago", "-7 days");
        check("1-2", "1 year 2 mons");
        check("0", "00:00:00");
        check("1h 5m", "01:05:00");
    }
}
