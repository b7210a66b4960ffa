//! Table and advisory locks: fair queues.

use crate::script::check;

#[test]
fn a_plain_read_queues_behind_a_waiting_alter_table() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 get 1 => 10
        T2 begin rc
        T2 table AccessExclusiveLock => ...
        T3 get 1 => ...
        T1 get 1 => 10
        T1 commit
        T2 => ok
        T2 commit
        T3 => 10
        ",
    );
}

#[test]
fn share_row_exclusive_lets_readers_in_and_writers_wait() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 table ShareRowExclusiveLock
        T2 get 1 => 10
        T2 add 1 1 => ...
        T1 commit
        T2 => 1
        ",
    );
}

#[test]
fn a_shared_advisory_lock_queues_behind_an_exclusive_one() {
    check(
        "1=10",
        "
        T1 advisory 7 shared
        T2 advisory 7 => ...
        T3 advisory 7 shared => ...
        T4 try-advisory 7 shared => false
        T1 unlock 7 shared => true
        T2 => ok
        T2 unlock 7 => true
        T3 => ok
        ",
    );
}

#[test]
fn session_advisory_locks_stack_and_survive_rollback() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 advisory 7
        T1 advisory 7
        T1 advisory 8 xact
        T1 rollback
        T2 try-advisory 8 => true
        T2 try-advisory 7 => false
        T1 unlock 7 => true
        T2 try-advisory 7 => false
        T1 unlock 7 => true
        T1 unlock 7 => false
        T2 try-advisory 7 => true
        ",
    );
}

#[test]
fn closing_a_session_frees_everything() {
    check(
        "1=10",
        "
        T1 advisory 7
        T1 begin rc
        T1 add 1 1 => 1
        T2 advisory 7 => ...
        T3 add 1 5 => ...
        T1 close
        T2 => ok
        T3 => 1
        T3 get 1 => 15
        ",
    );
}

#[test]
fn truncate_is_transactional() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 truncate
        T1 scan => empty
        T1 insert 1 11
        T2 scan => ...
        T1 rollback
        T2 => 1=10
        T2 insert 1 0 => 23505
        ",
    );
}
