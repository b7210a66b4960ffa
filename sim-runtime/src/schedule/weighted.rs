//! A random walk with a weight for each task, drawn when the task is first seen: 1, 4, 16, 64 or
//! 256.
//!
//! The known cure for tasks of uneven length is to weight each by its remaining steps (URW, SURW,
//! ASPLOS 2025), which needs estimates from earlier runs; but a run must be a function of its
//! seed alone. Drawing the weights covers the same ground: a short task is held back behind a
//! long one in a fair share of the seeds.

use super::{Candidates, Policy, TaskId};
use crate::tape::{Generator, uniform};
use std::collections::BTreeMap;

#[derive(Default)]
pub(super) struct Weighted {
    weights: BTreeMap<TaskId, u64>,
}

impl Policy for Weighted {
    fn pick(&mut self, candidates: &dyn Candidates, generator: &mut Generator) -> usize {
        let mut sums = Vec::with_capacity(candidates.count());
        let mut total = 0;
        candidates.visit(&mut |slot, task| {
            total += *self.weights.entry(task).or_insert_with(|| 1 << (2 * uniform(generator, 5)));
            sums.push((total, slot));
        });
        let draw = uniform(generator, total);
        let (_, slot) = sums[sums.partition_point(|(sum, _)| *sum <= draw)];
        slot
    }

    fn finished(&mut self, task: TaskId) {
        self.weights.remove(&task);
    }
}
