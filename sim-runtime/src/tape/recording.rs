//! The choices of a run that were not calm, as data: what is saved, edited and repeated.
//!
//! The text form has one choice a line, so that people can read it and version control can show
//! what a change did: `LANE INDEX VALUE/BOUND`, lanes in order of name, choices in order of index.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One choice: the `index`-th of its lane (from 0) was `value`, of `bound` options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Choice {
    /// Position in the lane, counted from 0.
    pub index: u64,
    /// Number of options; the value lies below it.
    pub bound: u64,
    /// What was chosen; 0 is calm and never stored.
    pub value: u64,
}

/// The choices of a run that were not calm, by lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Recording {
    lanes: BTreeMap<String, Vec<Choice>>,
}

/// Why a text is no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}, in `{text}`; expected `LANE INDEX VALUE/BOUND`, for example `sched 12 3/5`")]
pub struct RecordingError {
    /// Line number, counted from 1, within the text given.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
    /// The line itself.
    pub text: String,
}

impl Recording {
    /// A recording of these lanes. Choices that are 0 and lanes without choices are left out.
    pub fn from_lanes(lanes: impl IntoIterator<Item = (String, Vec<Choice>)>) -> Self {
        let mut recording = Self::default();
        for (name, choices) in lanes {
            for choice in choices {
                recording.set(&name, choice);
            }
        }
        recording
    }

    /// The choices of one lane, in order of index.
    pub fn lane(&self, name: &str) -> Option<&[Choice]> {
        self.lanes.get(name).map(Vec::as_slice)
    }

    /// All choices with their lane, in order of lane name and index.
    pub fn choices(&self) -> impl Iterator<Item = (&str, Choice)> {
        self.lanes
            .iter()
            .flat_map(|(name, choices)| choices.iter().map(move |choice| (name.as_str(), *choice)))
    }

    /// Number of choices that are not calm.
    pub fn len(&self) -> usize {
        self.lanes.values().map(Vec::len).sum()
    }

    /// Whether every choice is calm.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Sets one choice; a value of 0 removes it.
    pub fn set(&mut self, lane: &str, choice: Choice) {
        let choices = self.lanes.entry(lane.to_owned()).or_default();
        match (choices.binary_search_by_key(&choice.index, |other| other.index), choice.value) {
            (Ok(at), 0) => {
                choices.remove(at);
            }
            (Ok(at), _) => choices[at] = choice,
            (Err(_), 0) => {}
            (Err(at), _) => choices.insert(at, choice),
        }
        if choices.is_empty() {
            self.lanes.remove(lane);
        }
    }

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// Names the first line that is not a choice, or that repeats or precedes an earlier one.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut recording = Self::default();
        for (number, line) in text.lines().enumerate() {
            let error = |reason: String| RecordingError { line: number + 1, reason, text: line.to_owned() };
            let mut words = line.rsplitn(3, ' ');
            let (options, index, lane) = (words.next(), words.next(), words.next());
            let (Some(options), Some(index), Some(lane)) = (options, index, lane) else {
                return Err(error("it does not have three parts".into()));
            };
            let (value, bound) =
                options.split_once('/').ok_or_else(|| error("no `/` between value and bound".into()))?;
            let number = |word: &str| {
                word.parse::<u64>().map_err(|_| error(format!("`{word}` is not a whole number")))
            };
            let choice = Choice { index: number(index)?, bound: number(bound)?, value: number(value)? };
            if choice.value == 0 || choice.value >= choice.bound {
                return Err(error(format!("the value {value} does not lie between 0 and the bound {bound}")));
            }
            if recording.lane(lane).and_then(<[_]>::last).is_some_and(|last| last.index >= choice.index) {
                return Err(error(format!("choice {index} of this lane does not follow the one before it")));
            }
            recording.lanes.entry(lane.to_owned()).or_default().push(choice);
        }
        Ok(recording)
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.choices().try_for_each(|(lane, Choice { index, bound, value })| {
            writeln!(formatter, "{lane} {index} {value}/{bound}")
        })
    }
}
