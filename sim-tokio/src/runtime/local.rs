//! A runtime whose tasks need not be `Send`.

use super::{EnterGuard, Handle, Runtime, RuntimeMetrics};
use crate::task::JoinHandle;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

/// A runtime whose tasks need not be `Send`: `spawn_local` works in all of it.
#[derive(Debug)]
pub struct LocalRuntime {
    runtime: Runtime,
    _not_send: PhantomData<*mut u8>,
}

/// Options of a [`LocalRuntime`]; there are none yet.
#[derive(Default, Debug)]
#[non_exhaustive]
pub struct LocalOptions {
    _not_send: PhantomData<*mut u8>,
}

impl LocalRuntime {
    pub(super) fn from_runtime(runtime: Runtime) -> Self {
        Self { runtime, _not_send: PhantomData }
    }

    /// A local runtime with everything enabled.
    ///
    /// # Errors
    ///
    /// None here; real runtimes have some.
    #[track_caller]
    pub fn new() -> io::Result<LocalRuntime> {
        super::Builder::new_current_thread().enable_all().build_local(LocalOptions::default())
    }

    /// The handle to this runtime.
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Spawns a task, which need not be `Send`.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.handle().core.spawn(future, Location::caller())
    }

    /// Runs a closure that may block; see [`Handle::spawn_blocking`].
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, func: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle().core.spawn_blocking(func, Location::caller())
    }

    /// Drives a future to its end on the present thread.
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Makes this runtime current until the guard is dropped.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Drops the tasks and waits for the blocking closures, for at most `duration` of virtual time.
    pub fn shutdown_timeout(self, duration: Duration) {
        self.runtime.shutdown_timeout(duration);
    }

    /// Drops the tasks and waits for nothing.
    pub fn shutdown_background(self) {
        self.runtime.shutdown_background();
    }

    /// Figures about the runtime.
    pub fn metrics(&self) -> RuntimeMetrics {
        self.runtime.metrics()
    }
}
