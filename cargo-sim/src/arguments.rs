//! From our options to cargo's arguments and the variables the test binaries read.

use clap::Parser;

use crate::cli::{CargoTest, Ours, Place, Sweep, Test};
use crate::shadow::prepare::Network;
use crate::tokio::drop_in::Services;

/// A call of cargo: what follows the program's name, and the variables set for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Cargo's arguments, the subcommand first.
    pub arguments: Vec<String>,
    /// The variables.
    pub variables: Vec<(&'static str, String)>,
}

impl Call {
    /// Where options may be added: behind the names of the subcommand, and so before any `--`.
    pub fn options_at(&self) -> usize {
        self.arguments.iter().position(|argument| argument.starts_with('-')).unwrap_or(self.arguments.len())
    }
}

impl Place {
    /// The network part.
    pub fn network(&self) -> Network {
        Network { offline: self.offline || self.frozen, locked: self.locked || self.frozen }
    }

    /// The options that lead here again, for the commands a report gives.
    pub fn repeated(&self) -> String {
        let quoted = |path: &std::path::Path| {
            let text = path.to_string_lossy();
            let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+@".contains(&b));
            if plain { text.into_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
        };
        let paths = [("--manifest-path", &self.manifest_path), ("--target-dir", &self.target_dir)];
        let given =
            paths.iter().filter_map(|(name, path)| Some(format!("{name} {}", quoted(path.as_deref()?))));
        given.collect::<Vec<_>>().join(" ")
    }

    /// What cargo is told in the shadow: never `--locked`, because its lock file gains the drop-in.
    fn arguments(&self) -> Vec<String> {
        if self.network().offline { vec!["--offline".into()] } else { Vec::new() }
    }
}

impl Sweep {
    /// What the tests need beside the code under test.
    pub fn services(&self) -> Services {
        Services { postgres: self.postgres.is_some() }
    }

    /// The variables the runtime reads.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        [
            ("SIM_SEEDS", number(self.seeds)),
            ("SIM_SEED", number(self.seed)),
            ("SIM_TIME", self.time.clone()),
            ("SIM_JOBS", number(self.jobs)),
            ("SIM_POLICY", self.policy.clone()),
            ("SIM_POSTGRES", self.postgres.clone()),
        ]
        .into_iter()
        .filter_map(|(name, given)| Some((name, given?)))
        .collect()
    }
}

impl CargoTest {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let flags = [
            ("--workspace", self.workspace),
            ("--lib", self.lib),
            ("--bins", self.bins),
            ("--examples", self.examples),
            ("--tests", self.tests),
            ("--benches", self.benches),
            ("--all-targets", self.all_targets),
            ("--doc", self.doc),
            ("--all-features", self.all_features),
            ("--no-default-features", self.no_default_features),
            ("--no-run", self.no_run),
            ("--no-fail-fast", self.no_fail_fast),
            ("--release", self.release),
            ("--timings", self.timings),
            ("--ignore-rust-version", self.ignore_rust_version),
            ("--future-incompat-report", self.future_incompat_report),
            ("--quiet", self.quiet),
        ];
        arguments.extend(flags.iter().filter(|(_, on)| *on).map(|(flag, _)| (*flag).to_owned()));
        let lists = [
            ("--package", &self.package),
            ("--exclude", &self.exclude),
            ("--bin", &self.bin),
            ("--example", &self.example),
            ("--test", &self.test),
            ("--bench", &self.bench),
            ("--features", &self.features),
            ("--target", &self.target),
            ("--message-format", &self.message_format),
            ("--config", &self.config),
        ];
        for (name, given) in lists {
            arguments.extend(given.iter().map(|given| format!("{name}={given}")));
        }
        for (name, given) in
            [("--profile", &self.profile), ("--jobs", &self.build_jobs), ("--color", &self.color)]
        {
            arguments.extend(given.iter().map(|given| format!("{name}={given}")));
        }
        arguments.extend(self.unstable.iter().map(|flag| format!("-Z{flag}")));
        arguments.extend((0..self.verbose).map(|_| "-v".to_owned()));
        arguments
    }
}

/// The call for `cargo sim test`.
pub fn test(test: &Test) -> Call {
    let mut arguments = vec!["test".to_owned()];
    arguments.extend(test.place.arguments());
    arguments.extend(test.cargo.arguments());
    // cargo takes one filter, the test binaries any number.
    if !(test.filters.is_empty() && test.passed_on.is_empty()) {
        arguments.push("--".into());
        arguments.extend(test.filters.iter().chain(&test.passed_on).cloned());
    }
    Call { arguments, variables: test.sweep.variables() }
}

/// Picks our options out of another program's arguments, up to a `--`.
///
/// # Errors
///
/// Clap's, when ours are wrong.
pub fn ours_among(arguments: &[String]) -> Result<(Ours, Vec<String>), clap::Error> {
    const VALUED: [&str; 8] = [
        "--seeds",
        "--seed",
        "--time",
        "--jobs",
        "--policy",
        "--postgres",
        "--manifest-path",
        "--target-dir",
    ];
    const FLAGS: [&str; 3] = ["--locked", "--offline", "--frozen"];
    let (mut ours, mut theirs) = (vec!["cargo sim".to_owned()], Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let name = argument.split('=').next().unwrap_or(argument);
        if argument == "--" {
            theirs.push(argument.clone());
            theirs.extend(rest.by_ref().cloned());
        } else if FLAGS.contains(&argument.as_str()) {
            ours.push(argument.clone());
        } else if VALUED.contains(&name) {
            ours.push(argument.clone());
            if name == argument {
                ours.extend(rest.next().cloned());
            }
        } else {
            theirs.push(argument.clone());
        }
    }
    Ok((Ours::try_parse_from(ours)?, theirs))
}

/// The call for another program's arguments, `subcommand` first.
pub fn passed_on(ours: &Ours, arguments: Vec<String>) -> Call {
    let mut call = Call { arguments, variables: ours.sweep.variables() };
    let at = call.options_at();
    call.arguments.splice(at..at, ours.place.arguments());
    call
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Action, Cli};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn check(line: &str, wanted: &str, variables: &[(&'static str, &str)]) {
        let Action::Test(parsed) =
            Cli::try_parse_from(words(&format!("cargo-sim test {line}"))).unwrap().command
        else {
            panic!("{line}")
        };
        let call = test(&parsed);
        assert_eq!(call.arguments.join(" "), wanted, "{line}");
        let found: Vec<(&str, &str)> =
            call.variables.iter().map(|(name, given)| (*name, given.as_str())).collect();
        assert_eq!(found, variables, "{line}");
    }

    #[test]
    fn cargo_gets_its_options_and_the_tests_theirs() {
        check("", "test", &[]);
        check("race", "test -- race", &[]);
        check("race charge -- --exact", "test -- race charge --exact", &[]);
        check("-p a -p b --release -j 2", "test --release --package=a --package=b --jobs=2", &[]);
        check("--time 5m --jobs 3", "test", &[("SIM_TIME", "5m"), ("SIM_JOBS", "3")]);
        check("--seeds 1_000", "test", &[("SIM_SEEDS", "1000")]);
        check(
            "--policy pos --postgres db --seed 7 ",
            "test",
            &[("SIM_SEED", "7"), ("SIM_POLICY", "pos"), ("SIM_POSTGRES", "db")],
        );
        check(
            "--all -F x,y -Z unstable-options -vv",
            "test --workspace --features=x,y -Zunstable-options -v -v",
            &[],
        );
        check("--test api --no-default-features -q", "test --no-default-features --quiet --test=api", &[]);
    }

    #[test]
    fn the_shadow_is_never_locked() {
        check("--locked", "test", &[]);
        check("--offline", "test --offline", &[]);
        check("--frozen", "test --offline", &[]);
    }

    #[test]
    fn a_report_can_name_the_place_again() {
        let place = |manifest: &str| Place { manifest_path: Some(manifest.into()), ..Place::default() };
        assert_eq!(Place::default().repeated(), "");
        assert_eq!(place("examples/shop/Cargo.toml").repeated(), "--manifest-path examples/shop/Cargo.toml");
        assert_eq!(place("my shop/Cargo.toml").repeated(), "--manifest-path 'my shop/Cargo.toml'");
    }

    #[test]
    fn ours_are_picked_out_up_to_two_dashes() {
        let (ours, theirs) =
            ours_among(&words("run --seeds 5 -E x --manifest-path=a/Cargo.toml --offline -- --seeds 9"))
                .unwrap();
        assert_eq!(ours.sweep.seeds, Some(5));
        assert_eq!(ours.place.manifest_path.as_deref(), Some(std::path::Path::new("a/Cargo.toml")));
        assert_eq!(theirs, words("run -E x -- --seeds 9"));
        let call = passed_on(&ours, [words("nextest"), theirs].concat());
        assert_eq!(call.arguments.join(" "), "nextest run --offline -E x -- --seeds 9");
    }

    #[test]
    fn ours_are_checked_among_others() {
        for line in ["run --seeds none", "run --seeds", "run --time=1"] {
            assert!(ours_among(&words(line)).is_err(), "{line}");
        }
    }
}
