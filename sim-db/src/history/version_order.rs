//! The order of each key's committed versions (Adya's `<<`).
//!
//! Only final versions of transactions that happened take part. Known numbers give a total order; otherwise
//! what the history proves gives a partial one, and both are asked through the same two questions: which versions come *next* after
//! this one, and which come *later*.

use std::collections::BTreeMap;

use super::operation::{Change, Key, Level, Version, VersionOrder};
use super::transaction::{Digest, Outcome, Transaction};

/// One committed version of a key.
#[derive(Clone, Debug)]
pub(super) struct Installed {
    pub version: Version,
    /// Its transaction; `None` for the state before the history.
    pub transaction: Option<usize>,
    pub operation: usize,
    /// The transaction found no row there.
    pub born: bool,
    /// A tombstone.
    pub dead: bool,
    /// A transaction of unknown outcome below serializable may have installed a version just before this one.
    pub gap: bool,
    /// Direct successors (indices into the same list).
    pub next: Vec<usize>,
    /// The earliest tick by which some later version was certainly committed.
    pub later_committed: u64,
    /// All known successors; empty when the order is total, where it is simply what follows.
    later: Vec<usize>,
}

/// All keys' version orders.
pub(super) struct VersionOrders {
    keys: BTreeMap<Key, Vec<Installed>>,
    /// Keys on which an unobserved transaction of unknown outcome wrote.
    doubtful: BTreeMap<Key, Vec<(Version, Level)>>,
    total: bool,
}

impl VersionOrders {
    pub fn new(digest: &Digest<'_>) -> Self {
        let total = digest.history.order() == VersionOrder::Numbered;
        let mut keys: BTreeMap<Key, Vec<Installed>> = BTreeMap::new();
        let mut doubtful: BTreeMap<Key, Vec<(Version, Level)>> = BTreeMap::new();
        for key in digest.history.keys() {
            keys.insert(key, vec![Installed::initial()]);
        }
        for (index, transaction) in digest.transactions.iter().enumerate() {
            for write in transaction.writes.iter().filter(|write| write.last) {
                if transaction.happened {
                    keys.entry(write.key).or_default().push(Installed {
                        version: write.version,
                        transaction: Some(index),
                        operation: write.operation,
                        born: write.born,
                        dead: write.change == Change::Delete,
                        gap: false,
                        next: Vec::new(),
                        later_committed: u64::MAX,
                        later: Vec::new(),
                    });
                } else if transaction.outcome == Outcome::Unknown {
                    doubtful.entry(write.key).or_default().push((write.version, transaction.level));
                }
            }
        }
        let mut orders = Self { keys, doubtful, total };
        if total {
            orders.number()
        } else {
            orders.infer(digest)
        }
        orders.note_commits(digest);
        orders
    }

    fn number(&mut self) {
        for (key, list) in &mut self.keys {
            list.sort_by_key(|installed| installed.version);
            let doubtful = self.doubtful.get(key).map_or(&[][..], Vec::as_slice);
            for position in 1..list.len() {
                list[position - 1].next = vec![position];
                let between = list[position - 1].version..list[position].version;
                list[position].gap = doubtful
                    .iter()
                    .any(|(version, level)| between.contains(version) && *level != Level::Serializable);
            }
        }
    }

    fn note_commits(&mut self, digest: &Digest<'_>) {
        let committed = |installed: &Installed| {
            let writer = installed.transaction.map(|writer| &digest.transactions[writer]);
            writer.and_then(Transaction::committed_by).unwrap_or(u64::MAX)
        };
        for list in self.keys.values_mut() {
            let mut earliest = u64::MAX;
            for position in (0..list.len()).rev() {
                let later = list[position].later.iter().map(|later| committed(&list[*later])).min();
                list[position].later_committed =
                    if self.total { earliest } else { later.unwrap_or(u64::MAX) };
                earliest = earliest.min(committed(&list[position]));
            }
        }
    }

    fn infer(&mut self, digest: &Digest<'_>) {
        for (key, list) in &mut self.keys {
            let weaker = |level: Level| level != Level::Serializable;
            let doubtful = self.doubtful.get(key).into_iter().flatten().map(|(_, level)| *level);
            let writers = list.iter().filter_map(|installed| installed.transaction);
            let mixed = writers.map(|writer| digest.transactions[writer].level).chain(doubtful).any(weaker);
            let count = list.len();
            let before: Vec<Vec<bool>> = (0..count)
                .map(|a| (0..count).map(|b| a != b && known_before(digest, &list[a], &list[b])).collect())
                .collect();
            let later = closure(before);
            for (position, later) in later.iter().enumerate() {
                list[position].later = (0..count).filter(|other| later[*other]).collect();
            }
            for position in 0..count {
                let later = list[position].later.clone();
                let direct = |b: &&usize| !later.iter().any(|middle| list[*middle].later.contains(*b));
                list[position].next = later.iter().filter(direct).copied().collect();
                list[position].gap = mixed;
            }
        }
    }

    /// The committed versions of a key, in order when the order is total.
    pub fn of(&self, key: Key) -> &[Installed] {
        self.keys.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Whether numbers order the versions, so that *between* has a meaning.
    pub fn is_total(&self) -> bool {
        self.total
    }

    /// Whether a transaction of unknown outcome, seen by nobody, wrote this key.
    pub fn is_doubtful(&self, key: Key) -> bool {
        self.doubtful.contains_key(&key)
    }

    /// Where a version stands; `None` when it was never committed.
    pub fn position(&self, key: Key, version: Version) -> Option<usize> {
        let list = self.of(key);
        if self.total {
            return list.binary_search_by_key(&version, |installed| installed.version).ok();
        }
        list.iter().position(|installed| installed.version == version)
    }

    /// Positions of all versions known to come after this one.
    pub fn later(&self, key: Key, position: usize) -> Vec<usize> {
        let list = self.of(key);
        if self.total { (position + 1..list.len()).collect() } else { list[position].later.clone() }
    }

    /// Positions of the versions that come directly before this one.
    pub fn previous(&self, key: Key, position: usize) -> Vec<usize> {
        if self.total {
            return position.checked_sub(1).into_iter().collect();
        }
        let list = self.of(key);
        (0..list.len()).filter(|earlier| list[*earlier].next.contains(&position)).collect()
    }

    /// The first version known to lie between two others.
    pub fn between(&self, key: Key, earlier: Version, later: Version) -> Option<&Installed> {
        let (earlier, later) = (self.position(key, earlier)?, self.position(key, later)?);
        let list = self.of(key);
        if self.total {
            return list.get(earlier + 1..later)?.first();
        }
        list[earlier].later.iter().map(|middle| &list[*middle]).find(|middle| middle.later.contains(&later))
    }

    /// Whether one committed version is known to come before another.
    pub fn precedes(&self, key: Key, earlier: Version, later: Version) -> bool {
        let (Some(earlier), Some(later)) = (self.position(key, earlier), self.position(key, later)) else {
            return false;
        };
        if self.total { earlier < later } else { self.of(key)[earlier].later.contains(&later) }
    }
}

impl Installed {
    fn initial() -> Self {
        Self {
            version: Version::INITIAL,
            transaction: None,
            operation: 0,
            born: false,
            dead: false,
            gap: false,
            next: Vec::new(),
            later_committed: u64::MAX,
            later: Vec::new(),
        }
    }
}

/// What the history proves about two versions of one key.
fn known_before(digest: &Digest<'_>, a: &Installed, b: &Installed) -> bool {
    let Some(writer) = b.transaction else { return false };
    let Some(earlier) = a.transaction else { return true };
    let transaction = &digest.transactions[writer];
    let key_of = |operation: usize| match digest.history.operations()[operation].action {
        super::operation::Action::Write { key, .. } => key,
        _ => unreachable!("installed versions come from writes"),
    };
    let key = key_of(b.operation);
    let replaced = |version| transaction.writes.iter().any(|w| w.key == key && w.replaces == Some(version));
    let read_first = |version| {
        let read = |read: &super::transaction::Read| {
            read.key == key && read.version == version && read.operation < b.operation
        };
        transaction.reads.iter().any(read)
    };
    let committed = digest.transactions[earlier].committed_by();
    replaced(a.version)
        || read_first(a.version)
        || committed.is_some_and(|tick| tick < digest.span(b.operation).start.tick)
}

/// Warshall's transitive closure.
fn closure(mut before: Vec<Vec<bool>>) -> Vec<Vec<bool>> {
    for middle in 0..before.len() {
        for from in 0..before.len() {
            if before[from][middle] {
                let through = before[middle].clone();
                for (to, reaches) in through.into_iter().enumerate() {
                    before[from][to] |= reaches;
                }
            }
        }
    }
    before
}
