//! Priorities for steps: each next step of a task has a random priority, kept until the step is
//! taken. Compared with a uniform walk a task that drew low stays behind for a while, so long
//! overtakings are common.
//!
//! After partial order sampling (Yuan, Yang, Gu, CAV 2018), which also redraws the priorities of
//! steps that race with the one taken; the runtime does not know which steps race.

use super::{Candidates, Policy, TaskId, highest};
use crate::tape::Generator;
use rand_chacha::rand_core::Rng;
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Pos {
    priorities: BTreeMap<TaskId, u64>,
}

impl Policy for Pos {
    fn pick(&mut self, candidates: &dyn Candidates, generator: &mut Generator) -> usize {
        let (slot, task) =
            highest(candidates, |task| *self.priorities.entry(task).or_insert_with(|| generator.next_u64()));
        self.priorities.remove(&task);
        slot
    }

    fn finished(&mut self, task: TaskId) {
        self.priorities.remove(&task);
    }
}
