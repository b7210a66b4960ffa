//! What the engine needs from outside: a clock, a timer, entropy, choices.
//!
//! The engine is runtime-agnostic and decides nothing on its own: the simulator
//! answers from virtual time and the tape, `serve` from the real machine.

use std::{future::Future, pin::Pin, time::Duration};

/// A boxed future of this thread.
pub type LocalBoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant `duration` later; saturates.
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to here, zero if it is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Where in a statement another session may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SwitchPoint {
    /// before a row is inserted
    Insert,
    /// before a row is updated
    Update,
    /// before a row is deleted
    Delete,
    /// before a row is locked
    LockRow,
    /// before a table is locked
    LockTable,
    /// before a transaction commits
    Commit,
    /// before an operation of the typed API: its request travels
    Request,
    /// after an operation of the typed API: its answer travels
    Response,
}

/// The world the engine runs in.
pub trait Environment {
    /// The wall clock, microseconds since the Unix epoch.
    fn now(&self) -> Timestamp;

    /// Completes `duration` from now.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<()>;

    /// Fills `out` with entropy (uuids, `random()`, SCRAM salts, cancel keys).
    fn fill_entropy(&self, out: &mut [u8]);

    /// A place where another session may run. `None`, the default, goes on at once.
    fn switch_point(&self, _at: SwitchPoint) -> Option<LocalBoxFuture<()>> {
        None
    }

    /// Something happened that a person who reads about the run should see: `kind` in a word, `text` in one
    /// line, rendered only if somebody listens. Nobody does by default.
    fn observe(&self, _kind: &'static str, _text: &dyn Fn() -> String) {}

    /// A session begins to wait, for another session or a time; asked again whenever it is polled and waits on.
    fn waits_for(&self, _what: &'static str) {}

    /// Whether a fault of this kind strikes now; `describe` says what is struck. None does by default.
    fn strikes(&self, _kind: &'static str, _describe: &dyn Fn() -> String) -> bool {
        false
    }

    /// A bounded choice, `0..bound`; 0, the default, is what PostgreSQL most often does.
    fn choose(&self, _what: &'static str, _bound: u64) -> u64 {
        0
    }
}
