//! Faults a plan draws for packets, writes and connections.
//!
//! | kind | each opportunity | what it does |
//! |---|---|---|
//! | `net.loss` | a packet between nodes | it is lost; on a stream, late by a retransmission |
//! | `net.delay` | a packet between nodes | up to a second more on its way |
//! | `net.cut` | a write or connect between nodes | the two are cut off from each other, seconds to minutes |
//! | `net.reset` | a write between nodes | the connection is reset at both ends |
//! | `net.short_write` | a write of two bytes or more | a part is taken, so the peer reads in pieces |
//! | `dns.failure` | a look-up by name | the resolver cannot tell for now |

use std::rc::Rc;

use sim_runtime::executor::World;
use sim_runtime::task::NodeId;

use super::calls::SocketId;
use super::queue::Due;
use super::state::{Shared, State};
use crate::link::{Effect, LinkId, Nodes, Passage, Selector};
use crate::tcp::Side;

/// Longest extra delay of a packet.
const DELAY_NS_MAX: u64 = 1_000_000_000;
/// Shortest, mean and longest time a planned cut lasts.
const CUT_NS: (u64, u64, u64) = (10_000_000, 3_000_000_000, 300_000_000_000);

impl Shared {
    fn strikes(&self, world: &World, kind: &str, from: NodeId, to: NodeId, what: &str) -> bool {
        let name = |node| match &*world.node_name(node) {
            "" => "the scenario".to_owned(),
            name => name.to_owned(),
        };
        let struck =
            self.faults.strike(world, kind, || format!("{what} from {} to {}", name(from), name(to)));
        if struck {
            self.faults.had_effect(kind);
        }
        struck
    }

    /// What a plan does to a packet, if anything.
    #[inline]
    pub(crate) fn planned_fate(
        &mut self,
        world: &World,
        link: LinkId,
        at_ns: u64,
        bytes: usize,
    ) -> Option<Passage> {
        if !self.faults.any() {
            return None;
        }
        let road = self.links.get(link);
        let (from, to) = (road.from, road.to);
        if from == to || road.blocked() {
            return None;
        }
        if self.strikes(world, "net.loss", from, to, "a packet lost") {
            return Some(Passage::Lost);
        }
        if !self.strikes(world, "net.delay", from, to, "a packet delayed") {
            return None;
        }
        let lane = &self.lanes[link.0 as usize];
        let more = lane.below(DELAY_NS_MAX) + 1;
        match self.links.get_mut(link).pass(at_ns, bytes, &mut &*lane) {
            Passage::Arrives(at) => Some(Passage::Arrives(at + more)),
            other => Some(other),
        }
    }
}

impl State {
    /// How many bytes of a write are taken at most.
    pub(crate) fn planned_length(&self, world: &World, bytes: usize) -> usize {
        let describe = || format!("a write of {bytes} bytes taken in part");
        if bytes > 1 && self.shared.faults.strike(world, "net.short_write", describe) {
            self.shared.faults.had_effect("net.short_write");
            // 0 is calm: nearly all of it.
            return bytes - 1 - world.tape.lane("net/short_write").below(bytes as u64 - 1) as usize;
        }
        bytes
    }

    /// What a plan does to a connection that is about to be written to.
    pub(crate) fn planned_outage(&mut self, world: &Rc<World>, id: SocketId) {
        let Some(conn) = self.socket(id) else { return };
        let [client, server] = conn.nodes;
        if client == server {
            return;
        }
        let (from, to) = if id.side == Side::Client { (client, server) } else { (server, client) };
        self.planned_cut(world, from, to);
        if self.shared.strikes(world, "net.reset", from, to, "a connection reset on the way") {
            self.reset_both(world, id.key());
        }
    }

    /// Cuts two nodes off from each other, when the plan says so.
    pub(crate) fn planned_cut(&mut self, world: &Rc<World>, from: NodeId, to: NodeId) {
        if from != to && self.shared.strikes(world, "net.cut", from, to, "the way is cut") {
            let (least, mean, most) = CUT_NS;
            let lasts = least + world.tape.lane("net/cut").long_tail(mean, most);
            let links = Selector::both_ways(Nodes::one(from), Nodes::one(to));
            let rule = self.begin(world, links, Effect::Cut);
            self.shared.queue.at(world.now() + lasts, Due::Rule { number: rule.0 });
        }
    }
}
