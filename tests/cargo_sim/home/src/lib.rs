//! The front door of the stand-in.
pub use sim_runtime::world;
