//! Row locks: who waits for whom, who overtakes, when they go.

use crate::script::check;

const MODES: [&str; 4] = ["key-share", "share", "no-key-update", "update"];

#[test]
fn the_matrix_of_row_locks() {
    let free = |a: usize, b: usize| a == 0 && b < 3 || b == 0 && a < 3 || a == 1 && b == 1;
    for (a, held) in MODES.iter().enumerate() {
        for (b, asked) in MODES.iter().enumerate() {
            let outcome = if free(a, b) { "10" } else { "55P03" };
            check(
                "1=10",
                &format!(
                    "
                    T1 begin rc
                    T1 lock 1 {held} => 10
                    T2 begin rc
                    T2 lock 1 {asked} nowait => {outcome}
                    "
                ),
            );
        }
    }
}

#[test]
fn skip_locked_leaves_out_and_nowait_fails() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 lock 1 update => 10
        T2 lock 1 update skip => skipped
        T2 lock 1 share nowait => 55P03
        T2 get 1 => 10
        ",
    );
}

#[test]
fn a_share_lock_overtakes_a_waiting_writer() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 lock 1 share => 10
        T2 add 1 1 => ...
        T3 begin rc
        T3 lock 1 share => 10
        T1 commit
        T3 commit
        T2 => 1
        ",
    );
}

#[test]
fn an_update_that_leaves_the_key_alone_does_not_meet_key_share() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 lock 1 key-share => 10
        T2 add 1 1 => 1
        T2 move 1 2 => ...
        T1 commit
        T2 => 1
        ",
    );
}

#[test]
fn a_key_share_lock_follows_its_row_to_the_new_version() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 lock 1 key-share => 10
        T2 add 1 1 => 1
        T2 del 1 => ...
        T1 commit
        T2 => 1
        ",
    );
}

#[test]
fn a_key_share_lock_beside_an_update_in_progress_holds_the_new_version() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 begin rc
        T2 lock 1 key-share => 10
        T1 commit
        T3 del 1 => ...
        T2 commit
        T3 => 1
        ",
    );
}

#[test]
fn a_child_insert_waits_for_the_parents_delete_and_not_for_its_update() {
    check(
        "1=10 2=20",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 child 1 1
        T1 del 1 => 1
        T2 child 2 1 => ...
        T1 commit
        T2 => 23503
        T2 child 3 9 => 23503
        ",
    );
}

#[test]
fn an_uncommitted_parent_is_no_parent_yet() {
    check("1=10", "T1 begin rc\nT1 insert 2 20\nT2 child 1 2 => 23503");
}

#[test]
fn rollback_to_frees_the_locks_taken_since() {
    check(
        "1=10 2=20",
        "
        T1 begin rc
        T1 lock 1 update => 10
        T1 savepoint s
        T1 lock 2 update => 20
        T2 lock 2 update => ...
        T1 rollback-to s
        T2 => 20
        T2 lock 1 update nowait => 55P03
        ",
    );
}

#[test]
fn release_savepoint_keeps_the_locks() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 savepoint s
        T1 lock 1 update => 10
        T1 release s
        T2 lock 1 share nowait => 55P03
        T1 commit
        T2 lock 1 share nowait => 10
        ",
    );
}

#[test]
fn an_error_frees_every_lock_at_once() {
    check(
        "1=10 2=20",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 add 1 1 => ...
        T1 insert 2 0 => 23505
        T2 => 1
        T1 get 1 => 25P02
        T1 commit => rollback
        ",
    );
}

#[test]
fn a_lock_waiter_gets_the_newest_version() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 begin rc
        T2 lock 1 update => ...
        T1 commit
        T2 => 11
        T2 add 1 1 => 1
        T2 commit
        T1 get 1 => 12
        ",
    );
}

#[test]
fn two_waiters_are_served_in_order() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 lock 1 update => 10
        T2 begin rc
        T2 lock 1 update => ...
        T3 begin rc
        T3 lock 1 update => ...
        T1 commit
        T2 => 10
        T2 commit
        T3 => 10
        ",
    );
}

#[test]
fn lock_timeout_and_cancel_and_statement_timeout_end_a_wait() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 lock-timeout 50
        T2 add 1 1 => ...
        T3 add 1 1 => ...
        T4 statement-timeout 80
        T4 add 1 1 => ...
        clock 60
        T2 => 55P03
        cancel T3
        T3 => 57014
        clock 30
        T4 => 57014
        T1 commit
        ",
    );
}
