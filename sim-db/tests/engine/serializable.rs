//! SERIALIZABLE: who fails, and where.

use crate::script::check;

#[test]
fn write_skew_fails_at_the_second_commit_or_before() {
    check(
        "1=60 2=60",
        "
        T1 begin ser
        T2 begin ser
        T1 sum => 120
        T2 sum => 120
        T1 add 1 -60 => 1
        T2 add 2 -60 => 1
        T1 commit
        T2 scan => 40001
        T2 commit => rollback
        ",
    );
}

#[test]
fn the_reader_fails_at_its_write_when_the_other_has_committed() {
    check(
        "1=60 2=60",
        "
        T1 begin ser
        T2 begin ser
        T1 get 1 => 60
        T2 get 2 => 60
        T2 set 1 1 => 1
        T2 commit
        T1 set 2 1 => 40001
        ",
    );
}

#[test]
fn one_dependency_alone_is_harmless() {
    check(
        "1=60 2=60",
        "
        T1 begin ser
        T2 begin ser
        T1 get 1 => 60
        T2 set 1 1 => 1
        T2 commit
        T1 set 2 1 => 1
        T1 commit
        ",
    );
}

#[test]
fn disjoint_index_reads_and_writes_do_not_conflict() {
    check(
        "1=10 2=20 3=30 4=40",
        "
        T1 begin ser
        T2 begin ser
        T1 get 1 => 10
        T1 set 2 11 => 1
        T2 get 3 => 30
        T1 commit
        T2 set 4 41 => 1
        T2 commit
        ",
    );
}

#[test]
fn a_duplicate_of_a_key_that_was_read_is_40001() {
    check(
        "1=10",
        "
        T1 begin ser
        T2 begin ser
        T1 get 2 => none
        T2 get 2 => none
        T1 insert 2 0
        T1 commit
        T2 insert 2 0 => 40001
        ",
    );
}

#[test]
fn a_duplicate_of_a_key_that_was_not_read_is_23505() {
    check(
        "1=10",
        "
        T1 begin ser
        T2 begin ser
        T2 get 1 => 10
        T1 insert 2 0
        T1 commit
        T2 insert 2 0 => 23505
        ",
    );
}

#[test]
fn other_levels_take_no_part() {
    check(
        "1=60 2=60",
        "
        T1 begin ser
        T2 begin rr
        T1 sum => 120
        T2 sum => 120
        T1 add 1 -60 => 1
        T2 add 2 -60 => 1
        T1 commit
        T2 commit
        ",
    );
}

#[test]
fn the_read_only_anomaly_is_caught() {
    // Fekete, O'Neil and O'Neil: the batch, the receipt, and the report that sees between them.
    check(
        "1=0 2=0",
        "
        T1 begin ser
        T1 sum => 0
        T2 begin ser
        T2 get 2 => 0
        T2 add 2 20 => 1
        T2 commit
        T3 begin ser ro
        T3 scan => 1=0 2=20
        T3 commit
        T1 add 1 -11 => 40001
        ",
    );
}

#[test]
fn a_deferrable_reader_waits_until_it_is_safe() {
    check(
        "1=60 2=60",
        "
        T1 begin ser
        T1 add 1 1 => 1
        T2 begin ser ro deferrable
        T2 sum => ...
        T1 commit
        T2 => 120
        T2 commit
        ",
    );
}

#[test]
fn phantoms_in_a_range_are_conflicts() {
    check(
        "1=10",
        "
        T1 begin ser
        T2 begin ser
        T1 range 5 9 => empty
        T2 range 5 9 => empty
        T1 insert 5 0
        T2 insert 6 0
        T1 commit
        T2 commit => 40001
        ",
    );
}

#[test]
fn a_doomed_transaction_may_still_do_what_reads_nothing() {
    check(
        "1=60 2=60",
        "
        T1 begin ser
        T2 begin ser
        T1 sum => 120
        T2 sum => 120
        T1 add 1 -60 => 1
        T2 add 2 -60 => 1
        T1 commit
        T2 advisory 1 xact
        T2 commit => 40001
        ",
    );
}

#[test]
fn a_transaction_that_rolled_back_is_no_danger() {
    check(
        "1=60 2=60",
        "
        T1 begin ser
        T2 begin ser
        T1 sum => 120
        T2 sum => 120
        T1 add 1 -60 => 1
        T2 add 2 -60 => 1
        T1 rollback
        T2 commit
        ",
    );
}

#[test]
fn writes_under_an_id_from_before_the_snapshot_go_unnoticed() {
    // PostgreSQL 15 does so, too: LOCK TABLE gives the id, and only later ids are known to its conflict checks.
    check(
        "1=10 2=20",
        "
        T1 begin ser
        T1 table AccessExclusiveLock
        T2 begin ser
        T2 scan => ...
        T1 set 1 11 => 1
        T1 commit
        T2 => 1=10 2=20
        T2 insert 3 30
        T2 commit
        ",
    );
}
