//! Fewer and calmer choices that still end in the same failure.
//!
//! Knows the lane, the bound and the value of a choice and nothing else. Because 0 is calm
//! everywhere and lanes do not disturb each other, taking a choice away means setting it to 0.
//! Works in passes until none helps: whole lanes, then halves, quarters, ... single choices (delta debugging,
//! Zeller and Hildebrandt, TSE 2002), then smaller values, then one choice less at the price of a larger
//! value of another (a little more haste instead of two slow packets). A candidate counts only if its run
//! ends with the same signature; and what is kept is what that run *did* choose, not what it was told.

use crate::tape::{Choice, Recording};
use std::collections::BTreeSet;

/// How much to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Runs at most. Default 2,000.
    pub runs: u64,
    /// Steps at most, over all runs. Default 200,000,000.
    pub steps: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { runs: 2_000, steps: 200_000_000 }
    }
}

/// What shrinking came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// The calmest recording found.
    pub recording: Recording,
    /// Choices that were not calm before.
    pub before: usize,
    /// Runs it took.
    pub runs: u64,
    /// Whether the effort was used up before nothing more helped.
    pub exhausted: bool,
}

/// What one try gave.
pub struct Tried {
    /// What the run chose, if it ended in the same failure.
    pub same: Option<Recording>,
    /// Its steps.
    pub steps: u64,
}

type Position = (String, Choice);

/// Choices left at most for trading one against the value of another, which takes their number squared of runs.
const TRADED_MAX: usize = 8;

struct Search<'a> {
    try_run: &'a mut dyn FnMut(&Recording) -> Tried,
    best: Recording,
    seen: BTreeSet<String>,
    runs: u64,
    steps: u64,
    effort: Effort,
}

/// Shrinks `recording`, whose run failed. `try_run` runs a candidate and answers what it chose if it
/// failed in the same way.
pub fn shrink(recording: Recording, effort: Effort, try_run: &mut dyn FnMut(&Recording) -> Tried) -> Shrunk {
    let before = recording.len();
    let mut search = Search { try_run, best: recording, seen: BTreeSet::new(), runs: 0, steps: 0, effort };
    search.all_calm();
    loop {
        let start = (search.best.len(), weight(&search.best));
        search.whole_lanes();
        search.fewer();
        search.smaller();
        search.trade();
        if (search.best.len(), weight(&search.best)) >= start || search.is_exhausted() {
            break;
        }
    }
    let exhausted = search.is_exhausted();
    Shrunk { recording: search.best, before, runs: search.runs, exhausted }
}

fn weight(recording: &Recording) -> u128 {
    recording.choices().map(|(_, choice)| u128::from(choice.value)).sum()
}

impl Search<'_> {
    fn is_exhausted(&self) -> bool {
        self.runs >= self.effort.runs || self.steps >= self.effort.steps
    }

    /// Tries a candidate; keeps it if it fails alike and is simpler.
    fn attempt(&mut self, candidate: &Recording) -> bool {
        if self.is_exhausted() || !self.seen.insert(candidate.to_string()) {
            return false;
        }
        self.runs += 1;
        let tried = (self.try_run)(candidate);
        self.steps += tried.steps;
        let Some(chosen) = tried.same else { return false };
        let simpler = (chosen.len(), weight(&chosen)) < (self.best.len(), weight(&self.best));
        if simpler {
            self.best = chosen;
        }
        simpler
    }

    fn positions(&self) -> Vec<Position> {
        self.best.choices().map(|(lane, choice)| (lane.to_owned(), choice)).collect()
    }

    fn without(&self, positions: &[Position]) -> Recording {
        let mut candidate = self.best.clone();
        for (lane, choice) in positions {
            candidate.set(lane, Choice { value: 0, ..*choice });
        }
        candidate
    }

    fn all_calm(&mut self) {
        self.attempt(&Recording::default());
    }

    fn whole_lanes(&mut self) {
        let mut lanes: Vec<String> = self.best.choices().map(|(lane, _)| lane.to_owned()).collect();
        lanes.dedup();
        for lane in lanes {
            let of_lane: Vec<_> = self.positions().into_iter().filter(|(name, _)| *name == lane).collect();
            if !of_lane.is_empty() {
                let candidate = self.without(&of_lane);
                self.attempt(&candidate);
            }
        }
    }

    fn fewer(&mut self) {
        let mut size = self.best.len().div_ceil(2).max(1);
        loop {
            // From the end: late choices are the most likely to be noise after the failure's cause.
            let mut end = self.best.len();
            while end > 0 && !self.is_exhausted() {
                let positions = self.positions();
                end = end.min(positions.len());
                let start = end.saturating_sub(size);
                let candidate = self.without(&positions[start..end]);
                if !self.attempt(&candidate) {
                    end = start;
                }
            }
            if size == 1 {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    /// Takes one choice away and raises another instead, when few are left.
    fn trade(&mut self) {
        let positions = self.positions();
        if positions.len() > TRADED_MAX {
            return;
        }
        for removed in &positions {
            for (lane, choice) in positions.iter().filter(|position| *position != removed) {
                for eighth in 1..=8 {
                    let room = u128::from(choice.bound - 1 - choice.value);
                    let value = choice.value + (room * eighth / 8) as u64;
                    let mut candidate = self.without(std::slice::from_ref(removed));
                    candidate.set(lane, Choice { value, ..*choice });
                    if value > choice.value && self.attempt(&candidate) {
                        return;
                    }
                }
            }
        }
    }

    fn smaller(&mut self) {
        for (lane, choice) in self.positions() {
            // Between the largest value known not to do and the smallest known to do.
            let (mut low, mut high) = (0, choice.value);
            while low + 1 < high && !self.is_exhausted() {
                let value = if low == 0 && high == choice.value { 1 } else { low + (high - low) / 2 };
                let mut candidate = self.best.clone();
                candidate.set(&lane, Choice { value, ..choice });
                if self.attempt(&candidate) { high = value } else { low = value }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Shrinks `text` under a predicate on the choices; the run does exactly what it is told.
    fn shrunk(text: &str, fails: impl Fn(&Recording) -> bool) -> (String, u64) {
        let recording = Recording::parse(text).expect("test data");
        let mut try_run =
            |candidate: &Recording| Tried { same: fails(candidate).then(|| candidate.clone()), steps: 1 };
        let shrunk = shrink(recording, Effort::default(), &mut try_run);
        (shrunk.recording.to_string(), shrunk.runs)
    }

    fn value(recording: &Recording, lane: &str, index: u64) -> u64 {
        let choices = recording.lane(lane).unwrap_or_default();
        choices.iter().find(|choice| choice.index == index).map_or(0, |choice| choice.value)
    }

    #[test]
    fn a_failure_that_needs_nothing_shrinks_to_nothing_at_once() {
        assert_eq!(shrunk("a 1 2/3\nb 7 5/9", |_| true), (String::new(), 1));
    }

    #[test]
    fn two_needles_are_found_in_a_haystack() {
        let hay: String = (0..500).map(|index| format!("sched {index} {}/9\n", 1 + index % 8)).collect();
        let fails =
            |recording: &Recording| value(recording, "sched", 77) >= 3 && value(recording, "fault/x", 0) > 0;
        let (left, runs) = shrunk(&format!("fault/x 0 1/2\n{hay}"), fails);
        assert_eq!(left, "fault/x 0 1/2\nsched 77 3/9\n");
        assert!(runs < 200, "{runs} runs");
    }

    #[test]
    fn one_large_choice_is_better_than_two_small_ones() {
        let fails = |recording: &Recording| value(recording, "a", 0) + 2 * value(recording, "b", 0) >= 60;
        let (left, _) = shrunk("a 0 20/100\nb 0 30/100", fails);
        assert_eq!(left, "b 0 30/100\n");
    }

    #[test]
    fn effort_is_bounded() {
        let hay: String = (0..100).map(|index| format!("x {index} 1/2\n")).collect();
        let mut runs = 0;
        let mut try_run = |_: &Recording| {
            runs += 1;
            Tried { same: None, steps: 10 }
        };
        let effort = Effort { runs: 1_000, steps: 150 };
        let shrunk = shrink(Recording::parse(&hay).expect("test data"), effort, &mut try_run);
        assert!(shrunk.exhausted);
        assert_eq!(runs, 15);
    }

    proptest! {
        #[test]
        fn what_is_left_is_minimal(needed in proptest::collection::btree_map(0u64..60, 1u64..40, 0..4)) {
            let hay: String = (0..60).map(|index| format!("x {index} 50/60\n")).collect();
            let fails = |recording: &Recording| {
                needed.iter().all(|(index, least)| value(recording, "x", *index) >= *least)
            };
            let (left, _) = shrunk(&hay, fails);
            let expected: String = needed.iter().map(|(index, least)| format!("x {index} {least}/60\n")).collect();
            prop_assert_eq!(left, expected);
        }
    }
}
