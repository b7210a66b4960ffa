//! The attribute turns async functions into tests that sweep.
#![allow(clippy::disallowed_methods, reason = "what the code under test does")]

use sim_runtime::Sim;
use std::time::Duration;

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_plain_scenario(sim: Sim) {
    let handle = sim.spawn(async move {
        sim.sleep(Duration::from_secs(3600)).await;
        7
    });
    assert_eq!(handle.await.expect("not aborted"), 7);
    assert!(sim.now() >= 3_600_000_000_000);
}

#[sim_runtime::test(seeds = 3, hermetic, crate = sim_runtime)]
async fn a_hermetic_scenario_may_return_a_result(sim: Sim) -> Result<(), std::num::ParseIntError> {
    sim.sleep(Duration::from_millis("12".parse()?)).await;
    Ok(())
}

#[sim_runtime::test(seeds = 50, crate = sim_runtime)]
#[should_panic(expected = "rolled a six")]
async fn a_failing_scenario(sim: Sim) {
    assert!(sim.lane("dice").below(6) < 5, "rolled a six");
}
