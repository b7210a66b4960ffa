//! INSERT, UPDATE, DELETE.

use std::sync::Arc;

use super::{
    environment::SwitchPoint,
    heap::{Tuple, TupleFlags, tuple_bytes},
    id::{CommandId, TableId, Tid, Xid},
    lock::ProcId,
    mode::RowLockMode,
    outcome::{DeleteOutcome, LockRowOutcome, UpdateOutcome},
    row_lock::{Contention, contention},
    row_wait::RowTurn,
    session::Session,
    snapshot::Snapshot,
    ssi::{Relation, Target},
    state::State,
    undo::Undo,
    visibility::{UpdateState, is_own, update_state},
};
use crate::{
    error::{DatabaseError, Result},
    value::Row,
};

/// One try at changing a row.
enum ChangeStep<T> {
    Done(T),
    /// others hold the row
    Wait(Contention, RowLockMode),
    /// a committed transaction got there first
    Outrun(RowLockMode, UpdateState),
    SelfModified,
}

/// A new version: where, and whether the indexes need to know.
struct NewVersion {
    tid: Tid,
    needs_entries: bool,
}

impl State {
    fn new_tuple(&mut self, proc: ProcId, row: Row, command: CommandId) -> Tuple {
        Tuple {
            xmin: self.xid(proc),
            xmax: Xid::NONE,
            cmin: command,
            cmax: 0,
            next: Tid::default(),
            size_bytes: tuple_bytes(&row),
            flags: TupleFlags::default(),
            root: 0,
            row,
        }
    }

    pub(crate) fn insert_version(&mut self, proc: ProcId, table: TableId, row: Row) -> Result<Tid> {
        self.ssi_write(proc, table, Target::Relation(Relation::Table(table)))?;
        let command = self.transaction(proc).command;
        let tuple = self.new_tuple(proc, row, command);
        let tid = self.store.table_mut(table).heap.put(tuple, None);
        self.transaction_mut(proc).undo.push(Undo::Insert(table, tid));
        Ok(tid)
    }

    /// Judges the row for a change that takes `mode`; whoever is in the way is in the step.
    fn may_change(
        &self,
        proc: ProcId,
        table: TableId,
        tid: Tid,
        command: CommandId,
        mode: impl FnOnce(&Tuple) -> RowLockMode,
    ) -> Result<ChangeStep<RowLockMode>> {
        let Some(tuple) = self.store.table(table).heap.tuple(tid) else {
            return Err(DatabaseError::internal(format!("there is no row version at {tid}")));
        };
        let own = self.own(proc);
        let is_active = |xid| self.is_active(xid);
        let state = update_state(tuple, command, own, is_active);
        let mode = mode(tuple);
        Ok(match state {
            UpdateState::Invisible => {
                return Err(DatabaseError::internal("attempted to update invisible tuple"));
            }
            UpdateState::SelfChanged => ChangeStep::SelfModified,
            // Whoever else holds the version is waited for, also when who changed it has committed.
            UpdateState::Updated | UpdateState::Deleted => {
                let found = contention(tuple, self.row_locks.holders(table, tid), mode, own, is_active);
                if found.wait_for.is_empty() {
                    ChangeStep::Outrun(mode, state)
                } else {
                    ChangeStep::Wait(found, mode)
                }
            }
            UpdateState::Current if !tuple.flags.has(TupleFlags::LOCKED) => ChangeStep::Done(mode),
            UpdateState::Current | UpdateState::BeingChanged(_) => {
                let found = contention(tuple, self.row_locks.holders(table, tid), mode, own, is_active);
                if found.wait_for.is_empty() { ChangeStep::Done(mode) } else { ChangeStep::Wait(found, mode) }
            }
        })
    }

    fn try_update(
        &mut self,
        proc: ProcId,
        table: TableId,
        tid: Tid,
        row: &Row,
        command: CommandId,
    ) -> Result<ChangeStep<NewVersion>> {
        let definition = self.store.table(table);
        let mode = |old: &Tuple| {
            if definition.keeps_keys(&old.row, row) { RowLockMode::NoKeyUpdate } else { RowLockMode::Update }
        };
        let mode = match self.may_change(proc, table, tid, command, mode)? {
            ChangeStep::Done(mode) => mode,
            ChangeStep::Wait(found, mode) => return Ok(ChangeStep::Wait(found, mode)),
            ChangeStep::Outrun(mode, state) => return Ok(ChangeStep::Outrun(mode, state)),
            ChangeStep::SelfModified => return Ok(ChangeStep::SelfModified),
        };
        self.ssi_write(proc, table, Target::Row(table, tid))?;
        // The transaction's own FOR UPDATE makes its change as strong.
        let changes_key = mode == RowLockMode::Update || self.holds_for_update(proc, table, tid);
        let tuple = self.new_tuple(proc, Arc::clone(row), command);
        self.prune_page(table, tid.block);
        let xid = tuple.xmin;
        let entry = self.store.table_mut(table);
        let old_row = &entry.heap.tuple(tid).expect("it was just judged").row;
        let keeps_indexes = entry.keeps_indexes(old_row, row);
        let new = entry.heap.put(tuple, Some(tid.block));
        let is_hot = keeps_indexes && new.block == tid.block;
        let page = entry.heap.page_mut(tid.block).expect("it was just judged");
        let root = page.root_of(tid.offset);
        page.mark_prunable(xid, root);
        let old = page.tuple_mut(tid.offset).expect("it was just judged");
        old.xmax = xid;
        old.cmax = command;
        old.next = new;
        old.flags.set(TupleFlags::HOT_UPDATED, is_hot);
        old.flags.set(TupleFlags::KEY_CHANGED, changes_key);
        let was_locked = old.flags.has(TupleFlags::LOCKED);
        if is_hot {
            let new = page.tuple_mut(new.offset).expect("it was just put there");
            new.flags.set(TupleFlags::HEAP_ONLY, true);
            new.root = root;
        }
        entry.heap.dead += 1;
        let undo = &mut self.transaction_mut(proc).undo;
        undo.push(Undo::Change(table, tid));
        undo.push(Undo::Insert(table, new));
        if was_locked {
            self.carry_locks(proc, table, tid, new);
        }
        Ok(ChangeStep::Done(NewVersion { tid: new, needs_entries: !is_hot }))
    }

    fn holds_for_update(&self, proc: ProcId, table: TableId, tid: Tid) -> bool {
        let own = self.own(proc);
        let holders = self.row_locks.holders(table, tid);
        holders.iter().any(|(xid, mode)| *mode == RowLockMode::Update && is_own(own, *xid))
    }

    /// Others' locks that let this update pass hold the new version too.
    fn carry_locks(&mut self, proc: ProcId, table: TableId, old: Tid, new: Tid) {
        for (xid, mode) in self.row_locks.holders(table, old).to_vec() {
            if self.runner(xid).is_some_and(|runner| runner != proc) {
                self.add_row_lock(table, new, xid, mode);
            }
        }
    }

    /// Notes a row lock, with its end.
    pub(crate) fn add_row_lock(&mut self, table: TableId, tid: Tid, xid: Xid, mode: RowLockMode) {
        let runner = self.runner(xid).expect("only who is in progress locks rows");
        if self.row_locks.add(table, tid, xid, mode) {
            self.transaction_mut(runner).undo.push(Undo::RowLock(table, tid, xid));
        }
        if let Some(tuple) = self.store.table_mut(table).heap.tuple_mut(tid) {
            tuple.flags.set(TupleFlags::LOCKED, true);
        }
    }

    fn try_delete(
        &mut self,
        proc: ProcId,
        table: TableId,
        tid: Tid,
        command: CommandId,
    ) -> Result<ChangeStep<()>> {
        match self.may_change(proc, table, tid, command, |_| RowLockMode::Update)? {
            ChangeStep::Done(_) => {}
            ChangeStep::Wait(found, mode) => return Ok(ChangeStep::Wait(found, mode)),
            ChangeStep::Outrun(mode, state) => return Ok(ChangeStep::Outrun(mode, state)),
            ChangeStep::SelfModified => return Ok(ChangeStep::SelfModified),
        }
        self.ssi_write(proc, table, Target::Row(table, tid))?;
        let xid = self.xid(proc);
        let heap = &mut self.store.table_mut(table).heap;
        let page = heap.page_mut(tid.block).expect("it was just judged");
        page.mark_prunable(xid, page.root_of(tid.offset));
        let tuple = page.tuple_mut(tid.offset).expect("it was just judged");
        tuple.xmax = xid;
        tuple.cmax = command;
        tuple.next = tid;
        tuple.flags.set(TupleFlags::KEY_CHANGED, true);
        tuple.flags.set(TupleFlags::DELETED, true);
        heap.dead += 1;
        self.transaction_mut(proc).undo.push(Undo::Change(table, tid));
        Ok(ChangeStep::Done(()))
    }
}

/// A statement calls [`Session::lock_table`] first, once a table.
impl Session {
    /// Inserts a row: heap, then every index, waiting for transactions that hold an equal unique key.
    ///
    /// # Errors
    /// 23505, 40001, 40P01, 55P03, 57014.
    pub async fn insert(&self, table: TableId, row: Row) -> Result<Tid> {
        self.switch_point(SwitchPoint::Insert).await?;
        let tid = self.core.state.borrow_mut().insert_version(self.proc, table, Arc::clone(&row))?;
        self.add_entries(table, tid, &row).await?;
        Ok(tid)
    }

    /// Replaces the version at `tid` (which the snapshot sees, or which a `Changed` named) by `row`. Waits for holders
    /// of the row and of unique keys.
    ///
    /// # Errors
    /// 23505, 40001 (also: changed after the snapshot, at the upper levels), 40P01, 55P03, 57014.
    pub async fn update(
        &self,
        table: TableId,
        tid: Tid,
        row: Row,
        snapshot: &Snapshot,
    ) -> Result<UpdateOutcome> {
        self.switch_point(SwitchPoint::Update).await?;
        let mut turn = RowTurn::new(self, table, tid);
        loop {
            let step =
                self.core.state.borrow_mut().try_update(self.proc, table, tid, &row, snapshot.command)?;
            match step {
                ChangeStep::Done(new) => {
                    drop(turn);
                    if new.needs_entries {
                        self.add_entries(table, new.tid, &row).await?;
                    }
                    return Ok(UpdateOutcome::Updated(new.tid));
                }
                ChangeStep::SelfModified => return Ok(UpdateOutcome::SelfModified),
                ChangeStep::Wait(found, mode) => turn.wait(&found, mode).await?,
                ChangeStep::Outrun(mode, state) => {
                    drop(turn);
                    return Ok(match self.lock_newest(table, tid, mode, state, snapshot).await? {
                        Some((tid, row)) => UpdateOutcome::Changed { tid, row },
                        None => UpdateOutcome::Deleted,
                    });
                }
            }
        }
    }

    /// Deletes the version at `tid`. Waits for holders of the row.
    ///
    /// # Errors
    /// As [`Session::update`].
    pub async fn delete(&self, table: TableId, tid: Tid, snapshot: &Snapshot) -> Result<DeleteOutcome> {
        self.switch_point(SwitchPoint::Delete).await?;
        let mut turn = RowTurn::new(self, table, tid);
        loop {
            let step = self.core.state.borrow_mut().try_delete(self.proc, table, tid, snapshot.command)?;
            match step {
                ChangeStep::Done(()) => return Ok(DeleteOutcome::Done),
                ChangeStep::SelfModified => return Ok(DeleteOutcome::SelfModified),
                ChangeStep::Wait(found, mode) => turn.wait(&found, mode).await?,
                ChangeStep::Outrun(mode, state) => {
                    drop(turn);
                    return Ok(match self.lock_newest(table, tid, mode, state, snapshot).await? {
                        Some((tid, row)) => DeleteOutcome::Changed { tid, row },
                        None => DeleteOutcome::Deleted,
                    });
                }
            }
        }
    }

    /// The row was changed by somebody who committed: at the upper levels that is the end, else its newest version
    /// is locked and answered, or `None` if it is deleted.
    async fn lock_newest(
        &self,
        table: TableId,
        tid: Tid,
        mode: RowLockMode,
        state: UpdateState,
        snapshot: &Snapshot,
    ) -> Result<Option<(Tid, Row)>> {
        if self.keeps_snapshot() {
            return Err(outrun_error(state));
        }
        match self.lock_latest_version(table, tid, mode, snapshot).await? {
            LockRowOutcome::Changed { tid, row } => Ok(Some((tid, row))),
            LockRowOutcome::Locked => {
                let state = self.core.state.borrow();
                Ok(state.store.table(table).heap.tuple(tid).map(|tuple| (tid, Arc::clone(&tuple.row))))
            }
            LockRowOutcome::Deleted | LockRowOutcome::Skipped | LockRowOutcome::SelfModified => Ok(None),
        }
    }

    pub(crate) fn keeps_snapshot(&self) -> bool {
        self.core.state.borrow().transaction(self.proc).options.isolation.keeps_snapshot()
    }
}

/// 40001 of first-updater-wins.
pub(crate) fn outrun_error(state: UpdateState) -> DatabaseError {
    match state {
        UpdateState::Deleted => DatabaseError::concurrent_delete(),
        _ => DatabaseError::concurrent_update(),
    }
}
