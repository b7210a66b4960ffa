//! Time zones: names and abbreviations resolved from a bundled database, never from the machine.
//!
//! `jiff` carries the IANA database as data (`tzdb-bundle-always`), so that a run does not depend on the host's
//! `/usr/share/zoneinfo`; only its offset lookups are used, the calendar is ours.

use super::calendar::{UNIX_EPOCH_OFFSET, USECS_PER_SEC};
use crate::error::{DatabaseError, Result, SqlState};
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time zone as `SET TimeZone` or `AT TIME ZONE` names it.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Seconds east of Greenwich.
    Fixed(i32),
    Named(TimeZone),
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), kind: Kind::Fixed(0) }
    }

    /// A fixed offset in seconds east of Greenwich, as `SET TIME ZONE INTERVAL` makes it.
    pub fn fixed(seconds_east: i32) -> Self {
        let total = seconds_east.abs();
        let sign = if seconds_east < 0 { '-' } else { '+' };
        let posix = if seconds_east < 0 { '+' } else { '-' };
        let mut body = format!("{:02}", total / 3600);
        if total % 3600 != 0 {
            body.push_str(&format!(":{:02}", total % 3600 / 60));
        }
        Self { name: format!("<{sign}{body}>{posix}{body}"), kind: Kind::Fixed(seconds_east) }
    }

    /// Looks a zone up by name, abbreviation or offset.
    ///
    /// A bare offset follows POSIX in `SET TimeZone` and `AT TIME ZONE` alike: positive is west. `posix` false reads it
    /// as ISO does (in a timestamp literal): positive is east.
    ///
    /// # Errors
    ///
    /// 22023 when there is no such zone.
    pub fn parse(name: &str, posix: bool) -> Result<Self> {
        Self::find(name, posix).ok_or_else(|| {
            DatabaseError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("time zone \"{name}\" not recognized"),
            )
        })
    }

    /// As [`Zone::parse`], `None` when there is no such zone.
    pub fn find(name: &str, posix: bool) -> Option<Self> {
        let trimmed = name.trim();
        let upper = trimmed.to_ascii_uppercase();
        if let Some(seconds) = abbreviation(&upper) {
            return Some(Self { name: upper, kind: Kind::Fixed(seconds) });
        }
        if let Some(seconds) = parse_offset(trimmed) {
            return Some(Self::fixed(if posix { -seconds } else { seconds }));
        }
        // "UTC+3", POSIX style: west is positive.
        let letters = upper.find(|c: char| !c.is_ascii_alphabetic())?;
        if letters >= 3
            && let Some(seconds) = parse_offset(&upper[letters..])
            && upper[letters..].starts_with(['+', '-'])
        {
            return Some(Self { name: trimmed.to_owned(), kind: Kind::Fixed(-seconds) });
        }
        Self::named(trimmed)
    }

    fn named(name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        let canonical = zone.iana_name().unwrap_or(name).to_owned();
        Some(Self { name: canonical, kind: Kind::Named(zone) })
    }

    /// The name, as `SHOW TimeZone` gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds east of Greenwich at a moment (microseconds since 2000-01-01 UTC).
    pub fn offset_at(&self, moment: i64) -> i32 {
        match &self.kind {
            Kind::Fixed(seconds) => *seconds,
            Kind::Named(zone) => match jiff::Timestamp::from_microsecond(moment + UNIX_EPOCH_OFFSET) {
                Ok(timestamp) => zone.to_offset(timestamp).seconds(),
                Err(_) => zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds(),
            },
        }
    }

    /// The abbreviation in force at a moment (`UTC`, `CEST`).
    pub fn abbreviation_at(&self, moment: i64) -> String {
        match &self.kind {
            Kind::Fixed(0) => "UTC".to_owned(),
            Kind::Fixed(_) => {
                self.name.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned()
            }
            Kind::Named(zone) => match jiff::Timestamp::from_microsecond(moment + UNIX_EPOCH_OFFSET) {
                Ok(timestamp) => zone.to_offset_info(timestamp).abbreviation().to_owned(),
                Err(_) => String::new(),
            },
        }
    }

    /// The moment of a local time. In a gap the offset before it is used, in an overlap the later (standard) one:
    /// PostgreSQL's choice.
    pub fn to_moment(&self, local: i64) -> i64 {
        let Kind::Named(_) = &self.kind else {
            return local - i64::from(self.offset_at(0)) * USECS_PER_SEC;
        };
        let day = 86_400 * USECS_PER_SEC;
        let before = i64::from(self.offset_at(local - day)) * USECS_PER_SEC;
        let after = i64::from(self.offset_at(local + day)) * USECS_PER_SEC;
        let with_before = local - before;
        let with_after = local - after;
        let before_holds = i64::from(self.offset_at(with_before)) * USECS_PER_SEC == before;
        let after_holds = i64::from(self.offset_at(with_after)) * USECS_PER_SEC == after;
        match (before_holds, after_holds) {
            (true, true) => with_before.max(with_after),
            (false, true) => with_after,
            _ => with_before,
        }
    }
}

/// `[+-]HH[:MM[:SS]]` or `[+-]HHMM`, in seconds.
fn parse_offset(text: &str) -> Option<i32> {
    let (sign, body) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        b'0'..=b'9' => (1, text),
        _ => return None,
    };
    let mut parts = body.split(':');
    let first = parts.next()?;
    if first.is_empty() || !first.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, mut minutes) = match first.len() {
        1 | 2 => (first.parse::<i32>().ok()?, 0),
        3 | 4 => (first[..first.len() - 2].parse().ok()?, first[first.len() - 2..].parse().ok()?),
        _ => return None,
    };
    let mut seconds = 0;
    if let Some(part) = parts.next() {
        minutes = part.parse().ok()?;
    }
    if let Some(part) = parts.next() {
        seconds = part.parse().ok()?;
    }
    (hours <= 15 && minutes < 60 && seconds < 60).then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

/// Seconds east of Greenwich of the abbreviations that PostgreSQL's default set has.
fn abbreviation(name: &str) -> Option<i32> {
    Some(match name {
        "UTC" | "GMT" | "Z" | "ZULU" | "UT" | "WET" => 0,
        "BST" | "CET" | "MET" | "WEST" => 3600,
        "CEST" | "EET" | "MEST" => 7200,
        "EEST" | "MSK" => 3 * 3600,
        "IST" => 2 * 3600,
        "JST" | "KST" => 9 * 3600,
        "AEST" => 10 * 3600,
        "AEDT" => 11 * 3600,
        "NZST" => 12 * 3600,
        "NZDT" => 13 * 3600,
        "EST" => -5 * 3600,
        "EDT" => -4 * 3600,
        "CST" => -6 * 3600,
        "CDT" => -5 * 3600,
        "MST" => -7 * 3600,
        "MDT" => -6 * 3600,
        "PST" => -8 * 3600,
        "PDT" => -7 * 3600,
        "AKST" => -9 * 3600,
        "AKDT" => -8 * 3600,
        "HST" => -10 * 3600,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::calendar::{USECS_PER_HOUR, days_from_civil};

    #[test]
    fn a_named_zone_follows_its_summer_time() {
        let zone = Zone::parse("Europe/Berlin", true).expect("bundled");
        let winter = days_from_civil(2024, 1, 1) * 24 * USECS_PER_HOUR;
        let summer = days_from_civil(2024, 7, 1) * 24 * USECS_PER_HOUR;
        assert_eq!((zone.offset_at(winter), zone.offset_at(summer)), (3600, 7200));
        assert_eq!(zone.to_moment(summer), summer - 2 * USECS_PER_HOUR);
    }
}
