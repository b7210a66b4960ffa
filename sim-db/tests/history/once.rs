//! Exactly once: a payment provider that is right or wrong, clients that lose answers and retry.

use super::random::Random;
use sim_db::history::{
    Action, Cause, Certainty, Change, Effects, History, Level, Moment, OnceFinding, Session, Told, Version,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    Right,
    /// Applies again what comes again.
    AppliesRetries,
    /// Says done without doing.
    ForgetsNow,
    /// Says refused after doing.
    RefusesAfterDoing,
}

/// Twenty payments, each tried until an answer comes or the client gives up.
fn run(provider: Provider, seed: u64) -> Vec<OnceFinding> {
    let mut random = Random::new(seed);
    let mut effects = Effects::new();
    let mut tick = 0;
    for order in 0..20 {
        let key = format!("payment of order {order}");
        let mut done = false;
        for attempt in 1..=3 {
            tick += 1;
            let request = format!("req-{order}-{attempt}");
            let id = effects.attempt(&key, &request);
            let arrives = random.chance(3, 4);
            let refused = random.chance(1, 10) && !done;
            let forgets = provider == Provider::ForgetsNow && random.chance(1, 5);
            let late = provider == Provider::RefusesAfterDoing && refused;
            let repeats = provider == Provider::AppliesRetries;
            if arrives && (!refused || late) && (!done || repeats) && !forgets {
                done = true;
                effects.effect(&key, Some(&request), Certainty::Certain, Moment { tick, ns: tick });
            }
            if arrives && random.chance(2, 3) {
                effects.told(&id, if refused { Told::Refused } else { Told::Done });
                break;
            }
        }
    }
    effects.judge()
}

fn check_caught(provider: Provider, named: fn(&OnceFinding) -> bool) {
    let findings: Vec<OnceFinding> = (0..50).flat_map(|seed| run(provider, seed)).collect();
    assert!(findings.iter().any(named), "{provider:?} was not caught: {findings:?}");
}

#[test]
fn the_right_provider_is_never_accused() {
    for seed in 0..2_000 {
        assert_eq!(run(Provider::Right, seed), [], "seed {seed}");
    }
}

#[test]
fn every_wrong_provider_is_caught_and_named() {
    check_caught(Provider::AppliesRetries, |finding| {
        matches!(finding, OnceFinding::TooMany { certain: 2.., .. })
    });
    check_caught(Provider::ForgetsNow, |finding| matches!(finding, OnceFinding::Missing { .. }));
    check_caught(Provider::RefusesAfterDoing, |finding| {
        matches!(finding, OnceFinding::DespiteRefusal { .. })
    });
}

#[test]
fn an_effect_of_an_unknown_commit_neither_accuses_nor_is_missed() {
    let mut history = History::new();
    let mut pay = |version, outcome: Action| {
        let transaction = history.begin(Session(version as u32), Level::ReadCommitted, version);
        let key = history.key("payments", &format!("order 42, try {version}"));
        let write = Action::Write { key, version: Version(version), change: Change::Insert, replaces: None };
        history.push_now(transaction, Cause::default(), write, version);
        history.push_now(transaction, Cause::default(), outcome, version);
    };
    pay(1, Action::Unknown);
    pay(2, Action::Commit);
    pay(3, Action::Abort);
    let key_of = |_, _, _| Some("payment of order 42".to_owned());
    let mut effects = Effects::new().without_attempts();
    effects.add_from(&history, key_of);
    assert_eq!(effects.judge(), []);
    // Somebody sees the first: it did happen.
    let reader = history.begin(Session(9), Level::ReadCommitted, 9);
    let key = history.key("payments", "order 42, try 1");
    history.read(reader, key, Version(1), Cause::default(), 10);
    let mut effects = Effects::new().without_attempts();
    effects.add_from(&history, key_of);
    assert!(matches!(effects.judge()[..], [OnceFinding::TooMany { certain: 2, allowed: 1, .. }]));
}

#[test]
fn nobody_asked() {
    let mut effects = Effects::new();
    effects.effect("refund of order 1", None, Certainty::Certain, Moment { tick: 1, ns: 5 });
    let expected = "refund of order 1 took effect although nobody asked for it: at 5 ns";
    assert_eq!(effects.judge()[0].to_string(), expected);
}
