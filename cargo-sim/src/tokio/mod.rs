//! Putting the drop-in in tokio's place.
//!
//! Cargo refuses a patched `tokio` that itself depends on the registry's `tokio`. So there are two packages: a
//! copy of the locked tokio under the name `real-tokio`, which keeps what needs no runtime (`sync`, the `io`
//! traits, macros), and on top of it one named `tokio`, of the very same version, whose source is `sim-tokio`.

pub mod drop_in;
pub mod edits;
pub mod real;
pub mod version;
