//! The command line.
//!
//! `cargo sim test` names every option of `cargo test`, so that a slip of the finger is caught here with a
//! suggestion. nextest's options are its own and many: ours are picked out, the rest is handed on.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use sim_runtime::schedule::{PolicyName, UnknownPolicy};

/// Deterministic simulation of an unmodified tokio service.
#[derive(Debug, Parser)]
#[command(name = "cargo sim", bin_name = "cargo sim", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Action,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Run tests in the simulation: `cargo test` with tokio replaced
    Test(Test),
    /// Run tests in the simulation with nextest: `cargo sim nextest run …`
    #[command(disable_help_flag = true)]
    Nextest(PassedOn),
    /// Run any cargo command in the shadow workspace, such as `cargo sim cargo tree -i tokio`
    #[command(disable_help_flag = true)]
    Cargo(PassedOn),
    /// Run the failing test of a failure file again, exactly as it failed
    Replay(Failure),
    /// Look for a smaller and calmer run with the same failure
    Shrink(Failure),
    /// Print a failure file's report; runs nothing
    Show(Show),
    /// Say what in this project is not under the simulation's control
    Doctor(Doctor),
    /// Delete target/sim
    Clean(Clean),
}

/// Which workspace, and how its dependencies are found.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Manifest options")]
pub struct Place {
    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,
    /// Folder for all generated files; ours go to its subfolder `sim`
    #[arg(long, value_name = "DIRECTORY")]
    pub target_dir: Option<PathBuf>,
    /// The project's Cargo.lock must be complete
    #[arg(long)]
    pub locked: bool,
    /// Run without the network
    #[arg(long)]
    pub offline: bool,
    /// The same as --locked and --offline
    #[arg(long)]
    pub frozen: bool,
}

/// What each test's sweep looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Simulation")]
pub struct Sweep {
    /// Runs of each test, each from its own seed
    #[arg(long, value_name = "N", value_parser = count, conflicts_with = "time")]
    pub seeds: Option<u64>,
    /// One run from this seed only
    #[arg(long, value_name = "N", value_parser = seed, conflicts_with_all = ["seeds", "time"])]
    pub seed: Option<u64>,
    /// Keep running new seeds for this long, such as 60s or 5m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub time: Option<String>,
    /// Runs at the same time, up to 1024 [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub jobs: Option<u64>,
    /// Who runs next: portfolio, fifo, uniform, weighted, pos, pct:DEPTH
    #[arg(long, value_name = "P", value_parser = policy)]
    pub policy: Option<String>,
    /// A node of this name that serves PostgreSQL: `postgres://app@NAME/app`
    #[arg(long, value_name = "NAME", value_parser = node_name)]
    pub postgres: Option<String>,
}

/// `cargo sim test`.
#[derive(Debug, Default, Args)]
pub struct Test {
    /// Only tests whose names contain one of these
    pub filters: Vec<String>,
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// How often and how.
    #[command(flatten)]
    pub sweep: Sweep,
    /// What cargo builds and runs.
    #[command(flatten)]
    pub cargo: CargoTest,
    /// Arguments for the test binaries
    #[arg(last = true)]
    pub passed_on: Vec<String>,
}

/// The options of `cargo test`, as it has them.
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of cargo test")]
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of cargo test")]
pub struct CargoTest {
    /// Package to run tests for
    #[arg(short, long, value_name = "SPEC")]
    pub package: Vec<String>,
    /// Test all packages in the workspace
    #[arg(long, visible_alias = "all")]
    pub workspace: bool,
    /// Exclude packages from the test
    #[arg(long, value_name = "SPEC")]
    pub exclude: Vec<String>,
    /// Test only this package's library
    #[arg(long)]
    pub lib: bool,
    /// Test all binaries
    #[arg(long)]
    pub bins: bool,
    /// Test only the specified binary
    #[arg(long, value_name = "NAME")]
    pub bin: Vec<String>,
    /// Test all examples
    #[arg(long)]
    pub examples: bool,
    /// Test only the specified example
    #[arg(long, value_name = "NAME")]
    pub example: Vec<String>,
    /// Test all targets that have `test = true` set
    #[arg(long)]
    pub tests: bool,
    /// Test only the specified test target
    #[arg(long, value_name = "NAME")]
    pub test: Vec<String>,
    /// Test all targets that have `bench = true` set
    #[arg(long)]
    pub benches: bool,
    /// Test only the specified bench target
    #[arg(long, value_name = "NAME")]
    pub bench: Vec<String>,
    /// Test all targets (not doc tests)
    #[arg(long)]
    pub all_targets: bool,
    /// Test only this library's documentation
    #[arg(long)]
    pub doc: bool,
    /// Features to activate
    #[arg(short = 'F', long, value_name = "FEATURES")]
    pub features: Vec<String>,
    /// Activate all features
    #[arg(long)]
    pub all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long)]
    pub no_default_features: bool,
    /// Compile, but don't run tests
    #[arg(long)]
    pub no_run: bool,
    /// Run all tests regardless of failure
    #[arg(long)]
    pub no_fail_fast: bool,
    /// Build with optimizations
    #[arg(short, long)]
    pub release: bool,
    /// Build with the specified profile
    #[arg(long, value_name = "PROFILE-NAME")]
    pub profile: Option<String>,
    /// Build for the target triple
    #[arg(long, value_name = "TRIPLE")]
    pub target: Vec<String>,
    /// Parallel jobs of the build (cargo's own --jobs)
    #[arg(short = 'j', long = "build-jobs", value_name = "N", allow_hyphen_values = true)]
    pub build_jobs: Option<String>,
    /// Error format
    #[arg(long, value_name = "FMT")]
    pub message_format: Vec<String>,
    /// Output a build timing report
    #[arg(long)]
    pub timings: bool,
    /// Ignore `rust-version` specification in packages
    #[arg(long)]
    pub ignore_rust_version: bool,
    /// Output a future incompatibility report
    #[arg(long)]
    pub future_incompat_report: bool,
    /// Coloring: auto, always, never
    #[arg(long, value_name = "WHEN")]
    pub color: Option<String>,
    /// Override a configuration value
    #[arg(long, value_name = "KEY=VALUE|PATH")]
    pub config: Vec<String>,
    /// Unstable flags of cargo
    #[arg(short = 'Z', value_name = "FLAG")]
    pub unstable: Vec<String>,
    /// Less output
    #[arg(short, long)]
    pub quiet: bool,
    /// More output
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Arguments of another program, with ours among them.
#[derive(Debug, Args)]
pub struct PassedOn {
    /// Its arguments; the options of `cargo sim test` under Simulation and Manifest are ours
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// Our options among another program's.
#[derive(Debug, Parser)]
#[command(name = "cargo sim", bin_name = "cargo sim nextest run", disable_help_flag = true)]
pub struct Ours {
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// How often and how.
    #[command(flatten)]
    pub sweep: Sweep,
}

/// `cargo sim replay` and `shrink`.
#[derive(Debug, Args)]
pub struct Failure {
    /// The failure file a failing test left
    pub file: PathBuf,
    /// Where.
    #[command(flatten)]
    pub place: Place,
    /// What cargo builds.
    #[command(flatten)]
    pub cargo: CargoTest,
}

/// `cargo sim show`.
#[derive(Debug, Default, Args)]
#[command(group(clap::ArgGroup::new("what").multiple(false)))]
pub struct Show {
    /// Every fact of the run, not only the last ones of the scenario
    #[arg(long, group = "what")]
    pub all: bool,
    /// All about a request, with what it caused and further attempts: r3, "POST /charge #2", or a part of the path
    #[arg(long, value_name = "ID", group = "what")]
    pub request: Option<String>,
    /// The requests that touched something, newest first: 42, or order=42
    #[arg(long, value_name = "NAME=KEY", group = "what")]
    pub entity: Option<String>,
    /// The statements by session and transaction, with the requests they were made for
    #[arg(long, group = "what")]
    pub sql: bool,
    /// Write the report as a page with a space-time diagram
    #[arg(long, value_name = "FILE", group = "what")]
    pub html: Option<PathBuf>,
    /// Print JSON: outcome, choices, requests, facts
    #[arg(long, group = "what")]
    pub json: bool,
    /// The failure file a failing test left
    pub file: PathBuf,
}

/// `cargo sim doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Only what these packages depend on
    #[arg(short, long, value_name = "NAME")]
    pub package: Vec<String>,
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

/// `cargo sim clean`.
#[derive(Debug, Args)]
pub struct Clean {
    /// Where.
    #[command(flatten)]
    pub place: Place,
}

fn count(text: &str) -> Result<u64, String> {
    match text.replace('_', "").parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(_) => Err("not a whole number of at least 1".into()),
    }
}

fn seed(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "expected a whole number below 2^64, decimal or hexadecimal with 0x".into())
}

/// A number and a unit; the text is kept.
fn duration(text: &str) -> Result<String, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    match (number.parse::<u64>(), unit) {
        (Ok(1..), "ms" | "s" | "m" | "h") => Ok(text.to_owned()),
        _ => Err("expected a number of at least 1 and a unit, ms, s, m or h: 60s".into()),
    }
}

/// As the runtime knows them; the text is kept.
fn policy(text: &str) -> Result<String, UnknownPolicy> {
    text.parse::<PolicyName>().map(|_| text.to_owned())
}

fn node_name(text: &str) -> Result<String, String> {
    let letters = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if text.is_empty() || !letters {
        Err("expected a host name, such as db".into())
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Action, clap::Error> {
        Cli::try_parse_from(["cargo sim"].into_iter().chain(line.split_whitespace())).map(|cli| cli.command)
    }

    fn test(line: &str) -> Test {
        match parse(line) {
            Ok(Action::Test(test)) => test,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
        Ours::command().debug_assert();
    }

    #[test]
    fn options_filters_and_test_arguments_come_apart() {
        let test = test(
            "test race --seeds 1_000 -p shop charge --jobs 2 --policy pct:3 --postgres db -- --nocapture",
        );
        assert_eq!(test.filters, ["race", "charge"]);
        assert_eq!(test.cargo.package, ["shop"]);
        assert_eq!(test.passed_on, ["--nocapture"]);
        let sweep = Sweep {
            seeds: Some(1000),
            seed: None,
            time: None,
            jobs: Some(2),
            policy: Some("pct:3".into()),
            postgres: Some("db".into()),
        };
        assert_eq!(test.sweep, sweep);
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for line in [
            "",
            "tset",
            "test --seeds 0",
            "test --seeds many",
            "test --seed 1 --seeds 2",
            "test --seeds 1 --time 60s",
            "test --seed 0xg",
            "test --jobs 1025",
            "test --time 60",
            "test --time 0s",
            "test --policy random",
            "test --policy pct:0",
            "test --postgres db/app",
            "test --sedes 5",
            "replay",
            "show a b",
            "show a --sql --json",
            "show a --request",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn nextest_keeps_its_arguments() {
        let Ok(Action::Nextest(passed)) = parse("nextest run --seeds 5 -E test(a) --help -- --exact") else {
            panic!()
        };
        assert_eq!(passed.arguments, ["run", "--seeds", "5", "-E", "test(a)", "--help", "--", "--exact"]);
    }
}
