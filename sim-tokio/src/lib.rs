//! tokio's paths, simulated.
//!
//! The same source is compiled twice: as the crate `sim-tokio`, over the registry's tokio, to be imported by
//! name; and by `cargo sim` as a package named `tokio`, over a renamed copy of the very version that a
//! project has locked, so that unmodified services run in the simulation.
//!
//! | module | what |
//! |---|---|
//! | [`runtime`] | every flavour is the run's one executor |
//! | [`task`] | tasks, blocking closures, local sets, join sets |
//! | [`time`] | virtual time |
//! | [`io`] | tokio's own traits and utilities; standard streams that go to the trace |
//! | [`sync`], macros | tokio's own: they need no runtime |
//!
//! What is not simulated does not exist here: code that asks for it does not compile, instead of touching the real
//! machine.
#![allow(
    clippy::unused_async,
    clippy::elidable_lifetime_names,
    clippy::needless_pass_by_value,
    clippy::struct_excessive_bools,
    reason = "the signatures are tokio's, and so are the options"
)]

#[cfg(feature = "fs")]
pub mod fs;
pub mod io;
#[cfg(feature = "net")]
pub mod net;
#[cfg(all(feature = "process", unix))]
pub mod process;
pub mod runtime;
mod services;
#[cfg(all(feature = "signal", unix))]
pub mod signal;
pub mod task;
pub mod time;

#[doc(hidden)]
pub mod entry;

#[cfg(feature = "sync")]
pub use real_tokio::sync;
#[cfg(feature = "macros")]
pub use real_tokio::{join, select, try_join};
pub use real_tokio::{pin, stream, task_local};
#[cfg(feature = "macros")]
pub use sim_tokio_macros::{main, test};
pub use task::spawn;
