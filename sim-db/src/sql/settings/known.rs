//! The settings that exist, as `pg_settings` lists them.
//!
//! Those that nothing here looks at are kept because clients, migrations and pools set them; a name that is not in the
//! list is an error, as on the real server.

/// What a setting's value looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `on` or `off`.
    Bool,
    /// A whole number within a range.
    Integer(Unit, i64, i64),
    /// A number.
    Real(f64, f64),
    /// One of some words; the first spelling of each is shown.
    Enum(&'static [&'static str]),
    /// Any text.
    Text,
    /// `DateStyle`.
    DateStyle,
    /// `TimeZone`.
    TimeZone,
    /// `client_encoding`.
    Encoding,
    /// Of the running transaction.
    Isolation,
    /// Of the running transaction.
    ReadOnly,
    /// Of the running transaction.
    Deferrable,
}

/// What an integer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nothing in particular.
    None,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Kibibytes.
    Kilobytes,
    /// Blocks of eight kibibytes.
    Blocks,
}

/// Who may change a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changeable {
    /// Every session.
    Yes,
    /// Only the server's start.
    AtStart,
    /// Nobody.
    Never,
}

/// A setting.
#[derive(Debug)]
pub struct Known {
    /// As it is shown.
    pub name: &'static str,
    /// Its values.
    pub kind: Kind,
    /// What it is until someone sets it, in the form that is stored.
    pub default: &'static str,
    /// Whether clients are told of changes.
    pub reported: bool,
    /// Who may change it.
    pub changeable: Changeable,
}

const fn setting(name: &'static str, kind: Kind, default: &'static str) -> Known {
    Known { name, kind, default, reported: false, changeable: Changeable::Yes }
}

const fn reported(name: &'static str, kind: Kind, default: &'static str) -> Known {
    Known { reported: true, ..setting(name, kind, default) }
}

const fn fixed(name: &'static str, kind: Kind, default: &'static str) -> Known {
    Known { changeable: Changeable::Never, ..setting(name, kind, default) }
}

const fn at_start(name: &'static str, kind: Kind, default: &'static str) -> Known {
    Known { changeable: Changeable::AtStart, ..setting(name, kind, default) }
}

const ISOLATION: Kind =
    Kind::Enum(&["serializable", "repeatable read", "read committed", "read uncommitted"]);
const LEVELS: Kind =
    Kind::Enum(&["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"]);
const MILLISECONDS: Kind = Kind::Integer(Unit::Milliseconds, 0, INT_MAX);
const INT_MAX: i64 = i32::MAX as i64;
const COST: Kind = Kind::Real(0.0, f64::MAX);

/// In order of their names, letter case aside.
pub static KNOWN: &[Known] = &[
    reported("application_name", Kind::Text, ""),
    setting("array_nulls", Kind::Bool, "on"),
    at_start("autovacuum", Kind::Bool, "off"),
    setting("backslash_quote", Kind::Enum(&["safe_encoding", "on", "off"]), "safe_encoding"),
    fixed("block_size", Kind::Integer(Unit::None, 8192, 8192), "8192"),
    setting("bytea_output", Kind::Enum(&["escape", "hex"]), "hex"),
    setting("check_function_bodies", Kind::Bool, "on"),
    setting("client_connection_check_interval", MILLISECONDS, "0"),
    reported("client_encoding", Kind::Encoding, "UTF8"),
    setting("client_min_messages", LEVELS, "notice"),
    setting("commit_delay", Kind::Integer(Unit::None, 0, 100_000), "0"),
    setting("constraint_exclusion", Kind::Enum(&["partition", "on", "off"]), "partition"),
    setting("cpu_index_tuple_cost", COST, "0.005"),
    setting("cpu_operator_cost", COST, "0.0025"),
    setting("cpu_tuple_cost", COST, "0.01"),
    setting("cursor_tuple_fraction", Kind::Real(0.0, 1.0), "0.1"),
    fixed("data_checksums", Kind::Bool, "off"),
    reported("DateStyle", Kind::DateStyle, "ISO, MDY"),
    setting("deadlock_timeout", Kind::Integer(Unit::Milliseconds, 1, INT_MAX), "1000"),
    setting("debug_print_plan", Kind::Bool, "off"),
    setting("default_statistics_target", Kind::Integer(Unit::None, 1, 10_000), "100"),
    setting("default_table_access_method", Kind::Text, "heap"),
    setting("default_tablespace", Kind::Text, ""),
    setting("default_text_search_config", Kind::Text, "pg_catalog.english"),
    setting("default_toast_compression", Kind::Enum(&["pglz", "lz4"]), "pglz"),
    setting("default_transaction_deferrable", Kind::Bool, "off"),
    setting("default_transaction_isolation", ISOLATION, "read committed"),
    reported("default_transaction_read_only", Kind::Bool, "off"),
    setting("effective_cache_size", Kind::Integer(Unit::Blocks, 1, INT_MAX), "524288"),
    setting("enable_async_append", Kind::Bool, "on"),
    setting("enable_bitmapscan", Kind::Bool, "on"),
    setting("enable_gathermerge", Kind::Bool, "on"),
    setting("enable_hashagg", Kind::Bool, "on"),
    setting("enable_hashjoin", Kind::Bool, "on"),
    setting("enable_incremental_sort", Kind::Bool, "on"),
    setting("enable_indexonlyscan", Kind::Bool, "on"),
    setting("enable_indexscan", Kind::Bool, "on"),
    setting("enable_material", Kind::Bool, "on"),
    setting("enable_memoize", Kind::Bool, "on"),
    setting("enable_mergejoin", Kind::Bool, "on"),
    setting("enable_nestloop", Kind::Bool, "on"),
    setting("enable_parallel_append", Kind::Bool, "on"),
    setting("enable_parallel_hash", Kind::Bool, "on"),
    setting("enable_partition_pruning", Kind::Bool, "on"),
    setting("enable_partitionwise_aggregate", Kind::Bool, "off"),
    setting("enable_partitionwise_join", Kind::Bool, "off"),
    setting("enable_seqscan", Kind::Bool, "on"),
    setting("enable_sort", Kind::Bool, "on"),
    setting("enable_tidscan", Kind::Bool, "on"),
    setting("escape_string_warning", Kind::Bool, "on"),
    setting("exit_on_error", Kind::Bool, "off"),
    setting("extra_float_digits", Kind::Integer(Unit::None, -15, 3), "1"),
    setting("from_collapse_limit", Kind::Integer(Unit::None, 1, INT_MAX), "8"),
    at_start("fsync", Kind::Bool, "off"),
    at_start("full_page_writes", Kind::Bool, "on"),
    setting("geqo", Kind::Bool, "on"),
    setting("geqo_threshold", Kind::Integer(Unit::None, 2, INT_MAX), "12"),
    setting("gin_fuzzy_search_limit", Kind::Integer(Unit::None, 0, INT_MAX), "0"),
    setting("hash_mem_multiplier", Kind::Real(1.0, 1000.0), "2"),
    setting("idle_in_transaction_session_timeout", MILLISECONDS, "0"),
    setting("idle_session_timeout", MILLISECONDS, "0"),
    Known { changeable: Changeable::Never, ..reported("in_hot_standby", Kind::Bool, "off") },
    Known { changeable: Changeable::Never, ..reported("integer_datetimes", Kind::Bool, "on") },
    reported(
        "IntervalStyle",
        Kind::Enum(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
        "postgres",
    ),
    Known { changeable: Changeable::Never, ..reported("is_superuser", Kind::Bool, "on") },
    setting("jit", Kind::Bool, "on"),
    setting("join_collapse_limit", Kind::Integer(Unit::None, 1, INT_MAX), "8"),
    fixed("lc_collate", Kind::Text, "C"),
    fixed("lc_ctype", Kind::Text, "C"),
    setting("lc_messages", Kind::Text, "C"),
    setting("lc_monetary", Kind::Text, "C"),
    setting("lc_numeric", Kind::Text, "C"),
    setting("lc_time", Kind::Text, "C"),
    at_start("listen_addresses", Kind::Text, "localhost"),
    setting("lo_compat_privileges", Kind::Bool, "off"),
    setting("lock_timeout", MILLISECONDS, "0"),
    setting("log_duration", Kind::Bool, "off"),
    setting("log_error_verbosity", Kind::Enum(&["default", "terse", "verbose"]), "default"),
    setting("log_lock_waits", Kind::Bool, "off"),
    setting("log_min_duration_statement", Kind::Integer(Unit::Milliseconds, -1, INT_MAX), "-1"),
    setting("log_min_error_statement", LEVELS, "error"),
    setting("log_min_messages", LEVELS, "warning"),
    setting("log_statement", Kind::Enum(&["none", "ddl", "mod", "all"]), "none"),
    setting("logical_decoding_work_mem", Kind::Integer(Unit::Kilobytes, 64, INT_MAX), "65536"),
    setting("maintenance_work_mem", Kind::Integer(Unit::Kilobytes, 1024, INT_MAX), "65536"),
    at_start("max_connections", Kind::Integer(Unit::None, 1, 262_143), "100"),
    fixed("max_identifier_length", Kind::Integer(Unit::None, 63, 63), "63"),
    fixed("max_index_keys", Kind::Integer(Unit::None, 32, 32), "32"),
    at_start("max_locks_per_transaction", Kind::Integer(Unit::None, 10, INT_MAX), "64"),
    setting("max_parallel_workers", Kind::Integer(Unit::None, 0, 1024), "8"),
    setting("max_parallel_workers_per_gather", Kind::Integer(Unit::None, 0, 1024), "2"),
    at_start("max_prepared_transactions", Kind::Integer(Unit::None, 0, 262_143), "0"),
    setting("max_stack_depth", Kind::Integer(Unit::Kilobytes, 100, INT_MAX), "2048"),
    setting("min_parallel_index_scan_size", Kind::Integer(Unit::Blocks, 0, INT_MAX), "64"),
    setting("min_parallel_table_scan_size", Kind::Integer(Unit::Blocks, 0, INT_MAX), "1024"),
    setting("parallel_leader_participation", Kind::Bool, "on"),
    setting("parallel_setup_cost", COST, "1000"),
    setting("parallel_tuple_cost", COST, "0.1"),
    setting("password_encryption", Kind::Enum(&["md5", "scram-sha-256"]), "scram-sha-256"),
    setting("plan_cache_mode", Kind::Enum(&["auto", "force_generic_plan", "force_custom_plan"]), "auto"),
    at_start("port", Kind::Integer(Unit::None, 1, 65_535), "5432"),
    setting("quote_all_identifiers", Kind::Bool, "off"),
    setting("random_page_cost", COST, "4"),
    setting("row_security", Kind::Bool, "on"),
    setting("search_path", Kind::Text, "\"$user\", public"),
    setting("seq_page_cost", COST, "1"),
    Known { changeable: Changeable::Never, ..reported("server_encoding", Kind::Text, "UTF8") },
    Known { changeable: Changeable::Never, ..reported("server_version", Kind::Text, "15.18") },
    fixed("server_version_num", Kind::Integer(Unit::None, 150_018, 150_018), "150018"),
    Known { changeable: Changeable::Never, ..reported("session_authorization", Kind::Text, "") },
    setting("session_preload_libraries", Kind::Text, ""),
    setting("session_replication_role", Kind::Enum(&["origin", "replica", "local"]), "origin"),
    at_start("shared_buffers", Kind::Integer(Unit::Blocks, 16, INT_MAX), "16384"),
    at_start("ssl", Kind::Bool, "off"),
    reported("standard_conforming_strings", Kind::Bool, "on"),
    setting("statement_timeout", MILLISECONDS, "0"),
    setting("synchronize_seqscans", Kind::Bool, "on"),
    setting("synchronous_commit", Kind::Enum(&["local", "remote_write", "remote_apply", "on", "off"]), "on"),
    setting("tcp_keepalives_count", Kind::Integer(Unit::None, 0, INT_MAX), "0"),
    setting("tcp_keepalives_idle", Kind::Integer(Unit::Seconds, 0, INT_MAX), "0"),
    setting("tcp_keepalives_interval", Kind::Integer(Unit::Seconds, 0, INT_MAX), "0"),
    setting("tcp_user_timeout", MILLISECONDS, "0"),
    setting("temp_buffers", Kind::Integer(Unit::Blocks, 100, 1_073_741_823), "1024"),
    setting("temp_tablespaces", Kind::Text, ""),
    reported("TimeZone", Kind::TimeZone, "UTC"),
    setting("timezone_abbreviations", Kind::Text, "Default"),
    setting("track_activities", Kind::Bool, "on"),
    setting("track_counts", Kind::Bool, "on"),
    setting("track_io_timing", Kind::Bool, "off"),
    setting("transaction_deferrable", Kind::Deferrable, "off"),
    setting("transaction_isolation", Kind::Isolation, "read committed"),
    setting("transaction_read_only", Kind::ReadOnly, "off"),
    setting("transform_null_equals", Kind::Bool, "off"),
    setting("vacuum_cost_delay", Kind::Real(0.0, 100.0), "0"),
    setting("vacuum_cost_limit", Kind::Integer(Unit::None, 1, 10_000), "200"),
    setting("wal_compression", Kind::Enum(&["pglz", "lz4", "zstd", "on", "off"]), "off"),
    at_start("wal_level", Kind::Enum(&["minimal", "replica", "logical"]), "replica"),
    setting("work_mem", Kind::Integer(Unit::Kilobytes, 64, INT_MAX), "4096"),
    setting("xmlbinary", Kind::Enum(&["base64", "hex"]), "base64"),
    setting("xmloption", Kind::Enum(&["content", "document"]), "content"),
    setting("zero_damaged_pages", Kind::Bool, "off"),
];

/// The setting of a name, in any letter case.
pub fn find(name: &str) -> Option<&'static Known> {
    let order = |known: &Known| {
        known.name.bytes().map(|b| b.to_ascii_lowercase()).cmp(name.bytes().map(|b| b.to_ascii_lowercase()))
    };
    KNOWN.binary_search_by(order).ok().map(|at| &KNOWN[at])
}
