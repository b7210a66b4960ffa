//! The words of a history: moments, transactions, keys, versions, levels, actions.
//!
//! Names (tables, keys, SQL texts, request labels, predicates) are interned by [`History`](super::History):
//! an operation is a few words and copies no text, so a history can be kept for every run.
//!
//! **Why moments have ticks.** Virtual time stands still while instant operations follow each other, and
//! two machines' clocks disagree; nanoseconds alone would call most operations concurrent or, worse, order them
//! wrongly. A moment therefore carries a tick, the order in which the recorder saw things, and the
//! judges compare ticks only. Nanoseconds are for the reader.

use std::fmt;

/// A point of a run: order first, time for the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Position in the order in which things were observed; unique within a history.
    pub tick: u64,
    /// Virtual (or real) nanoseconds since the run began. Never compared.
    pub ns: u64,
}

/// From the call of an operation to its answer, as its client saw them.
///
/// Whatever the operation did, it did between these two moments. `first` before `second` in real time
/// means `first.end.tick < second.start.tick`; everything else is concurrent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The call.
    pub start: Moment,
    /// The answer (or, when it was lost, the moment the client gave up).
    pub end: Moment,
}

impl Span {
    /// An operation seen at one moment: call and answer at once.
    pub const fn at(moment: Moment) -> Self {
        Self { start: moment, end: moment }
    }

    /// Whether this ended before `later` started: the only order real time gives.
    pub const fn precedes(self, later: Self) -> bool {
        self.end.tick < later.start.tick
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

number! {
    /// One client connection: its operations follow one another. Chosen by whoever records.
    Session, "s"
}
number! {
    /// One transaction, numbered from 1 in the order of their begins. Shown as `T1`.
    TransactionId, "T"
}
number! {
    /// An interned text: a SQL statement, a request label.
    Label, "l"
}
number! {
    /// An interned pair of table and row identity.
    Key, "k"
}
number! {
    /// An interned pair of table and condition, such as `items` and `stock > 0`.
    Predicate, "p"
}

/// One version of one key, unique within its key.
///
/// By default versions are numbered in the order in which they were installed (a counter of the
/// engine's writes does), so that the version order is known and need not be guessed. When only unique
/// values are known, as from outside a real server, see [`VersionOrder::Inferred`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The state before the history began: the loaded row, or no row yet.
    pub const INITIAL: Self = Self(0);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// How the versions of a key are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionOrder {
    /// By their numbers.
    #[default]
    Numbered,
    /// Numbers are only names. A version precedes another when the other's write says it replaces it, when the other's
    /// transaction read it before writing, or when it was committed before the other's write was called.
    /// Fewer dependencies are found, none is invented (as long as writes of one key are serial, as on any single primary).
    Inferred,
}

/// The isolation level a transaction asked for (SQL's names).
///
/// What a level promises depends on the database: see [`Promises`](super::Promises).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `READ UNCOMMITTED`; in PostgreSQL the same as read committed.
    ReadUncommitted,
    /// `READ COMMITTED`, PostgreSQL's default.
    #[default]
    ReadCommitted,
    /// `REPEATABLE READ`; in PostgreSQL snapshot isolation.
    RepeatableRead,
    /// `SERIALIZABLE`.
    Serializable,
}

impl Level {
    /// All levels, weakest first.
    pub const ALL: [Self; 4] =
        [Self::ReadUncommitted, Self::ReadCommitted, Self::RepeatableRead, Self::Serializable];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadUncommitted => "read uncommitted",
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
            Self::Serializable => "serializable",
        })
    }
}

/// What kind of change a write made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// The row did not exist (or was dead) before.
    Insert,
    /// The row existed before and exists after.
    Update,
    /// The version is a tombstone: the row is dead.
    Delete,
}

/// How a read chooses the version it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// From the statement's or the transaction's snapshot: a plain `SELECT`.
    #[default]
    Snapshot,
    /// The newest committed version, after waiting for its writer: `SELECT … FOR UPDATE`, and the row that an `UPDATE`
    /// or `DELETE` changes. At read committed such a read may mix versions of different moments.
    Newest,
}

/// What one operation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The transaction began.
    Begin(Level),
    /// One row was read. A row that is not there is read at its tombstone's version, or at
    /// [`Version::INITIAL`] when it was never born.
    Read {
        /// The row.
        key: Key,
        /// The version the client saw.
        version: Version,
        /// How the version was chosen.
        sight: Sight,
    },
    /// All rows of a table that satisfy a condition were read, in one statement.
    Select {
        /// The condition.
        predicate: Predicate,
        /// The rows it returned, each at the version the client saw. Rows that did not satisfy it are not listed.
        rows: Vec<(Key, Version)>,
        /// How the versions were chosen.
        sight: Sight,
    },
    /// A new version was written; it counts once the transaction commits.
    Write {
        /// The row.
        key: Key,
        /// The new version.
        version: Version,
        /// Inserted, updated or deleted.
        change: Change,
        /// The version it was put on top of, when known: the newest one at that moment, whoever wrote it.
        replaces: Option<Version>,
    },
    /// `SAVEPOINT`.
    Savepoint(Label),
    /// `ROLLBACK TO SAVEPOINT`: writes since then never happened. Reads did.
    RollbackTo(Label),
    /// `RELEASE SAVEPOINT`: the savepoint is forgotten, its writes stay.
    Release(Label),
    /// The client was told that the transaction committed.
    Commit,
    /// The client was told (or could conclude) that the transaction did not commit.
    Abort,
    /// The client asked for a commit and never learned the outcome: it may have happened.
    Unknown,
}

/// One operation of one transaction: an action with when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whose.
    pub transaction: TransactionId,
    /// From call to answer.
    pub span: Span,
    /// The request that caused it.
    pub request: Option<Label>,
    /// The statement, as sent.
    pub sql: Option<Label>,
    /// What it did.
    pub action: Action,
}
