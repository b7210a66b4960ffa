//! A history sorted by transaction: what each saw, what it wrote, how it ended.
//!
//! One pass over the operations. The judges ask this digest, never the operations in their order, except for
//! their spans and texts.

use std::collections::BTreeMap;

use super::operation::{
    Action, Change, Key, Label, Level, Predicate, Session, Sight, Span, TransactionId, Version,
};
use super::record::History;

/// How a transaction ended, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Committed,
    Aborted,
    /// Asked for a commit, never heard.
    Unknown,
    /// Still running when the history ends.
    Open,
}

/// One version that a transaction saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub operation: usize,
    pub key: Key,
    pub version: Version,
    /// The version which the transaction's own earlier statements had left there.
    pub own: Option<Version>,
}

/// One condition that a transaction evaluated; the rows it returned are also [`Read`]s.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub operation: usize,
    pub predicate: Predicate,
    pub sight: Sight,
    /// The rows the transaction itself had written by then.
    pub own: BTreeMap<Key, Version>,
}

/// One version that a transaction wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub operation: usize,
    pub key: Key,
    pub version: Version,
    pub change: Change,
    pub replaces: Option<Version>,
    /// The operation that rolled back to a savepoint before it.
    pub undone: Option<usize>,
    /// The transaction's first word on this row that lasts.
    pub first: bool,
    /// Its last word.
    pub last: bool,
    /// Its first word was an insert: it found no row there.
    pub born: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub id: TransactionId,
    pub session: Session,
    pub level: Level,
    pub outcome: Outcome,
    /// Committed, or of unknown outcome with a version that somebody saw.
    pub happened: bool,
    /// The first operation that touched data: at repeatable read and above the snapshot is taken inside it.
    pub first: Option<Span>,
    /// The commit, rollback, or unanswered commit.
    pub done: Option<Span>,
    pub reads: Vec<Read>,
    pub selects: Vec<Selected>,
    pub writes: Vec<Write>,
}

impl Transaction {
    /// The moment from which on its effects were certainly there, when the client knows one.
    pub fn committed_by(&self) -> Option<u64> {
        let done = self.done?;
        (self.outcome == Outcome::Committed).then_some(done.end.tick)
    }

    /// The last moment at which its effects were certainly not there yet.
    pub fn uncommitted_until(&self) -> u64 {
        self.done.map_or(u64::MAX, |done| done.start.tick)
    }
}

/// Who wrote a version: positions of the transaction and of the write within it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writer {
    pub transaction: usize,
    pub write: usize,
}

pub(super) struct Digest<'h> {
    pub history: &'h History,
    pub transactions: Vec<Transaction>,
    pub writers: BTreeMap<(Key, Version), Writer>,
    /// Versions claimed by two writes.
    pub contradictions: Vec<(Key, Version, usize, usize)>,
}

impl<'h> Digest<'h> {
    pub fn new(history: &'h History) -> Self {
        let mut digest =
            Self { history, transactions: Vec::new(), writers: BTreeMap::new(), contradictions: Vec::new() };
        let mut savepoints: Vec<Vec<(Label, usize)>> = Vec::new();
        for (position, operation) in history.operations().iter().enumerate() {
            let index = operation.transaction.0 as usize - 1;
            if let Action::Begin(level) = operation.action {
                digest.transactions.push(Transaction {
                    id: operation.transaction,
                    session: history.session(operation.transaction),
                    level,
                    outcome: Outcome::Open,
                    happened: false,
                    first: None,
                    done: None,
                    reads: Vec::new(),
                    selects: Vec::new(),
                    writes: Vec::new(),
                });
                savepoints.push(Vec::new());
                continue;
            }
            digest.enter(position, index, &mut savepoints[index]);
        }
        digest.settle();
        digest
    }

    fn enter(&mut self, position: usize, index: usize, savepoints: &mut Vec<(Label, usize)>) {
        let operation = &self.history.operations()[position];
        let history = self.history;
        let transaction = &mut self.transactions[index];
        let own = |transaction: &Transaction, key: Key| {
            let earlier = |write: &&Write| {
                let wrote = history.operations()[write.operation].span;
                write.key == key && write.undone.is_none() && wrote.precedes(operation.span)
            };
            transaction.writes.iter().rev().find(earlier).map(|write| write.version)
        };
        match &operation.action {
            Action::Begin(_) => unreachable!("handled by the caller"),
            Action::Read { key, version, .. } => {
                let own = own(transaction, *key);
                transaction.reads.push(Read { operation: position, key: *key, version: *version, own });
            }
            Action::Select { predicate, rows, sight } => {
                for (key, version) in rows {
                    let own = own(transaction, *key);
                    let read = Read { operation: position, key: *key, version: *version, own };
                    transaction.reads.push(read);
                }
                let written = transaction.writes.iter().map(|write| write.key);
                let own = written.filter_map(|key| Some((key, own(transaction, key)?))).collect();
                transaction.selects.push(Selected {
                    operation: position,
                    predicate: *predicate,
                    sight: *sight,
                    own,
                });
            }
            Action::Write { key, version, change, replaces } => {
                let (key, version, change, replaces) = (*key, *version, *change, *replaces);
                let writer = Writer { transaction: index, write: transaction.writes.len() };
                transaction.writes.push(Write {
                    operation: position,
                    key,
                    version,
                    change,
                    replaces,
                    undone: None,
                    first: false,
                    last: false,
                    born: false,
                });
                if let Some(first) = self.writers.insert((key, version), writer) {
                    let first = self.transactions[first.transaction].writes[first.write].operation;
                    self.contradictions.push((key, version, first, position));
                } else if version == Version::INITIAL {
                    self.contradictions.push((key, version, position, position));
                }
            }
            Action::Savepoint(name) => savepoints.push((*name, transaction.writes.len())),
            Action::RollbackTo(name) => {
                if let Some(at) = savepoints.iter().rposition(|(known, _)| known == name) {
                    savepoints.truncate(at + 1);
                    for write in &mut transaction.writes[savepoints[at].1..] {
                        write.undone.get_or_insert(position);
                    }
                }
            }
            Action::Release(name) => {
                if let Some(at) = savepoints.iter().rposition(|(known, _)| known == name) {
                    savepoints.truncate(at);
                }
            }
            Action::Commit => {
                (transaction.outcome, transaction.done) = (Outcome::Committed, Some(operation.span))
            }
            Action::Abort => {
                (transaction.outcome, transaction.done) = (Outcome::Aborted, Some(operation.span))
            }
            Action::Unknown => {
                (transaction.outcome, transaction.done) = (Outcome::Unknown, Some(operation.span))
            }
        }
        let touches =
            matches!(operation.action, Action::Read { .. } | Action::Select { .. } | Action::Write { .. });
        let transaction = &mut self.transactions[index];
        if touches && transaction.first.is_none() {
            transaction.first = Some(operation.span);
        }
    }

    /// Marks last writes, and what happened: an unknown commit did when somebody saw or built upon it.
    fn settle(&mut self) {
        let mut seen = vec![false; self.transactions.len()];
        for (index, transaction) in self.transactions.iter_mut().enumerate() {
            let mut words: BTreeMap<Key, (usize, usize)> = BTreeMap::new();
            for (position, write) in transaction.writes.iter().enumerate() {
                if write.undone.is_none() {
                    words.entry(write.key).or_insert((position, position)).1 = position;
                }
            }
            for (first, last) in words.into_values() {
                transaction.writes[first].first = true;
                transaction.writes[last].last = true;
                transaction.writes[last].born = transaction.writes[first].change == Change::Insert;
            }
            let upon = transaction.writes.iter().filter_map(|write| Some((write.key, write.replaces?)));
            for version in transaction.reads.iter().map(|read| (read.key, read.version)).chain(upon) {
                if let Some(writer) = self.writers.get(&version)
                    && writer.transaction != index
                {
                    seen[writer.transaction] = true;
                }
            }
        }
        for (transaction, seen) in self.transactions.iter_mut().zip(seen) {
            transaction.happened = match transaction.outcome {
                Outcome::Committed => true,
                Outcome::Unknown => seen,
                Outcome::Aborted | Outcome::Open => false,
            };
        }
    }

    /// The span of an operation.
    pub fn span(&self, operation: usize) -> Span {
        self.history.operations()[operation].span
    }

    /// The write that made a version, when the history has it.
    pub fn write(&self, key: Key, version: Version) -> Option<(&Transaction, &Write)> {
        let writer = self.writers.get(&(key, version))?;
        let transaction = &self.transactions[writer.transaction];
        Some((transaction, &transaction.writes[writer.write]))
    }

    /// Position of a transaction in [`Self::transactions`].
    pub fn position(transaction: &Transaction) -> usize {
        transaction.id.0 as usize - 1
    }
}
