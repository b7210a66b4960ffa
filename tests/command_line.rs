//! What a person sees who runs scenarios with `cargo test`: settings, failures, leaks, replays.
//!
//! The scenarios are tests of this very file; the tests proper start this program again with other settings.

use sim::Sim;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs};

/// Set for the scenarios that fail on purpose: plain `cargo test` runs them too.
const FAIL: &str = "SIM_TEST_FAIL";

fn failing() -> bool {
    env::var_os(FAIL).is_some()
}

#[sim::test(seeds = 20)]
async fn passing(sim: Sim) {
    sim.note("nothing happens");
}

#[sim::test(seeds = 100)]
async fn unlucky(sim: Sim) {
    // A new lane may be drawn from at any time without disturbing the others.
    if env::var_os("SIM_TEST_NEW_LANE").is_some() {
        let noise: Vec<u64> = (0..5).map(|_| sim.lane("new").below(9)).collect();
        sim.note(format!("{}", noise.len()));
    }
    let rolls: Vec<u64> = (0..10).map(|_| sim.lane("dice").below(6)).collect();
    sim.note("ten dice are on the table");
    let changed = env::var_os("SIM_TEST_FIXED").is_some();
    if changed {
        sim.note("the house has changed the rules");
    }
    let sixes = rolls.iter().filter(|roll| **roll == 5).count();
    sim.always("no three sixes", move || {
        if failing() && !changed && sixes >= 3 { Err(format!("{sixes} sixes")) } else { Ok(()) }
    });
    sim.sleep(std::time::Duration::from_millis(1)).await;
}

static RUNS: AtomicU64 = AtomicU64::new(0);

fn fortieth_run() -> bool {
    RUNS.fetch_add(1, Ordering::Relaxed) == 39 && failing()
}

#[sim::test(seeds = 100)]
async fn leaky(sim: Sim) {
    sim.note("an innocent fact");
    assert!(!fortieth_run(), "steered by a static");
}

#[sim::test(seeds = 100, hermetic)]
async fn leaky_but_hermetic(_sim: Sim) {
    assert!(!fortieth_run(), "steered by a static");
}

struct Answer {
    success: bool,
    text: String,
}

/// Runs one scenario of this file with other variables.
fn run(test: &str, variables: &[(&str, &str)]) -> Answer {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    for variable in
        ["SIM_SEED", "SIM_SEEDS", "SIM_TIME", "SIM_JOBS", "SIM_POLICY", "SIM_REPLAY", "SIM_LOG", FAIL]
    {
        command.env_remove(variable);
    }
    let output =
        command.envs(variables.iter().copied()).env("RUST_BACKTRACE", "0").output().expect("it starts");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Answer { success: output.status.success(), text }
}

/// Runs a scenario and looks for parts of what it says.
fn check(test: &str, variables: &[(&str, &str)], success: bool, parts: &[&str]) -> String {
    let answer = run(test, variables);
    assert_eq!(answer.success, success, "{}", answer.text);
    for part in parts {
        assert!(answer.text.contains(part), "no `{part}` in:\n{}", answer.text);
    }
    answer.text
}

/// A folder for the failures of one test, empty at first.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .map_or(Vec::new(), |entries| entries.map(|entry| entry.expect("readable").path()).collect());
    files.sort();
    files
}

#[test]
fn settings_decide_how_much_is_run() {
    check("passing", &[], true, &["ok command_line::passing  20 runs"]);
    check("passing", &[("SIM_SEEDS", "7")], true, &["7 runs"]);
    check(
        "passing",
        &[("SIM_SEED", "0x10"), ("SIM_LOG", "note")],
        true,
        &["seed 16", "note nothing happens"],
    );
    check(
        "passing",
        &[("SIM_TIME", "200ms"), ("SIM_JOBS", "2"), ("SIM_POLICY", "pct:3")],
        true,
        &["runs in 0.2"],
    );
}

#[test]
fn bad_settings_are_clear_errors() {
    check("passing", &[("SIM_SEED", "abc")], false, &["SIM_SEED=`abc` is not a seed: a whole number"]);
    check("passing", &[("SIM_SEEDS", "0")], false, &["SIM_SEEDS=`0` is not a number of seeds, 1 or more"]);
    check("passing", &[("SIM_POLICY", "lucky")], false, &["unknown policy `lucky`; use portfolio, fifo"]);
    check("passing", &[("SIM_REPLAY", "/no/such/file")], false, &["/no/such/file", "No such file"]);
}

#[test]
fn a_failure_is_found_shrunk_saved_and_repeated() {
    let failures = folder("found");
    let settings = [(FAIL, "1"), ("SIM_FAILURES", failures.to_str().expect("ASCII"))];
    let report = check(
        "unlucky",
        &settings,
        false,
        &[
            "FAIL command_line::unlucky  seed",
            "violated \"no three sixes\": 3 sixes",
            "Minimal trigger: 0 switches, 0 faults, 3 other choices",
            "user/dice",
            "Nearest passing run",
            "Run again: SIM_SEED=",
        ],
    );
    let report_lines = report
        .lines()
        .skip_while(|line| !line.starts_with("FAIL"))
        .take_while(|line| !line.is_empty())
        .count();
    assert!(report_lines <= 40, "{report_lines} lines");
    let saved = files(&failures);
    assert_eq!(saved.len(), 1);
    let text = fs::read_to_string(&saved[0]).expect("just written");
    // The same failure again is the same file; the settings of the report's command find the same seed.
    let seed =
        report.split("SIM_SEED=").nth(1).and_then(|rest| rest.split(' ').next()).expect("the report has it");
    check("unlucky", &[settings[0], settings[1], ("SIM_SEED", seed)], false, &[&format!("seed {seed}")]);
    assert_eq!(files(&failures), saved);
    assert_eq!(fs::read_to_string(&saved[0]).expect("still there"), text);

    let replay = ("SIM_REPLAY", saved[0].to_str().expect("ASCII"));
    for _ in 0..3 {
        check("unlucky", &[settings[0], replay], false, &["repeated: the same run, digest 0x"]);
    }
    // A shrunk file shrinks no further, and says so when it does not fail any more.
    let shrink = ("SIM_SHRINK", saved[0].to_str().expect("ASCII"));
    let minimal = "Minimal trigger: 0 switches, 0 faults, 3 other choices; from 3 of ";
    check("unlucky", &[settings[0], settings[1], shrink], false, &["FAIL command_line::unlucky", minimal]);
    let mended = [settings[0], settings[1], shrink, ("SIM_TEST_FIXED", "1")];
    check("unlucky", &mended, false, &["DIVERGED"]);
    check(
        "unlucky",
        &[settings[0], replay, ("SIM_TEST_NEW_LANE", "1")],
        false,
        &["repeated: the same failure, though the code has changed", "first difference"],
    );
    let changed = [settings[0], replay, ("SIM_TEST_FIXED", "1")];
    check("unlucky", &changed, false, &["DIVERGED", "now the run passes", "the house has changed the rules"]);
    check(
        "passing",
        &[replay],
        false,
        &["the failure is one of scenario `command_line::unlucky`, not of `command_line::passing`"],
    );
}

#[test]
fn damaged_failure_files_are_refused_and_left_alone() {
    let failures = folder("damaged");
    let name = failures.to_str().expect("ASCII");
    check("unlucky", &[(FAIL, "1"), ("SIM_FAILURES", name)], false, &["Shrunk:"]);
    let saved = files(&failures).remove(0);
    let text = fs::read_to_string(&saved).expect("just written");
    let refused = |text: &str, part: &str| {
        let path = failures.join("damaged");
        fs::write(&path, text).expect("the folder is ours");
        check("unlucky", &[(FAIL, "1"), ("SIM_REPLAY", path.to_str().expect("ASCII"))], false, &[part]);
        assert_eq!(fs::read_to_string(&path).expect("still there"), text);
    };
    refused(&text[..text.len() / 2], "it has been cut off");
    refused(
        &text.replace("format 2", "format 9"),
        "the failure file has format 9, this version reads format 2",
    );
    refused(&text.replace("version: ", "version: 9"), "the failure was recorded by version 9");
    refused("nothing of the sort", "not a failure file");
}

#[sim::test(seeds = 10)]
async fn counting(sim: Sim) {
    if failing() {
        sim.note(format!("visitor {}", RUNS.fetch_add(1, Ordering::Relaxed)));
    }
}

#[test]
fn a_leak_that_fails_nothing_is_mentioned() {
    check(
        "counting",
        &[(FAIL, "1")],
        true,
        &["ok command_line::counting", "leaks state between runs", "note visitor"],
    );
    let clean = check("counting", &[], true, &["ok command_line::counting"]);
    assert!(!clean.contains("leaks"), "{clean}");
}

#[test]
fn a_leak_is_called_a_leak() {
    let report = check(
        "leaky",
        &[(FAIL, "1"), ("SIM_JOBS", "1")],
        false,
        &[
            "LEAK command_line::leaky  leaks state between runs",
            "among others: panicked: steered by a static",
            "alone:        passed",
            "first differing fact",
            "SIM_ISOLATION=process",
        ],
    );
    assert!(!report.contains("FAIL command_line::leaky"));
    check("leaky_but_hermetic", &[(FAIL, "1")], true, &["ok command_line::leaky_but_hermetic  100 runs"]);
    check("leaky", &[(FAIL, "1"), ("SIM_ISOLATION", "process")], true, &["ok command_line::leaky  100 runs"]);
}
