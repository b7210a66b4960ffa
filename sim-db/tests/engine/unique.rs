//! Unique keys under concurrency.

use crate::script::check;

#[test]
fn a_duplicate_of_an_uncommitted_row_waits_and_fails_if_it_commits() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 insert 2 0
        T2 insert 2 1 => ...
        T1 commit
        T2 => 23505
        ",
    );
}

#[test]
fn a_duplicate_of_an_uncommitted_row_goes_on_if_it_rolls_back() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 insert 2 0
        T2 insert 2 1 => ...
        T1 rollback
        T2 => ok
        T2 scan => 1=10 2=1
        ",
    );
}

#[test]
fn a_savepoints_rollback_frees_the_key() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 savepoint s
        T1 insert 2 0
        T2 insert 2 1 => ...
        T1 rollback-to s
        T2 => ok
        T1 insert 2 0 => 23505
        ",
    );
}

#[test]
fn a_key_being_deleted_waits() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 del 1 => 1
        T2 insert 1 11 => ...
        T1 commit
        T2 => ok
        T2 get 1 => 11
        ",
    );
}

#[test]
fn unique_checks_are_per_row_and_at_once() {
    check("1=10 2=20 3=30", "T1 shift-ids => 23505\nT1 scan => 1=10 2=20 3=30");
}

#[test]
fn a_deferrable_key_is_checked_at_the_end_of_the_statement() {
    check(
        "1=10",
        "
        T1 u-insert 1
        T1 u-insert 2
        T1 u-shift => 2
        T1 u-insert 3 => 23505
        T1 begin rc
        T1 u-defer
        T1 u-insert 3
        T1 u-insert 3
        T1 commit => 23505
        ",
    );
}

#[test]
fn a_snapshot_does_not_hide_a_duplicate() {
    check(
        "1=10",
        "
        T1 begin rr
        T1 get 1 => 10
        T2 insert 2 20
        T1 get 2 => none
        T1 insert 2 0 => 23505
        ",
    );
}

#[test]
fn do_nothing_and_do_update_wait_for_the_other_insert() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 insert 2 20
        T2 nothing 2 0 => ...
        T3 upsert 2 5 => ...
        T1 commit
        T2 => nothing
        T3 => updated
        T3 get 2 => 25
        ",
    );
}

#[test]
fn do_update_works_on_the_newest_version() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 upsert 1 5 => ...
        T1 commit
        T2 => updated
        T2 get 1 => 16
        ",
    );
}

#[test]
fn do_update_inserts_if_the_row_goes_meanwhile() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 del 1 => 1
        T2 upsert 1 5 => ...
        T1 commit
        T2 => inserted
        T2 get 1 => 5
        ",
    );
}
