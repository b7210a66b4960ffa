//! The services that this build of the drop-in can have beside the code under test (`cargo sim test --postgres db`).
//!
//! The drop-in sits on the network and knows no store. `cargo sim` knows what was asked for, lets the generated
//! package depend on it, and writes the function that offers it.

#[cfg(drop_in)]
include!(concat!(env!("OUT_DIR"), "/services.rs"));

#[cfg(not(drop_in))]
pub(crate) fn offer() {}
