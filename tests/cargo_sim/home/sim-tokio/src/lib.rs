//! Tokio as it is, with something to see that it was replaced.
pub use real_tokio::*;

/// Only the drop-in has this.
pub const SIMULATED: bool = true;

/// The runtime instance the drop-in uses.
pub fn world() -> usize {
    sim_net::world()
}

/// Whether the seam of the copy is there and its hook is asked by `select!`.
#[cfg(drop_in)]
pub fn install_fixed_draw() {
    real_tokio::sim::install(real_tokio::sim::Hooks {
        draw: |_| Some(0),
        is_asynchronous: || false,
        sleep: |_| None,
        sent: |_, _| {},
        received: |_, _| {},
    });
}

/// The budget of the copy is open.
#[cfg(drop_in)]
pub fn with_budget<R>(f: impl FnOnce() -> R) -> R {
    real_tokio::task::coop::budget(f)
}
