//! The ways in which the small engine can be wrong.

use sim_db::history::{Anomaly, Level, Order, Promises};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Writers do not wait for each other.
    DirtyWrite,
    /// Readers see what is not committed.
    DirtyRead,
    /// A rollback leaves its versions behind.
    AbortKeepsVersions,
    /// `ROLLBACK TO` leaves its versions behind.
    SavepointKeepsVersions,
    /// The client is told of a rollback, and the work is committed.
    AbortReportedCommitDone,
    /// Readers see the first version a transaction wrote, not its last.
    IntermediateRead,
    /// Repeatable read takes a snapshot for each statement.
    SnapshotPerStatement,
    /// Selects ignore the snapshot at repeatable read.
    SelectsSeeNewest,
    /// Repeatable read overwrites what it cannot see.
    NoFirstUpdaterWins,
    /// Serializable looks for no conflicts.
    NoSsi,
    /// Serializable forgets which conditions were evaluated.
    NoPredicateLocks,
    /// Serializable takes read-only transactions for harmless.
    ReadersIgnoredBySsi,
    /// Snapshots are three commits old.
    StaleSnapshot,
    /// Part of a commit shows before the rest.
    CommitInTwoSteps,
    /// The last write of a commit is lost.
    WriteLost,
    /// A whole commit is lost after it was acknowledged.
    CommitForgotten,
    /// Statements do not see what their own transaction wrote.
    OwnWriteUnseen,
    /// A session's next transaction begins before its last one.
    OwnCommitsMissed,
    /// Each transaction reads from a replica that lags differently.
    LaggingReplica,
    /// Two sites see each other's commits late.
    LongFork,
    /// Now and then a read returns garbage.
    FabricatedRead,
    /// Now and then a select does not return a row.
    MissedRow,
}

impl Defect {
    pub const ALL: [Self; 22] = [
        Self::DirtyWrite,
        Self::DirtyRead,
        Self::AbortKeepsVersions,
        Self::SavepointKeepsVersions,
        Self::AbortReportedCommitDone,
        Self::IntermediateRead,
        Self::SnapshotPerStatement,
        Self::SelectsSeeNewest,
        Self::NoFirstUpdaterWins,
        Self::NoSsi,
        Self::NoPredicateLocks,
        Self::ReadersIgnoredBySsi,
        Self::StaleSnapshot,
        Self::CommitInTwoSteps,
        Self::WriteLost,
        Self::CommitForgotten,
        Self::OwnWriteUnseen,
        Self::OwnCommitsMissed,
        Self::LaggingReplica,
        Self::LongFork,
        Self::FabricatedRead,
        Self::MissedRow,
    ];

    /// The level at which it shows, and the name it must be given.
    pub fn shows(self) -> (Level, Anomaly) {
        use Level::{ReadCommitted, RepeatableRead, Serializable};
        match self {
            Self::DirtyWrite => (ReadCommitted, Anomaly::DirtyWrite),
            Self::DirtyRead => (ReadCommitted, Anomaly::DirtyRead),
            Self::AbortKeepsVersions | Self::SavepointKeepsVersions | Self::AbortReportedCommitDone => {
                (ReadCommitted, Anomaly::AbortedRead)
            }
            Self::IntermediateRead => (ReadCommitted, Anomaly::IntermediateRead),
            Self::SnapshotPerStatement => (RepeatableRead, Anomaly::NonRepeatableRead),
            Self::SelectsSeeNewest => (RepeatableRead, Anomaly::PhantomRead),
            Self::NoFirstUpdaterWins => (RepeatableRead, Anomaly::LostUpdate),
            Self::NoSsi => (Serializable, Anomaly::WriteSkew),
            Self::NoPredicateLocks => (Serializable, Anomaly::Phantom),
            Self::ReadersIgnoredBySsi => (Serializable, Anomaly::ReadOnlyAnomaly),
            Self::StaleSnapshot => (RepeatableRead, Anomaly::StaleRead),
            Self::CommitInTwoSteps => (ReadCommitted, Anomaly::FracturedRead),
            Self::WriteLost | Self::CommitForgotten => (ReadCommitted, Anomaly::LostWrite),
            Self::OwnWriteUnseen => (ReadCommitted, Anomaly::OwnWriteUnseen),
            Self::OwnCommitsMissed => (RepeatableRead, Anomaly::ReadYourWrites),
            Self::LaggingReplica => (RepeatableRead, Anomaly::MonotonicReads),
            Self::LongFork => (RepeatableRead, Anomaly::LongFork),
            Self::FabricatedRead => (ReadCommitted, Anomaly::FabricatedRead),
            Self::MissedRow => (ReadCommitted, Anomaly::MissedRow),
        }
    }

    /// What is promised by the database that has it.
    pub fn promises(self) -> Promises {
        match self {
            Self::LongFork => Promises::postgres().in_order(Order::DataOnly),
            Self::LaggingReplica => Promises::postgres().in_order(Order::Session),
            _ => Promises::postgres(),
        }
    }
}
