//! Nothing but the dependency.
pub use sim_runtime::world;
