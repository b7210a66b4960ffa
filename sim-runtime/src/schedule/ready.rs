//! The ready tasks in order of age, with access by rank.
//!
//! Policies speak of "the k-th oldest ready task", and that rank is what the tape records: 0 is
//! the oldest, so a calm schedule is first in, first out. The structure must push at the young
//! end and take any rank, both in a few nanoseconds for ten tasks and for 10^5.
//!
//! It is an append-only row of slots with one bit for each. Taken slots stay as holes until the
//! row is full; then it is compacted, or doubled when more than half is in use. To find a rank,
//! words of 64 bits stand in groups of 32 and groups in bands of 32, and each knows how many bits
//! are set *before* it in its group or band: finding compares 32 such counts at once, taking
//! decrements the later ones of 32 at once, and pushing touches none, since nothing is after the
//! tail. Neither loop has a branch that could be mispredicted; compilers make vectors of both.
//! One word is enough for 64 slots, one group for 2,048.
//!
//! Rejected: `VecDeque::remove` moves 400 KiB a step at 10^5 tasks; `swap_remove` is fast but
//! loses the order of age; plain counts searched one after the other mispredict their end at
//! each level (twice as slow at 1,000 tasks); a Fenwick tree has twelve dependent loads.

const WORD: usize = 64;
/// Words in a group and groups in a band.
const FAN: usize = 32;
const GROUP: usize = FAN * WORD;
const BAND: usize = FAN * GROUP;

/// Where the tail has not been, the counts are above any rank even after as many decrements as
/// there are slots.
const UNUSED_WORD: i16 = i16::MAX;
const UNUSED_GROUP: i32 = i32::MAX;

/// Ready items, oldest first.
pub struct Ready<T> {
    slots: Vec<Option<T>>,
    bits: Vec<u64>,
    /// Set bits before each word in its group.
    words: Vec<[i16; FAN]>,
    /// Set bits before each group in its band.
    groups: Vec<[i32; FAN]>,
    /// Set bits before each band that the tail has reached.
    bands: Vec<i32>,
    tail: usize,
    len: usize,
    /// Words before this one have no set bit.
    first_word: usize,
}

impl<T> Default for Ready<T> {
    fn default() -> Self {
        let mut ready = Self {
            slots: Vec::new(),
            bits: Vec::new(),
            words: Vec::new(),
            groups: Vec::new(),
            bands: Vec::new(),
            tail: 0,
            len: 0,
            first_word: 0,
        };
        ready.resize(1);
        ready
    }
}

impl<T> Ready<T> {
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
            if self.tail > WORD {
                self.start_over();
            }
            self.tail = 0;
        } else if self.tail == self.slots.len() {
            self.make_room();
        }
        self.place(item);
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
    fn place(&mut self, item: T) {
        let at = self.tail;
        let word = at / WORD;
        if at.is_multiple_of(WORD) {
            self.enter(word);
        }
        self.slots[at] = Some(item);
        self.bits[word] |= 1 << (at % WORD);
        self.tail += 1;
        self.len += 1;
    }

    /// The tail has reached this word: all that is in the row is before it.
    fn enter(&mut self, word: usize) {
        let (group, band) = (word / FAN, word / (FAN * FAN));
        let mut before = self.len as i32;
        if band == self.bands.len() {
            self.bands.push(before);
        }
        before -= self.bands[band];
        let of_group = &mut self.groups[band][group % FAN];
        if word.is_multiple_of(FAN) {
            *of_group = before;
        }
        self.words[group][word % FAN] = (before - *of_group) as i16;
    }

    #[inline]
    fn find(&mut self, rank: usize) -> usize {
        if rank == 0 {
            while self.bits[self.first_word] == 0 {
                self.first_word += 1;
            }
            return self.first_word * WORD + self.bits[self.first_word].trailing_zeros() as usize;
        }
        let (mut rank, mut word) = (rank as i32, 0);
        if self.tail > WORD {
            let mut group = 0;
            if self.tail > GROUP {
                // The last that has no more before it than this rank.
                let band = self.bands.iter().rposition(|before| *before <= rank).unwrap_or(0);
                rank -= self.bands[band];
                let before = &self.groups[band];
                // Minus one for each with `before <= rank`: in this form compilers make vectors of it.
                let minus: i32 = before.iter().map(|before| (before - rank - 1) >> 31).sum();
                let inner = !minus as usize;
                rank -= before[inner];
                group = band * FAN + inner;
            }
            let before = &self.words[group];
            let mut minus = [0; 8];
            for eight in before.as_chunks::<8>().0 {
                for (minus, before) in minus.iter_mut().zip(eight) {
                    *minus += (before - rank as i16 - 1) >> 15;
                }
            }
            let inner = !minus.iter().sum::<i16>() as usize;
            rank -= i32::from(before[inner]);
            word = group * FAN + inner;
        }
        word * WORD + select(self.bits[word], rank as u32) as usize
    }

    #[inline]
    fn remove(&mut self, at: usize) -> T {
        let word = at / WORD;
        self.bits[word] &= !(1 << (at % WORD));
        self.len -= 1;
        if self.tail > WORD {
            let (group, band) = (word / FAN, word / (FAN * FAN));
            let after = AFTER[word % FAN];
            for (before, after) in self.words[group].iter_mut().zip(after) {
                *before -= after;
            }
            if self.tail > GROUP {
                let after = AFTER[group % FAN];
                for (before, after) in self.groups[band].iter_mut().zip(after) {
                    *before -= i32::from(after);
                }
                for before in &mut self.bands[band + 1..] {
                    *before -= 1;
                }
            }
        }
        self.slots[at].take().expect("a set bit marks a filled slot")
    }

    /// Moves all items to the front of the row, doubling it if that would not leave half of it free.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self) {
        let mut items = 0;
        for word in 0..self.bits.len() {
            let mut left = std::mem::take(&mut self.bits[word]);
            while left != 0 {
                let at = word * WORD + left.trailing_zeros() as usize;
                left &= left - 1;
                self.slots.swap(items, at);
                items += 1;
            }
        }
        if items * 2 > self.slots.len() {
            self.resize(self.bits.len() * 2);
        }
        self.start_over();
        while self.len < items {
            let word = self.len / WORD;
            self.enter(word);
            let here = (items - self.len).min(WORD);
            self.bits[word] = u64::MAX >> (WORD - here);
            self.len += here;
        }
        self.tail = items;
    }

    /// Forgets all counts, when there are only holes.
    #[cold]
    #[inline(never)]
    fn start_over(&mut self) {
        self.words[..self.tail.div_ceil(GROUP)].fill([UNUSED_WORD; FAN]);
        self.groups[..self.tail.div_ceil(BAND)].fill([UNUSED_GROUP; FAN]);
        self.bands.clear();
        (self.tail, self.len, self.first_word) = (0, 0, 0);
    }

    fn resize(&mut self, words: usize) {
        self.slots.resize_with(words * WORD, || None);
        self.bits.resize(words, 0);
        self.words.resize(words.div_ceil(FAN), [UNUSED_WORD; FAN]);
        self.groups.resize(words.div_ceil(FAN * FAN), [UNUSED_GROUP; FAN]);
    }
}

/// For each neighbour, 1 for those after it.
static AFTER: [[i16; FAN]; FAN] = {
    let mut table = [[0; FAN]; FAN];
    let mut from = 0;
    while from < FAN {
        let mut index = from + 1;
        while index < FAN {
            table[from][index] = 1;
            index += 1;
        }
        from += 1;
    }
    table
};

/// Position of the set bit with this rank (0 is the lowest): the byte by adding up counts of set
/// bits, the bit within it by table.
#[inline]
fn select(bits: u64, rank: u32) -> u32 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Counts of set bits for each pair, nibble, byte of bits.
    let pairs = bits - ((bits >> 1) & 0x5555_5555_5555_5555);
    let nibbles = (pairs & 0x3333_3333_3333_3333) + ((pairs >> 2) & 0x3333_3333_3333_3333);
    let bytes = (nibbles + (nibbles >> 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    // Byte i of `sums` counts the set bits in bytes 0..=i.
    let sums = bytes.wrapping_mul(EACH);
    // Count the bytes whose sum is at most `rank`: each leaves its high bit set.
    let at_most = (((u64::from(rank) * EACH) | 0x8080_8080_8080_8080) - sums) >> 7 & EACH;
    let byte = at_most.wrapping_mul(EACH) >> 56;
    let before = (sums << 8) >> (8 * byte) & 0xff;
    let bits = bits >> (8 * byte) & 0xff;
    8 * byte as u32 + u32::from(SELECT[bits as usize][(u64::from(rank) - before) as usize & 7])
}

/// Position of the set bit with each rank, for each byte.
static SELECT: [[u8; 8]; 256] = {
    let mut table = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut rank) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                table[byte][rank] = bit as u8;
                rank += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
};

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
