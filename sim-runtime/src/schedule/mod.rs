//! Who runs next.
//!
//! A [`Policy`] picks a ready task. It sees ids and ages, never futures, and how it draws is its own
//! business: what the tape records is the pick, as the task's rank of age (0 = ready for longest). So a failure found by any policy repeats and shrinks the same way, and a policy may be
//! changed without voiding recorded failures.
//!
//! No policy wins everywhere, and each has bugs it practically never finds; hence the default is
//! the [`PolicyName::Portfolio`], which gives each seed one of them.

mod bag;
mod fifo;
mod name;
mod pct;
mod pos;
mod ready;
mod row;
mod uniform;
mod weighted;

pub(crate) use bag::Bag;
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
    /// The slot of the oldest.
    fn oldest(&self) -> usize;
    /// The slot of any of them, each as likely as any other.
    fn uniform(&self, generator: &mut Generator) -> usize;
    /// Visits them with their slots, oldest first.
    fn visit(&self, visitor: &mut dyn FnMut(usize, TaskId));
}

/// A way to choose the next task.
pub trait Policy {
    /// The slot of the task to run, one of those that `candidates` named.
    fn pick(&mut self, candidates: &dyn Candidates, generator: &mut Generator) -> usize;

    /// Whether it always answers [`Candidates::uniform`]: then it need not be asked.
    fn is_uniform(&self) -> bool {
        false
    }

    /// The task has ended and its id will not be seen again.
    fn finished(&mut self, _task: TaskId) {}
}

/// The slot of the candidate with the highest score, the oldest among equals.
fn highest(candidates: &dyn Candidates, mut score: impl FnMut(TaskId) -> u64) -> (usize, TaskId) {
    let mut best: Option<(u64, usize, TaskId)> = None;
    candidates.visit(&mut |slot, task| {
        let score = score(task);
        if best.is_none_or(|(highest, _, _)| score > highest) {
            best = Some((score, slot, task));
        }
    });
    let (_, slot, task) = best.expect("a policy is asked only when tasks are ready");
    (slot, task)
}
