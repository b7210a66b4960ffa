//! From a seed that failed to evidence: confirmed alone, shrunk, compared with the nearest run
//! that passes, saved.

use super::{
    Confirmation, Divergence, Effort, Failure, FailureError, Found, Leak, Request, Runner, Scenario,
    Settings, Shrunk, Tried, alone, confirm, failure_folder, shrink,
};
use crate::sim::Ended;
use crate::tape::{Choice, Recording};
use std::path::PathBuf;

/// All that is known of a failure.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The shrunk failure, as saved.
    pub failure: Failure,
    /// The run that it is: facts included.
    pub ended: Ended,
    /// What shrinking took.
    pub shrunk: Shrunk,
    /// Choices made in the failing run as found, calm ones included.
    pub choices_in_all: u64,
    /// The same run with one choice made calm, which passes.
    pub nearest: Option<Nearest>,
    /// Where the failure was saved.
    pub file: PathBuf,
    /// Why it could not be confirmed in a fresh process, if it could not.
    pub unconfirmed: Option<String>,
}

/// The nearest run that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Lane of the choice that was made calm.
    pub lane: String,
    /// The choice.
    pub choice: Choice,
    /// Where the passing run parts from the failing one.
    pub divergence: Divergence,
}

/// Diagnoses what a sweep found, or what a failure file holds.
///
/// # Errors
///
/// If the failure cannot be saved. The inner error is a failure that does not happen alone.
pub fn diagnose(
    scenario: &Scenario,
    settings: &Settings,
    found: &Found,
) -> Result<Result<Diagnosis, Leak>, FailureError> {
    let runner = Runner::new(scenario, settings.isolation);
    let as_found = Request { script: found.script.clone(), ..Request::recorded(found.seed, settings) };
    let (first, unconfirmed) = match confirm(scenario, &as_found) {
        Confirmation::Ran(ended) => (*ended, None),
        Confirmation::Unavailable(why) => (runner.run(scenario, &as_found), Some(why)),
    };
    let signature = found.outcome.signature();
    if first.outcome.signature() != signature {
        let among_others = runner.run(scenario, &as_found);
        let divergence = Divergence::between(&first, &among_others);
        return Ok(Err(Leak {
            seed: found.seed,
            among_others: found.outcome.clone(),
            alone: first.outcome,
            first_difference: divergence.map_or_else(
                || "none when run again in this process: the state that steered it has moved on".to_owned(),
                |divergence| divergence.to_string(),
            ),
        }));
    }
    let scripted = |choices: &Recording| Request { script: Some(choices.clone()), ..as_found.clone() };
    let effort = if first.steps == 0 { Effort { runs: 0, steps: 0 } } else { Effort::default() };
    let mut shrunk = shrink(first.recording.clone(), effort, &mut |candidate| {
        let ended = runner.run(scenario, &scripted(candidate));
        let steps = ended.steps;
        Tried { same: (ended.outcome.signature() == signature).then_some(ended.recording), steps }
    });
    // What is shown is what a fresh process does with the shrunk choices; if it does not fail alike, shrinking was misled.
    let choices_in_all = first.choices;
    let mut ended = alone(scenario, &scripted(&shrunk.recording), settings.isolation);
    if ended.outcome.signature() != signature {
        shrunk.recording = first.recording.clone();
        ended = first;
    }
    let nearest = nearest(&runner, scenario, &ended, &scripted);
    let failure = Failure::of(scenario, &scripted(&shrunk.recording), &ended);
    let file = failure.save(&failure_folder())?;
    Ok(Ok(Diagnosis { failure, ended, shrunk, choices_in_all, nearest, file, unconfirmed }))
}

/// Makes one choice calm at a time; of the runs that pass, the one that stays alike longest.
fn nearest(
    runner: &Runner,
    scenario: &Scenario,
    failing: &Ended,
    scripted: &dyn Fn(&Recording) -> Request,
) -> Option<Nearest> {
    const TRIES_MAX: usize = 16;
    let choices: Vec<_> =
        failing.recording.choices().map(|(lane, choice)| (lane.to_owned(), choice)).collect();
    let twins = choices.into_iter().take(TRIES_MAX).filter_map(|(lane, choice)| {
        let mut candidate = failing.recording.clone();
        candidate.set(&lane, Choice { value: 0, ..choice });
        let ended = runner.run(scenario, &scripted(&candidate));
        let divergence = Divergence::between(failing, &ended).filter(|_| ended.outcome.is_passed())?;
        Some(Nearest { lane, choice, divergence })
    });
    twins.max_by_key(|nearest| nearest.divergence.equal)
}
