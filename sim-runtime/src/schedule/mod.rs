//! Who runs next.
//!
//! A [`Policy`] picks a ready task by its rank of age (0 = ready for longest). It sees ids and
//! ages, never futures, and it draws from a generator of its own: what the tape records is the
//! pick. So a failure found by any policy repeats and shrinks the same way, and a policy may be
//! changed without voiding recorded failures.
//!
//! No policy wins everywhere, and each has bugs it practically never finds; hence the default is
//! the [`PolicyName::Portfolio`], which gives each seed one of them.

mod fifo;
mod name;
mod pct;
mod pos;
mod ready;
mod uniform;
mod weighted;

pub use name::{PolicyName, UnknownPolicy};
pub use ready::Ready;

use crate::tape::Generator;
use serde::{Deserialize, Serialize};

/// Names a task within its run: tasks are numbered in the order they were spawned, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId(pub u64);

impl std::fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "task {}", self.0)
    }
}

/// The ready tasks, as a policy sees them.
pub trait Candidates {
    /// How many there are; at least 2 when a policy is asked.
    fn count(&self) -> usize;
    /// Visits them, oldest first.
    fn visit(&self, visitor: &mut dyn FnMut(TaskId));
}

/// A way to choose the next task.
pub trait Policy {
    /// The rank of the task to run, below `candidates.count()`.
    fn pick(&mut self, candidates: &dyn Candidates, generator: &mut Generator) -> usize;

    /// The task has ended and its id will not be seen again.
    fn finished(&mut self, _task: TaskId) {}
}

/// The rank of the candidate with the highest score, the oldest among equals.
fn highest(candidates: &dyn Candidates, mut score: impl FnMut(TaskId) -> u64) -> (usize, TaskId) {
    let mut best: Option<(u64, usize, TaskId)> = None;
    let mut rank = 0;
    candidates.visit(&mut |task| {
        let score = score(task);
        if best.is_none_or(|(highest, _, _)| score > highest) {
            best = Some((score, rank, task));
        }
        rank += 1;
    });
    let (_, rank, task) = best.expect("a policy is asked only when tasks are ready");
    (rank, task)
}
