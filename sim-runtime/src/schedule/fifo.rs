//! First in, first out: what most runtimes do, and the schedule that hides most races.

use super::{Candidates, Policy};
use crate::tape::Generator;

pub(super) struct Fifo;

impl Policy for Fifo {
    fn pick(&mut self, candidates: &dyn Candidates, _: &mut Generator) -> usize {
        candidates.oldest()
    }
}
