//! What a connection needs from the world around it.
//!
//! The state machine has no clock, no generator and no waker. It is handed this for the length of one
//! call; in a run the network implements it, in tests a script does.

use super::Side;
use super::end::Readiness;
use crate::link::Passage;

/// Something a connection wants to be told about later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The next packet of this side's pipe is due.
    Arrival,
    /// A window update reached this side.
    Window,
    /// Acknowledgements have freed room for this side.
    Room,
    /// This side should look whether it has waited too long.
    GiveUp,
    /// This side's keepalive would notice a dead peer now.
    Keepalive,
}

/// How a listener receives a `SYN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// There is one, with room.
    Accept,
    /// There is one, its backlog is full: the `SYN` is dropped and tried again.
    Full,
    /// Nobody listens: the answer is a reset.
    Refuse,
}

/// What became of a connection, for the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A `SYN` left.
    Connecting,
    /// The handshake is complete on this side.
    Connected,
    /// This side sends no more.
    Finished,
    /// This side aborts.
    Aborted,
    /// A reset arrived at this side.
    Reset,
    /// This side waited too long.
    TimedOut,
    /// A packet of this side waits for the path to heal.
    Stuck,
}

/// The world around one connection.
pub trait Wire {
    /// Virtual time, ns.
    fn now(&self) -> u64;
    /// Draws the fate of a packet of `from` that leaves at `at_ns`.
    fn pass(&mut self, from: Side, at_ns: u64, bytes: usize) -> Passage;
    /// Shortest trip of a packet of `from`, or none while its link is blocked.
    fn trip_ns(&self, from: Side) -> Option<u64>;
    /// Whether a router reports the path of `from` as missing.
    fn unreachable(&self, from: Side) -> bool;
    /// Whether the machine of `side` answers at all.
    fn up(&self, side: Side) -> bool;
    /// Asks to be called again.
    fn timer(&mut self, at_ns: u64, side: Side, timer: Timer);
    /// Whoever waits on `side` should look again.
    fn ready(&mut self, side: Side, readiness: Readiness);
    /// A `SYN` arrived: what does the port say?
    fn welcome(&mut self) -> Welcome;
    /// The handshake is complete at the server: queue it for `accept`. False when the listener is gone.
    fn enqueue(&mut self) -> bool;
    /// Something for the trace.
    fn event(&mut self, side: Side, event: Event);
}
