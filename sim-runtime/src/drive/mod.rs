//! What a test or a program does with a scenario: settings, sweep, confirmation, shrinking, report.
//!
//! The only layer that prints. [`test`] is what `#[sim::test]` expands to; programs call [`drive`]
//! and decide themselves what to say.

mod progress;

pub use progress::progress;

use crate::explore::{
    Extent, Failure, FailureError, Found, Isolation, Request, Scenario, Settings, SettingsError, Verdict,
    alone, answer_parent, diagnose, judge, sweep,
};
use crate::report;
use crate::sim::Ended;

/// Why a scenario could not be driven.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// A setting is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A failure file is.
    #[error(transparent)]
    Failure(#[from] FailureError),
}

/// Drives a scenario as `settings` say.
///
/// # Errors
///
/// If a failure file cannot be read, written or used.
pub fn drive(scenario: &Scenario, settings: &Settings) -> Result<Verdict, DriveError> {
    let scenario = &scenario.clone().with_services(settings.services.clone());
    if answer_parent(scenario) {
        return Ok(Verdict::Skipped);
    }
    if let Extent::Replay(path) = &settings.extent {
        let failure = Failure::read(path)?;
        let ended = alone(scenario, &failure.request(), settings.isolation);
        let replayed = judge(scenario, &failure, &ended)?;
        print_log(settings, &ended);
        return Ok(Verdict::Replayed(Box::new(failure), replayed, Box::new(ended)));
    }
    if let Extent::Shrink(path) = &settings.extent {
        let failure = Failure::read(path)?;
        let ended = alone(scenario, &failure.request(), settings.isolation);
        let replayed = judge(scenario, &failure, &ended)?;
        let (seed, outcome, digest) = (failure.seed, failure.outcome.clone(), failure.digest);
        let found = Found { seed, script: Some(failure.choices.clone()), outcome, digest };
        return Ok(match diagnose(scenario, settings, &found)? {
            Ok(diagnosis) => Verdict::Failed(Box::default(), Box::new(diagnosis)),
            // It does not fail alike any more: what repeating it gave says where it parts.
            Err(_) => Verdict::Replayed(Box::new(failure), replayed, Box::new(ended)),
        });
    }
    let swept = sweep(scenario, settings, &*progress(scenario.name(), &settings.extent));
    if let (Extent::Seed(seed), Some(_)) = (&settings.extent, &settings.log) {
        print_log(settings, &alone(scenario, &Request::recorded(*seed, settings), settings.isolation));
    }
    let Some(found) = swept.found.clone() else { return Ok(Verdict::Passed(swept)) };
    Ok(match diagnose(scenario, settings, &found)? {
        Ok(diagnosis) => Verdict::Failed(Box::new(swept), Box::new(diagnosis)),
        Err(leak) => Verdict::Leaks(Box::new(swept), leak),
    })
}

fn print_log(settings: &Settings, ended: &Ended) {
    let Some(log) = &settings.log else { return };
    for fact in &ended.facts {
        if log == "all" || log.split(',').any(|prefix| fact.kind.starts_with(prefix)) {
            eprintln!("{}", report::timeline_line(fact));
        }
    }
}

/// Drives a scenario as the environment says and panics unless all is well: the body of a
/// `#[sim::test]`.
///
/// # Panics
///
/// If a run fails, if a replayed failure does fail again or diverges, or if a setting cannot be used.
pub fn test(scenario: &Scenario, seeds: u64, isolation: Option<Isolation>) {
    let settings = Settings::from_environment(seeds).map(|mut settings| {
        if let (Some(isolation), None) = (isolation, sim_host::real::variable("SIM_ISOLATION")) {
            settings.isolation = isolation;
        }
        settings
    });
    let driven =
        settings.map_err(DriveError::from).and_then(|settings| Ok((drive(scenario, &settings)?, settings)));
    let (verdict, settings) = match driven {
        Ok(driven) => driven,
        Err(error) => panic!("{}: {error}", scenario.name()),
    };
    let scenario = &scenario.clone().with_services(settings.services.clone());
    let text = report::render(scenario, &settings, &verdict);
    match verdict {
        Verdict::Passed(_) | Verdict::Skipped => eprint!("{text}"),
        Verdict::Failed(..) | Verdict::Leaks(..) | Verdict::Replayed(..) => {
            eprint!("{text}");
            let outcome = match &verdict {
                Verdict::Failed(_, diagnosis) => diagnosis.ended.outcome.to_string(),
                Verdict::Replayed(_, _, ended) => ended.outcome.to_string(),
                _ => "its state leaks from run to run".to_owned(),
            };
            panic!("scenario {} failed: {outcome}; see the report above", scenario.name());
        }
    }
}
