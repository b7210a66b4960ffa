//! The shadow workspace: the user's packages seen again under `target/sim`, where tokio is ours.
//!
//! Why a second workspace: `cargo --config patch…` works in place, but it rewrites Cargo.lock, and there is
//! no stable way to name another lock file.

pub mod closure;
pub mod folder;
pub mod manifest;
pub mod mirror;
pub mod prepare;
pub mod resolve;
pub mod state;
pub mod workspace;
