//! Savepoints: subtransactions by name.

use super::{session::Session, transaction::Transaction};
use crate::error::{DatabaseError, Result};

impl Transaction {
    fn find_savepoint(&self, name: &str) -> Result<usize> {
        let found = self.levels.iter().skip(1).rposition(|level| level.name.as_deref() == Some(name));
        found.map(|at| at + 1).ok_or_else(|| DatabaseError::no_such_savepoint(name))
    }
}

impl Session {
    /// SAVEPOINT. A name may be there twice; the newest is meant.
    ///
    /// # Panics
    /// If there is no transaction.
    pub fn savepoint(&self, name: &str) {
        let mut state = self.core.state.borrow_mut();
        let transaction = state.transaction_mut(self.proc);
        transaction.push_level(Some(name.into()));
    }

    /// RELEASE SAVEPOINT.
    ///
    /// # Errors
    /// 3B001 no such savepoint.
    pub fn release_savepoint(&self, name: &str) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        let at = state.transaction(self.proc).find_savepoint(name)?;
        state.transaction_mut(self.proc).levels.truncate(at);
        state.locks.hand_up(self.proc, at as u32);
        Ok(())
    }

    /// ROLLBACK TO SAVEPOINT; also out of the failed state. The savepoint stays.
    ///
    /// # Errors
    /// 3B001 no such savepoint.
    pub fn rollback_to_savepoint(&self, name: &str) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        let at = state.transaction(self.proc).find_savepoint(name)?;
        state.locks.stop_waiting(self.proc);
        state.abort_levels(self.proc, at);
        let transaction = state.transaction_mut(self.proc);
        transaction.options.read_only = transaction.levels[at].is_read_only_outside;
        transaction.is_failed = false;
        transaction.command += 1;
        Ok(())
    }

    /// How many subtransactions are open.
    pub fn savepoint_depth(&self) -> usize {
        let state = self.core.state.borrow();
        state.session(self.proc).transaction.as_ref().map_or(0, |t| t.levels.len() - 1)
    }
}
