//! One run, on a thread or in a process of its own, with a watchdog beside it.

use super::{Scenario, Settings};
use crate::executor::{Heartbeat, Limit, Setup, install_panic_hook};
use crate::schedule::PolicyName;
use crate::sim::{Ended, Outcome, run_scenario};
use crate::tape::{Recording, Tape};
use sim_host::threads::{Abandon, FreshThread, ThreadError};
use sim_host::watchdog::Watchdog;
use std::sync::{Arc, Mutex, PoisonError};

/// What a run is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The seed: of all choices, or of entropy alone when there is a script.
    pub seed: u64,
    /// Choices to repeat; calm where it is silent.
    pub script: Option<Recording>,
    /// Who runs next, where there is no script.
    pub policy: PolicyName,
    /// Keep facts and choices.
    pub recording: bool,
}

impl Request {
    /// The run of a seed under `settings`, recording.
    pub fn recorded(seed: u64, settings: &Settings) -> Self {
        Self { seed, script: None, policy: settings.policy.unwrap_or_default(), recording: true }
    }
}

/// What separates runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// A fresh thread for each: fresh thread-locals, but statics and global counters are shared.
    #[default]
    Thread,
    /// A forked process for each: nothing is shared.
    Process,
}

/// Runs scenarios one after the other, each on a fresh thread.
pub struct Runner {
    isolation: Isolation,
    watched: Arc<sim_host::watchdog::Heartbeat>,
    /// Lets the wait for a run end that will never end itself.
    abandon: Arc<Mutex<Option<Abandon>>>,
    _watchdog: Watchdog,
}

/// Runs `scenario` once, calmly, on a thread of its own, while the present run waits in real time and notices
/// nothing: for what many runs share and none may depend on who made it.
pub fn run_aside(scenario: &Scenario) -> Ended {
    let request = Request { seed: 0, script: None, policy: PolicyName::Fifo, recording: false };
    sim_host::outside(|| Runner::new(scenario, Isolation::Thread).run(scenario, &request))
}

/// Stack of a run's thread, in bytes. Reserved, not used, until touched.
const STACK_BYTES: usize = 16 << 20;

impl Runner {
    /// A runner with a watchdog for polls that take longer than `scenario` allows.
    pub fn new(scenario: &Scenario, isolation: Isolation) -> Self {
        install_panic_hook();
        let abandon: Arc<Mutex<Option<Abandon>>> = Arc::default();
        let theirs = abandon.clone();
        let watchdog = Watchdog::start(scenario.limits.poll_time, move |_| {
            if let Some(abandon) = &*theirs.lock().unwrap_or_else(PoisonError::into_inner) {
                abandon.abandon();
            }
        });
        let watched = Arc::new(watchdog.watch(scenario.name()));
        Self { isolation, watched, abandon, _watchdog: watchdog }
    }

    /// Runs `scenario` once.
    pub fn run(&self, scenario: &Scenario, request: &Request) -> Ended {
        match self.isolation {
            Isolation::Thread => self.run_on_thread(scenario, request),
            Isolation::Process => self.run_in_process(scenario, request),
        }
    }

    fn run_on_thread(&self, scenario: &Scenario, request: &Request) -> Ended {
        let heartbeat = Arc::new(Heartbeat::watched(self.watched.clone()));
        let (theirs, own_scenario, own_request) = (heartbeat.clone(), scenario.clone(), request.clone());
        let body = move || {
            let tape = match own_request.script {
                None => Tape::seeded(own_request.seed, own_request.recording),
                Some(script) => Tape::scripted(own_request.seed, script, own_request.recording),
            };
            let setup = Setup {
                tape,
                policy: own_request.policy,
                limits: own_scenario.limits,
                heartbeat: theirs,
                written_at: own_scenario.written_at(),
            };
            run_scenario(setup, |sim| own_scenario.start(sim))
        };
        self.watched.begin(request.seed.min(u64::MAX - 1));
        let thread = FreshThread::start(scenario.name(), STACK_BYTES, body)
            .expect("the host has room for one more thread");
        *self.abandon.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread.abandon());
        let ended = thread.wait();
        self.watched.idle();
        match ended {
            Ok(ended) => ended,
            Err(ThreadError::Abandoned) => {
                let running = heartbeat.running();
                let detail = running.map_or_else(String::new, |running| {
                    let node = if running.node.is_empty() { "the scenario" } else { &running.node };
                    format!(
                        "a poll of {} of {node}, spawned at {}, had not returned after {:?}",
                        running.task, running.spawned_at, scenario.limits.poll_time
                    )
                });
                Ended::unknown(Outcome::OverLimit { limit: Limit::PollTime, detail })
            }
            Err(ThreadError::Panicked(payload)) => {
                let message = sim_host::threads::panic_message(&payload).unwrap_or("without a message");
                let message = format!("the simulation itself panicked, which is a defect of it: {message}");
                Ended::unknown(Outcome::Panicked { message, location: String::new(), task: String::new() })
            }
        }
    }

    fn run_in_process(&self, scenario: &Scenario, request: &Request) -> Ended {
        let run = || {
            // The watchdog's thread does not exist in the child: this process waits for it instead.
            let runner = Self::new(scenario, Isolation::Thread);
            let ended = runner.run_on_thread(scenario, request);
            ron::to_string(&ended).expect("what is known of a run is plain data").into_bytes()
        };
        let answer = sim_host::process::run_in_fork(None, run);
        let failed = |message: String| {
            Ended::unknown(Outcome::Panicked { message, location: String::new(), task: String::new() })
        };
        match answer {
            Ok(bytes) => ron::de::from_bytes(&bytes).unwrap_or_else(|error| {
                failed(format!("the run's process answered something unreadable: {error}"))
            }),
            Err(error) => failed(format!("the run's process ended early: {error}")),
        }
    }
}
