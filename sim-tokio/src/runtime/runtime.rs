//! A runtime, and what happens when it goes.

use super::core::Core;
use super::{Builder, EnterGuard, Handle, RuntimeFlavor, RuntimeMetrics};
use crate::task::JoinHandle;
use std::future::Future;
use std::io;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

/// A runtime. Dropping it drops its tasks and waits for its blocking closures.
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    /// `None`: it was shut down already.
    limit: Option<Shutdown>,
}

/// How long the end waits for blocking closures.
#[derive(Debug, Clone, Copy)]
struct Shutdown(Option<Duration>);

impl UnwindSafe for Runtime {}
impl RefUnwindSafe for Runtime {}

impl Runtime {
    pub(super) fn from_core(core: Arc<Core>) -> Self {
        let limit = Some(Shutdown(None));
        Self { handle: Handle { core }, limit }
    }

    /// A runtime with everything enabled, as `#[tokio::main]` makes one.
    ///
    /// # Errors
    ///
    /// None here; real runtimes have some.
    #[cfg(feature = "rt-multi-thread")]
    #[track_caller]
    pub fn new() -> io::Result<Runtime> {
        Builder::new_multi_thread().enable_all().build()
    }

    /// The handle to this runtime.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Spawns a task.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.core.spawn(future, Location::caller())
    }

    /// Runs a closure that may block; see [`Handle::spawn_blocking`].
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, func: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.core.spawn_blocking(func, Location::caller())
    }

    /// Drives a future to its end on the present thread.
    ///
    /// # Panics
    ///
    /// Within an asynchronous context, when the future does, or when nothing can go on any more.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let may_leave = self.handle.runtime_flavor() != RuntimeFlavor::CurrentThread;
        self.handle.core.block_on(future, may_leave)
    }

    /// Makes this runtime current until the guard is dropped.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Drops the tasks and waits for the blocking closures, for at most `duration` of virtual time.
    pub fn shutdown_timeout(mut self, duration: Duration) {
        self.limit = Some(Shutdown(Some(duration)));
    }

    /// Drops the tasks and waits for nothing.
    pub fn shutdown_background(self) {
        self.shutdown_timeout(Duration::ZERO);
    }

    /// Figures about the runtime.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.handle.metrics()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(Shutdown(limit)) = self.limit.take() {
            self.handle.core.shut_down_and_wait(limit);
        }
    }
}

/// Whether this error says that the runtime was being shut down.
pub fn is_rt_shutdown_err(err: &io::Error) -> bool {
    err.kind() == io::ErrorKind::Other
        && err.get_ref().is_some_and(|inner| inner.source().is_none() && inner.to_string() == SHUTTING_DOWN)
}

const SHUTTING_DOWN: &str = "A Tokio 1.x context was found, but it is being shutdown.";

/// What input and output answer on a runtime that is shut down.
pub(crate) fn shutting_down() -> io::Error {
    io::Error::other(SHUTTING_DOWN)
}
