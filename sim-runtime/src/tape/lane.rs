//! One named stream of choices.

use super::{Choice, Generator, Shared};
use rand_chacha::rand_core::Rng;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

/// A handle to one lane of a tape. Clones draw from the same lane.
///
/// All draws are in the module's terms: an integer below a bound, 0 the calm option. See
/// [`Lane::decide`] for the primitive, the other methods for the usual shapes.
#[derive(Clone)]
pub struct Lane {
    state: Rc<LaneState>,
    /// Here and not in the state, which the tape keeps: it would keep itself.
    tape: Rc<Shared>,
}

pub(super) struct LaneState {
    name: Arc<str>,
    id: u32,
    index: Cell<u64>,
    source: RefCell<Source>,
    recorded: RefCell<Vec<Choice>>,
}

#[expect(clippy::large_enum_variant, reason = "a lane lies on the heap, and most lanes are drawn")]
pub(super) enum Source {
    Drawn(Generator),
    Script { choices: Vec<Choice>, next: usize },
}

impl Source {
    pub(super) fn script(choices: Vec<Choice>) -> Self {
        Self::Script { choices, next: 0 }
    }

    /// What the script says about the choice with this index, made to fit.
    fn scripted(&mut self, index: u64, bound: u64, tape: &Shared) -> u64 {
        let Self::Script { choices, next } = self else { return 0 };
        while choices.get(*next).is_some_and(|choice| choice.index < index) {
            *next += 1;
        }
        match choices.get(*next) {
            Some(choice) if choice.index == index => {
                if choice.value >= bound {
                    tape.misfits.set(tape.misfits.get() + 1);
                }
                choice.value.min(bound - 1)
            }
            _ => 0,
        }
    }
}

impl LaneState {
    /// Counts a choice, adds it to the digest as `word`, and keeps it if it is to be kept.
    #[inline]
    fn made(&self, tape: &Shared, choice: Choice, word: u64) {
        let mut digest = tape.digest.get();
        digest.word((u64::from(self.id) << 48) ^ choice.bound.rotate_left(24) ^ word);
        tape.digest.set(digest);
        tape.choices.set(tape.choices.get() + 1);
        if tape.recording && choice.value != 0 {
            self.recorded.borrow_mut().push(choice);
            tape.pending.borrow_mut().push((self.id, choice.index));
        }
    }

    pub(super) fn new(name: Arc<str>, id: u32, source: Source) -> Self {
        Self { name, id, index: Cell::new(0), source: RefCell::new(source), recorded: RefCell::default() }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn recorded(&self) -> Vec<Choice> {
        self.recorded.borrow().clone()
    }
}

impl Lane {
    pub(super) fn new(state: Rc<LaneState>, tape: Rc<Shared>) -> Self {
        Self { state, tape }
    }

    /// The name of this lane.
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Asks for the memory of the lane, which will be drawn from soon: with thousands of lanes it is far.
    #[inline]
    pub fn call(&self) {
        sim_host::prefetch(&*self.state);
    }

    /// Choices drawn from this lane so far.
    pub fn drawn(&self) -> u64 {
        self.state.index.get()
    }

    /// Makes one choice below `bound`. `sample` says how to choose when the tape is seeded; a
    /// repeated run does not call it. With one option or none there is nothing to choose: 0, and
    /// nothing is drawn or recorded.
    ///
    /// # Panics
    ///
    /// If `sample` answers a value that is not below `bound`.
    #[inline]
    pub fn decide(&self, bound: u64, sample: impl FnOnce(&mut Generator) -> u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let state = &*self.state;
        let index = state.index.get();
        state.index.set(index + 1);
        let value = match &mut *state.source.borrow_mut() {
            Source::Drawn(generator) => {
                let value = sample(generator);
                assert!(value < bound, "lane {}: sampled {value}, not below {bound}", state.name);
                value
            }
            source @ Source::Script { .. } => source.scripted(index, bound, &self.tape),
        };
        state.made(&self.tape, Choice { index, bound, value }, value);
        value
    }

    /// A choice among `count` things that are cheaper to name than to rank: `sample` and `named` answer a name,
    /// `ranked` gives the rank (0 is calm) that is recorded, `word` what stands for the thing in the digest.
    #[inline]
    pub(crate) fn decide_named(
        &self,
        count: u64,
        sample: impl FnOnce(&mut Generator) -> usize,
        ranked: impl FnOnce(usize) -> u64,
        named: impl FnOnce(u64) -> usize,
        word: impl FnOnce(usize) -> u64,
    ) -> usize {
        let state = &*self.state;
        let index = state.index.get();
        state.index.set(index + 1);
        let tape = &*self.tape;
        let mut source = state.source.borrow_mut();
        let (name, rank) = match &mut *source {
            Source::Drawn(generator) => {
                let name = sample(generator);
                (name, if tape.recording { ranked(name) } else { 0 })
            }
            source @ Source::Script { .. } => {
                let rank = source.scripted(index, count, tape);
                (named(rank), rank)
            }
        };
        state.made(tape, Choice { index, bound: count, value: rank }, word(name));
        name
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lane").field("name", &self.name()).field("drawn", &self.drawn()).finish()
    }
}

/// A stream of raw bytes: see [`super::Tape::entropy`].
#[derive(Debug)]
pub struct Entropy(pub(super) Generator);

impl Entropy {
    /// Fills `out` with the next bytes of the stream.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    /// The next 64 bits of the stream.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }
}
