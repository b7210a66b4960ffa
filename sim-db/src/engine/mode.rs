//! Isolation levels, lock modes, and what to do when a lock is not free.

/// A transaction's isolation level. READ UNCOMMITTED is READ COMMITTED, as in PostgreSQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IsolationLevel {
    /// a snapshot for every statement
    #[default]
    ReadCommitted,
    /// one snapshot, taken by the first query
    RepeatableRead,
    /// one snapshot, and serializable snapshot isolation
    Serializable,
}

impl IsolationLevel {
    /// Whether one snapshot serves the whole transaction.
    pub fn keeps_snapshot(self) -> bool {
        self != IsolationLevel::ReadCommitted
    }

    /// The name as `SHOW transaction_isolation` tells it.
    pub fn as_str(self) -> &'static str {
        match self {
            IsolationLevel::ReadCommitted => "read committed",
            IsolationLevel::RepeatableRead => "repeatable read",
            IsolationLevel::Serializable => "serializable",
        }
    }
}

/// How a transaction begins. The default is READ COMMITTED, READ WRITE, NOT DEFERRABLE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TransactionOptions {
    /// isolation level
    pub isolation: IsolationLevel,
    /// READ ONLY
    pub read_only: bool,
    /// DEFERRABLE (counts for serializable read-only transactions)
    pub deferrable: bool,
}

/// What a session's transaction is doing, as `ReadyForQuery` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// no transaction
    Idle,
    /// in a transaction
    Active,
    /// in a transaction (or subtransaction) that failed
    Failed,
}

/// The four row locks, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowLockMode {
    /// FOR KEY SHARE: foreign key checks
    KeyShare,
    /// FOR SHARE
    Share,
    /// FOR NO KEY UPDATE: UPDATE that leaves the key alone
    NoKeyUpdate,
    /// FOR UPDATE: DELETE, UPDATE of the key
    Update,
}

impl RowLockMode {
    /// Whether two transactions cannot hold these on one row at once.
    pub fn conflicts_with(self, other: RowLockMode) -> bool {
        use RowLockMode::{KeyShare, NoKeyUpdate, Share, Update};
        match self {
            KeyShare => other == Update,
            Share => matches!(other, NoKeyUpdate | Update),
            NoKeyUpdate => other != KeyShare,
            Update => true,
        }
    }
}

/// The eight table-lock modes, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LockMode {
    /// SELECT
    AccessShare,
    /// SELECT FOR UPDATE / SHARE
    RowShare,
    /// INSERT, UPDATE, DELETE
    RowExclusive,
    /// VACUUM, ANALYZE, CREATE INDEX CONCURRENTLY, VALIDATE CONSTRAINT
    ShareUpdateExclusive,
    /// CREATE INDEX
    Share,
    /// CREATE TRIGGER, ADD FOREIGN KEY
    ShareRowExclusive,
    /// REFRESH MATERIALIZED VIEW CONCURRENTLY
    Exclusive,
    /// DROP, TRUNCATE, most of ALTER TABLE, LOCK TABLE's default
    AccessExclusive,
}

impl LockMode {
    /// Every mode, weakest first.
    pub const ALL: [LockMode; 8] = [
        LockMode::AccessShare,
        LockMode::RowShare,
        LockMode::RowExclusive,
        LockMode::ShareUpdateExclusive,
        LockMode::Share,
        LockMode::ShareRowExclusive,
        LockMode::Exclusive,
        LockMode::AccessExclusive,
    ];

    /// This mode's bit in a [`LockModeSet`].
    pub(crate) fn bit(self) -> LockModeSet {
        LockModeSet(1 << self as u8)
    }

    /// The modes that cannot be held beside this one by someone else.
    pub(crate) fn conflicts(self) -> LockModeSet {
        // One bit a mode, AccessShare lowest: the table of the manual's section 13.3.1.
        LockModeSet(match self {
            LockMode::AccessShare => 0b1000_0000,
            LockMode::RowShare => 0b1100_0000,
            LockMode::RowExclusive => 0b1111_0000,
            LockMode::ShareUpdateExclusive => 0b1111_1000,
            LockMode::Share => 0b1110_1100,
            LockMode::ShareRowExclusive => 0b1111_1100,
            LockMode::Exclusive => 0b1111_1110,
            LockMode::AccessExclusive => 0b1111_1111,
        })
    }

    /// Whether two sessions cannot hold these at once.
    pub fn conflicts_with(self, other: LockMode) -> bool {
        self.conflicts().contains(other)
    }

    /// The name in `pg_locks` and in deadlock reports.
    pub fn as_str(self) -> &'static str {
        match self {
            LockMode::AccessShare => "AccessShareLock",
            LockMode::RowShare => "RowShareLock",
            LockMode::RowExclusive => "RowExclusiveLock",
            LockMode::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            LockMode::Share => "ShareLock",
            LockMode::ShareRowExclusive => "ShareRowExclusiveLock",
            LockMode::Exclusive => "ExclusiveLock",
            LockMode::AccessExclusive => "AccessExclusiveLock",
        }
    }
}

/// A set of table-lock modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockModeSet(pub(crate) u8);

impl LockModeSet {
    pub(crate) fn contains(self, mode: LockMode) -> bool {
        self.0 & mode.bit().0 != 0
    }

    pub(crate) fn intersects(self, other: LockModeSet) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn with(self, mode: LockMode) -> LockModeSet {
        LockModeSet(self.0 | mode.bit().0)
    }
}

/// What to do when a lock is not free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WaitPolicy {
    /// wait in the queue
    #[default]
    Wait,
    /// NOWAIT: 55P03
    NoWait,
    /// SKIP LOCKED: leave the row out
    Skip,
}

/// Which advisory lock: one 64-bit key or two 32-bit keys (never the same lock).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AdvisoryKey {
    /// `pg_advisory_lock(key)`
    One(i64),
    /// `pg_advisory_lock(key1, key2)`
    Two(i32, i32),
}

/// How long an advisory lock lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdvisoryScope {
    /// until unlocked or the session ends; survives ROLLBACK
    Session,
    /// until the transaction (or the savepoint's rollback) ends it
    Transaction,
}
