//! tokio's own traits and utilities, which need no runtime; the standard streams are the run's.

#[cfg(all(feature = "io-std", unix))]
mod standard;

#[cfg(all(feature = "io-std", unix))]
pub use standard::{Stderr, Stdin, Stdout, stderr, stdin, stdout};

pub use real_tokio::io::*;

/// Registering descriptors of the host: the types are there, for what is generic over them; there is no reactor
/// to register with.
#[cfg(all(feature = "net", unix))]
pub mod unix;
