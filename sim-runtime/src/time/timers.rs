//! Pending deadlines.
//!
//! A binary heap of small plain entries, with wakers kept aside in slots. Cancelling empties the
//! slot and leaves the entry to be skipped when it comes up; when most entries are such husks the
//! heap is rebuilt. So arming, cancelling and firing are O(log n) at worst, and 10^5 pending
//! timers cost 24 bytes of heap each. (A timer wheel was rejected: it is faster only for dense
//! deadlines, and simulated time is sparse.)

use super::Nanos;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;

/// Names one armed timer; stale once it has fired or was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerKey {
    slot: u32,
    generation: u32,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    waker: Option<Waker>,
}

/// All pending timers of a run. Timers with the same deadline fire in the order they were armed.
#[derive(Default)]
pub struct Timers {
    /// (deadline, order of arming, slot, generation)
    heap: BinaryHeap<Reverse<(Nanos, u64, u32, u32)>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    armed: u64,
    husks: usize,
}

/// Below this many husks the heap is never rebuilt.
const HUSKS_MIN: usize = 64;

impl Timers {
    /// Arms a timer: `waker` is woken once time reaches `deadline`.
    pub fn arm(&mut self, deadline: Nanos, waker: Waker) -> TimerKey {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 timers")
        });
        let generation = self.slots[slot as usize].generation;
        self.slots[slot as usize].waker = Some(waker);
        self.heap.push(Reverse((deadline, self.armed, slot, generation)));
        self.armed += 1;
        TimerKey { slot, generation }
    }

    /// Replaces the waker of a timer that is still pending; false if it is not.
    pub fn rewake(&mut self, key: TimerKey, waker: &Waker) -> bool {
        match self.slots.get_mut(key.slot as usize) {
            Some(Slot { generation, waker: Some(current) }) if *generation == key.generation => {
                current.clone_from(waker);
                true
            }
            _ => false,
        }
    }

    /// Cancels a timer and hands back its waker; `None` if it has fired or was cancelled.
    pub fn cancel(&mut self, key: TimerKey) -> Option<Waker> {
        let slot = self.slots.get_mut(key.slot as usize).filter(|slot| slot.generation == key.generation)?;
        let waker = slot.waker.take()?;
        self.release(key.slot);
        self.husks += 1;
        if self.husks > HUSKS_MIN && self.husks * 2 > self.heap.len() {
            let slots = &self.slots;
            self.heap
                .retain(|Reverse((_, _, slot, generation))| slots[*slot as usize].generation == *generation);
            self.husks = 0;
        }
        Some(waker)
    }

    /// The next deadline, if any timer is pending.
    pub fn next_deadline(&mut self) -> Option<Nanos> {
        while let Some(Reverse((deadline, _, slot, generation))) = self.heap.peek() {
            if self.slots[*slot as usize].generation == *generation {
                return Some(*deadline);
            }
            self.heap.pop();
            self.husks -= 1;
        }
        None
    }

    /// Takes the waker of the next timer due at or before `now`.
    pub fn due(&mut self, now: Nanos) -> Option<Waker> {
        if self.next_deadline()? > now {
            return None;
        }
        let Reverse((_, _, slot, _)) = self.heap.pop().expect("next_deadline() found it");
        let waker = self.slots[slot as usize].waker.take();
        self.release(slot);
        waker
    }

    /// Number of pending timers.
    pub fn len(&self) -> usize {
        self.heap.len() - self.husks
    }

    /// Whether no timer is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn release(&mut self, slot: u32) {
        let generation = &mut self.slots[slot as usize].generation;
        *generation = generation.wrapping_add(1);
        self.free.push(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::task::Wake;

    struct Mark(u64, Arc<Mutex<Vec<u64>>>);
    impl Wake for Mark {
        fn wake(self: Arc<Self>) {
            self.1.lock().expect("no panic holds it").push(self.0);
        }
    }

    proptest! {
        #[test]
        fn timers_fire_in_order_of_deadline_and_arming(
            deadlines in proptest::collection::vec(0u64..50, 0..400),
            cancelled in proptest::collection::vec(any::<bool>(), 400),
        ) {
            let fired = Arc::new(Mutex::new(Vec::new()));
            let mut timers = Timers::default();
            let keys: Vec<_> = deadlines.iter().enumerate()
                .map(|(id, at)| timers.arm(*at, Waker::from(Arc::new(Mark(id as u64, fired.clone())))))
                .collect();
            let mut expected: Vec<_> = deadlines.iter().enumerate().map(|(id, at)| (*at, id as u64)).collect();
            for (id, key) in keys.iter().enumerate().filter(|(id, _)| cancelled[*id]) {
                prop_assert!(timers.cancel(*key).is_some());
                prop_assert!(timers.cancel(*key).is_none());
                expected.retain(|(_, other)| *other != id as u64);
            }
            prop_assert_eq!(timers.len(), expected.len());
            expected.sort_unstable();
            for now in 0..50 {
                while let Some(waker) = timers.due(now) {
                    waker.wake();
                }
            }
            prop_assert!(timers.is_empty());
            let fired = fired.lock().expect("no panic holds it").clone();
            prop_assert_eq!(fired, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
        }
    }
}
