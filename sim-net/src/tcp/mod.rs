//! TCP, as an application can observe it, as a pure state machine.
//!
//! What an application sees of TCP is order, delay, backpressure, half-close, resets and errors. What it
//! cannot see is sequence numbers, acknowledgement packets and congestion windows. So a [`Connection`] is
//! both ends and both directions in one object: a packet is an arrival time in a [`pipe`], an
//! acknowledgement is the time it will be back, a lost packet is one that arrives a retransmission later,
//! and a cut is packets that wait for it to heal or for Linux' patience to end. Rejected: a full segment
//! machine with acknowledgement events (three times the events, nothing more to see), and channels with
//! a delay (no windows, no half-open, no resets: false calm).
//!
//! | file | concept |
//! |---|---|
//! | [`pipe`] | one direction: bytes, packets on the wire, windows |
//! | [`end`] | one end: phase, errors, options |
//! | [`connection`] | calls of the application |
//! | `arrival` | what packets do when they arrive |
//! | `outage` | cuts, heals, crashes, giving up |
//! | [`wire`] | what a connection needs from the world |
//! | [`limits`] | the numbers of a Linux host |

mod arrival;
pub mod connection;
pub mod end;
pub mod limits;
mod outage;
pub mod pipe;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
mod tests;
pub mod wire;

pub use connection::Connection;
pub use end::{End, Linger, Phase, Readiness, Side};
pub use limits::Keepalive;
pub use wire::{Event, Timer, Welcome, Wire};
