//! How runs end.
#![allow(clippy::disallowed_methods, reason = "what the code under test does")]

use sim_runtime::explore::{Extent, Isolation, Request, Rerun, Runner, Scenario};
use sim_runtime::sim::{Ended, Outcome};
use sim_runtime::{Limits, Sim};
use std::future::Future;
use std::time::Duration;

fn scenario<F: Future<Output = ()> + 'static>(body: impl Fn(Sim) -> F + Send + Sync + 'static) -> Scenario {
    let rerun = Rerun::Program { seed: String::new(), replay: String::new() };
    let limits = Limits { polls_between_timers: 10_000, ..Limits::default() };
    Scenario::new("planted", rerun, body).with_limits(limits)
}

fn run<F: Future<Output = ()> + 'static>(body: impl Fn(Sim) -> F + Send + Sync + 'static) -> Ended {
    run_scenario(&scenario(body))
}

fn run_scenario(scenario: &Scenario) -> Ended {
    let policy = "uniform".parse().expect("it exists");
    let request = Request { seed: 1, script: None, policy, recording: true };
    Runner::new(scenario, Isolation::Thread).run(scenario, &request)
}

/// The outcome has all of `parts` in its text.
fn check(ended: &Ended, parts: &[&str]) {
    let text = ended.outcome.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

#[test]
fn a_scenario_that_returns_passes() {
    let ended = run(|sim| async move { sim.sleep(Duration::from_secs(7200)).await });
    assert_eq!(ended.outcome, Outcome::Passed);
    assert!(ended.elapsed >= 7200 * 1_000_000_000);
}

#[test]
fn a_deadlock_is_a_stall_that_names_every_task() {
    let ended = run(|sim| async move {
        let stuck = || std::future::pending::<()>();
        sim.node("api").boot(stuck);
        sim.node("db").spawn(stuck());
        sim.spawn(stuck()).await.expect("never");
    });
    assert!(matches!(ended.outcome, Outcome::Stalled { .. }));
    check(
        &ended,
        &[
            "of api, spawned at",
            "of db, spawned at",
            "of the scenario, spawned at",
            "outcomes.rs",
            "join handle",
        ],
    );
}

#[test]
fn a_task_that_wakes_itself_for_ever_is_over_a_limit() {
    let ended = run(|sim| async move {
        let livelock = || async {
            loop {
                sim_runtime::executor::yield_now().await
            }
        };
        sim.node("worker").spawn::<_>(async move { livelock().await }).await.unwrap_or(());
    });
    assert!(matches!(ended.outcome, Outcome::OverLimit { .. }));
    check(&ended, &["polls between timers", "of worker, spawned at", "outcomes.rs", "was polled"]);
}

#[test]
fn an_endless_poll_is_seen_by_the_watchdog() {
    let endless = scenario(|sim| async move {
        let endless = async {
            while std::hint::black_box(true) {
                std::hint::spin_loop();
            }
        };
        sim.node("spinner").spawn(endless).await.expect("never");
    });
    let limits = Limits { poll_time: Duration::from_millis(500), ..Limits::default() };
    let ended = run_scenario(&endless.with_limits(limits));
    assert!(matches!(ended.outcome, Outcome::OverLimit { .. }));
    check(&ended, &["real time of one poll", "of spinner, spawned at", "outcomes.rs", "500ms"]);
}

#[test]
fn a_panic_in_a_spawned_task_fails_the_run() {
    let ended = run(|sim| async move {
        drop(sim.node("api").spawn(async { panic!("no such order: {}", 7) }));
        sim.sleep(Duration::from_secs(1)).await;
    });
    check(&ended, &["panicked: no such order: 7", "outcomes.rs", "of api, spawned at"]);
    assert!(ended.elapsed < 1_000_000_000, "it ended at once");
}

#[test]
fn a_tolerated_panic_is_the_joiners_business() {
    let ended = run(|sim| async move {
        sim.tolerate_panics(true);
        let error = sim.spawn(async { panic!("gone") }).await.expect_err("it panics");
        assert!(error.is_panic());
        assert_eq!(error.panic_message().as_deref(), Some("gone"));
    });
    assert_eq!(ended.outcome, Outcome::Passed);
}

#[test]
fn a_thread_inside_a_run_is_refused_with_what_to_do() {
    let ended = run(|sim| async move {
        let threaded = async { drop(std::thread::Builder::new().spawn(|| ()).map_err(drop)) };
        sim.node("api").spawn(threaded).await.expect("the refusal is an error value for the code");
    });
    check(
        &ended,
        &["a thread was started inside a run", "spawn a task", "of api, spawned at", "outcomes.rs"],
    );
}

#[test]
fn files_of_the_host_that_were_read_are_named() {
    let ended = run(|sim| async move {
        let reads = async { drop(std::fs::read("/proc/version")) };
        sim.node("api").spawn(reads).await.expect("reading is allowed");
    });
    assert_eq!(ended.outcome, Outcome::Passed);
    assert_eq!(ended.host_files.into_iter().collect::<Vec<_>>(), ["/proc/version"]);
}

#[test]
fn an_error_returned_by_the_scenario_or_a_node_fails_the_run() {
    let rerun = || Rerun::Program { seed: String::new(), replay: String::new() };
    let request =
        Request { seed: 1, script: None, policy: "fifo".parse().expect("it exists"), recording: true };
    let failing = Scenario::new("failing", rerun(), |_| async { Err::<(), _>("no room") });
    let ended = Runner::new(&failing, Isolation::Thread).run(&failing, &request);
    check(&ended, &["the scenario returns without an error", "no room"]);
    let node = Scenario::new("node", rerun(), |sim: Sim| async move {
        sim.node("api").boot(|| async { Err::<(), _>("address in use") });
        sim.sleep(Duration::from_secs(1)).await;
    });
    let ended = Runner::new(&node, Isolation::Thread).run(&node, &request);
    check(&ended, &["main function of node api", "address in use"]);
}

#[test]
fn properties_are_checked_at_every_step_and_in_the_end() {
    use std::cell::Cell;
    use std::rc::Rc;
    let ended = run(|sim| async move {
        let stock = Rc::new(Cell::new(1));
        let seen = stock.clone();
        sim.always("stock is never negative", move || match seen.get() {
            0.. => Ok(()),
            negative => Err(format!("item 7 has a stock of {negative}")),
        });
        for _ in 0..2 {
            sim.sleep(Duration::from_millis(1)).await;
            stock.set(stock.get() - 1);
        }
        sim.sleep(Duration::from_millis(1)).await;
        stock.set(5);
    });
    check(&ended, &["violated \"stock is never negative\": item 7 has a stock of -1"]);
    assert_eq!(ended.elapsed / 1_000_000, 2, "the first step at which it was false");
    let unmet = run(|sim| async move { sim.eventually("the queue drains", || Err::<(), _>("3 jobs left")) });
    check(&unmet, &["violated \"the queue drains\": 3 jobs left", "nothing goes on any more"]);
}

#[test]
fn crashed_nodes_are_healed_before_liveness_is_judged() {
    use std::cell::Cell;
    use std::rc::Rc;
    let ended = run(|sim| async move {
        let boots = Rc::new(Cell::new(0));
        let counted = boots.clone();
        let node = sim.node("worker");
        node.boot(move || {
            counted.set(counted.get() + 1);
            std::future::ready(())
        });
        sim.sleep(Duration::from_millis(1)).await;
        node.crash();
        assert!(!node.is_up());
        sim.eventually("the worker is back", move || boots.get() == 2);
    });
    assert_eq!(ended.outcome, Outcome::Passed);
}

#[test]
fn a_sweep_keeps_the_lowest_failing_seed_whatever_the_jobs() {
    let failing = scenario(|sim| async move { assert_ne!(sim.lane("x").below(20), 7, "unlucky") });
    let found = |jobs| {
        let settings = sim_runtime::explore::Settings {
            extent: Extent::Seeds(1000),
            jobs,
            policy: None,
            isolation: Isolation::Thread,
            log: None,
            services: sim_runtime::node::service::Services::default(),
        };
        sim_runtime::explore::sweep(&failing, &settings, &sim_runtime::explore::Silent).found
    };
    let one = found(1).expect("one seed in twenty fails");
    assert_eq!(Some(&one), found(2).as_ref());
    assert_eq!(Some(&one), found(8).as_ref());
}

#[test]
fn a_seed_runs_alike_recorded_or_not_and_repeated_under_every_policy() {
    let scenario = scenario(|sim| async move {
        let work = |task: u64| async move {
            for round in 0..3 {
                sim_runtime::executor::yield_now().await;
                sim.sleep(Duration::from_nanos(task % 7 * round)).await;
            }
        };
        let tasks: Vec<_> = (0..300).map(|task| sim.spawn(work(task))).collect();
        for (number, task) in tasks.into_iter().enumerate() {
            if number % 50 == 7 {
                task.abort();
            }
            assert!(task.await.is_ok() || number % 50 == 7);
        }
    });
    for policy in ["fifo", "uniform", "weighted", "pos", "pct:2"] {
        let run = |script, recording| {
            let policy = policy.parse().expect("it exists");
            let ended = Runner::new(&scenario, Isolation::Thread)
                .run(&scenario, &Request { seed: 3, script, policy, recording });
            assert_eq!(ended.outcome, Outcome::Passed, "{policy}");
            ended
        };
        let recorded = run(None, true);
        let repeated = run(Some(recorded.recording.clone()), true);
        assert_eq!(repeated.digest, recorded.digest, "{policy}");
        // A digest of a recorded run covers facts that are not told otherwise.
        let seen = |ended: &Ended| (ended.steps, ended.elapsed, ended.choices);
        assert_eq!(seen(&run(None, false)), seen(&recorded), "{policy}");
    }
}
