//! The tree of an index: leaves of the size of PostgreSQL's pages.
//!
//! Serializable transactions lock leaves, so a leaf here holds about what a page
//! holds there: it splits when its entries would fill 8 KiB, in the middle, or at nine
//! tenths when it is the last and grows at its end. Above the leaves are two levels of
//! vectors of shared pointers: enough for any table that fits in memory, with
//! nothing to rebalance, and a fork shares all of it until it writes.
//!
//! Entries with equal keys are in the order of their rows' places, as in PostgreSQL.

use std::{cmp::Ordering, ops::Bound};

use super::order::compare_prefix;
use crate::{
    engine::{
        definition::{Key, KeyOrder},
        heap::index_entry_bytes,
        id::Tid,
        shared::Shared,
    },
    value::Value,
};

/// Number of a leaf; a leaf keeps it.
pub(crate) type LeafId = u32;

/// Bytes of a page for entries and high key: 8192 less header and special space.
const LEAF_BYTES: i64 = 8192 - 24 - 16;
/// What PostgreSQL keeps free in a high key for a row's place.
const HIGH_KEY_EXTRA_BYTES: i64 = 8;
const LEAVES_MAX: usize = 256;
/// A separator's place when the keys around it differ: below every real place, as PostgreSQL's truncated high keys.
const TRUNCATED: Tid = Tid { block: 0, offset: 0 };

#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) id: LeafId,
    pub(crate) entries: Vec<(Key, Tid)>,
    bytes: i64,
}

#[derive(Clone, Debug)]
struct Branch {
    leaves: Vec<Shared<Leaf>>,
    /// `lows[i]` separates leaf `i` from the one before; the very first is never looked at
    lows: Vec<(Key, Tid)>,
}

/// A sorted multiset of (key, place).
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    branches: Vec<Shared<Branch>>,
    lows: Vec<(Key, Tid)>,
    next_leaf: LeafId,
    len: u64,
}

/// A leaf that split: the new one has the upper entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) old: LeafId,
    pub(crate) new: LeafId,
}

/// Where in the tree: branch and leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeafPosition {
    branch: usize,
    leaf: usize,
}

fn compare_entry(orders: &[KeyOrder], entry: &(Key, Tid), key: &[Value], tid: Tid) -> Ordering {
    compare_prefix(orders, entry.0.values(), key).then(entry.1.cmp(&tid))
}

/// The last index whose separator is not above what is sought, where `is_after` tells of a separator whether it is.
fn child(lows: &[(Key, Tid)], is_after: impl Fn(&(Key, Tid)) -> bool) -> usize {
    lows[1..].partition_point(|low| !is_after(low))
}

impl Tree {
    /// How many entries.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was ever inserted: PostgreSQL has no root page then.
    pub(crate) fn has_no_root(&self) -> bool {
        self.branches.is_empty()
    }

    fn position(&self, is_after: impl Fn(&(Key, Tid)) -> bool) -> Option<LeafPosition> {
        if self.branches.is_empty() {
            return None;
        }
        let branch = child(&self.lows, &is_after);
        let leaf = child(&self.branches[branch].lows, &is_after);
        Some(LeafPosition { branch, leaf })
    }

    pub(crate) fn leaf(&self, at: LeafPosition) -> &Leaf {
        &self.branches[at.branch].leaves[at.leaf]
    }

    /// The leaf in which an entry belongs.
    pub(crate) fn leaf_for(&self, orders: &[KeyOrder], key: &[Value], tid: Tid) -> Option<LeafPosition> {
        self.position(|low| compare_entry(orders, low, key, tid).is_gt())
    }

    /// The leaf with the last entry below this one.
    pub(crate) fn leaf_before(&self, orders: &[KeyOrder], key: &[Value], tid: Tid) -> Option<LeafPosition> {
        self.position(|low| compare_entry(orders, low, key, tid).is_ge())
    }

    /// The leaf with the first entry not below the bound.
    pub(crate) fn first_leaf(&self, orders: &[KeyOrder], lower: Bound<&[Value]>) -> Option<LeafPosition> {
        match lower {
            Bound::Unbounded => self.position(|_| true),
            Bound::Included(key) => self.position(|low| {
                let order = compare_prefix(orders, low.0.values(), key);
                order.is_gt() || (order.is_eq() && !(low.1 == TRUNCATED && key.len() == low.0.values().len()))
            }),
            Bound::Excluded(key) => self.position(|low| compare_prefix(orders, low.0.values(), key).is_gt()),
        }
    }

    /// The leaf with the last entry not above the bound.
    pub(crate) fn last_leaf(&self, orders: &[KeyOrder], upper: Bound<&[Value]>) -> Option<LeafPosition> {
        match upper {
            Bound::Unbounded => self.position(|_| false),
            Bound::Included(key) => self.position(|low| compare_prefix(orders, low.0.values(), key).is_gt()),
            Bound::Excluded(key) => self.position(|low| compare_prefix(orders, low.0.values(), key).is_ge()),
        }
    }

    /// The leaf to the right, with its separator.
    pub(crate) fn next(&self, at: LeafPosition) -> Option<(LeafPosition, &(Key, Tid))> {
        let branch = &self.branches[at.branch];
        if at.leaf + 1 < branch.leaves.len() {
            let next = LeafPosition { branch: at.branch, leaf: at.leaf + 1 };
            return Some((next, &branch.lows[next.leaf]));
        }
        let next = LeafPosition { branch: at.branch + 1, leaf: 0 };
        self.lows.get(next.branch).map(|low| (next, low))
    }

    /// The leaf to the left, with the separator between.
    pub(crate) fn previous(&self, at: LeafPosition) -> Option<(LeafPosition, &(Key, Tid))> {
        if at.leaf > 0 {
            let low = &self.branches[at.branch].lows[at.leaf];
            return Some((LeafPosition { branch: at.branch, leaf: at.leaf - 1 }, low));
        }
        let branch = at.branch.checked_sub(1)?;
        let leaf = self.branches[branch].leaves.len() - 1;
        Some((LeafPosition { branch, leaf }, &self.lows[at.branch]))
    }

    /// Puts an entry in; answers its leaf, and the split that this took.
    pub(crate) fn insert(&mut self, orders: &[KeyOrder], key: Key, tid: Tid) -> (LeafId, Option<Split>) {
        let bytes = entry_bytes(&key);
        self.len += 1;
        let Some(at) = self.leaf_for(orders, key.values(), tid) else {
            self.next_leaf = 2;
            let low = (key.clone(), tid);
            let leaf = Leaf { id: 1, entries: vec![(key, tid)], bytes };
            let branch = Branch { leaves: vec![Shared::new(leaf)], lows: vec![low.clone()] };
            self.branches.push(Shared::new(branch));
            self.lows.push(low);
            return (1, None);
        };
        let is_last_branch = at.branch + 1 == self.branches.len();
        let branch = Shared::make_mut(&mut self.branches[at.branch]);
        let is_rightmost = is_last_branch && at.leaf + 1 == branch.leaves.len();
        let leaf = Shared::make_mut(&mut branch.leaves[at.leaf]);
        let place = leaf.entries.partition_point(|e| compare_entry(orders, e, key.values(), tid).is_lt());
        if leaf.entries.len() == leaf.entries.capacity() {
            // Doubling would leave half of a full leaf empty for good.
            leaf.entries.reserve_exact(leaf.entries.len() / 8 + 8);
        }
        leaf.entries.insert(place, (key, tid));
        leaf.bytes += bytes;
        let home = leaf.id;
        // A leaf that is not the last has a high key, of about the size of an entry.
        let high_key = if is_rightmost { 0 } else { bytes };
        if leaf.bytes <= LEAF_BYTES - high_key {
            return (home, None);
        }
        let keep = split_point(&leaf.entries, leaf.bytes, is_rightmost, high_key);
        let split = Split { old: leaf.id, new: self.next_leaf };
        self.next_leaf += 1;
        let place_is_left = place < keep;
        let right = split_leaf(leaf, split.new, keep);
        let mut low = right.entries[0].clone();
        if branch.leaves[at.leaf].entries.last().is_none_or(|(last, _)| *last != low.0) {
            low.1 = TRUNCATED;
        }
        branch.leaves.insert(at.leaf + 1, Shared::new(right));
        branch.lows.insert(at.leaf + 1, low);
        if branch.leaves.len() > LEAVES_MAX {
            self.split_branch(at.branch);
        }
        (if place_is_left { split.old } else { split.new }, Some(split))
    }

    fn split_branch(&mut self, at: usize) {
        let grows_at_end = at + 1 == self.branches.len();
        let branch = Shared::make_mut(&mut self.branches[at]);
        let keep = if grows_at_end { LEAVES_MAX - 8 } else { LEAVES_MAX / 2 };
        let right = Branch { leaves: branch.leaves.split_off(keep), lows: branch.lows.split_off(keep) };
        self.lows.insert(at + 1, right.lows[0].clone());
        self.branches.insert(at + 1, Shared::new(right));
    }

    /// Takes an entry out, if it is there. Leaves stay, empty or not.
    pub(crate) fn remove(&mut self, orders: &[KeyOrder], key: &[Value], tid: Tid) -> bool {
        let Some(at) = self.leaf_for(orders, key, tid) else { return false };
        let found = self.leaf(at).entries.binary_search_by(|e| compare_entry(orders, e, key, tid));
        let Ok(place) = found else { return false };
        let branch = Shared::make_mut(&mut self.branches[at.branch]);
        let leaf = Shared::make_mut(&mut branch.leaves[at.leaf]);
        leaf.entries.remove(place);
        leaf.bytes -= i64::from(index_entry_bytes(key));
        self.len -= 1;
        true
    }

    /// VACUUM: drops empty leaves, but for one; answers each with the leaf that has its range of keys now.
    pub(crate) fn drop_empty_leaves(&mut self) -> Vec<Split> {
        let mut dropped: Vec<LeafId> = Vec::new();
        let mut heirs: Vec<Split> = Vec::new();
        let mut previous: Option<LeafId> = None;
        let mut left = self.branches.iter().map(|branch| branch.leaves.len()).sum::<usize>();
        for branch in &mut self.branches {
            if branch.leaves.iter().all(|leaf| !leaf.entries.is_empty()) {
                previous = branch.leaves.last().map(|leaf| leaf.id);
                continue;
            }
            let branch = Shared::make_mut(branch);
            let mut lows = std::mem::take(&mut branch.lows).into_iter();
            branch.leaves.retain(|leaf| {
                let low = lows.next().expect("every leaf has a separator");
                let goes = leaf.entries.is_empty() && left > 1;
                if !goes {
                    branch.lows.push(low);
                    // Leaves before the first that stays: it has their keys.
                    heirs.extend(dropped.drain(..).map(|old| Split { old, new: leaf.id }));
                    previous = Some(leaf.id);
                    return true;
                }
                left -= 1;
                match previous {
                    Some(heir) => heirs.push(Split { old: leaf.id, new: heir }),
                    None => dropped.push(leaf.id),
                }
                false
            });
        }
        if !heirs.is_empty() || !dropped.is_empty() {
            self.branches.retain(|branch| !branch.leaves.is_empty());
            self.lows = self.branches.iter().map(|branch| branch.lows[0].clone()).collect();
            if let Some(first) = self.branches.first().and_then(|branch| branch.leaves.first()) {
                heirs.extend(dropped.drain(..).map(|old| Split { old, new: first.id }));
            }
        }
        heirs
    }

    /// Every entry, in order.
    #[cfg(test)]
    pub(crate) fn entries(&self) -> impl Iterator<Item = &(Key, Tid)> {
        self.branches.iter().flat_map(|b| b.leaves.iter()).flat_map(|l| l.entries.iter())
    }
}

fn entry_bytes(key: &Key) -> i64 {
    i64::from(index_entry_bytes(key.values()))
}

/// How many entries stay when a leaf splits, as PostgreSQL chooses: halves, or nine tenths of the last leaf.
fn split_point(entries: &[(Key, Tid)], bytes: i64, is_rightmost: bool, high_key: i64) -> usize {
    let mut left = 0;
    let mut best = (i64::MAX, 1);
    for at in 1..entries.len() {
        left += entry_bytes(&entries[at - 1].0);
        let left_free = LEAF_BYTES - left - entry_bytes(&entries[at].0) - HIGH_KEY_EXTRA_BYTES;
        let right_free = LEAF_BYTES - high_key - (bytes - left);
        let off = if is_rightmost { 9 * left_free - right_free } else { left_free - right_free };
        if left_free >= 0 && right_free >= 0 && off.abs() < best.0 {
            best = (off.abs(), at);
        }
    }
    best.1
}

/// Moves the entries from `keep` on into a new leaf.
fn split_leaf(leaf: &mut Leaf, id: LeafId, keep: usize) -> Leaf {
    let entries = leaf.entries.split_off(keep);
    leaf.entries.shrink_to_fit();
    let moved = entries.iter().map(|(key, _)| entry_bytes(key)).sum();
    leaf.bytes -= moved;
    Leaf { id, entries, bytes: moved }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tid(n: i64) -> Tid {
        Tid { block: (n / 100) as u32, offset: (n % 100) as u16 + 1 }
    }

    fn key(n: i64) -> Key {
        Key::One(Value::Int8(n))
    }

    #[test]
    fn entries_come_out_sorted_whatever_the_order_they_went_in() {
        let mut tree = Tree::default();
        let count = 20_000;
        for n in 0..count {
            let n = n * 7_919 % count;
            tree.insert(&[], key(n), tid(n));
        }
        assert_eq!(tree.len(), count as u64);
        assert!(tree.entries().eq((0..count).map(|n| (key(n), tid(n))).collect::<Vec<_>>().iter()));
    }

    #[test]
    fn what_was_removed_is_gone_and_the_rest_is_not() {
        let mut tree = Tree::default();
        for n in 0..2_000 {
            tree.insert(&[], key(n), tid(n));
        }
        for n in (0..2_000).step_by(2) {
            assert!(tree.remove(&[], key(n).values(), tid(n)), "{n} was there");
            assert!(!tree.remove(&[], key(n).values(), tid(n)), "{n} is gone");
        }
        assert!(tree.entries().all(|(k, _)| k.values()[0].as_i64().is_some_and(|n| n % 2 == 1)));
    }

    #[test]
    fn empty_leaves_go_and_what_comes_later_finds_its_place() {
        let mut tree = Tree::default();
        let count = 200_000;
        for n in 0..count {
            tree.insert(&[], key(n), tid(n));
        }
        let kept = |n: i64| n % 50_000 > 49_000;
        for n in (0..count).filter(|n| !kept(*n)) {
            assert!(tree.remove(&[], key(n).values(), tid(n)));
        }
        assert!(tree.drop_empty_leaves().len() > 400);
        assert!(tree.drop_empty_leaves().is_empty());
        assert!(
            tree.entries().eq((0..count)
                .filter(|n| kept(*n))
                .map(|n| (key(n), tid(n)))
                .collect::<Vec<_>>()
                .iter())
        );
        for n in (0..count).filter(|n| !kept(*n)) {
            tree.insert(&[], key(n), tid(n));
        }
        assert!(tree.entries().eq((0..count).map(|n| (key(n), tid(n))).collect::<Vec<_>>().iter()));
        for n in 0..count {
            assert!(tree.remove(&[], key(n).values(), tid(n)), "{n} is found");
        }
        tree.drop_empty_leaves();
        assert!(!tree.has_no_root());
        tree.insert(&[], key(5), tid(5));
        assert!(tree.remove(&[], key(5).values(), tid(5)));
    }

    #[test]
    fn an_ascending_load_leaves_366_integers_a_leaf() {
        let mut tree = Tree::default();
        let splits = (0..366 * 4)
            .filter(|n| tree.insert(&[], Key::One(Value::Int4(*n)), tid(i64::from(*n))).1.is_some());
        assert_eq!(splits.count(), 3);
        let first = tree.first_leaf(&[], Bound::Unbounded).expect("the tree has leaves");
        assert_eq!(tree.leaf(first).entries.len(), 366);
    }
}
