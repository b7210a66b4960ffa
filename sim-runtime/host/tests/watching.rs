//! Fresh threads, and the watchdog over runs that stop moving.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use sim_host::threads::{FreshThread, ThreadError, panic_message, run_on_fresh_thread};
use sim_host::watchdog::{Stuck, Watchdog};

const STACK_BYTES: usize = 256 << 10;

#[test]
fn a_fresh_thread_has_its_name_and_fresh_thread_locals() {
    thread_local! { static COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) }; }
    for _ in 0..3 {
        let seen = run_on_fresh_thread("run-7", STACK_BYTES, || {
            COUNT.set(COUNT.get() + 1);
            (COUNT.get(), std::thread::current().name().map(str::to_owned))
        });
        assert_eq!(seen.expect("no panic"), (1, Some("run-7".to_owned())));
    }
}

#[test]
fn a_panic_on_a_fresh_thread_is_handed_back() {
    let panic =
        run_on_fresh_thread("run", STACK_BYTES, || std::panic::resume_unwind(Box::new("row 7 is gone")));
    assert_eq!(panic_message(&panic.map(drop).expect_err("panicked")), Some("row 7 is gone"));
}

#[test]
fn a_thread_that_outlives_its_limit_is_abandoned() {
    let released = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&released);
    let thread = FreshThread::start("run", STACK_BYTES, move || spin_until(&theirs)).expect("starts");
    assert!(matches!(thread.wait_for(Duration::from_millis(1)), Err(ThreadError::Abandoned)));
    released.store(true, Ordering::Relaxed);
}

fn spin_until(released: &AtomicBool) {
    while !released.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

#[test]
fn a_poll_that_never_returns_is_told_and_abandoned() {
    let (tell, told) = mpsc::channel::<Stuck>();
    let (hand, handed) = mpsc::channel::<sim_host::threads::Abandon>();
    let watchdog = Watchdog::start(Duration::from_millis(20), move |stuck| {
        tell.send(stuck.clone()).expect("waited for");
        handed.recv().expect("sent").abandon();
    });
    let heartbeat = watchdog.watch("worker 3");
    let released = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&released);
    let (end, ended) = mpsc::channel();
    let thread = FreshThread::start("run", STACK_BYTES, move || {
        heartbeat.begin(77);
        heartbeat.beat();
        spin_until(&theirs);
        end.send(heartbeat.was_stuck()).expect("waited for");
    })
    .expect("starts");
    hand.send(thread.abandon()).expect("waited for");
    assert!(matches!(thread.wait(), Err(ThreadError::Abandoned)));
    let stuck = told.recv().expect("told");
    assert_eq!((stuck.name.as_str(), stuck.run), ("worker 3", 77));
    assert!(stuck.silent_for >= Duration::from_millis(20), "{stuck:?}");
    released.store(true, Ordering::Relaxed);
    assert!(ended.recv().expect("the leaked thread goes on"), "it learns what it was called");
}

#[test]
fn only_the_silent_run_is_told() {
    let (tell, told) = mpsc::channel::<Stuck>();
    let watchdog =
        Watchdog::start(Duration::from_secs(1), move |stuck| tell.send(stuck.clone()).expect("waited for"));
    let [beats, is_idle, is_silent] = ["beats", "is idle", "is silent"].map(|name| watchdog.watch(name));
    beats.begin(1);
    is_idle.begin(2);
    is_idle.idle();
    is_silent.begin(3);
    let stuck = loop {
        beats.beat();
        if let Ok(stuck) = told.try_recv() {
            break stuck;
        }
    };
    assert_eq!((stuck.name.as_str(), stuck.run), ("is silent", 3));
    drop(watchdog);
    assert_eq!(told.try_iter().count(), 0);
}

#[test]
fn a_run_has_a_cost() {
    let before = sim_host::resources::thread_processor_ns();
    let filled = std::hint::black_box(vec![1_u8; 32 << 20]);
    assert!(sim_host::resources::thread_processor_ns() > before);
    assert!(sim_host::resources::peak_memory_bytes() >= filled.len() as u64);
}
