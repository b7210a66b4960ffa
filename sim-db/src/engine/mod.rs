//! The store without SQL: versions, snapshots, locks, transactions.
//!
//! Single-threaded and runtime-agnostic: a statement is a plain `async fn` of
//! [`Session`]; a lock wait is a future that the releasing transaction wakes. Clock,
//! timers, entropy and choices come through [`Environment`].

mod definition;
mod environment;
mod id;
mod mode;
mod outcome;
mod scan;
mod session;
mod snapshot;

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
pub use outcome::{DeleteOutcome, InsertOutcome, LockConflictOutcome, LockRowOutcome, UpdateOutcome};
pub use scan::{Direction, IndexScan, KeyRange, TableScan};
pub use session::{Engine, LockInfo, Notification, ObjectKey, Session, Shutdown, Template};
pub use snapshot::Snapshot;
