//! The names of what can go wrong between transactions.
//!
//! Two vocabularies meet here. Adya's phenomena (*Weak Consistency*, MIT 1999: G0, G1a–c, G-single, G-SI, G2) are exact
//! but say little to someone with an oversold item; the older names (lost update, write skew, non-repeatable
//! read: Berenson and others, *A Critique of ANSI SQL Isolation Levels*, 1995) say it at once. Each anomaly
//! here has both. The session guarantees are Terry's (1994); the fractured read is from Bailis' RAMP (2014), the long fork
//! from Sovran's Walter (2011), the read-only anomaly from Fekete, O'Neil and O'Neil (2004).

use std::fmt;

use super::operation::Level;

/// One kind of isolation violation. Ordered: of two findings of equal size, the lesser variant is the better explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// The history contradicts itself (two writes claim one version): nothing it says can be trusted.
    MalformedHistory,
    /// A version was read that nobody wrote.
    FabricatedRead,
    /// A row was not returned although each version it ever had satisfied the condition.
    MissedRow,
    /// G1a: a version was read whose transaction aborted, or undid the write by a savepoint.
    AbortedRead,
    /// G1b: a version was read that its own transaction overwrote before it committed.
    IntermediateRead,
    /// G0: two transactions overwrote each other's versions in opposite orders.
    DirtyWrite,
    /// P1: a version was read before its transaction asked for its commit. (Adya counts it only if
    /// the writer aborts or a cycle results; PostgreSQL rules it out.)
    DirtyRead,
    /// A transaction did not see its own write.
    OwnWriteUnseen,
    /// A committed version vanished: a later write was put on top of an older one.
    LostWrite,
    /// G1c: transactions depend on each other by what they wrote and read alone.
    CircularInformationFlow,
    /// One statement saw part of a transaction's writes and missed another part.
    FracturedRead,
    /// G-single on one row: read, overwritten by somebody else, written from the stale value.
    LostUpdate,
    /// G-single on one row: read twice, differently.
    NonRepeatableRead,
    /// G-single through a condition: the rows that satisfy it changed under a transaction which also saw the change.
    PhantomRead,
    /// G-single over several rows: one before, another after the same transaction.
    ReadSkew,
    /// G-SIa: a transaction saw what was committed after its snapshot was taken.
    SnapshotMoved,
    /// G-SIa: a transaction overwrote a version committed after its snapshot was taken (first updater wins).
    ConcurrentUpdate,
    /// A session did not see what it had itself committed.
    ReadYourWrites,
    /// A session saw a version, and later an older one.
    MonotonicReads,
    /// A version was read although a newer one had been committed before the reader's snapshot.
    StaleRead,
    /// G-nonadjacent: two readers saw two writes in opposite orders.
    LongFork,
    /// G2-item of two: each overwrote what the other had read.
    WriteSkew,
    /// G2: a cycle that needs a condition whose rows changed.
    Phantom,
    /// G2-item of three: two writers are serializable until a third, which writes nothing, looks.
    ReadOnlyAnomaly,
    /// G2-item of any other shape.
    AntiDependencyCycle,
    /// A cycle that only exists because real time (or a session's order) counts.
    OrderViolated,
}

impl Anomaly {
    /// Every anomaly.
    pub const ALL: [Self; 26] = [
        Self::MalformedHistory,
        Self::FabricatedRead,
        Self::MissedRow,
        Self::AbortedRead,
        Self::IntermediateRead,
        Self::DirtyWrite,
        Self::DirtyRead,
        Self::OwnWriteUnseen,
        Self::LostWrite,
        Self::CircularInformationFlow,
        Self::FracturedRead,
        Self::LostUpdate,
        Self::NonRepeatableRead,
        Self::PhantomRead,
        Self::ReadSkew,
        Self::SnapshotMoved,
        Self::ConcurrentUpdate,
        Self::ReadYourWrites,
        Self::MonotonicReads,
        Self::StaleRead,
        Self::LongFork,
        Self::WriteSkew,
        Self::Phantom,
        Self::ReadOnlyAnomaly,
        Self::AntiDependencyCycle,
        Self::OrderViolated,
    ];

    /// Adya's phenomenon, or the term of the paper that named it.
    pub const fn class(self) -> &'static str {
        match self {
            Self::MalformedHistory => "malformed",
            Self::FabricatedRead | Self::MissedRow | Self::OwnWriteUnseen => "internal",
            Self::AbortedRead => "G1a",
            Self::IntermediateRead => "G1b",
            Self::DirtyWrite => "G0",
            Self::DirtyRead => "P1",
            Self::LostWrite => "durability",
            Self::CircularInformationFlow => "G1c",
            Self::FracturedRead => "statement snapshot",
            Self::LostUpdate | Self::NonRepeatableRead | Self::ReadSkew | Self::PhantomRead => "G-single",
            Self::SnapshotMoved | Self::ConcurrentUpdate => "G-SIa",
            Self::ReadYourWrites | Self::MonotonicReads => "session",
            Self::StaleRead | Self::OrderViolated => "real time",
            Self::LongFork => "G-nonadjacent",
            Self::WriteSkew | Self::ReadOnlyAnomaly | Self::AntiDependencyCycle => "G2-item",
            Self::Phantom => "G2",
        }
    }

    /// The weakest level at which PostgreSQL does not let it happen (on one server; a replica may be stale at any level).
    ///
    /// By Adya's own levels the G2-item class would already be forbidden at repeatable read (PL-2.99), and
    /// [`Self::DirtyRead`] is no phenomenon of its own.
    pub const fn forbidden_from(self) -> Level {
        match self {
            Self::LostUpdate
            | Self::NonRepeatableRead
            | Self::PhantomRead
            | Self::ReadSkew
            | Self::SnapshotMoved
            | Self::ConcurrentUpdate
            | Self::LongFork => Level::RepeatableRead,
            Self::WriteSkew
            | Self::Phantom
            | Self::ReadOnlyAnomaly
            | Self::AntiDependencyCycle
            | Self::OrderViolated => Level::Serializable,
            _ => Level::ReadUncommitted,
        }
    }

    /// What usually mends it in the application, in a few words; `None` when only the database can.
    pub const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::LostUpdate | Self::ConcurrentUpdate => Some(
                "change the row in one guarded UPDATE, or read it FOR UPDATE, or retry at repeatable read",
            ),
            Self::NonRepeatableRead | Self::ReadSkew | Self::SnapshotMoved | Self::PhantomRead => {
                Some("read in one statement, or in one transaction at repeatable read")
            }
            Self::WriteSkew | Self::AntiDependencyCycle | Self::ReadOnlyAnomaly => {
                Some("lock what the decision rests on (FOR UPDATE), or retry at serializable")
            }
            Self::Phantom => Some("let a unique or exclusion constraint decide, or retry at serializable"),
            Self::ReadYourWrites | Self::MonotonicReads | Self::StaleRead => {
                Some("read from the primary after writing, or wait for the replica")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MalformedHistory => "malformed history",
            Self::FabricatedRead => "fabricated read",
            Self::MissedRow => "missed row",
            Self::AbortedRead => "aborted read",
            Self::IntermediateRead => "intermediate read",
            Self::DirtyWrite => "dirty write",
            Self::DirtyRead => "dirty read",
            Self::OwnWriteUnseen => "own write unseen",
            Self::LostWrite => "lost write",
            Self::CircularInformationFlow => "circular information flow",
            Self::FracturedRead => "fractured read",
            Self::LostUpdate => "lost update",
            Self::NonRepeatableRead => "non-repeatable read",
            Self::PhantomRead => "phantom read",
            Self::ReadSkew => "read skew",
            Self::SnapshotMoved => "snapshot moved",
            Self::ConcurrentUpdate => "concurrent update",
            Self::ReadYourWrites => "read your writes broken",
            Self::MonotonicReads => "monotonic reads broken",
            Self::StaleRead => "stale read",
            Self::LongFork => "long fork",
            Self::WriteSkew => "write skew",
            Self::Phantom => "phantom",
            Self::ReadOnlyAnomaly => "read-only anomaly",
            Self::AntiDependencyCycle => "anti-dependency cycle",
            Self::OrderViolated => "order violated",
        })
    }
}
