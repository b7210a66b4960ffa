//! How long a run may be.

use crate::time::{Nanos, SECOND};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bounds of one run; reaching one ends it as over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Polls in all. Default 10,000,000.
    pub steps: u64,
    /// Polls without any timer firing: a task that wakes itself for ever. Default 1,000,000.
    pub polls_between_timers: u64,
    /// Virtual time. Default 30 days.
    pub virtual_time: Nanos,
    /// Virtual time that the liveness phase may take after everything is healed. Default 10
    /// minutes.
    pub liveness_time: Nanos,
    /// Real time that a single poll may take. Default 10 seconds.
    pub poll_time: Duration,
    /// Virtual time that a poll costs, in nanoseconds. Default 200. Without a cost a busy task
    /// would keep every timer beside it from firing.
    pub poll_cost: Nanos,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 10_000_000,
            polls_between_timers: 1_000_000,
            virtual_time: 30 * 24 * 3600 * SECOND,
            liveness_time: 600 * SECOND,
            poll_time: Duration::from_secs(10),
            poll_cost: 200,
        }
    }
}

/// Which bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// [`Limits::steps`].
    Steps,
    /// [`Limits::polls_between_timers`].
    PollsBetweenTimers,
    /// [`Limits::virtual_time`].
    VirtualTime,
    /// [`Limits::poll_time`]: a poll that did not return.
    PollTime,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Steps => "steps",
            Self::PollsBetweenTimers => "polls between timers",
            Self::VirtualTime => "virtual time",
            Self::PollTime => "real time of one poll",
        })
    }
}
