//! Reading and showing one setting's value.
//!
//! What is stored is the canonical text: `on`, a number in the base unit, the zone's own name.

use super::known::{Kind, Known, Unit};
use crate::{
    error::{DatabaseError, Result, SqlState},
    value::zone::Zone,
};

fn refused(known: &Known, text: &str) -> DatabaseError {
    let message = format!("invalid value for parameter \"{}\": \"{text}\"", known.name);
    DatabaseError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// The canonical form of a value that somebody sets.
///
/// # Errors
/// 22023, with PostgreSQL's texts.
pub fn canonical(known: &Known, text: &str) -> Result<String> {
    match known.kind {
        Kind::Bool | Kind::ReadOnly | Kind::Deferrable => match parse_bool(text) {
            Some(true) => Ok("on".to_owned()),
            Some(false) => Ok("off".to_owned()),
            None => Err(DatabaseError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("parameter \"{}\" requires a Boolean value", known.name),
            )),
        },
        Kind::Integer(unit, minimum, maximum) => {
            let number = parse_integer(text, unit).ok_or_else(|| {
                let error = refused(known, text);
                match hint(unit) {
                    Some(hint) => error.with_hint(hint),
                    None => error,
                }
            })?;
            if (minimum..=maximum).contains(&number) {
                return Ok(number.to_string());
            }
            let suffix = base_suffix(unit);
            let message = format!(
                "{number}{}{suffix} is outside the valid range for parameter \"{}\" ({minimum} .. {maximum})",
                if suffix.is_empty() { "" } else { " " },
                known.name
            );
            Err(DatabaseError::new(SqlState::INVALID_PARAMETER_VALUE, message))
        }
        Kind::Real(minimum, maximum) => {
            let number: f64 = text.trim().parse().map_err(|_| refused(known, text))?;
            if (minimum..=maximum).contains(&number) {
                return Ok(number.to_string());
            }
            let message = format!(
                "{number} is outside the valid range for parameter \"{}\" ({minimum} .. {maximum})",
                known.name
            );
            Err(DatabaseError::new(SqlState::INVALID_PARAMETER_VALUE, message))
        }
        Kind::Enum(words) => parse_word(known, words, text),
        Kind::Isolation => {
            let words = ["serializable", "repeatable read", "read committed", "read uncommitted"];
            parse_word(known, &words, text)
        }
        Kind::Text => Ok(text.to_owned()),
        Kind::DateStyle => parse_date_style(text).ok_or_else(|| refused(known, text)),
        Kind::TimeZone => {
            parse_zone(text).map(|zone| zone.name().to_owned()).ok_or_else(|| refused(known, text))
        }
        Kind::Encoding => {
            let folded: String =
                text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
            match folded.as_str() {
                "utf8" | "unicode" => Ok("UTF8".to_owned()),
                "sqlascii" => Ok("SQL_ASCII".to_owned()),
                "latin1" | "iso88591" | "win1252" | "eucjp" | "sjis" | "gbk" | "big5" => {
                    Err(DatabaseError::unsupported(format!("client_encoding {text}")))
                }
                _ => Err(refused(known, text)),
            }
        }
    }
}

/// The text that SHOW gives for a stored value.
pub fn shown(known: &Known, stored: &str) -> String {
    let Kind::Integer(unit, ..) = known.kind else { return stored.to_owned() };
    let Ok(number) = stored.parse::<i64>() else { return stored.to_owned() };
    if number <= 0 {
        let bare = number == 0 || unit == Unit::None;
        return if bare { stored.to_owned() } else { number.to_string() };
    }
    let (number, scales): (i64, &[(i64, &str)]) = match unit {
        Unit::None => return stored.to_owned(),
        Unit::Milliseconds => {
            (number, &[(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")])
        }
        Unit::Seconds => (number, &[(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")]),
        Unit::Kilobytes => (number, BYTES),
        Unit::Blocks => (number * 8, BYTES),
    };
    let (scale, suffix) =
        scales.iter().find(|(scale, _)| number % scale == 0).expect("every number is a multiple of one");
    format!("{}{suffix}", number / scale)
}

const BYTES: &[(i64, &str)] = &[(1 << 30, "TB"), (1 << 20, "GB"), (1 << 10, "MB"), (1, "kB")];

/// `pg_settings.unit`.
pub fn unit_name(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::None => None,
        Unit::Milliseconds => Some("ms"),
        Unit::Seconds => Some("s"),
        Unit::Kilobytes => Some("kB"),
        Unit::Blocks => Some("8kB"),
    }
}

fn base_suffix(unit: Unit) -> &'static str {
    unit_name(unit).unwrap_or("")
}

fn hint(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::None => None,
        Unit::Milliseconds | Unit::Seconds => {
            Some("Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".")
        }
        Unit::Kilobytes | Unit::Blocks => {
            Some("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".")
        }
    }
}

/// A Boolean as PostgreSQL reads it: any unique beginning of the words.
fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    match text.as_str() {
        "1" | "on" => Some(true),
        "0" | "of" | "off" => Some(false),
        _ if "true".starts_with(&text) || "yes".starts_with(&text) => Some(true),
        _ if "false".starts_with(&text) || "no".starts_with(&text) => Some(false),
        _ => None,
    }
}

/// A number, perhaps with a fraction and a unit, in the base unit.
fn parse_integer(text: &str, unit: Unit) -> Option<i64> {
    let text = text.trim();
    let end = text
        .char_indices()
        .find(|(i, c)| !(c.is_ascii_digit() || *c == '.' || (*i == 0 && (*c == '-' || *c == '+'))))
        .map_or(text.len(), |(i, _)| i);
    let (number, suffix) = (&text[..end], text[end..].trim());
    // Micro- and milliseconds, and bytes, as fractions of the base unit.
    let (numerator, denominator): (i64, i64) = match (unit, suffix) {
        (_, "") | (Unit::Milliseconds, "ms") | (Unit::Seconds, "s") | (Unit::Kilobytes, "kB") => (1, 1),
        (Unit::Milliseconds, "us") | (Unit::Seconds, "ms") => (1, 1_000),
        (Unit::Milliseconds, "s") => (1_000, 1),
        (Unit::Milliseconds, "min") => (60_000, 1),
        (Unit::Milliseconds, "h") => (3_600_000, 1),
        (Unit::Milliseconds, "d") => (86_400_000, 1),
        (Unit::Seconds, "min") => (60, 1),
        (Unit::Seconds, "h") => (3_600, 1),
        (Unit::Seconds, "d") => (86_400, 1),
        (Unit::Kilobytes, "B") => (1, 1_024),
        (Unit::Kilobytes, "MB") => (1 << 10, 1),
        (Unit::Kilobytes, "GB") => (1 << 20, 1),
        (Unit::Kilobytes, "TB") => (1 << 30, 1),
        (Unit::Blocks, "B") => (1, 8_192),
        (Unit::Blocks, "kB") => (1, 8),
        (Unit::Blocks, "MB") => (1 << 7, 1),
        (Unit::Blocks, "GB") => (1 << 17, 1),
        (Unit::Blocks, "TB") => (1 << 27, 1),
        _ => return None,
    };
    let value: f64 = number.parse().ok()?;
    let scaled = value * numerator as f64 / denominator as f64;
    // Halves go to the even neighbour.
    let rounded = scaled.round_ties_even();
    (rounded.abs() < 9e15).then_some(rounded as i64)
}

fn parse_word(known: &Known, words: &[&str], text: &str) -> Result<String> {
    let given = text.trim().to_ascii_lowercase();
    if let Some(word) = words.iter().find(|word| **word == given) {
        return Ok((*word).to_owned());
    }
    if words.contains(&"on")
        && words.contains(&"off")
        && let Some(on) = parse_bool(text)
    {
        return Ok(if on { "on" } else { "off" }.to_owned());
    }
    let list = words.join(", ");
    Err(refused(known, text).with_hint(format!("Available values: {list}.")))
}

/// The output style and the order of the fields, in the order in which SHOW gives them.
fn parse_date_style(text: &str) -> Option<String> {
    let (mut style, mut order) = (None, None);
    for word in text.split(',').map(|word| word.trim().to_ascii_lowercase()) {
        match word.as_str() {
            "iso" => style = Some("ISO"),
            "sql" => style = Some("SQL"),
            "postgres" => style = Some("Postgres"),
            "german" => {
                style = Some("German");
                order = order.or(Some("DMY"));
            }
            "ymd" => order = Some("YMD"),
            "dmy" | "european" | "euro" => order = Some("DMY"),
            "mdy" | "us" | "noneuropean" | "noneuro" => order = Some("MDY"),
            "default" => {
                style = style.or(Some("ISO"));
                order = order.or(Some("MDY"));
            }
            _ => return None,
        }
    }
    Some(format!("{}, {}", style.unwrap_or("?"), order.unwrap_or("?")))
}

/// A style with its open halves (`?`) taken from another one.
pub fn complete_date_style(stored: &str, before: &str) -> String {
    let half = |text: &str, at: usize| text.split(", ").nth(at).unwrap_or("").to_owned();
    let pick = |at| Some(half(stored, at)).filter(|word| word != "?").unwrap_or_else(|| half(before, at));
    format!("{}, {}", pick(0), pick(1))
}

/// A zone as SET takes it: a name, hours east, or `interval` with hours east (from SET TIME ZONE).
pub fn parse_zone(text: &str) -> Option<Zone> {
    let text = text.trim();
    let hours = text.strip_prefix("interval ").unwrap_or(text).trim().parse::<f64>();
    match hours {
        Ok(hours) if hours.is_finite() && hours.abs() <= 167.0 => {
            Some(Zone::fixed((hours * 3_600.0).round() as i32))
        }
        Ok(_) => None,
        Err(_) => Zone::find(text, true),
    }
}
