//! The deterministic world, and running it many times.
//!
//! Start at [`sim`] (what a scenario sees) or at [`explore`] (running, sweeping, replaying and
//! shrinking it). Imports go down this list only:
//!
//! * [`tape`]: every choice of a run, in named lanes
//! * [`time`]: virtual time, timers, clock errors
//! * [`trace`]: facts and the digest that stands for a run
//! * [`index`]: a map that is asked but never walked
//! * [`schedule`]: who runs next
//! * [`task`]: what is kept about a task
//! * [`executor`]: one thread, one ready set, one clock
//! * [`fault`]: bad things that may happen
//! * [`node`]: simulated machines
//! * [`sim`]: what a scenario sees; properties; phases
//! * [`explore`]: run, sweep, replay, shrink, confirm
//! * [`report`]: what a failure tells
//! * [`drive`]: what a test or a program does with a scenario

pub mod drive;
pub mod executor;
pub mod explore;
pub mod fault;
pub mod index;
pub mod node;
pub mod report;
pub mod schedule;
pub mod sim;
pub mod tape;
pub mod task;
pub mod time;
pub mod trace;

pub use executor::{Limits, spawn};
pub use sim::Sim;

/// The parts of a world of this crate alone: none. `#[sim::test]` asks for them.
pub const PARTS: &[node::Part] = &[];

pub use sim_macros::test;
