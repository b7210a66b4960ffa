//! What a scenario does to the network: cuts, latency, loss, names.
//!
//! ```no_run
//! use std::time::Duration;
//! # async fn scenario() {
//! let net = sim_net::net();
//! let cut = net.cut("api", "db");
//! sim_runtime::executor::sleep(Duration::from_secs(5)).await;
//! drop(cut); // heals, as any fault does whose guard is dropped
//! net.isolate("db").lasting(Duration::from_secs(30));
//! # }
//! ```

mod guard;

pub use guard::Guard;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use sim_runtime::executor::World;
use sim_runtime::node::{Node, nodes};
use sim_runtime::task::NodeId;

use crate::link::{Effect, Latency, Nodes, Ratio, Selector};
use crate::names::Record;
use crate::network::with;

/// The network of the current run. Free to copy.
#[derive(Debug, Clone, Copy)]
pub struct Net(());

/// The network of the current run.
///
/// # Panics
/// Outside of a run.
pub fn net() -> Net {
    with(|_, _| Net(()))
}

/// A node, given as itself or by name. The empty name is the scenario's own code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machine {
    /// This one.
    Id(NodeId),
    /// The one with this name.
    Named(String),
}

impl From<Node> for Machine {
    fn from(node: Node) -> Machine {
        Machine::Id(node.id())
    }
}

impl From<&Node> for Machine {
    fn from(node: &Node) -> Machine {
        Machine::Id(node.id())
    }
}

impl From<NodeId> for Machine {
    fn from(id: NodeId) -> Machine {
        Machine::Id(id)
    }
}

impl From<&str> for Machine {
    fn from(name: &str) -> Machine {
        Machine::Named(name.to_owned())
    }
}

impl From<&String> for Machine {
    fn from(name: &String) -> Machine {
        Machine::Named(name.clone())
    }
}

impl Machine {
    /// The node's number.
    ///
    /// # Panics
    /// When there is no node of that name, saying which there are.
    #[track_caller]
    pub(crate) fn id(&self, world: &World) -> NodeId {
        match self {
            Machine::Id(id) => *id,
            Machine::Named(name) if name.is_empty() => NodeId::WORLD,
            Machine::Named(name) => nodes(world).find(name).unwrap_or_else(|| {
                let known: Vec<String> =
                    nodes(world).all().iter().map(|(_, name)| name.to_string()).collect();
                panic!("there is no node `{name}`; nodes are: {}", known.join(", "))
            }),
        }
    }
}

/// What a crashed node looks like to its peers while it is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenDown {
    /// The machine is off: no answer to anything. Peers notice when they send, after 15 minutes or their own
    /// timeouts, or when the machine is back and knows nothing. The default.
    #[default]
    Silent,
    /// The process died, its machine did not: connections are reset, connects are refused.
    Refuses,
}

impl Net {
    #[track_caller]
    fn begin(self, effect: Effect, links: impl FnOnce(&World) -> Selector) -> Guard {
        with(|state, world| {
            let links = links(world);
            let text = format!("{effect:?}");
            let id = state.begin(world, links, effect);
            world.fact("net.rule", &[id.0], || format!("begins: {text}"));
            Guard::new(id, state.run)
        })
    }

    /// Cuts both directions between two nodes. What is in flight is caught too.
    #[track_caller]
    pub fn cut(self, a: impl Into<Machine>, b: impl Into<Machine>) -> Guard {
        let (a, b) = (a.into(), b.into());
        self.begin(Effect::Cut, |world| Selector::both_ways(Nodes::one(a.id(world)), Nodes::one(b.id(world))))
    }

    /// Cuts one direction: what `from` sends does not reach `to`, answers to earlier requests do come back.
    #[track_caller]
    pub fn cut_one_way(self, from: impl Into<Machine>, to: impl Into<Machine>) -> Guard {
        self.one_way(from, to, Effect::Cut)
    }

    /// Cuts a node off from every other, also from those that boot later.
    #[track_caller]
    pub fn isolate(self, node: impl Into<Machine>) -> Guard {
        let node = node.into();
        self.begin(Effect::Cut, |world| Selector::isolate(node.id(world)))
    }

    /// Cuts groups of nodes off from each other; nodes in no group keep all their links.
    #[track_caller]
    pub fn partition<M: Into<Machine> + Clone>(self, groups: &[&[M]]) -> Guard {
        self.begin(Effect::Cut, |world| {
            let ids =
                |group: &&[M]| group.iter().map(|m| m.clone().into().id(world)).collect::<BTreeSet<NodeId>>();
            Selector::groups(&groups.iter().map(ids).collect::<Vec<_>>())
        })
    }

    /// As [`Net::cut`], and a router says so: connects fail with `HostUnreachable` at once.
    #[track_caller]
    pub fn unreachable(self, a: impl Into<Machine>, b: impl Into<Machine>) -> Guard {
        let (a, b) = (a.into(), b.into());
        let pair = |world: &World| Selector::both_ways(Nodes::one(a.id(world)), Nodes::one(b.id(world)));
        self.begin(Effect::Unreachable, pair)
    }

    /// Keeps packets from `from` to `to` until the guard is dropped, then delivers them all.
    #[track_caller]
    pub fn hold(self, from: impl Into<Machine>, to: impl Into<Machine>) -> Guard {
        self.one_way(from, to, Effect::Hold)
    }

    /// Packets from `from` to `to` sent within `duration` from now arrive after it.
    #[track_caller]
    pub fn clog(self, from: impl Into<Machine>, to: impl Into<Machine>, duration: Duration) {
        let until_ns = with(|_, world| world.now()).saturating_add(nanos(duration));
        self.one_way(from, to, Effect::Clog { until_ns }).lasting(duration);
    }

    /// Loses packets with this probability. On a stream a lost packet is late by a retransmission.
    #[track_caller]
    pub fn lose(self, from: impl Into<Machine>, to: impl Into<Machine>, ratio: Ratio) -> Guard {
        self.one_way(from, to, Effect::Loss(ratio))
    }

    /// Delivers datagrams twice with this probability.
    #[track_caller]
    pub fn duplicate(self, from: impl Into<Machine>, to: impl Into<Machine>, ratio: Ratio) -> Guard {
        self.one_way(from, to, Effect::Duplicate(ratio))
    }

    /// Lets datagrams fall behind later ones with this probability.
    #[track_caller]
    pub fn reorder(self, from: impl Into<Machine>, to: impl Into<Machine>, ratio: Ratio) -> Guard {
        self.one_way(from, to, Effect::Reorder(ratio))
    }

    /// Adds to the latency of one direction.
    #[track_caller]
    pub fn delay(self, from: impl Into<Machine>, to: impl Into<Machine>, latency: Latency) -> Guard {
        self.one_way(from, to, Effect::Delay(latency))
    }

    /// Limits one direction to this many bytes a second; packets queue.
    #[track_caller]
    pub fn throttle(self, from: impl Into<Machine>, to: impl Into<Machine>, bytes_per_second: u64) -> Guard {
        self.one_way(from, to, Effect::Bandwidth { bytes_per_second })
    }

    /// Any effect on any set of links.
    #[track_caller]
    pub fn rule(self, links: Selector, effect: Effect) -> Guard {
        self.begin(effect, |_| links)
    }

    #[track_caller]
    fn one_way(self, from: impl Into<Machine>, to: impl Into<Machine>, effect: Effect) -> Guard {
        let (from, to) = (from.into(), to.into());
        self.begin(effect, |world| Selector::one_way(Nodes::one(from.id(world)), Nodes::one(to.id(world))))
    }

    /// Ends every fault in force, whoever holds its guard. Happens by itself when the liveness phase begins.
    pub fn heal_all(self) {
        with(super::network::State::heal_all);
    }

    /// Sets the latency between all nodes, from now on. Default: uniform, 1 to 10 ms.
    pub fn set_latency(self, latency: &Latency) {
        with(|state, _| state.shared.links.set_latency(latency));
    }

    /// Sets the latency of one direction, from now on. `from == to` is a node's loopback, by default 20 µs.
    #[track_caller]
    pub fn set_latency_between(self, from: impl Into<Machine>, to: impl Into<Machine>, latency: &Latency) {
        let (from, to) = (from.into(), to.into());
        with(|state, world| state.shared.links.set_latency_between(from.id(world), to.id(world), latency));
    }

    /// What a crash of the node looks like to its peers.
    #[track_caller]
    pub fn when_down(self, node: impl Into<Machine>, look: WhenDown) {
        let node = node.into();
        with(|state, world| state.when_down.insert(node.id(world), look));
    }

    /// Lets a name resolve to these addresses, in this order.
    pub fn set_record(self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.record(name, Record::Addresses(addresses.into_iter().collect()));
    }

    /// Lets a name not exist, or its look-up fail.
    pub fn record(self, name: &str, record: Record) {
        with(|state, world| {
            state.names.install(world);
            state.names.set(name, record);
        });
    }

    /// Forgets the record of a name: it means the node of that name again, if there is one.
    pub fn remove_record(self, name: &str) {
        with(|state, _| state.names.remove(name));
    }

    /// Lets look-ups of a name take this long.
    pub fn slow_record(self, name: &str, delay: Duration) {
        with(|state, world| {
            state.names.install(world);
            state.names.slow(name, nanos(delay));
        });
    }

    /// The socket table of one node, as text.
    #[track_caller]
    pub fn netstat(self, node: impl Into<Machine>) -> String {
        let node = node.into();
        with(|state, world| state.netstat(world, Some(node.id(world)))).unwrap_or_default()
    }

    /// Connections that exist at the moment, for tests of leaks.
    pub fn connections(self) -> usize {
        with(|state, _| state.conns.keys().len())
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
