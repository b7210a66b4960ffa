//! Stopping the clock, for tests.
//!
//! Virtual time jumps over idle stretches anyway; a paused clock also does not move while anything runs, so
//! that a test can tell to the millisecond what happens when.

use crate::runtime::{Handle, RuntimeFlavor};
use std::time::Duration;

/// Stops the clock: time moves by [`advance`], and by jumps to the next timer when nothing is ready.
///
/// # Panics
///
/// If it is stopped already, or not called on a runtime of one thread.
#[track_caller]
pub fn pause() {
    let (handle, world) = current();
    assert!(
        handle.runtime_flavor() == RuntimeFlavor::CurrentThread,
        "`time::pause()` requires the `current_thread` Tokio runtime. This is the default Runtime used by \
         `#[tokio::test]."
    );
    assert!(!world.is_frozen(), "time is already frozen");
    world.freeze(true);
}

/// Lets the clock go on.
///
/// # Panics
///
/// If it is not stopped, or there is no current runtime.
#[track_caller]
pub fn resume() {
    let (_, world) = current();
    assert!(world.is_frozen(), "time is not frozen");
    world.freeze(false);
}

/// Moves the stopped clock on by `duration`, at once.
///
/// # Panics
///
/// If it is not stopped, or there is no current runtime.
pub async fn advance(duration: Duration) {
    advance_now(duration);
    crate::task::yield_now().await;
}

#[track_caller]
fn advance_now(duration: Duration) {
    let (_, world) = current();
    assert!(world.is_frozen(), "time is not frozen");
    world.advance(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
}

#[track_caller]
fn current() -> (Handle, std::rc::Rc<sim_runtime::executor::World>) {
    const OUTSIDE: &str = "time cannot be frozen from outside the Tokio runtime";
    let handle = Handle::try_current().unwrap_or_else(|_| panic!("{OUTSIDE}"));
    let world = handle.core.world().expect(OUTSIDE);
    (handle, world)
}
