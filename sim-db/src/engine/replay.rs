//! The database as it was a while ago: what a read replica shows.
//!
//! A replica is sessions of the same engine whose snapshots are old ones. Each commit leaves the snapshot it made
//! true, and while that lives nothing it sees is pruned. So a replica needs no copy, no log, and can never disagree with
//! what the primary once was. Definitions (tables, columns) and sequences are those of now.

use std::{cell::Cell, collections::VecDeque, rc::Rc, time::Duration};

use super::{
    environment::Timestamp,
    session::{Engine, Session},
    snapshot::SnapshotData,
};

/// How far back snapshots are kept: no replica lags more.
pub const LAG_MAX: Duration = Duration::from_secs(600);

/// How far a replica is behind. Shared by its sessions.
#[derive(Debug, Default)]
pub struct Lag {
    lag: Cell<Duration>,
    /// Commits up to here were replayed; never goes back.
    replayed: Cell<Timestamp>,
}

impl Lag {
    /// A replica that is so far behind, at most [`LAG_MAX`].
    pub fn new(lag: Duration) -> Rc<Lag> {
        let new = Lag::default();
        new.set(lag);
        Rc::new(new)
    }

    /// How far it is behind.
    pub fn get(&self) -> Duration {
        self.lag.get()
    }

    /// Changes how far it is behind, at most [`LAG_MAX`]. What was replayed stays replayed: a longer lag shows in later
    /// commits.
    pub fn set(&self, lag: Duration) {
        self.lag.set(lag.min(LAG_MAX));
    }

    /// The commits of which time are seen now.
    fn position(&self, now: Timestamp) -> Timestamp {
        let micros = i64::try_from(self.lag.get().as_micros()).expect("a lag is at most some minutes");
        let position = self.replayed.get().max(Timestamp(now.0.saturating_sub(micros)));
        self.replayed.set(position);
        position
    }
}

/// What was true from when on.
pub(crate) struct Replay(VecDeque<(Timestamp, Rc<SnapshotData>)>);

impl Replay {
    pub(crate) fn new(now: Timestamp, snapshot: Rc<SnapshotData>) -> Replay {
        Replay(VecDeque::from([(now, snapshot)]))
    }

    /// A commit at this time made this true.
    pub(crate) fn record(&mut self, now: Timestamp, snapshot: Rc<SnapshotData>) {
        // A clock that was set back does not reorder commits.
        let at = self.0.back().map_or(now, |(last, _)| now.max(*last));
        self.0.push_back((at, snapshot));
        while self.0.get(1).is_some_and(|(next, _)| at.since(*next) > LAG_MAX) {
            self.0.pop_front();
        }
    }

    /// What a replica sees now.
    pub(crate) fn snapshot(&self, lag: &Lag, now: Timestamp) -> Rc<SnapshotData> {
        let position = lag.position(now);
        let after = self.0.partition_point(|(at, _)| *at <= position);
        Rc::clone(&self.0[after.saturating_sub(1)].1)
    }
}

impl Engine {
    /// Keeps what each commit makes true from now on, for replicas.
    pub fn keep_for_replicas(&self) {
        let now = self.core.environment.now();
        let mut state = self.core.state.borrow_mut();
        if state.replay.is_none() {
            let snapshot = state.take_snapshot();
            state.replay = Some(Replay::new(now, snapshot));
        }
    }
}

impl Session {
    /// Makes this a session of a replica that lags: read only, and all its snapshots are old ones. SERIALIZABLE is
    /// REPEATABLE READ there.
    ///
    /// # Panics
    /// If the engine keeps nothing for replicas.
    pub fn lag(&self, lag: Rc<Lag>) {
        let mut state = self.core.state.borrow_mut();
        assert!(state.replay.is_some(), "an engine with a replica keeps what was true");
        state.session_mut(self.proc).lag = Some(lag);
    }

    /// Whether this is a session of a replica.
    pub fn is_replica(&self) -> bool {
        self.core.state.borrow().session(self.proc).lag.is_some()
    }
}
