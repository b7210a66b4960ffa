//! What a statement begins with: locks, a snapshot, a command number.

use std::rc::Rc;

use super::{
    environment::Timestamp,
    id::{CommandId, TableId, Tid},
    lock::ProcId,
    mode::{IsolationLevel, LockMode, WaitPolicy},
    session::Session,
    snapshot::Snapshot,
    state::State,
    visibility::is_own,
};
use crate::error::Result;

impl State {
    /// The snapshot for the next statement; `None` if it has to be waited for.
    fn snapshot_now(&mut self, proc: ProcId, now: impl Fn() -> Timestamp) -> Option<Snapshot> {
        let replayed = match (&self.session(proc).lag, &self.replay) {
            (Some(lag), Some(replay)) => Some(replay.snapshot(lag, now())),
            _ => None,
        };
        let transaction = self.transaction_mut(proc);
        transaction.had_snapshot = true;
        let options = transaction.options;
        let command = transaction.command;
        if !options.isolation.keeps_snapshot() {
            return Some(Snapshot { data: replayed.unwrap_or_else(|| self.take_snapshot()), command });
        }
        if let Some(data) = &transaction.snapshot {
            return Some(Snapshot { data: Rc::clone(data), command });
        }
        let data = match (replayed, options.isolation) {
            (Some(data), _) => data,
            (_, IsolationLevel::Serializable) if options.read_only && options.deferrable => return None,
            (_, IsolationLevel::Serializable) => self.serializable_snapshot(proc),
            _ => self.take_snapshot(),
        };
        self.transaction_mut(proc).snapshot = Some(Rc::clone(&data));
        Some(Snapshot { data, command })
    }
}

impl Session {
    /// The snapshot for the next statement: a new one at READ COMMITTED, the transaction's own at the other levels
    /// (taken here, the first time; SERIALIZABLE READ ONLY DEFERRABLE waits here until it is safe). It sees what
    /// earlier commands of the transaction did.
    ///
    /// # Errors
    /// 57014 while waiting.
    pub async fn statement_snapshot(&self) -> Result<Snapshot> {
        let now = || self.core.environment.now();
        if let Some(snapshot) = self.core.state.borrow_mut().snapshot_now(self.proc, now) {
            return Ok(snapshot);
        }
        let data = self.safe_snapshot().await?;
        let mut state = self.core.state.borrow_mut();
        let transaction = state.transaction_mut(self.proc);
        transaction.snapshot = Some(Rc::clone(&data));
        Ok(Snapshot { data, command: transaction.command })
    }

    /// Locks a statement's tables and takes its snapshot, in PostgreSQL's order: at the upper levels the first
    /// statement takes the snapshot when it is analysed, before it locks anything (LOCK TABLE alone takes none); at
    /// READ COMMITTED every statement takes it after it has its locks.
    ///
    /// # Errors
    /// As [`Session::lock_table`] and [`Session::statement_snapshot`].
    pub async fn begin_statement(&self, tables: &[(TableId, LockMode)]) -> Result<Snapshot> {
        if self.keeps_snapshot() {
            self.statement_snapshot().await?;
        }
        for (table, mode) in tables {
            self.lock_table(*table, *mode, WaitPolicy::Wait).await?;
        }
        self.statement_snapshot().await
    }

    /// The newest committed state and this transaction's own work, at any level.
    ///
    /// For foreign keys, which PostgreSQL 15 checks after the statement, with its work visible
    /// ([`Session::advance_command`]): a *child's* check looks for its parent with [`Session::statement_snapshot`] (so
    /// at the upper levels a parent committed after the snapshot is 23503) and locks it FOR KEY SHARE. What a
    /// *parent's* delete or update does to children looks with this snapshot; NO ACTION and RESTRICT lock what they
    /// find FOR KEY SHARE before they say 23503; CASCADE, SET NULL and SET DEFAULT fail at the upper levels with
    /// [`DatabaseError::concurrent_update`] if they find a row that the transaction's own snapshot does not see
    /// ([`Session::is_visible`]).
    pub fn latest_snapshot(&self) -> Snapshot {
        self.core.state.borrow().latest_snapshot(self.proc)
    }

    /// Whether this transaction wrote the version at `tid`.
    pub fn wrote(&self, table: TableId, tid: Tid) -> bool {
        let state = self.core.state.borrow();
        let tuple = state.store.table(table).heap.tuple(tid);
        tuple.is_some_and(|tuple| is_own(state.own(self.proc), tuple.xmin))
    }

    /// Ends a command: later snapshots see its work. Call it after every statement that writes, and between the parts
    /// of one that has several (a data-modifying CTE has one command in PostgreSQL).
    pub fn advance_command(&self) {
        self.core.state.borrow_mut().transaction_mut(self.proc).command += 1;
    }

    /// The running command.
    pub fn command(&self) -> CommandId {
        self.core.state.borrow().transaction(self.proc).command
    }
}
