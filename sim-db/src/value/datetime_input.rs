//! Reading dates, times and timestamps: the fields in any of the orders that PostgreSQL takes.

use super::calendar::*;
use super::datetime::DateOrder;
use super::text::TextStyle;
use super::zone::Zone;
use crate::error::{DatabaseError, Result, SqlState};

const INVALID_DATETIME_FORMAT: SqlState = SqlState(*b"22007");
const DATETIME_FIELD_OVERFLOW: SqlState = SqlState(*b"22008");

fn syntax(kind: &str, text: &str) -> DatabaseError {
    DatabaseError::new(INVALID_DATETIME_FORMAT, format!("invalid input syntax for type {kind}: \"{text}\""))
}

fn field_overflow(text: &str) -> DatabaseError {
    DatabaseError::new(DATETIME_FIELD_OVERFLOW, format!("date/time field value out of range: \"{text}\""))
}

fn out_of_range(kind: &str, text: &str) -> DatabaseError {
    DatabaseError::new(DATETIME_FIELD_OVERFLOW, format!("{kind} out of range: \"{text}\""))
}

/// What a text says, before it is made a date, a time or a moment.
#[derive(Debug, Default)]
struct Fields {
    date: Option<i64>,
    time: Option<i64>,
    zone: Option<Zone>,
    special: Option<Special>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    Infinity,
    NegativeInfinity,
    Epoch,
    Now,
    Today,
    Tomorrow,
    Yesterday,
}

fn month_number(word: &str) -> Option<i64> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let at = NAMES.iter().position(|name| *name == word || (word.len() == 3 && name.starts_with(word)));
    at.map(|at| at as i64 + 1).or((word == "sept").then_some(9))
}

fn is_day_name(word: &str) -> bool {
    const NAMES: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    NAMES.iter().any(|name| *name == word || (word.len() >= 3 && name.starts_with(word)))
}

/// `HH:MM[:SS[.f]]`, in microseconds; 24:00:00 and second 60 are allowed.
fn parse_clock(text: &str, whole: &str, kind: &str) -> Result<i64> {
    let mut parts = text.split(':');
    let number = |part: Option<&str>| -> Result<i64> {
        let part = part.unwrap_or("0");
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(syntax(kind, whole));
        }
        part.parse().map_err(|_| field_overflow(whole))
    };
    let hours = number(parts.next())?;
    let second_part = parts.next();
    let (minutes_text, third) = match (second_part, parts.next()) {
        (Some(minutes), third) => (minutes, third),
        (None, _) => return Err(syntax(kind, whole)),
    };
    if parts.next().is_some() {
        return Err(syntax(kind, whole));
    }
    let (minutes, seconds, micros) = match third {
        None if minutes_text.contains('.') => {
            // "MM:SS.f" with hours left out.
            let (seconds, micros) = parse_seconds(minutes_text, whole, kind)?;
            return check_clock(0, hours, seconds, micros, whole);
        }
        None => (number(Some(minutes_text))?, 0, 0),
        Some(seconds_text) => {
            let (seconds, micros) = parse_seconds(seconds_text, whole, kind)?;
            (number(Some(minutes_text))?, seconds, micros)
        }
    };
    check_clock(hours, minutes, seconds, micros, whole)
}

fn check_clock(hours: i64, minutes: i64, seconds: i64, micros: i64, whole: &str) -> Result<i64> {
    let total = hours * USECS_PER_HOUR + minutes * USECS_PER_MINUTE + seconds * USECS_PER_SEC + micros;
    if hours > 24 || minutes > 59 || seconds > 60 || total > USECS_PER_DAY {
        return Err(field_overflow(whole));
    }
    Ok(total)
}

/// `SS[.f]`: seconds and microseconds, rounded.
fn parse_seconds(text: &str, whole: &str, kind: &str) -> Result<(i64, i64)> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if seconds.is_empty() || !seconds.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(syntax(kind, whole));
    }
    let seconds: i64 = seconds.parse().map_err(|_| field_overflow(whole))?;
    Ok((seconds, fraction_micros(fraction)))
}

/// The digits after a point as microseconds, rounded half up.
pub(super) fn fraction_micros(digits: &str) -> i64 {
    let mut micros = 0;
    for at in 0..6 {
        micros = micros * 10 + i64::from(digits.as_bytes().get(at).map_or(0, |b| b - b'0'));
    }
    micros + i64::from(digits.as_bytes().get(6).is_some_and(|b| *b >= b'5'))
}

fn full_year(year: i64, digits: usize) -> i64 {
    match year {
        _ if digits > 2 => year,
        0..=69 => year + 2000,
        _ => year + 1900,
    }
}

fn check_date(year: i64, month: i64, day: i64, whole: &str) -> Result<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return Err(field_overflow(whole));
    }
    Ok(days_from_civil(year, month, day))
}

/// Three fields of digits (or a month's name) in the style's order.
fn date_of_fields(parts: &[String], style: &TextStyle, bc: bool, whole: &str, kind: &str) -> Result<i64> {
    let named = parts.iter().position(|part| month_number(part).is_some());
    let digits = |at: usize| parts[at].parse::<i64>().map_err(|_| syntax(kind, whole));
    let (year_at, month, day_at) = match (named, parts.len()) {
        (Some(at), 3) => {
            let month = month_number(&parts[at]).expect("found as a month above");
            let others: Vec<usize> = (0..3).filter(|other| *other != at).collect();
            let year_first = parts[others[0]].len() > 2 || (at == 1 && style.date_order == DateOrder::Ymd);
            if year_first { (others[0], month, others[1]) } else { (others[1], month, others[0]) }
        }
        (None, 3) if parts[0].len() > 2 => (0, digits(1)?, 2),
        (None, 3) => match style.date_order {
            DateOrder::Ymd => (0, digits(1)?, 2),
            DateOrder::Mdy => (2, digits(0)?, 1),
            DateOrder::Dmy => (2, digits(1)?, 0),
        },
        _ => return Err(syntax(kind, whole)),
    };
    let mut year = full_year(digits(year_at)?, parts[year_at].len());
    if bc {
        year = 1 - year;
    } else if year == 0 {
        return Err(field_overflow(whole));
    }
    check_date(year, month, digits(day_at)?, whole)
}

fn split_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut current = String::new();
    let bytes: Vec<char> = text.chars().collect();
    for (at, &c) in bytes.iter().enumerate() {
        let before = current.chars().last();
        let boundary = match c {
            c if c.is_whitespace() || c == ',' => {
                if !current.is_empty() {
                    words.push(std::mem::take(&mut current));
                }
                continue;
            }
            // The T of ISO 8601 and a zone stuck to a time.
            't' | 'T'
                if before.is_some_and(|b| b.is_ascii_digit())
                    && bytes.get(at + 1).is_none_or(char::is_ascii_digit) =>
            {
                words.push(std::mem::take(&mut current));
                continue;
            }
            '+' => true,
            '-' => current.contains(':'),
            c if c.is_ascii_alphabetic() => {
                before.is_some_and(|b| b.is_ascii_digit())
                    && (current.contains(':') || !current.contains(['-', '/', '.']))
                    && !current.is_empty()
                    && current.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '.')
                    && current.contains(':')
            }
            _ => false,
        };
        if boundary && !current.is_empty() {
            words.push(std::mem::take(&mut current));
        }
        current.push(c);
    }
    if !current.is_empty() {
        words.push(current);
    }
    words
}

fn parse_fields(text: &str, style: &TextStyle, kind: &str) -> Result<Fields> {
    let words = split_words(text);
    if words.is_empty() {
        return Err(syntax(kind, text));
    }
    let mut fields = Fields::default();
    let mut date_parts: Vec<String> = Vec::new();
    let mut bc = false;
    let mut meridiem = None;
    for word in &words {
        let lower = word.to_ascii_lowercase();
        let special = match lower.as_str() {
            "infinity" | "inf" | "+infinity" => Some(Special::Infinity),
            "-infinity" | "-inf" => Some(Special::NegativeInfinity),
            "epoch" => Some(Special::Epoch),
            "now" => Some(Special::Now),
            "today" => Some(Special::Today),
            "tomorrow" => Some(Special::Tomorrow),
            "yesterday" => Some(Special::Yesterday),
            _ => None,
        };
        if special.is_some() {
            fields.special = special;
        } else if lower == "bc" || lower == "ad" {
            bc = lower == "bc";
        } else if lower == "am" || lower == "pm" {
            meridiem = Some(lower == "pm");
        } else if lower == "allballs" {
            fields.time = Some(0);
            fields.zone = Some(Zone::utc());
        } else if word.starts_with(['+', '-']) {
            fields.zone = Some(Zone::find(word, false).ok_or_else(|| syntax(kind, text))?);
        } else if word.contains(':') && word.as_bytes()[0].is_ascii_digit() {
            fields.time = Some(parse_clock(word, text, kind)?);
        } else if month_number(&lower).is_some() {
            date_parts.push(lower);
        } else if is_day_name(&lower) || lower == "t" || lower == "at" || lower == "on" {
        } else if word.as_bytes()[0].is_ascii_digit() {
            read_digits(word, &mut date_parts, &mut fields, text, kind)?;
        } else if word.as_bytes()[0].is_ascii_alphabetic() {
            match Zone::find(word, true) {
                Some(zone) => fields.zone = Some(zone),
                None if word.contains('/') => {
                    return Err(Zone::parse(&lower, true).expect_err("not found above"));
                }
                None => return Err(syntax(kind, text)),
            }
        } else {
            return Err(syntax(kind, text));
        }
    }
    if let (Some(pm), Some(time)) = (meridiem, &mut fields.time) {
        let hour = *time / USECS_PER_HOUR;
        if hour > 12 {
            return Err(field_overflow(text));
        }
        match (pm, hour) {
            (true, 0..12) => *time += 12 * USECS_PER_HOUR,
            (false, 12) => *time -= 12 * USECS_PER_HOUR,
            _ => {}
        }
    }
    if !date_parts.is_empty() {
        fields.date = Some(date_of_fields(&date_parts, style, bc, text, kind)?);
    }
    Ok(fields)
}

/// A word that starts with a digit and is not a clock: a date, part of one, or digits run together.
fn read_digits(
    word: &str,
    date_parts: &mut Vec<String>,
    fields: &mut Fields,
    text: &str,
    kind: &str,
) -> Result<()> {
    if let Some(separator) = word.chars().find(|c| matches!(c, '-' | '/' | '.')) {
        let parts: Vec<String> = word.split(separator).map(str::to_ascii_lowercase).collect();
        if parts.len() == 2 && separator == '.' && !date_parts.is_empty() {
            return Err(syntax(kind, text));
        }
        if parts.len() == 2 && parts[1].len() == 3 && parts[0].len() == 4 && separator == '-' {
            let year: i64 = parts[0].parse().map_err(|_| syntax(kind, text))?;
            let day: i64 = parts[1].parse().map_err(|_| syntax(kind, text))?;
            fields.date = Some(days_from_civil(year, 1, 1) + day - 1);
            return Ok(());
        }
        // A zone may be stuck to a date: 2024-01-01-05 is not, 2024-01-01+02 was split before.
        date_parts.extend(parts);
        return Ok(());
    }
    if !word.bytes().all(|b| b.is_ascii_digit()) {
        // 10am, 12pm, 6Z and the like.
        let letters = word.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(|| syntax(kind, text))?;
        let (digits, rest) = word.split_at(letters);
        let rest = rest.to_ascii_lowercase();
        if let Some(month) = month_number(&rest) {
            date_parts.push(digits.to_owned());
            date_parts.push(super::datetime::MONTHS[(month - 1) as usize].to_ascii_lowercase());
            return Ok(());
        }
        if matches!(rest.as_str(), "am" | "pm") {
            let hour: i64 = digits.parse().map_err(|_| syntax(kind, text))?;
            let hour = hour % 12 + if rest == "pm" { 12 } else { 0 };
            fields.time = Some(hour * USECS_PER_HOUR);
            return Ok(());
        }
        return Err(syntax(kind, text));
    }
    match word.len() {
        8 if date_parts.is_empty() => {
            date_parts.extend([&word[..4], &word[4..6], &word[6..]].map(str::to_owned));
        }
        6 if date_parts.is_empty() && fields.date.is_none() && kind != "time" => {
            let year = full_year(word[..2].parse().map_err(|_| syntax(kind, text))?, 2);
            date_parts.extend([format!("{year:04}"), word[2..4].to_owned(), word[4..].to_owned()]);
        }
        4 | 6 if date_parts.len() >= 3 || fields.date.is_some() || kind.starts_with("time ") => {
            let clock = if word.len() == 4 {
                format!("{}:{}", &word[..2], &word[2..])
            } else {
                format!("{}:{}:{}", &word[..2], &word[2..4], &word[4..])
            };
            fields.time = Some(parse_clock(&clock, text, kind)?);
        }
        _ => date_parts.push(word.to_owned()),
    }
    Ok(())
}

/// A `date`.
///
/// # Errors
///
/// 22007 for a text that is no date, 22008 for fields out of range.
pub fn parse_date(text: &str, style: &TextStyle) -> Result<i32> {
    let fields = parse_fields(text, style, "date")?;
    let today = || {
        let local = style.now + i64::from(style.zone.offset_at(style.now)) * USECS_PER_SEC;
        local.div_euclid(USECS_PER_DAY)
    };
    let days = match fields.special {
        Some(Special::Infinity) => return Ok(i32::MAX),
        Some(Special::NegativeInfinity) => return Ok(i32::MIN),
        Some(Special::Epoch) => -10_957,
        Some(Special::Now | Special::Today) => today(),
        Some(Special::Tomorrow) => today() + 1,
        Some(Special::Yesterday) => today() - 1,
        None => fields.date.ok_or_else(|| syntax("date", text))?,
    };
    if !(DATE_MIN..DATE_END).contains(&days) {
        return Err(out_of_range("date", text));
    }
    Ok(days as i32)
}

/// A `time`, in microseconds, and the zone given with it.
///
/// # Errors
///
/// 22007 for a text that is no time, 22008 for fields out of range.
pub fn parse_time(text: &str, style: &TextStyle, with_zone: bool) -> Result<(i64, i32)> {
    let kind = if with_zone { "time with time zone" } else { "time" };
    let fields = parse_fields(text, style, kind)?;
    let local = style.now + i64::from(style.zone.offset_at(style.now)) * USECS_PER_SEC;
    let time = match (fields.time, fields.special) {
        (Some(time), _) => time,
        (None, Some(Special::Now)) => local.rem_euclid(USECS_PER_DAY),
        _ => return Err(syntax(kind, text)),
    };
    let zone = fields.zone.as_ref().unwrap_or(&style.zone);
    Ok((time, -zone.offset_at(style.now)))
}

/// A `timestamp` or, `with_zone`, a `timestamptz`.
///
/// # Errors
///
/// 22007 for a text that is neither, 22008 for fields out of range.
pub fn parse_timestamp(text: &str, style: &TextStyle, with_zone: bool) -> Result<i64> {
    let kind = if with_zone { "timestamp with time zone" } else { "timestamp" };
    let fields = parse_fields(text, style, kind)?;
    let offset_now = i64::from(style.zone.offset_at(style.now)) * USECS_PER_SEC;
    let midnight = |shift: i64| (style.now + offset_now).div_euclid(USECS_PER_DAY) + shift;
    let date = match fields.special {
        Some(Special::Infinity) => return Ok(i64::MAX),
        Some(Special::NegativeInfinity) => return Ok(i64::MIN),
        Some(Special::Epoch) => return Ok(-UNIX_EPOCH_OFFSET),
        Some(Special::Now) => return Ok(if with_zone { style.now } else { style.now + offset_now }),
        Some(Special::Today) => midnight(0),
        Some(Special::Tomorrow) => midnight(1),
        Some(Special::Yesterday) => midnight(-1),
        None => fields.date.ok_or_else(|| syntax(kind, text))?,
    };
    let local = date
        .checked_mul(USECS_PER_DAY)
        .and_then(|days| days.checked_add(fields.time.unwrap_or(0)))
        .ok_or_else(|| out_of_range("timestamp", text))?;
    let moment = match (with_zone, &fields.zone) {
        (false, _) => local,
        (true, Some(zone)) => zone.to_moment(local),
        (true, None) => style.zone.to_moment(local),
    };
    if !(TIMESTAMP_MIN..TIMESTAMP_END).contains(&moment) {
        return Err(out_of_range("timestamp", text));
    }
    Ok(moment)
}
