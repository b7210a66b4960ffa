//! Which links a rule touches.
//!
//! A rule is kept as a description, not as a list of links: links appear when two nodes first talk,
//! and an isolated node must stay isolated from one that boots later.

use std::collections::BTreeSet;

use crate::link::NodeId;

/// A set of nodes, possibly open-ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nodes {
    /// Every node, also those that boot later.
    All,
    /// These.
    Only(BTreeSet<NodeId>),
    /// All but these, also those that boot later.
    Except(BTreeSet<NodeId>),
}

impl Nodes {
    /// The set of one node.
    pub fn one(node: NodeId) -> Nodes {
        Nodes::Only(BTreeSet::from([node]))
    }

    /// The set of the given nodes.
    pub fn these(nodes: impl IntoIterator<Item = NodeId>) -> Nodes {
        Nodes::Only(nodes.into_iter().collect())
    }

    /// Whether `node` belongs to the set.
    pub fn contains(&self, node: NodeId) -> bool {
        match self {
            Nodes::All => true,
            Nodes::Only(set) => set.contains(&node),
            Nodes::Except(set) => !set.contains(&node),
        }
    }
}

/// A set of links, each one direction between two nodes. A node's own loopback is never part of it:
/// no cable outside the machine reaches it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<(Nodes, Nodes)>);

impl Selector {
    /// From every node of `from` to every node of `to`, that direction only.
    pub fn one_way(from: Nodes, to: Nodes) -> Selector {
        Selector(vec![(from, to)])
    }

    /// Both directions between the two sets.
    pub fn both_ways(a: Nodes, b: Nodes) -> Selector {
        Selector(vec![(a.clone(), b.clone()), (b, a)])
    }

    /// Everything into and out of `node`.
    pub fn isolate(node: NodeId) -> Selector {
        Selector::both_ways(Nodes::one(node), Nodes::Except(BTreeSet::from([node])))
    }

    /// Everything between nodes of different groups; nodes in no group keep all their links.
    pub fn groups(groups: &[BTreeSet<NodeId>]) -> Selector {
        let mut pairs = Vec::new();
        for (i, a) in groups.iter().enumerate() {
            for (j, b) in groups.iter().enumerate() {
                if i != j {
                    pairs.push((Nodes::Only(a.clone()), Nodes::Only(b.clone())));
                }
            }
        }
        Selector(pairs)
    }

    /// Every link between different nodes.
    pub fn everything() -> Selector {
        Selector(vec![(Nodes::All, Nodes::All)])
    }

    /// Whether the link `from > to` is meant.
    pub fn matches(&self, from: NodeId, to: NodeId) -> bool {
        from != to && self.0.iter().any(|(a, b)| a.contains(from) && b.contains(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(selector: &Selector, hit: &[(u32, u32)], missed: &[(u32, u32)]) {
        for &(a, b) in hit {
            assert!(selector.matches(NodeId(a), NodeId(b)), "{a}>{b} {selector:?}");
        }
        for &(a, b) in missed {
            assert!(!selector.matches(NodeId(a), NodeId(b)), "{a}>{b} {selector:?}");
        }
    }

    #[test]
    fn one_way_means_one_way() {
        let s = Selector::one_way(Nodes::one(NodeId(1)), Nodes::one(NodeId(2)));
        check(&s, &[(1, 2)], &[(2, 1), (1, 3)]);
    }

    #[test]
    fn an_isolated_node_keeps_only_itself() {
        check(&Selector::isolate(NodeId(1)), &[(1, 2), (9, 1)], &[(1, 1), (2, 3)]);
    }

    #[test]
    fn groups_are_cut_from_each_other_but_not_inside() {
        let set = |ids: &[u32]| ids.iter().map(|&i| NodeId(i)).collect();
        let s = Selector::groups(&[set(&[1, 2]), set(&[3])]);
        check(&s, &[(1, 3), (3, 2)], &[(1, 2), (4, 1), (4, 3)]);
    }
}
