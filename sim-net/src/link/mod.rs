//! Links: one direction between two nodes, and what happens to a packet on it.
//!
//! A packet's fate is drawn once, when it is sent: how long it travels, whether it is lost, whether a
//! copy follows. Two things may still change it under way, both without a draw: a cut that begins
//! catches everything in flight (that is what a cut cable does; keeping it was a bug users of another
//! simulator reported), and a hold keeps it until released.
//!
//! [`latency`] models travel times, [`selector`] says which links a rule means, [`link`] is the state of
//! one link, [`rules`] the faults in force with their lifetimes.

pub mod latency;
#[expect(clippy::module_inception, reason = "one concept, one file, named after it")]
pub mod link;
pub mod rules;
pub mod selector;

pub use latency::{Choices, Latency};
pub use link::{Link, LinkId, Links, Passage};
pub use rules::{Effect, RuleId};
pub use selector::{Nodes, Selector};

pub use sim_runtime::tape::Ratio;
pub use sim_runtime::task::NodeId;
