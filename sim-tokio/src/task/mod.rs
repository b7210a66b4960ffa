//! tokio's tasks, on the run's executor.

pub(crate) mod abort;
mod error;
mod harness;
mod id;
pub(crate) mod join;
pub mod join_set;
pub(crate) mod local;
mod spawn;
mod yield_now;

pub use abort::AbortHandle;
pub use error::JoinError;
pub(crate) use harness::Harness;
pub use id::{Id, id, try_id};
pub use join::JoinHandle;
pub use join_set::JoinSet;
pub use local::{LocalEnterGuard, LocalSet};
pub use real_tokio::task::coop::{Unconstrained, consume_budget, unconstrained};
pub use real_tokio::task::{LocalKey, coop};
pub use spawn::{block_in_place, spawn, spawn_blocking, spawn_local};
pub use yield_now::yield_now;

/// Futures of this module.
pub mod futures {
    pub use real_tokio::task::futures::TaskLocalFuture;
}

/// Does `f` with a budget of its own, so that it is not kept from looking at what is ready.
fn coop_free<T>(f: impl FnOnce() -> T) -> T {
    crate::runtime::seam::unconstrained(f)
}
