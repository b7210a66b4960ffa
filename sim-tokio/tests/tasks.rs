//! Tasks, blocking closures, local sets and join sets keep tokio's promises in every schedule.

use sim_tokio as tokio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, JoinSet, LocalSet};
use tokio::time::{Instant, sleep};

#[tokio::test(crate = "sim_tokio")]
async fn a_panic_is_told_to_whoever_joins() {
    let error = tokio::spawn(async { panic!("boom") }).await.expect_err("it panicked");
    assert!(error.is_panic());
    assert_eq!(*error.into_panic().downcast::<&str>().expect("a literal"), "boom");
}

#[tokio::test(crate = "sim_tokio")]
async fn an_aborted_task_drops_what_it_has() {
    let kept = Arc::new(());
    let own = kept.clone();
    let task = tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(own);
    });
    task::yield_now().await;
    task.abort();
    assert!(task.await.expect_err("it was aborted").is_cancelled());
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[tokio::test(crate = "sim_tokio", flavor = "multi_thread")]
async fn a_closure_waits_for_the_runtime() {
    let (sender, receiver) = oneshot::channel();
    let closure = task::spawn_blocking(move || {
        let first: u32 = receiver.blocking_recv().expect("it is sent");
        first
            + Handle::current().block_on(async {
                sleep(Duration::from_secs(3600)).await;
                1
            })
    });
    sleep(Duration::from_secs(1)).await;
    sender.send(41).expect("it is received");
    assert_eq!(closure.await.expect("it returns"), 42);
}

#[tokio::test(crate = "sim_tokio", flavor = "multi_thread")]
async fn block_in_place_may_block_on() {
    let value =
        task::block_in_place(|| Handle::current().block_on(async { tokio::spawn(async { 7 }).await }));
    assert_eq!(value.expect("it returns"), 7);
}

#[tokio::test(crate = "sim_tokio")]
#[should_panic(expected = "Cannot start a runtime from within a runtime")]
async fn a_task_cannot_block_on() {
    Builder::new_current_thread().build().expect("a runtime").block_on(async {});
}

#[tokio::test(crate = "sim_tokio")]
async fn a_join_set_answers_in_the_order_tasks_end() {
    let mut set = JoinSet::new();
    for seconds in [3u64, 1, 2] {
        set.spawn(async move {
            sleep(Duration::from_secs(seconds)).await;
            seconds
        });
    }
    let mut order = Vec::new();
    while let Some(joined) = set.join_next().await {
        order.push(joined.expect("none panics"));
    }
    assert_eq!(order, [1, 2, 3]);
}

#[tokio::test(crate = "sim_tokio")]
async fn a_local_set_runs_its_tasks_beside_a_future() {
    let local = LocalSet::new();
    let shared = std::rc::Rc::new(std::cell::Cell::new(0));
    let own = shared.clone();
    let task = local.spawn_local(async move {
        sleep(Duration::from_millis(10)).await;
        own.set(1);
    });
    assert_eq!(shared.get(), 0);
    local.run_until(task).await.expect("it returns");
    assert_eq!(shared.get(), 1);
}

#[test]
fn a_plain_function_runs_one_simulation() {
    let runtime = Runtime::new().expect("a runtime");
    let (sender, mut receiver) = mpsc::channel(1);
    let started = std::time::Instant::now();
    runtime.spawn(async move {
        sleep(Duration::from_secs(86_400)).await;
        sender.send(5).await.expect("it is received");
    });
    assert_eq!(runtime.block_on(receiver.recv()), Some(5));
    assert!(started.elapsed() >= Duration::from_secs(86_400));
}

#[test]
fn a_runtime_drops_its_tasks_and_waits_for_its_closures() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let runtime = Runtime::new().expect("a runtime");
    let kept = Arc::new(());
    let own = kept.clone();
    runtime.spawn(async move {
        std::future::pending::<()>().await;
        drop(own);
    });
    runtime.block_on(async {
        let _closure = task::spawn_blocking(|| {
            std::thread::sleep(Duration::from_secs(60));
            DONE.store(true, Ordering::Relaxed);
        });
        task::yield_now().await;
        sleep(Duration::from_secs(1)).await;
    });
    drop(runtime);
    assert!(DONE.load(Ordering::Relaxed));
    assert_eq!(Arc::strong_count(&kept), 1);
}

#[test]
fn there_is_no_runtime_outside() {
    assert!(Handle::try_current().expect_err("none was made").is_missing_context());
}

#[tokio::test(crate = "sim_tokio", start_paused = true)]
async fn a_paused_clock_moves_by_jumps_only() {
    let start = Instant::now();
    for _ in 0..1_000 {
        task::yield_now().await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    sleep(Duration::from_millis(5)).await;
    assert_eq!(start.elapsed(), Duration::from_millis(5));
}
