//! Wing and Gong's search with memory.
//!
//! Calls and answers stand in one doubly linked list in the order of their moments. A call can be next if
//! no answer stands before it. Taking it unlinks it with its answer; going back links both in again, in reverse
//! order, so that each step costs the same however long the history is.

use std::collections::BTreeSet;

use super::{Call, Model};
use crate::history::operation::Moment;

/// The outcome of one search.
pub(super) enum Search<S> {
    Found,
    /// No order; the longest one had `fitted` calls and ended in `state`.
    None {
        fitted: usize,
        state: S,
    },
    GaveUp,
}

/// The list's ends.
const HEAD: usize = 0;

struct List {
    next: Vec<usize>,
    previous: Vec<usize>,
}

impl List {
    fn unlink(&mut self, at: usize) {
        let (before, after) = (self.previous[at], self.next[at]);
        self.next[before] = after;
        self.previous[after] = before;
    }

    fn relink(&mut self, at: usize) {
        let (before, after) = (self.previous[at], self.next[at]);
        self.next[before] = at;
        self.previous[after] = at;
    }
}

/// Looks for an order. With `cut`, only what was called by then counts, and answers that came later do not.
pub(super) fn search<M: Model>(
    model: &M,
    key: &M::Key,
    calls: &[&Call<M::Operation, M::Answer>],
    cut: Option<Moment>,
    states_max: usize,
) -> Search<M::State> {
    let until = cut.map_or(u64::MAX, |cut| cut.tick);
    // One entry a call and one an answer: (tick, call, whether it is the answer), then places in the list from 1.
    let mut entries: Vec<(u64, usize, bool)> = Vec::new();
    let mut answers: Vec<Option<&M::Answer>> = vec![None; calls.len()];
    for (index, call) in calls.iter().enumerate().filter(|(_, call)| call.start.tick <= until) {
        entries.push((call.start.tick, index, false));
        if let Some((at, answer)) = call.answer.as_ref().filter(|(at, _)| at.tick <= until) {
            entries.push((at.tick, index, true));
            answers[index] = Some(answer);
        }
    }
    entries.sort_by_key(|(tick, index, is_answer)| (*tick, *is_answer, *index));
    let count = entries.len() + 1;
    let mut list = List {
        next: (0..count).map(|at| (at + 1) % count).collect(),
        previous: (0..count).map(|at| (at + count - 1) % count).collect(),
    };
    let mut answer_at = vec![HEAD; calls.len()];
    for (place, (_, index, _)) in entries.iter().enumerate().filter(|(_, entry)| entry.2) {
        answer_at[*index] = place + 1;
    }
    let mut open = answer_at.iter().filter(|at| **at != HEAD).count();
    let mut state = model.initial(key);
    let mut taken = vec![0_u64; calls.len().div_ceil(64)];
    let mut known: BTreeSet<(Vec<u64>, M::State)> = BTreeSet::new();
    let mut path: Vec<(usize, M::State)> = Vec::new();
    let mut best = (0, state.clone());
    let mut at = list.next[HEAD];
    while open > 0 {
        let here = (at != HEAD).then(|| entries[at - 1]);
        if let Some((_, index, false)) = here {
            if let Some(after) = model.apply(&state, &calls[index].operation, answers[index]) {
                taken[index / 64] |= 1 << (index % 64);
                if known.insert((taken.clone(), after.clone())) {
                    if known.len() > states_max {
                        return Search::GaveUp;
                    }
                    path.push((at, std::mem::replace(&mut state, after)));
                    list.unlink(at);
                    if answer_at[index] != HEAD {
                        list.unlink(answer_at[index]);
                        open -= 1;
                    }
                    if path.len() > best.0 {
                        best = (path.len(), state.clone());
                    }
                    at = list.next[HEAD];
                    continue;
                }
                taken[index / 64] &= !(1 << (index % 64));
            }
            at = list.next[at];
            continue;
        }
        // An answer (or the end) is reached before its call was taken: go back.
        let Some((last, before)) = path.pop() else {
            let (fitted, state) = best;
            return Search::None { fitted, state };
        };
        let index = entries[last - 1].1;
        state = before;
        taken[index / 64] &= !(1 << (index % 64));
        if answer_at[index] != HEAD {
            list.relink(answer_at[index]);
            open += 1;
        }
        list.relink(last);
        at = list.next[last];
    }
    Search::Found
}
