//! Repeating a failure file, and saying honestly what came of it.

use super::{Divergence, Failure, FailureError, Scenario};
use crate::sim::{Ended, Outcome};

/// What repeating a failure gave.
#[derive(Clone, Debug)]
pub enum Replayed {
    /// The very same run: equal digests.
    Same,
    /// The same failure on another way: the code has changed, but the bug is still there.
    Alike(String),
    /// Not the same failure; never to be taken for a pass.
    Diverged(Outcome),
}

/// Judges the run that repeated `failure`.
///
/// # Errors
///
/// If the failure belongs to another scenario.
pub fn judge(scenario: &Scenario, failure: &Failure, ended: &Ended) -> Result<Replayed, FailureError> {
    if failure.scenario != scenario.name() {
        let (found, expected) = (failure.scenario.clone(), scenario.name().to_owned());
        return Err(FailureError::OtherScenario { found, expected });
    }
    if failure.services != scenario.services.to_string() {
        let (found, present) = (failure.services.clone(), scenario.services.to_string());
        return Err(FailureError::OtherServices { found, present });
    }
    let difference = || match Divergence::of_facts(&failure.facts, &ended.facts) {
        Some(divergence) => divergence.to_string(),
        None => format!("all {} facts are equal, choices or payloads are not", failure.facts.len()),
    };
    let misfits = match ended.misfits {
        0 => String::new(),
        count => format!("; {count} recorded choices no longer fit"),
    };
    Ok(if ended.outcome.signature() != failure.outcome.signature() {
        let now = match &ended.outcome {
            Outcome::Passed => "passes".to_owned(),
            other => format!("ends otherwise: {other}"),
        };
        let detail = format!(
            "recorded was {}, but now the run {now}\n  first difference: {}{misfits}",
            failure.outcome,
            difference()
        );
        Replayed::Diverged(Outcome::Diverged { detail })
    } else if ended.digest == failure.digest {
        Replayed::Same
    } else {
        Replayed::Alike(format!("{}{misfits}", difference()))
    })
}
