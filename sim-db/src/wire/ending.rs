//! How a session ends, and what its client reads then.

use super::{backend::Output, channel::End, report::report};
use crate::{
    engine::Shutdown,
    error::{DatabaseError, Severity, SqlState},
};

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said good-bye or is gone: nobody is there to be told.
    Gone,
    /// With a FATAL error.
    Fatal(DatabaseError),
    /// Somebody ended it.
    Shutdown(Shutdown),
}

impl Ending {
    /// A protocol violation that the session cannot get over.
    pub fn violation(message: impl Into<String>) -> Self {
        Self::Fatal(DatabaseError::fatal(SqlState::PROTOCOL_VIOLATION, message))
    }

    /// Writes the last message.
    pub fn write(&self, out: &mut Output) {
        let error = match self {
            Self::Gone => return,
            Self::Fatal(error) => {
                let mut error = error.clone();
                error.severity = error.severity.max(Severity::Fatal);
                error
            }
            Self::Shutdown(how) => last_words(*how),
        };
        report(out, &error);
    }
}

impl From<End> for Ending {
    fn from(end: End) -> Self {
        match end {
            End::Gone => Self::Gone,
            End::Violation(malformed) => Self::Fatal(malformed.into()),
        }
    }
}

/// A session that is idle, or whose server crashes, is told in a warning; the stream then just closes.
fn last_words(how: Shutdown) -> DatabaseError {
    let code = |text| SqlState::parse(text).expect("five characters");
    let (severity, sqlstate, message) = match how {
        Shutdown::Administrator => {
            (Severity::Fatal, SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
        }
        Shutdown::Immediate => (
            Severity::Warning,
            SqlState::ADMIN_SHUTDOWN,
            "terminating connection due to immediate shutdown command",
        ),
        Shutdown::Crash => (
            Severity::Warning,
            SqlState::CRASH_SHUTDOWN,
            "terminating connection because of crash of another server process",
        ),
        Shutdown::IdleInTransaction => (
            Severity::Fatal,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            "terminating connection due to idle-in-transaction timeout",
        ),
        Shutdown::Idle => {
            (Severity::Fatal, code("57P05"), "terminating connection due to idle-session timeout")
        }
    };
    let mut error = DatabaseError::new(sqlstate, message);
    error.severity = severity;
    error
}
