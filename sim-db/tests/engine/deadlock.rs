//! Deadlocks: found when a waiter's timer fires, or at once where it is plain.

use crate::script::check;

#[test]
fn the_victim_is_who_looks_first_after_the_cycle_is_closed() {
    check(
        "1=10 2=20",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 begin rc
        T2 add 2 1 => 1
        T1 add 2 1 => ...
        clock 500
        T2 add 1 1 => ...
        clock 499
        clock 1
        T1 => 40P01
        T2 => 1
        T2 commit
        T1 commit => rollback
        ",
    );
}

#[test]
fn a_waiter_looks_only_once() {
    check(
        "1=10 2=20",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 begin rc
        T2 add 2 1 => 1
        T1 add 2 1 => ...
        clock 1500
        T2 add 1 1 => ...
        clock 999
        clock 1
        T2 => 40P01
        T1 => 1
        ",
    );
}

#[test]
fn three_in_a_circle() {
    check(
        "1=10 2=20 3=30",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 begin rc
        T2 add 2 1 => 1
        T3 begin rc
        T3 add 3 1 => 1
        T1 add 2 1 => ...
        clock 100
        T2 add 3 1 => ...
        clock 100
        T3 add 1 1 => ...
        clock 800
        T1 => 40P01
        T3 => 1
        T3 commit
        T2 => 1
        ",
    );
}

#[test]
fn an_upgrade_of_one_table_lock_is_found_at_once() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 table AccessShareLock
        T2 begin rc
        T2 table AccessShareLock
        T1 table AccessExclusiveLock => ...
        T2 table AccessExclusiveLock => 40P01
        T1 => ok
        ",
    );
}

#[test]
fn two_share_lockers_who_both_update() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 lock 1 share => 10
        T2 begin rc
        T2 lock 1 share => 10
        T1 add 1 1 => ...
        T2 add 1 1 => ...
        clock 1000
        T1 => 40P01
        T2 => 1
        ",
    );
}

#[test]
fn a_soft_cycle_is_mended_by_another_order() {
    // T4 waits behind T3 for the table; T3 waits for T1 and T2; T2 waits for T4's advisory lock.
    check(
        "1=10",
        "
        T1 begin rc
        T1 table AccessShareLock
        T2 begin rc
        T2 table AccessShareLock
        T4 begin rc
        T4 advisory 1 xact
        T3 begin rc
        T3 table AccessExclusiveLock => ...
        T4 table AccessShareLock => ...
        T2 advisory 1 xact => ...
        clock 1000
        T4 => ok
        T4 commit
        T2 => ok
        T2 commit
        T1 commit
        T3 => ok
        ",
    );
}

#[test]
fn unique_keys_deadlock_too() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 insert 2 0
        T2 begin rc
        T2 insert 3 0
        T1 insert 3 0 => ...
        T2 insert 2 0 => ...
        clock 1000
        T1 => 40P01
        T2 => ok
        ",
    );
}

#[test]
fn advisory_locks_deadlock_too() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 advisory 1 xact
        T2 begin rc
        T2 advisory 2 xact
        T1 advisory 2 xact => ...
        T2 advisory 1 xact => ...
        clock 1000
        T1 => 40P01
        T2 => ok
        ",
    );
}
