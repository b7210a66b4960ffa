//! What is due when.
//!
//! The runtime's timers wake tasks. The network has no task: it is told when its earliest entry is due
//! ([`World::set_agenda`]), and does what is due on the spot.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use sim_runtime::executor::World;

use crate::tcp::{Side, Timer};

/// Something that becomes due.
#[derive(Debug, Clone, Copy)]
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

/// What is due when; only the instant and the order of adding compare.
struct Entry {
    at_ns: u64,
    order: u64,
    due: Due,
}

impl Entry {
    #[inline]
    fn key(&self) -> u128 {
        u128::from(self.at_ns) << 64 | u128::from(self.order)
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
        self.heap.push(Entry { at_ns, order: self.order, due });
        self.order += 1;
    }

    /// The next thing that will be due.
    pub(crate) fn next(&self) -> Option<Due> {
        self.heap.peek().map(|entry| entry.due)
    }

    /// Takes the next thing that is due.
    #[inline]
    pub(crate) fn due(&mut self, now_ns: u64) -> Option<Due> {
        if self.heap.peek().is_some_and(|entry| entry.at_ns <= now_ns) {
            self.heap.pop().map(|entry| entry.due)
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
