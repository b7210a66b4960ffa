//! `to_char` of dates, and `to_date`, `to_timestamp` with a pattern.

use super::interval_ops::{interval_of, micros_of};
use super::string::str_of;
use crate::error::Result;
use crate::sql::cast::{from_local, to_local};
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::calendar::*;
use crate::value::datetime::MONTHS;
use crate::value::oid::*;
use crate::value::{Interval, Value};

const MONTH_NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAY_NAMES: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// The template words, longest first among those that share a beginning.
const WORDS: &[&str] = &[
    "HH24", "HH12", "HH", "MI", "SSSSS", "SSSS", "SS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6",
    "AM", "PM", "A.M.", "P.M.", "am", "pm", "a.m.", "p.m.", "Y,YYY", "YYYY", "YYY", "YY", "Y", "IYYY", "IYY",
    "IY", "IW", "ID", "IDDD", "I", "BC", "AD", "B.C.", "A.D.", "bc", "ad", "MONTH", "Month", "month", "MON",
    "Mon", "mon", "MM", "DAY", "Day", "day", "DY", "Dy", "dy", "DDD", "DD", "D", "WW", "W", "CC", "J", "Q",
    "RM", "rm", "TZH", "TZM", "TZ", "tz", "OF",
];

enum Piece {
    Word { name: &'static str, fill: bool, suffix: bool },
    Literal(String),
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    let mut fill = true;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
            fill = false;
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("FX").or_else(|| rest.strip_prefix("TM")) {
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix('"') {
            let end = after.find('"').unwrap_or(after.len());
            pieces.push(Piece::Literal(after[..end].to_owned()));
            rest = after.get(end + 1..).unwrap_or("");
            continue;
        }
        let word = WORDS
            .iter()
            .filter(|word| {
                rest.starts_with(**word) || lower_digits(word).is_some_and(|lower| rest.starts_with(&lower))
            })
            .max_by_key(|word| word.len());
        match word {
            Some(name) => {
                rest = &rest[name.len()..];
                let suffix = rest.starts_with("TH") || rest.starts_with("th");
                if suffix {
                    rest = &rest[2..];
                }
                pieces.push(Piece::Word { name, fill, suffix });
                fill = true;
            }
            None => {
                let c = rest.chars().next().expect("not empty");
                match pieces.last_mut() {
                    Some(Piece::Literal(text)) => text.push(c),
                    _ => pieces.push(Piece::Literal(c.to_string())),
                }
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    pieces
}

/// Numeric words may be written in lower case too (`yyyy`, `mm`); words with letters' case of their own may not.
fn lower_digits(word: &str) -> Option<String> {
    let cased =
        ["MONTH", "MON", "DAY", "DY", "AM", "PM", "A.M.", "P.M.", "BC", "AD", "B.C.", "A.D.", "RM", "TZ"];
    (!cased.contains(&word) && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ','))
        .then(|| word.to_ascii_lowercase())
}

fn ordinal(number: i64) -> &'static str {
    match (number % 10, number % 100 / 10) {
        (_, 1) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

fn cased(name: &str, word: &str) -> String {
    if word.chars().all(|c| !c.is_lowercase()) {
        name.to_uppercase()
    } else if word.starts_with(|c: char| c.is_lowercase()) {
        name.to_lowercase()
    } else {
        name.to_owned()
    }
}

/// Formats a local timestamp; `zone` is its offset in seconds and its abbreviation.
fn format(local: i64, pattern: &str, zone: Option<(i32, String)>) -> String {
    let (days, time) = (local.div_euclid(USECS_PER_DAY), local.rem_euclid(USECS_PER_DAY));
    let (year, month, day) = civil_from_days(days);
    let shown_year = if year > 0 { year } else { 1 - year };
    let hour = time / USECS_PER_HOUR;
    let micros = time % USECS_PER_SEC;
    let mut out = String::new();
    for piece in pieces(pattern) {
        let (name, fill, suffix) = match piece {
            Piece::Literal(text) => {
                out.push_str(&text);
                continue;
            }
            Piece::Word { name, fill, suffix } => (name, fill, suffix),
        };
        let padded = |n: i64, width: usize| if fill { format!("{n:0width$}") } else { n.to_string() };
        let named = |text: String, width: usize| if fill { format!("{text:<width$}") } else { text };
        let number: Option<(i64, usize)> = match name {
            "HH24" => Some((hour, 2)),
            "HH12" | "HH" => Some(((hour + 11) % 12 + 1, 2)),
            "MI" => Some((time / USECS_PER_MINUTE % 60, 2)),
            "SS" => Some((time / USECS_PER_SEC % 60, 2)),
            "SSSS" | "SSSSS" => Some((time / USECS_PER_SEC, 1)),
            "MS" | "FF3" => Some((micros / 1000, 3)),
            "US" | "FF6" => Some((micros, 6)),
            "FF1" => Some((micros / 100_000, 1)),
            "FF2" => Some((micros / 10_000, 2)),
            "FF4" => Some((micros / 100, 4)),
            "FF5" => Some((micros / 10, 5)),
            "YYYY" => Some((shown_year, 4)),
            "YYY" => Some((shown_year % 1000, 3)),
            "YY" => Some((shown_year % 100, 2)),
            "Y" => Some((shown_year % 10, 1)),
            "IYYY" => Some((iso_week(days).0, 4)),
            "IYY" => Some((iso_week(days).0 % 1000, 3)),
            "IY" => Some((iso_week(days).0 % 100, 2)),
            "I" => Some((iso_week(days).0 % 10, 1)),
            "IW" => Some((iso_week(days).1, 2)),
            "ID" => Some(((day_of_week(days) + 6) % 7 + 1, 1)),
            "IDDD" => Some((days - iso_week_start(iso_week(days).0, 1) + 1, 3)),
            "MM" => Some((month, 2)),
            "DDD" => Some((day_of_year(days), 3)),
            "DD" => Some((day, 2)),
            "D" => Some((day_of_week(days) + 1, 1)),
            "WW" => Some(((day_of_year(days) - 1) / 7 + 1, 2)),
            "W" => Some(((day - 1) / 7 + 1, 1)),
            "CC" => Some(((shown_year + 99) / 100, 2)),
            "J" => Some((days + 2_451_545, 1)),
            "Q" => Some(((month - 1) / 3 + 1, 1)),
            _ => None,
        };
        if let Some((number, width)) = number {
            out.push_str(&padded(number, width));
            if suffix {
                out.push_str(ordinal(number));
            }
            continue;
        }
        let text = match name {
            "Y,YYY" => format!("{},{:03}", shown_year / 1000, shown_year % 1000),
            "AM" | "PM" | "am" | "pm" => cased(if hour < 12 { "AM" } else { "PM" }, name),
            "A.M." | "P.M." | "a.m." | "p.m." => cased(if hour < 12 { "A.M." } else { "P.M." }, name),
            "BC" | "AD" | "bc" | "ad" => cased(if year > 0 { "AD" } else { "BC" }, name),
            "B.C." | "A.D." => if year > 0 { "A.D." } else { "B.C." }.to_owned(),
            "MONTH" | "Month" | "month" => named(cased(MONTH_NAMES[(month - 1) as usize], name), 9),
            "MON" | "Mon" | "mon" => cased(MONTHS[(month - 1) as usize], name),
            "DAY" | "Day" | "day" => named(cased(DAY_NAMES[day_of_week(days) as usize], name), 9),
            "DY" | "Dy" | "dy" => cased(&DAY_NAMES[day_of_week(days) as usize][..3], name),
            "RM" | "rm" => named(cased(ROMAN[(month - 1) as usize], name), 4),
            "TZ" => zone.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
            "tz" => zone.as_ref().map(|(_, name)| name.to_lowercase()).unwrap_or_default(),
            "TZH" => zone.as_ref().map_or_else(String::new, |(offset, _)| {
                format!("{}{:02}", if *offset < 0 { '-' } else { '+' }, offset.abs() / 3600)
            }),
            "TZM" => zone
                .as_ref()
                .map_or_else(String::new, |(offset, _)| format!("{:02}", offset.abs() % 3600 / 60)),
            "OF" => {
                let mut text = String::new();
                crate::value::datetime::write_offset(
                    &mut text,
                    zone.as_ref().map_or(0, |(offset, _)| *offset),
                );
                text
            }
            _ => String::new(),
        };
        out.push_str(&text);
    }
    out
}

fn format_interval(interval: Interval, pattern: &str) -> String {
    let mut out = String::new();
    let time = interval.micros;
    for piece in pieces(pattern) {
        let (name, fill) = match piece {
            Piece::Literal(text) => {
                out.push_str(&text);
                continue;
            }
            Piece::Word { name, fill, .. } => (name, fill),
        };
        let hours = time / USECS_PER_HOUR;
        let (number, width) = match name {
            "HH24" => (hours, 2),
            "HH12" | "HH" => (if hours % 12 == 0 { 12 } else { hours % 12 }, 2),
            "MI" => (time / USECS_PER_MINUTE % 60, 2),
            "SS" => (time / USECS_PER_SEC % 60, 2),
            "MS" => (time % USECS_PER_SEC / 1000, 3),
            "US" => (time % USECS_PER_SEC, 6),
            "DD" => (i64::from(interval.days), 2),
            "DDD" => (i64::from(interval.days), 3),
            "MM" => (i64::from(interval.months % 12), 2),
            "YYYY" => (i64::from(interval.months / 12), 4),
            "YY" => (i64::from(interval.months / 12 % 100), 2),
            _ => continue,
        };
        let sign = if number < 0 { "-" } else { "" };
        let digits = number.abs();
        out.push_str(&if fill { format!("{sign}{digits:0width$}") } else { format!("{sign}{digits}") });
    }
    out
}

/// Reads a text by a pattern: a local timestamp and, if the pattern has one, an offset in seconds.
fn read(text: &str, pattern: &str) -> Result<(i64, Option<i32>)> {
    let (mut year, mut month, mut day) = (1_i64, 1_i64, 1_i64);
    let (mut hour, mut minute, mut second, mut micros) = (0_i64, 0_i64, 0_i64, 0_i64);
    let (mut pm, mut bc) = (None, false);
    let mut day_of_year_given = None;
    let mut julian = None;
    let mut offset: Option<i32> = None;
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    let all = pieces(pattern);
    for (index, piece) in all.iter().enumerate() {
        let name = match piece {
            Piece::Literal(literal) => {
                for c in literal.chars() {
                    if c.is_alphanumeric()
                        || chars.get(at).is_some_and(|t| !t.is_alphanumeric() && *t != '-' && *t != '+')
                        || chars.get(at) == Some(&c)
                    {
                        at += usize::from(at < chars.len());
                    }
                }
                continue;
            }
            Piece::Word { name, .. } => *name,
        };
        while chars.get(at).is_some_and(|c| c.is_whitespace()) {
            at += 1;
        }
        if at >= chars.len() {
            break;
        }
        let rest: String = chars[at..].iter().collect();
        let lower = rest.to_lowercase();
        let next_is_number = matches!(all.get(index + 1), Some(Piece::Word { .. }));
        let taken = std::cell::Cell::new(0);
        let mut number = |max: usize| -> Result<i64> {
            let limit = if next_is_number { max } else { max.max(if max >= 4 { 9 } else { max }) };
            let negative = chars.get(at) == Some(&'-');
            let start = at + usize::from(negative || chars.get(at) == Some(&'+'));
            let mut end = start;
            while end < chars.len() && end - start < limit && chars[end].is_ascii_digit() {
                end += 1;
            }
            if end == start {
                let message = format!(
                    "invalid value \"{}\" for \"{name}\"",
                    rest.chars().take(max).collect::<String>()
                );
                return Err(error(b"22007", message).with_detail("Value must be an integer."));
            }
            let value: i64 = chars[start..end].iter().collect::<String>().parse().unwrap_or(0);
            taken.set(end - start);
            at = end;
            Ok(if negative { -value } else { value })
        };
        match name {
            "YYYY" | "IYYY" => year = number(4)?,
            "YYY" => year = 2000 + number(3)?,
            "YY" | "IY" => {
                let short = number(2)?;
                year = if short < 70 {
                    2000 + short
                } else if short < 100 {
                    1900 + short
                } else {
                    short
                };
            }
            "Y" => year = 2020 + number(1)?,
            "MM" => month = number(2)?,
            "DD" => day = number(2)?,
            "DDD" => day_of_year_given = Some(number(3)?),
            "J" => julian = Some(number(9)?),
            "HH24" => hour = number(2)?,
            "HH12" | "HH" => hour = number(2)?,
            "MI" => minute = number(2)?,
            "SS" => second = number(2)?,
            "SSSS" | "SSSSS" => {
                let total = number(5)?;
                (hour, minute, second) = (total / 3600, total / 60 % 60, total % 60);
            }
            "MS" | "US" | "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
                let width = if name == "MS" { 3 } else { 6 };
                let digits = number(width)?;
                let read = taken.get() as u32;
                micros = digits * 10_i64.pow(6 - read.min(6));
            }
            "AM" | "PM" | "am" | "pm" => {
                pm = Some(lower.starts_with("pm"));
                at += 2;
            }
            "A.M." | "P.M." | "a.m." | "p.m." => {
                pm = Some(lower.starts_with("p.m."));
                at += 4;
            }
            "BC" | "AD" | "bc" | "ad" => {
                bc = lower.starts_with("bc");
                at += 2;
            }
            "MONTH" | "Month" | "month" | "MON" | "Mon" | "mon" => {
                let found =
                    MONTH_NAMES.iter().position(|month| lower.starts_with(&month.to_lowercase()[..3]));
                let found = found.ok_or_else(|| {
                    error(b"22007", format!("invalid value \"{rest}\" for \"{name}\"")).with_detail(
                        "The given value did not match any of the allowed values for this field.",
                    )
                })?;
                let full = MONTH_NAMES[found].to_lowercase();
                at += if name.len() > 3 && lower.starts_with(&full) { full.len() } else { 3 };
                month = found as i64 + 1;
            }
            "DAY" | "Day" | "day" | "DY" | "Dy" | "dy" => {
                while chars.get(at).is_some_and(|c| c.is_alphabetic()) {
                    at += 1;
                }
            }
            "TZH" => offset = Some(number(2)? as i32 * 3600),
            "TZM" => offset = Some(offset.unwrap_or(0) + number(2)? as i32 * 60),
            _ => return Err(crate::sql::error::unsupported(format!("template \"{name}\" in input"))),
        }
    }
    if let Some(pm) = pm {
        hour = hour % 12 + if pm { 12 } else { 0 };
    }
    if bc {
        year = 1 - year;
    }
    let out_of_range = || error(b"22008", format!("date/time field value out of range: \"{text}\""));
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err(out_of_range());
    }
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return Err(out_of_range());
    }
    let days = match (julian, day_of_year_given) {
        (Some(julian), _) => julian - 2_451_545,
        (None, Some(day_of_year)) => days_from_civil(year, 1, 1) + day_of_year - 1,
        (None, None) => days_from_civil(year, month, day),
    };
    let time = hour * USECS_PER_HOUR + minute * USECS_PER_MINUTE + second * USECS_PER_SEC + micros;
    Ok((days * USECS_PER_DAY + time, offset))
}

fn empty_or(pattern: &str, text: impl FnOnce() -> String) -> Value {
    if pattern.is_empty() { Value::Null } else { Value::text(text()) }
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("to_char", &[TIMESTAMP, TEXT], TEXT, |_, a| {
        let pattern = str_of(&a[1]);
        Ok(empty_or(pattern, || format(micros_of(&a[0]), pattern, None)))
    }),
    Function::scalar("to_char", &[TIMESTAMPTZ, TEXT], TEXT, |exec, a| {
        let moment = micros_of(&a[0]);
        let zone = &exec.env.style.zone;
        let named = (zone.offset_at(moment), zone.abbreviation_at(moment));
        let local = to_local(moment, &exec.env);
        let pattern = str_of(&a[1]);
        Ok(empty_or(pattern, || format(local, pattern, Some(named))))
    })
    .stable(),
    Function::scalar("to_char", &[INTERVAL, TEXT], TEXT, |_, a| {
        let pattern = str_of(&a[1]);
        Ok(empty_or(pattern, || format_interval(interval_of(&a[0]), pattern)))
    }),
    Function::scalar("to_date", &[TEXT, TEXT], DATE, |_, a| {
        let (local, _) = read(str_of(&a[0]), str_of(&a[1]))?;
        Ok(Value::Date(local.div_euclid(USECS_PER_DAY) as i32))
    }),
    Function::scalar("to_timestamp", &[TEXT, TEXT], TIMESTAMPTZ, |exec, a| {
        let (local, offset) = read(str_of(&a[0]), str_of(&a[1]))?;
        Ok(Value::TimestampTz(match offset {
            Some(seconds) => local - i64::from(seconds) * USECS_PER_SEC,
            None => from_local(local, &exec.env),
        }))
    })
    .stable(),
];
