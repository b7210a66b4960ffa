//! Requests and all that they caused; and the requests that touched something.

use super::access::{accesses, keys, statement};
use super::evidence::{Evidence, Owner, named};
use crate::cause::{Operation, OperationId};
use crate::trace::Fact;
use std::collections::BTreeMap;
use std::fmt::Write as _;

macro_rules! line {
    ($text:expr, $($argument:tt)*) => { writeln!($text, $($argument)*).expect("a string takes all") };
}

/// Everything about the requests that `wanted` names (`r3`, `POST /charge #2`, `/charge`): attempts, what they asked of others,
/// statements, output, faults. `None` when nothing has that name.
pub fn request(evidence: &Evidence<'_>, wanted: &str) -> Option<String> {
    let found = evidence.find(wanted);
    let mut text = String::new();
    let mut told: Vec<OperationId> = Vec::new();
    for operation in &found {
        // Statements and attempts stand in the tree of what they belong to.
        if told.contains(&operation.id) {
            continue;
        }
        let tree = evidence.tree(operation.id);
        tell(&mut text, evidence, operation, &tree);
        told.extend(tree);
    }
    (!found.is_empty()).then_some(text)
}

fn tell(text: &mut String, evidence: &Evidence<'_>, operation: &Operation, tree: &[OperationId]) {
    if !text.is_empty() {
        text.push('\n');
    }
    line!(text, "{}  {}", operation.id, evidence.name(operation));
    line!(text, "  {}", summary(operation));
    if let Some(parent) = operation.parent.and_then(|parent| evidence.operation(parent)) {
        line!(text, "  caused by {} {}", parent.id, evidence.name(parent));
    }
    if !operation.place.is_empty() {
        line!(text, "  asked from {}", operation.place);
    }
    let mut lines: Vec<(u64, usize, String)> = Vec::new();
    for id in tree {
        let Some(begun) = evidence.operation(*id).filter(|asked| asked.kind != "sql") else { continue };
        let attempt = if begun.id == operation.id { "begins" } else { "asks" };
        let what = format!("{attempt}: {} {} of {}", begun.id, evidence.name(begun), named(&begun.to));
        lines.push((begun.begun.0, 0, moment(begun.begun.1, &begun.from, id.0, &what)));
    }
    for (at, fact) in evidence.facts_of(tree).enumerate() {
        if is_shown(fact) && !evidence.is_echo(fact) {
            let cause = fact.cause.map_or(0, |cause| cause.0);
            let place = match evidence.place(fact) {
                "" => String::new(),
                place => format!("  ({place})"),
            };
            let what = format!("{} {}{place}", fact.kind, fact.text);
            lines.push((fact.step, at + 1, moment(fact.at, &fact.node, cause, &what)));
        }
    }
    lines.sort();
    for (_, _, shown) in lines {
        line!(text, "{shown}");
    }
}

fn summary(operation: &Operation) -> String {
    let (from, to) = (named(&operation.from), named(&operation.to));
    let begun = milliseconds(operation.begun.1);
    let end = match (operation.ended, operation.lost) {
        (Some((_, at)), false) => {
            format!("answered {} after {}", operation.outcome, milliseconds(at - operation.begun.1))
        }
        (Some(_), true) => format!("answered {}, which the asker never saw", operation.outcome),
        (None, _) => "never answered".to_owned(),
    };
    format!("from {from} to {to} at {begun}, {end}")
}

fn is_shown(fact: &Fact) -> bool {
    let noise = ["task.", "net.", "tcp", "udp", "unix", "dns", "host.", "switch"];
    !noise.iter().any(|noise| fact.kind.starts_with(noise))
}

fn milliseconds(ns: u64) -> String {
    format!("{}.{:03} ms", ns / 1_000_000, ns / 1_000 % 1_000)
}

fn moment(at: u64, node: &str, cause: u32, what: &str) -> String {
    let node = if node.is_empty() { "-" } else { node };
    format!("  {:>13}  {node:<10} r{cause:<4} {what}", milliseconds(at))
}

/// The requests that touched an entity, newest first: by path, statement or output. `wanted` is a key, or a name and a key:
/// `42`, `order=42`. `None` when nothing did.
pub fn entity(evidence: &Evidence<'_>, wanted: &str) -> Option<String> {
    let (name, key) = wanted.split_once('=').unwrap_or(("", wanted));
    let is_about = |fact: &Fact| match statement(fact) {
        Some(text) => names(text, name, key).unwrap_or_else(|| keys(text).contains(key)),
        // What was printed has numbers of all sorts in it.
        None => names(&fact.text, name, key)
            .unwrap_or(name.is_empty() && words(&fact.text).any(|word| word == key)),
    };
    let mut why: BTreeMap<OperationId, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    for operation in evidence.operations.iter().filter(|operation| operation.kind != "sql") {
        if words(&operation.asks).any(|word| word == key) {
            why.entry(operation.id).or_default();
        }
    }
    for fact in evidence
        .facts
        .iter()
        .filter(|fact| is_shown(fact) && is_about(fact) && fact.kind != "http" && !evidence.is_echo(fact))
    {
        let shown = format!("{:>13}  {} {}", milliseconds(fact.at), fact.kind, fact.text);
        match evidence.request(fact.cause) {
            Some(request) => why.entry(request.id).or_default().push(shown),
            None => others.push(shown),
        }
    }
    if why.is_empty() && others.is_empty() {
        return None;
    }
    let mut text = String::new();
    let touched: Vec<_> = accesses(evidence);
    for (id, facts) in why.iter().rev() {
        let Some(operation) = evidence.operation(*id) else { continue };
        let changed = touched.iter().any(|access| {
            let own = access.owner == Owner::Request(*id) && access.writes && !access.request;
            own && names(&access.text, name, key).unwrap_or_else(|| access.keys.contains(key))
        });
        let what = if changed { "changed it" } else { "touched it" };
        line!(text, "{id}  {}  {what}", evidence.name(operation));
        line!(text, "  {}", summary(operation));
        if let Some(parent) = operation.parent.and_then(|parent| evidence.operation(parent)) {
            line!(text, "  caused by {} {}", parent.id, evidence.name(parent));
        }
        facts.iter().for_each(|fact| line!(text, "  {fact}"));
    }
    if !others.is_empty() {
        line!(text, "by no request");
        others.iter().for_each(|fact| line!(text, "  {fact}"));
    }
    Some(text)
}

/// Words as keys are made of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '@')))
}

/// Whether the text says of something of this name that it has this key: `order 42`, `order=42`, `order #42`. `None` when it says
/// nothing of that name.
fn names(text: &str, name: &str, key: &str) -> Option<bool> {
    let all: Vec<&str> = words(text).filter(|word| !word.is_empty()).collect();
    let mut named = all
        .iter()
        .enumerate()
        .filter(|(_, word)| !name.is_empty() && word.eq_ignore_ascii_case(name))
        .peekable();
    named.peek()?;
    Some(named.any(|(at, _)| all.get(at + 1).is_some_and(|next| *next == key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_key_are_found_together() {
        let check = |text, wanted| assert_eq!(names(text, "order", "42"), wanted, "{text}");
        check("insert charges (order 42, capture 7)", Some(true));
        check("insert charges (order 7, capture 42)", Some(false));
        check("Order #42 is paid", Some(true));
        check("order=42", Some(true));
        check("get charges 42", None);
    }
}
