//! The main job, as the example tells it: found, shrunk to one lost response, repeated in fresh processes,
//! and gone from the mended service.

use sim::explore::{
    Confirmation, Extent, Isolation, Replayed, Rerun, Scenario, Settings, Silent, answer_parent, confirm,
    diagnose, judge, sweep,
};
use sim::node::service::Services;

#[allow(dead_code, reason = "the example's main function is not called here")]
#[path = "../examples/double_charge.rs"]
mod example;

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

fn scenario(path: &str, mended: bool) -> Scenario {
    let rerun = Rerun::Test { package: "sim".into(), path: path.into() };
    Scenario::new(path, rerun, move |sim| example::scenario(sim, mended))
}

#[test]
fn a_double_charge_is_one_lost_response_away_from_calm() {
    let broken = scenario("a_double_charge_is_one_lost_response_away_from_calm", false);
    if answer_parent(&broken) {
        return;
    }
    let found = sweep(&broken, &settings(200), &Silent).found.expect("it is found within 200 seeds");
    let diagnosis =
        diagnose(&broken, &settings(200), &found).expect("it can be saved").expect("it fails alone");
    assert!(diagnosis.unconfirmed.is_none());
    let failure = &diagnosis.failure;
    assert!(failure.choices.len() <= 3, "{}", failure.choices);
    let trigger = failure.facts.iter().find(|fact| fact.kind == "fault").expect("the trigger is a fault");
    assert!(
        trigger.text.contains("POST /capture/") && trigger.text.ends_with("response lost"),
        "{}",
        trigger.text
    );
    for _ in 0..3 {
        let Confirmation::Ran(again) = confirm(&broken, &failure.request()) else {
            panic!("no second process")
        };
        assert!(matches!(judge(&broken, failure, &again), Ok(Replayed::Same)));
    }
}

#[test]
fn the_mended_service_survives_the_same_faults() {
    let mended = scenario("the_mended_service_survives_the_same_faults", true);
    let swept = sweep(&mended, &settings(300), &Silent);
    assert_eq!(swept.found, None);
    assert!(swept.faults["http.response_lost"].fired > 0, "the fault was there");
    assert_eq!(swept.never_reached().count(), 0, "a payment did succeed after a retry");
}
