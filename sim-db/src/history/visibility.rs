//! Anomalies that need no cycle: one read, or one write, that no order of transactions can explain.

use super::anomaly::Anomaly;
use super::dependency::{Absence, Dependency, Edge, Matches};
use super::finding::{Finding, Reason};
use super::operation::{Action, Level, Sight, Version};
use super::promise::Promises;
use super::transaction::{Digest, Outcome, Read, Transaction};
use super::version_order::{Installed, VersionOrders};

pub(super) struct Visibility<'a> {
    pub digest: &'a Digest<'a>,
    pub orders: &'a VersionOrders,
    pub matches: &'a Matches<'a>,
    pub promises: &'a Promises,
}

impl Visibility<'_> {
    /// Everything that is wrong with single reads and writes.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        for (key, version, first, second) in self.digest.contradictions.iter().copied() {
            let reason = Reason::ClaimedTwice { key, version, first, second };
            self.report(&mut found, Anomaly::MalformedHistory, vec![reason]);
        }
        for transaction in &self.digest.transactions {
            for read in &transaction.reads {
                if let Some((anomaly, reason)) = self.read(transaction, read) {
                    self.report(&mut found, anomaly, vec![reason]);
                }
            }
            self.selects(transaction, &mut found);
            if transaction.happened {
                self.writes(transaction, &mut found);
            }
        }
        found
    }

    fn report(&self, found: &mut Vec<Finding>, anomaly: Anomaly, reasons: Vec<Reason>) {
        found.push(Finding::new(anomaly, self.digest.history, reasons));
    }

    fn read(&self, reader: &Transaction, read: &Read) -> Option<(Anomaly, Reason)> {
        let Read { operation, key, version, own, .. } = *read;
        if let Some(own) = own
            && own != version
        {
            let reason = Reason::OwnUnseen { key, seen: Some(version), read: operation, own };
            return Some((Anomaly::OwnWriteUnseen, reason));
        }
        if version == Version::INITIAL {
            return None;
        }
        let Some((writer, write)) = self.digest.write(key, version) else {
            return Some((Anomaly::FabricatedRead, Reason::NobodyWrote { key, version, read: operation }));
        };
        let dirty = self.promises.level(reader) < Level::ReadCommitted;
        if writer.id == reader.id || dirty {
            let gone = write.undone.is_some_and(|undone| undone < operation);
            let reason = Reason::WriterUndid { key, version, read: operation, write: write.operation };
            return (gone && !dirty).then_some((Anomaly::AbortedRead, reason));
        }
        if write.undone.is_some() {
            let reason = Reason::WriterUndid { key, version, read: operation, write: write.operation };
            return Some((Anomaly::AbortedRead, reason));
        }
        if writer.outcome == Outcome::Aborted {
            let reason = Reason::WriterAborted { key, version, read: operation, write: write.operation };
            return Some((Anomaly::AbortedRead, reason));
        }
        if !write.last {
            let last = writer.writes.iter().find(|other| other.key == key && other.last)?;
            let (last, final_version) = (last.operation, last.version);
            let reason = Reason::WriterWentOn { key, version, read: operation, last, final_version };
            return Some((Anomaly::IntermediateRead, reason));
        }
        let early = self.digest.span(operation).end.tick < writer.uncommitted_until();
        let counts = self.promises.snapshots() || writer.outcome == Outcome::Open;
        let reason = Reason::NotYetCommitted { key, version, read: operation, write: write.operation };
        (early && counts).then_some((Anomaly::DirtyRead, reason))
    }

    fn selects(&self, transaction: &Transaction, found: &mut Vec<Finding>) {
        for selected in &transaction.selects {
            let Action::Select { rows, .. } = &self.digest.history.operations()[selected.operation].action
            else {
                continue;
            };
            for (key, own) in &selected.own {
                let returned = rows.iter().any(|(row, _)| row == key);
                if !returned && self.matches.holds(selected.predicate, *key, *own) == Some(true) {
                    let reason =
                        Reason::OwnUnseen { key: *key, seen: None, read: selected.operation, own: *own };
                    self.report(found, Anomaly::OwnWriteUnseen, vec![reason]);
                }
            }
            let absences = self.matches.absences(selected);
            for (key, _) in absences.iter().filter(|(_, absence)| *absence == Absence::Impossible) {
                let reason = Reason::AlwaysMatched { key: *key, select: selected.operation };
                self.report(found, Anomaly::MissedRow, vec![reason]);
            }
            if self.promises.snapshots() && selected.sight == Sight::Snapshot {
                self.fractured(transaction, selected.operation, &absences, found);
            }
        }
    }

    /// One statement that saw one write of a transaction and missed another.
    fn fractured(
        &self,
        reader: &Transaction,
        select: usize,
        absences: &[(super::operation::Key, Absence)],
        found: &mut Vec<Finding>,
    ) {
        let me = Digest::position(reader);
        let seen: Vec<&Read> = reader.reads.iter().filter(|read| read.operation == select).collect();
        let from = |read: &&&Read| self.digest.writers.get(&(read.key, read.version)).copied();
        let mut missed = Vec::new();
        for read in &seen {
            let Some(position) = self.orders.position(read.key, read.version) else { continue };
            let list = self.orders.of(read.key);
            missed.extend(
                list[position]
                    .next
                    .iter()
                    .map(|next| (read.key, read.version, &list[*next], Dependency::WasOverwritten)),
            );
        }
        for (key, absence) in absences {
            if let Absence::Between { before: Some(before), .. } = absence {
                let installed = &self.orders.of(*key)[*before];
                missed.push((*key, installed.version, installed, Dependency::SelectedBefore));
            }
        }
        for (key, before, installed, dependency) in missed {
            let Some(writer) = installed.transaction.filter(|writer| *writer != me) else { continue };
            let Some(read) = seen.iter().find(|read| from(read).is_some_and(|w| w.transaction == writer))
            else {
                continue;
            };
            let write = self.digest.writers[&(read.key, read.version)].write;
            let write = self.digest.transactions[writer].writes[write].operation;
            let predicate = match self.digest.history.operations()[select].action {
                Action::Select { predicate, .. } => Some(predicate),
                _ => None,
            };
            let edge = Edge {
                from: me,
                to: writer,
                dependency,
                key,
                before,
                after: installed.version,
                operations: (select, installed.operation),
                predicate,
                gap: installed.gap,
            };
            let seen = Edge {
                from: writer,
                to: me,
                dependency: Dependency::ReadFrom,
                key: read.key,
                before: read.version,
                after: read.version,
                operations: (write, select),
                predicate: None,
                gap: false,
            };
            self.report(found, Anomaly::FracturedRead, vec![Reason::Edge(edge), Reason::Edge(seen)]);
            return;
        }
    }

    fn writes(&self, transaction: &Transaction, found: &mut Vec<Finding>) {
        let me = Digest::position(transaction);
        for write in transaction.writes.iter().filter(|write| write.first) {
            let Some(older) = write.replaces else { continue };
            let last = last_version(transaction, write.key);
            let other = |lost: &&Installed| lost.transaction.is_some_and(|writer| writer != me);
            let lost = self.orders.between(write.key, older, last).filter(other);
            if let Some(lost) = lost {
                let reason = Reason::PutUpon {
                    key: write.key,
                    version: write.version,
                    older,
                    lost: lost.version,
                    write: write.operation,
                    lost_write: lost.operation,
                };
                self.report(found, Anomaly::LostWrite, vec![reason]);
            }
        }
        if self.promises.keeps_snapshot(transaction) {
            self.concurrent_updates(transaction, found);
        }
    }

    /// First updater wins: what was committed after the snapshot must not be overwritten.
    fn concurrent_updates(&self, transaction: &Transaction, found: &mut Vec<Finding>) {
        let me = Digest::position(transaction);
        let Some(first) = transaction.first else { return };
        for write in transaction.writes.iter().filter(|write| write.last) {
            let list = self.orders.of(write.key);
            let Some(at) = self.orders.position(write.key, write.version) else { continue };
            for installed in self.orders.previous(write.key, at).into_iter().map(|earlier| &list[earlier]) {
                let Some(writer) = installed.transaction.filter(|writer| *writer != me) else { continue };
                let reborn = installed.dead && list[at].born;
                let writer = &self.digest.transactions[writer];
                if reborn || writer.uncommitted_until() <= first.end.tick {
                    continue;
                }
                let edge = Edge {
                    from: Digest::position(writer),
                    to: me,
                    dependency: Dependency::Overwrote,
                    key: write.key,
                    before: installed.version,
                    after: write.version,
                    operations: (installed.operation, write.operation),
                    predicate: None,
                    gap: false,
                };
                if let Some(after) = after_snapshot(self.digest, writer, transaction) {
                    self.report(found, Anomaly::ConcurrentUpdate, vec![Reason::Edge(edge), after]);
                }
            }
        }
    }
}

fn last_version(transaction: &Transaction, key: super::operation::Key) -> Version {
    let last = transaction.writes.iter().find(|write| write.key == key && write.last);
    last.map_or(Version::INITIAL, |write| write.version)
}

/// The reason that a transaction committed after another's snapshot had been taken.
pub(super) fn after_snapshot(
    digest: &Digest<'_>,
    writer: &Transaction,
    reader: &Transaction,
) -> Option<Reason> {
    let operations = digest.history.operations();
    let commit = operations
        .iter()
        .position(|operation| operation.transaction == writer.id && Some(operation.span) == writer.done)?;
    let first = operations
        .iter()
        .position(|operation| operation.transaction == reader.id && Some(operation.span) == reader.first)?;
    Some(Reason::CommittedAfterSnapshot { writer: writer.id, reader: reader.id, commit, first })
}
