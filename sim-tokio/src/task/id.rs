//! The number of a task.

use crate::runtime::{context, core};
use std::fmt;
use std::num::NonZeroU64;

/// The number of a task within its run.
#[derive(Clone, Copy, Debug, Hash, Eq, PartialEq, PartialOrd, Ord)]
pub struct Id(NonZeroU64);

impl Id {
    pub(crate) fn next() -> Self {
        Self(NonZeroU64::new(core::next_task_id()).expect("tasks are numbered from 1"))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The running task's number.
///
/// # Panics
///
/// Outside of a task; what `block_on` drives is none.
#[track_caller]
pub fn id() -> Id {
    try_id().expect("Can't get a task id when not inside a task")
}

/// The running task's number; `None` outside of a task.
pub fn try_id() -> Option<Id> {
    context::current_task()
}
