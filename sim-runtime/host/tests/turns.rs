//! Guests run only in their turn, and end when dismissed.

mod support;

use sim_host::turns::{Dismissed, Guest, give_back, is_guest};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use support::FakeMachine;

const STACK_BYTES: usize = 256 * 1024;

type Log<'a> = &'a dyn Fn(&str);

/// Runs `host` inside a run, with a log that it and its guests write to.
fn check(expected: &[&str], host: impl FnOnce(Log<'_>, &dyn Fn(fn(Log<'_>)) -> Guest)) {
    let entered = sim_host::enter(FakeMachine::new(1));
    let log: Rc<RefCell<Vec<String>>> = Rc::default();
    let write = |log: &Rc<RefCell<Vec<String>>>, line: &str| log.borrow_mut().push(line.to_owned());
    let start = |f: fn(Log<'_>)| {
        let log = log.clone();
        Guest::start("guest", STACK_BYTES, move || f(&|line| write(&log, line))).expect("a thread")
    };
    host(&|line| write(&log, line), &start);
    drop(entered);
    assert_eq!(*log.borrow(), expected);
}

#[test]
fn host_and_guest_alternate() {
    check(&["made", "one", "between", "two", "ended"], |log, start| {
        let guest = start(|log| {
            log("one");
            assert!(is_guest() && sim_host::is_inside());
            give_back().expect("another turn comes");
            log("two");
        });
        log("made");
        assert!(!guest.take_turn());
        log("between");
        assert!(guest.take_turn());
        log("ended");
    });
}

#[test]
fn a_guest_that_never_had_a_turn_runs_nothing() {
    check(&["dismissed"], |log, start| {
        assert!(start(|log| log("never")).dismiss());
        log("dismissed");
    });
}

#[test]
fn a_dismissed_guest_cleans_up() {
    check(&["waits", "cleans up"], |_, start| {
        let guest = start(|log| {
            log("waits");
            assert_eq!(give_back(), Err(Dismissed));
            log("cleans up");
        });
        assert!(!guest.take_turn());
        assert!(guest.dismiss());
    });
}

#[test]
fn one_that_insists_on_waiting_is_left_behind() {
    check(&["waits"], |_, start| {
        let guest = start(|log| {
            log("waits");
            let _ = give_back();
            let _ = give_back();
            log("never");
        });
        assert!(!guest.take_turn());
        assert!(!guest.dismiss());
    });
}

#[test]
fn guests_have_thread_locals_of_their_own_and_the_machines_clock() {
    thread_local!(static MARK: Cell<u32> = const { Cell::new(0) });
    check(&["0"], |_, start| {
        MARK.set(7);
        let before = std::time::Instant::now();
        assert!(start(|log| log(&MARK.get().to_string())).take_turn());
        assert_eq!(before.elapsed().as_secs(), 0);
        assert_eq!(MARK.get(), 7);
    });
}
