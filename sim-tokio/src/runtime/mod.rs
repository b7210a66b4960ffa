//! tokio's runtimes. Every flavour is the run's one executor; a runtime is a set of tasks that end together.
//!
//! Where a runtime is made decides which run it belongs to: inside of a scenario, to that; in a plain
//! function, to one that begins with it (`ambient`). Code on a node that makes none has the node's own.

mod ambient;
mod builder;
pub(crate) mod context;
pub(crate) mod core;
mod handle;
mod local;
mod metrics;
#[allow(clippy::module_inception, reason = "the module has tokio's name, the file its type's")]
mod runtime;
pub(crate) mod seam;

pub(crate) use ambient::Stay;
pub(crate) use ambient::limits;
pub use builder::Builder;
pub use handle::{EnterGuard, Handle, TryCurrentError};
pub use local::{LocalOptions, LocalRuntime};
pub use metrics::RuntimeMetrics;
pub(crate) use runtime::shutting_down;
pub use runtime::{Runtime, is_rt_shutdown_err};

use std::fmt;
use std::num::NonZeroU64;

/// What a runtime was built as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// One thread.
    CurrentThread,
    /// Several threads.
    MultiThread,
}

/// The number of a runtime or a local set within its run.
#[derive(Clone, Copy, Debug, Hash, Eq, PartialEq)]
pub struct Id(pub(crate) NonZeroU64);

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
