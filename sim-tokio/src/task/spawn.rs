//! Spawning on the current runtime.

use super::JoinHandle;
use super::local::LocalContext;
use crate::runtime::context::{self, Entered};
use crate::runtime::{Handle, RuntimeFlavor, seam};
use std::future::Future;
use std::panic::Location;

/// Spawns a task on the current runtime.
///
/// # Panics
///
/// If there is no current runtime.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Handle::current().core.spawn(future, Location::caller())
}

/// Spawns a task that need not be `Send` on the current local set or local runtime.
///
/// # Panics
///
/// If there is neither.
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    if let Some((local, _)) = context::local() {
        return LocalContext::spawn(&local, future);
    }
    let core = context::with_entered(|handle| handle.core.is_local().then(|| handle.core.clone())).flatten();
    let core =
        core.expect("`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`");
    assert!(
        core.is_on_its_thread(),
        "Local tasks can only be spawned on a LocalRuntime from the thread the runtime was created on"
    );
    core.spawn(future, Location::caller())
}

/// Runs a closure that may block on the current runtime; see [`Handle::spawn_blocking`].
///
/// # Panics
///
/// If there is no current runtime.
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    Handle::current().core.spawn_blocking(f, Location::caller())
}

/// Runs a closure that may block within a task. Other tasks run while it waits.
///
/// # Panics
///
/// On a runtime of one thread, and in a local set.
#[track_caller]
pub fn block_in_place<F, R>(f: F) -> R
where
    F: FnOnce() -> R,
{
    match context::entered() {
        Entered::No => f(),
        Entered::Yes { may_leave: true } => {
            let _left = context::set_entered(Entered::No);
            seam::unconstrained(f)
        }
        Entered::Yes { may_leave: false } => {
            panic!("can call blocking only when running on the multi-threaded runtime")
        }
    }
}

impl crate::runtime::core::Core {
    /// Whether `block_in_place` works in its tasks.
    pub(crate) fn may_leave(&self) -> bool {
        self.flavor() != RuntimeFlavor::CurrentThread
    }
}
