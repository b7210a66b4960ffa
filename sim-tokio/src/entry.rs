//! What `#[tokio::test]` and `#[tokio::main]` expand to.

use crate::runtime::context::{self, Entered};
use crate::runtime::core::Core;
use crate::runtime::{Builder, Handle, RuntimeFlavor, Stay, limits, seam};
use sim_runtime::Sim;
use sim_runtime::drive;
use sim_runtime::executor::with_current;
use sim_runtime::explore::{Extent, Isolation, Request, Rerun, Runner, Scenario, Settings};
use sim_runtime::sim::Outcome;
use std::future::Future;
use std::pin::Pin;

/// What the attribute says about a test.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// `CARGO_PKG_NAME` of the test's package.
    pub package: &'static str,
    /// `crate::module::function`.
    pub path: &'static str,
    /// `flavor = "multi_thread"`.
    pub multi_thread: bool,
    /// `flavor = "local"`.
    pub local: bool,
    /// `name = "…"`.
    pub name: Option<&'static str>,
    /// `worker_threads = N`.
    pub workers: usize,
    /// `start_paused = true`.
    pub start_paused: bool,
    /// It has `#[should_panic]`: one run, whose own panic is the test's.
    pub should_panic: bool,
}

/// Runs a test as a sweep of seeds: each in a world of its own, with a runtime as the attribute says.
///
/// # Panics
///
/// If a run fails.
#[track_caller]
pub fn test<F, R>(test: Test, body: impl Fn() -> F + Send + Sync + Clone + 'static)
where
    F: Future<Output = R> + 'static,
    R: sim_runtime::sim::Finish + 'static,
{
    crate::services::offer();
    let rerun = Rerun::Test {
        package: test.package.to_owned(),
        path: test.path.split_once("::").map_or(test.path, |(_, path)| path).to_owned(),
    };
    let scenario = Scenario::new(test.path, rerun, move |sim: Sim| {
        let body = body.clone();
        async move { run(sim, &test, body()).await }
    })
    .with_limits(limits());
    if test.should_panic {
        panics(&scenario);
    } else {
        drive::test(&scenario, SEEDS, None::<Isolation>);
    }
}

/// Seeds of a sweep, unless the environment says otherwise.
const SEEDS: u64 = 100;

/// A test that should panic: every run must, and the last one's message is the test's.
fn panics(scenario: &Scenario) {
    let settings = Settings::from_environment(SEEDS).unwrap_or_else(|error| panic!("{error}"));
    let scenario = &scenario.clone().with_services(settings.services.clone());
    let seeds = match &settings.extent {
        Extent::Seeds(count) => 1..=*count,
        Extent::Seed(seed) => *seed..=*seed,
        Extent::Time(_) => 1..=SEEDS,
        Extent::Replay(_) | Extent::Shrink(_) => return drive::test(scenario, SEEDS, None),
    };
    let runner = Runner::new(scenario, settings.isolation);
    let mut message = None;
    for seed in seeds {
        let request = Request { recording: false, ..Request::recorded(seed, &settings) };
        match runner.run(scenario, &request).outcome {
            Outcome::Passed => {
                eprintln!("seed {seed} did not panic");
                return;
            }
            Outcome::Panicked { message: of_run, .. } => message = Some(of_run),
            other => message = Some(other.to_string()),
        }
    }
    panic!("{}", message.unwrap_or_else(|| "no seeds to run".to_owned()));
}

/// The body of a test on a runtime that lives as long as it.
async fn run<F: Future>(sim: Sim, test: &Test, body: F) -> F::Output {
    sim.tolerate_panics(true);
    with_current(|world| world.host_threads(true));
    let mut builder = if test.multi_thread { multi_thread() } else { Builder::new_current_thread() };
    builder.enable_all().start_paused(test.start_paused);
    if let Some(name) = test.name {
        builder.name(name);
    }
    if test.workers > 0 {
        builder.worker_threads(test.workers);
    }
    let core = with_current(|world| Core::new(world, builder.config(test.local), Stay::none()));
    let _end = End(core.clone());
    let may_leave = core.flavor() != RuntimeFlavor::CurrentThread;
    let mut body: Pin<Box<F>> = Box::pin(body);
    let handle = Handle { core: core.clone() };
    let output = std::future::poll_fn(|cx| {
        let _scope = context::scope(handle.clone(), None, Entered::Yes { may_leave });
        seam::budget(|| body.as_mut().poll(cx))
    })
    .await;
    core.shut_down();
    core.blocking_ended().await;
    output
}

#[cfg(feature = "rt-multi-thread")]
fn multi_thread() -> Builder {
    Builder::new_multi_thread()
}

#[cfg(not(feature = "rt-multi-thread"))]
fn multi_thread() -> Builder {
    Builder::new_current_thread()
}

/// Shuts the runtime down also when the body panics.
struct End(std::sync::Arc<Core>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}
