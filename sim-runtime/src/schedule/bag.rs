//! Items in no order, for a policy that asks for none.
//!
//! A uniform choice takes one draw and one look, and the place of what was taken is filled with the last item: with
//! 10^5 tasks half the memory of a [`Row`](super::row::Row) and no holes to draw again for. Ages are kept only for a
//! tape that is written, whose ranks are then counted, a nanosecond for some ten items.
//!
//! With many items each step meets memory the processor has not seen for long, so the words of the next choices are
//! drawn ahead and what they will probably choose is asked for early. A guess that fails costs nothing but the time saved.
//! It mostly holds although items come and go meanwhile, because a word is first tried as a slot below a power of two.

use crate::tape::Generator;
use rand_chacha::rand_core::Rng;
use std::cell::Cell;
use std::hint::select_unpredictable;

/// Words drawn ahead; a power of two.
const AHEAD: usize = 8;
/// Choices between asking for an item's memory and using it: some hundreds of nanoseconds.
const NEAR: usize = 4;
/// With fewer items all of them are near.
const FEW: usize = 256;

/// Items in no order. A *slot* names an item until the next push or take.
pub struct Bag<T> {
    items: Vec<T>,
    /// When each item came, if that is kept.
    ages: Option<Vec<u64>>,
    came: u64,
    /// The words of the next choices, in a ring.
    ahead: [Cell<u64>; AHEAD],
    turn: Cell<usize>,
}

impl<T> Bag<T> {
    /// An empty bag, which keeps ages or not.
    pub fn new(keeps_ages: bool) -> Self {
        Self {
            items: Vec::with_capacity(64),
            ages: keeps_ages.then(Vec::new),
            came: 0,
            ahead: Default::default(),
            turn: Cell::new(0),
        }
    }

    /// Number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Adds an item as the youngest.
    #[inline]
    pub fn push(&mut self, item: T) {
        self.items.push(item);
        if let Some(ages) = &mut self.ages {
            ages.push(self.came);
            self.came += 1;
        }
    }

    /// Takes the item in this slot.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[inline]
    pub fn take(&mut self, slot: usize) -> T {
        if let Some(ages) = &mut self.ages {
            ages.swap_remove(slot);
        }
        self.items.swap_remove(slot)
    }

    /// The item in this slot, if there is one.
    #[inline]
    pub fn get(&self, slot: usize) -> Option<&T> {
        self.items.get(slot)
    }

    /// The slot of the oldest item; of any one when ages are not kept.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[inline]
    pub fn oldest(&self) -> usize {
        assert!(!self.items.is_empty(), "nothing is ready");
        let Some(ages) = &self.ages else { return 0 };
        let oldest = ages.iter().enumerate().min_by_key(|(_, age)| **age);
        oldest.map_or(0, |(slot, _)| slot)
    }

    /// The slot of any item, each as likely as any other. `call` asks for the memory of an item that will probably be
    /// chosen soon. For fewer than 2^32 items.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[inline]
    pub fn uniform(&self, generator: &mut Generator, call: impl FnOnce(&T)) -> usize {
        let count = self.items.len();
        assert!(count > 0, "nothing is ready");
        let turn = self.turn.get();
        self.turn.set(turn + 1);
        if turn == 0 {
            self.ahead.iter().for_each(|word| word.set(generator.next_u64()));
        }
        let mask = usize::MAX >> ((count - 1) | 1).leading_zeros();
        let slot = |turn: usize| {
            // Two independent halves: the lower one masked if that is a slot, otherwise the upper one scaled.
            let word = self.ahead[turn % AHEAD].get();
            let masked = word as u32 as usize & mask;
            let scaled = ((word >> 32).wrapping_mul(count as u64) >> 32) as usize;
            select_unpredictable(masked < count, masked, scaled)
        };
        let chosen = slot(turn);
        self.ahead[turn % AHEAD].set(generator.next_u64());
        if count > FEW {
            call(&self.items[slot(turn + NEAR)]);
            sim_host::prefetch(&self.items[slot(turn + AHEAD)]);
        }
        chosen
    }

    /// How many items are older than the one in this slot; 0 when ages are not kept.
    pub fn rank(&self, slot: usize) -> usize {
        let Some(ages) = &self.ages else { return 0 };
        let own = ages[slot];
        ages.iter().filter(|age| **age < own).count()
    }

    /// The items with their slots, oldest first; in order of slot when ages are not kept.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let mut slots: Vec<usize> = (0..self.items.len()).collect();
        if let Some(ages) = &self.ages {
            slots.sort_unstable_by_key(|slot| ages[*slot]);
        }
        slots.into_iter().map(|slot| (slot, &self.items[slot]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::rand_core::SeedableRng;

    proptest! {
        #[test]
        fn ranks_are_those_of_a_plain_vector(steps in proptest::collection::vec((any::<bool>(), any::<u32>()), 0..1000)) {
            let (mut bag, mut bare, mut model) = (Bag::new(true), Bag::new(false), Vec::new());
            for (id, (push, draw)) in steps.into_iter().enumerate() {
                if push || model.is_empty() {
                    bag.push(id);
                    bare.push(id);
                    model.push(id);
                } else {
                    let slot = draw as usize % model.len();
                    let rank = bag.rank(slot);
                    prop_assert_eq!(bag.get(slot), Some(&model[rank]));
                    let taken = bag.take(slot);
                    prop_assert_eq!(taken, model.remove(rank));
                    // Ages change nothing about who is where.
                    prop_assert_eq!(bare.take(slot), taken);
                }
                if let Some(oldest) = model.first() {
                    prop_assert_eq!(bag.get(bag.oldest()), Some(oldest));
                }
            }
            prop_assert_eq!(bag.iter().map(|(_, id)| *id).collect::<Vec<_>>(), model);
        }
    }

    #[test]
    fn a_uniform_choice_is_uniform_also_while_items_come_and_go() {
        let mut bag = Bag::new(false);
        (0..1_000).for_each(|id| bag.push(id));
        let mut generator = Generator::seed_from_u64(1);
        let mut counts = [0_u32; 10];
        for _ in 0..100_000 {
            let slot = bag.uniform(&mut generator, |_| {});
            let id = bag.take(slot);
            counts[id / 100] += 1;
            bag.push(id);
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
