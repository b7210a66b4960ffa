//! Facts as lines for people.

use super::evidence::Evidence;
use crate::trace::Fact;

/// One fact as a line: virtual time in milliseconds, node, text.
pub fn timeline_line(fact: &Fact) -> String {
    let milliseconds = fact.at / 1_000_000;
    let rest = fact.at / 1_000 % 1_000;
    let node = if fact.node.is_empty() { "-" } else { &fact.node };
    let text = fact.text.lines().next().unwrap_or_default();
    let separator = if text.is_empty() { "" } else { " " };
    format!("{milliseconds:>6}.{rest:03} ms  {node:<10} {}{separator}{text}", fact.kind)
}

/// Whether a fact says something at the level of the scenario. What happens at every spawn and packet does not, and what
/// was printed is asked for by request.
pub(super) fn is_domain(fact: &Fact) -> bool {
    !["task.", "net.", "tcp", "udp", "unix", "dns", "host.", "log"]
        .iter()
        .any(|noise| fact.kind.starts_with(noise))
}

/// The last `count` facts at the level of the scenario, and how many came before them.
pub(super) fn last_facts(evidence: &Evidence<'_>, count: usize) -> (Vec<String>, usize) {
    let domain: Vec<_> =
        evidence.facts.iter().filter(|fact| is_domain(fact) && !evidence.is_echo(fact)).collect();
    let before = domain.len().saturating_sub(count);
    (domain[before..].iter().map(|fact| timeline_line(fact)).collect(), before)
}
