//! Fresh processes: forked, and started again.
#![cfg(hooked)]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sim_host::process::{Finished, ForkError, Respawn, run_in_fork};

/// More than any child here needs; a child that hangs fails the test instead of hanging it.
const LIMIT: Duration = Duration::from_secs(120);
/// Set in a child that is this very test, started again.
const CHILD: &str = "SIM_HOST_CHILD";

/// Starts this test program again for the one test, as a child.
fn again(test: &str, change: impl FnOnce(Respawn) -> Respawn) -> Finished {
    let respawn =
        Respawn::new().argument("--exact").argument(test).argument("--nocapture").variable(CHILD, "1");
    let finished = change(respawn.limit(LIMIT)).run().expect("starts");
    assert!(!finished.timed_out, "{finished:?}");
    finished
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// The lines a child marked as its answer.
fn answers(finished: &Finished) -> Vec<String> {
    let printed = String::from_utf8_lossy(&finished.stdout);
    printed
        .lines()
        .filter_map(|line| line.split_once("answer: "))
        .map(|(_, answer)| answer.to_owned())
        .collect()
}

#[test]
fn a_fork_gives_its_bytes_and_keeps_its_changes() {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let run = || run_in_fork(Some(LIMIT), || COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes().to_vec());
    for _ in 0..3 {
        assert_eq!(run().expect("answers"), 0_u64.to_le_bytes());
    }
    assert_eq!(COUNT.load(Ordering::Relaxed), 0);
}

#[test]
fn a_fork_can_answer_more_than_a_pipe_holds() {
    let answer = run_in_fork(Some(LIMIT), || vec![7; 3 << 20]).expect("answers");
    assert_eq!(answer.len(), 3 << 20);
    assert!(answer.iter().all(|byte| *byte == 7));
}

#[test]
fn forks_of_several_threads_do_not_wait_for_each_other() {
    let forever = std::thread::spawn(|| {
        run_in_fork(Some(Duration::from_secs(1)), || {
            loop {
                std::hint::spin_loop();
            }
        })
    });
    for round in 0..20_u8 {
        assert_eq!(run_in_fork(Some(LIMIT), || vec![round]).expect("answers"), [round]);
    }
    assert!(matches!(forever.join().expect("no panic"), Err(ForkError::TimedOut)));
}

#[test]
fn a_forked_run_equals_another() {
    let run = || {
        support::inside(5, |_| {
            let set: std::collections::HashSet<u8> = (0..=255).collect();
            set.into_iter().collect::<Vec<u8>>()
        })
    };
    let [first, second] = [(); 2].map(|()| run_in_fork(Some(LIMIT), run).expect("answers"));
    assert_eq!(first, second);
    assert_eq!(first, run(), "in this process");
}

#[test]
fn a_fork_that_panics_says_so() {
    let ended = run_in_fork(Some(LIMIT), || std::panic::resume_unwind(Box::new("quietly")));
    assert!(matches!(ended, Err(ForkError::Panicked)), "{ended:?}");
}

#[test]
fn a_fork_that_exits_or_aborts_says_so() {
    let ended = run_in_fork(Some(LIMIT), || std::process::exit(3));
    assert!(matches!(ended, Err(ForkError::Exited(3))), "{ended:?}");
    let ended = run_in_fork(Some(LIMIT), || std::process::abort());
    assert!(matches!(ended, Err(ForkError::Signalled(libc::SIGABRT))), "{ended:?}");
}

#[test]
fn a_respawned_process_has_fixed_addresses() {
    if is_child() {
        let stack = 0_u8;
        let heap = Box::new(0_u8);
        let code = a_respawned_process_has_fixed_addresses as *const ();
        println!("answer: {code:p} {:p} {:p}", &raw const stack, &raw const *heap);
        return;
    }
    let name = "a_respawned_process_has_fixed_addresses";
    let fixed = [(); 2].map(|()| answers(&again(name, |respawn| respawn)));
    assert_eq!(fixed[0].len(), 1, "one answer: {fixed:?}");
    assert_eq!(fixed[0], fixed[1]);
    let random = [(); 2].map(|()| answers(&again(name, |respawn| respawn.fixed_addresses(false))));
    let host = std::fs::read_to_string("/proc/sys/kernel/randomize_va_space").expect("Linux");
    assert_eq!(random[0] == random[1], host.trim() == "0", "the host randomises: {random:?}");
}

#[test]
fn a_respawned_process_reports_output_and_status() {
    let shell = |script: &str| Respawn::new().program("/bin/sh").argument("-c").argument(script);
    let ended = shell("echo out $WORD; echo err >&2; exit 7").variable("WORD", "said").run().expect("starts");
    assert_eq!((ended.status.code(), ended.timed_out), (Some(7), false));
    assert_eq!((ended.stdout.as_slice(), ended.stderr.as_slice()), (&b"out said\n"[..], &b"err\n"[..]));
    let ended = shell("exec sleep 1000").limit(Duration::from_millis(50)).run().expect("starts");
    assert!(ended.timed_out);
    let ended =
        shell("exec >&- 2>&-; exec sleep 1000").limit(Duration::from_millis(50)).run().expect("starts");
    assert!(ended.timed_out, "closed its output, yet runs");
    assert!(Respawn::new().program("/nowhere/at/all").run().is_err());
}

#[inline(never)]
fn panics_here() {
    panic!("on purpose");
}

#[test]
fn a_panic_inside_prints_its_backtrace() {
    if is_child() {
        let (caught, refused) = support::inside(1, |machine| {
            let caught = std::panic::catch_unwind(panics_here).is_err();
            let trace = std::backtrace::Backtrace::force_capture().to_string();
            (
                caught && trace.contains("a_panic_inside_prints_its_backtrace"),
                machine.refused.borrow().clone(),
            )
        });
        println!("answer: {caught} {refused:?}");
        return;
    }
    let finished =
        again("a_panic_inside_prints_its_backtrace", |respawn| respawn.variable("RUST_BACKTRACE", "1"));
    assert_eq!(answers(&finished), ["true []"], "caught, symbols found, nothing refused: {finished:?}");
    let printed = String::from_utf8_lossy(&finished.stderr);
    for part in ["on purpose", "panics_here", "processes.rs"] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
}
