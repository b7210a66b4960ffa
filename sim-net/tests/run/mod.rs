//! Runs a scenario and says how it went.

use std::future::Future;
use std::sync::Arc;

use sim_runtime::executor::{Heartbeat, Limits, Setup};
use sim_runtime::schedule::PolicyName;
use sim_runtime::sim::{Ended, Outcome, Sim, run_scenario};
use sim_runtime::tape::Tape;

/// Runs a scenario on a thread of its own.
#[allow(dead_code, reason = "not every test file needs all of it")]
pub fn ended<F>(seed: u64, scenario: impl FnOnce(Sim) -> F + Send + 'static) -> Ended
where
    F: Future<Output = ()> + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "each run has a fresh thread, as explore gives it")]
    std::thread::spawn(move || {
        let setup = Setup {
            tape: Tape::seeded(seed, true),
            policy: PolicyName::Uniform,
            limits: Limits::default(),
            heartbeat: Arc::new(Heartbeat::default()),
            written_at: std::panic::Location::caller(),
        };
        run_scenario(setup, scenario)
    })
    .join()
    .expect("a run reports its panics")
}

/// Runs a scenario that must pass; its digest.
#[allow(dead_code, reason = "not every test file needs all of it")]
#[track_caller]
pub fn run<F>(seed: u64, scenario: impl FnOnce(Sim) -> F + Send + 'static) -> u64
where
    F: Future<Output = ()> + 'static,
{
    let ended = ended(seed, scenario);
    if ended.outcome != Outcome::Passed {
        let facts: Vec<_> =
            ended.facts.iter().map(|f| format!("{:>14} {} {} {}", f.at, f.node, f.kind, f.text)).collect();
        panic!("seed {seed}: {:?}\n{}", ended.outcome, facts.join("\n"));
    }
    ended.digest
}

/// Runs a scenario; how it ended.
#[allow(dead_code, reason = "not every test file needs all of it")]
pub fn outcome<F>(seed: u64, scenario: impl FnOnce(Sim) -> F + Send + 'static) -> Outcome
where
    F: Future<Output = ()> + 'static,
{
    ended(seed, scenario).outcome
}
