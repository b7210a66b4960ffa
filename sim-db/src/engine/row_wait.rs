//! Locking rows, and waiting for those who hold them.
//!
//! Whoever finds a row held first takes the row's place in the lock manager, then waits
//! for the holders one by one, then looks again. So waiters are served in order, as
//! far as PostgreSQL serves them in order: one who needs not wait (a share lock beside
//! others) overtakes them, and so does one who comes just when the row is free.

use std::sync::Arc;

use super::{
    environment::SwitchPoint,
    heap::{Tuple, TupleFlags},
    id::{CommandId, TableId, Tid},
    lock::{LockTag, Owner, ProcId},
    mode::{LockMode, RowLockMode, WaitPolicy},
    outcome::{LockConflictOutcome, LockRowOutcome},
    row_lock::{Contention, changer_mode, contention},
    session::Session,
    snapshot::Snapshot,
    state::State,
    visibility::{UpdateState, is_own, is_visible, update_state},
    write::outrun_error,
};
use crate::{
    error::{DatabaseError, Result, SqlState},
    value::Row,
};

/// The table-lock mode under which waiters for a row queue.
fn queue_mode(mode: RowLockMode) -> LockMode {
    match mode {
        RowLockMode::KeyShare => LockMode::AccessShare,
        RowLockMode::Share => LockMode::RowShare,
        RowLockMode::NoKeyUpdate => LockMode::Exclusive,
        RowLockMode::Update => LockMode::AccessExclusive,
    }
}

/// A place in the queue of those who wait for a row; given up when dropped.
pub(crate) struct RowTurn<'a> {
    session: &'a Session,
    tag: LockTag,
    policy: WaitPolicy,
    held: Option<(LockMode, Owner)>,
}

impl<'a> RowTurn<'a> {
    pub(crate) fn new(session: &'a Session, table: TableId, tid: Tid) -> RowTurn<'a> {
        RowTurn { session, tag: LockTag::Row(table, tid), policy: WaitPolicy::Wait, held: None }
    }

    /// Waits until the holders in the way are gone (or changed their mind: look again). `false`: the policy is not to
    /// wait.
    async fn wait_or_give_up(&mut self, found: &Contention, mode: RowLockMode) -> Result<bool> {
        // One who holds a lock already must not queue behind those who wait for it.
        if self.held.is_none() && !found.is_member {
            let mode = queue_mode(mode);
            let owner = self.session.core.state.borrow().transaction(self.session.proc).owner();
            if !self.session.lock_for(self.tag, mode, owner, self.policy).await? {
                return Ok(false);
            }
            self.held = Some((mode, owner));
        }
        let policy = if found.is_newer { WaitPolicy::Wait } else { self.policy };
        for xid in &found.wait_for {
            if !self.session.wait_for_transaction(*xid, policy).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) async fn wait(&mut self, found: &Contention, mode: RowLockMode) -> Result<()> {
        self.wait_or_give_up(found, mode).await.map(drop)
    }
}

impl Drop for RowTurn<'_> {
    fn drop(&mut self) {
        if let Some((mode, owner)) = self.held {
            let mut state = self.session.core.state.borrow_mut();
            state.locks.release(self.session.proc, self.tag, mode, owner);
        }
    }
}

/// One try at locking a version.
enum LockStep {
    Locked(Row),
    Wait(Contention),
    Outrun(UpdateState),
    SelfModified,
    Invisible,
}

impl State {
    fn try_lock_row(
        &mut self,
        proc: ProcId,
        table: TableId,
        tid: Tid,
        mode: RowLockMode,
        command: CommandId,
    ) -> LockStep {
        let Some(tuple) = self.store.table(table).heap.tuple(tid) else {
            return LockStep::Outrun(UpdateState::Deleted);
        };
        let own = self.own(proc);
        let is_active = |xid| self.is_active(xid);
        let state = update_state(tuple, command, own, is_active);
        // An update that left the key alone is nothing to KEY SHARE, also when it has committed.
        let is_outrun = !(mode == RowLockMode::KeyShare && changer_mode(tuple) == RowLockMode::NoKeyUpdate);
        match state {
            UpdateState::Invisible => return LockStep::Invisible,
            UpdateState::SelfChanged => return LockStep::SelfModified,
            UpdateState::Updated | UpdateState::Deleted if is_outrun => {
                let found = contention(tuple, self.row_locks.holders(table, tid), mode, own, is_active);
                if found.wait_for.is_empty() {
                    return LockStep::Outrun(state);
                }
                return LockStep::Wait(found);
            }
            _ => {}
        }
        let found = contention(tuple, self.row_locks.holders(table, tid), mode, own, is_active);
        let row = Arc::clone(&tuple.row);
        if found.is_enough {
            return LockStep::Locked(row);
        }
        if !found.wait_for.is_empty() {
            return LockStep::Wait(found);
        }
        // A share lock beside an update in progress holds the versions to come, too; there it may meet more.
        let mut newer = Vec::new();
        let mut at = tid;
        while let Some(next) = self.newer_version(table, at) {
            let tuple = self.store.table(table).heap.tuple(next).expect("it was just found");
            let is_active = |xid| self.is_active(xid);
            let holders = self.row_locks.holders(table, next);
            let mut found = contention(tuple, holders, mode, self.own(proc), is_active);
            if !found.wait_for.is_empty() {
                // No place in this version's queue for it: nobody here is in the way.
                found.is_member = true;
                found.is_newer = true;
                return LockStep::Wait(found);
            }
            let is_gone = tuple.xmax.is_some() && !is_own(self.own(proc), tuple.xmax);
            if is_gone && changer_mode(tuple).conflicts_with(mode) {
                let state = if tuple.is_deleted() { UpdateState::Deleted } else { UpdateState::Updated };
                return LockStep::Outrun(state);
            }
            newer.push(next);
            at = next;
        }
        let xid = self.xid(proc);
        self.add_row_lock(table, tid, xid, mode);
        for next in newer {
            self.add_row_lock(table, next, xid, mode);
        }
        LockStep::Locked(row)
    }

    fn newer_version(&self, table: TableId, tid: Tid) -> Option<Tid> {
        let heap = &self.store.table(table).heap;
        let tuple = heap.tuple(tid)?;
        let is_replaced = tuple.xmax.is_some() && !tuple.is_deleted() && tuple.next != tid;
        let next = heap.tuple(tuple.next).filter(|_| is_replaced)?;
        (next.xmin == tuple.xmax).then_some(tuple.next)
    }

    /// The version that `from`, which a committed transaction replaced, was replaced by.
    fn successor(&self, table: TableId, from: Tid) -> Option<Tid> {
        let heap = &self.store.table(table).heap;
        let tuple = heap.tuple(from)?;
        let next = heap.tuple(tuple.next)?;
        (tuple.next != from && next.xmin == tuple.xmax && !next.flags.has(TupleFlags::ABORTED))
            .then_some(tuple.next)
    }
}

/// What locking a version, or its newest one, came to.
enum Locked {
    Done(Tid, Row),
    Outrun(UpdateState),
    Skipped,
    SelfModified,
    Invisible,
}

impl Session {
    /// Locks the version at `tid`, or, if `follow`, the newest one that it became.
    async fn lock_version(
        &self,
        table: TableId,
        tid: Tid,
        mode: RowLockMode,
        policy: WaitPolicy,
        command: CommandId,
        follow: bool,
    ) -> Result<Locked> {
        let mut at = tid;
        'versions: loop {
            let mut turn = RowTurn::new(self, table, at);
            turn.policy = policy;
            loop {
                let step = self.core.state.borrow_mut().try_lock_row(self.proc, table, at, mode, command);
                match step {
                    LockStep::Locked(row) => return Ok(Locked::Done(at, row)),
                    LockStep::Invisible => return Ok(Locked::Invisible),
                    LockStep::SelfModified => return Ok(Locked::SelfModified),
                    LockStep::Wait(found) => {
                        if !turn.wait_or_give_up(&found, mode).await? {
                            if policy == WaitPolicy::Skip {
                                return Ok(Locked::Skipped);
                            }
                            let state = self.core.state.borrow();
                            return Err(DatabaseError::row_lock_not_available(
                                &state.store.table(table).name,
                            ));
                        }
                    }
                    LockStep::Outrun(UpdateState::Updated) if follow => {
                        let next = self.core.state.borrow().successor(table, at);
                        match next {
                            Some(next) => at = next,
                            None => return Ok(Locked::Outrun(UpdateState::Deleted)),
                        }
                        continue 'versions;
                    }
                    LockStep::Outrun(state) => return Ok(Locked::Outrun(state)),
                }
            }
        }
    }

    /// SELECT … FOR: locks the row at `tid`, or its newest version.
    ///
    /// # Errors
    /// 55P03 for NOWAIT or `lock_timeout`; 40001 at the upper levels if it was changed (not just locked) after the
    /// snapshot; 40P01; 57014.
    pub async fn lock_row(
        &self,
        table: TableId,
        tid: Tid,
        mode: RowLockMode,
        policy: WaitPolicy,
        snapshot: &Snapshot,
    ) -> Result<LockRowOutcome> {
        self.switch_point(SwitchPoint::LockRow).await?;
        self.lock_row_by(table, tid, mode, policy, snapshot).await
    }

    async fn lock_row_by(
        &self,
        table: TableId,
        tid: Tid,
        mode: RowLockMode,
        policy: WaitPolicy,
        snapshot: &Snapshot,
    ) -> Result<LockRowOutcome> {
        let follow = !self.keeps_snapshot();
        match self.lock_version(table, tid, mode, policy, snapshot.command, follow).await? {
            Locked::Done(at, _) if at == tid => Ok(LockRowOutcome::Locked),
            Locked::Done(tid, row) => Ok(LockRowOutcome::Changed { tid, row }),
            // Also for a deleted row: PostgreSQL says "concurrent update" of both here.
            Locked::Outrun(_) if !follow => Err(DatabaseError::concurrent_update()),
            Locked::Outrun(_) => Ok(LockRowOutcome::Deleted),
            Locked::Skipped => Ok(LockRowOutcome::Skipped),
            Locked::SelfModified => Ok(LockRowOutcome::SelfModified),
            Locked::Invisible => Err(DatabaseError::internal("attempted to lock invisible tuple")),
        }
    }

    pub(crate) async fn lock_latest_version(
        &self,
        table: TableId,
        tid: Tid,
        mode: RowLockMode,
        snapshot: &Snapshot,
    ) -> Result<LockRowOutcome> {
        self.lock_row_by(table, tid, mode, WaitPolicy::Wait, snapshot).await
    }

    /// DO UPDATE: locks the row that was in the way.
    ///
    /// # Errors
    /// 21000 if this command inserted or updated it; 40001 at the upper levels; as [`Session::lock_row`].
    pub async fn lock_conflict(
        &self,
        table: TableId,
        tid: Tid,
        mode: RowLockMode,
        snapshot: &Snapshot,
    ) -> Result<LockConflictOutcome> {
        self.switch_point(SwitchPoint::LockRow).await?;
        match self.lock_version(table, tid, mode, WaitPolicy::Wait, snapshot.command, false).await? {
            Locked::Done(_, row) => {
                self.check_conflict_visible(table, tid, snapshot)?;
                Ok(LockConflictOutcome::Locked(row))
            }
            Locked::Outrun(state) if self.keeps_snapshot() => Err(outrun_error(state)),
            Locked::Outrun(_) | Locked::Skipped => Ok(LockConflictOutcome::Retry),
            Locked::Invisible | Locked::SelfModified => {
                let state = self.core.state.borrow();
                let tuple = state.store.table(table).heap.tuple(tid);
                if tuple.is_some_and(|tuple| is_own(state.own(self.proc), tuple.xmin)) {
                    return Err(DatabaseError::new(
                        SqlState::CARDINALITY_VIOLATION,
                        "ON CONFLICT DO UPDATE command cannot affect row a second time",
                    )
                    .with_hint(
                        "Ensure that no rows proposed for insertion within the same command have duplicate \
                         constrained values.",
                    ));
                }
                Ok(LockConflictOutcome::Retry)
            }
        }
    }

    /// At the upper levels a conflicting row must be one that the snapshot sees, or this transaction's own.
    ///
    /// # Errors
    /// 40001.
    pub(crate) fn check_conflict_visible(&self, table: TableId, tid: Tid, snapshot: &Snapshot) -> Result<()> {
        let state = self.core.state.borrow();
        if !state.transaction(self.proc).options.isolation.keeps_snapshot() {
            return Ok(());
        }
        let own = state.own(self.proc);
        let sees = |tuple: &Tuple| {
            is_own(own, tuple.xmin) || is_visible(tuple, &snapshot.data, snapshot.command, own)
        };
        match state.store.table(table).heap.tuple(tid) {
            Some(tuple) if !sees(tuple) => Err(DatabaseError::concurrent_update()),
            _ => Ok(()),
        }
    }
}
