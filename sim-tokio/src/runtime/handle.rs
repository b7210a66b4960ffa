//! Handles to a runtime.

use super::context::{self, Missing};
use super::core::Core;
use super::{Id, RuntimeFlavor, RuntimeMetrics};
use crate::task::JoinHandle;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

/// A handle to a runtime. Clones name the same runtime and do not keep it from shutting down.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) core: Arc<Core>,
}

impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

/// Keeps a runtime current; see [`Handle::enter`].
#[derive(Debug)]
#[must_use = "the runtime is current only until the guard is dropped"]
pub struct EnterGuard<'a> {
    _guard: context::CurrentGuard,
    _handle: PhantomData<&'a Handle>,
    _not_send: PhantomData<*const ()>,
}

impl Handle {
    /// Makes this runtime current until the guard is dropped, for `spawn`, sleeps and sockets.
    ///
    /// # Panics
    ///
    /// The guard's drop panics if guards are dropped in another order than the reverse of their making.
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard { _guard: context::set_current(self), _handle: PhantomData, _not_send: PhantomData }
    }

    /// The current runtime. In the code of a simulated node that made none it is one of the node's own.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// The current runtime.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        context::try_current().map_err(|missing| TryCurrentError { missing })
    }

    /// Spawns a task. On a runtime that is shut down the task is cancelled at once.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.core.spawn(future, Location::caller())
    }

    /// Runs a closure that may block, on a thread of its own whose waiting takes virtual time.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, func: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.core.spawn_blocking(func, Location::caller())
    }

    /// Drives a future to its end on the present thread.
    ///
    /// # Panics
    ///
    /// Within an asynchronous context, or when nothing can go on any more.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.core.block_on(future, true)
    }

    /// What the runtime was built as.
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        self.core.config.flavor
    }

    /// The runtime's number.
    pub fn id(&self) -> Id {
        Id(NonZeroU64::new(self.core.id).expect("runtimes are numbered from 1"))
    }

    /// The runtime's name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.core.config.name.as_deref()
    }

    /// Figures about the runtime.
    pub fn metrics(&self) -> RuntimeMetrics {
        RuntimeMetrics::new(self.clone())
    }

    /// Panics as tokio does when a timer is made on a runtime without one.
    #[track_caller]
    pub(crate) fn expect_time(&self) {
        assert!(
            self.core.config.time,
            "A Tokio 1.x context was found, but timers are disabled. Call `enable_time` on the runtime builder to \
             enable timers."
        );
    }

    /// Panics as tokio does when a socket is made on a runtime without input and output.
    ///
    /// # Errors
    ///
    /// When the runtime is shut down.
    #[track_caller]
    pub(crate) fn io(&self) -> std::io::Result<()> {
        assert!(
            self.core.config.io,
            "A Tokio 1.x context was found, but IO is disabled. Call `enable_io` on the runtime builder to enable IO."
        );
        if self.core.is_shut_down() { Err(super::shutting_down()) } else { Ok(()) }
    }
}

/// There is no current runtime.
pub struct TryCurrentError {
    missing: Missing,
}

impl TryCurrentError {
    /// Whether it is because no runtime was entered.
    pub fn is_missing_context(&self) -> bool {
        self.missing == Missing::Context
    }

    /// Whether it is because the thread is ending.
    pub fn is_thread_local_destroyed(&self) -> bool {
        self.missing == Missing::ThreadLocal
    }
}

impl fmt::Debug for TryCurrentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TryCurrentError").field("missing", &self.missing).finish()
    }
}

impl fmt::Display for TryCurrentError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.missing {
            Missing::Context => {
                "there is no reactor running, must be called from the context of a Tokio 1.x runtime"
            }
            Missing::ThreadLocal => "The Tokio context thread-local variable has been destroyed.",
        })
    }
}

impl std::error::Error for TryCurrentError {}
