//! The store without SQL: versions, snapshots, locks, transactions.
//!
//! Single-threaded and runtime-agnostic: a statement is a plain `async fn` of
//! [`Session`]; a lock wait is a future that the releasing transaction wakes. Clock,
//! timers, entropy and choices come through [`Environment`].
//!
//! * what callers name and get: `id`, `mode`, `definition`, `outcome`, `environment`
//! * storage: `heap` (pages of versions), `index` (trees), `table`
//! * what is seen: `snapshot`, `visibility`, `scan`
//! * what is changed: `write`, `row_wait` and `row_lock`, `unique`, `upsert`
//! * transactions: `transaction`, `savepoint`, `statement`, `undo`, `session`, `state` (all of it, in one cell)
//! * who waits: `lock` (queues, deadlocks), `interrupt` (timeouts, cancel)
//! * serializable: `ssi`
//! * the rest: `schema`, `object` (the catalog's store), `sequence`, `notify`, `recovery`, `replay` (replicas)

mod definition;
mod display;
mod environment;
mod heap;
mod id;
mod index;
mod interrupt;
mod lock;
mod mode;
mod notify;
mod object;
mod outcome;
mod recovery;
mod replay;
mod row_lock;
mod row_wait;
mod savepoint;
mod scan;
mod schema;
mod sequence;
mod session;
mod session_state;
mod shared;
mod snapshot;
mod ssi;
mod state;
mod statement;
mod table;
mod transaction;
mod undo;
mod unique;
mod upsert;
mod visibility;
mod write;

pub use definition::{
    ComputeKey, IndexDefinition, Key, KeyOrder, KeySource, Persistence, SequenceDefinition, TableDefinition,
    Uniqueness,
};
pub use environment::{Environment, LocalBoxFuture, SwitchPoint, Timestamp};
pub use id::{CommandId, IndexId, Pid, SequenceId, TableId, Tid, Xid};
pub use mode::{
    AdvisoryKey, AdvisoryScope, IsolationLevel, LockMode, RowLockMode, TransactionOptions, TransactionStatus,
    WaitPolicy,
};
pub use notify::Notification;
pub use object::ObjectKey;
pub use outcome::{
    ConflictAction, DeleteOutcome, InsertOutcome, LockConflictOutcome, LockRowOutcome, UpdateOutcome,
};
pub use recovery::{Shutdown, Template};
pub use replay::{LAG_MAX, Lag};
pub use scan::{Direction, IndexScan, KeyRange, TableScan};
pub use session::{Engine, LockInfo, Session};
pub use snapshot::Snapshot;
