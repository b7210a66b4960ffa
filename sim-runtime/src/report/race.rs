//! The two operations that raced, from what is left of the trigger when it is small.
//!
//! Two owners (requests, or tasks that work for none) raced when they touched the same thing, at least one of them changed it, and
//! neither was done when the other began: or the one is a further attempt at the other, whose answer got lost. Of several such pairs the
//! one counts that speaks most for itself: it is about what the violated property names, the trigger acts on it, one changed what the
//! other had looked at and would change. Nothing here decides anything but what is shown.

use super::access::{Access, accesses, keys};
use super::evidence::{Evidence, Owner};
use crate::cause::Earlier;
use std::collections::{BTreeMap, BTreeSet};

/// Two operations that met.
pub(super) struct Race {
    /// What they met on.
    what: String,
    owners: [Owner; 2],
    /// What both did to it, in order.
    accesses: Vec<Access>,
}

/// Accesses shown at most, the last ones.
const ROWS_MAX: usize = 8;
/// Width of one of the two columns at most.
const COLUMN_MAX: usize = 50;
/// Owners compared at most: those that were there last.
const OWNERS_MAX: usize = 60;

/// The pair that raced, if there is one.
pub(super) fn race(evidence: &Evidence<'_>) -> Option<Race> {
    let end = evidence.end().map_or(u64::MAX, |fact| fact.step);
    let all: Vec<Access> = accesses(evidence).into_iter().filter(|access| access.step <= end).collect();
    let named = keys(&evidence.outcome.to_string());
    let triggered = triggered(evidence);
    let mut of_owner: BTreeMap<Owner, Vec<&Access>> = BTreeMap::new();
    all.iter().for_each(|access| of_owner.entry(access.owner).or_default().push(access));
    let mut owners: Vec<_> = of_owner.iter().map(|(owner, accesses)| (*owner, &accesses[..])).collect();
    owners.sort_by_key(|(owner, accesses)| (accesses.last().map(|access| access.step), *owner));
    let owners = &owners[owners.len().saturating_sub(OWNERS_MAX)..];
    let pairs = owners
        .iter()
        .enumerate()
        .flat_map(|(at, first)| owners[at + 1..].iter().map(move |second| (*first, *second)));
    let scored = pairs.filter_map(|((a, of_a), (b, of_b))| {
        if above(evidence, a, b) || above(evidence, b, a) {
            return None;
        }
        let attempts = attempts(evidence, a, b);
        let (span_a, span_b) = (span(evidence, a, of_a), span(evidence, b, of_b));
        let overlap = span_a.0 <= span_b.1 && span_b.0 <= span_a.1;
        if !attempts && !overlap {
            return None;
        }
        let (score, what) = best_meeting(of_a, of_b, &named)?;
        let trigger = [a, b].iter().any(|owner| triggered.contains(owner));
        let score = score + 2 * u32::from(attempts) + 3 * u32::from(trigger) + u32::from(overlap);
        Some((score, a, b, what))
    });
    // Of equals the later.
    let (_, a, b, (what, on)) = scored.max_by_key(|(score, ..)| *score)?;
    // What a request is about is in its path, and rows of that key belong to the story.
    let about = if on.request { keys(&on.what) } else { BTreeSet::new() };
    let mut met: Vec<Access> = [a, b]
        .iter()
        .flat_map(|owner| &of_owner[owner])
        .filter(|access| access.meets(&on) || !access.keys.is_disjoint(&about))
        .map(|access| (*access).clone())
        .collect();
    met.sort_by_key(|access| access.step);
    let first = met.first().map(|access| access.owner)?;
    let second = if first == a { b } else { a };
    met.drain(..met.len().saturating_sub(ROWS_MAX));
    Some(Race { what, owners: [first, second], accesses: met })
}

/// The first and the last step at which an owner was at work.
fn span(evidence: &Evidence<'_>, owner: Owner, accesses: &[&Access]) -> (u64, u64) {
    let steps = match owner {
        Owner::Request(id) => {
            let operation = evidence.operation(id);
            operation.map(|operation| (operation.begun.0, operation.ended.map_or(u64::MAX, |(step, _)| step)))
        }
        // A commit is no access, and the lock is held until then.
        Owner::Task(task) => {
            let own = evidence.facts.iter().filter(|fact| fact.task == Some(task) && fact.cause.is_none());
            own.map(|fact| (fact.step, fact.step)).reduce(|first, last| (first.0, last.1))
        }
    };
    let touched = (accesses[0].step, accesses[accesses.len() - 1].step);
    let (first, last) = steps.unwrap_or(touched);
    (first.min(touched.0), last.max(touched.1))
}

/// Owners that a choice of the trigger acted on.
fn triggered(evidence: &Evidence<'_>) -> BTreeSet<Owner> {
    let acted: Vec<_> = evidence.facts.iter().filter(|fact| !fact.choices.is_empty()).collect();
    let mut owners: BTreeSet<Owner> = acted.iter().filter_map(|fact| evidence.owner(fact)).collect();
    // Who asked for what a fault hit is concerned, too.
    for fact in acted {
        let request = evidence.request(fact.cause);
        owners.extend(
            request.and_then(|hit| evidence.request(hit.parent)).map(|asked| Owner::Request(asked.id)),
        );
    }
    owners
}

/// Whether one works for the other: no race.
fn above(evidence: &Evidence<'_>, a: Owner, b: Owner) -> bool {
    let Owner::Request(b) = b else { return false };
    let mut parent = evidence.operation(b).and_then(|operation| operation.parent);
    while let Some(id) = parent {
        if a == Owner::Request(id) {
            return true;
        }
        parent = evidence.operation(id).and_then(|operation| operation.parent);
    }
    matches!(a, Owner::Task(_)) && evidence.operation(evidence.root(b)).map(|root| root.task) == Some(task(a))
}

fn task(owner: Owner) -> Option<crate::schedule::TaskId> {
    match owner {
        Owner::Task(task) => Some(task),
        Owner::Request(_) => None,
    }
}

/// Whether both are attempts at the same thing.
fn attempts(evidence: &Evidence<'_>, a: Owner, b: Owner) -> bool {
    let (Owner::Request(a), Owner::Request(b)) = (a, b) else { return false };
    let earlier = |id| evidence.operation(id).and_then(|operation| operation.earlier).map(Earlier::id);
    earlier(a) == Some(b) || earlier(b) == Some(a)
}

/// The most telling thing that two owners met on: its score, its name, and an access to it.
fn best_meeting(a: &[&Access], b: &[&Access], named: &BTreeSet<String>) -> Option<(u32, (String, Access))> {
    let mut best: Option<(u32, (String, Access))> = None;
    for first in a {
        for second in b.iter().filter(|second| second.meets(first) && (first.writes || second.writes)) {
            let shared: Vec<&String> = first.keys.intersection(&second.keys).collect();
            let about =
                shared.iter().any(|key| named.contains(*key)) || !keys(&first.what).is_disjoint(named);
            let both_change = [a, b].iter().all(|own| own.iter().any(|x| x.writes && x.meets(first)));
            let both = |own: &[&Access], before: u64| own.iter().any(|x| x.meets(first) && x.step < before);
            // One changed what the other had seen before.
            let stale = first.writes && both(b, first.step) || second.writes && both(a, second.step);
            let score = 4 * u32::from(about)
                + 2 * u32::from(both_change)
                + u32::from(stale)
                + u32::from(!first.request);
            if best.as_ref().is_none_or(|(known, _)| score > *known) {
                let table = first.what.clone();
                let what = if first.request {
                    table
                } else {
                    let key = shared.iter().find(|key| named.contains(**key)).or(shared.first());
                    key.map_or(table.clone(), |key| format!("{table} {key}"))
                };
                let mut on = (*first).clone();
                on.keys = shared.into_iter().cloned().collect();
                best = Some((score, (what, on)));
            }
        }
    }
    best
}

impl Race {
    /// The two side by side, in order of time; at most [`ROWS_MAX`] and three lines.
    pub fn render(&self, evidence: &Evidence<'_>) -> Vec<String> {
        let heads = self.owners.map(|owner| {
            let (name, place) = evidence.owner_name(owner);
            let how = if matches!(owner, Owner::Task(_)) { "spawned" } else { "asked" };
            let place =
                if place.is_empty() { String::new() } else { fitted_end(&format!("{how} at {place}")) };
            [fitted(&name), place]
        });
        let texts: Vec<String> = self.accesses.iter().map(|access| fitted(&access.text)).collect();
        let width = heads.iter().flatten().chain(&texts).map(|text| text.chars().count()).max().unwrap_or(0);
        let row = |time: &str, left: &str, right: &str, place: &str| {
            let line = format!("  {time:>11}  {left:<width$}  {right:<width$}  {place}");
            line.trim_end().to_owned()
        };
        let [first, second] = &heads;
        let mut lines = vec![format!("Raced on {}:", self.what), row("", &first[0], &second[0], "")];
        if !first[1].is_empty() || !second[1].is_empty() {
            lines.push(row("", &first[1], &second[1], ""));
        }
        for (access, text) in self.accesses.iter().zip(&texts) {
            let time = format!("{}.{:03} ms", access.at / 1_000_000, access.at / 1_000 % 1_000);
            let is_first = access.owner == self.owners[0];
            let (left, right) = if is_first { (text.as_str(), "") } else { ("", text.as_str()) };
            lines.push(row(&time, left, right, &access.place));
        }
        lines
    }
}

/// As much of the beginning as a column holds.
fn fitted(text: &str) -> String {
    if text.chars().count() <= COLUMN_MAX {
        text.to_owned()
    } else {
        text.chars().take(COLUMN_MAX - 1).chain(['…']).collect()
    }
}

/// As much of the end as a column holds.
fn fitted_end(text: &str) -> String {
    let count = text.chars().count();
    if count <= COLUMN_MAX {
        text.to_owned()
    } else {
        ['…'].into_iter().chain(text.chars().skip(count - COLUMN_MAX + 1)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::{Operation, OperationId};
    use crate::schedule::TaskId;
    use crate::sim::Outcome;
    use crate::tape::Recording;
    use crate::trace::Fact;

    /// Requests as `number path begun-ended`, statements as `step request statement`.
    fn check(
        requests: &[(&str, u64, u64)],
        statements: &[(u64, u32, &str)],
        property: &str,
        wanted: Option<&[&str]>,
    ) {
        let operations: Vec<Operation> = requests
            .iter()
            .zip(1..)
            .map(|((asks, begun, ended), id)| Operation {
                id: OperationId(id),
                kind: "http".into(),
                asks: (*asks).into(),
                number: id,
                from: "client".into(),
                to: "api".into(),
                connection: 1,
                task: Some(TaskId(u64::from(id))),
                place: format!("src/client.rs:{id}:1"),
                parent: None,
                earlier: asks.contains("again").then_some(Earlier::Retry(OperationId(id - 1))),
                begun: (*begun, begun * 1_000_000),
                arrived: None,
                seen: None,
                ended: Some((*ended, ended * 1_000_000)),
                outcome: "200".into(),
                lost: false,
            })
            .collect();
        let fact = |step: u64, cause: Option<u32>, kind: &'static str, text: &str| Fact {
            step,
            at: step * 1_000_000,
            node: "db".into(),
            task: Some(TaskId(90)),
            kind: kind.into(),
            text: text.into(),
            choices: Vec::new(),
            cause: cause.map(OperationId),
            place: String::new(),
        };
        let mut facts: Vec<Fact> = statements
            .iter()
            .map(|(step, request, text)| fact(*step, Some(*request), "sql", &format!("session 1: {text}")))
            .collect();
        facts.push(fact(99, None, "violated", property));
        let outcome = Outcome::Violated { property: property.into(), detail: String::new() };
        let choices = Recording::default();
        let evidence =
            Evidence { outcome: &outcome, choices: &choices, facts: &facts, operations: &operations };
        let shown = race(&evidence).map(|race| race.render(&evidence));
        let shown: Option<Vec<_>> = shown.as_ref().map(|lines| lines.iter().map(String::as_str).collect());
        assert_eq!(shown.as_deref(), wanted);
    }

    #[test]
    fn a_lost_update_is_two_requests_on_the_row_the_property_names() {
        check(
            &[("POST /buy", 1, 30), ("POST /buy", 2, 31), ("GET /status", 3, 32)],
            &[
                (5, 1, "SELECT stock FROM items WHERE id = $1 [7]: SELECT 1"),
                (6, 3, "SELECT stock FROM items WHERE id = $1 [8]: SELECT 1"),
                (7, 2, "SELECT stock FROM items WHERE id = $1 [7]: SELECT 1"),
                (8, 1, "UPDATE items SET stock = 0 WHERE id = $1 [7]: UPDATE 1"),
                (9, 2, "UPDATE items SET stock = 0 WHERE id = $1 [7]: UPDATE 1"),
            ],
            "item 7 is sold once",
            Some(&[
                "Raced on items 7:",
                "               POST /buy #1                                        POST /buy #2",
                "               asked at src/client.rs:1:1                          asked at src/client.rs:2:1",
                "     5.000 ms  SELECT stock FROM items WHERE id = $1 [7]: SELECT…",
                "     7.000 ms                                                      SELECT stock FROM items WHERE id = $1 [7]: SELECT…",
                "     8.000 ms  UPDATE items SET stock = 0 WHERE id = $1 [7]: UPD…",
                "     9.000 ms                                                      UPDATE items SET stock = 0 WHERE id = $1 [7]: UPD…",
            ]),
        );
    }

    #[test]
    fn a_retry_races_with_what_it_repeats_although_that_is_over() {
        check(
            &[("POST /pay", 1, 10), ("POST /pay again", 20, 30)],
            &[
                (5, 1, "INSERT INTO payments VALUES (4): INSERT 0 1"),
                (25, 2, "INSERT INTO payments VALUES (4): INSERT 0 1"),
            ],
            "paid once",
            Some(&[
                "Raced on payments 4:",
                "               POST /pay #1                                 POST /pay again #2, retry of #1",
                "               asked at src/client.rs:1:1                   asked at src/client.rs:2:1",
                "     5.000 ms  INSERT INTO payments VALUES (4): INSERT 0 1",
                "    25.000 ms                                               INSERT INTO payments VALUES (4): INSERT 0 1",
            ]),
        );
    }

    #[test]
    fn who_only_looks_or_comes_later_does_not_race() {
        let reads =
            [(5, 1, "SELECT 1 FROM items [7]: SELECT 1"), (6, 2, "SELECT 1 FROM items [7]: SELECT 1")];
        check(&[("GET /a", 1, 30), ("GET /b", 2, 31)], &reads, "item 7", None);
        let writes = [(5, 1, "DELETE FROM items [7]: DELETE 1"), (26, 2, "DELETE FROM items [7]: DELETE 1")];
        check(&[("POST /a", 1, 10), ("POST /b", 20, 31)], &writes, "item 7", None);
    }
}
