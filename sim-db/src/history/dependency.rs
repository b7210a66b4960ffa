//! Who depends on whom, and why: the edges of Adya's direct serialization graph.
//!
//! | edge | means |
//! |---|---|
//! | ww | wrote the version that came next after the other's |
//! | wr | read the version which the other wrote |
//! | rw | read a version which the other overwrote |
//! | predicate wr, rw | the same through a condition: the other's write changed which rows satisfy it |
//! | rebirth | inserted a row where the other had deleted one: Adya calls it a new row, the key calls it the same |
//!
//! Committed transactions may be at both ends. One that aborted (or never ended) only read: it may be the reader of a
//! wr or rw edge, since a snapshot is promised to it all the same.

use std::collections::{BTreeMap, BTreeSet};

use super::operation::{Action, Key, Predicate, Version};
use super::transaction::{Digest, Read, Selected, Transaction};
use super::version_order::{Installed, VersionOrders};

/// The kind of an edge. Ordered: the lesser is the simpler explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// Write-write.
    Overwrote,
    /// Write-read.
    ReadFrom,
    /// Read-write, Adya's anti-dependency.
    WasOverwritten,
    /// Write-read through a condition.
    SelectedAfter,
    /// Read-write through a condition.
    SelectedBefore,
    /// Inserted over a tombstone.
    Rebirth,
    /// One session ran them in this order.
    SessionOrder,
    /// One had committed before the other began to look.
    RealTime,
}

impl Dependency {
    /// The short name used in explanations.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Overwrote => "ww",
            Self::ReadFrom => "wr",
            Self::WasOverwritten => "rw",
            Self::SelectedAfter => "predicate wr",
            Self::SelectedBefore => "predicate rw",
            Self::Rebirth => "ww by insert",
            Self::SessionOrder => "session",
            Self::RealTime => "real time",
        }
    }

    /// Whether it is an anti-dependency: the first end looked, the second changed.
    pub const fn is_anti(self) -> bool {
        matches!(self, Self::WasOverwritten | Self::SelectedBefore | Self::Rebirth)
    }
}

/// One edge: `from` comes before `to` in every serial order that explains the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub from: usize,
    pub to: usize,
    pub dependency: Dependency,
    pub key: Key,
    /// The version at the first end: read, written, or (through a condition) changed.
    pub before: Version,
    /// The version at the second end.
    pub after: Version,
    /// The operations at both ends.
    pub operations: (usize, usize),
    pub predicate: Option<Predicate>,
    /// Another transaction may stand between: see [`Installed::gap`].
    pub gap: bool,
}

/// What is known about conditions and versions.
pub(super) struct Matches<'a> {
    digest: &'a Digest<'a>,
    orders: &'a VersionOrders,
    returned: BTreeSet<(Predicate, Key, Version)>,
    tables: BTreeMap<&'a str, Vec<Key>>,
}

/// What a select says about one row it did not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// Every version the row ever had satisfies the condition.
    Impossible,
    /// It saw something between the two: at or after a version (if any) that stopped matching, and
    /// before one (if any) that began to match.
    Between { after: Option<usize>, before: Option<usize> },
}

impl<'a> Matches<'a> {
    pub fn new(digest: &'a Digest<'a>, orders: &'a VersionOrders) -> Self {
        let mut returned = BTreeSet::new();
        for operation in digest.history.operations() {
            if let Action::Select { predicate, rows, .. } = &operation.action {
                returned.extend(rows.iter().map(|(key, version)| (*predicate, *key, *version)));
            }
        }
        let mut tables: BTreeMap<&str, Vec<Key>> = BTreeMap::new();
        for key in digest.history.keys() {
            tables.entry(digest.history.key_name(key).0).or_default().push(key);
        }
        Self { digest, orders, returned, tables }
    }

    /// Whether a version satisfies a condition; `None` when nobody said.
    pub fn holds(&self, predicate: Predicate, key: Key, version: Version) -> Option<bool> {
        let at = (predicate, key, version);
        if let Some(stated) = self.digest.history.stated().get(&at) {
            return Some(*stated);
        }
        if self.returned.contains(&at) {
            return Some(true);
        }
        let list = self.orders.of(key);
        let position = self.orders.position(key, version)?;
        let dead = list[position].dead;
        let unborn = list[position].next.iter().any(|next| list[*next].born);
        (dead || unborn).then_some(false)
    }

    /// The rows of the condition's table that a select neither returned nor had written itself, with what that says.
    pub fn absences(&self, selected: &Selected) -> Vec<(Key, Absence)> {
        let Action::Select { rows, .. } = &self.digest.history.operations()[selected.operation].action else {
            unreachable!("a selection comes from a select");
        };
        let (table, _) = self.digest.history.predicate_name(selected.predicate);
        let keys = self.tables.get(table).map_or(&[][..], Vec::as_slice);
        if !self.orders.is_total() {
            return Vec::new();
        }
        let absent = |key: &&Key| {
            !selected.own.contains_key(key)
                && !self.orders.is_doubtful(**key)
                && !rows.iter().any(|(row, _)| row == *key)
        };
        keys.iter().filter(absent).map(|key| (*key, self.absence(selected.predicate, *key))).collect()
    }

    fn absence(&self, predicate: Predicate, key: Key) -> Absence {
        let list = self.orders.of(key);
        let may_be_unmatched =
            |installed: &Installed| self.holds(predicate, key, installed.version) != Some(true);
        let first = list.iter().position(may_be_unmatched);
        let last = list.iter().rposition(may_be_unmatched);
        match (first, last) {
            (Some(first), Some(last)) => Absence::Between {
                after: (first > 0).then_some(first),
                before: (last + 1 < list.len()).then_some(last + 1),
            },
            _ => Absence::Impossible,
        }
    }
}

/// All edges of a history, in order of their first ends.
pub(super) fn edges(digest: &Digest<'_>, orders: &VersionOrders, matches: &Matches<'_>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for key in digest.history.keys() {
        overwrites(orders, key, &mut edges);
    }
    for transaction in &digest.transactions {
        for read in &transaction.reads {
            read_edges(digest, orders, transaction, read, &mut edges);
        }
        for selected in &transaction.selects {
            select_edges(orders, matches, transaction, selected, &mut edges);
        }
    }
    edges.retain(|edge| edge.from != edge.to);
    edges.sort_unstable();
    edges.dedup_by_key(|edge| (edge.from, edge.to, edge.dependency, edge.key));
    edges
}

fn overwrites(orders: &VersionOrders, key: Key, edges: &mut Vec<Edge>) {
    let list = orders.of(key);
    for earlier in list {
        let Some(from) = earlier.transaction else { continue };
        for later in earlier.next.iter().map(|next| &list[*next]) {
            let Some(to) = later.transaction else { continue };
            let reborn = earlier.dead && later.born;
            edges.push(Edge {
                from,
                to,
                dependency: if reborn { Dependency::Rebirth } else { Dependency::Overwrote },
                key,
                before: earlier.version,
                after: later.version,
                operations: (earlier.operation, later.operation),
                predicate: None,
                gap: later.gap,
            });
        }
    }
}

fn read_edges(
    digest: &Digest<'_>,
    orders: &VersionOrders,
    reader: &Transaction,
    read: &Read,
    edges: &mut Vec<Edge>,
) {
    let me = Digest::position(reader);
    let Read { key, version, .. } = *read;
    let writer = digest.writers.get(&(key, version));
    if writer.is_some_and(|writer| writer.transaction == me) {
        return;
    }
    if let Some(writer) = writer.filter(|writer| digest.transactions[writer.transaction].happened) {
        let write = digest.transactions[writer.transaction].writes[writer.write];
        edges.push(Edge {
            from: writer.transaction,
            to: me,
            dependency: Dependency::ReadFrom,
            key,
            before: version,
            after: version,
            operations: (write.operation, read.operation),
            predicate: None,
            gap: false,
        });
    }
    let Some(position) = orders.position(key, version) else { return };
    let list = orders.of(key);
    for later in list[position].next.iter().map(|next| &list[*next]) {
        let Some(to) = later.transaction else { continue };
        edges.push(Edge {
            from: me,
            to,
            dependency: Dependency::WasOverwritten,
            key,
            before: version,
            after: later.version,
            operations: (read.operation, later.operation),
            predicate: None,
            gap: later.gap,
        });
    }
}

fn select_edges(
    orders: &VersionOrders,
    matches: &Matches<'_>,
    reader: &Transaction,
    selected: &Selected,
    edges: &mut Vec<Edge>,
) {
    let me = Digest::position(reader);
    for (key, absence) in matches.absences(selected) {
        let Absence::Between { after, before } = absence else { continue };
        let list = orders.of(key);
        let mut push = |installed: &Installed, dependency| {
            let Some(other) = installed.transaction else { return };
            let write = (other, installed.operation);
            let read = (me, selected.operation);
            let (from, to) =
                if dependency == Dependency::SelectedAfter { (write, read) } else { (read, write) };
            edges.push(Edge {
                from: from.0,
                to: to.0,
                dependency,
                key,
                before: installed.version,
                after: installed.version,
                operations: (from.1, to.1),
                predicate: Some(selected.predicate),
                gap: installed.gap,
            });
        };
        if let Some(after) = after {
            push(&list[after], Dependency::SelectedAfter);
        }
        if let Some(before) = before {
            push(&list[before], Dependency::SelectedBefore);
        }
    }
}
