//! The same programs twice: on the reference loop and in a simulated world.

use crate::reference::{Loop, Mailbox, yield_now};
use async_task::Runnable;
use futures::{AsyncReadExt, AsyncWriteExt};
use sim_net::{Latency, TcpListener, TcpStream, net};
use sim_runtime::executor::{self, Heartbeat, Setup};
use sim_runtime::explore::{Request, Rerun, Runner, Scenario};
use sim_runtime::schedule::PolicyName;
use sim_runtime::sim::{Ended, run_scenario};
use sim_runtime::tape::{Lane, Ratio, Tape};
use sim_runtime::{Limits, Sim};
use std::cell::RefCell;
use std::collections::VecDeque;
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
pub fn world<F: Future<Output = ()> + 'static>(seed: u64, heartbeat: Heartbeat, body: impl FnOnce(Sim) -> F) {
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
    yields_picked(tasks, each, VecDeque::pop_front);
}

/// As [`yields_reference`], but a random task runs next: what a random schedule costs at least.
pub fn yields_picked_at_random(tasks: usize, each: usize) {
    let mut draws = Draws(1);
    yields_picked(tasks, each, move |ready| {
        let at = draws.below(ready.len() as u64);
        ready.swap_remove_back(at as usize)
    });
}

fn yields_picked(tasks: usize, each: usize, pick: impl FnMut(&mut VecDeque<Runnable>) -> Option<Runnable>) {
    Loop::run_picking(pick, |own| async move {
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

const MESSAGE_BYTES: usize = 64;
const LATENCY_NS: std::ops::Range<u64> = 1_000_000..10_000_000;
const HELD_PERCENT: u32 = 5;
const HELD_NS: u64 = 20_000_000;

/// How many clients, and how many exchanges of 64 bytes each has with the one server.
#[derive(Clone, Copy)]
pub struct Exchanges {
    /// At the same time.
    pub clients: usize,
    /// One after the other, for each client.
    pub each: usize,
}

/// What a small simulation is.
pub const SMALL: Exchanges = Exchanges { clients: 3, each: 10 };

/// A server task for each client, over mailboxes that deliver after the latency.
pub fn exchanges_reference(seed: u64, Exchanges { clients, each }: Exchanges) {
    let draws = Rc::new(RefCell::new(Draws(seed)));
    let latency = move || {
        let mut draws = draws.borrow_mut();
        let plain = LATENCY_NS.start + draws.below(LATENCY_NS.end - LATENCY_NS.start);
        if draws.below(100) < u64::from(HELD_PERCENT) { plain + HELD_NS } else { plain }
    };
    Loop::run(move |own| async move {
        let exchange = |_| {
            let (up, down) = (Rc::new(Mailbox::default()), Rc::new(Mailbox::default()));
            let (server, own_latency) = (own.clone(), latency.clone());
            let (requests, answers) = (up.clone(), down.clone());
            let serving = own.spawn(async move {
                for _ in 0..each {
                    let message = requests.take().await;
                    server.send(&answers, message, own_latency());
                }
            });
            serving.detach();
            let (client, own_latency) = (own.clone(), latency.clone());
            own.spawn(async move {
                for number in 0..each {
                    client.send(&up, vec![number as u8; MESSAGE_BYTES], own_latency());
                    assert_eq!(down.take().await.len(), MESSAGE_BYTES);
                }
            })
        };
        let spawned: Vec<_> = (0..clients).map(exchange).collect();
        for client in spawned {
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

/// The exchanges without a network: nodes, tasks, and mailboxes whose latencies are drawn from lanes.
async fn over_mailboxes(sim: Sim, Exchanges { clients, each }: Exchanges) {
    let server = sim.node("server");
    let exchange = |number: usize| {
        let name = format!("client-{number}");
        let (up, down) =
            (Link::new(sim, &format!("{name}>server")), Link::new(sim, &format!("server>{name}")));
        let (requests, answers) = (up.to.clone(), down.clone());
        drop(server.spawn(async move {
            for _ in 0..each {
                answers.send(requests.take().await).await;
            }
        }));
        sim.node(&name).spawn(async move {
            for number in 0..each {
                up.send(vec![number as u8; MESSAGE_BYTES]).await;
                assert_eq!(down.to.take().await.len(), MESSAGE_BYTES);
            }
        })
    };
    let spawned: Vec<_> = (0..clients).map(exchange).collect();
    for client in spawned {
        client.await.expect("nobody aborts it");
    }
}

/// The exchanges over TCP: names, handshakes, segments, acknowledgements, closing.
async fn over_tcp(sim: Sim, Exchanges { clients, each }: Exchanges) {
    let plain = Latency::Uniform { min_ns: LATENCY_NS.start, max_ns: LATENCY_NS.end - 1 };
    let held = Latency::Uniform { min_ns: LATENCY_NS.start + HELD_NS, max_ns: LATENCY_NS.end - 1 + HELD_NS };
    net().set_latency(&Latency::Bimodal {
        fast: Box::new(plain),
        slow: Box::new(held),
        slow_ratio: Ratio::new(HELD_PERCENT, 100),
    });
    let server = sim.node("server");
    server.boot(|| async {
        let listener = TcpListener::bind("0.0.0.0:7000").await.expect("the port is free");
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(executor::spawn(async move {
                let mut message = [0; MESSAGE_BYTES];
                while stream.read_exact(&mut message).await.is_ok() {
                    stream.write_all(&message).await.expect("the client still reads");
                }
            }));
        }
    });
    let exchange = |number: usize| {
        sim.node(&format!("client-{number}")).spawn(async move {
            let mut stream = TcpStream::connect("server:7000").await.expect("the server listens");
            for number in 0..each {
                let mut message = [number as u8; MESSAGE_BYTES];
                stream.write_all(&message).await.expect("the server reads");
                stream.read_exact(&mut message).await.expect("the server answers");
            }
        })
    };
    executor::yield_now().await;
    let spawned: Vec<_> = (0..clients).map(exchange).collect();
    for client in spawned {
        client.await.expect("nobody aborts it");
    }
}

/// The exchanges over mailboxes, in a world on this thread.
pub fn exchanges_over_mailboxes(seed: u64, exchanges: Exchanges) {
    world(seed, Heartbeat::default(), move |sim| over_mailboxes(sim, exchanges));
}

/// The exchanges over TCP, in a world on this thread.
pub fn exchanges_over_tcp(seed: u64, exchanges: Exchanges) {
    world(seed, Heartbeat::default(), move |sim| over_tcp(sim, exchanges));
}

/// Runs small simulations as a sweep does, each on a fresh thread.
pub struct Fresh {
    runner: Runner,
    scenario: Scenario,
}

impl Default for Fresh {
    fn default() -> Self {
        let rerun = Rerun::Program { seed: String::new(), replay: String::new() };
        let scenario = Scenario::new("small", rerun, |sim| over_tcp(sim, SMALL)).with_limits(limits());
        let runner = Runner::new(&scenario, sim_runtime::explore::Isolation::Thread);
        Self { runner, scenario }
    }
}

impl Fresh {
    /// The exchanges over TCP, in a world on a fresh thread.
    pub fn run(&self, seed: u64) {
        let request = Request { seed, script: None, policy: PolicyName::Uniform, recording: false };
        passed(&self.runner.run(&self.scenario, &request));
    }
}
