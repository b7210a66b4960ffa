//! One end of a connection: what its application asked for and what it learned.
//!
//! RFC 9293 has eleven states. An application can tell fewer apart, so an [`End`] keeps the few facts they
//! are made of (handshake done, `FIN` sent, `FIN` seen, over) and [`Connection::state`](super::Connection::state)
//! names the textbook state for `netstat`.

use std::io::ErrorKind;
use std::net::SocketAddr;

use super::limits::Keepalive;

/// Which end: the one that connected, or the one that was listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end that called `connect`.
    Client = 0,
    /// The end that came out of a listener.
    Server = 1,
}

impl Side {
    /// The end at the other side.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// How far an end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The server's end before a `SYN` arrived, and any end its machine forgot.
    Gone,
    /// `SYN` sent, no answer yet.
    SynSent,
    /// `SYN` seen and answered, the handshake's last packet not yet here.
    SynReceived,
    /// Connected.
    Open,
    /// Over: closed on both sides, reset, or given up.
    Closed,
}

/// What `SO_LINGER` makes of a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linger {
    /// Unsent bytes follow in the background. The default.
    Background,
    /// `SO_LINGER` with zero: unsent bytes are dropped and the peer gets a reset.
    Reset,
}

/// The state of one end.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, named after it")]
pub struct End {
    /// How far it has come.
    pub phase: Phase,
    /// Somebody (an application, or a listener's queue) still has it.
    pub owned: bool,
    /// The application will not read again.
    pub read_shut: bool,
    /// The peer's `FIN` arrived: nothing follows the bytes at hand.
    pub peer_done: bool,
    /// What the next call reports, once.
    pub error: Option<ErrorKind>,
    /// What a close does.
    pub linger: Linger,
    /// Whether small writes leave at once. Kept for `getsockopt`: the model never delays them.
    pub nodelay: bool,
    /// Probing of an idle connection, when asked for.
    pub keepalive: Option<Keepalive>,
    /// Longest time data may stay unacknowledged, instead of Linux's 15 minutes.
    pub user_timeout_ns: Option<u64>,
    /// Last packet from the peer, for keepalive.
    pub heard_ns: u64,
    /// A keepalive timer is pending.
    pub keepalive_armed: bool,
    /// Own address.
    pub local: SocketAddr,
}

impl End {
    /// An end that nobody has yet.
    pub fn new(local: SocketAddr) -> End {
        End {
            phase: Phase::Gone,
            owned: false,
            read_shut: false,
            peer_done: false,
            error: None,
            linger: Linger::Background,
            nodelay: false,
            keepalive: None,
            user_timeout_ns: None,
            heard_ns: 0,
            keepalive_armed: false,
            local,
        }
    }

    /// Whether packets for this end still mean something to it.
    pub fn alive(&self) -> bool {
        matches!(self.phase, Phase::SynSent | Phase::SynReceived | Phase::Open)
    }
}

/// What changed for whoever waits on an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Reading would not block.
    pub read: bool,
    /// Writing would not block.
    pub write: bool,
}

impl Readiness {
    /// Reading would not block.
    pub const READ: Readiness = Readiness { read: true, write: false };
    /// Writing would not block.
    pub const WRITE: Readiness = Readiness { read: false, write: true };
    /// Neither would block.
    pub const BOTH: Readiness = Readiness { read: true, write: true };
}
