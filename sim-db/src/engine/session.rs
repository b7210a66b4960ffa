//! A session: one connection's transaction, locks, messages.

use std::time::Duration;

use super::{
    definition::{IndexDefinition, Key, SequenceDefinition, TableDefinition},
    environment::{Environment, LocalBoxFuture, Timestamp},
    id::{CommandId, IndexId, Pid, SequenceId, TableId, Tid, Xid},
    mode::{
        AdvisoryKey, AdvisoryScope, IsolationLevel, LockMode, RowLockMode, TransactionOptions,
        TransactionStatus, WaitPolicy,
    },
    outcome::{DeleteOutcome, InsertOutcome, LockConflictOutcome, LockRowOutcome, UpdateOutcome},
    scan::{Direction, IndexScan, KeyRange, TableScan},
    snapshot::Snapshot,
};
use crate::{
    error::{DatabaseError, Result},
    value::{Row, Value},
};
use std::{any::Any, future::Future, rc::Rc};

/// A store: one database. Clones share it.
#[derive(Clone)]
pub struct Engine(());

/// One session of an [`Engine`]. Clones are the same session. Call [`Session::close`] at the end.
#[derive(Clone)]
pub struct Session(());

/// A frozen database, to be forked many times, each fork copy-on-write.
#[derive(Clone)]
pub struct Template(());

/// A message of NOTIFY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// sender
    pub pid: Pid,
    /// channel
    pub channel: Rc<str>,
    /// payload, possibly empty
    pub payload: Rc<str>,
}

/// Why sessions end without asking: decides what their clients read.
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

/// A row of `pg_locks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockInfo {
    /// `relation`, `tuple`, `transactionid`, `advisory`, …
    pub kind: &'static str,
    /// the table
    pub table: Option<TableId>,
    /// the row
    pub tid: Option<Tid>,
    /// the transaction
    pub xid: Option<Xid>,
    /// the advisory lock
    pub advisory: Option<AdvisoryKey>,
    /// session
    pub pid: Pid,
    /// `RowExclusiveLock`, `SIReadLock`, …
    pub mode: &'static str,
    /// held, or waited for
    pub granted: bool,
}

/// An entry of the object store: class (the SQL layer's: table, type, …), namespace OID, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// what kind of object
    pub class: u16,
    /// in which namespace
    pub namespace: u32,
    /// its name
    pub name: Rc<str>,
}

impl Engine {
    /// An empty database.
    pub fn new(_environment: Rc<dyn Environment>) -> Engine {
        todo!()
    }

    /// A new session with the next process number.
    pub fn connect(&self) -> Session {
        todo!()
    }

    /// A new session with a process number of the caller's (several databases of one server).
    pub fn connect_as(&self, _pid: Pid) -> Session {
        todo!()
    }

    /// The world it runs in.
    pub fn environment(&self) -> Rc<dyn Environment> {
        todo!()
    }

    /// Cancel request: the session's running statement fails with 57014. An idle session is not concerned.
    pub fn cancel(&self, _pid: Pid) -> bool {
        todo!()
    }

    /// Ends a session: its running statement, or its next, fails as `how` says. Its locks go at once if it is idle
    /// or waiting. `false` if there is no such session.
    pub fn terminate(&self, _pid: Pid, _how: Shutdown) -> bool {
        todo!()
    }

    /// `pg_blocking_pids(pid)`.
    pub fn blocked_by(&self, _pid: Pid) -> Vec<Pid> {
        todo!()
    }

    /// `pg_isolation_test_session_is_blocked(pid, by)`: waits for a lock that one of `by` holds or waits for ahead of
    /// it, or for a safe snapshot.
    pub fn is_blocked(&self, _pid: Pid, _by: &[Pid]) -> bool {
        todo!()
    }

    /// The sessions, oldest first.
    pub fn sessions(&self) -> Vec<Pid> {
        todo!()
    }

    /// Every lock held or awaited, and SIREAD locks, in a fixed order.
    pub fn locks(&self) -> Vec<LockInfo> {
        todo!()
    }

    /// Crash and recovery in one: acknowledged commits stay, open transactions, sessions, their locks, temporary
    /// tables and notifications go, unlogged tables are empty, sequences skip to what was logged.
    /// Every session ends as `how` says.
    pub fn crash(&self, _how: Shutdown) {
        todo!()
    }

    /// Orderly stop: as a crash, but sequences do not skip and unlogged rows stay.
    pub fn stop(&self) {
        todo!()
    }

    /// The committed state, to fork from. Open transactions are not in it.
    pub fn template(&self) -> Template {
        todo!()
    }

    /// Frees what no snapshot can see, as VACUUM.
    pub fn vacuum(&self, _table: TableId) {
        todo!()
    }

    /// A counter that moves whenever committed objects change: for plan caches.
    pub fn catalog_version(&self) -> u64 {
        todo!()
    }

    /// The next object identifier (from 16384; gaps are normal, as nothing is given back).
    pub fn next_oid(&self) -> u32 {
        todo!()
    }

    /// Visible-ish row count and pages of a table, for the planner: no locks, O(1).
    pub fn table_size(&self, _table: TableId) -> (u64, u32) {
        todo!()
    }
}

impl Template {
    /// A database of its own that starts as this one; copies nothing until written.
    pub fn fork(&self, _environment: Rc<dyn Environment>) -> Engine {
        todo!()
    }
}

/// Transactions.
impl Session {
    /// The store.
    pub fn engine(&self) -> Engine {
        todo!()
    }

    /// Process number.
    pub fn pid(&self) -> Pid {
        todo!()
    }

    /// Ends the session: rolls back, frees everything.
    pub fn close(&self) {
        todo!()
    }

    /// What the transaction is doing.
    pub fn status(&self) -> TransactionStatus {
        todo!()
    }

    /// Starts a transaction (also for one statement alone: the caller commits it). No snapshot yet, no id yet.
    ///
    /// # Panics
    /// If there is one.
    pub fn begin(&self, _options: TransactionOptions) {
        todo!()
    }

    /// The options of the running transaction.
    pub fn transaction_options(&self) -> TransactionOptions {
        todo!()
    }

    /// When the transaction began: `now()`.
    pub fn transaction_timestamp(&self) -> Timestamp {
        todo!()
    }

    /// SET TRANSACTION ISOLATION LEVEL.
    ///
    /// # Errors
    /// 25001 after a query or in a subtransaction, if it changes anything.
    pub fn set_isolation(&self, _level: IsolationLevel) -> Result<()> {
        todo!()
    }

    /// SET TRANSACTION READ ONLY / READ WRITE.
    ///
    /// # Errors
    /// 25001 where PostgreSQL does not allow to go back to READ WRITE.
    pub fn set_read_only(&self, _read_only: bool) -> Result<()> {
        todo!()
    }

    /// SET TRANSACTION [NOT] DEFERRABLE.
    ///
    /// # Errors
    /// 25001 after a query or in a subtransaction.
    pub fn set_deferrable(&self, _deferrable: bool) -> Result<()> {
        todo!()
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
        todo!()
    }

    /// Rolls back and ends the transaction; nothing if there is none.
    pub fn rollback(&self) {
        todo!()
    }

    /// A statement failed: the innermost subtransaction (or the transaction) is undone and its locks are freed at
    /// once; the transaction is `Failed` until ROLLBACK or ROLLBACK TO.
    pub fn fail(&self) {
        todo!()
    }

    /// SAVEPOINT. A name may be there twice; the newest is meant.
    pub fn savepoint(&self, _name: &str) -> Result<()> {
        todo!()
    }

    /// RELEASE SAVEPOINT.
    ///
    /// # Errors
    /// 3B001 no such savepoint.
    pub fn release_savepoint(&self, _name: &str) -> Result<()> {
        todo!()
    }

    /// ROLLBACK TO SAVEPOINT; also out of the failed state. The savepoint stays.
    ///
    /// # Errors
    /// 3B001 no such savepoint.
    pub fn rollback_to_savepoint(&self, _name: &str) -> Result<()> {
        todo!()
    }

    /// How many subtransactions are open.
    pub fn savepoint_depth(&self) -> usize {
        todo!()
    }

    /// `txid_current()`: the top transaction's id, assigned now if it had none.
    pub fn transaction_id(&self) -> Xid {
        todo!()
    }

    /// As [`Session::transaction_id`], but `None` if it wrote nothing yet.
    pub fn transaction_id_if_assigned(&self) -> Option<Xid> {
        todo!()
    }
}

/// Snapshots and commands.
impl Session {
    /// The snapshot for the next statement: a new one at READ COMMITTED, the transaction's own at the other levels
    /// (taken here, the first time; SERIALIZABLE READ ONLY DEFERRABLE waits here until it is safe). It sees what
    /// earlier commands of the transaction did.
    ///
    /// # Errors
    /// 40001 if the transaction is doomed; 57014 while waiting.
    pub async fn statement_snapshot(&self) -> Result<Snapshot> {
        todo!()
    }

    /// The newest committed state and this transaction's own work, at any level: for foreign key checks.
    pub fn latest_snapshot(&self) -> Snapshot {
        todo!()
    }

    /// Ends a command: later snapshots see its work. Call it after every statement that writes, and between the parts
    /// of one that has several (a data-modifying CTE has one command in PostgreSQL).
    pub fn advance_command(&self) {
        todo!()
    }

    /// The running command.
    pub fn command(&self) -> CommandId {
        todo!()
    }

    /// Runs the unique checks that DEFERRABLE INITIALLY IMMEDIATE constraints put off to the statement's end.
    ///
    /// # Errors
    /// 23505.
    pub async fn end_statement(&self) -> Result<()> {
        todo!()
    }

    /// SET CONSTRAINTS for a deferrable unique index (`None`: all); to IMMEDIATE it also runs what is pending.
    ///
    /// # Errors
    /// 23505.
    pub async fn set_constraint(&self, _index: Option<IndexId>, _deferred: bool) -> Result<()> {
        todo!()
    }
}

/// Reading.
impl Session {
    /// Every row the snapshot sees, in heap order.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn table_scan(&self, _table: TableId, _snapshot: &Snapshot) -> Result<TableScan> {
        todo!()
    }

    /// The rows of a key range that the snapshot sees, in index order.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn index_scan(
        &self,
        _index: IndexId,
        _range: KeyRange,
        _direction: Direction,
        _snapshot: &Snapshot,
    ) -> Result<IndexScan> {
        todo!()
    }

    /// Point lookup: the first row with this key that the snapshot sees (the only one, if the index is unique).
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn index_lookup(
        &self,
        _index: IndexId,
        _key: &[Value],
        _snapshot: &Snapshot,
    ) -> Result<Option<(Tid, Row)>> {
        todo!()
    }

    /// The row version at `tid` if the snapshot sees it (`WHERE ctid = …`).
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn fetch(&self, _table: TableId, _tid: Tid, _snapshot: &Snapshot) -> Result<Option<Row>> {
        todo!()
    }

    /// `xmin` and `xmax` of the version at `tid` (system columns).
    pub fn version_ids(&self, _table: TableId, _tid: Tid) -> Option<(Xid, Xid)> {
        todo!()
    }
}

/// Writing. A statement calls [`Session::lock_table`] first, once a table.
impl Session {
    /// Inserts a row: heap, then every index, waiting for transactions that hold an equal unique key.
    ///
    /// # Errors
    /// 23505, 40001, 40P01, 55P03, 57014.
    pub async fn insert(&self, _table: TableId, _row: Row) -> Result<Tid> {
        todo!()
    }

    /// INSERT … ON CONFLICT: `arbiters` are the unique indexes that the clause names; empty means all (DO NOTHING only).
    ///
    /// # Errors
    /// As [`Session::insert`]; 40001 at the upper levels if the conflicting row is one the snapshot cannot see.
    pub async fn insert_or_conflict(
        &self,
        _table: TableId,
        _row: Row,
        _arbiters: &[IndexId],
        _snapshot: &Snapshot,
    ) -> Result<InsertOutcome> {
        todo!()
    }

    /// DO UPDATE: locks the row that was in the way.
    ///
    /// # Errors
    /// 21000 if this command inserted or updated it; 40001 at the upper levels; as [`Session::lock_row`].
    pub async fn lock_conflict(
        &self,
        _table: TableId,
        _tid: Tid,
        _mode: RowLockMode,
        _snapshot: &Snapshot,
    ) -> Result<LockConflictOutcome> {
        todo!()
    }

    /// Replaces the version at `tid` (which the snapshot sees, or which a `Changed` named) by `row`. Waits for holders
    /// of the row and of unique keys.
    ///
    /// # Errors
    /// 23505, 40001 (also: changed after the snapshot, at the upper levels), 40P01, 55P03, 57014.
    pub async fn update(
        &self,
        _table: TableId,
        _tid: Tid,
        _row: Row,
        _snapshot: &Snapshot,
    ) -> Result<UpdateOutcome> {
        todo!()
    }

    /// Deletes the version at `tid`. Waits for holders of the row.
    ///
    /// # Errors
    /// As [`Session::update`].
    pub async fn delete(&self, _table: TableId, _tid: Tid, _snapshot: &Snapshot) -> Result<DeleteOutcome> {
        todo!()
    }

    /// SELECT … FOR: locks the row at `tid`, or its newest version.
    ///
    /// # Errors
    /// 55P03 for NOWAIT or `lock_timeout`; 40001 at the upper levels if it was changed (not just locked) after the
    /// snapshot; 40P01; 57014.
    pub async fn lock_row(
        &self,
        _table: TableId,
        _tid: Tid,
        _mode: RowLockMode,
        _policy: WaitPolicy,
        _snapshot: &Snapshot,
    ) -> Result<LockRowOutcome> {
        todo!()
    }
}

/// Table locks, advisory locks.
impl Session {
    /// Locks a table until the transaction ends (or the savepoint's rollback). `Skip` is as `NoWait`. Any id will do,
    /// the table need not exist: also for views and other objects.
    ///
    /// # Errors
    /// 55P03, 40P01, 57014.
    pub async fn lock_table(&self, _table: TableId, _mode: LockMode, _policy: WaitPolicy) -> Result<()> {
        todo!()
    }

    /// `pg_advisory_lock` and its kin.
    ///
    /// # Errors
    /// 55P03 (`lock_timeout`), 40P01, 57014.
    pub async fn advisory_lock(&self, _key: AdvisoryKey, _shared: bool, _scope: AdvisoryScope) -> Result<()> {
        todo!()
    }

    /// `pg_try_advisory_lock` and its kin: whether it was free.
    pub fn try_advisory_lock(&self, _key: AdvisoryKey, _shared: bool, _scope: AdvisoryScope) -> bool {
        todo!()
    }

    /// `pg_advisory_unlock[_shared]`: whether the session held it (if not, the caller warns: `you don't own a lock of
    /// type ExclusiveLock`).
    pub fn advisory_unlock(&self, _key: AdvisoryKey, _shared: bool) -> bool {
        todo!()
    }

    /// `pg_advisory_unlock_all`.
    pub fn advisory_unlock_all(&self) {
        todo!()
    }
}

/// Tables, indexes, sequences, objects: all undone by a rollback. The caller holds the table locks.
impl Session {
    /// Creates an empty table.
    pub fn create_table(&self, _definition: TableDefinition) {
        todo!()
    }

    /// Drops a table and its indexes (at commit).
    pub fn drop_table(&self, _table: TableId) {
        todo!()
    }

    /// Renames it, for messages.
    pub fn rename_table(&self, _table: TableId, _name: Rc<str>) {
        todo!()
    }

    /// Empties a table and its indexes.
    pub fn truncate_table(&self, _table: TableId) {
        todo!()
    }

    /// Puts `change(row)` in the place of every row (ALTER TABLE that rewrites); builds the indexes anew.
    ///
    /// # Errors
    /// What `change` fails with, 23505.
    pub fn rewrite_table(&self, _table: TableId, _change: &mut dyn FnMut(&Row) -> Result<Row>) -> Result<()> {
        todo!()
    }

    /// Creates and fills an index.
    ///
    /// # Errors
    /// 23505 "could not create unique index …"; what the key expression fails with.
    pub fn create_index(&self, _definition: IndexDefinition) -> Result<()> {
        todo!()
    }

    /// Puts a definition in the place of the one with the same id, without building the index anew: renames, and
    /// other names or column numbers for the same keys.
    pub fn redefine_index(&self, _definition: IndexDefinition) {
        todo!()
    }

    /// Drops an index (at commit; this transaction does not use it any more).
    pub fn drop_index(&self, _index: IndexId) {
        todo!()
    }

    /// Creates a sequence.
    pub fn create_sequence(&self, _id: SequenceId, _definition: SequenceDefinition) {
        todo!()
    }

    /// ALTER SEQUENCE, RESTART: transactional, unlike `setval`. `restart` is the next value.
    pub fn alter_sequence(&self, _id: SequenceId, _definition: SequenceDefinition, _restart: Option<i64>) {
        todo!()
    }

    /// Drops a sequence (at commit).
    pub fn drop_sequence(&self, _id: SequenceId) {
        todo!()
    }

    /// `nextval`: not undone by a rollback.
    ///
    /// # Errors
    /// 2200H at the end of a sequence that does not cycle; its message names `name`.
    pub fn next_value(&self, _id: SequenceId, _name: &str) -> Result<i64> {
        todo!()
    }

    /// `setval`: not undone by a rollback. The caller has checked the bounds.
    pub fn set_value(&self, _id: SequenceId, _value: i64, _is_called: bool) {
        todo!()
    }

    /// `last_value` and `is_called`.
    pub fn sequence_state(&self, _id: SequenceId) -> Option<(i64, bool)> {
        todo!()
    }

    /// An object of the catalog: this transaction's own change, or else what is committed now.
    pub fn object(&self, _class: u16, _namespace: u32, _name: &str) -> Option<Rc<dyn Any>> {
        todo!()
    }

    /// The objects of a class (in one namespace), by namespace and name.
    pub fn objects(&self, _class: u16, _namespace: Option<u32>) -> Vec<(ObjectKey, Rc<dyn Any>)> {
        todo!()
    }

    /// Puts an object into the catalog; undone by a rollback, seen by others from commit on.
    pub fn put_object(&self, _key: ObjectKey, _object: Rc<dyn Any>) {
        todo!()
    }

    /// Takes an object out.
    pub fn remove_object(&self, _key: &ObjectKey) {
        todo!()
    }

    /// Keeps others from creating or dropping an object of this name until the transaction ends (waits for one that
    /// does): take it before looking whether the name is free.
    ///
    /// # Errors
    /// 40P01, 55P03, 57014.
    pub async fn lock_object(&self, _key: &ObjectKey) -> Result<()> {
        todo!()
    }

    /// A counter that moves whenever this session may see other objects than before: for plan caches.
    pub fn catalog_version(&self) -> u64 {
        todo!()
    }
}

/// Messages, timeouts, interrupts.
impl Session {
    /// LISTEN, from commit on.
    pub fn listen(&self, _channel: &str) {
        todo!()
    }

    /// UNLISTEN (`None`: all), from commit on.
    pub fn unlisten(&self, _channel: Option<&str>) {
        todo!()
    }

    /// NOTIFY, sent at commit; equal ones of one transaction are sent once.
    pub fn notify(&self, _channel: &str, _payload: &str) {
        todo!()
    }

    /// What has arrived. The wire sends it when the session is not in a transaction.
    pub fn take_notifications(&self) -> Vec<Notification> {
        todo!()
    }

    /// Completes when a notification is there to take, or the session was told to end.
    pub async fn wakeup(&self) {
        todo!()
    }

    /// The error (or the reason) with which the session has to end, if somebody ended it.
    pub fn shutdown(&self) -> Option<Shutdown> {
        todo!()
    }

    /// `lock_timeout`; `None` (default) is off.
    pub fn set_lock_timeout(&self, _timeout: Option<Duration>) {
        todo!()
    }

    /// `deadlock_timeout`, default one second.
    pub fn set_deadlock_timeout(&self, _timeout: Duration) {
        todo!()
    }

    /// When the running statement fails with 57014; the caller sets it at its start and clears it at its end.
    pub fn set_statement_deadline(&self, _deadline: Option<Timestamp>) {
        todo!()
    }

    /// Marks the session busy with a statement: only then can it be canceled. Clears a pending cancel.
    pub fn set_busy(&self, _busy: bool) {
        todo!()
    }

    /// Whether the statement may go on; call it now and then in long loops.
    ///
    /// # Errors
    /// 57014 canceled or timed out, 57P01 terminated.
    pub fn check_interrupts(&self) -> Result<()> {
        todo!()
    }

    /// Waits for `future`, or until the statement is interrupted (`pg_sleep`).
    ///
    /// # Errors
    /// As [`Session::check_interrupts`].
    pub async fn interruptible<T>(&self, _future: LocalBoxFuture<T>) -> Result<T> {
        todo!()
    }

    /// Runs a statement body with [`Session::set_busy`] around it.
    pub async fn run<T>(&self, body: impl Future<Output = Result<T, DatabaseError>>) -> Result<T> {
        self.set_busy(true);
        let result = body.await;
        self.set_busy(false);
        result
    }

    /// An index's key of a row, as the engine computes it.
    ///
    /// # Errors
    /// What the key expression fails with.
    pub fn index_key(&self, _index: IndexId, _row: &Row) -> Result<Option<Key>> {
        todo!()
    }
}
