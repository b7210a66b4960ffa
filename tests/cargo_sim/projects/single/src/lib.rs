//! Reads a file beside its source and one at run time, as packages do.
pub const README: &str = include_str!("../README.md");

#[cfg(feature = "extra")]
pub const EXTRA: bool = true;
