//! The deadlock detector.
//!
//! A waiter looks for a cycle through itself, once, `deadlock_timeout` after it began
//! to wait. Edges are hard (it waits for a holder) or soft (it waits for one before it
//! in the queue). A cycle of hard edges alone is a deadlock, and the one who looked is
//! the victim. A cycle with a soft edge may be mended by a different order of that
//! queue: orders are tried, each must keep every earlier reversal, until one leaves no
//! cycle; only if none does it is a deadlock. The method is the one that PostgreSQL's
//! `storage/lmgr/README` describes.

use std::collections::VecDeque;

use super::{LockManager, LockTag, ProcId};
use crate::engine::mode::LockMode;

/// More reversals at once than this are not tried.
const CONSTRAINTS_MAX: usize = 32;

/// Who waits for what, in a deadlock; the next one in the list holds it (or waits before it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeadlockEdge {
    pub(crate) proc: ProcId,
    pub(crate) tag: LockTag,
    pub(crate) mode: LockMode,
}

/// Answer of [`LockManager::check_deadlock`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeadlockCheck {
    /// no cycle
    None,
    /// a queue was reordered; the session may have been granted its lock
    Mended,
    /// a cycle through the session, which has left its queue
    Deadlock(Vec<DeadlockEdge>),
}

/// `waiter` is to come before `blocker` in this queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SoftEdge {
    waiter: ProcId,
    blocker: ProcId,
    tag: LockTag,
}

/// A queue in another order.
struct Order {
    tag: LockTag,
    queue: VecDeque<(ProcId, LockMode)>,
}

struct Search<'a> {
    manager: &'a LockManager,
    constraints: Vec<SoftEdge>,
    orders: Vec<Order>,
    cycle: Vec<DeadlockEdge>,
}

enum Tested {
    Free,
    Hard,
    Soft(Vec<SoftEdge>),
}

impl Search<'_> {
    /// Whether every way to go on ends in a cycle.
    fn is_deadlock(&mut self, start: ProcId) -> bool {
        let soft = match self.test(start) {
            Tested::Free => return false,
            Tested::Hard => return true,
            Tested::Soft(soft) => soft,
        };
        if self.constraints.len() >= CONSTRAINTS_MAX {
            return true;
        }
        for edge in soft {
            self.constraints.push(edge);
            if !self.is_deadlock(start) {
                return false;
            }
            self.constraints.pop();
        }
        true
    }

    /// Looks for cycles with the queues reordered as the constraints say.
    fn test(&mut self, start: ProcId) -> Tested {
        if !self.expand() {
            return Tested::Hard;
        }
        let mut starts: Vec<ProcId> = self.constraints.iter().flat_map(|c| [c.waiter, c.blocker]).collect();
        starts.push(start);
        let mut found = Tested::Free;
        for start in starts {
            if let Some(soft) = self.find_cycle(start) {
                if soft.is_empty() {
                    return Tested::Hard;
                }
                found = Tested::Soft(soft);
            }
        }
        found
    }

    /// Computes the order of every queue that a constraint names; `false` if they contradict each other.
    fn expand(&mut self) -> bool {
        self.orders.clear();
        for at in (0..self.constraints.len()).rev() {
            let tag = self.constraints[at].tag;
            if self.orders.iter().any(|order| order.tag == tag) {
                continue;
            }
            match self.sort(tag) {
                Some(queue) => self.orders.push(Order { tag, queue }),
                None => return false,
            }
        }
        true
    }

    /// The queue with waiters moved before blockers, otherwise as it is: from the end, the last one nobody holds back.
    fn sort(&self, tag: LockTag) -> Option<VecDeque<(ProcId, LockMode)>> {
        let mut rest: Vec<(ProcId, LockMode)> = self.manager.locks.get(&tag)?.queue.iter().copied().collect();
        let mut sorted = VecDeque::with_capacity(rest.len());
        while !rest.is_empty() {
            // May be last: it need not come before any other that is left.
            let at = rest.iter().rposition(|(proc, _)| {
                !self.constraints.iter().any(|c| {
                    c.tag == tag && c.waiter == *proc && rest.iter().any(|(other, _)| *other == c.blocker)
                })
            })?;
            sorted.push_front(rest.remove(at));
        }
        Some(sorted)
    }

    /// A cycle through `start`: its soft edges (none: it is hard). `self.cycle` tells its edges.
    fn find_cycle(&mut self, start: ProcId) -> Option<Vec<SoftEdge>> {
        let mut visited = Vec::new();
        let mut path = Vec::new();
        let mut soft = Vec::new();
        if !self.search(start, &mut visited, &mut path, &mut soft) {
            return None;
        }
        self.cycle = path;
        Some(soft)
    }

    fn search(
        &self,
        proc: ProcId,
        visited: &mut Vec<ProcId>,
        path: &mut Vec<DeadlockEdge>,
        soft: &mut Vec<SoftEdge>,
    ) -> bool {
        if let Some(at) = visited.iter().position(|p| *p == proc) {
            return at == 0;
        }
        visited.push(proc);
        let Some(waiting) = self.manager.procs.get(proc as usize).and_then(|p| p.waiting.as_ref()) else {
            return false;
        };
        let Some(lock) = self.manager.locks.get(&waiting.tag) else { return false };
        let conflicts = waiting.mode.conflicts();
        path.push(DeadlockEdge { proc, tag: waiting.tag, mode: waiting.mode });
        for (holder, modes) in &lock.holders {
            if *holder != proc && modes.intersects(conflicts) && self.search(*holder, visited, path, soft) {
                return true;
            }
        }
        let queue = self.orders.iter().find(|o| o.tag == waiting.tag).map_or(&lock.queue, |o| &o.queue);
        for (other, mode) in queue.iter().take_while(|(p, _)| *p != proc) {
            if conflicts.contains(*mode) && self.search(*other, visited, path, soft) {
                soft.push(SoftEdge { waiter: proc, blocker: *other, tag: waiting.tag });
                return true;
            }
        }
        path.pop();
        false
    }
}

impl LockManager {
    /// Looks for a deadlock that the waiting session is part of.
    pub(crate) fn check_deadlock(&mut self, proc: ProcId) -> DeadlockCheck {
        if !self.is_waiting(proc) {
            return DeadlockCheck::None;
        }
        let mut search =
            Search { manager: self, constraints: Vec::new(), orders: Vec::new(), cycle: Vec::new() };
        if search.is_deadlock(proc) {
            // The search may have gone beyond; say the plain cycle.
            search.constraints.clear();
            search.orders.clear();
            search.find_cycle(proc);
            let cycle = search.cycle;
            self.stop_waiting(proc);
            return DeadlockCheck::Deadlock(cycle);
        }
        let orders = search.orders;
        if orders.is_empty() {
            return DeadlockCheck::None;
        }
        for order in orders {
            let lock = self.locks.get_mut(&order.tag).expect("a queue that was searched is there");
            lock.queue = order.queue;
            self.wake(order.tag);
        }
        DeadlockCheck::Mended
    }
}
