//! Runs scenarios: some seeds that must pass, or a sweep that must find something.

use sim::Sim;
use sim::explore::{
    Diagnosis, Extent, Isolation, Request, Rerun, Runner, Scenario, Settings, Silent, answer_parent,
    diagnose, sweep,
};
use sim::node::service::Services;

fn scenario<F>(name: &str, body: impl Fn(Sim) -> F + Send + Sync + 'static) -> Scenario
where
    F: Future<Output = ()> + 'static,
{
    let rerun = Rerun::Test { package: "sim-world".into(), path: name.into() };
    Scenario::new(name, rerun, body)
}

/// The scenario passes on some seeds, and twice with each digest.
#[track_caller]
pub(crate) fn passes<F>(body: impl Fn(Sim) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let scenario = scenario("passes", body);
    let runner = Runner::new(&scenario, Isolation::Thread);
    for seed in 1..=20 {
        let policy = if seed == 1 { "fifo" } else { "portfolio" }.parse().expect("it exists");
        let request = Request { seed, script: None, policy, recording: seed == 1 };
        let ended = runner.run(&scenario, &request);
        assert!(ended.outcome.is_passed(), "seed {seed}: {}", ended.outcome);
        let again = runner.run(&scenario, &request);
        assert_eq!(ended.digest, again.digest, "seed {seed} is not the same run twice");
    }
}

/// The facts of a kind in a calm run.
pub(crate) fn facts<F>(kind: &str, body: impl Fn(Sim) -> F + Send + Sync + 'static) -> String
where
    F: Future<Output = ()> + 'static,
{
    let scenario = scenario("facts", body);
    let policy = "fifo".parse().expect("it exists");
    let script = Some(sim_runtime::tape::Recording::default());
    let request = Request { seed: 1, script, policy, recording: true };
    let ended = Runner::new(&scenario, Isolation::Thread).run(&scenario, &request);
    assert!(ended.outcome.is_passed(), "{}", ended.outcome);
    let facts = ended.facts.iter().filter(|fact| fact.kind == *kind);
    facts.map(|fact| format!("{} {}\n", fact.node, fact.text)).collect()
}

fn settings(seeds: u64) -> Settings {
    Settings {
        extent: Extent::Seeds(seeds),
        jobs: 2,
        policy: None,
        isolation: Isolation::Thread,
        log: None,
        services: Services::default(),
    }
}

/// What a sweep of 1,000 seeds finds, shrunk and confirmed in a fresh process. `None` in that process. `test` is the
/// path of the calling test.
#[track_caller]
pub(crate) fn finds<F>(test: &str, body: impl Fn(Sim) -> F + Send + Sync + 'static) -> Option<Diagnosis>
where
    F: Future<Output = ()> + 'static,
{
    let scenario = scenario(test, body);
    if answer_parent(&scenario) {
        return None;
    }
    let found = sweep(&scenario, &settings(1_000), &Silent).found.expect("it is found within 1,000 seeds");
    let diagnosis =
        diagnose(&scenario, &settings(1_000), &found).expect("it can be saved").expect("it fails alone");
    assert!(diagnosis.unconfirmed.is_none(), "it is confirmed");
    Some(diagnosis)
}

/// No seed of a sweep finds anything; the kinds of faults struck.
#[track_caller]
pub(crate) fn survives<F>(seeds: u64, faults: &[&str], body: impl Fn(Sim) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let scenario = scenario("survives", body);
    let swept = sweep(&scenario, &settings(seeds), &Silent);
    assert!(swept.found.is_none(), "{:?}", swept.found);
    for kind in faults {
        assert!(swept.faults[*kind].fired > 0, "{kind} never struck: {:?}", swept.faults);
    }
    assert_eq!(swept.never_reached().collect::<Vec<_>>(), Vec::<&str>::new(), "what the sweep never reached");
}
