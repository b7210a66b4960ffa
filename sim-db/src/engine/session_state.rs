//! What the engine keeps of a session.

use std::rc::Rc;
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    task::Waker,
    time::Duration,
};

use super::{
    environment::Timestamp, id::Pid, notify::Notification, recovery::Shutdown, replay::Lag,
    transaction::Transaction,
};

/// PostgreSQL's default `deadlock_timeout`.
const DEADLOCK_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct SessionState {
    pub(crate) pid: Pid,
    pub(crate) transaction: Option<Box<Transaction>>,
    /// an empty one for the next
    pub(crate) spare: Option<Box<Transaction>>,
    /// a statement is running: a cancel request concerns it
    pub(crate) is_busy: bool,
    pub(crate) is_canceled: bool,
    pub(crate) shutdown: Option<Shutdown>,
    pub(crate) statement_deadline: Option<Timestamp>,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) deadlock_timeout: Duration,
    /// who to wake when something other than a lock comes
    pub(crate) waker: Option<Waker>,
    pub(crate) listening: BTreeSet<Arc<str>>,
    pub(crate) inbox: VecDeque<Notification>,
    /// waits for a safe snapshot
    pub(crate) awaits_safe_snapshot: bool,
    /// of a replica: how far it is behind
    pub(crate) lag: Option<Rc<Lag>>,
}

impl SessionState {
    pub(crate) fn new(pid: Pid) -> SessionState {
        SessionState {
            pid,
            transaction: None,
            spare: None,
            is_busy: false,
            is_canceled: false,
            shutdown: None,
            statement_deadline: None,
            lock_timeout: None,
            deadlock_timeout: DEADLOCK_TIMEOUT,
            waker: None,
            listening: BTreeSet::new(),
            inbox: VecDeque::new(),
            awaits_safe_snapshot: false,
            lag: None,
        }
    }
}
