//! How fast the deterministic world is.
//!
//! ```text
//! cargo bench                           criterion's figures, then the table of ratios
//! cargo bench -- yields                 criterion's figures for some workloads
//! cargo bench --bench speed -- ratios   the table alone
//! ```
//!
//! What counts is the table: each workload against the same program on a bare `async-task` loop
//! in the same process ([`reference`]), in processor time, in pairs ([`ratio`]).
#![allow(missing_docs)]

mod memory;
mod network;
mod ratio;
mod reference;
mod workloads;

use criterion::{BenchmarkId, Criterion, Throughput};
use network::Traffic;
use ratio::{Clock, Row};
use workloads::{Exchanges, Fresh, SMALL};

/// (tasks, yields of each, bound of the ratio): about a million polls each.
const YIELDS: [(usize, usize, Option<f64>); 5] = [
    (10, 100_000, None),
    (100, 10_000, None),
    (1_000, 1_000, Some(2.0)),
    (10_000, 100, None),
    (100_000, 10, Some(3.5)),
];

/// (tasks, sleeps of each, bound of the ratio)
const TIMERS: (usize, usize, f64) = (10_000, 100, 1.5);

/// Small simulations in one leg, and the bound of the ratio of a world alone.
const RUNS: (u64, f64) = (1_000, 5.0);

/// Long-lived connections, ten thousand exchanges in all, and the bound of the ratio. (That at 1,000 clients may be
/// 1.3 times that at 10.)
const LONG: [(Exchanges, Option<f64>); 2] =
    [(Exchanges { clients: 10, each: 1_000 }, Some(6.0)), (Exchanges { clients: 1_000, each: 10 }, None)];

/// What else may travel over them, what it is called, and the bound of the ratio.
const TRAFFIC: [(Traffic, &str, f64); 2] =
    [(Traffic::Unread, "request reader off", 6.0), (Traffic::Http, "HTTP, read along", 9.0)];

fn figures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("yields");
    group.sample_size(10);
    for (tasks, each, _) in YIELDS {
        group.throughput(Throughput::Elements((tasks * each) as u64));
        group.bench_function(BenchmarkId::new("reference", tasks), |bencher| {
            bencher.iter(|| workloads::yields_reference(tasks, each));
        });
        group.bench_function(BenchmarkId::new("sim", tasks), |bencher| {
            bencher.iter(|| workloads::yields(tasks, each));
        });
    }
    group.finish();

    let (tasks, each, _) = TIMERS;
    let mut group = criterion.benchmark_group("timers");
    group.sample_size(10).throughput(Throughput::Elements((tasks * each) as u64));
    group.bench_function("reference", |bencher| bencher.iter(|| workloads::timers_reference(tasks, each)));
    group.bench_function("sim", |bencher| bencher.iter(|| workloads::timers(tasks, each)));
    group.finish();

    let mut group = criterion.benchmark_group("small simulations");
    let mut seed = 0;
    let mut next = || {
        seed += 1;
        seed
    };
    let fresh = Fresh::default();
    group.bench_function("reference", |bencher| {
        bencher.iter(|| workloads::exchanges_reference(next(), SMALL));
    });
    group.bench_function("sim, over mailboxes", |bencher| {
        bencher.iter(|| workloads::exchanges_over_mailboxes(next(), SMALL));
    });
    group.bench_function("sim, world alone", |bencher| {
        bencher.iter(|| workloads::exchanges_over_tcp(next(), SMALL));
    });
    group.bench_function("sim, fresh thread", |bencher| bencher.iter(|| fresh.run(next())));
    group.finish();
}

fn ratios() -> Vec<Row> {
    let mut rows = Vec::new();
    for (tasks, each, target) in YIELDS {
        let name = format!("yields, {tasks} tasks");
        let (reference, sim) =
            (|| workloads::yields_reference(tasks, each), || workloads::yields(tasks, each));
        rows.push(Row::measure(name, target, Clock::Thread, tasks * each, reference, sim));
        if target.is_some() {
            // For orientation: no policy, no tape, nothing but a random pick in the reference loop.
            let name = format!("yields, {tasks} tasks, a bare random pick");
            let random = || workloads::yields_picked_at_random(tasks, each);
            rows.push(Row::measure(name, None, Clock::Thread, tasks * each, reference, random));
        }
    }
    let (tasks, each, target) = TIMERS;
    let (reference, sim) = (|| workloads::timers_reference(tasks, each), || workloads::timers(tasks, each));
    let name = format!("timers, {tasks} tasks");
    rows.push(Row::measure(name, target, Clock::Thread, tasks * each, reference, sim));

    let (runs, target) = RUNS;
    let reference = || (0..runs).for_each(|seed| workloads::exchanges_reference(seed, SMALL));
    let mailboxes = || (0..runs).for_each(|seed| workloads::exchanges_over_mailboxes(seed, SMALL));
    let name = "small simulations without a network";
    rows.push(Row::measure(name, None, Clock::Thread, runs as usize, reference, mailboxes));
    let alone = || (0..runs).for_each(|seed| workloads::exchanges_over_tcp(seed, SMALL));
    let name = "small simulations, world alone";
    rows.push(Row::measure(name, target, Clock::Thread, runs as usize, reference, alone));
    let fresh = Fresh::default();
    let fresh = || (0..runs).for_each(|seed| fresh.run(seed));
    let name = "small simulations, a fresh thread each";
    rows.push(Row::measure(name, None, Clock::Process, runs as usize, reference, fresh));

    for (exchanges, target) in LONG {
        let Exchanges { clients, each } = exchanges;
        let name = format!("exchanges over TCP, {clients} clients");
        let (reference, sim) =
            (|| workloads::exchanges_reference(1, exchanges), || workloads::exchanges_over_tcp(1, exchanges));
        rows.push(Row::measure(name, target, Clock::Thread, clients * each, reference, sim));
        for (traffic, what, target) in TRAFFIC {
            let name = format!("exchanges, {clients} clients, {what}");
            let sim = || network::exchanges(exchanges, traffic);
            let reference = || workloads::exchanges_reference(1, exchanges);
            rows.push(Row::measure(name, target, Clock::Thread, clients * each, reference, sim));
        }
    }
    rows
}

fn main() {
    if memory::is_child() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // Not under `cargo test --benches`, nor after some of criterion's own arguments.
    let only = matches!(arguments.as_slice(), [only] if only == "ratios");
    let table = only || arguments.is_empty() && std::env::args().any(|argument| argument == "--bench");
    let peaks = if table { memory::measure() } else { Vec::new() };
    if !only {
        let mut criterion = Criterion::default().configure_from_args();
        figures(&mut criterion);
        criterion.final_summary();
    }
    if table {
        ratio::print(&ratios());
        memory::print(&peaks);
    }
}
