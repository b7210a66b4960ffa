//! Probabilistic concurrency testing: strict random priorities, lowered at `depth - 1` random
//! points (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010).
//!
//! The paper draws the change points from 0..k, k the length of the run. We do not know k before
//! the run and must not learn it from other runs, so k itself is drawn: a power of two from 16 to
//! 65,536 for each run. Bugs in short and in long scenarios then both meet fitting change points.
//!
//! A strict priority starves: a task that wakes itself for ever would never let another run. So a
//! task that was picked 1,000 times in a row falls to the bottom.

use super::{Candidates, Policy, TaskId, highest};
use crate::tape::{Generator, uniform};
use rand_chacha::rand_core::Rng;
use std::collections::BTreeMap;

pub(super) struct Pct {
    depth: u32,
    /// Steps at which the running task is lowered, descending; drawn at the first pick.
    changes: Option<Vec<u64>>,
    step: u64,
    /// Initial priorities have the top bit; lowered ones count down from below it.
    priorities: BTreeMap<TaskId, u64>,
    lowest: u64,
    last: Option<(TaskId, u32)>,
}

const TOP: u64 = 1 << 63;
const PICKS_IN_A_ROW_MAX: u32 = 1_000;

impl Pct {
    pub(super) fn new(depth: u32) -> Self {
        Self { depth, changes: None, step: 0, priorities: BTreeMap::new(), lowest: TOP, last: None }
    }

    fn lower(&mut self, task: TaskId) {
        self.lowest -= 1;
        self.priorities.insert(task, self.lowest);
    }
}

impl Policy for Pct {
    fn pick(&mut self, candidates: &dyn Candidates, generator: &mut Generator) -> usize {
        let changes = self.changes.get_or_insert_with(|| {
            let length = 16 << uniform(generator, 13);
            let mut changes: Vec<u64> = (1..self.depth).map(|_| uniform(generator, length)).collect();
            changes.sort_unstable_by(|a, b| b.cmp(a));
            changes
        });
        let due = changes.last().is_some_and(|change| *change <= self.step);
        if due {
            changes.pop();
        }
        self.step += 1;
        let priorities = &mut self.priorities;
        let mut choose = |priorities: &mut BTreeMap<TaskId, u64>| {
            highest(candidates, |task| *priorities.entry(task).or_insert_with(|| TOP | generator.next_u64()))
        };
        let (mut slot, mut task) = choose(priorities);
        let in_a_row = match self.last {
            Some((last, count)) if last == task => count + 1,
            _ => 1,
        };
        if due || in_a_row > PICKS_IN_A_ROW_MAX {
            self.lower(task);
            (slot, task) = choose(&mut self.priorities);
            self.last = Some((task, 1));
        } else {
            self.last = Some((task, in_a_row));
        }
        slot
    }

    fn finished(&mut self, task: TaskId) {
        self.priorities.remove(&task);
    }
}
