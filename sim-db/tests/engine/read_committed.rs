//! READ COMMITTED: a snapshot for every statement, and the re-check of a row that had to be waited for.

use crate::script::check;

#[test]
fn a_waiting_update_works_on_the_newest_version() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 add 1 5 => 1
        T2 add 1 5 => ...
        T1 commit
        T2 => 1
        T2 get 1 => 20
        ",
    );
}

#[test]
fn a_waiting_update_goes_on_as_if_nothing_was_when_the_other_rolls_back() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 add 1 5 => 1
        T2 add 1 7 => ...
        T1 rollback
        T2 => 1
        T2 get 1 => 17
        ",
    );
}

#[test]
fn the_where_clause_is_applied_again_to_the_row_waited_for() {
    check(
        "1=10 2=20",
        "
        T1 begin rc
        T1 set 1 20 => 1
        T2 add-where-v 10 1 => ...
        T1 commit
        T2 => 0
        ",
    );
}

#[test]
fn rows_that_came_to_match_meanwhile_are_not_seen() {
    check(
        "1=10 2=20",
        "
        T1 begin rc
        T1 set 1 20 => 1
        T1 set 2 10 => 1
        T2 add-where-v 10 1 => ...
        T1 commit
        T2 => 0
        T2 scan => 1=20 2=10
        ",
    );
}

#[test]
fn a_row_deleted_meanwhile_is_left_out() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 del 1 => 1
        T2 add 1 1 => ...
        T1 commit
        T2 => 0
        ",
    );
}

#[test]
fn a_row_deleted_and_inserted_again_is_another_row() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 del 1 => 1
        T1 insert 1 11
        T2 add 1 1 => ...
        T1 commit
        T2 => 0
        T2 get 1 => 11
        ",
    );
}

#[test]
fn a_row_whose_key_moved_is_left_out() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 move 1 9 => 1
        T2 add 1 1 => ...
        T1 commit
        T2 => 0
        T2 scan => 9=10
        ",
    );
}

#[test]
fn every_statement_sees_what_was_committed_before_it() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 get 1 => 10
        T2 add 1 1 => 1
        T1 get 1 => 11
        T1 commit
        ",
    );
}

#[test]
fn nobody_sees_what_is_not_committed() {
    check(
        "1=10",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T1 insert 2 20
        T1 scan => 1=11 2=20
        T2 scan => 1=10
        T1 rollback
        T2 scan => 1=10
        ",
    );
}

#[test]
fn an_update_does_not_see_its_own_new_versions() {
    check("1=10 2=20 3=30", "T1 add-all 1 => 3\nT1 scan => 1=11 2=21 3=31");
}

#[test]
fn a_sequential_scan_shows_new_versions_at_the_end() {
    check("1=10 2=20 3=30", "T1 add 1 1 => 1\nT1 scan => 2=20 3=30 1=11");
}

#[test]
fn three_updates_of_one_row_are_all_there() {
    check(
        "1=0",
        "
        T1 begin rc
        T1 add 1 1 => 1
        T2 add 1 1 => ...
        T3 add 1 1 => ...
        T1 commit
        T2 => 1
        T3 => 1
        T1 get 1 => 3
        ",
    );
}
