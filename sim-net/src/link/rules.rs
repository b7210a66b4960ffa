//! Faults in force on links, and when they end.

use crate::link::{Latency, Ratio, Selector};

/// Names a rule until it ends; never reused within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u64);

/// What a rule does to the packets of its links. Effects of several rules add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing passes and nobody is told: senders retransmit until they give up.
    Cut,
    /// Nothing passes, and a router says so: connects fail with `EHOSTUNREACH` at once, and a connection
    /// that gives up does so with that error.
    Unreachable,
    /// Packets are kept and delivered when the rule ends.
    Hold,
    /// Packets wait until this instant (virtual ns), then travel as usual.
    Clog {
        /// When the congestion is over.
        until_ns: u64,
    },
    /// Packets are lost with this probability.
    Loss(Ratio),
    /// Datagrams arrive twice with this probability. Streams never show duplicates.
    Duplicate(Ratio),
    /// Datagrams overtake those sent before them with this probability, by skipping the queue's order
    /// and adding one drawn latency. Streams show reordering as delay.
    Reorder(Ratio),
    /// Added to the link's own latency.
    Delay(Latency),
    /// Packets queue for the link at this many bytes a second.
    Bandwidth {
        /// Bytes a second, at least 1.
        bytes_per_second: u64,
    },
}

/// A fault in force.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) links: Selector,
    pub(crate) effect: Effect,
}
