//! The verdict on a history: everything the promises forbid and the history shows, best explanation first.

use super::anomaly::Anomaly;
use super::cycle::Graph;
use super::dependency::{Dependency, Edge, Matches, edges};
use super::finding::{Finding, Reason};
use super::freshness::Freshness;
use super::promise::Promises;
use super::record::History;
use super::transaction::Digest;
use super::version_order::VersionOrders;
use super::visibility::Visibility;

/// What was found in a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Findings, smallest proof first; of two proofs of equal size the more telling name first. One for each set of
    /// transactions: what else could be said about the same ones is left out.
    pub findings: Vec<Finding>,
    /// Transactions that certainly or evidently committed.
    pub committed: usize,
    /// Dependencies between transactions. Zero means that the history could not have shown much.
    pub dependencies: usize,
}

impl Verdict {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The names of what was found, in order and without repetition.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        let mut names: Vec<Anomaly> = self.findings.iter().map(|finding| finding.anomaly).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The first explanation, at most 8 lines; `None` when nothing was found.
    pub fn explain(&self, history: &History) -> Option<String> {
        self.findings.first().map(|finding| finding.explain(history))
    }
}

/// Judges a history by what a database promises.
///
/// Linear in the operations plus the dependencies when nothing is wrong. A clean verdict
/// says that this history shows no violation, not that the database has none.
pub fn judge(history: &History, promises: &Promises) -> Verdict {
    let digest = Digest::new(history);
    let orders = VersionOrders::new(&digest);
    let matches = Matches::new(&digest, &orders);
    let edges = edges(&digest, &orders, &matches);
    let graph = Graph::new(&digest, promises, &edges);
    let visibility = Visibility { digest: &digest, orders: &orders, matches: &matches, promises };
    let mut findings = visibility.findings();
    findings.extend(Freshness { digest: &digest, orders: &orders, promises }.findings());
    for cycle in graph.smallest_cycles() {
        let (anomaly, cycle) = named(&digest, &graph, &edges, cycle);
        let reasons = cycle.into_iter().map(Reason::Edge).collect();
        findings.push(Finding::new(anomaly, history, reasons));
    }
    Verdict {
        findings: best(findings),
        committed: digest.transactions.iter().filter(|transaction| transaction.happened).count(),
        dependencies: edges.len(),
    }
}

/// Best first, and one for each set of transactions.
fn best(mut findings: Vec<Finding>) -> Vec<Finding> {
    // A finding about one read, or one pair, is as small as a cycle of two.
    findings.sort_by_cached_key(|finding| {
        (finding.size().max(2), finding.anomaly, finding.size(), finding.operations())
    });
    let mut known = std::collections::BTreeSet::new();
    findings.retain(|finding| {
        let mut members = finding.transactions.clone();
        members.sort_unstable();
        known.insert(members)
    });
    findings
}

/// The name of a cycle. Of a cycle of two the most telling pair of edges is chosen first.
fn named(digest: &Digest<'_>, graph: &Graph<'_>, edges: &[Edge], cycle: Vec<Edge>) -> (Anomaly, Vec<Edge>) {
    let &[first, second] = &cycle[..] else {
        return (name(digest, &cycle), cycle);
    };
    let parallel = |from: usize, to: usize| {
        let begin = edges.partition_point(|edge| (edge.from, edge.to) < (from, to));
        let mut found: Vec<Edge> =
            edges[begin..].iter().take_while(|edge| (edge.from, edge.to) == (from, to)).copied().collect();
        found.extend(graph.ordered(from, to));
        found
    };
    let mut best = (name(digest, &[first, second]), vec![first, second]);
    for there in parallel(first.from, first.to) {
        for back in parallel(second.from, second.to) {
            let (Some(out), Some(home)) = (graph.step(&there), graph.step(&back)) else { continue };
            if out.admits(home) && home.admits(out) {
                let other = vec![there, back];
                let named = name(digest, &other);
                let simplicity =
                    |edges: &[Edge]| (edges[0].dependency.max(edges[1].dependency), edges[0].dependency);
                if (named, simplicity(&other)) < (best.0, simplicity(&best.1)) {
                    best = (named, other);
                }
            }
        }
    }
    let at_anti = best.1.iter().position(|edge| edge.dependency.is_anti()).unwrap_or(0);
    best.1.rotate_left(at_anti);
    best
}

fn name(digest: &Digest<'_>, cycle: &[Edge]) -> Anomaly {
    let anti: Vec<usize> = (0..cycle.len()).filter(|at| cycle[*at].dependency.is_anti()).collect();
    let has = |dependency| cycle.iter().any(|edge| edge.dependency == dependency);
    let ordered = has(Dependency::RealTime) || has(Dependency::SessionOrder);
    let by_condition = has(Dependency::SelectedBefore) || has(Dependency::SelectedAfter);
    let adjacent = anti.iter().any(|at| cycle[(at + 1) % cycle.len()].dependency.is_anti());
    match anti.len() {
        0 if ordered => Anomaly::OrderViolated,
        0 if has(Dependency::ReadFrom) || by_condition => Anomaly::CircularInformationFlow,
        0 => Anomaly::DirtyWrite,
        1 if ordered && cycle.len() == 2 => Anomaly::StaleRead,
        _ if ordered => Anomaly::OrderViolated,
        1 if by_condition => Anomaly::PhantomRead,
        1 if cycle.len() == 2 && cycle[0].key == cycle[1].key => {
            if has(Dependency::Overwrote) {
                Anomaly::LostUpdate
            } else {
                Anomaly::NonRepeatableRead
            }
        }
        1 => Anomaly::ReadSkew,
        _ if !adjacent => Anomaly::LongFork,
        _ if by_condition => Anomaly::Phantom,
        2 if cycle.len() == 2 => Anomaly::WriteSkew,
        2 if cycle.len() == 3
            && cycle.iter().any(|edge| digest.transactions[edge.from].writes.is_empty()) =>
        {
            Anomaly::ReadOnlyAnomaly
        }
        _ => Anomaly::AntiDependencyCycle,
    }
}
