//! What is due when, and the one timer of the runtime that says so.
//!
//! The runtime's timers wake tasks. The network has no task: its timer's waker runs what is due, on the
//! spot. Only the earliest entry has a timer; an entry that comes before it arms another, and the older
//! one finds nothing to do.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::task::{Wake, Waker};

use sim_runtime::executor::World;

use crate::tcp::{Side, Timer};

/// Something that becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

struct Tick;

impl Wake for Tick {
    fn wake(self: Arc<Self>) {
        super::tick();
    }
}

/// The network's agenda.
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<(u64, u64, Due)>>,
    order: u64,
    armed_ns: u64,
    waker: Waker,
}

impl Queue {
    pub(crate) fn new() -> Queue {
        Queue { heap: BinaryHeap::new(), order: 0, armed_ns: u64::MAX, waker: Waker::from(Arc::new(Tick)) }
    }

    /// Adds something; equal instants keep the order they were added in.
    #[inline]
    pub(crate) fn at(&mut self, at_ns: u64, due: Due) {
        self.heap.push(Reverse((at_ns, self.order, due)));
        self.order += 1;
    }

    /// Takes the next thing that is due.
    #[inline]
    pub(crate) fn due(&mut self, now_ns: u64) -> Option<Due> {
        if self.heap.peek().is_some_and(|Reverse((at, ..))| *at <= now_ns) {
            self.heap.pop().map(|Reverse((_, _, due))| due)
        } else {
            None
        }
    }

    /// The armed timer fired, or is about to find nothing.
    #[inline]
    pub(crate) fn fired(&mut self, now_ns: u64) {
        if self.armed_ns <= now_ns {
            self.armed_ns = u64::MAX;
        }
    }

    /// Makes sure a timer is armed for the earliest entry.
    #[inline]
    pub(crate) fn arm(&mut self, world: &World) {
        if let Some(Reverse((at, ..))) = self.heap.peek()
            && *at < self.armed_ns
        {
            self.armed_ns = *at;
            world.arm(*at, self.waker.clone());
        }
    }
}
