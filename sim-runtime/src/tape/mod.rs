//! The tape: every choice of a run, in named lanes.
//!
//! A run is a pure function of its tape. Whoever needs a choice asks a [`Lane`] for one; the lane
//! answers from its own ChaCha8 stream (keyed by the seed and the lane's name, so a new draw in
//! one lane never shifts another) or, when a recorded run is repeated, from the recording.
//!
//! Three rules make one shrinker enough for networks, clocks, faults and stores alike:
//!
//! * a choice is an integer below a bound, and **0 is the calm option**;
//! * only what was chosen is recorded, never how (whatever distribution or policy chose it), so a
//!   recording can be edited without knowing where its numbers came from;
//! * a recording that has nothing (more) to say about a lane says 0.
//!
//! Rejected: one stream for everything (deleting one fault reshuffles all that follows), and
//! recording raw random words (a shrinker would have to know how they are used).

mod draw;
mod lane;
mod recording;

pub use draw::Ratio;
pub(crate) use draw::uniform;
pub use lane::{Entropy, Lane};
pub use recording::{Choice, Recording, RecordingError};

use crate::index::Index;
use crate::trace::Digest;
use lane::LaneState;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// The generator behind lanes and entropy: ChaCha with 8 rounds.
pub type Generator = ChaCha8Rng;

/// All choices of one run. Cheap to clone: clones are handles to the same tape.
#[derive(Clone)]
pub struct Tape(Rc<Shared>);

/// What the lanes of one tape share.
pub(crate) struct Shared {
    seed: u64,
    /// `Some`: choices come from here, and are 0 where it is silent.
    script: Option<Recording>,
    recording: bool,
    digest: Cell<Digest>,
    choices: Cell<u64>,
    /// Choices that were not calm since the last call of [`Tape::take_pending`].
    pending: RefCell<Vec<(u32, u64)>>,
    /// Scripted choices that no longer fit their bound.
    misfits: Cell<u64>,
    lanes: RefCell<Lanes>,
}

#[derive(Default)]
struct Lanes {
    /// By number, in the order they were first asked for.
    all: Vec<Rc<LaneState>>,
    by_name: Index<Arc<str>, Rc<LaneState>>,
}

impl Tape {
    /// A tape whose choices are drawn from `seed`.
    ///
    /// With `recording` the choices that were not 0 are kept (see [`Tape::recording`]); without
    /// it only the digest is, which is what sweeps want.
    pub fn seeded(seed: u64, recording: bool) -> Self {
        Self::new(seed, None, recording)
    }

    /// A tape that repeats `script` and is calm where the script is silent. Entropy (uuids, hash
    /// keys) still comes from `seed`.
    pub fn scripted(seed: u64, script: Recording, recording: bool) -> Self {
        Self::new(seed, Some(script), recording)
    }

    fn new(seed: u64, script: Option<Recording>, recording: bool) -> Self {
        Self(Rc::new(Shared {
            seed,
            script,
            recording,
            digest: Cell::new(Digest::new(seed)),
            choices: Cell::new(0),
            pending: RefCell::default(),
            misfits: Cell::new(0),
            lanes: RefCell::default(),
        }))
    }

    /// The seed of this tape.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// Whether choices that are not calm are kept.
    pub fn is_recording(&self) -> bool {
        self.0.recording
    }

    /// Whether choices are repeated from a recording.
    pub fn is_scripted(&self) -> bool {
        self.0.script.is_some()
    }

    /// The lane with this name; the same one each time.
    pub fn lane(&self, name: &str) -> Lane {
        let mut lanes = self.0.lanes.borrow_mut();
        if let Some(lane) = lanes.by_name.get(name) {
            return Lane::new(Rc::clone(lane), Rc::clone(&self.0));
        }
        let name: Arc<str> = name.into();
        let script = self.0.script.as_ref().and_then(|script| script.lane(&name)).map(<[_]>::to_vec);
        let id = u32::try_from(lanes.all.len()).expect("fewer than 2^32 lanes");
        let source = match (&self.0.script, script) {
            (None, _) => lane::Source::Drawn(self.generator(&name)),
            (Some(_), script) => lane::Source::script(script.unwrap_or_default()),
        };
        let lane = Rc::new(LaneState::new(name.clone(), id, source));
        lanes.all.push(Rc::clone(&lane));
        lanes.by_name.insert(name, Rc::clone(&lane));
        Lane::new(lane, Rc::clone(&self.0))
    }

    /// Raw bytes that are no choices: uuids, hash keys, payloads. They depend on the seed and
    /// `name` alone, so repeating or shrinking a run leaves them as they were.
    pub fn entropy(&self, name: &str) -> Entropy {
        Entropy(self.generator(&format!("entropy/{name}")))
    }

    /// A generator for code that decides *how* to choose (policies, fault plans) and records
    /// what it chose through a lane. Depends on the seed and `name` alone.
    pub fn generator(&self, name: &str) -> Generator {
        let mut digest = Digest::new(self.0.seed);
        digest.bytes(name.as_bytes());
        let mut key = [0; 32];
        for (index, part) in key.chunks_exact_mut(8).enumerate() {
            digest.word(index as u64);
            part.copy_from_slice(&digest.value().to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }

    /// The digest of every choice so far, in the order made.
    pub fn digest(&self) -> u64 {
        self.0.digest.get().value()
    }

    /// Choices made so far, calm ones included. Draws with only one option are no choices.
    pub fn choices(&self) -> u64 {
        self.0.choices.get()
    }

    /// Scripted choices so far that were not below their bound: signs that the code has changed
    /// since the recording.
    pub fn misfits(&self) -> u64 {
        self.0.misfits.get()
    }

    /// The choices that were not calm. Empty unless the tape was made to record.
    pub fn recording(&self) -> Recording {
        if !self.0.recording {
            return Recording::default();
        }
        let lanes = self.0.lanes.borrow();
        Recording::from_lanes(lanes.all.iter().map(|lane| (lane.name().to_string(), lane.recorded())))
    }

    /// Choices that were not calm since the last call, as (lane name, index). The trace attaches
    /// them to the next fact, which is how a report can say what a choice did.
    pub(crate) fn take_pending(&self) -> Vec<(Arc<str>, u64)> {
        if self.0.pending.borrow().is_empty() {
            return Vec::new();
        }
        let lanes = self.0.lanes.borrow();
        let name = |id: u32| lanes.all[id as usize].name().clone();
        self.0.pending.take().into_iter().map(|(id, index)| (name(id), index)).collect()
    }
}

#[cfg(test)]
mod tests;
