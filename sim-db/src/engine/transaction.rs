//! Transactions: begin, commit, rollback, and what lies between.

use std::{collections::BTreeMap, rc::Rc};

use super::{
    environment::{SwitchPoint, Timestamp},
    id::{CommandId, IndexId, Xid},
    lock::{Owner, ProcId},
    mode::{IsolationLevel, TransactionOptions, TransactionStatus},
    notify::ListenChange,
    object::ObjectChanges,
    session::Session,
    shared::Shared,
    snapshot::{Snapshot, SnapshotData},
    ssi::SxactId,
    state::State,
    undo::Undo,
    unique::PendingCheck,
};
use crate::error::{DatabaseError, Result, SqlState};

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
    pub(crate) notifications: Vec<(Rc<str>, Rc<str>)>,
    pub(crate) listen_changes: Vec<ListenChange>,
    pub(crate) objects: ObjectChanges,
    pub(crate) object_stamp: u64,
}

/// The transaction, or one of its subtransactions.
pub(crate) struct Level {
    /// the savepoint's name
    pub(crate) name: Rc<str>,
    pub(crate) xid: Xid,
    undo_from: usize,
    checks_from: usize,
    notifications_from: usize,
    listen_changes_from: usize,
    is_read_only_outside: bool,
}

impl Transaction {
    fn new(options: TransactionOptions, began: Timestamp) -> Transaction {
        let mut transaction = Transaction {
            options,
            began,
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
        };
        transaction.push_level("".into());
        transaction
    }

    fn push_level(&mut self, name: Rc<str>) {
        self.levels.push(Level {
            name,
            xid: Xid::NONE,
            undo_from: self.undo.len(),
            checks_from: self.pending_checks.len(),
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

    fn find_savepoint(&self, name: &str) -> Result<usize> {
        let found = self.levels.iter().skip(1).rposition(|level| &*level.name == name);
        found.map(|at| at + 1).ok_or_else(|| DatabaseError::no_such_savepoint(name))
    }
}

impl State {
    /// Undoes everything from a level on, and frees its locks; the level itself stays, without an id.
    fn abort_levels(&mut self, proc: ProcId, from: usize) {
        let undo_from = self.transaction(proc).levels[from].undo_from;
        while self.transaction(proc).undo.len() > undo_from {
            let step = self.transaction_mut(proc).undo.pop().expect("the length was just looked at");
            self.undo(proc, step);
        }
        let transaction = self.transaction_mut(proc);
        let level = &transaction.levels[from];
        transaction.pending_checks.truncate(level.checks_from);
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
        for step in std::mem::take(&mut transaction.undo) {
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
    }
}

impl State {
    /// The snapshot for the next statement; `None` if it has to be waited for.
    fn snapshot_now(&mut self, proc: ProcId) -> Option<Snapshot> {
        let transaction = self.transaction_mut(proc);
        transaction.had_snapshot = true;
        let options = transaction.options;
        let command = transaction.command;
        if !options.isolation.keeps_snapshot() {
            return Some(Snapshot { data: self.take_snapshot(), command });
        }
        if let Some(data) = &transaction.snapshot {
            return Some(Snapshot { data: Rc::clone(data), command });
        }
        let data = match options.isolation {
            IsolationLevel::Serializable if options.read_only && options.deferrable => return None,
            IsolationLevel::Serializable => self.serializable_snapshot(proc),
            _ => self.take_snapshot(),
        };
        self.transaction_mut(proc).snapshot = Some(Rc::clone(&data));
        Some(Snapshot { data, command })
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
        session.transaction = Some(Transaction::new(options, began));
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

    /// SAVEPOINT. A name may be there twice; the newest is meant.
    ///
    /// # Panics
    /// If there is no transaction.
    pub fn savepoint(&self, name: &str) {
        let mut state = self.core.state.borrow_mut();
        let transaction = state.transaction_mut(self.proc);
        transaction.push_level(name.into());
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

    /// The snapshot for the next statement: a new one at READ COMMITTED, the transaction's own at the other levels
    /// (taken here, the first time; SERIALIZABLE READ ONLY DEFERRABLE waits here until it is safe). It sees what
    /// earlier commands of the transaction did.
    ///
    /// # Errors
    /// 57014 while waiting.
    pub async fn statement_snapshot(&self) -> Result<Snapshot> {
        if let Some(snapshot) = self.core.state.borrow_mut().snapshot_now(self.proc) {
            return Ok(snapshot);
        }
        let data = self.safe_snapshot().await?;
        let mut state = self.core.state.borrow_mut();
        let transaction = state.transaction_mut(self.proc);
        transaction.snapshot = Some(Rc::clone(&data));
        Ok(Snapshot { data, command: transaction.command })
    }

    /// The newest committed state and this transaction's own work, at any level: for foreign key checks.
    pub fn latest_snapshot(&self) -> Snapshot {
        self.core.state.borrow().latest_snapshot(self.proc)
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
