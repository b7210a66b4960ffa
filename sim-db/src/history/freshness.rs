//! Reads that are too old, or too new: session guarantees, real time, and snapshots that move.
//!
//! The cycles of [`cycle`](super::cycle) contain most of this, but say it less well: a transaction is one vertex
//! there, while at read committed each statement looks anew, and *you did not see what you had just committed* is
//! a better sentence than a cycle of two.

use std::collections::BTreeMap;

use super::anomaly::Anomaly;
use super::dependency::{Dependency, Edge};
use super::finding::{Finding, Reason};
use super::operation::{Key, Level, Session, Version};
use super::promise::{Order, Promises};
use super::transaction::{Digest, Read, Transaction};
use super::version_order::VersionOrders;
use super::visibility::after_snapshot;

pub(super) struct Freshness<'a> {
    pub digest: &'a Digest<'a>,
    pub orders: &'a VersionOrders,
    pub promises: &'a Promises,
}

/// What a session has met of one key: the version, where, and whether it wrote it itself.
#[derive(Clone, Copy)]
struct Met {
    version: Version,
    operation: usize,
    transaction: usize,
    wrote: bool,
}

impl Freshness<'_> {
    /// Every read that is older than it may be, or newer than its snapshot.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for transaction in &self.digest.transactions {
            for read in &transaction.reads {
                found.extend(self.moved(transaction, read));
            }
        }
        if self.promises.order() > Order::DataOnly {
            self.sessions(&mut found);
        }
        if self.promises.order() == Order::RealTime {
            for transaction in &self.digest.transactions {
                found.extend(transaction.reads.iter().filter_map(|read| self.stale(transaction, read)));
            }
        }
        found
    }

    /// A transaction with a snapshot saw what was committed later.
    fn moved(&self, reader: &Transaction, read: &Read) -> Option<Finding> {
        if !self.promises.keeps_snapshot(reader) {
            return None;
        }
        let (writer, write) = self.digest.write(read.key, read.version)?;
        if writer.id == reader.id || !writer.happened || writer.uncommitted_until() <= reader.first?.end.tick
        {
            return None;
        }
        if self.digest.span(read.operation).end.tick < writer.uncommitted_until() {
            return None; // a dirty read, and reported as one
        }
        let edge = Edge {
            from: Digest::position(writer),
            to: Digest::position(reader),
            dependency: Dependency::ReadFrom,
            key: read.key,
            before: read.version,
            after: read.version,
            operations: (write.operation, read.operation),
            predicate: None,
            gap: false,
        };
        let after = after_snapshot(self.digest, writer, reader)?;
        Some(Finding::new(Anomaly::SnapshotMoved, self.digest.history, vec![Reason::Edge(edge), after]))
    }

    /// A newer version had been committed before the snapshot was taken.
    fn stale(&self, reader: &Transaction, read: &Read) -> Option<Finding> {
        let me = Digest::position(reader);
        let snapshot = self.snapshot(reader, read);
        let position = self.orders.position(read.key, read.version)?;
        let list = self.orders.of(read.key);
        if list[position].later_committed >= snapshot {
            return None;
        }
        let missed =
            self.orders.later(read.key, position).into_iter().map(|later| &list[later]).find(|later| {
                let writer = later.transaction.filter(|writer| *writer != me);
                let committed = writer.and_then(|writer| self.digest.transactions[writer].committed_by());
                committed.is_some_and(|tick| tick < snapshot)
            })?;
        let writer = missed.transaction?;
        let edge = Edge {
            from: me,
            to: writer,
            dependency: Dependency::WasOverwritten,
            key: read.key,
            before: read.version,
            after: missed.version,
            operations: (read.operation, missed.operation),
            predicate: None,
            gap: false,
        };
        let before = Edge {
            from: writer,
            to: me,
            dependency: Dependency::RealTime,
            operations: (missed.operation, read.operation),
            ..edge
        };
        Some(Finding::new(
            Anomaly::StaleRead,
            self.digest.history,
            vec![Reason::Edge(edge), Reason::Edge(before)],
        ))
    }

    /// The tick from which on what is committed need not be seen.
    fn snapshot(&self, reader: &Transaction, read: &Read) -> u64 {
        let statement = self.digest.span(read.operation).start.tick;
        let keeps = self.promises.level(reader) >= Level::RepeatableRead;
        reader.first.filter(|_| keeps).map_or(statement, |first| first.start.tick)
    }

    /// Walks each session in its order and remembers the newest versions it met.
    fn sessions(&self, found: &mut Vec<Finding>) {
        let mut sessions: BTreeMap<Session, Vec<usize>> = BTreeMap::new();
        for (index, transaction) in self.digest.transactions.iter().enumerate() {
            sessions.entry(transaction.session).or_default().push(index);
        }
        for members in sessions.into_values() {
            let mut met: BTreeMap<Key, Met> = BTreeMap::new();
            for index in members {
                self.one_transaction(index, &mut met, found);
            }
        }
    }

    fn one_transaction(&self, index: usize, met: &mut BTreeMap<Key, Met>, found: &mut Vec<Finding>) {
        let transaction = &self.digest.transactions[index];
        for read in &transaction.reads {
            let own = self.digest.writers.get(&(read.key, read.version));
            if own.is_some_and(|writer| writer.transaction == index) {
                continue;
            }
            let now =
                Met { version: read.version, operation: read.operation, transaction: index, wrote: false };
            let Some(before) = met.get(&read.key).copied() else {
                met.insert(read.key, now);
                continue;
            };
            // Within one snapshot two different versions are a non-repeatable read, which the cycles name.
            let elsewhere =
                before.transaction != index || self.snapshot(transaction, read) > self.first(index);
            if elsewhere && self.orders.precedes(read.key, read.version, before.version) {
                found.push(self.older(transaction, read, before));
            } else if self.orders.precedes(read.key, before.version, read.version) {
                met.insert(read.key, now);
            }
        }
        if transaction.happened {
            for write in transaction.writes.iter().filter(|write| write.last) {
                let (version, operation) = (write.version, write.operation);
                met.insert(write.key, Met { version, operation, transaction: index, wrote: true });
            }
        }
    }

    fn first(&self, index: usize) -> u64 {
        self.digest.transactions[index].first.map_or(0, |first| first.start.tick)
    }

    fn older(&self, reader: &Transaction, read: &Read, before: Met) -> Finding {
        let me = Digest::position(reader);
        let first = if before.wrote {
            Reason::Edge(Edge {
                from: me,
                to: before.transaction,
                dependency: Dependency::WasOverwritten,
                key: read.key,
                before: read.version,
                after: before.version,
                operations: (read.operation, before.operation),
                predicate: None,
                gap: false,
            })
        } else {
            Reason::SawNewerBefore { key: read.key, version: before.version, read: before.operation }
        };
        let second = Edge {
            from: before.transaction,
            to: me,
            dependency: Dependency::SessionOrder,
            key: read.key,
            before: before.version,
            after: read.version,
            operations: (before.operation, read.operation),
            predicate: None,
            gap: false,
        };
        let anomaly = if before.wrote { Anomaly::ReadYourWrites } else { Anomaly::MonotonicReads };
        Finding::new(anomaly, self.digest.history, vec![first, Reason::Edge(second)])
    }
}
