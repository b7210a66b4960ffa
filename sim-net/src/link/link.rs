//! The state of one link, and the table of all links.
//!
//! Links are made when two nodes first talk. Rules are folded into each link when they begin or end, so
//! that the path of a packet reads a handful of fields and loops over no rules.

use std::collections::BTreeMap;
use std::rc::Rc;

use sim_runtime::index::Index;

use crate::link::rules::Rule;
use crate::link::{Choices, Effect, Latency, NodeId, Ratio, RuleId, Selector};

/// Index of a link in [`Links`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

/// What a packet handed to a link now would meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It arrives at this instant.
    Arrives(u64),
    /// It is lost, by chance.
    Lost,
    /// Nothing passes while a cut or a hold is in force.
    Blocked,
}

/// One direction between two nodes.
#[derive(Debug)]
pub struct Link {
    /// Sender.
    pub from: NodeId,
    /// Receiver.
    pub to: NodeId,
    base: Rc<Latency>,
    cuts: u32,
    unreachable: u32,
    holds: u32,
    clogged_until_ns: u64,
    bytes_per_second: u64,
    free_at_ns: u64,
    /// Apart, because few links have any: with thousands of links each packet looks at two that were not looked at lately.
    effects: Option<Box<Effects>>,
}

/// What rules in force add to a link.
#[derive(Debug, Default)]
struct Effects {
    loss: Vec<Ratio>,
    duplicate: Vec<Ratio>,
    reorder: Vec<Ratio>,
    delays: Vec<Latency>,
    clogs: Vec<u64>,
    limits: Vec<u64>,
}

impl Link {
    /// Whether nothing passes at the moment.
    pub fn blocked(&self) -> bool {
        self.cuts + self.unreachable + self.holds > 0
    }

    /// Whether packets are lost rather than kept.
    pub fn cut(&self) -> bool {
        self.cuts + self.unreachable > 0
    }

    /// Whether a router answers for the missing path.
    pub fn unreachable(&self) -> bool {
        self.unreachable > 0
    }

    /// Shortest trip at the moment, without a draw.
    pub fn calm_ns(&self) -> u64 {
        let delays = self.effects.iter().flat_map(|effects| &effects.delays);
        self.base.calm_ns() + delays.map(Latency::calm_ns).sum::<u64>()
    }

    /// Draws the fate of a packet of `bytes` leaving at `now_ns`.
    #[inline]
    pub fn pass(&mut self, now_ns: u64, bytes: usize, choices: &mut impl Choices) -> Passage {
        if self.blocked() {
            return Passage::Blocked;
        }
        let mut lost = false;
        for ratio in self.effects.iter().flat_map(|effects| &effects.loss) {
            lost |= choices.chance(*ratio);
        }
        let mut at = now_ns.max(self.clogged_until_ns);
        let weight = (bytes as u64 + PACKET_OVERHEAD_BYTES).saturating_mul(1_000_000_000);
        if let Some(wire) = weight.checked_div(self.bytes_per_second) {
            at = at.max(self.free_at_ns) + wire;
            self.free_at_ns = at;
        }
        if lost {
            return Passage::Lost;
        }
        at += self.base.draw(choices);
        for delay in self.effects.iter().flat_map(|effects| &effects.delays) {
            at += delay.draw(choices);
        }
        Passage::Arrives(at)
    }

    /// Draws whether a datagram arrives twice.
    pub fn duplicates(&self, choices: &mut impl Choices) -> bool {
        let ratios = self.effects.iter().flat_map(|effects| &effects.duplicate);
        ratios.fold(false, |hit, ratio| hit | choices.chance(*ratio))
    }

    /// Draws whether a datagram falls behind, and by how many nanoseconds.
    pub fn falls_behind(&self, choices: &mut impl Choices) -> u64 {
        let ratios = self.effects.iter().flat_map(|effects| &effects.reorder);
        let hit = ratios.fold(false, |hit, ratio| hit | choices.chance(*ratio));
        if hit { self.base.calm_ns() + 1 + self.base.draw(choices) } else { 0 }
    }

    fn apply(&mut self, effect: &Effect, begins: bool) {
        fn toggle<T: PartialEq + Clone>(list: &mut Vec<T>, item: &T, begins: bool) {
            if begins {
                list.push(item.clone());
            } else if let Some(at) = list.iter().position(|x| x == item) {
                list.remove(at);
            }
        }
        let count = |n: &mut u32| *n = if begins { *n + 1 } else { n.saturating_sub(1) };
        let effects = self.effects.get_or_insert_default();
        match effect {
            Effect::Cut => count(&mut self.cuts),
            Effect::Unreachable => count(&mut self.unreachable),
            Effect::Hold => count(&mut self.holds),
            Effect::Clog { until_ns } => {
                toggle(&mut effects.clogs, until_ns, begins);
                self.clogged_until_ns = effects.clogs.iter().copied().max().unwrap_or(0);
            }
            Effect::Loss(ratio) => toggle(&mut effects.loss, ratio, begins),
            Effect::Duplicate(ratio) => toggle(&mut effects.duplicate, ratio, begins),
            Effect::Reorder(ratio) => toggle(&mut effects.reorder, ratio, begins),
            Effect::Delay(latency) => toggle(&mut effects.delays, latency, begins),
            Effect::Bandwidth { bytes_per_second } => {
                toggle(&mut effects.limits, bytes_per_second, begins);
                self.bytes_per_second = effects.limits.iter().map(|&limit| limit.max(1)).min().unwrap_or(0);
                self.free_at_ns = 0;
            }
        }
    }
}

/// Ethernet, IP and TCP headers: what a packet costs a link beside its payload.
const PACKET_OVERHEAD_BYTES: u64 = 66;

/// All links of a run, and the rules in force on them.
#[derive(Debug)]
pub struct Links {
    all: Vec<Link>,
    by_ends: Index<(NodeId, NodeId), LinkId>,
    latency: Rc<Latency>,
    loopback: Rc<Latency>,
    per_pair: BTreeMap<(NodeId, NodeId), Rc<Latency>>,
    rules: Vec<Rule>,
    next_rule: u64,
}

impl Links {
    /// `latency` between nodes, `loopback` within one.
    pub fn new(latency: Latency, loopback: Latency) -> Links {
        Links {
            all: Vec::with_capacity(8),
            by_ends: Index::default(),
            latency: Rc::new(latency),
            loopback: Rc::new(loopback),
            per_pair: BTreeMap::new(),
            rules: Vec::new(),
            next_rule: 0,
        }
    }

    /// The link from one node to another, and whether it was made just now.
    pub fn between(&mut self, from: NodeId, to: NodeId) -> (LinkId, bool) {
        if let Some(&id) = self.by_ends.get(&(from, to)) {
            return (id, false);
        }
        let id = LinkId(u32::try_from(self.all.len()).expect("fewer than 2^32 links"));
        self.by_ends.insert((from, to), id);
        let base = match self.per_pair.get(&(from, to)) {
            Some(latency) => latency.clone(),
            None if from == to => self.loopback.clone(),
            None => self.latency.clone(),
        };
        let mut link = Link {
            from,
            to,
            base,
            cuts: 0,
            unreachable: 0,
            holds: 0,
            clogged_until_ns: 0,
            bytes_per_second: 0,
            free_at_ns: 0,
            effects: None,
        };
        for rule in &self.rules {
            if rule.links.matches(from, to) {
                link.apply(&rule.effect, true);
            }
        }
        self.all.push(link);
        (id, true)
    }

    /// One link.
    #[inline]
    pub fn get(&self, id: LinkId) -> &Link {
        &self.all[id.0 as usize]
    }

    /// One link, to send on.
    #[inline]
    pub fn get_mut(&mut self, id: LinkId) -> &mut Link {
        &mut self.all[id.0 as usize]
    }

    /// Sets the latency of every pair that has none of its own, from now on.
    pub fn set_latency(&mut self, latency: &Latency) {
        let latency = Rc::new(latency.clone());
        self.latency = Rc::clone(&latency);
        for link in &mut self.all {
            if link.from != link.to && !self.per_pair.contains_key(&(link.from, link.to)) {
                link.base = latency.clone();
            }
        }
    }

    /// Sets the latency of one direction, from now on; `from == to` is a node's loopback.
    pub fn set_latency_between(&mut self, from: NodeId, to: NodeId, latency: &Latency) {
        let latency = Rc::new(latency.clone());
        self.per_pair.insert((from, to), Rc::clone(&latency));
        if let Some(&id) = self.by_ends.get(&(from, to)) {
            self.get_mut(id).base = latency;
        }
    }

    /// Puts a rule in force; returns its name and the links that were open and are now blocked.
    pub fn begin(&mut self, links: Selector, effect: Effect) -> (RuleId, Vec<LinkId>) {
        let id = RuleId(self.next_rule);
        self.next_rule += 1;
        let changed = self.apply(&links, &effect, true);
        self.rules.push(Rule { id, links, effect });
        (id, changed)
    }

    /// Ends a rule; returns the links that were blocked and are now open. Ending one twice does nothing.
    pub fn end(&mut self, id: RuleId) -> Vec<LinkId> {
        let Some(at) = self.rules.iter().position(|rule| rule.id == id) else { return Vec::new() };
        let rule = self.rules.remove(at);
        self.apply(&rule.links, &rule.effect, false)
    }

    /// Ends every rule; returns the links that were blocked and are now open.
    pub fn heal_all(&mut self) -> Vec<LinkId> {
        let ids: Vec<RuleId> = self.rules.iter().map(|rule| rule.id).collect();
        let mut opened: Vec<LinkId> = ids.into_iter().flat_map(|id| self.end(id)).collect();
        opened.sort_unstable();
        opened
    }

    /// Whether a rule keeps packets rather than losing them.
    pub fn holds(&self, id: RuleId) -> bool {
        self.rules.iter().any(|rule| rule.id == id && rule.effect == Effect::Hold)
    }

    /// Whether a rule is in force.
    pub fn in_force(&self, id: RuleId) -> bool {
        self.rules.iter().any(|rule| rule.id == id)
    }

    /// How many rules are in force.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    fn apply(&mut self, links: &Selector, effect: &Effect, begins: bool) -> Vec<LinkId> {
        let mut changed = Vec::new();
        for (index, link) in self.all.iter_mut().enumerate() {
            if links.matches(link.from, link.to) {
                let before = link.blocked();
                link.apply(effect, begins);
                if link.blocked() != before {
                    changed.push(LinkId(index as u32));
                }
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Nodes;

    struct Calm;

    impl Choices for Calm {
        fn below(&mut self, _bound: u64) -> u64 {
            0
        }
        fn chance(&mut self, _ratio: Ratio) -> bool {
            false
        }
    }

    const A: NodeId = NodeId(1);
    const B: NodeId = NodeId(2);

    fn links() -> Links {
        Links::new(Latency::Constant(1_000), Latency::Constant(10))
    }

    fn pass(links: &mut Links, from: NodeId, to: NodeId, now: u64, bytes: usize) -> Passage {
        let (id, _) = links.between(from, to);
        links.get_mut(id).pass(now, bytes, &mut Calm)
    }

    #[test]
    fn loopback_is_faster_than_the_network() {
        let mut l = links();
        assert_eq!(pass(&mut l, A, B, 5, 1), Passage::Arrives(1_005));
        assert_eq!(pass(&mut l, A, A, 5, 1), Passage::Arrives(15));
    }

    #[test]
    fn a_cut_blocks_one_direction_until_it_ends() {
        let mut l = links();
        let (ab, _) = l.between(A, B);
        let (rule, blocked) = l.begin(Selector::one_way(Nodes::one(A), Nodes::one(B)), Effect::Cut);
        assert_eq!(blocked, [ab]);
        assert_eq!(pass(&mut l, A, B, 0, 1), Passage::Blocked);
        assert_eq!(pass(&mut l, B, A, 0, 1), Passage::Arrives(1_000));
        assert_eq!(l.end(rule), [ab]);
        assert_eq!(l.end(rule), []);
    }

    #[test]
    fn two_cuts_need_two_ends() {
        let mut l = links();
        let (ab, _) = l.between(A, B);
        let (first, _) = l.begin(Selector::isolate(A), Effect::Cut);
        let (second, blocked) = l.begin(Selector::isolate(B), Effect::Cut);
        assert_eq!(blocked, []);
        assert_eq!(l.end(first), []);
        assert_eq!(l.end(second), [ab]);
    }

    #[test]
    fn a_rule_also_meets_links_made_later() {
        let mut l = links();
        l.begin(Selector::isolate(A), Effect::Cut);
        assert_eq!(pass(&mut l, B, A, 0, 1), Passage::Blocked);
    }

    #[test]
    fn bandwidth_makes_packets_queue() {
        let mut l = links();
        l.begin(Selector::everything(), Effect::Bandwidth { bytes_per_second: 1_000_000_000 });
        assert_eq!(pass(&mut l, A, B, 0, 934), Passage::Arrives(2_000));
        assert_eq!(pass(&mut l, A, B, 0, 934), Passage::Arrives(3_000));
    }

    #[test]
    fn a_clog_ends_by_itself() {
        let mut l = links();
        l.begin(Selector::everything(), Effect::Clog { until_ns: 50_000 });
        assert_eq!(pass(&mut l, A, B, 10, 1), Passage::Arrives(51_000));
        assert_eq!(pass(&mut l, A, B, 60_000, 1), Passage::Arrives(61_000));
    }
}
