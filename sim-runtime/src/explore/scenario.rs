//! A scenario: code under test with its setup, and how to start it from a shell.

use crate::executor::Limits;
use crate::node::Finish;
use crate::node::service::Services;
use crate::sim::Sim;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;

type Body = dyn Fn(Sim) -> Pin<Box<dyn Future<Output = Result<(), String>>>> + Send + Sync;

/// Code under test with its setup. Can be run any number of times, on any thread.
#[derive(Clone)]
pub struct Scenario {
    name: String,
    body: Arc<Body>,
    written_at: &'static Location<'static>,
    /// Bounds of each run.
    pub limits: Limits,
    /// How to run it again from a shell.
    pub rerun: Rerun,
    /// What every run has before the scenario's function is called.
    pub services: Services,
}

/// How a scenario is started from a shell, for the commands in reports and for confirmation in a
/// fresh process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rerun {
    /// A test of libtest: package and path of the test within its binary.
    Test {
        /// Name of the package.
        package: String,
        /// `module::function`.
        path: String,
    },
    /// A program that runs the scenario when started with its present arguments. The commands to
    /// print have `{seed}` and `{file}` where the seed and the failure file go.
    Program {
        /// Runs one seed.
        seed: String,
        /// Repeats a failure file.
        replay: String,
    },
}

impl Scenario {
    /// A scenario of this name.
    ///
    /// # Panics
    ///
    /// If the name is empty or has characters other than ASCII letters, digits, `_`, `-` and `:`: it
    /// becomes part of file names.
    #[track_caller]
    pub fn new<F, R>(name: &str, rerun: Rerun, body: impl Fn(Sim) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + 'static,
        R: Finish + 'static,
    {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte);
        assert!(
            !name.is_empty() && name.bytes().all(legal),
            "`{name}` cannot name a scenario: use letters, digits, `_`, `-` and `::`"
        );
        let body: Arc<Body> = Arc::new(move |sim| {
            let future = body(sim);
            Box::pin(async move { future.await.finish() })
        });
        let (limits, services) = (Limits::default(), Services::default());
        Self { name: name.to_owned(), body, written_at: Location::caller(), limits, rerun, services }
    }

    /// The scenario with other bounds.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The scenario with services that are there before its function is called.
    #[must_use]
    pub fn with_services(mut self, services: Services) -> Self {
        self.services = services;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is written.
    pub(super) fn written_at(&self) -> &'static Location<'static> {
        self.written_at
    }

    pub(super) fn start(&self, sim: Sim) -> Pin<Box<dyn Future<Output = Result<(), String>>>> {
        self.services.boot();
        (self.body)(sim)
    }

    /// The command that runs `seed` alone. `policy` is the one that was asked for by setting.
    pub fn seed_command(&self, seed: u64, policy: Option<&str>) -> String {
        let policy = policy.map_or_else(String::new, |policy| format!("SIM_POLICY={policy} "));
        match &self.rerun {
            Rerun::Test { package, path } => match under_cargo_sim() {
                Some(place) => {
                    let policy = policy.replace("SIM_POLICY=", "--policy ");
                    let services = self.services.options();
                    format!(
                        "cargo sim test {place}-p {package} {services}--seed {seed} {policy}{path} -- --exact"
                    )
                }
                None => {
                    let services = self.services.variables();
                    format!("{services}SIM_SEED={seed} {policy}cargo test -p {package} {path} -- --exact")
                }
            },
            Rerun::Program { seed: command, .. } => {
                format!("{policy}{}", command.replace("{seed}", &seed.to_string()))
            }
        }
    }

    /// The command that repeats a failure file.
    pub fn replay_command(&self, file: &str) -> String {
        match &self.rerun {
            Rerun::Test { package, path } => match under_cargo_sim() {
                Some(place) => format!("cargo sim replay {place}{file}"),
                None => {
                    let services = self.services.variables();
                    format!("{services}SIM_REPLAY={file} cargo test -p {package} {path} -- --exact")
                }
            },
            Rerun::Program { replay, .. } => replay.replace("{file}", file),
        }
    }
}

/// The options that lead `cargo sim` to the workspace, with a space behind them, when it started this test: plain
/// cargo would then run something else, with the real tokio.
fn under_cargo_sim() -> Option<String> {
    let place = sim_host::real::variable("SIM_CARGO")?;
    let place = place.to_string_lossy();
    Some(if place.is_empty() { String::new() } else { format!("{place} ") })
}

impl fmt::Debug for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}
