//! Whether calls look as if each had happened at one moment between its call and its answer (Herlihy and Wing, 1990).
//!
//! For things that are not transactions: a register, a lock, a counter, a whole HTTP resource. The user says what one call
//! does to a state ([`Model`]); the search finds an order or shows that there is none.
//!
//! The search is Wing and Gong's with Lowe's memory of visited (set of calls, state) pairs, one search per key since
//! linearizability is local. A call whose answer was lost may have happened at any later moment, or never.
//!
//! **Why not a crate.** `todc-utils` 0.1.1 has the same algorithm, but panics on a call without an answer (the very case that faults
//! produce), moves vector elements for each step (quadratic), has no partition by key, no bound, and answers with a `bool`. We need the smallest
//! failing part and its words. The search is some 100 lines.

mod register;
mod search;

use std::fmt::{Debug, Write as _};

use super::operation::Moment;
use search::{Search, search};

pub use register::{Register, RegisterAnswer, RegisterOperation};

/// Longest explanation, in lines.
const LINES_MAX: usize = 8;

/// What a thing does when it is used by one client at a time.
pub trait Model {
    /// What is asked of it.
    type Operation: Clone + Debug;
    /// What it says.
    type Answer: Clone + Debug;
    /// What it remembers.
    type State: Clone + Ord + Debug;
    /// Which of many independent things is meant: calls with different keys never influence each other. `()` for one thing.
    type Key: Clone + Ord + Debug;

    /// The thing an operation is about.
    fn key(&self, operation: &Self::Operation) -> Self::Key;

    /// What the thing remembers before the first call.
    fn initial(&self, key: &Self::Key) -> Self::State;

    /// The state after `operation` in `state`; `None` when it could not have answered that. `answer` is `None` when the
    /// answer was lost: any answer will do.
    fn apply(
        &self,
        state: &Self::State,
        operation: &Self::Operation,
        answer: Option<&Self::Answer>,
    ) -> Option<Self::State>;

    /// Whether the operation never changes the state. Such calls are left out of an explanation when it stands without them.
    fn only_reads(&self, operation: &Self::Operation) -> bool {
        let _ = operation;
        false
    }
}

/// One call and, when it came, its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<O, A> {
    /// Who called, as shown in explanations: a session, a request.
    pub caller: String,
    /// When it was called.
    pub start: Moment,
    /// What was asked.
    pub operation: O,
    /// The answer and its moment; `None` when it was lost: the call may have happened at any time after its start, or never.
    pub answer: Option<(Moment, A)>,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linearizability {
    /// There is an order that explains every answer.
    Linearizable,
    /// There is none.
    Violated(Violation),
    /// More states than allowed were visited.
    Undecided {
        /// The limit.
        states: usize,
    },
}

/// Calls that no order explains: the earliest such prefix of the history, without the reads it stands without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Positions in the judged calls, in order of their starts.
    pub calls: Vec<usize>,
    explanation: String,
}

impl Violation {
    /// The calls, how far an order gets, and what fails then; at most 8 lines.
    pub fn explain(&self) -> &str {
        &self.explanation
    }
}

/// Judges calls of any number of keys; the first violated key is reported.
///
/// `states_max` bounds the memory of one search, in visited states; 1,000,000 is plenty for some thousand calls
/// with a dozen at the same time.
pub fn linearizable<M: Model>(
    model: &M,
    calls: &[Call<M::Operation, M::Answer>],
    states_max: usize,
) -> Linearizability {
    let mut keys: std::collections::BTreeMap<M::Key, Vec<usize>> = std::collections::BTreeMap::new();
    for (position, call) in calls.iter().enumerate() {
        keys.entry(model.key(&call.operation)).or_default().push(position);
    }
    let mut undecided = false;
    for (key, mut members) in keys {
        members.sort_by_key(|position| calls[*position].start);
        let of_key: Vec<&Call<_, _>> = members.iter().map(|position| &calls[*position]).collect();
        match search(model, &key, &of_key, None, states_max) {
            Search::Found => {}
            Search::GaveUp => undecided = true,
            Search::None { .. } => {
                return Linearizability::Violated(smallest(model, &key, calls, members, states_max));
            }
        }
    }
    if undecided { Linearizability::Undecided { states: states_max } } else { Linearizability::Linearizable }
}

/// Cuts the history at the first answer that cannot be explained, then leaves out reads.
fn smallest<M: Model>(
    model: &M,
    key: &M::Key,
    calls: &[Call<M::Operation, M::Answer>],
    mut members: Vec<usize>,
    states_max: usize,
) -> Violation {
    let fails = |members: &[usize], cut: Option<Moment>| {
        let chosen: Vec<&Call<_, _>> = members.iter().map(|position| &calls[*position]).collect();
        matches!(search(model, key, &chosen, cut, states_max), Search::None { .. })
    };
    let mut answers: Vec<Moment> =
        members.iter().filter_map(|position| Some(calls[*position].answer.as_ref()?.0)).collect();
    answers.sort_unstable();
    // What a prefix cannot explain, no longer history can: so halving finds the first failing answer.
    let first = answers.partition_point(|cut| !fails(&members, Some(*cut)));
    let cut = answers.get(first).copied();
    members.retain(|position| cut.is_none_or(|cut| calls[*position].start.tick <= cut.tick));
    let mut at = 0;
    while at < members.len() {
        let mut fewer = members.clone();
        let left = fewer.remove(at);
        if model.only_reads(&calls[left].operation) && fails(&fewer, cut) {
            members = fewer;
        } else {
            at += 1;
        }
    }
    let explanation = explain(model, key, calls, &members, cut, states_max);
    Violation { calls: members, explanation }
}

fn explain<M: Model>(
    model: &M,
    key: &M::Key,
    calls: &[Call<M::Operation, M::Answer>],
    members: &[usize],
    cut: Option<Moment>,
    states_max: usize,
) -> String {
    let chosen: Vec<&Call<_, _>> = members.iter().map(|position| &calls[*position]).collect();
    let answered = |call: &Call<M::Operation, M::Answer>| {
        let in_time = |(at, _): &&(Moment, M::Answer)| cut.is_none_or(|cut| at.tick <= cut.tick);
        match call.answer.as_ref().filter(in_time) {
            Some((at, answer)) => {
                format!("{:?} -> {answer:?} ({}..{} ns)", call.operation, call.start.ns, at.ns)
            }
            None => format!("{:?} -> no answer by then (from {} ns)", call.operation, call.start.ns),
        }
    };
    let mut text =
        format!("not linearizable{}: no order of these calls explains their answers\n", named(key));
    let shown = if chosen.len() > LINES_MAX - 2 { LINES_MAX - 3 } else { chosen.len() };
    let skipped = chosen.len() - shown;
    if skipped > 0 {
        let _ = writeln!(text, "  … {skipped} earlier calls");
    }
    for call in &chosen[skipped..] {
        let _ = writeln!(text, "  {}: {}", call.caller, answered(call));
    }
    if let Search::None { fitted, state } = search(model, key, &chosen, cut, states_max) {
        let _ = write!(
            text,
            "  at best {fitted} of {} fit, which leaves {state:?}; no other call fits then",
            chosen.len()
        );
    }
    text
}

fn named<K: Debug>(key: &K) -> String {
    let name = format!("{key:?}");
    if name == "()" { String::new() } else { format!(" at {name}") }
}
