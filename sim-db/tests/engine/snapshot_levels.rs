//! REPEATABLE READ: one snapshot, and the first updater wins.

use crate::script::check;

#[test]
fn the_snapshot_is_taken_by_the_first_query_not_by_begin() {
    check(
        "1=10",
        "
        T1 begin rr
        T2 add 1 1 => 1
        T1 get 1 => 11
        T2 add 1 1 => 1
        T1 get 1 => 11
        T1 scan => 1=11
        T1 commit
        T1 get 1 => 12
        ",
    );
}

#[test]
fn an_update_of_a_row_updated_since_fails() {
    check(
        "1=10",
        "
        T1 begin rr
        T1 get 1 => 10
        T2 add 1 1 => 1
        T1 add 1 1 => 40001
        T1 get 1 => 25P02
        T1 commit => rollback
        ",
    );
}

#[test]
fn one_who_waited_fails_if_the_other_commits_and_goes_on_if_not() {
    check(
        "1=10 2=20",
        "
        T1 begin rr
        T1 get 1 => 10
        T2 begin rr
        T2 add 1 1 => 1
        T2 add 2 1 => 1
        T1 add 1 1 => ...
        T2 rollback
        T1 => 1
        T3 begin rr
        T3 get 1 => 10
        T3 add 1 1 => ...
        T1 commit
        T3 => 40001
        ",
    );
}

#[test]
fn a_row_that_was_only_locked_is_no_conflict() {
    check(
        "1=10",
        "
        T1 begin rr
        T1 get 1 => 10
        T2 begin rc
        T2 lock 1 update => 10
        T2 commit
        T1 add 1 1 => 1
        T1 commit
        ",
    );
}

#[test]
fn a_deleted_row_fails_the_writer_and_the_locker() {
    check(
        "1=10 2=20",
        "
        T1 begin rr
        T1 get 1 => 10
        T3 begin rr
        T3 get 1 => 10
        T2 del 1 => 1
        T1 del 1 => 40001
        T1 rollback
        T3 lock 1 share => 40001
        ",
    );
}

#[test]
fn a_savepoint_cannot_mend_it() {
    check(
        "1=10",
        "
        T1 begin rr
        T1 get 1 => 10
        T2 add 1 1 => 1
        T1 savepoint s
        T1 add 1 1 => 40001
        T1 rollback-to s
        T1 get 1 => 10
        T1 add 1 1 => 40001
        ",
    );
}

#[test]
fn do_nothing_against_an_invisible_row_fails() {
    check(
        "1=10",
        "
        T1 begin rr
        T1 get 1 => 10
        T2 insert 2 20
        T1 nothing 2 0 => 40001
        ",
    );
}

#[test]
fn do_update_of_an_invisible_row_waits_for_its_holder_before_it_fails() {
    check(
        "1=10",
        "
        T1 begin rr
        T1 get 1 => 10
        T2 begin rc
        T2 insert 2 20
        T2 commit
        T2 begin rc
        T2 lock 2 update => 20
        T1 upsert 2 1 => ...
        T2 commit
        T1 => 40001
        ",
    );
}

#[test]
fn an_upsert_over_a_deleted_row_inserts() {
    check(
        "1=10",
        "
        T1 begin rr
        T1 get 1 => 10
        T2 del 1 => 1
        T1 upsert 1 5 => inserted
        T1 commit
        T1 scan => 1=5
        ",
    );
}

#[test]
fn an_old_snapshot_keeps_its_versions_through_many_updates() {
    let mut steps = "T1 begin rr\nT1 get 1 => 0\n".to_owned();
    for _ in 0..600 {
        steps.push_str("T2 add 1 1 => 1\n");
    }
    steps.push_str("T1 get 1 => 0\nT1 scan => 1=0\nT1 commit\nT1 get 1 => 600\nT1 scan => 1=600");
    check("1=0", &steps);
}
