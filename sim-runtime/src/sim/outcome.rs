//! How a run ended.

use crate::executor::Limit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The scenario returned and every property held.
    Passed,
    /// A property did not hold.
    Violated {
        /// The property, in domain words.
        property: String,
        /// What was wrong, with rows and ids; may be empty.
        detail: String,
    },
    /// A task panicked, or asked the host for something that a run must not touch.
    Panicked {
        /// The message.
        message: String,
        /// `file:line:column` of the panic; empty for a refusal.
        location: String,
        /// The task, its node and where it was spawned.
        task: String,
    },
    /// Nothing could go on: no task was ready and no timer pending.
    Stalled {
        /// Every waiting task.
        waiting: Vec<String>,
    },
    /// The run reached a bound.
    OverLimit {
        /// Which bound.
        limit: Limit,
        /// Who was busiest, or running.
        detail: String,
    },
    /// A recorded run could not be repeated.
    Diverged {
        /// Where the runs part.
        detail: String,
    },
}

impl Outcome {
    /// Whether the run passed.
    pub fn is_passed(&self) -> bool {
        matches!(self, Self::Passed)
    }

    /// What makes two failures the same failure: the kind and the property, or the place of the
    /// panic, or the bound. Details with ids and times in them do not count.
    pub fn signature(&self) -> String {
        match self {
            Self::Passed => "passed".into(),
            Self::Violated { property, .. } => format!("violated: {property}"),
            Self::Panicked { message, location, .. } if location.is_empty() => format!("panicked: {message}"),
            Self::Panicked { location, .. } => format!("panicked at {location}"),
            Self::Stalled { .. } => "stalled".into(),
            Self::OverLimit { limit, .. } => format!("over limit: {limit}"),
            Self::Diverged { .. } => "diverged".into(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => formatter.write_str("passed"),
            Self::Violated { property, detail } if detail.is_empty() => {
                write!(formatter, "violated \"{property}\"")
            }
            Self::Violated { property, detail } => write!(formatter, "violated \"{property}\": {detail}"),
            Self::Panicked { message, location, task } => {
                write!(formatter, "panicked: {message}")?;
                if !location.is_empty() {
                    write!(formatter, "\n  at {location}")?;
                }
                if task.is_empty() { Ok(()) } else { write!(formatter, "\n  in {task}") }
            }
            Self::Stalled { waiting } => {
                write!(formatter, "stalled: nothing is ready and no timer is pending")?;
                waiting.iter().try_for_each(|task| write!(formatter, "\n  {task}"))
            }
            Self::OverLimit { limit, detail } => write!(formatter, "over the limit of {limit}\n  {detail}"),
            Self::Diverged { detail } => write!(formatter, "diverged: {detail}"),
        }
    }
}
