//! Every ready task is as likely as any other. Plain, and better than its reputation: under full
//! control it finds most bugs of services (Fray, OOPSLA 2025). Weak where one task must wait
//! through a long stretch of another.

use super::{Candidates, Policy};
use crate::tape::Generator;

pub(super) struct Uniform;

impl Policy for Uniform {
    #[inline]
    fn pick(&mut self, candidates: &dyn Candidates, generator: &mut Generator) -> usize {
        candidates.uniform(generator)
    }

    fn is_uniform(&self) -> bool {
        true
    }
}
