//! Items in order of age.
//!
//! A row of slots in order of age, with one bit for each. Taken slots stay as holes until the row has
//! twice as many slots as items; then it is compacted. A rank is found by counting bits, a nanosecond for 64 slots.
//!
//! Rejected: `VecDeque::remove` moves 400 KiB a step at 10^5 tasks; counts at several levels find any rank
//! quickly, but keeping them up to date cost more than all the rest of a step.

const WORD: usize = 64;

/// Items, oldest first. A *slot* names an item until the next push.
pub struct Row<T> {
    slots: Vec<Option<T>>,
    /// One bit for each slot: whether it is filled.
    bits: Vec<u64>,
    /// Slots before `head` are holes, slots from `tail` on were never filled.
    head: usize,
    tail: usize,
    /// The row is compacted when the tail gets here.
    limit: usize,
    len: usize,
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        let mut row = Self { slots: Vec::new(), bits: Vec::new(), head: 0, tail: 0, limit: 0, len: 0 };
        row.extend_to(WORD);
        row
    }
}

impl<T> Row<T> {
    /// Number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is ready.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an item as the youngest.
    #[inline]
    pub fn push(&mut self, item: T) {
        if self.len == 0 {
            // Only holes so far: start over, and small worlds never fill the row.
            self.head = 0;
            self.tail = 0;
        } else if self.tail == self.limit {
            self.compact();
        }
        let at = self.tail;
        self.slots[at] = Some(item);
        self.bits[at / WORD] |= 1 << (at % WORD);
        self.tail = at + 1;
        self.len += 1;
    }

    /// Takes the item in this slot.
    ///
    /// # Panics
    ///
    /// If the slot is a hole.
    #[inline]
    pub fn take(&mut self, slot: usize) -> T {
        let item = self.slots[slot].take().expect("a slot that was chosen is filled");
        self.bits[slot / WORD] &= !(1 << (slot % WORD));
        self.len -= 1;
        if slot == self.head {
            self.head += 1;
        }
        item
    }

    /// The item in this slot, if it is filled.
    pub fn get(&self, slot: usize) -> Option<&T> {
        self.slots.get(slot)?.as_ref()
    }

    /// The slot of the oldest item.
    ///
    /// # Panics
    ///
    /// If nothing is ready.
    #[inline]
    pub fn oldest(&self) -> usize {
        assert!(self.len > 0, "nothing is ready");
        let mut word = self.head / WORD;
        while self.bits[word] == 0 {
            word += 1;
        }
        word * WORD + self.bits[word].trailing_zeros() as usize
    }

    /// How many items are older than the one in this slot.
    pub fn rank(&self, slot: usize) -> usize {
        let (word, bit) = (slot / WORD, slot % WORD);
        let before: u32 = self.bits[self.head / WORD..word].iter().map(|bits| bits.count_ones()).sum();
        (before + (self.bits[word] & ((1 << bit) - 1)).count_ones()) as usize
    }

    /// The slot of the item with this rank; 0 is the oldest.
    ///
    /// # Panics
    ///
    /// If fewer than `rank + 1` items are row.
    pub fn slot(&self, rank: usize) -> usize {
        assert!(rank < self.len, "rank {rank} of {} items", self.len);
        let (mut word, mut left) = (self.head / WORD, rank as u32);
        while self.bits[word].count_ones() <= left {
            left -= self.bits[word].count_ones();
            word += 1;
        }
        let mut bits = self.bits[word];
        for _ in 0..left {
            bits &= bits - 1;
        }
        word * WORD + bits.trailing_zeros() as usize
    }

    /// The items with their slots, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let row = self.slots[self.head..self.tail].iter().enumerate();
        row.filter_map(|(at, item)| Some((self.head + at, item.as_ref()?)))
    }

    /// Takes out all items for which `wanted` says yes, oldest first.
    pub fn extract(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Vec<T> {
        let hits: Vec<usize> = self.iter().filter(|(_, item)| wanted(item)).map(|(slot, _)| slot).collect();
        hits.into_iter().map(|slot| self.take(slot)).collect()
    }

    /// Moves all items to the front and makes room for as many again.
    #[cold]
    #[inline(never)]
    fn compact(&mut self) {
        let mut filled = 0;
        for word in self.head / WORD..self.bits.len() {
            let mut left = std::mem::take(&mut self.bits[word]);
            while left != 0 {
                let at = word * WORD + left.trailing_zeros() as usize;
                left &= left - 1;
                self.slots.swap(filled, at);
                filled += 1;
            }
        }
        for word in 0..filled.div_ceil(WORD) {
            self.bits[word] = u64::MAX >> (WORD - (filled - word * WORD).min(WORD));
        }
        self.head = 0;
        self.tail = filled;
        self.extend_to((filled * 2).next_multiple_of(WORD));
    }

    fn extend_to(&mut self, limit: usize) {
        self.limit = limit;
        if self.slots.len() < limit {
            self.slots.resize_with(limit, || None);
            self.bits.resize(limit / WORD, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranks_are_those_of_a_plain_vector(steps in proptest::collection::vec((any::<bool>(), any::<u32>()), 0..3000)) {
            let (mut row, mut model) = (Row::default(), Vec::new());
            for (id, (push, draw)) in steps.into_iter().enumerate() {
                if push || model.is_empty() {
                    row.push(id);
                    model.push(id);
                } else {
                    let rank = draw as usize % model.len();
                    let slot = row.slot(rank);
                    prop_assert_eq!(row.rank(slot), rank);
                    prop_assert_eq!(row.get(slot), Some(&model[rank]));
                    prop_assert_eq!(row.take(slot), model.remove(rank));
                }
                prop_assert_eq!(row.len(), model.len());
                if let Some(oldest) = model.first() {
                    let slot = row.oldest();
                    prop_assert_eq!(row.get(slot), Some(oldest));
                }
            }
            prop_assert_eq!(row.iter().map(|(_, id)| *id).collect::<Vec<_>>(), model.clone());
            let odd = row.extract(|id| id % 2 == 1);
            prop_assert_eq!(odd, model.iter().copied().filter(|id| id % 2 == 1).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_hundred_thousand_items_keep_their_order() {
        let mut row = Row::default();
        (0..100_000).for_each(|id| row.push(id));
        // Taking the same rank and adding at the end walks through the younger half.
        for id in 100_000..110_000 {
            let slot = row.slot(50_000);
            assert_eq!(row.take(slot), id - 50_000);
            row.push(id);
        }
        assert_eq!(row.iter().map(|(_, id)| *id).take(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(row.len(), 100_000);
    }
}
