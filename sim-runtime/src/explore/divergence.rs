//! Where two runs that should be equal part.

use super::{Request, Runner, Scenario};
use crate::sim::Ended;
use crate::trace::Fact;
use std::fmt;

/// The first difference between two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The facts that differ; `None` where one run had no further fact.
    pub expected: Option<Fact>,
    /// What happened instead.
    pub found: Option<Fact>,
    /// Facts that were equal before.
    pub equal: usize,
    /// Where no fact differs: what else does.
    pub other: Option<String>,
}

impl Divergence {
    /// The first difference between two recorded runs, if they differ.
    pub fn between(expected: &Ended, found: &Ended) -> Option<Self> {
        let facts = Self::of_facts(&expected.facts, &found.facts);
        if facts.is_some() || expected.digest == found.digest {
            return facts;
        }
        let checkpoint = expected.checkpoints.iter().zip(&found.checkpoints).find(|(a, b)| a != b);
        let other = match checkpoint {
            Some((before, _)) => {
                format!("all facts are equal, but choices or payloads differ before step {}", before.step)
            }
            None if expected.outcome != found.outcome => {
                format!("all facts are equal, but one run {}, the other {}", expected.outcome, found.outcome)
            }
            None => format!(
                "all facts are equal, but choices or payloads differ near the end (steps {} and {})",
                expected.steps, found.steps
            ),
        };
        Some(Self { expected: None, found: None, equal: expected.facts.len(), other: Some(other) })
    }

    /// The first difference between two rows of facts. Which choices led to a fact does not count, nor do lines of
    /// output: a test harness that keeps them keeps them from the trace.
    pub fn of_facts(expected: &[Fact], found: &[Fact]) -> Option<Self> {
        let alike =
            |a: &Fact, b: &Fact| (&a.at, &a.node, &a.kind, &a.text) == (&b.at, &b.node, &b.kind, &b.text);
        let counting = |facts: &'_ [Fact]| facts.iter().filter(|fact| fact.kind != "log").cloned().collect();
        let (expected, found): (Vec<Fact>, Vec<Fact>) = (counting(expected), counting(found));
        let equal = expected.iter().zip(&found).take_while(|(a, b)| alike(a, b)).count();
        let (expected, found) = (expected.get(equal).cloned(), found.get(equal).cloned());
        (expected.is_some() || found.is_some()).then_some(Self { expected, found, equal, other: None })
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(other) = &self.other {
            return formatter.write_str(other);
        }
        let show = |fact: &Option<Fact>| {
            fact.as_ref().map_or("the end of the run".to_owned(), |fact| format!("`{fact}`"))
        };
        write!(
            formatter,
            "fact {}: expected {}, found {}",
            self.equal + 1,
            show(&self.expected),
            show(&self.found)
        )
    }
}

/// Runs `scenario` twice alike and answers the first difference: the check that a scenario is
/// deterministic.
pub fn twice(runner: &Runner, scenario: &Scenario, request: &Request) -> Option<Divergence> {
    let request = Request { recording: true, ..request.clone() };
    let (first, second) = (runner.run(scenario, &request), runner.run(scenario, &request));
    Divergence::between(&first, &second)
}
