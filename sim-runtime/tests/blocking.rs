//! Code that blocks waits in virtual time, while tasks go on.
#![allow(clippy::disallowed_methods, reason = "what the code under test does")]

use sim_runtime::Sim;
use sim_runtime::executor::{JoinHandle, block_on, sleep, spawn, spawn_blocking_on, with_current};
use sim_runtime::task::NodeId;
use std::panic::Location;
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

fn blocking<R: 'static>(function: impl FnOnce() -> R + 'static) -> JoinHandle<R> {
    with_current(|world| spawn_blocking_on(world, NodeId::WORLD, Location::caller(), "blocking", function))
}

#[sim_runtime::test(crate = sim_runtime)]
async fn a_closure_waits_for_a_channel_that_a_task_fills(sim: Sim) {
    let (sender, receiver) = channel();
    let closure = blocking(move || receiver.iter().sum::<u32>());
    for number in 1..=10 {
        sim.sleep(Duration::from_secs(1)).await;
        sender.send(number).expect("the closure receives");
    }
    drop(sender);
    assert_eq!(closure.await.expect("it returns"), 55);
}

#[sim_runtime::test(crate = sim_runtime)]
async fn a_closure_blocks_on_a_future_and_spawns(sim: Sim) {
    let closure = blocking(|| {
        let task = spawn(async {
            sleep(Duration::from_secs(60)).await;
            5
        });
        block_on(task).expect("the run goes on").expect("it returns")
    });
    assert_eq!(closure.await.expect("it returns"), 5);
    assert!(sim.now() >= 60_000_000_000);
}

#[sim_runtime::test(crate = sim_runtime)]
async fn closures_sleep_beside_each_other(sim: Sim) {
    let closures: Vec<_> =
        (0..10).map(|_| blocking(|| std::thread::sleep(Duration::from_secs(10)))).collect();
    for closure in closures {
        closure.await.expect("it returns");
    }
    assert!((10_000_000_000..11_000_000_000).contains(&sim.now()), "{}", sim.now());
}

#[sim_runtime::test(crate = sim_runtime)]
async fn two_closures_pass_a_ball_through_a_lock_and_a_condition(_sim: Sim) {
    let ball = Arc::new((Mutex::new(0u32), Condvar::new()));
    let player = |parity: u32| {
        let ball = ball.clone();
        blocking(move || {
            for _ in 0..20 {
                let (holder, changed) = &*ball;
                let mut number = holder.lock().expect("nobody panics");
                while *number % 2 != parity {
                    number = changed.wait(number).expect("nobody panics");
                }
                *number += 1;
                changed.notify_all();
            }
        })
    };
    let (even, odd) = (player(0), player(1));
    even.await.expect("it returns");
    odd.await.expect("it returns");
    assert_eq!(*ball.0.lock().expect("nobody panics"), 40);
}

#[sim_runtime::test(crate = sim_runtime)]
async fn a_task_that_waits_for_a_lock_lets_its_holder_go_on(_sim: Sim) {
    let lock = Arc::new(Mutex::new(()));
    let held = lock.clone();
    let (sender, receiver) = channel();
    let closure = blocking(move || {
        let _guard = held.lock().expect("nobody panics");
        sender.send(()).expect("the task receives");
        std::thread::sleep(Duration::from_secs(1));
    });
    // These two block the scenario's own task, not the run.
    receiver.recv().expect("the closure sends");
    drop(lock.lock().expect("nobody panics"));
    closure.await.expect("it returns");
}

#[sim_runtime::test(crate = sim_runtime)]
async fn an_aborted_closure_unwinds(sim: Sim) {
    let marked = Arc::new(());
    let mark = marked.clone();
    let closure = blocking(move || {
        block_on(std::future::pending::<()>()).expect("never gets here");
        drop(mark);
    });
    sim.sleep(Duration::from_secs(1)).await;
    closure.abort();
    assert!(closure.await.expect_err("it was aborted").is_cancelled());
    assert_eq!(Arc::strong_count(&marked), 1);
}

#[sim_runtime::test(crate = sim_runtime)]
async fn threads_of_std_are_simulated_when_asked_for(sim: Sim) {
    with_current(|world| world.host_threads(true));
    let (sender, receiver) = channel();
    let threads: Vec<_> = (0..4u64)
        .map(|number| {
            let sender = sender.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_secs(number));
                sender.send(number).expect("it is received");
                number
            })
        })
        .collect();
    drop(sender);
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    let total: u64 = threads.into_iter().map(|thread| thread.join().expect("it returns")).sum();
    assert_eq!(total, 6);
    assert!((3_000_000_000..4_000_000_000).contains(&sim.now()), "{}", sim.now());
    let borrowed = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| *borrowed.lock().expect("nobody panics") += 1);
        }
    });
    assert_eq!(borrowed.into_inner().expect("nobody panics"), 3);
}

#[sim_runtime::test(crate = sim_runtime, seeds = 20)]
async fn a_static_lock_held_outside_the_run_is_waited_for_in_earnest(sim: Sim) {
    static SHARED: Mutex<()> = Mutex::new(());
    let (sender, receiver) = channel();
    let holder = sim_host::outside(|| {
        let holder = std::thread::spawn(move || {
            let held = SHARED.lock();
            sender.send(()).expect("it is received");
            std::thread::sleep(Duration::from_millis(2));
            drop(held);
        });
        receiver.recv().expect("the holder says so");
        holder
    });
    let began = sim.now();
    blocking(|| drop(SHARED.lock())).await.expect("it returns");
    sim_host::outside(|| holder.join()).expect("it returns");
    assert!(sim.now() - began < 1_000_000, "nothing of it is virtual time: {}", sim.now() - began);
}
