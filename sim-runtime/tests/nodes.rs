//! Nodes: environment, clocks, crash, pause; and the faults and marked places of a run.
#![allow(clippy::disallowed_methods, reason = "what the code under test does")]

use sim_runtime::Sim;
use sim_runtime::fault::Plan;
use sim_runtime::node::Node;
use sim_runtime::tape::Ratio;
use std::cell::{Cell, RefCell};
use std::env;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[sim_runtime::test(seeds = 3, crate = sim_runtime)]
async fn each_node_has_its_own_environment_and_config(sim: Sim) {
    let (a, b) = (sim.node("a"), sim.node("b"));
    a.set_variable("KEY", "live");
    a.set_config(7_u16);
    let read = || async {
        (env::var("KEY").ok(), env::var("PATH").ok(), Node::current().and_then(Node::config::<u16>))
    };
    assert_eq!(a.run(read()).await, (Some("live".into()), None, Some(Rc::new(7))));
    assert_eq!(b.run(read()).await, (None, None, None));
    assert!(env::var("PATH").is_ok(), "the scenario's own code sees the host's environment");
    a.remove_variable("KEY");
    assert_eq!(a.run(read()).await.0, None);
}

#[sim_runtime::test(seeds = 3, crate = sim_runtime)]
async fn names_and_addresses_belong_to_nodes(sim: Sim) {
    let (a, b) = (sim.node("a"), sim.node("b"));
    assert_eq!(sim.node("a"), a);
    assert_ne!(a.address(), b.address());
    let resolved =
        a.run(async { std::net::ToSocketAddrs::to_socket_addrs("b:80").map(|mut all| all.next()) }).await;
    assert_eq!(resolved.expect("b has a name"), Some((b.address(), 80).into()));
}

#[sim_runtime::test(seeds = 3, crate = sim_runtime)]
async fn clocks_drift_and_jump_by_node(sim: Sim) {
    let (fast, plain) = (sim.node("fast"), sim.node("plain"));
    fast.set_drift(100_000_000);
    fast.jump_wall_clock(Duration::ZERO, Duration::from_secs(3600));
    let measure = || async {
        let (start, wall) = (Instant::now(), SystemTime::now());
        sim_runtime::executor::sleep(Duration::from_secs(10)).await;
        (start.elapsed().as_secs(), wall.duration_since(UNIX_EPOCH).expect("after 1970").as_secs())
    };
    let before = sim.now();
    let (own, wall) = fast.run(measure()).await;
    assert_eq!(own, 10, "by its own clock");
    let passed = sim.now() - before;
    assert!((9_000_000_000..9_200_000_000).contains(&passed), "{passed} ns by true time");
    let (_, true_wall) = plain.run(measure()).await;
    assert!((3600..3620).contains(&(true_wall - wall)), "{wall} {true_wall}");
}

struct Dropped(Rc<RefCell<Vec<&'static str>>>, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        let node = Node::current().map_or("the scenario".into(), Node::name);
        assert_eq!(&*node, "worker", "destructors run on their own node");
        self.0.borrow_mut().push(self.1);
    }
}

#[sim_runtime::test(seeds = 10, crate = sim_runtime)]
async fn a_crash_drops_every_future_at_once(sim: Sim) {
    let dropped: Rc<RefCell<Vec<&str>>> = Rc::default();
    let worker = sim.node("worker");
    let (log, ticks) = (dropped.clone(), Rc::new(Cell::new(0)));
    let counted = ticks.clone();
    worker.boot(move || {
        let (log, ticks) = (log.clone(), counted.clone());
        async move {
            let _main = Dropped(log.clone(), "main");
            let child = Dropped(log, "child");
            drop(sim.spawn(async move {
                let _child = child;
                std::future::pending::<()>().await;
            }));
            loop {
                sim.sleep(milliseconds(10)).await;
                ticks.set(ticks.get() + 1);
            }
        }
    });
    let held = worker.spawn(std::future::pending::<()>());
    sim.sleep(milliseconds(55)).await;
    assert_eq!(ticks.get(), 5);
    worker.crash();
    let mut now = dropped.take();
    now.sort_unstable();
    assert_eq!(now, ["child", "main"]);
    assert!(held.await.expect_err("it went down with its node").is_cancelled());
    sim.sleep(milliseconds(100)).await;
    assert_eq!(ticks.get(), 5, "nothing of it runs");
    worker.restart();
    assert_eq!(worker.boots(), 2);
    sim.sleep(milliseconds(25)).await;
    assert_eq!(ticks.get(), 7);
}

#[sim_runtime::test(seeds = 10, crate = sim_runtime)]
async fn a_paused_node_goes_on_where_it_was(sim: Sim) {
    let ticks = Rc::new(Cell::new(0));
    let counted = ticks.clone();
    let node = sim.node("worker");
    drop(node.spawn(async move {
        loop {
            sim.sleep(milliseconds(10)).await;
            counted.set(counted.get() + 1);
        }
    }));
    sim.sleep(milliseconds(35)).await;
    node.pause();
    sim.sleep(milliseconds(1000)).await;
    assert_eq!(ticks.get(), 3);
    node.resume();
    sim.sleep(milliseconds(35)).await;
    assert!((6..=7).contains(&ticks.get()), "{}", ticks.get());
}

#[sim_runtime::test(seeds = 50, crate = sim_runtime)]
async fn faults_keep_to_their_plan_and_budget(sim: Sim) {
    use sim_runtime::executor::with_current;
    let strike = |kind| {
        with_current(|world| sim_runtime::fault::faults(world).strike(world, kind, || "a test".into()))
    };
    assert!(!strike("disk.full"), "no plan allows it");
    sim.faults(&Plan::new().allow("disk.full", Ratio::new(1, 2)).budget(2));
    let struck = (0..200).filter(|_| strike("disk.full")).count();
    sim.sometimes("one fault", struck == 1);
    sim.sometimes("two faults", struck == 2);
    assert!(struck <= 2, "{struck} strikes");
    let fired = (0..100).filter(|_| sim.site("cache.miss")).count();
    sim.sometimes("the site fires often when it is armed", fired > 10);
    sim.sometimes("the site is not armed", fired == 0);
    assert!(fired == 0 || fired > 5, "armed or not, nothing between: {fired}");
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_steady_plan_is_the_same_for_every_seed(sim: Sim) {
    use sim_runtime::executor::with_current;
    sim.faults(&Plan::new().allow("always", Ratio::ALWAYS).budget(3).steady());
    let strike = || {
        with_current(|world| sim_runtime::fault::faults(world).strike(world, "always", || "a test".into()))
    };
    assert_eq!([strike(), strike(), strike(), strike()], [true, true, true, false]);
}

#[sim_runtime::test(seeds = 3, crate = sim_runtime)]
async fn waiting_has_the_usual_shapes(sim: Sim) {
    use sim_runtime::executor::{interval, timeout};
    assert!(timeout(milliseconds(5), std::future::pending::<()>()).await.is_err());
    assert_eq!(
        timeout(Duration::ZERO, async { 3 }).await,
        Ok(3),
        "what is ready wins over a time that is up"
    );
    let mut ticks = interval(milliseconds(10));
    let first = ticks.tick().await;
    ticks.tick().await;
    assert_eq!(ticks.tick().await - first, 20_000_000);
    let aborted = sim.spawn(std::future::pending::<()>());
    aborted.abort();
    assert!(aborted.await.expect_err("it was aborted").is_cancelled());
}

#[sim_runtime::test(seeds = 1, crate = sim_runtime)]
async fn a_clock_that_is_read_over_and_over_moves(_sim: Sim) {
    let start = Instant::now();
    // Some crates calibrate by spinning until the clock has moved.
    while start.elapsed() < Duration::from_millis(200) {}
}
