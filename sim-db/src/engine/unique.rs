//! Unique keys: who is in the way, now or later.
//!
//! A key's holder that is still in progress is waited for; a committed one is 23505,
//! whatever the snapshot sees. Between serializable transactions that is 40001 instead
//! when the other one's insert conflicts with something this one read, so the leaf is
//! checked first. DEFERRABLE keys only note that they may be in conflict, and look again
//! at the end of the statement or at commit.

use std::{ops::Bound, sync::Arc};

use super::{
    definition::{Key, Uniqueness},
    heap::{Tuple, TupleFlags},
    id::{IndexId, TableId, Tid, Xid},
    index::{Index, compare_prefix},
    lock::ProcId,
    mode::WaitPolicy,
    session::Session,
    ssi::{Relation, Target},
    state::State,
    undo::Undo,
    visibility::is_own,
};
use crate::{
    error::{DatabaseError, Result},
    value::Row,
};

/// A deferrable key that was not free when its row was written.
#[derive(Clone, Debug)]
pub(crate) struct PendingCheck {
    pub(crate) index: IndexId,
    table: TableId,
    tid: Tid,
    key: Key,
}

/// Whether a key is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Free,
    /// this version has it
    Taken(Tid),
    /// it depends on the end of this transaction
    Wait(Xid),
}

/// How far the entries of a new version have got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryStep {
    Done,
    /// the entry of this index (by position) waits for a transaction
    Wait(usize, Xid),
}

impl State {
    /// Whether a version at `tid` holds its key, against anybody: what is in progress counts.
    fn claim(&self, proc: ProcId, tuple: &Tuple, tid: Tid) -> KeyState {
        if tuple.flags.has(TupleFlags::ABORTED) {
            return KeyState::Free;
        }
        let own = self.own(proc);
        if !is_own(own, tuple.xmin) && self.is_active(tuple.xmin) {
            return KeyState::Wait(tuple.xmin);
        }
        if !tuple.xmax.is_some() {
            return KeyState::Taken(tid);
        }
        if !is_own(own, tuple.xmax) && self.is_active(tuple.xmax) {
            return KeyState::Wait(tuple.xmax);
        }
        KeyState::Free
    }

    /// The state of the chain that begins at `root`.
    fn chain_state(&self, proc: ProcId, table: TableId, root: Tid) -> KeyState {
        let Some(page) = self.store.table(table).heap.page(root.block) else { return KeyState::Free };
        let mut at = page.chain_start(root.offset);
        while let Some(offset) = at {
            let Some(tuple) = page.tuple(offset) else { break };
            match self.claim(proc, tuple, Tid { block: root.block, offset }) {
                KeyState::Free => at = page.chain_next(tuple),
                found => return found,
            }
        }
        KeyState::Free
    }

    /// Whether a row is there, for anybody.
    pub(crate) fn chain_is_live(&self, proc: ProcId, table: TableId, root: Tid) -> bool {
        self.chain_state(proc, table, root) != KeyState::Free
    }

    /// Whether `key` is free in a unique index, `except` for one row's entry.
    pub(crate) fn key_state(&self, proc: ProcId, index: &Index, key: &Key, except: Option<Tid>) -> KeyState {
        if index.is_distinct_by_null(key) {
            return KeyState::Free;
        }
        let orders = &index.definition.order;
        let values = key.values();
        let mut leaf = index.tree.first_leaf(orders, Bound::Included(values));
        while let Some(position) = leaf {
            let entries = &index.tree.leaf(position).entries;
            let from = entries.partition_point(|(k, _)| compare_prefix(orders, k.values(), values).is_lt());
            for (k, tid) in &entries[from..] {
                if compare_prefix(orders, k.values(), values).is_ne() {
                    return KeyState::Free;
                }
                if Some(*tid) != except {
                    match self.chain_state(proc, index.definition.table, *tid) {
                        KeyState::Free => {}
                        found => return found,
                    }
                }
            }
            leaf = index.tree.next(position).map(|(next, _)| next);
        }
        KeyState::Free
    }

    /// Tells SSI that an entry goes into an index, or would.
    fn ssi_write_entry(&mut self, proc: ProcId, index: IndexId, key: &Key, tid: Tid) -> Result<()> {
        if self.transaction(proc).sxact.is_none() {
            return Ok(());
        }
        let found = self.store.index(index);
        let leaf = found.tree.leaf_for(&found.definition.order, key.values(), tid);
        let relation = Relation::Index(index);
        let target = match leaf {
            Some(position) => Target::Page(relation, found.tree.leaf(position).id),
            None => Target::Relation(relation),
        };
        let table = found.definition.table;
        self.ssi_write(proc, table, target)
    }

    fn unique_violation(&self, index: IndexId, key: &Key) -> DatabaseError {
        let index = self.store.index(index);
        let mut error = DatabaseError::unique_violation(&index.definition.name, &index.key_text(key));
        error.table = Some(self.store.table(index.definition.table).name.to_string());
        error
    }

    /// Puts a new version's entry into one index, unless it has to wait.
    fn add_entry(
        &mut self,
        proc: ProcId,
        table: TableId,
        index_id: IndexId,
        tid: Tid,
        row: &Row,
    ) -> Result<Option<Xid>> {
        let index = self.store.index(index_id);
        let Some(key) = index.key(row)? else { return Ok(None) };
        let uniqueness = index.definition.unique;
        if uniqueness != Uniqueness::NotUnique {
            match (self.key_state(proc, index, &key, None), uniqueness) {
                (KeyState::Free, _) => {}
                (_, Uniqueness::Deferrable { .. }) => {
                    let check = PendingCheck { index: index_id, table, tid, key: key.clone() };
                    self.transaction_mut(proc).pending_checks.push(check);
                }
                (KeyState::Wait(xid), _) => return Ok(Some(xid)),
                (KeyState::Taken(_), _) => {
                    self.ssi_write_entry(proc, index_id, &key, tid)?;
                    return Err(self.unique_violation(index_id, &key));
                }
            }
        }
        self.ssi_write_entry(proc, index_id, &key, tid)?;
        let index = self.store.index_mut(index_id);
        let definition = Arc::clone(&index.definition);
        let (_, split) = index.tree.insert(&definition.order, key, tid);
        if let Some(split) = split {
            self.ssi.leaf_split(index_id, split.old, split.new);
        }
        Ok(None)
    }

    /// Puts a new version's entries into the table's indexes, from position `from` on, but for those in `done`.
    fn add_entries(
        &mut self,
        proc: ProcId,
        table: TableId,
        tid: Tid,
        row: &Row,
        from: usize,
        done: &[IndexId],
    ) -> Result<EntryStep> {
        let mut at = from;
        while let Some(index) = self.store.table(table).indexes.get(at).copied() {
            if !done.contains(&index)
                && let Some(xid) = self.add_entry(proc, table, index, tid, row)?
            {
                return Ok(EntryStep::Wait(at, xid));
            }
            at += 1;
        }
        Ok(EntryStep::Done)
    }

    /// Looks at a deferrable key again; answers whom to wait for before the next look.
    fn check_again(&mut self, proc: ProcId, check: &PendingCheck) -> Result<Option<Xid>> {
        let Some(index) = self.store.indexes.get(&check.index) else { return Ok(None) };
        if !self.chain_is_live(proc, check.table, check.tid) {
            return Ok(None);
        }
        match self.key_state(proc, index, &check.key, Some(check.tid)) {
            KeyState::Free => Ok(None),
            KeyState::Wait(xid) => Ok(Some(xid)),
            KeyState::Taken(_) => {
                self.ssi_write_entry(proc, check.index, &check.key, check.tid)?;
                Err(self.unique_violation(check.index, &check.key))
            }
        }
    }

    fn is_deferred(&self, proc: ProcId, index: IndexId) -> bool {
        let modes = &self.transaction(proc).constraint_modes;
        let set = modes.get(&Some(index)).or_else(|| modes.get(&None)).copied();
        set.unwrap_or_else(|| {
            let unique = self.store.indexes.get(&index).map(|index| index.definition.unique);
            unique == Some(Uniqueness::Deferrable { initially_deferred: true })
        })
    }
}

impl Session {
    pub(crate) async fn add_entries(&self, table: TableId, tid: Tid, row: &Row) -> Result<()> {
        self.add_entries_from(table, tid, row, &[]).await
    }

    /// As [`Session::add_entries`], those of `first` first: the caller knows that their keys are free now.
    pub(crate) async fn add_entries_from(
        &self,
        table: TableId,
        tid: Tid,
        row: &Row,
        first: &[IndexId],
    ) -> Result<()> {
        for index in first {
            let blocker = self.core.state.borrow_mut().add_entry(self.proc, table, *index, tid, row)?;
            assert!(blocker.is_none(), "the key was found free and nobody ran since");
        }
        let mut from = 0;
        loop {
            let step = self.core.state.borrow_mut().add_entries(self.proc, table, tid, row, from, first)?;
            match step {
                EntryStep::Done => return Ok(()),
                EntryStep::Wait(at, xid) => {
                    self.wait_for_transaction(xid, WaitPolicy::Wait).await?;
                    from = at;
                }
            }
        }
    }

    /// Whether keys of a table still wait for their check.
    pub fn has_pending_checks(&self, table: TableId) -> bool {
        let state = self.core.state.borrow();
        state.transaction(self.proc).pending_checks.iter().any(|check| check.table == table)
    }

    /// Looks again at deferrable keys that were not free when written; those that `is_due`.
    pub(crate) async fn run_pending_checks(&self, is_due: impl Fn(&State, IndexId) -> bool) -> Result<()> {
        let due = {
            let mut state = self.core.state.borrow_mut();
            let pending = std::mem::take(&mut state.transaction_mut(self.proc).pending_checks);
            if pending.is_empty() {
                return Ok(());
            }
            let (due, later): (Vec<_>, Vec<_>) =
                pending.into_iter().partition(|check| is_due(&state, check.index));
            state.transaction_mut(self.proc).pending_checks = later;
            due
        };
        for check in due {
            loop {
                let blocker = self.core.state.borrow_mut().check_again(self.proc, &check)?;
                let Some(xid) = blocker else { break };
                self.wait_for_transaction(xid, WaitPolicy::Wait).await?;
            }
        }
        Ok(())
    }

    /// Runs the unique checks that DEFERRABLE INITIALLY IMMEDIATE constraints put off to the statement's end.
    ///
    /// # Errors
    /// 23505.
    pub async fn end_statement(&self) -> Result<()> {
        if self.core.state.borrow().transaction(self.proc).pending_checks.is_empty() {
            return Ok(());
        }
        self.run_pending_checks(|state, index| !state.is_deferred(self.proc, index)).await
    }

    /// SET CONSTRAINTS for a deferrable unique index (`None`: all); to IMMEDIATE it also runs what is pending.
    ///
    /// # Errors
    /// 23505.
    pub async fn set_constraint(&self, index: Option<IndexId>, deferred: bool) -> Result<()> {
        {
            let mut state = self.core.state.borrow_mut();
            let transaction = state.transaction_mut(self.proc);
            let overridden: Vec<_> = match index {
                None => transaction.constraint_modes.keys().flatten().map(|index| Some(*index)).collect(),
                Some(_) => Vec::new(),
            };
            for key in overridden {
                let before = transaction.constraint_modes.remove(&key);
                transaction.undo.push(Undo::ConstraintMode(key, before));
            }
            let before = transaction.constraint_modes.insert(index, deferred);
            transaction.undo.push(Undo::ConstraintMode(index, before));
        }
        if deferred {
            return Ok(());
        }
        self.run_pending_checks(|_, pending| index.is_none_or(|index| index == pending)).await
    }
}
