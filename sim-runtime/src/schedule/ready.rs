//! The ready tasks.
//!
//! Policies speak of "the k-th oldest ready task", and that rank is what the tape records: 0 is
//! the oldest, so a calm schedule is first in, first out. But ranks are needed only where a tape is
//! written or repeated. A sweep draws millions of picks and keeps none; and the uniform policy, which looks at nothing,
//! needs no order at all. So there are two structures: a [`Row`] in order of age, and a [`Bag`] for uniform picks.
//! Which one serves never depends on whether the run is recorded: a seed picks alike in both cases.

use super::bag::Bag;
use super::row::Row;
use crate::tape::{Generator, uniform};

/// Ready items. A *slot* names an item until the next push or take.
pub enum Ready<T> {
    /// In order of age.
    Row(Row<T>),
    /// In no order, for uniform picks.
    Bag(Bag<T>),
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Self::Row(Row::default())
    }
}

impl<T> Ready<T> {
    /// Number of ready items.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Row(row) => row.len(),
            Self::Bag(bag) => bag.len(),
        }
    }

    /// Whether nothing is ready.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an item as the youngest.
    #[inline]
    pub fn push(&mut self, item: T) {
        match self {
            Self::Row(row) => row.push(item),
            Self::Bag(bag) => bag.push(item),
        }
    }

    /// Takes the item in this slot.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[inline]
    pub fn take(&mut self, slot: usize) -> T {
        match self {
            Self::Row(row) => row.take(slot),
            Self::Bag(bag) => bag.take(slot),
        }
    }

    /// The item in this slot, if there is one.
    #[inline]
    pub fn get(&self, slot: usize) -> Option<&T> {
        match self {
            Self::Row(row) => row.get(slot),
            Self::Bag(bag) => bag.get(slot),
        }
    }

    /// The slot of the oldest item; in a bag of an unrecorded run, of any one.
    ///
    /// # Panics
    ///
    /// If nothing is ready.
    #[inline]
    pub fn oldest(&self) -> usize {
        match self {
            Self::Row(row) => row.oldest(),
            Self::Bag(bag) => bag.oldest(),
        }
    }

    /// The slot of any item, each as likely as any other. `call` may ask for the memory of an item that will probably be
    /// chosen soon.
    ///
    /// # Panics
    ///
    /// If nothing is ready.
    #[inline]
    pub fn uniform(&self, generator: &mut Generator, call: impl FnOnce(&T)) -> usize {
        match self {
            Self::Row(row) => row.slot(uniform(generator, row.len() as u64) as usize),
            Self::Bag(bag) => bag.uniform(generator, call),
        }
    }

    /// How many items are older than the one in this slot.
    pub fn rank(&self, slot: usize) -> usize {
        match self {
            Self::Row(row) => row.rank(slot),
            Self::Bag(bag) => bag.rank(slot),
        }
    }

    /// The slot of the item with this rank; 0 is the oldest.
    ///
    /// # Panics
    ///
    /// If fewer than `rank + 1` items are ready.
    pub fn slot(&self, rank: usize) -> usize {
        match self {
            Self::Row(row) => row.slot(rank),
            // Only a tape that is repeated asks, and its run has a row.
            Self::Bag(bag) => bag.iter().nth(rank).expect("fewer items are ready").0,
        }
    }

    /// Visits the items with their slots, oldest first.
    pub fn visit(&self, mut visitor: impl FnMut(usize, &T)) {
        match self {
            Self::Row(row) => row.iter().for_each(|(slot, item)| visitor(slot, item)),
            Self::Bag(bag) => bag.iter().for_each(|(slot, item)| visitor(slot, item)),
        }
    }

    /// Takes out all items for which `wanted` says yes, in no particular order.
    pub fn extract(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut hits = Vec::new();
        self.visit(|slot, item| {
            if wanted(item) {
                hits.push(slot);
            }
        });
        // From the last slot down: taking one moves only what lies behind it.
        hits.sort_unstable_by(|a, b| b.cmp(a));
        hits.into_iter().map(|slot| self.take(slot)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_extracted_is_what_was_wanted() {
        for mut ready in [Ready::Row(Row::default()), Ready::Bag(Bag::new(false))] {
            (0..100).for_each(|id| ready.push(id));
            let mut odd = ready.extract(|id| id % 2 == 1);
            odd.sort_unstable();
            assert_eq!(odd, (0..100).filter(|id| id % 2 == 1).collect::<Vec<_>>());
            let mut left = Vec::new();
            ready.visit(|_, id| left.push(*id));
            left.sort_unstable();
            assert_eq!(left, (0..100).filter(|id| id % 2 == 0).collect::<Vec<_>>());
        }
    }
}
