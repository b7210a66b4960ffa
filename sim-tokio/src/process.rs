//! There is no `tokio::process` here: a child process is beyond the reach of the tape, so nothing of it could be
//! repeated.
//!
//! Code that starts one does not compile inside of the simulation. Put a trait or a feature in front of it.
