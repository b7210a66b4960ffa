//! Transactions: savepoints, failed states, notifications, crashes.

use std::fmt::Write as _;

use crate::script::{T, check, check_with};
use sim_db::engine::Shutdown;

#[test]
fn the_newest_savepoint_of_a_name_is_meant() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 savepoint s
        T1 insert 2 0
        T1 savepoint s
        T1 insert 3 0
        T1 rollback-to s
        T1 range 1 9 => 1=10 2=0
        T1 release s
        T1 rollback-to s
        T1 range 1 9 => 1=10
        T1 commit
        T1 scan => 1=10
        ",
    );
}

#[test]
fn a_savepoint_recovers_a_failed_transaction() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 insert 2 20
        T1 savepoint s
        T1 insert 1 0 => 23505
        T1 get 1 => 25P02
        T1 rollback-to s
        T1 insert 3 30
        T1 commit
        T1 scan => 1=10 2=20 3=30
        ",
    );
}

#[test]
fn no_such_savepoint() {
    check("1=10", "T1 begin rc\nT1 rollback-to s => 3B001\nT2 begin rc\nT2 release s => 3B001");
}

#[test]
fn an_update_in_a_subtransaction_is_undone_alone() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T1 savepoint s
        T1 add 1 100 => 1
        T1 move 1 5 => 1
        T1 scan => 5=111
        T1 rollback-to s
        T1 scan => 1=11
        T1 add 1 1 => 1
        T1 commit
        T2 scan => 1=12
        T2 get 5 => none
        ",
    );
}

#[test]
fn notifications_come_at_commit_and_once() {
    check(
        "1=10",
        "
        T1 listen ch
        T2 begin rc
        T2 notify ch a
        T2 notify ch a
        T2 savepoint s
        T2 notify ch gone
        T2 rollback-to s
        T2 notify ch b
        T1 inbox =>
        T2 commit
        T1 inbox => ch:a ch:b
        ",
    );
}

#[test]
fn a_crash_keeps_what_was_committed_and_nothing_else() {
    check_with(
        "1=10",
        "
        T1 begin rc
        T1 insert 2 0
        T2 insert 2 1 => ...
        T3 insert 3 0
        ! crash
        T2 => 57P02
        T4 scan => 1=10 3=0
        T4 insert 2 2
        ",
        |engine, _| engine.crash(Shutdown::Crash),
    );
}

#[test]
fn terminating_a_session_frees_its_keys() {
    check_with(
        "1=10",
        "
        T1 begin rc
        T1 insert 2 0
        T2 insert 2 1 => ...
        ! terminate
        T2 => ok
        ",
        |engine, _| {
            let first = engine.sessions()[1];
            assert!(engine.terminate(first, Shutdown::Administrator));
        },
    );
}

#[test]
fn a_queue_does_not_grow_with_what_has_passed_through_it() {
    let mut steps = String::new();
    for n in 10..4000 {
        writeln!(steps, "T1 insert {n} 0\nT1 del {n} => 1").expect("a String takes any text");
    }
    steps.push_str("! pages\nT1 scan => 1=10");
    check_with("1=10", &steps, |engine, _| {
        let (_, pages) = engine.table_size(T);
        assert!(pages < 10, "{pages} pages for one row");
    });
}
