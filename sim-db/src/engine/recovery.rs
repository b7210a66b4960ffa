//! Crash, orderly stop, and forks of a template.

use std::{cell::RefCell, rc::Rc};

use super::{
    definition::Persistence,
    environment::Environment,
    session::Engine,
    state::{Core, State, Store},
};

/// Why a session ends without asking: decides what its client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// `pg_terminate_backend` or fast stop: FATAL 57P01 "… due to administrator command"
    Administrator,
    /// immediate stop: WARNING 57P01 "… due to immediate shutdown command", no error
    Immediate,
    /// another backend crashed: WARNING 57P02, no error
    Crash,
    /// `idle_in_transaction_session_timeout`: FATAL 25P03
    IdleInTransaction,
    /// `idle_session_timeout`: FATAL 57P05
    Idle,
}

/// A frozen database, to be forked many times, on any thread, each fork copy-on-write.
#[derive(Clone)]
pub struct Template(Store);

/// What it holds is never written in place, so that threads may share it.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<Template>();
};

impl State {
    /// Ends every session: what is committed stays, what is not goes.
    fn end_sessions(&mut self, how: Shutdown) {
        for proc in 0..self.sessions.len() as u32 {
            // Those of replicas are elsewhere.
            if self.sessions[proc as usize].as_ref().is_some_and(|session| session.lag.is_none()) {
                self.end_session(proc, how);
            }
        }
    }

    /// Rolls a session back, frees what it holds, and has it end with `how`.
    pub(crate) fn end_session(&mut self, proc: u32, how: Shutdown) {
        self.release_session(proc);
        self.session_mut(proc).shutdown = Some(how);
        self.wake(proc);
    }

    /// Everything of a session goes: transaction, locks, temporary tables.
    pub(crate) fn release_session(&mut self, proc: u32) {
        self.locks.stop_waiting(proc);
        self.abort_transaction(proc);
        self.locks.release_where(proc, |_| true);
        let temporary: Vec<_> =
            self.store.tables.iter().filter(|(_, t)| t.session == Some(proc)).map(|(id, _)| *id).collect();
        for id in temporary {
            self.remove_table(id);
        }
        let session = self.session_mut(proc);
        session.listening.clear();
        session.inbox.clear();
    }

    fn empty_unlogged_tables(&mut self) {
        let unlogged: Vec<_> = self
            .store
            .tables
            .iter()
            .filter(|(_, table)| table.persistence == Persistence::Unlogged)
            .map(|(id, _)| *id)
            .collect();
        for id in unlogged {
            drop(self.take_contents(id));
        }
    }
}

impl Engine {
    /// Crash and recovery in one: acknowledged commits stay, open transactions, sessions, their locks, temporary
    /// tables and notifications go, unlogged tables are empty, sequences skip to what was logged.
    /// Every session ends as `how` says.
    pub fn crash(&self, how: Shutdown) {
        let mut state = self.core.state.borrow_mut();
        state.end_sessions(how);
        state.empty_unlogged_tables();
        for sequence in state.store.sequences.values_mut() {
            sequence.recover();
        }
    }

    /// Orderly stop: as a crash, but sequences do not skip and unlogged rows stay.
    pub fn stop(&self) {
        self.core.state.borrow_mut().end_sessions(Shutdown::Administrator);
    }

    /// The committed state, to fork from.
    ///
    /// # Panics
    /// If a transaction that wrote is in progress: its work would be half in it.
    pub fn template(&self) -> Template {
        let state = self.core.state.borrow();
        assert!(state.active.is_empty(), "a template is taken while no transaction is writing");
        let mut store = state.store.clone();
        store.tables.retain(|_, table| table.session.is_none());
        let tables = &store.tables;
        store.indexes.retain(|_, index| tables.contains_key(&index.definition.table));
        Template(store)
    }
}

impl Template {
    /// A database of its own that starts as this one; copies nothing until written.
    pub fn fork(&self, environment: Rc<dyn Environment>) -> Engine {
        let state = RefCell::new(State::new(self.0.clone()));
        Engine { core: Rc::new(Core { state, environment }) }
    }
}
