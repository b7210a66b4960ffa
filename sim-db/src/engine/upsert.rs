//! INSERT … ON CONFLICT.
//!
//! PostgreSQL inserts speculatively, with a token that others wait for, and takes the
//! row back if it lost a race. Here nobody runs between the look and the insert, so the
//! entries of the clause's own indexes are simply put in first; only entries of other
//! unique indexes can still wait.

use std::sync::Arc;

use super::{
    definition::Uniqueness,
    environment::SwitchPoint,
    id::{IndexId, TableId},
    lock::ProcId,
    mode::WaitPolicy,
    outcome::{ConflictAction, InsertOutcome},
    session::Session,
    snapshot::Snapshot,
    state::State,
    unique::KeyState,
};
use crate::{
    error::{DatabaseError, Result},
    value::Row,
};

impl State {
    /// Whether some arbiter index has the row's key already.
    fn arbitrate(&self, proc: ProcId, table: TableId, row: &Row, arbiters: &[IndexId]) -> Result<KeyState> {
        for id in &self.store.table(table).indexes {
            let index = self.store.index(*id);
            let is_arbiter = if arbiters.is_empty() { index.is_unique() } else { arbiters.contains(id) };
            if !is_arbiter {
                continue;
            }
            if matches!(index.definition.unique, Uniqueness::Deferrable { .. }) {
                return Err(DatabaseError::deferrable_arbiter(&index.definition.name));
            }
            if let Some(key) = index.key(row)? {
                match self.key_state(proc, index, &key, None) {
                    KeyState::Free => {}
                    found => return Ok(found),
                }
            }
        }
        Ok(KeyState::Free)
    }
}

impl Session {
    /// INSERT … ON CONFLICT: `arbiters` are the unique indexes that the clause names; empty means all (DO NOTHING only).
    ///
    /// # Errors
    /// As [`Session::insert`]; 55000 when an arbiter is deferrable; for DO NOTHING, 40001 at the upper levels if the conflicting row is one the snapshot
    /// cannot see (for DO UPDATE that comes of [`Session::lock_conflict`], after its wait).
    pub async fn insert_or_conflict(
        &self,
        table: TableId,
        row: Row,
        arbiters: &[IndexId],
        action: ConflictAction,
        snapshot: &Snapshot,
    ) -> Result<InsertOutcome> {
        self.switch_point(SwitchPoint::Insert).await?;
        loop {
            let found = self.core.state.borrow().arbitrate(self.proc, table, &row, arbiters)?;
            match found {
                KeyState::Wait(xid) => drop(self.wait_for_transaction(xid, WaitPolicy::Wait).await?),
                KeyState::Taken(tid) => {
                    if action == ConflictAction::Nothing {
                        self.check_conflict_visible(table, tid, snapshot)?;
                    }
                    return Ok(InsertOutcome::Conflict(tid));
                }
                KeyState::Free => break,
            }
        }
        let tid = self.core.state.borrow_mut().insert_version(self.proc, table, Arc::clone(&row))?;
        self.add_entries_from(table, tid, &row, arbiters).await?;
        Ok(InsertOutcome::Inserted(tid))
    }
}
