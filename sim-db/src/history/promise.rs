//! What a database promises at each level, and so which cycles it must never show.
//!
//! A cycle is judged by the levels its members ran at, which may differ. Two readings of the levels are offered.
//!
//! **PostgreSQL** (manual, chapter 13.2; Ports and Grittner, *Serializable Snapshot Isolation in PostgreSQL*,
//! 2012). Repeatable read is snapshot isolation, serializable is snapshot isolation without dangerous structures. Every edge that is
//! not an anti-dependency says that one commit came before another. An anti-dependency `R → W` whose reader has a snapshot says that W
//! committed after that snapshot; preceded by any other edge (which says: committed before that snapshot) it too orders two
//! commits. So a cycle is impossible unless two anti-dependencies follow each other; and SSI makes
//! that impossible as well, when all three members are serializable: the member that committed first would have to be the end of a dangerous
//! structure. Hence the rule, per cycle:
//!
//! * the reader of each anti-dependency runs at repeatable read or above, and
//! * wherever two anti-dependencies meet, all three members run at serializable.
//!
//! Serializable beside a weaker level is promised nothing more than a snapshot: PostgreSQL looks for conflicts among serializable
//! transactions only.
//!
//! **Adya** (thesis, sections 3.2 and 5.4, mixed levels by obligatory conflicts): PL-1 forbids cycles of ww; PL-2
//! adds wr into its readers; PL-2.99 (repeatable read) adds rw from its readers on rows, PL-3 also through conditions. With
//! [`Promises::serializable`] everybody is judged as if at PL-3: that is the question *what went wrong in the application*,
//! whatever its levels allowed.

use super::dependency::{Dependency, Edge};
use super::operation::Level;
use super::transaction::Transaction;

/// Whether an order outside the database counts as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Only what was read and written.
    DataOnly,
    /// What one session did stays in order: read your writes, monotonic reads.
    Session,
    /// What had been answered before something else was called comes first. A single server promises it; a replica does not.
    RealTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Postgres,
    Adya,
}

/// What the judged database promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promises {
    reading: Reading,
    order: Order,
    as_if: Option<Level>,
}

/// How an edge may take part in a forbidden cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Anywhere.
    Plain,
    /// An anti-dependency that must stand alone: not next to another one.
    Lone,
    /// An anti-dependency between serializable transactions, which may follow its like.
    Linked,
}

impl Step {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Lone, Self::Linked];

    /// Whether `next` may follow this step in a forbidden cycle.
    pub const fn admits(self, next: Self) -> bool {
        matches!((self, next), (Self::Plain, _) | (_, Self::Plain) | (Self::Linked, Self::Linked))
    }
}

impl Promises {
    /// One PostgreSQL server, each transaction at its own level, in real time.
    pub const fn postgres() -> Self {
        Self { reading: Reading::Postgres, order: Order::RealTime, as_if: None }
    }

    /// Adya's portable levels, each transaction at its own, no order beyond the data.
    pub const fn adya() -> Self {
        Self { reading: Reading::Adya, order: Order::DataOnly, as_if: None }
    }

    /// Every transaction judged as if it had asked for serializable (PL-3): finds what the application suffered.
    pub const fn serializable() -> Self {
        Self::adya().as_if(Level::Serializable)
    }

    /// The same promises with another order: `Order::Session` or `Order::DataOnly` for reads from replicas.
    #[must_use]
    pub const fn in_order(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The same promises with every transaction judged at `level`.
    #[must_use]
    pub const fn as_if(self, level: Level) -> Self {
        Self { as_if: Some(level), ..self }
    }

    /// Which order outside the database counts.
    pub const fn order(self) -> Order {
        self.order
    }

    /// Whether statements and transactions see snapshots, and are refused rather than overwrite what they cannot see.
    pub(super) fn snapshots(self) -> bool {
        self.reading == Reading::Postgres
    }

    /// The level at which a transaction is judged. What PostgreSQL promises to one that did not commit is a snapshot.
    pub(super) fn level(self, transaction: &Transaction) -> Level {
        let asked = self.as_if.unwrap_or(transaction.level);
        match self.reading {
            Reading::Postgres if transaction.happened => asked.max(Level::ReadCommitted),
            Reading::Postgres => asked.clamp(Level::ReadCommitted, Level::RepeatableRead),
            Reading::Adya if transaction.happened => asked,
            Reading::Adya => asked.min(Level::ReadCommitted),
        }
    }

    /// Whether a transaction keeps one snapshot from its first statement on.
    pub(super) fn keeps_snapshot(self, transaction: &Transaction) -> bool {
        self.snapshots() && self.level(transaction) >= Level::RepeatableRead
    }

    /// How an edge may take part in a forbidden cycle; `None` when it proves nothing at these levels.
    pub(super) fn step(self, edge: &Edge, from: &Transaction, to: &Transaction) -> Option<Step> {
        let (source, target) = (self.level(from), self.level(to));
        if self.reading == Reading::Postgres {
            return match edge.dependency.is_anti() {
                false => Some(Step::Plain),
                true if source < Level::RepeatableRead => None,
                true if edge.gap || source.min(target) < Level::Serializable => Some(Step::Lone),
                true => Some(Step::Linked),
            };
        }
        let counts = match edge.dependency {
            Dependency::Overwrote | Dependency::Rebirth | Dependency::SessionOrder | Dependency::RealTime => {
                true
            }
            Dependency::ReadFrom | Dependency::SelectedAfter => target >= Level::ReadCommitted,
            Dependency::WasOverwritten => source >= Level::RepeatableRead,
            Dependency::SelectedBefore => source >= Level::Serializable,
        };
        counts.then_some(Step::Plain)
    }
}
