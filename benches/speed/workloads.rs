//! The same programs twice: on the reference loop and in a simulated world.

use crate::reference::{Loop, Mailbox, yield_now};
use sim_runtime::executor::{self, Heartbeat, Setup};
use sim_runtime::explore::{Request, Rerun, Runner, Scenario};
use sim_runtime::schedule::PolicyName;
use sim_runtime::sim::{Ended, run_scenario};
use sim_runtime::tape::{Lane, Ratio, Tape};
use sim_runtime::{Limits, Sim};
use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A small generator for the reference (`SplitMix64`); `sim` draws from its tape.
#[derive(Clone)]
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(mixed ^ (mixed >> 31)) * u128::from(bound)) >> 64) as u64
    }
}

/// One world on this thread, as sweeps run it: digest on, recording off, a watchdog listening.
fn world<F: Future<Output = ()> + 'static>(seed: u64, heartbeat: Heartbeat, body: impl FnOnce(Sim) -> F) {
    let setup = Setup {
        tape: Tape::seeded(seed, false),
        policy: PolicyName::Uniform,
        limits: limits(),
        heartbeat: Arc::new(heartbeat),
        written_at: Location::caller(),
    };
    passed(&run_scenario(setup, body));
}

fn limits() -> Limits {
    Limits { steps: u64::MAX, polls_between_timers: u64::MAX, ..Limits::default() }
}

fn passed(ended: &Ended) {
    assert!(ended.outcome.is_passed(), "{}", ended.outcome);
}

/// `tasks` tasks that yield `each` times.
pub fn yields_reference(tasks: usize, each: usize) {
    Loop::run(|own| async move {
        let spawn = |_| {
            own.spawn(async move {
                for _ in 0..each {
                    yield_now().await;
                }
            })
        };
        let spawned: Vec<_> = (0..tasks).map(spawn).collect();
        for task in spawned {
            task.await;
        }
    });
}

/// `tasks` tasks that yield `each` times.
pub fn yields(tasks: usize, each: usize) {
    world(1, Heartbeat::default(), |sim| async move {
        let spawn = |_| {
            sim.spawn(async move {
                for _ in 0..each {
                    executor::yield_now().await;
                }
            })
        };
        let spawned: Vec<_> = (0..tasks).map(spawn).collect();
        for task in spawned {
            task.await.expect("nobody aborts it");
        }
    });
}

/// `tasks` tasks that sleep `each` times, 1 to 1,000 ms.
pub fn timers_reference(tasks: usize, each: usize) {
    Loop::run(|own| async move {
        let spawn = |task| {
            let (theirs, mut draws) = (own.clone(), Draws(task as u64));
            own.spawn(async move {
                for _ in 0..each {
                    theirs.sleep((1 + draws.below(1000)) * 1_000_000).await;
                }
            })
        };
        let spawned: Vec<_> = (0..tasks).map(spawn).collect();
        for task in spawned {
            task.await;
        }
    });
}

/// `tasks` tasks that sleep `each` times, 1 to 1,000 ms. The durations are the scenario's own, as in the reference.
pub fn timers(tasks: usize, each: usize) {
    world(1, Heartbeat::default(), |sim| async move {
        let spawn = |task| {
            let mut draws = Draws(task as u64);
            sim.spawn(async move {
                for _ in 0..each {
                    executor::sleep(Duration::from_millis(1 + draws.below(1000))).await;
                }
            })
        };
        let spawned: Vec<_> = (0..tasks).map(spawn).collect();
        for task in spawned {
            task.await.expect("nobody aborts it");
        }
    });
}

const CLIENTS: usize = 3;
const EXCHANGES: usize = 10;
const MESSAGE_BYTES: usize = 64;
const LATENCY_NS: std::ops::Range<u64> = 1_000_000..10_000_000;
const HELD_PERCENT: u32 = 5;
const HELD_NS: u64 = 20_000_000;

/// One server with a task for each of three clients, which exchange ten messages with it.
pub fn small_reference(seed: u64) {
    let draws = Rc::new(RefCell::new(Draws(seed)));
    let latency = move || {
        let mut draws = draws.borrow_mut();
        let plain = LATENCY_NS.start + draws.below(LATENCY_NS.end - LATENCY_NS.start);
        if draws.below(100) < u64::from(HELD_PERCENT) { plain + HELD_NS } else { plain }
    };
    Loop::run(|own| async move {
        let exchange = |_| {
            let (up, down) = (Rc::new(Mailbox::default()), Rc::new(Mailbox::default()));
            let (server, own_latency) = (own.clone(), latency.clone());
            let (requests, answers) = (up.clone(), down.clone());
            let serving = own.spawn(async move {
                for _ in 0..EXCHANGES {
                    let message = requests.take().await;
                    server.send(&answers, message, own_latency());
                }
            });
            serving.detach();
            let (client, own_latency) = (own.clone(), latency.clone());
            own.spawn(async move {
                for number in 0..EXCHANGES {
                    client.send(&up, vec![number as u8; MESSAGE_BYTES], own_latency());
                    assert_eq!(down.take().await.len(), MESSAGE_BYTES);
                }
            })
        };
        let clients: Vec<_> = (0..CLIENTS).map(exchange).collect();
        for client in clients {
            client.await;
        }
    });
}

/// One direction between two nodes: a mailbox whose sender waits out the latency.
#[derive(Clone)]
struct Link {
    lane: Lane,
    to: Rc<Mailbox>,
}

impl Link {
    fn new(sim: Sim, name: &str) -> Self {
        Self { lane: sim.lane(name), to: Rc::default() }
    }

    async fn send(&self, message: Vec<u8>) {
        let plain = self.lane.range(LATENCY_NS);
        let held = if self.lane.chance(Ratio::new(HELD_PERCENT, 100)) { HELD_NS } else { 0 };
        executor::sleep(Duration::from_nanos(plain + held)).await;
        self.to.put(message);
    }
}

/// As [`small_reference`], over nodes, with latencies and holds drawn from lanes.
async fn small(sim: Sim) {
    let server = sim.node("server");
    let exchange = |number: usize| {
        let up = Link::new(sim, ["a>server", "b>server", "c>server"][number]);
        let down = Link::new(sim, ["server>a", "server>b", "server>c"][number]);
        let (requests, answers) = (up.to.clone(), down.clone());
        drop(server.spawn(async move {
            for _ in 0..EXCHANGES {
                answers.send(requests.take().await).await;
            }
        }));
        sim.node(["a", "b", "c"][number]).spawn(async move {
            for number in 0..EXCHANGES {
                up.send(vec![number as u8; MESSAGE_BYTES]).await;
                assert_eq!(down.to.take().await.len(), MESSAGE_BYTES);
            }
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(exchange).collect();
    for client in clients {
        client.await.expect("nobody aborts it");
    }
}

/// As [`small_reference`], the world alone on this thread.
pub fn small_alone(seed: u64) {
    world(seed, Heartbeat::default(), small);
}

/// Runs small simulations as a sweep does, each on a fresh thread.
pub struct Fresh {
    runner: Runner,
    scenario: Scenario,
}

impl Default for Fresh {
    fn default() -> Self {
        let rerun = Rerun::Program { seed: String::new(), replay: String::new() };
        let scenario = Scenario::new("small", rerun, small).with_limits(limits());
        let runner = Runner::new(&scenario, sim_runtime::explore::Isolation::Thread);
        Self { runner, scenario }
    }
}

impl Fresh {
    /// As [`small_reference`], on a fresh thread.
    pub fn run(&self, seed: u64) {
        let request = Request { seed, script: None, policy: PolicyName::Uniform, recording: false };
        passed(&self.runner.run(&self.scenario, &request));
    }
}
