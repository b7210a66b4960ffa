//! One error type for the whole store: the fields of PostgreSQL's `ErrorResponse`.
//!
//! Client code matches on `sqlstate` and `constraint`, so both are exact. The
//! fields live behind one box: a `Result` on a hot path stays one word wide.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

/// A five-character SQLSTATE.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SqlState(pub [u8; 5]);

impl SqlState {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a SQLSTATE is made of ASCII characters only")
    }

    /// Reads a code of five ASCII characters.
    pub fn parse(text: &str) -> Option<SqlState> {
        let bytes: [u8; 5] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphanumeric).then_some(SqlState(bytes))
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<&str> for SqlState {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

macro_rules! sqlstates {
    ($($name:ident = $code:literal, $doc:literal;)*) => {
        impl SqlState {
            $(#[doc = $doc] pub const $name: SqlState = SqlState(*$code);)*
        }
    };
}

sqlstates! {
    SUCCESSFUL_COMPLETION = b"00000", "successful completion";
    WARNING = b"01000", "warning";
    PROTOCOL_VIOLATION = b"08P01", "protocol violation";
    FEATURE_NOT_SUPPORTED = b"0A000", "feature not supported";
    CARDINALITY_VIOLATION = b"21000", "cardinality violation";
    NUMERIC_VALUE_OUT_OF_RANGE = b"22003", "numeric value out of range";
    DIVISION_BY_ZERO = b"22012", "division by zero";
    INVALID_PARAMETER_VALUE = b"22023", "invalid parameter value";
    INVALID_TEXT_REPRESENTATION = b"22P02", "invalid text representation";
    INVALID_BINARY_REPRESENTATION = b"22P03", "invalid binary representation";
    SEQUENCE_GENERATOR_LIMIT_EXCEEDED = b"2200H", "sequence generator limit exceeded";
    RESTRICT_VIOLATION = b"23001", "restrict violation";
    NOT_NULL_VIOLATION = b"23502", "not-null violation";
    FOREIGN_KEY_VIOLATION = b"23503", "foreign key violation";
    UNIQUE_VIOLATION = b"23505", "unique violation";
    CHECK_VIOLATION = b"23514", "check violation";
    INVALID_CURSOR_STATE = b"24000", "invalid cursor state";
    ACTIVE_SQL_TRANSACTION = b"25001", "active SQL transaction";
    READ_ONLY_SQL_TRANSACTION = b"25006", "read-only SQL transaction";
    NO_ACTIVE_SQL_TRANSACTION = b"25P01", "no active SQL transaction";
    IN_FAILED_SQL_TRANSACTION = b"25P02", "in failed SQL transaction";
    IDLE_IN_TRANSACTION_SESSION_TIMEOUT = b"25P03", "idle-in-transaction session timeout";
    INVALID_SQL_STATEMENT_NAME = b"26000", "invalid SQL statement name";
    TRIGGERED_DATA_CHANGE_VIOLATION = b"27000", "triggered data change violation";
    INVALID_AUTHORIZATION_SPECIFICATION = b"28000", "invalid authorization specification";
    INVALID_PASSWORD = b"28P01", "invalid password";
    DEPENDENT_OBJECTS_STILL_EXIST = b"2BP01", "dependent objects still exist";
    INVALID_CURSOR_NAME = b"34000", "invalid cursor name";
    INVALID_SAVEPOINT = b"3B001", "invalid savepoint specification";
    INVALID_CATALOG_NAME = b"3D000", "invalid catalog name";
    INVALID_SCHEMA_NAME = b"3F000", "invalid schema name";
    SERIALIZATION_FAILURE = b"40001", "serialization failure";
    DEADLOCK_DETECTED = b"40P01", "deadlock detected";
    SYNTAX_ERROR = b"42601", "syntax error";
    DUPLICATE_COLUMN = b"42701", "duplicate column";
    AMBIGUOUS_COLUMN = b"42702", "ambiguous column";
    UNDEFINED_COLUMN = b"42703", "undefined column";
    UNDEFINED_OBJECT = b"42704", "undefined object";
    DUPLICATE_OBJECT = b"42710", "duplicate object";
    DUPLICATE_ALIAS = b"42712", "duplicate alias";
    GROUPING_ERROR = b"42803", "grouping error";
    DATATYPE_MISMATCH = b"42804", "datatype mismatch";
    WRONG_OBJECT_TYPE = b"42809", "wrong object type";
    CANNOT_COERCE = b"42846", "cannot coerce";
    UNDEFINED_FUNCTION = b"42883", "undefined function";
    UNDEFINED_TABLE = b"42P01", "undefined table";
    UNDEFINED_PARAMETER = b"42P02", "undefined parameter";
    DUPLICATE_DATABASE = b"42P04", "duplicate database";
    DUPLICATE_PREPARED_STATEMENT = b"42P05", "duplicate prepared statement";
    DUPLICATE_SCHEMA = b"42P06", "duplicate schema";
    DUPLICATE_TABLE = b"42P07", "duplicate table";
    INVALID_COLUMN_REFERENCE = b"42P10", "invalid column reference";
    INVALID_TABLE_DEFINITION = b"42P16", "invalid table definition";
    INDETERMINATE_DATATYPE = b"42P18", "indeterminate datatype";
    OUT_OF_MEMORY = b"53200", "out of memory";
    TOO_MANY_CONNECTIONS = b"53300", "too many connections";
    STATEMENT_TOO_COMPLEX = b"54001", "statement too complex";
    OBJECT_NOT_IN_PREREQUISITE_STATE = b"55000", "object not in prerequisite state";
    OBJECT_IN_USE = b"55006", "object in use";
    LOCK_NOT_AVAILABLE = b"55P03", "lock not available";
    QUERY_CANCELED = b"57014", "query canceled";
    ADMIN_SHUTDOWN = b"57P01", "admin shutdown";
    CRASH_SHUTDOWN = b"57P02", "crash shutdown";
    CANNOT_CONNECT_NOW = b"57P03", "cannot connect now";
    INTERNAL_ERROR = b"XX000", "internal error";
}

/// How bad it is, as PostgreSQL says it on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// a notice to the user
    Notice,
    /// a warning
    Warning,
    /// the statement failed
    Error,
    /// the session ends
    Fatal,
    /// the server ends
    Panic,
}

impl Severity {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Notice => "NOTICE",
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
            Severity::Panic => "PANIC",
        }
    }
}

/// What PostgreSQL tells of an error or a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorFields {
    /// five-character code
    pub sqlstate: SqlState,
    /// severity
    pub severity: Severity,
    /// primary message
    pub message: String,
    /// DETAIL
    pub detail: Option<String>,
    /// HINT
    pub hint: Option<String>,
    /// schema of the object concerned
    pub schema: Option<String>,
    /// table concerned
    pub table: Option<String>,
    /// column concerned
    pub column: Option<String>,
    /// data type concerned
    pub data_type: Option<String>,
    /// constraint concerned
    pub constraint: Option<String>,
    /// where in the query text, counted in characters from 1
    pub position: Option<u32>,
}

/// An error as a PostgreSQL client sees it. Derefs to its [`ErrorFields`].
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseError(Box<ErrorFields>);

/// What every fallible operation of the store returns.
pub type Result<T, E = DatabaseError> = std::result::Result<T, E>;

impl DatabaseError {
    /// An ERROR with a code and a message.
    pub fn new(sqlstate: SqlState, message: impl Into<String>) -> DatabaseError {
        DatabaseError(Box::new(ErrorFields {
            sqlstate,
            severity: Severity::Error,
            message: message.into(),
            detail: None,
            hint: None,
            schema: None,
            table: None,
            column: None,
            data_type: None,
            constraint: None,
            position: None,
        }))
    }

    /// A FATAL error: the session ends with it.
    pub fn fatal(sqlstate: SqlState, message: impl Into<String>) -> DatabaseError {
        let mut error = DatabaseError::new(sqlstate, message);
        error.severity = Severity::Fatal;
        error
    }

    /// 0A000 for a construct we do not have, named in `what`.
    pub fn unsupported(what: impl fmt::Display) -> DatabaseError {
        DatabaseError::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{what} is not supported"))
    }

    /// XX000: a bug of ours.
    pub fn internal(message: impl Into<String>) -> DatabaseError {
        DatabaseError::new(SqlState::INTERNAL_ERROR, message)
    }

    /// 40001 of first-updater-wins.
    pub fn concurrent_update() -> DatabaseError {
        let message = "could not serialize access due to concurrent update";
        DatabaseError::new(SqlState::SERIALIZATION_FAILURE, message)
    }

    /// 40001 where the other transaction deleted the row.
    pub fn concurrent_delete() -> DatabaseError {
        let message = "could not serialize access due to concurrent delete";
        DatabaseError::new(SqlState::SERIALIZATION_FAILURE, message)
    }

    /// 40001 of serializable snapshot isolation; `reason` is PostgreSQL's reason code.
    pub fn read_write_dependencies(reason: &str) -> DatabaseError {
        let message = "could not serialize access due to read/write dependencies among transactions";
        DatabaseError::new(SqlState::SERIALIZATION_FAILURE, message)
            .with_detail(format!("Reason code: {reason}"))
            .with_hint("The transaction might succeed if retried.")
    }

    /// 57014 of a cancel request.
    pub fn canceled_by_user() -> DatabaseError {
        DatabaseError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request")
    }

    /// 57014 of `statement_timeout`.
    pub fn statement_timeout() -> DatabaseError {
        DatabaseError::new(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout")
    }

    /// 55P03 of `lock_timeout`.
    pub fn lock_timeout() -> DatabaseError {
        DatabaseError::new(SqlState::LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout")
    }

    /// 55P03 of NOWAIT on a row.
    pub fn row_lock_not_available(table: &str) -> DatabaseError {
        let message = format!("could not obtain lock on row in relation \"{table}\"");
        DatabaseError::new(SqlState::LOCK_NOT_AVAILABLE, message)
    }

    /// 55P03 of NOWAIT on a table.
    pub fn table_lock_not_available(table: &str) -> DatabaseError {
        let message = format!("could not obtain lock on relation \"{table}\"");
        DatabaseError::new(SqlState::LOCK_NOT_AVAILABLE, message)
    }

    /// 25P02: every statement but ROLLBACK in a failed transaction.
    pub fn transaction_aborted() -> DatabaseError {
        DatabaseError::new(
            SqlState::IN_FAILED_SQL_TRANSACTION,
            "current transaction is aborted, commands ignored until end of transaction block",
        )
    }

    /// 25006: a write in a READ ONLY transaction.
    pub fn read_only_transaction(command: &str) -> DatabaseError {
        let message = format!("cannot execute {command} in a read-only transaction");
        DatabaseError::new(SqlState::READ_ONLY_SQL_TRANSACTION, message)
    }

    /// 3B001: no such savepoint.
    pub fn no_such_savepoint(name: &str) -> DatabaseError {
        let message = format!("savepoint \"{name}\" does not exist");
        DatabaseError::new(SqlState::INVALID_SAVEPOINT, message)
    }

    /// 23505; `key` is the text of `Key (columns)=(values)`.
    pub fn unique_violation(constraint: &str, key: &str) -> DatabaseError {
        let message = format!("duplicate key value violates unique constraint \"{constraint}\"");
        let mut error = DatabaseError::new(SqlState::UNIQUE_VIOLATION, message)
            .with_detail(format!("{key} already exists."));
        error.constraint = Some(constraint.to_owned());
        error
    }

    /// 55000: ON CONFLICT came to an index that may hold equal keys for a while.
    pub fn deferrable_arbiter(constraint: &str) -> DatabaseError {
        let message =
            "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters";
        DatabaseError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message).with_constraint(constraint)
    }

    /// Sets DETAIL.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> DatabaseError {
        self.detail = Some(detail.into());
        self
    }

    /// Sets HINT.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> DatabaseError {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the position in the query text, in characters from 1.
    #[must_use]
    pub fn at(mut self, position: u32) -> DatabaseError {
        self.position = Some(position);
        self
    }

    /// Names the table concerned.
    #[must_use]
    pub fn with_table(mut self, schema: &str, table: &str) -> DatabaseError {
        self.schema = Some(schema.to_owned());
        self.table = Some(table.to_owned());
        self
    }

    /// Names the column concerned.
    #[must_use]
    pub fn with_column(mut self, column: &str) -> DatabaseError {
        self.column = Some(column.to_owned());
        self
    }

    /// Names the constraint concerned.
    #[must_use]
    pub fn with_constraint(mut self, constraint: &str) -> DatabaseError {
        self.constraint = Some(constraint.to_owned());
        self
    }

    /// The fields, taken out.
    pub fn into_fields(self) -> ErrorFields {
        *self.0
    }
}

impl Deref for DatabaseError {
    type Target = ErrorFields;

    fn deref(&self) -> &ErrorFields {
        &self.0
    }
}

impl DerefMut for DatabaseError {
    fn deref_mut(&mut self) -> &mut ErrorFields {
        &mut self.0
    }
}

impl fmt::Debug for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.sqlstate, self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        Ok(())
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.severity.as_str(), self.message, self.sqlstate)
    }
}

impl std::error::Error for DatabaseError {}
