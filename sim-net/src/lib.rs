//! The simulated network: packets, links, TCP, UDP, names, request-level faults.
//!
//! * [`link`]: one direction between two nodes: latency, loss, bandwidth, cuts and other rules
//! * [`tcp`]: a connection as a pure state machine

pub mod link;
pub mod tcp;
