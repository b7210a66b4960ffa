//! The ready tasks in order of age, with access by rank.
//!
//! Policies speak of "the k-th oldest ready task", and that rank is what the tape records: 0 is
//! the oldest, so a calm schedule is first in, first out. The structure must push at the young
//! end and take any rank, both in a few nanoseconds for ten tasks and for 10^5. It is an
//! append-only row of slots with one bit for each, and counts of set bits at three levels (64,
//! 1024 and 16384 slots) to find a rank. Taken slots stay as holes until the row is full; then it is
//! compacted, or doubled when more than half is in use. (Rejected: `VecDeque::remove` moves 400 KiB a step at
//! 10^5 tasks; `swap_remove` is fast but loses the order of age; a Fenwick tree has the same
//! complexity with worse constants.)

const WORD: usize = 64;
const GROUP: usize = 16;

/// Ready items, oldest first.
pub struct Ready<T> {
    slots: Vec<Option<T>>,
    bits: Vec<u64>,
    /// Set bits in each word, in each 16 words, in each 256 words.
    words: Vec<u8>,
    groups: Vec<u16>,
    supers: Vec<u32>,
    tail: usize,
    len: usize,
    /// Words before this one have no set bit.
    first_word: usize,
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        Self::with_words(1)
    }
}

impl<T> Ready<T> {
    fn with_words(words: usize) -> Self {
        let mut ready = Self {
            slots: Vec::new(),
            bits: vec![0; words],
            words: vec![0; words],
            groups: vec![0; words.div_ceil(GROUP)],
            supers: vec![0; words.div_ceil(GROUP * GROUP)],
            tail: 0,
            len: 0,
            first_word: 0,
        };
        ready.slots.resize_with(words * WORD, || None);
        ready
    }

    /// Number of ready items.
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
            self.tail = 0;
            self.first_word = 0;
        } else if self.tail == self.slots.len() {
            self.make_room();
        }
        let at = self.tail;
        self.tail += 1;
        self.len += 1;
        self.slots[at] = Some(item);
        let word = at / WORD;
        self.bits[word] |= 1 << (at % WORD);
        self.words[word] += 1;
        self.groups[word / GROUP] += 1;
        self.supers[word / (GROUP * GROUP)] += 1;
    }

    /// Takes the item with this rank; 0 is the oldest.
    ///
    /// # Panics
    ///
    /// If fewer than `rank + 1` items are ready.
    #[inline]
    pub fn take(&mut self, rank: usize) -> T {
        assert!(rank < self.len, "rank {rank} of {} ready items", self.len);
        let at = self.find(rank);
        self.remove(at)
    }

    /// The items, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots[..self.tail].iter().flatten()
    }

    /// Takes out all items for which `wanted` says yes, oldest first.
    pub fn extract(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Vec<T> {
        let hits: Vec<usize> =
            (0..self.tail).filter(|at| self.slots[*at].as_ref().is_some_and(&mut wanted)).collect();
        hits.into_iter().map(|at| self.remove(at)).collect()
    }

    #[inline]
    fn find(&mut self, rank: usize) -> usize {
        while self.words[self.first_word] == 0 {
            self.first_word += 1;
        }
        if rank == 0 {
            return self.first_word * WORD + self.bits[self.first_word].trailing_zeros() as usize;
        }
        let mut left = rank as u32;
        let mut upper = 0;
        while self.supers[upper] <= left {
            left -= self.supers[upper];
            upper += 1;
        }
        let mut group = upper * GROUP;
        while u32::from(self.groups[group]) <= left {
            left -= u32::from(self.groups[group]);
            group += 1;
        }
        let mut word = group * GROUP;
        while u32::from(self.words[word]) <= left {
            left -= u32::from(self.words[word]);
            word += 1;
        }
        word * WORD + select(self.bits[word], left) as usize
    }

    #[inline]
    fn remove(&mut self, at: usize) -> T {
        let word = at / WORD;
        self.bits[word] &= !(1 << (at % WORD));
        self.words[word] -= 1;
        self.groups[word / GROUP] -= 1;
        self.supers[word / (GROUP * GROUP)] -= 1;
        self.len -= 1;
        self.slots[at].take().expect("a set bit marks a filled slot")
    }

    #[cold]
    fn make_room(&mut self) {
        let words = if self.len * 2 > self.slots.len() { self.bits.len() * 2 } else { self.bits.len() };
        let mut roomier = Self::with_words(words);
        for item in self.slots.drain(..).flatten() {
            roomier.push(item);
        }
        *self = roomier;
    }
}

/// Position of the set bit with this rank (0 is the lowest), by halving on counts of set bits.
#[inline]
fn select(bits: u64, rank: u32) -> u32 {
    // Counts of set bits for each pair, nibble, byte, ... of bits.
    let pairs = bits - ((bits >> 1) & 0x5555_5555_5555_5555);
    let nibbles = (pairs & 0x3333_3333_3333_3333) + ((pairs >> 2) & 0x3333_3333_3333_3333);
    let bytes = (nibbles + (nibbles >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    // Byte i of `sums` counts the set bits in bytes 0..=i.
    let sums = bytes.wrapping_mul(0x0101_0101_0101_0101);
    // Count the bytes whose sum is at most `rank`: each leaves its high bit set below.
    let spread = u64::from(rank) * 0x0101_0101_0101_0101;
    let at_most = ((spread | 0x8080_8080_8080_8080) - sums) & 0x8080_8080_8080_8080;
    let byte = at_most.count_ones();
    let before = if byte == 0 { 0 } else { (sums >> (8 * (byte - 1))) as u32 & 0xff };
    let mut rest = (bits >> (8 * byte)) as u8;
    for _ in 0..rank - before {
        rest &= rest - 1;
    }
    8 * byte + rest.trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn select_finds_every_set_bit(bits: u64) {
            let expected: Vec<u32> = (0..64).filter(|bit| bits >> bit & 1 == 1).collect();
            let found: Vec<u32> = (0..bits.count_ones()).map(|rank| select(bits, rank)).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn ranks_are_those_of_a_plain_vector(steps in proptest::collection::vec((any::<bool>(), any::<u32>()), 0..3000)) {
            let (mut ready, mut model) = (Ready::default(), Vec::new());
            for (id, (push, draw)) in steps.into_iter().enumerate() {
                if push || model.is_empty() {
                    ready.push(id);
                    model.push(id);
                } else {
                    let rank = draw as usize % model.len();
                    prop_assert_eq!(ready.take(rank), model.remove(rank));
                }
                prop_assert_eq!(ready.len(), model.len());
            }
            prop_assert_eq!(ready.iter().copied().collect::<Vec<_>>(), model.clone());
            let odd = ready.extract(|id| id % 2 == 1);
            prop_assert_eq!(odd, model.iter().copied().filter(|id| id % 2 == 1).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_hundred_thousand_items_keep_their_order() {
        let mut ready = Ready::default();
        (0..100_000).for_each(|id| ready.push(id));
        // Taking the same rank and adding at the end walks through the younger half.
        for id in 100_000..150_000 {
            assert_eq!(ready.take(50_000), id - 50_000);
            ready.push(id);
        }
        assert_eq!(ready.iter().copied().take(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(ready.len(), 100_000);
    }
}
