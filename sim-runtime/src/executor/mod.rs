//! The executor: one thread, one ready set, one clock.
//!
//! It cannot hang silently. Nothing ready and no timer pending is a [`Stop::Stalled`]; a task that wakes
//! itself for ever, a run that is too long in steps or in virtual time is a [`Stop::OverLimit`];
//! a poll that never returns is seen by the watchdog of whoever runs the world, through
//! [`Heartbeat`]. A panic in any task stops the run unless [`World::tolerate_panics`] says
//! otherwise.
//!
//! Tasks switch at awaits only. Simulated input and output and lock operations are made switch
//! points by [`switch_point`], because a runtime with several threads could switch there. What blocks
//! instead of awaiting ([`spawn_blocking_on`], [`block_on`], a lock of std) stands still while the rest
//! goes on.

mod attribution;
mod blocking;
mod heartbeat;
mod join;
mod limits;
mod panic;
mod run;
mod sleep;
mod spawn;
mod waiting;
mod world;

pub(crate) use attribution::note_places;
pub use blocking::{Blocked, block_on, spawn_blocking_on, wait_for};
pub use heartbeat::{Heartbeat, Running};
pub use join::{AbortHandle, JoinError, JoinHandle};
pub use limits::{Limit, Limits};
pub(crate) use panic::install_panic_hook;
pub use run::Stop;
pub use sleep::{
    Elapsed, Interval, Sleep, Timeout, interval, sleep, sleep_until, switch_point, timeout, yield_now,
};
pub use spawn::{spawn, spawn_on};
pub(crate) use world::Inside;
pub use world::{Agenda, PanicNote, Setup, World, current, try_current, try_with_current, with_current};
