//! Run-time parameters of one session: SET, SET LOCAL, RESET, SHOW.
//!
//! A change made in a transaction is undone with it (or with its savepoint); one made by SET LOCAL ends with it in any
//! case. Each setting therefore has a session's value and perhaps a local one over it, and a log of what they were.
//! The settings of the running transaction itself live in the engine; those that the engine acts on (timeouts of
//! locks) are handed to it whenever they change.

pub mod known;
mod value;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    engine::{IsolationLevel, Session, TransactionStatus},
    error::{DatabaseError, Result, SqlState},
    value::{
        datetime::{DateFormat, DateOrder},
        interval_text::IntervalStyle,
        text::TextStyle,
    },
};

use known::{Changeable, KNOWN, Kind, Known};
pub use value::unit_name;

/// The values of one setting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Values {
    /// What the session has set; `None` is the value that RESET goes back to.
    session: Option<String>,
    /// What SET LOCAL has set, until the transaction ends.
    local: Option<String>,
}

/// What a setting was before a change.
#[derive(Clone, Debug)]
struct Undo {
    name: String,
    before: Values,
    /// The savepoint level in which it was changed; 0 is the transaction itself.
    depth: usize,
}

/// A row of `pg_settings`.
#[derive(Clone, Debug)]
pub struct SettingRow {
    /// Name.
    pub name: String,
    /// Value in the base unit.
    pub setting: String,
    /// Base unit.
    pub unit: Option<&'static str>,
    /// `bool`, `integer`, `real`, `enum`, `string`.
    pub kind: &'static str,
    /// `user`, `postmaster`, `internal`.
    pub context: &'static str,
    /// Value before anybody set it.
    pub boot: String,
    /// What RESET goes back to.
    pub reset: String,
}

/// The parameters of one session.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// By lower-case name.
    values: BTreeMap<String, Values>,
    /// What start-up packets set, which RESET goes back to; by lower-case name.
    startup: BTreeMap<String, String>,
    log: Vec<Undo>,
}

impl Settings {
    /// Sets a parameter as a start-up packet does.
    ///
    /// # Errors
    /// 42704 unknown, 22023 bad value, 55P02 not changeable.
    pub fn set_startup(&mut self, name: &str, text: &str) -> Result<()> {
        let stored = self.checked(name, text)?;
        self.startup.insert(name.to_ascii_lowercase(), stored);
        Ok(())
    }

    /// Sets a value that only the server itself may change (`session_authorization`).
    pub fn set_internal(&mut self, name: &str, text: &str) {
        self.startup.insert(name.to_ascii_lowercase(), text.to_owned());
    }

    /// SET and SET LOCAL (whose warning outside a transaction block is the caller's). Returns reported settings that
    /// changed.
    ///
    /// # Errors
    /// 42704 unknown, 22023 bad value, 55P02 not changeable, 25001 of a transaction's own settings.
    pub fn set(
        &mut self,
        name: &str,
        text: &str,
        local: bool,
        session: &Session,
    ) -> Result<Vec<(String, String)>> {
        if let Some(known) = known::find(name)
            && self.set_transaction(known, text, session)?
        {
            return Ok(Vec::new());
        }
        let stored = self.checked(name, text)?;
        let values = if local {
            Values { local: Some(stored), ..self.values_of(name) }
        } else {
            Values { session: Some(stored), local: None }
        };
        Ok(self.change(name, values, session))
    }

    /// RESET, and SET … TO DEFAULT.
    ///
    /// # Errors
    /// 42704 unknown, 55P02 not changeable.
    pub fn reset(&mut self, name: &str, local: bool, session: &Session) -> Result<Vec<(String, String)>> {
        match known::find(name) {
            Some(known) => changeable(known)?,
            None if self.is_custom(name) => {}
            None => return Err(unrecognized(name)),
        }
        let values = if local {
            Values { local: Some(self.reset_value(name)), ..self.values_of(name) }
        } else {
            Values::default()
        };
        Ok(self.change(name, values, session))
    }

    /// RESET ALL.
    pub fn reset_all(&mut self, session: &Session) -> Vec<(String, String)> {
        let names: Vec<String> = self.values.keys().cloned().collect();
        names.iter().flat_map(|name| self.change(name, Values::default(), session)).collect()
    }

    /// The text of SHOW.
    ///
    /// # Errors
    /// 42704 unknown.
    pub fn show(&self, name: &str, session: &Session) -> Result<String> {
        let Some(known) = known::find(name) else {
            return if self.is_custom(name) { Ok(self.stored(name)) } else { Err(unrecognized(name)) };
        };
        if session.status() != TransactionStatus::Idle {
            let options = session.transaction_options();
            let on = |on: bool| if on { "on" } else { "off" }.to_owned();
            match known.kind {
                Kind::Isolation => return Ok(options.isolation.as_str().to_owned()),
                Kind::ReadOnly => return Ok(on(options.read_only)),
                Kind::Deferrable => return Ok(on(options.deferrable)),
                _ => {}
            }
        }
        let default = match known.kind {
            Kind::Isolation => "default_transaction_isolation",
            Kind::ReadOnly => "default_transaction_read_only",
            Kind::Deferrable => "default_transaction_deferrable",
            _ => return Ok(value::shown(known, &self.stored(name))),
        };
        Ok(self.stored(default))
    }

    /// The name as it is shown (`DateStyle`, whatever was typed).
    pub fn canonical_name(name: &str) -> String {
        known::find(name).map_or_else(|| name.to_ascii_lowercase(), |known| known.name.to_owned())
    }

    /// Every reported setting with its value, in the order in which a server sends them.
    pub fn reported(&self) -> Vec<(String, String)> {
        let reported = KNOWN.iter().filter(|known| known.reported);
        reported.map(|known| (known.name.to_owned(), self.stored(known.name))).collect()
    }

    /// SHOW ALL, `pg_settings`.
    pub fn rows(&self) -> Vec<SettingRow> {
        let row = |known: &Known| SettingRow {
            name: known.name.to_owned(),
            setting: self.stored(known.name),
            unit: match known.kind {
                Kind::Integer(unit, ..) => unit_name(unit),
                _ => None,
            },
            kind: match known.kind {
                Kind::Bool | Kind::ReadOnly | Kind::Deferrable => "bool",
                Kind::Integer(..) => "integer",
                Kind::Real(..) => "real",
                Kind::Enum(_) | Kind::Isolation => "enum",
                Kind::Text | Kind::DateStyle | Kind::TimeZone | Kind::Encoding => "string",
            },
            context: match known.changeable {
                Changeable::Yes => "user",
                Changeable::AtStart => "postmaster",
                Changeable::Never => "internal",
            },
            boot: known.default.to_owned(),
            reset: self.reset_value(known.name),
        };
        KNOWN.iter().map(row).collect()
    }

    /// Whether a Boolean setting is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.stored(name) == "on"
    }

    /// A setting that counts milliseconds; `None` for 0, which means off.
    pub fn timeout(&self, name: &str) -> Option<Duration> {
        let milliseconds = self.stored(name).parse().unwrap_or(0);
        (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
    }

    /// `default_transaction_isolation`.
    pub fn default_isolation(&self) -> IsolationLevel {
        match self.stored("default_transaction_isolation").as_str() {
            "serializable" => IsolationLevel::Serializable,
            "repeatable read" => IsolationLevel::RepeatableRead,
            _ => IsolationLevel::ReadCommitted,
        }
    }

    /// The schemas of `search_path`, unquoted; `$user` is left in.
    pub fn search_path(&self) -> Vec<String> {
        split_identifiers(&self.stored("search_path"))
    }

    /// The settings that text formats depend on; `now` is the transaction's start.
    pub fn text_style(&self, now: i64) -> Arc<TextStyle> {
        let date_style = self.stored("DateStyle");
        let (format, order) = date_style.split_once(", ").unwrap_or(("ISO", "MDY"));
        Arc::new(TextStyle {
            zone: value::parse_zone(&self.stored("TimeZone")).unwrap_or_else(crate::value::zone::Zone::utc),
            date_order: match order {
                "DMY" => DateOrder::Dmy,
                "YMD" => DateOrder::Ymd,
                _ => DateOrder::Mdy,
            },
            date_format: match format {
                "SQL" => DateFormat::Sql,
                "Postgres" => DateFormat::Postgres,
                "German" => DateFormat::German,
                _ => DateFormat::Iso,
            },
            interval_style: match self.stored("IntervalStyle").as_str() {
                "postgres_verbose" => IntervalStyle::PostgresVerbose,
                "sql_standard" => IntervalStyle::SqlStandard,
                "iso_8601" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
            extra_float_digits: self.stored("extra_float_digits").parse().unwrap_or(1),
            bytea_escape: self.stored("bytea_output") == "escape",
            now,
        })
    }

    /// The transaction ended: local values go, and after a rollback all that it changed.
    pub fn end_transaction(&mut self, committed: bool, session: &Session) {
        if self.log.is_empty() {
            return;
        }
        if committed {
            for undo in std::mem::take(&mut self.log) {
                if let Some(values) = self.values.get_mut(&undo.name) {
                    values.local = None;
                }
            }
        } else {
            self.undo_from(0);
        }
        self.tell_engine(session);
    }

    /// ROLLBACK TO a savepoint that made level `depth`: changes in it and above it go.
    pub fn rollback_to(&mut self, depth: usize, session: &Session) {
        self.undo_from(depth);
        self.tell_engine(session);
    }

    /// RELEASE of the savepoint that made level `depth`: its changes are those of the level below.
    pub fn release(&mut self, depth: usize) {
        for undo in self.log.iter_mut().filter(|undo| undo.depth >= depth) {
            undo.depth = depth - 1;
        }
    }

    fn undo_from(&mut self, depth: usize) {
        while let Some(undo) = self.log.pop_if(|undo| undo.depth >= depth) {
            // A custom name stays known once it has been used.
            self.values.insert(undo.name, undo.before);
        }
    }

    /// The value in force, in its stored form; empty for a custom name that was reset.
    pub fn stored(&self, name: &str) -> String {
        let values = self.values.get(&name.to_ascii_lowercase());
        let set = values.and_then(|values| values.local.as_ref().or(values.session.as_ref()));
        set.cloned().unwrap_or_else(|| self.reset_value(name))
    }

    fn reset_value(&self, name: &str) -> String {
        match self.startup.get(&name.to_ascii_lowercase()) {
            Some(value) => value.clone(),
            None => known::find(name).map_or("", |known| known.default).to_owned(),
        }
    }

    fn values_of(&self, name: &str) -> Values {
        self.values.get(&name.to_ascii_lowercase()).cloned().unwrap_or_default()
    }

    fn is_custom(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.values.contains_key(&name) || self.startup.contains_key(&name)
    }

    fn checked(&self, name: &str, text: &str) -> Result<String> {
        let Some(known) = known::find(name) else {
            if is_custom_name(name) {
                return Ok(text.to_owned());
            }
            if name.contains('.') {
                let code = SqlState::parse("42602").expect("five characters");
                return Err(DatabaseError::new(
                    code,
                    format!("invalid configuration parameter name \"{name}\""),
                ));
            }
            return Err(unrecognized(name));
        };
        changeable(known)?;
        let stored = value::canonical(known, text)?;
        if known.kind == Kind::DateStyle {
            return Ok(value::complete_date_style(&stored, &self.stored(name)));
        }
        Ok(stored)
    }

    /// A setting of the running transaction itself.
    fn set_transaction(&mut self, known: &Known, text: &str, session: &Session) -> Result<bool> {
        if !matches!(known.kind, Kind::Isolation | Kind::ReadOnly | Kind::Deferrable) {
            return Ok(false);
        }
        let stored = value::canonical(known, text)?;
        if session.status() == TransactionStatus::Idle {
            return Ok(true);
        }
        match known.kind {
            Kind::Isolation => session.set_isolation(match stored.as_str() {
                "serializable" => IsolationLevel::Serializable,
                "repeatable read" => IsolationLevel::RepeatableRead,
                _ => IsolationLevel::ReadCommitted,
            })?,
            Kind::ReadOnly => session.set_read_only(stored == "on")?,
            _ => session.set_deferrable(stored == "on")?,
        }
        Ok(true)
    }

    fn change(&mut self, name: &str, values: Values, session: &Session) -> Vec<(String, String)> {
        let key = name.to_ascii_lowercase();
        let shown_before = self.stored(&key);
        let before = self.values.insert(key.clone(), values).unwrap_or_default();
        if session.status() != TransactionStatus::Idle {
            self.log.push(Undo { name: key, before, depth: session.savepoint_depth() });
        }
        self.tell_engine(session);
        let stored = self.stored(name);
        match known::find(name) {
            Some(known) if known.reported && stored != shown_before => vec![(known.name.to_owned(), stored)],
            _ => Vec::new(),
        }
    }

    /// Hands the engine what it acts on.
    pub fn tell_engine(&self, session: &Session) {
        session.set_lock_timeout(self.timeout("lock_timeout"));
        if let Some(timeout) = self.timeout("deadlock_timeout") {
            session.set_deadlock_timeout(timeout);
        }
    }
}

fn unrecognized(name: &str) -> DatabaseError {
    let message = format!("unrecognized configuration parameter \"{name}\"");
    DatabaseError::new(SqlState::UNDEFINED_OBJECT, message)
}

fn changeable(known: &Known) -> Result<()> {
    let how = match known.changeable {
        Changeable::Yes => return Ok(()),
        Changeable::AtStart => "cannot be changed without restarting the server",
        Changeable::Never => "cannot be changed",
    };
    let code = SqlState::parse("55P02").expect("five characters");
    Err(DatabaseError::new(code, format!("parameter \"{}\" {how}", known.name)))
}

/// `a.b`, each an identifier.
fn is_custom_name(name: &str) -> bool {
    let part = |part: &str| {
        let starts = part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
        starts && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$')
    };
    name.contains('.') && name.split('.').all(part)
}

/// Splits `a, "B c"` into names: unquoted ones folded to lower case.
fn split_identifiers(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => name.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            c if c.is_whitespace() && !quoted => {}
            c if quoted => name.push(c),
            c => name.extend(c.to_lowercase()),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

#[cfg(test)]
mod tests {
    use super::known::{KNOWN, find};

    #[test]
    fn the_list_is_in_order_so_that_it_can_be_searched() {
        let names: Vec<String> = KNOWN.iter().map(|known| known.name.to_ascii_lowercase()).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert_eq!(find("TIMEZONE").map(|known| known.name), Some("TimeZone"));
    }
}
