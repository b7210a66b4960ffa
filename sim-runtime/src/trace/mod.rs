//! Facts: what happened, in order, and the digest that stands for it.
//!
//! A fact is reported where it happens. Its words always go into the digest; its text is only
//! rendered when the run is being recorded, which sweeps are not: evidence costs nothing until
//! needed. Tasks can never read the trace, so looking cannot change what is seen.

mod digest;

pub use digest::Digest;

use crate::schedule::TaskId;
use crate::time::Nanos;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// One recorded event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Polls made when it happened.
    pub step: u64,
    /// Virtual time.
    pub at: Nanos,
    /// Name of the node it happened on; empty for the world itself.
    pub node: Arc<str>,
    /// The task that was running, if any.
    pub task: Option<TaskId>,
    /// What sort of thing, in a word or two with dots: `task.spawned`, `net.sent`, `fault`.
    pub kind: Cow<'static, str>,
    /// In domain words, one line.
    pub text: String,
    /// The choices that were not calm and led to it: lane name and index.
    pub choices: Vec<(Arc<str>, u64)>,
}

impl std::fmt::Display for Fact {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} {} {} {}",
            self.at,
            if self.node.is_empty() { "-" } else { &self.node },
            self.kind,
            self.text
        )
    }
}

/// A state of the digest on the way, to find where two runs part without keeping their facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Polls made.
    pub step: u64,
    /// Digest of all facts and choices up to there.
    pub digest: u64,
}

/// The facts of one run.
pub struct Trace {
    recording: bool,
    digest: Cell<Digest>,
    facts: RefCell<Vec<Fact>>,
    checkpoints: RefCell<Vec<Checkpoint>>,
    dropped: Cell<u64>,
}

/// Facts kept at most; more are counted but not kept, so that an endless run cannot eat the host.
pub const FACTS_MAX: usize = 200_000;

/// Polls between checkpoints at first; when there are 128 every other one is dropped and the
/// distance doubles.
const CHECKPOINT_STEPS: u64 = 64;
const CHECKPOINTS_MAX: usize = 128;

impl Trace {
    /// An empty trace; with `recording` facts are kept.
    pub fn new(recording: bool) -> Self {
        Self {
            recording,
            digest: Cell::new(Digest::new(0)),
            facts: RefCell::default(),
            checkpoints: RefCell::default(),
            dropped: Cell::new(0),
        }
    }

    /// Whether facts are kept.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// Absorbs words that belong to a fact, or that stand for something too frequent to be one.
    #[inline]
    pub fn digest_words(&self, words: &[u64]) {
        let mut digest = self.digest.get();
        words.iter().for_each(|word| digest.word(*word));
        self.digest.set(digest);
    }

    /// Absorbs the time and the words of a fact.
    #[inline]
    pub(crate) fn digest_fact(&self, at: Nanos, words: &[u64]) {
        let mut digest = self.digest.get();
        digest.word(at);
        digest.word(words.len() as u64);
        words.iter().for_each(|word| digest.word(*word));
        self.digest.set(digest);
    }

    /// Absorbs bytes, for example a payload.
    pub fn digest_bytes(&self, bytes: &[u8]) {
        let mut digest = self.digest.get();
        digest.bytes(bytes);
        self.digest.set(digest);
    }

    /// Keeps a fact, up to [`FACTS_MAX`].
    pub(crate) fn push(&self, fact: Fact) {
        let mut facts = self.facts.borrow_mut();
        if facts.len() < FACTS_MAX {
            facts.push(fact);
        } else {
            self.dropped.set(self.dropped.get() + 1);
        }
    }

    /// The digest of all facts so far.
    pub fn digest(&self) -> u64 {
        self.digest.get().value()
    }

    /// Notes a checkpoint when one is due. `digest` is asked only then.
    #[inline]
    pub(crate) fn checkpoint(&self, step: u64, digest: impl FnOnce() -> u64) {
        if self.recording && step.is_multiple_of(CHECKPOINT_STEPS) {
            let mut checkpoints = self.checkpoints.borrow_mut();
            if checkpoints.len() == CHECKPOINTS_MAX {
                let mut position = 0;
                checkpoints.retain(|_| {
                    position += 1;
                    position % 2 == 1
                });
            }
            if checkpoints.len() < 2
                || step - checkpoints[checkpoints.len() - 1].step >= checkpoints[1].step - checkpoints[0].step
            {
                checkpoints.push(Checkpoint { step, digest: digest() });
            }
        }
    }

    /// Hands over the facts, the checkpoints, and the number of facts that were not kept.
    pub fn take(&self) -> (Vec<Fact>, Vec<Checkpoint>, u64) {
        (self.facts.take(), self.checkpoints.take(), self.dropped.get())
    }
}
