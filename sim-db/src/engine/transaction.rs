//! Transactions: begin, commit, rollback, and what lies between.

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use super::{
    environment::{SwitchPoint, Timestamp},
    id::{CommandId, IndexId, Xid},
    lock::{Owner, ProcId},
    mode::{IsolationLevel, TransactionOptions, TransactionStatus},
    notify::ListenChange,
    object::ObjectChanges,
    session::Session,
    shared::Shared,
    snapshot::SnapshotData,
    ssi::SxactId,
    state::State,
    undo::Undo,
    unique::PendingCheck,
};
use crate::error::{DatabaseError, Result, SqlState};

/// How much of the undo log's memory the next transaction gets.
const UNDO_KEPT_MAX: usize = 64;

/// A transaction in progress.
pub(crate) struct Transaction {
    pub(crate) options: TransactionOptions,
    pub(crate) began: Timestamp,
    pub(crate) is_failed: bool,
    pub(crate) command: CommandId,
    /// the one snapshot of the upper levels
    pub(crate) snapshot: Option<Rc<SnapshotData>>,
    /// a query has run
    pub(crate) had_snapshot: bool,
    /// the transaction and its open subtransactions
    pub(crate) levels: Vec<Level>,
    /// ids of the transaction and its living subtransactions, ascending
    pub(crate) xids: Vec<Xid>,
    pub(crate) undo: Vec<Undo>,
    pub(crate) sxact: Option<SxactId>,
    pub(crate) pending_checks: Vec<PendingCheck>,
    /// SET CONSTRAINTS: whether deferred; under `None` for all
    pub(crate) constraint_modes: BTreeMap<Option<IndexId>, bool>,
    pub(crate) notifications: Vec<(Arc<str>, Arc<str>)>,
    pub(crate) listen_changes: Vec<ListenChange>,
    pub(crate) objects: ObjectChanges,
    pub(crate) object_stamp: u64,
}

/// The transaction, or one of its subtransactions.
pub(crate) struct Level {
    /// the savepoint's name; the transaction itself has none
    pub(crate) name: Option<Arc<str>>,
    pub(crate) xid: Xid,
    undo_from: usize,
    /// as they were: a check that ran in a subtransaction which is rolled back is to be run again
    pending_checks: Vec<PendingCheck>,
    notifications_from: usize,
    listen_changes_from: usize,
    pub(super) is_read_only_outside: bool,
}

impl Transaction {
    fn new() -> Transaction {
        Transaction {
            options: TransactionOptions::default(),
            began: Timestamp::default(),
            is_failed: false,
            command: 0,
            snapshot: None,
            had_snapshot: false,
            levels: Vec::new(),
            xids: Vec::new(),
            undo: Vec::new(),
            sxact: None,
            pending_checks: Vec::new(),
            constraint_modes: BTreeMap::new(),
            notifications: Vec::new(),
            listen_changes: Vec::new(),
            objects: ObjectChanges::new(),
            object_stamp: 0,
        }
    }

    /// Empties it for the next one: most transactions are short, and their allocations the largest part of them.
    fn reset(&mut self) {
        self.is_failed = false;
        self.command = 0;
        self.snapshot = None;
        self.had_snapshot = false;
        self.levels.clear();
        self.xids.clear();
        self.undo.clear();
        self.undo.shrink_to(UNDO_KEPT_MAX);
        self.sxact = None;
        self.pending_checks.clear();
        self.constraint_modes.clear();
        self.notifications.clear();
        self.listen_changes.clear();
        self.objects.clear();
        self.object_stamp = 0;
    }

    pub(super) fn push_level(&mut self, name: Option<Arc<str>>) {
        self.levels.push(Level {
            name,
            xid: Xid::NONE,
            undo_from: self.undo.len(),
            pending_checks: self.pending_checks.clone(),
            notifications_from: self.notifications.len(),
            listen_changes_from: self.listen_changes.len(),
            is_read_only_outside: self.options.read_only,
        });
    }

    /// Depth of the innermost subtransaction; 0 is the transaction itself.
    pub(crate) fn depth(&self) -> u32 {
        self.levels.len() as u32 - 1
    }

    /// Whose locks are taken now.
    pub(crate) fn owner(&self) -> Owner {
        Owner::Level(self.depth())
    }
}

impl State {
    /// Undoes everything from a level on, and frees its locks; the level itself stays, without an id.
    pub(super) fn abort_levels(&mut self, proc: ProcId, from: usize) {
        let undo_from = self.transaction(proc).levels[from].undo_from;
        while self.transaction(proc).undo.len() > undo_from {
            let step = self.transaction_mut(proc).undo.pop().expect("the length was just looked at");
            self.undo(proc, step);
        }
        let transaction = self.transaction_mut(proc);
        let level = &transaction.levels[from];
        transaction.pending_checks.clone_from(&level.pending_checks);
        transaction.notifications.truncate(level.notifications_from);
        transaction.listen_changes.truncate(level.listen_changes_from);
        // Ids of the level, of those inside it, and of released ones inside it: all that are not older.
        let first = transaction.levels[from..].iter().map(|level| level.xid).find(|xid| xid.is_some());
        let ended = match first {
            Some(first) => transaction.xids.split_off(transaction.xids.partition_point(|xid| *xid < first)),
            None => Vec::new(),
        };
        transaction.levels.truncate(from + 1);
        transaction.levels[from].xid = Xid::NONE;
        self.remove_active(&ended);
        for xid in ended {
            self.locks.end_transaction(xid, proc);
        }
        let depth = from as u32;
        self.locks.release_where(proc, |owner| matches!(owner, Owner::Level(level) if level >= depth));
    }

    /// Rolls back the whole transaction, if there is one.
    pub(crate) fn abort_transaction(&mut self, proc: ProcId) {
        if self.session(proc).transaction.is_none() {
            return;
        }
        self.locks.stop_waiting(proc);
        self.abort_levels(proc, 0);
        if let Some(sxact) = self.transaction_mut(proc).sxact.take() {
            self.ssi_abort(sxact);
        }
        self.session_mut(proc).transaction = None;
    }

    /// The transaction is over and its work is there to see.
    fn finish_commit(&mut self, proc: ProcId) {
        let mut transaction =
            self.session_mut(proc).transaction.take().expect("the caller has begun a transaction");
        let mut changed = None;
        for step in transaction.undo.drain(..) {
            if let Undo::Change(table, _) = step {
                changed = Some(table);
            }
            self.finish(&step);
        }
        if !transaction.objects.is_empty() {
            self.store.catalog_version = self.store.next_stamp();
            Shared::make_mut(&mut self.store.objects).apply(std::mem::take(&mut transaction.objects));
        }
        self.remove_active(&transaction.xids);
        if let Some(sxact) = transaction.sxact {
            self.ssi_committed(sxact);
        }
        self.apply_notifications(proc, &mut transaction);
        for xid in &transaction.xids {
            self.locks.end_transaction(*xid, proc);
        }
        self.locks.release_where(proc, |owner| owner != Owner::Session);
        transaction.reset();
        self.session_mut(proc).spare = Some(transaction);
        if let Some(table) = changed
            && self.store.tables.get(&table).is_some_and(|table| table.heap.wants_vacuum())
        {
            self.vacuum(table);
        }
    }
}

impl Session {
    /// What the transaction is doing.
    pub fn status(&self) -> TransactionStatus {
        match &self.core.state.borrow().session(self.proc).transaction {
            None => TransactionStatus::Idle,
            Some(transaction) if transaction.is_failed => TransactionStatus::Failed,
            Some(_) => TransactionStatus::Active,
        }
    }

    /// Starts a transaction (also for one statement alone: the caller commits it). No snapshot yet, no id yet.
    ///
    /// # Panics
    /// If there is one.
    pub fn begin(&self, options: TransactionOptions) {
        let began = self.core.environment.now();
        let mut state = self.core.state.borrow_mut();
        let session = state.session_mut(self.proc);
        assert!(session.transaction.is_none(), "a transaction is in progress already");
        let mut transaction = session.spare.take().unwrap_or_else(|| Box::new(Transaction::new()));
        transaction.options = options;
        transaction.options.read_only |= session.lag.is_some();
        transaction.began = began;
        transaction.push_level(None);
        session.transaction = Some(transaction);
    }

    /// The options of the running transaction.
    ///
    /// # Panics
    /// If there is none.
    pub fn transaction_options(&self) -> TransactionOptions {
        self.core.state.borrow().transaction(self.proc).options
    }

    /// When the transaction began: `now()`.
    ///
    /// # Panics
    /// If there is none.
    pub fn transaction_timestamp(&self) -> Timestamp {
        self.core.state.borrow().transaction(self.proc).began
    }

    /// SET TRANSACTION ISOLATION LEVEL.
    ///
    /// # Errors
    /// 25001 after a query or in a subtransaction, if it changes anything.
    pub fn set_isolation(&self, level: IsolationLevel) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        let transaction = state.transaction_mut(self.proc);
        if transaction.options.isolation != level {
            refuse_late(transaction, "ISOLATION LEVEL")?;
            transaction.options.isolation = level;
        }
        Ok(())
    }

    /// SET TRANSACTION READ ONLY / READ WRITE.
    ///
    /// # Errors
    /// 25001 where PostgreSQL does not allow to go back to READ WRITE: in a subtransaction of a read-only
    /// transaction, and after a query.
    pub fn set_read_only(&self, read_only: bool) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        if !read_only && state.session(self.proc).lag.is_some() {
            let message = "cannot set transaction read-write mode during recovery";
            return Err(DatabaseError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        let transaction = state.transaction_mut(self.proc);
        if transaction.options.read_only && !read_only {
            let inner = transaction.levels.len() > 1;
            if inner && transaction.levels.last().is_some_and(|level| level.is_read_only_outside) {
                let message = "cannot set transaction read-write mode inside a read-only transaction";
                return Err(DatabaseError::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
            }
            if transaction.had_snapshot {
                let message = "transaction read-write mode must be set before any query";
                return Err(DatabaseError::new(SqlState::ACTIVE_SQL_TRANSACTION, message));
            }
        }
        transaction.options.read_only = read_only;
        Ok(())
    }

    /// SET TRANSACTION [NOT] DEFERRABLE.
    ///
    /// # Errors
    /// 25001 after a query or in a subtransaction.
    pub fn set_deferrable(&self, deferrable: bool) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        let transaction = state.transaction_mut(self.proc);
        refuse_late(transaction, "[NOT] DEFERRABLE")?;
        transaction.options.deferrable = deferrable;
        Ok(())
    }

    /// Commits. Deferred unique checks run here, foreign keys' are the caller's, before. Afterwards there is no
    /// transaction, also when it fails: then it was rolled back.
    ///
    /// # Errors
    /// 23505 of a deferred constraint, 40001 of serializable snapshot isolation, 40P01, 57014 …
    ///
    /// # Panics
    /// If there is no transaction, or it is failed (then it is [`Session::rollback`] that ends it).
    pub async fn commit(&self) -> Result<()> {
        if let Err(error) = self.switch_point(SwitchPoint::Commit).await {
            self.rollback();
            return Err(error);
        }
        let has_checks = {
            let state = self.core.state.borrow();
            let transaction = state.transaction(self.proc);
            assert!(!transaction.is_failed, "a failed transaction can only be rolled back");
            !transaction.pending_checks.is_empty()
        };
        if has_checks && let Err(error) = self.run_pending_checks(|_, _| true).await {
            self.rollback();
            return Err(error);
        }
        self.commit_now()
    }

    /// The commit itself, without waiting for anything.
    pub(crate) fn commit_now(&self) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        if let Some(sxact) = state.transaction(self.proc).sxact
            && let Err(error) = state.ssi_pre_commit(sxact)
        {
            state.abort_transaction(self.proc);
            return Err(error);
        }
        state.finish_commit(self.proc);
        if state.replay.is_some() {
            let (now, snapshot) = (self.core.environment.now(), state.take_snapshot());
            state.replay.as_mut().expect("looked at above").record(now, snapshot);
        }
        Ok(())
    }

    /// Rolls back and ends the transaction; nothing if there is none.
    pub fn rollback(&self) {
        self.core.state.borrow_mut().abort_transaction(self.proc);
    }

    /// A statement failed: the innermost subtransaction (or the transaction) is undone and its locks are freed at
    /// once; the transaction is `Failed` until ROLLBACK or ROLLBACK TO.
    pub fn fail(&self) {
        let mut state = self.core.state.borrow_mut();
        if state.session(self.proc).transaction.is_none() {
            return;
        }
        state.locks.stop_waiting(self.proc);
        let innermost = state.transaction(self.proc).levels.len() - 1;
        state.abort_levels(self.proc, innermost);
        let transaction = state.transaction_mut(self.proc);
        transaction.is_failed = true;
        if innermost == 0 {
            transaction.snapshot = None;
            if let Some(sxact) = transaction.sxact.take() {
                state.ssi_abort(sxact);
            }
        }
    }

    /// `txid_current()`: the top transaction's id, assigned now if it had none.
    pub fn transaction_id(&self) -> Xid {
        let mut state = self.core.state.borrow_mut();
        state.xid(self.proc);
        state.transaction(self.proc).levels[0].xid
    }

    /// As [`Session::transaction_id`], but `None` if it wrote nothing yet.
    pub fn transaction_id_if_assigned(&self) -> Option<Xid> {
        let state = self.core.state.borrow();
        let transaction = state.session(self.proc).transaction.as_ref()?;
        Some(transaction.levels[0].xid).filter(|xid| xid.is_some())
    }
}

fn refuse_late(transaction: &Transaction, what: &str) -> Result<()> {
    let when = if transaction.levels.len() > 1 {
        "must not be called in a subtransaction"
    } else if transaction.had_snapshot {
        "must be called before any query"
    } else {
        return Ok(());
    };
    Err(DatabaseError::new(SqlState::ACTIVE_SQL_TRANSACTION, format!("SET TRANSACTION {what} {when}")))
}
