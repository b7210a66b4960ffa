//! The same seed gives the same run: in other processes, and with other numbers of jobs.

use sim::Sim;
use sim::explore::{
    Confirmation, Extent, Isolation, Request, Rerun, Runner, Scenario, Settings, Silent, answer_parent,
    confirm, sweep, twice,
};
use sim::node::service::Services;
use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

/// Everything that makes ordinary programs differ from run to run.
async fn nondeterministic(sim: Sim) {
    let names: HashMap<u32, String> = (0..20).map(|id| (id, format!("user {id}"))).collect();
    sim.note(format!("{:?}", names.keys().collect::<Vec<_>>()));
    sim.note(uuid::Uuid::new_v4().to_string());
    sim.note(format!("{:?}", rand::random::<[u64; 4]>()));
    sim.note(format!("{:?}", rand::RngExt::random_range(&mut rand::rng(), 0..1_000_000)));
    let (mut old, mut new) = ([0; 9], [0; 9]);
    getrandom_02::getrandom(&mut old).expect("answered by the simulation");
    getrandom_03::fill(&mut new).expect("answered by the simulation");
    sim.note(format!("{old:?} {new:?}"));
    let start = Instant::now();
    sim.sleep(Duration::from_millis(1500)).await;
    assert_eq!(start.elapsed().as_secs(), 1);
    sim.note(format!("{:?} {:?} {}", start.elapsed(), SystemTime::now(), chrono::Utc::now()));
    let workers = (0..3).map(|id| {
        sim.node(&format!("worker{id}")).spawn(async move {
            let (mut a, mut b) = (Box::pin(sim::time::yield_now()), Box::pin(sim::time::yield_now()));
            let (mut a, mut b) = (futures::FutureExt::fuse(&mut a), futures::FutureExt::fuse(&mut b));
            let first = futures::select! { () = a => "a", () = b => "b" };
            sim.note(format!("worker {id}: {first}"));
        })
    });
    futures::future::join_all(workers.collect::<Vec<_>>()).await;
}

fn scenario(path: &str) -> Scenario {
    let rerun = Rerun::Test { package: "sim".into(), path: path.into() };
    Scenario::new(path, rerun, nondeterministic)
}

fn request(seed: u64) -> Request {
    Request { seed, script: None, policy: "portfolio".parse().expect("it exists"), recording: true }
}

#[test]
fn three_processes_and_this_one_agree() {
    let scenario = scenario("three_processes_and_this_one_agree");
    if answer_parent(&scenario) {
        return;
    }
    let here = Runner::new(&scenario, Isolation::Thread).run(&scenario, &request(7));
    assert!(here.outcome.is_passed(), "{}", here.outcome);
    for _ in 0..3 {
        let Confirmation::Ran(there) = confirm(&scenario, &request(7)) else { panic!("no second process") };
        assert_eq!(there.facts, here.facts);
        assert_eq!(there.digest, here.digest);
    }
    let forked = Runner::new(&scenario, Isolation::Process).run(&scenario, &request(7));
    assert_eq!(forked.digest, here.digest);
}

#[test]
fn jobs_do_not_matter_and_seeds_do() {
    let scenario = scenario("jobs_do_not_matter_and_seeds_do");
    let digest = |jobs, isolation| {
        let settings = Settings {
            extent: Extent::Seeds(40),
            jobs,
            policy: None,
            isolation,
            log: None,
            services: Services::default(),
        };
        let swept = sweep(&scenario, &settings, &Silent);
        assert!(swept.found.is_none());
        swept.digest
    };
    let one = digest(1, Isolation::Thread);
    assert_eq!(digest(2, Isolation::Thread), one);
    assert_eq!(digest(8, Isolation::Thread), one);
    let runner = Runner::new(&scenario, Isolation::Thread);
    assert_ne!(runner.run(&scenario, &request(1)).digest, runner.run(&scenario, &request(2)).digest);
}

#[test]
fn running_twice_gives_no_difference() {
    let scenario = scenario("running_twice_gives_no_difference");
    let runner = Runner::new(&scenario, Isolation::Thread);
    for seed in 1..20 {
        assert_eq!(twice(&runner, &scenario, &request(seed)), None);
    }
}

#[test]
fn a_leak_is_named_by_its_first_differing_fact() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let rerun = Rerun::Program { seed: String::new(), replay: String::new() };
    let leaky = Scenario::new("leaky", rerun, |sim: Sim| async move {
        sim.note("the same in all");
        sim.note(format!("run {}", RUNS.fetch_add(1, Ordering::Relaxed)));
    });
    let difference =
        twice(&Runner::new(&leaky, Isolation::Thread), &leaky, &request(1)).expect("they differ").to_string();
    assert!(
        difference.contains("`200 - note run 0`") && difference.contains("`200 - note run 1`"),
        "{difference}"
    );
    assert_eq!(
        twice(&Runner::new(&leaky, Isolation::Process), &leaky, &request(1)),
        None,
        "processes share nothing"
    );
}

#[test]
fn outside_of_a_run_everything_is_real() {
    let scenario = scenario("outside_of_a_run_everything_is_real");
    let runner = Runner::new(&scenario, Isolation::Thread);
    let real_before = SystemTime::now();
    let ended = runner.run(&scenario, &request(1));
    assert!(ended.outcome.is_passed());
    let passed = real_before.elapsed().expect("real time goes on");
    assert!(passed < Duration::from_secs(60), "1.5 virtual seconds are not waited for, {passed:?} passed");
    assert_ne!(uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let year = chrono::Utc::now().format("%Y").to_string().parse::<u32>().expect("a number");
    assert!(year > 2025, "the real date, not the simulation's: {year}");
    std::thread::spawn(|| ()).join().expect("threads are real");
}
