//! Virtual time.
//!
//! One clock for the whole world counts nanoseconds from 0. It moves in three ways only: to the
//! next deadline when nothing is ready, by a little with every poll (so that a busy task cannot
//! starve the timers beside it), and by a little when a task reads it over and over (some crates
//! spin until a clock has moved). What a node *sees* is this clock bent by its [`Skew`].

mod skew;
mod timers;

pub use skew::Skew;
pub use timers::{TimerKey, Timers};

/// Nanoseconds of virtual time since the start of a run.
pub type Nanos = u64;

/// Nanoseconds in a second.
pub const SECOND: Nanos = 1_000_000_000;

/// The wall clock at the start of every run, in nanoseconds since the Unix epoch: 2025-01-01
/// 00:00:00 UTC, the same for all, so that dates in recorded failures do not age.
pub const EPOCH_NS: u64 = 1_735_689_600 * SECOND;

/// What `CLOCK_MONOTONIC` says at the start of a run. Not 0: code that subtracts an hour from
/// `Instant::now()` is legal on a machine that has been up for a day.
pub const UPTIME_NS: u64 = 100_000 * SECOND;
