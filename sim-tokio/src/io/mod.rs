//! tokio's own traits and utilities, which need no runtime.

pub use real_tokio::io::*;
