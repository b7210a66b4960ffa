//! Run-time parameters: `SET`, `SHOW`, `RESET`, and what they do.

use super::error::error;
use crate::engine::{IsolationLevel, Session};
use crate::error::Result;
use crate::value::datetime::{DateFormat, DateOrder};
use crate::value::interval_text::IntervalStyle;
use crate::value::text::{TextStyle, parse_bool};
use crate::value::zone::Zone;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a parameter's value may be.
#[derive(Clone, Copy)]
enum Kind {
    Bool,
    Int(i64, i64),
    /// Milliseconds, written with a unit.
    Time,
    Text,
    Choice(&'static [&'static str]),
    Real,
    /// Cannot be changed.
    Fixed,
}

struct Definition {
    name: &'static str,
    default: &'static str,
    kind: Kind,
    /// Changes are told to the client.
    reported: bool,
}

const fn define(name: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { name, default, kind, reported: false }
}

const fn reported(name: &'static str, default: &'static str, kind: Kind) -> Definition {
    Definition { name, default, kind, reported: true }
}

const LEVELS: &[&str] = &["read committed", "repeatable read", "serializable", "read uncommitted"];
const MESSAGES: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error", "info", "debug", "fatal", "panic"];

static DEFINITIONS: &[Definition] = &[
    reported("application_name", "", Kind::Text),
    reported("client_encoding", "UTF8", Kind::Text),
    reported("DateStyle", "ISO, MDY", Kind::Text),
    reported("default_transaction_read_only", "off", Kind::Bool),
    reported("in_hot_standby", "off", Kind::Fixed),
    reported("integer_datetimes", "on", Kind::Fixed),
    reported("IntervalStyle", "postgres", Kind::Choice(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"])),
    reported("is_superuser", "on", Kind::Fixed),
    reported("server_encoding", "UTF8", Kind::Fixed),
    reported("server_version", "15.18", Kind::Fixed),
    reported("session_authorization", "postgres", Kind::Text),
    reported("standard_conforming_strings", "on", Kind::Bool),
    reported("TimeZone", "UTC", Kind::Text),
    define("server_version_num", "150018", Kind::Fixed),
    define("statement_timeout", "0", Kind::Time),
    define("lock_timeout", "0", Kind::Time),
    define("deadlock_timeout", "1s", Kind::Time),
    define("idle_in_transaction_session_timeout", "0", Kind::Time),
    define("idle_session_timeout", "0", Kind::Time),
    define("default_transaction_isolation", "read committed", Kind::Choice(LEVELS)),
    define("default_transaction_deferrable", "off", Kind::Bool),
    define("transaction_isolation", "read committed", Kind::Choice(LEVELS)),
    define("transaction_read_only", "off", Kind::Bool),
    define("transaction_deferrable", "off", Kind::Bool),
    define("search_path", "\"$user\", public", Kind::Text),
    define("extra_float_digits", "1", Kind::Int(-15, 3)),
    define("bytea_output", "hex", Kind::Choice(&["hex", "escape"])),
    define("synchronous_commit", "on", Kind::Choice(&["local", "remote_write", "remote_apply", "on", "off", "true", "false", "yes", "no", "1", "0"])),
    define("client_min_messages", "notice", Kind::Choice(MESSAGES)),
    define("log_min_messages", "warning", Kind::Choice(MESSAGES)),
    define("log_statement", "none", Kind::Choice(&["none", "ddl", "mod", "all"])),
    define("log_min_duration_statement", "-1", Kind::Time),
    define("row_security", "on", Kind::Bool),
    define("check_function_bodies", "on", Kind::Bool),
    define("default_tablespace", "", Kind::Text),
    define("default_table_access_method", "heap", Kind::Text),
    define("default_toast_compression", "pglz", Kind::Text),
    define("xmloption", "content", Kind::Choice(&["content", "document"])),
    define("escape_string_warning", "on", Kind::Bool),
    define("backslash_quote", "safe_encoding", Kind::Text),
    define("array_nulls", "on", Kind::Bool),
    define("work_mem", "4MB", Kind::Text),
    define("maintenance_work_mem", "64MB", Kind::Text),
    define("temp_buffers", "8MB", Kind::Text),
    define("shared_buffers", "128MB", Kind::Text),
    define("effective_cache_size", "4GB", Kind::Text),
    define("max_connections", "100", Kind::Fixed),
    define("max_identifier_length", "63", Kind::Fixed),
    define("max_index_keys", "32", Kind::Fixed),
    define("max_prepared_transactions", "0", Kind::Fixed),
    define("block_size", "8192", Kind::Fixed),
    define("data_checksums", "off", Kind::Fixed),
    define("lc_collate", "C.UTF-8", Kind::Fixed),
    define("lc_ctype", "C.UTF-8", Kind::Fixed),
    define("lc_messages", "C.UTF-8", Kind::Text),
    define("lc_monetary", "C.UTF-8", Kind::Text),
    define("lc_numeric", "C.UTF-8", Kind::Text),
    define("lc_time", "C.UTF-8", Kind::Text),
    define("wal_level", "replica", Kind::Fixed),
    define("fsync", "off", Kind::Fixed),
    define("autovacuum", "off", Kind::Fixed),
    define("listen_addresses", "127.0.0.1", Kind::Fixed),
    define("port", "5432", Kind::Fixed),
    define("password_encryption", "scram-sha-256", Kind::Text),
    define("session_replication_role", "origin", Kind::Choice(&["origin", "replica", "local"])),
    define("jit", "on", Kind::Bool),
    define("enable_seqscan", "on", Kind::Bool),
    define("enable_indexscan", "on", Kind::Bool),
    define("enable_indexonlyscan", "on", Kind::Bool),
    define("enable_bitmapscan", "on", Kind::Bool),
    define("enable_hashjoin", "on", Kind::Bool),
    define("enable_mergejoin", "on", Kind::Bool),
    define("enable_nestloop", "on", Kind::Bool),
    define("enable_hashagg", "on", Kind::Bool),
    define("enable_sort", "on", Kind::Bool),
    define("enable_material", "on", Kind::Bool),
    define("plan_cache_mode", "auto", Kind::Choice(&["auto", "force_generic_plan", "force_custom_plan"])),
    define("constraint_exclusion", "partition", Kind::Text),
    define("random_page_cost", "4", Kind::Real),
    define("seq_page_cost", "1", Kind::Real),
    define("cpu_tuple_cost", "0.01", Kind::Real),
    define("cpu_index_tuple_cost", "0.005", Kind::Real),
    define("cpu_operator_cost", "0.0025", Kind::Real),
    define("parallel_setup_cost", "1000", Kind::Real),
    define("parallel_tuple_cost", "0.1", Kind::Real),
    define("min_parallel_table_scan_size", "8MB", Kind::Text),
    define("min_parallel_index_scan_size", "512kB", Kind::Text),
    define("max_parallel_workers_per_gather", "2", Kind::Int(0, 1024)),
    define("max_parallel_workers", "8", Kind::Int(0, 1024)),
    define("parallel_leader_participation", "on", Kind::Bool),
    define("force_parallel_mode", "off", Kind::Text),
    define("default_statistics_target", "100", Kind::Int(1, 10_000)),
    define("from_collapse_limit", "8", Kind::Int(1, i32::MAX as i64)),
    define("join_collapse_limit", "8", Kind::Int(1, i32::MAX as i64)),
    define("geqo", "on", Kind::Bool),
    define("cursor_tuple_fraction", "0.1", Kind::Real),
    define("vacuum_cost_delay", "0", Kind::Text),
    define("tcp_keepalives_idle", "0", Kind::Int(0, i32::MAX as i64)),
    define("tcp_keepalives_interval", "0", Kind::Int(0, i32::MAX as i64)),
    define("tcp_keepalives_count", "0", Kind::Int(0, i32::MAX as i64)),
    define("tcp_user_timeout", "0", Kind::Int(0, i32::MAX as i64)),
    define("role", "none", Kind::Text),
    define("transform_null_equals", "off", Kind::Bool),
    define("quote_all_identifiers", "off", Kind::Bool),
    define("track_activities", "on", Kind::Bool),
];

fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name.eq_ignore_ascii_case(name))
}

fn unrecognized(name: &str) -> crate::error::DatabaseError {
    error(b"42704", format!("unrecognized configuration parameter \"{name}\""))
}

fn invalid(name: &str, value: &str) -> crate::error::DatabaseError {
    error(b"22023", format!("invalid value for parameter \"{name}\": \"{value}\""))
}

/// Milliseconds of a value with an optional unit.
fn milliseconds(text: &str) -> Option<i64> {
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let number: f64 = number.trim().parse().ok()?;
    let factor = match unit.trim() {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let total = (number * factor).round();
    (total >= -1.0 && total <= f64::from(i32::MAX)).then_some(total as i64)
}

/// A time as `SHOW` gives it: in the largest unit that is exact.
fn show_time(ms: i64) -> String {
    if ms <= 0 {
        return ms.to_string();
    }
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000)] {
        if ms % size == 0 {
            return format!("{}{unit}", ms / size);
        }
    }
    format!("{ms}ms")
}

/// Values of one session's parameters.
#[derive(Clone, Default)]
pub struct Settings {
    /// What the session has set.
    current: BTreeMap<String, String>,
    /// What `RESET` goes back to, where it is not the built-in default.
    start: BTreeMap<String, String>,
    /// Values before the transaction or savepoint, to go back to; `None` was not set. The flag is SET LOCAL.
    undo: Vec<(String, Option<String>, bool)>,
    /// Length of `undo` at each savepoint.
    marks: Vec<usize>,
}

impl Settings {
    fn key(name: &str) -> String {
        definition(name).map_or_else(|| name.to_lowercase(), |definition| definition.name.to_owned())
    }

    /// A parameter's value; built-in default when it was not set.
    pub fn value(&self, name: &str) -> Option<String> {
        let key = Self::key(name);
        self.current
            .get(&key)
            .or_else(|| self.start.get(&key))
            .cloned()
            .or_else(|| definition(name).map(|definition| definition.default.to_owned()))
    }

    /// A parameter's milliseconds.
    pub fn time_ms(&self, name: &str) -> u64 {
        self.value(name).and_then(|value| milliseconds(&value)).unwrap_or(0).max(0) as u64
    }

    /// A parameter as `SHOW` gives it.
    ///
    /// # Errors
    ///
    /// 42704 for an unknown name.
    pub fn show(&self, name: &str, session: &Session) -> Result<String> {
        let in_transaction = session.status() != crate::engine::TransactionStatus::Idle;
        match name.to_ascii_lowercase().as_str() {
            "transaction_isolation" if in_transaction => {
                return Ok(session.transaction_options().isolation.as_str().to_owned());
            }
            "transaction_read_only" if in_transaction => {
                return Ok(if session.transaction_options().read_only { "on" } else { "off" }.to_owned());
            }
            "transaction_deferrable" if in_transaction => {
                return Ok(if session.transaction_options().deferrable { "on" } else { "off" }.to_owned());
            }
            "transaction_isolation" => return self.show("default_transaction_isolation", session),
            "transaction_read_only" => return self.show("default_transaction_read_only", session),
            _ => {}
        }
        let value = self.value(name).ok_or_else(|| unrecognized(name))?;
        Ok(match definition(name).map(|definition| definition.kind) {
            Some(Kind::Time) => milliseconds(&value).map_or(value, show_time),
            _ => value,
        })
    }

    /// The name as `SHOW` heads its column.
    pub fn canonical(name: &str) -> Option<&'static str> {
        definition(name).map(|definition| definition.name)
    }

    /// Every parameter with its value.
    pub fn all(&self, session: &Session) -> Vec<(String, String)> {
        let mut names: Vec<String> = DEFINITIONS.iter().map(|definition| definition.name.to_owned()).collect();
        names.extend(self.current.keys().filter(|name| name.contains('.')).cloned());
        names.sort_by_key(|name| name.to_lowercase());
        names.into_iter().filter_map(|name| self.show(&name, session).ok().map(|value| (name, value))).collect()
    }

    /// The parameters that the client is told of.
    pub fn reported(&self) -> Vec<(String, String)> {
        DEFINITIONS
            .iter()
            .filter(|definition| definition.reported)
            .map(|definition| (definition.name.to_owned(), self.value(definition.name).unwrap_or_default()))
            .collect()
    }

    fn normalize(definition: &Definition, value: &str) -> Result<String> {
        let name = definition.name;
        Ok(match definition.kind {
            Kind::Bool => {
                let on = parse_bool(value)
                    .ok_or_else(|| error(b"22023", format!("parameter \"{name}\" requires a Boolean value")))?;
                if on { "on" } else { "off" }.to_owned()
            }
            Kind::Int(low, high) => {
                let number: i64 = value.trim().parse().map_err(|_| invalid(name, value))?;
                if !(low..=high).contains(&number) {
                    let message =
                        format!("{number} is outside the valid range for parameter \"{name}\" ({low} .. {high})");
                    return Err(error(b"22023", message));
                }
                number.to_string()
            }
            Kind::Time => {
                let ms = milliseconds(value).ok_or_else(|| {
                    invalid(name, value)
                        .with_hint("Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\".")
                })?;
                if ms < 0 && name != "log_min_duration_statement" {
                    let message = format!("{ms} ms is outside the valid range for parameter \"{name}\" (0 .. 2147483647)");
                    return Err(error(b"22023", message));
                }
                show_time(ms)
            }
            Kind::Real => {
                value.trim().parse::<f64>().map_err(|_| invalid(name, value))?;
                value.trim().to_owned()
            }
            Kind::Choice(choices) => {
                let lower = value.trim().to_ascii_lowercase();
                if !choices.contains(&lower.as_str()) {
                    return Err(invalid(name, value).with_hint(format!("Available values: {}.", choices.join(", "))));
                }
                match lower.as_str() {
                    "true" | "yes" | "1" => "on".to_owned(),
                    "false" | "no" | "0" => "off".to_owned(),
                    _ => lower,
                }
            }
            Kind::Fixed => {
                return Err(error(b"55P02", format!("parameter \"{name}\" cannot be changed")));
            }
            Kind::Text => match name {
                "TimeZone" => match value.strip_prefix("interval ") {
                    Some(hours) => {
                        let hours: f64 = hours.trim().parse().map_err(|_| invalid(name, value))?;
                        Zone::fixed((hours * 3600.0) as i32).name().to_owned()
                    }
                    None => Zone::find(value, true).ok_or_else(|| invalid(name, value))?.name().to_owned(),
                },
                "client_encoding" => {
                    let upper = value.to_ascii_uppercase().replace(['-', '_'], "");
                    match upper.as_str() {
                        "UTF8" | "UNICODE" => "UTF8".to_owned(),
                        "SQLASCII" => "SQL_ASCII".to_owned(),
                        "LATIN1" => return Err(crate::sql::error::unsupported("client_encoding LATIN1")),
                        _ => return Err(invalid(name, value)),
                    }
                }
                "DateStyle" => {
                    let (format, order) = date_style(value, DateFormat::Iso, DateOrder::Mdy).ok_or_else(|| invalid(name, value))?;
                    let format = match format {
                        DateFormat::Iso => "ISO",
                        DateFormat::Sql => "SQL",
                        DateFormat::Postgres => "Postgres",
                        DateFormat::German => "German",
                    };
                    let order = match order {
                        DateOrder::Mdy => "MDY",
                        DateOrder::Dmy => "DMY",
                        DateOrder::Ymd => "YMD",
                    };
                    format!("{format}, {order}")
                }
                _ => value.to_owned(),
            },
        })
    }

    /// Sets a parameter. Answers what the client is to be told.
    ///
    /// # Errors
    ///
    /// 42704 for an unknown name, 22023 for a bad value, 55P02 for one that cannot be changed.
    pub fn set(&mut self, name: &str, value: &str, local: bool, session: &Session) -> Result<Vec<(String, String)>> {
        match name.to_ascii_lowercase().as_str() {
            "transaction_isolation" => {
                session.set_isolation(level(value).ok_or_else(|| invalid(name, value))?)?;
                return Ok(Vec::new());
            }
            "transaction_read_only" => {
                let on = parse_bool(value)
                    .ok_or_else(|| error(b"22023", format!("parameter \"{name}\" requires a Boolean value")))?;
                session.set_read_only(on)?;
                return Ok(Vec::new());
            }
            _ => {}
        }
        let normalized = match definition(name) {
            Some(definition) => Self::normalize(definition, value)?,
            None if name.contains('.') => value.to_owned(),
            None => return Err(unrecognized(name)),
        };
        Ok(self.store(&Self::key(name), Some(normalized), local, session))
    }

    /// `RESET`, `SET … TO DEFAULT`.
    ///
    /// # Errors
    ///
    /// 42704 for an unknown name.
    pub fn reset(&mut self, name: &str, local: bool, session: &Session) -> Result<Vec<(String, String)>> {
        match definition(name) {
            Some(definition) if matches!(definition.kind, Kind::Fixed) => {
                return Err(error(b"55P02", format!("parameter \"{}\" cannot be changed", definition.name)));
            }
            None if !name.contains('.') => return Err(unrecognized(name)),
            _ => {}
        }
        Ok(self.store(&Self::key(name), None, local, session))
    }

    /// `RESET ALL`.
    pub fn reset_all(&mut self, session: &Session) -> Vec<(String, String)> {
        let names: Vec<String> = self.current.keys().cloned().collect();
        names.iter().flat_map(|name| self.store(name, None, false, session)).collect()
    }

    /// Sets what a session starts with.
    ///
    /// # Errors
    ///
    /// As [`Settings::set`].
    pub fn set_start(&mut self, name: &str, value: &str, session: &Session) -> Result<()> {
        let normalized = match definition(name) {
            Some(definition) => Self::normalize(definition, value)?,
            None if name.contains('.') => value.to_owned(),
            None => return Err(unrecognized(name)),
        };
        let key = Self::key(name);
        self.start.insert(key.clone(), normalized);
        self.apply(&key, session);
        Ok(())
    }

    fn store(&mut self, key: &str, value: Option<String>, local: bool, session: &Session) -> Vec<(String, String)> {
        let before = self.value(key);
        let old = match value {
            Some(value) => self.current.insert(key.to_owned(), value),
            None => self.current.remove(key),
        };
        self.undo.push((key.to_owned(), old, local));
        self.apply(key, session);
        self.report(key, before)
    }

    fn report(&self, key: &str, before: Option<String>) -> Vec<(String, String)> {
        let after = self.value(key);
        match definition(key) {
            Some(definition) if definition.reported && after != before => {
                vec![(definition.name.to_owned(), after.unwrap_or_default())]
            }
            _ => Vec::new(),
        }
    }

    /// Tells the engine of the timeouts.
    fn apply(&self, key: &str, session: &Session) {
        let duration = |ms: u64| (ms > 0).then(|| Duration::from_millis(ms));
        match key {
            "lock_timeout" => session.set_lock_timeout(duration(self.time_ms(key))),
            "deadlock_timeout" => session.set_deadlock_timeout(Duration::from_millis(self.time_ms(key).max(1))),
            _ => {}
        }
    }

    fn revert(&mut self, key: &str, old: Option<String>, session: &Session) -> Vec<(String, String)> {
        let before = self.value(key);
        match old {
            Some(value) => drop(self.current.insert(key.to_owned(), value)),
            None => drop(self.current.remove(key)),
        }
        self.apply(key, session);
        self.report(key, before)
    }

    /// The transaction ended: local values go, on a rollback all do.
    pub fn end_transaction(&mut self, committed: bool, session: &Session) -> Vec<(String, String)> {
        let mut reports = Vec::new();
        let undo = std::mem::take(&mut self.undo);
        self.marks.clear();
        if !committed {
            for (key, old, _) in undo.into_iter().rev() {
                reports.extend(self.revert(&key, old, session));
            }
            return reports;
        }
        // A local value goes back to what was there before the first local one after the last global.
        let mut targets: BTreeMap<String, Option<Option<String>>> = BTreeMap::new();
        for (key, old, local) in undo {
            let target = targets.entry(key).or_default();
            match (local, &target) {
                (true, None) => *target = Some(old),
                (true, Some(_)) => {}
                (false, _) => *target = None,
            }
        }
        for (key, target) in targets {
            if let Some(old) = target {
                reports.extend(self.revert(&key, old, session));
            }
        }
        reports
    }

    /// A savepoint begins.
    pub fn mark(&mut self) {
        self.marks.push(self.undo.len());
    }

    /// Back to the savepoint at a depth (it stays).
    pub fn rollback_to(&mut self, depth: usize, session: &Session) -> Vec<(String, String)> {
        let mut reports = Vec::new();
        let Some(mark) = self.marks.get(depth).copied() else { return reports };
        self.marks.truncate(depth + 1);
        for (key, old, _) in self.undo.split_off(mark.min(self.undo.len())).into_iter().rev() {
            reports.extend(self.revert(&key, old, session));
        }
        reports
    }

    /// The savepoints from a depth on are released.
    pub fn release(&mut self, depth: usize) {
        self.marks.truncate(depth);
    }

    /// The settings that text formats depend on.
    pub fn text_style(&self) -> TextStyle {
        let value = |name: &str| self.value(name).unwrap_or_default();
        let (date_format, date_order) =
            date_style(&value("DateStyle"), DateFormat::Iso, DateOrder::Mdy).unwrap_or((DateFormat::Iso, DateOrder::Mdy));
        TextStyle {
            zone: zone_of(&value("TimeZone")),
            date_order,
            date_format,
            interval_style: match value("IntervalStyle").as_str() {
                "postgres_verbose" => IntervalStyle::PostgresVerbose,
                "sql_standard" => IntervalStyle::SqlStandard,
                "iso_8601" => IntervalStyle::Iso8601,
                _ => IntervalStyle::Postgres,
            },
            extra_float_digits: value("extra_float_digits").parse().unwrap_or(1),
            bytea_escape: value("bytea_output") == "escape",
            now: 0,
        }
    }

    /// The isolation level that transactions start with.
    pub fn default_isolation(&self) -> IsolationLevel {
        self.value("default_transaction_isolation").and_then(|value| level(&value)).unwrap_or_default()
    }

    /// Whether a boolean parameter is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.value(name).as_deref() == Some("on")
    }
}

/// A zone by the name that [`Zone::name`] gave.
fn zone_of(name: &str) -> Zone {
    // "<+02>-02" is a fixed offset written as POSIX does.
    if let Some((_, offset)) = name.split_once('>')
        && let Some(zone) = Zone::find(offset, true)
    {
        return zone;
    }
    Zone::find(name, true).unwrap_or_else(Zone::utc)
}

/// An isolation level by name.
pub fn level(name: &str) -> Option<IsolationLevel> {
    match name.trim().to_ascii_lowercase().as_str() {
        "read committed" | "read uncommitted" => Some(IsolationLevel::ReadCommitted),
        "repeatable read" => Some(IsolationLevel::RepeatableRead),
        "serializable" => Some(IsolationLevel::Serializable),
        _ => None,
    }
}

fn date_style(value: &str, format: DateFormat, order: DateOrder) -> Option<(DateFormat, DateOrder)> {
    let (mut format, mut order) = (format, order);
    for word in value.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "iso" => format = DateFormat::Iso,
            "sql" => format = DateFormat::Sql,
            "postgres" => format = DateFormat::Postgres,
            "german" => format = DateFormat::German,
            "mdy" | "us" | "noneuro" | "noneuropean" => order = DateOrder::Mdy,
            "dmy" | "euro" | "european" => order = DateOrder::Dmy,
            "ymd" => order = DateOrder::Ymd,
            "default" => {}
            _ => return None,
        }
    }
    Some((format, order))
}
