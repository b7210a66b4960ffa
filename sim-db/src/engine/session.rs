//! The engine and its sessions: who is connected, and to what.

use std::rc::Rc;

use super::{
    definition::Key,
    environment::Environment,
    id::{IndexId, Pid, TableId, Tid, Xid},
    lock::{LockTag, ProcId},
    mode::AdvisoryKey,
    recovery::Shutdown,
    session_state::SessionState,
    state::{Core, State, Store},
};
use crate::{error::Result, value::Row};

/// A store: one database. Clones share it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) core: Rc<Core>,
}

/// One session of an [`Engine`]. Clones are the same session; it is closed by [`Session::close`], or when the last
/// of them goes.
#[derive(Clone)]
pub struct Session {
    pub(crate) core: Rc<Core>,
    pub(crate) proc: ProcId,
    slot: Rc<Slot>,
}

/// The session's place among the sessions. It is given to another only when nobody can use it any more, be it a
/// statement that is dropped late and still has a queue to leave.
struct Slot {
    core: Rc<Core>,
    proc: ProcId,
    pid: Pid,
}

impl Slot {
    fn close(&self) {
        let mut state = self.core.state.borrow_mut();
        if state.by_pid.get(&self.pid) == Some(&self.proc) {
            state.release_session(self.proc);
            state.session_mut(self.proc).shutdown = Some(Shutdown::Administrator);
            state.by_pid.remove(&self.pid);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.close();
        self.core.state.borrow_mut().sessions[self.proc as usize] = None;
    }
}

/// A row of `pg_locks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockInfo {
    /// `relation`, `tuple`, `transactionid`, `advisory`, `object`, `page`
    pub kind: &'static str,
    /// the table
    pub table: Option<TableId>,
    /// the row; offset 0 for a page
    pub tid: Option<Tid>,
    /// the transaction
    pub xid: Option<Xid>,
    /// the advisory lock
    pub advisory: Option<AdvisoryKey>,
    /// session
    pub pid: Pid,
    /// `RowExclusiveLock`, …
    pub mode: &'static str,
    /// held, or waited for
    pub granted: bool,
}

impl Engine {
    /// An empty database.
    pub fn new(environment: Rc<dyn Environment>) -> Engine {
        let state = std::cell::RefCell::new(State::new(Store::default()));
        Engine { core: Rc::new(Core { state, environment }) }
    }

    /// A new session with the next process number.
    pub fn connect(&self) -> Session {
        let pid = {
            let mut state = self.core.state.borrow_mut();
            let pid = state.next_pid;
            state.next_pid.0 += 1;
            pid
        };
        self.connect_as(pid)
    }

    /// A new session with a process number of the caller's (several databases of one server).
    ///
    /// # Panics
    /// If a session has it.
    pub fn connect_as(&self, pid: Pid) -> Session {
        let mut state = self.core.state.borrow_mut();
        let session = Some(SessionState::new(pid));
        let free = state.sessions.iter().position(Option::is_none);
        let at = free.unwrap_or(state.sessions.len());
        if free.is_none() {
            state.sessions.push(None);
        }
        state.sessions[at] = session;
        let proc = at as ProcId;
        let before = state.by_pid.insert(pid, proc);
        assert!(before.is_none(), "process number {pid} is taken");
        let slot = Rc::new(Slot { core: Rc::clone(&self.core), proc, pid });
        Session { core: Rc::clone(&self.core), proc, slot }
    }

    /// The world it runs in.
    pub fn environment(&self) -> Rc<dyn Environment> {
        Rc::clone(&self.core.environment)
    }

    /// Cancel request: the session's running statement fails with 57014. An idle session is not concerned.
    pub fn cancel(&self, pid: Pid) -> bool {
        let mut state = self.core.state.borrow_mut();
        let Some(proc) = state.by_pid.get(&pid).copied() else { return false };
        let session = state.session_mut(proc);
        if session.is_busy {
            session.is_canceled = true;
            state.wake(proc);
        }
        true
    }

    /// Ends a session: its running statement, or its next, fails as `how` says. What it holds is freed at once.
    /// `false` if there is no such session.
    pub fn terminate(&self, pid: Pid, how: Shutdown) -> bool {
        let mut state = self.core.state.borrow_mut();
        let Some(proc) = state.by_pid.get(&pid).copied() else { return false };
        if state.session(proc).is_busy {
            // The statement's owner rolls back when it has read the error.
            state.session_mut(proc).shutdown = Some(how);
            state.wake(proc);
        } else {
            state.end_session(proc, how);
        }
        true
    }

    /// `pg_blocking_pids(pid)`.
    pub fn blocked_by(&self, pid: Pid) -> Vec<Pid> {
        let state = self.core.state.borrow();
        let Some(proc) = state.by_pid.get(&pid) else { return Vec::new() };
        state.locks.blockers(*proc).into_iter().map(|proc| state.session(proc).pid).collect()
    }

    /// `pg_isolation_test_session_is_blocked(pid, by)`: waits for a lock that one of `by` holds or waits for ahead of
    /// it, or for a safe snapshot.
    pub fn is_blocked(&self, pid: Pid, by: &[Pid]) -> bool {
        let state = self.core.state.borrow();
        let Some(proc) = state.by_pid.get(&pid).copied() else { return false };
        state.session(proc).awaits_safe_snapshot
            || state.locks.blockers(proc).into_iter().any(|proc| by.contains(&state.session(proc).pid))
    }

    /// Whether the session waits for a lock or for a safe snapshot.
    pub fn is_waiting(&self, pid: Pid) -> bool {
        let state = self.core.state.borrow();
        let waits =
            |proc: &ProcId| state.locks.is_waiting(*proc) || state.session(*proc).awaits_safe_snapshot;
        state.by_pid.get(&pid).is_some_and(waits)
    }

    /// What a session does, in `pg_stat_activity`'s words.
    pub fn status_text(&self, pid: Pid) -> &'static str {
        let state = self.core.state.borrow();
        let Some(proc) = state.by_pid.get(&pid) else { return "gone" };
        let session = state.session(*proc);
        match &session.transaction {
            _ if session.is_busy => "active",
            None => "idle",
            Some(transaction) if transaction.is_failed => "idle in transaction (aborted)",
            Some(_) => "idle in transaction",
        }
    }

    /// The sessions, by process number.
    pub fn sessions(&self) -> Vec<Pid> {
        self.core.state.borrow().by_pid.keys().copied().collect()
    }

    /// Every lock held or awaited, in a fixed order, then SIREAD locks.
    pub fn locks(&self) -> Vec<LockInfo> {
        let state = self.core.state.borrow();
        let blank = |proc, mode, granted| LockInfo {
            kind: "relation",
            table: None,
            tid: None,
            xid: None,
            advisory: None,
            pid: state.session(proc).pid,
            mode,
            granted,
        };
        let mut all: Vec<LockInfo> = state
            .locks
            .list()
            .into_iter()
            .map(|(tag, proc, mode, granted)| {
                let info = blank(proc, mode.as_str(), granted);
                match tag {
                    LockTag::Table(table) => LockInfo { table: Some(table), ..info },
                    LockTag::Row(table, tid) => {
                        LockInfo { kind: "tuple", table: Some(table), tid: Some(tid), ..info }
                    }
                    LockTag::Transaction(xid) => LockInfo { kind: "transactionid", xid: Some(xid), ..info },
                    LockTag::Advisory(key) => LockInfo { kind: "advisory", advisory: Some(key), ..info },
                    LockTag::Object(_) => LockInfo { kind: "object", ..info },
                }
            })
            .collect();
        for (kind, table, tid, proc) in state.ssi.list() {
            all.push(LockInfo { kind, table: Some(table), tid, ..blank(proc, "SIReadLock", true) });
        }
        all
    }

    /// A counter that moves whenever committed objects change: for plan caches.
    pub fn catalog_version(&self) -> u64 {
        self.core.state.borrow().store.catalog_version
    }

    /// The next object identifier (from 16384; gaps are normal, as nothing is given back).
    pub fn next_oid(&self) -> u32 {
        let mut state = self.core.state.borrow_mut();
        let oid = state.store.next_oid;
        state.store.next_oid += 1;
        oid
    }
}

impl Session {
    /// The store.
    pub fn engine(&self) -> Engine {
        Engine { core: Rc::clone(&self.core) }
    }

    /// Process number.
    pub fn pid(&self) -> Pid {
        self.slot.pid
    }

    /// Ends the session: rolls back, frees everything. A second time does nothing.
    pub fn close(&self) {
        self.slot.close();
    }

    /// An index's key of a row, as the engine computes it.
    ///
    /// # Errors
    /// What the key expression fails with.
    pub fn index_key(&self, index: IndexId, row: &Row) -> Result<Option<Key>> {
        self.core.state.borrow().store.index(index).key(row)
    }
}
