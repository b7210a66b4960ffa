//! What came of driving a scenario, as data.

use super::{Diagnosis, Failure, Replayed, Sweep};
use crate::sim::{Ended, Outcome};

/// What came of driving a scenario.
#[derive(Debug)]
pub enum Verdict {
    /// All runs passed.
    Passed(Sweep),
    /// A seed failed, and fails alone too.
    Failed(Box<Sweep>, Box<Diagnosis>),
    /// A seed failed among others but not alone: state leaks from run to run.
    Leaks(Box<Sweep>, Leak),
    /// A failure file was repeated.
    Replayed(Box<Failure>, Replayed, Box<Ended>),
    /// This process was started to run another scenario, so this one was not run.
    Skipped,
}

/// A failure that needs what earlier runs of the same process left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The seed.
    pub seed: u64,
    /// How it ended in the sweep.
    pub among_others: Outcome,
    /// How it ends alone, in a fresh process.
    pub alone: Outcome,
    /// The first fact that differs.
    pub first_difference: String,
}
