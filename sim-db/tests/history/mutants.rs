//! Every wrong engine is caught and its defect named; the right engine is never accused.

use super::defect::Defect;
use super::workload::run;
use sim_db::history::{Anomaly, LINES_MAX, Level, Promises, judge};

/// Runs a right engine must survive. `HISTORY_RUNS` raises it: 100,000 were run by hand.
const RIGHT_RUNS: u64 = 400;
/// Runs within which a wrong engine must be named; all are run only with `HISTORY_RUNS`.
const WRONG_RUNS: u64 = 400;
/// Runs of each wrong engine at least.
const WRONG_RUNS_MIN: u64 = 40;

fn right_runs() -> u64 {
    std::env::var("HISTORY_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RIGHT_RUNS)
}

fn check_right(level: Option<Level>, promises: Promises) {
    for seed in 0..right_runs() {
        let history = run(None, level, seed);
        let verdict = judge(&history, &promises);
        assert!(
            verdict.is_clean(),
            "the right engine is accused at {level:?}, seed {seed}:\n{}\n{}",
            verdict.explain(&history).unwrap_or_default(),
            history.to_text()
        );
    }
}

#[test]
fn the_right_engine_is_not_accused_at_read_committed() {
    check_right(Some(Level::ReadCommitted), Promises::postgres());
}

#[test]
fn the_right_engine_is_not_accused_at_repeatable_read() {
    check_right(Some(Level::RepeatableRead), Promises::postgres());
}

#[test]
fn the_right_engine_is_not_accused_at_serializable() {
    check_right(Some(Level::Serializable), Promises::postgres());
    check_right(Some(Level::Serializable), Promises::serializable());
}

#[test]
fn the_right_engine_is_not_accused_when_levels_are_mixed() {
    check_right(None, Promises::postgres());
}

#[test]
fn every_wrong_engine_is_caught_and_named() {
    let mut unnamed = Vec::new();
    for defect in Defect::ALL {
        let (level, expected) = defect.shows();
        let mut caught = 0;
        let mut named = None;
        let mut others: Vec<Anomaly> = Vec::new();
        let all = std::env::var_os("HISTORY_RUNS").is_some();
        let mut runs = 0;
        for seed in 0..WRONG_RUNS {
            if named.is_some() && seed >= WRONG_RUNS_MIN && !all {
                break;
            }
            runs += 1;
            let history = run(Some(defect), Some(level), seed);
            let verdict = judge(&history, &defect.promises());
            caught += u64::from(!verdict.is_clean());
            if let Some(first) = verdict.findings.first() {
                others.push(first.anomaly);
                if first.anomaly == expected && named.is_none() {
                    named = Some((seed, first.explain(&history)));
                }
            }
        }
        let times = |anomaly: Anomaly| others.iter().filter(|other| **other == anomaly).count();
        let table: Vec<String> = Anomaly::ALL
            .into_iter()
            .filter(|anomaly| times(*anomaly) > 0)
            .map(|anomaly| format!("{anomaly} {}", times(anomaly)))
            .collect();
        println!("{defect:?}: caught in {caught} of {runs}: {}", table.join(", "));
        match named {
            Some((seed, explanation)) => {
                println!("seed {seed}: {explanation}\n");
                assert!(explanation.lines().count() <= LINES_MAX, "{explanation}");
            }
            None => unnamed.push((defect, expected)),
        }
    }
    assert!(unnamed.is_empty(), "not named: {unnamed:?}");
}
