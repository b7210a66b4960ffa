//! What is due when.
//!
//! The runtime's timers wake tasks. The network has no task: it is told when its earliest entry is due
//! ([`World::set_agenda`]), and does what is due on the spot.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use sim_runtime::executor::World;

use crate::tcp::{Side, Timer};

/// Something that becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// A timer of a connection.
    Connection { index: u32, generation: u32, side: Side, timer: Timer },
    /// A connect to an address that no machine has.
    NoSuchHost { index: u32, generation: u32 },
    /// A rule ends.
    Rule { number: u64 },
    /// A datagram arrives.
    Datagram { number: u64 },
    /// A request-level fault goes on.
    Request { number: u64 },
}

impl Due {
    /// As a kind below 256 and what it is about. Heaps move their entries often, and whole words move in registers.
    #[inline]
    fn pack(self) -> (u64, u64) {
        let both = |index, generation| u64::from(index) << 32 | u64::from(generation);
        match self {
            Due::Connection { index, generation, side, timer } => {
                (2 * timer as u64 + side as u64, both(index, generation))
            }
            Due::NoSuchHost { index, generation } => (KINDS, both(index, generation)),
            Due::Rule { number } => (KINDS + 1, number),
            Due::Datagram { number } => (KINDS + 2, number),
            Due::Request { number } => (KINDS + 3, number),
        }
    }

    #[inline]
    fn unpack(kind: u64, about: u64) -> Due {
        let (index, generation) = ((about >> 32) as u32, about as u32);
        match kind.checked_sub(KINDS) {
            None => {
                let side = if kind.is_multiple_of(2) { Side::Client } else { Side::Server };
                Due::Connection { index, generation, side, timer: TIMERS[kind as usize / 2] }
            }
            Some(0) => Due::NoSuchHost { index, generation },
            Some(1) => Due::Rule { number: about },
            Some(2) => Due::Datagram { number: about },
            Some(_) => Due::Request { number: about },
        }
    }
}

/// In the order of their numbers.
const TIMERS: [Timer; 5] = [Timer::Arrival, Timer::Window, Timer::Room, Timer::GiveUp, Timer::Keepalive];
/// Kinds that are timers of a connection, of either side.
const KINDS: u64 = 2 * TIMERS.len() as u64;

/// What is due when.
struct Entry {
    at_ns: u64,
    /// The order of adding, and below it the kind.
    order_and_kind: u64,
    about: u64,
}

impl Entry {
    #[inline]
    fn key(&self) -> u128 {
        u128::from(self.at_ns) << 64 | u128::from(self.order_and_kind)
    }

    #[inline]
    fn due(&self) -> Due {
        Due::unpack(self.order_and_kind & 0xff, self.about)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// Reversed: the heap gives its greatest entry, and the earliest is wanted.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// The network's agenda.
pub(crate) struct Queue {
    heap: BinaryHeap<Entry>,
    order: u64,
}

impl Queue {
    pub(crate) fn new() -> Queue {
        Queue { heap: BinaryHeap::with_capacity(16), order: 0 }
    }

    /// Adds something; equal instants keep the order they were added in.
    #[inline]
    pub(crate) fn at(&mut self, at_ns: u64, due: Due) {
        let (kind, about) = due.pack();
        self.heap.push(Entry { at_ns, order_and_kind: self.order << 8 | kind, about });
        self.order += 1;
    }

    /// The next thing that will be due.
    pub(crate) fn next(&self) -> Option<Due> {
        self.heap.peek().map(Entry::due)
    }

    /// Takes the next thing that is due.
    #[inline]
    pub(crate) fn due(&mut self, now_ns: u64) -> Option<Due> {
        if self.heap.peek().is_some_and(|entry| entry.at_ns <= now_ns) {
            self.heap.pop().map(|entry| entry.due())
        } else {
            None
        }
    }

    /// Tells the world when the earliest entry is due.
    #[inline]
    pub(crate) fn announce(&self, world: &World) {
        world.agenda_due(self.heap.peek().map_or(u64::MAX, |entry| entry.at_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_comes_back_in_order_of_time_and_of_adding() {
        let (index, generation, number) = (u32::MAX, 7, u64::MAX);
        let mut all: Vec<Due> = TIMERS
            .into_iter()
            .flat_map(|timer| [Side::Client, Side::Server].map(|side| (timer, side)))
            .map(|(timer, side)| Due::Connection { index, generation, side, timer })
            .collect();
        all.extend([Due::NoSuchHost { index, generation }, Due::Rule { number }]);
        all.extend([Due::Datagram { number }, Due::Request { number }]);
        let mut queue = Queue::new();
        all.iter().for_each(|due| queue.at(5, *due));
        all.iter().for_each(|due| queue.at(3, *due));
        assert_eq!(queue.next(), Some(all[0]));
        assert_eq!(std::iter::from_fn(|| queue.due(4)).collect::<Vec<_>>(), all);
        assert_eq!(std::iter::from_fn(|| queue.due(5)).collect::<Vec<_>>(), all);
        assert_eq!(queue.next(), None);
    }
}
