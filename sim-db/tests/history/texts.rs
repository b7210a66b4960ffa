//! The text form keeps everything, and refuses what is none.

use super::defect::Defect;
use super::workload::run;
use proptest::prelude::*;
use sim_db::history::{Action, Cause, Change, History, Level, Promises, Session, Sight, Version, judge};

fn check_refused(text: &str, expected: &str) {
    let error = History::from_text(text).expect_err("the text is no history");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_history_read_back_is_written_and_judged_the_same() {
    for seed in 0..60 {
        let defect = Defect::ALL[seed as usize % Defect::ALL.len()];
        let history = run(Some(defect), None, seed);
        let again = History::from_text(&history.to_text()).expect("it was written by us");
        let (first, second) = [&history, &again].map(|h| judge(h, &Promises::postgres())).into();
        assert_eq!(first.explain(&history), second.explain(&again), "seed {seed}");
        assert_eq!(first.findings.len(), second.findings.len(), "seed {seed}");
        assert_eq!(again.operations().len(), history.operations().len());
    }
}

proptest! {
    #[test]
    fn names_survive_whatever_they_contain(table in ".*", id in ".*", sql in ".*", point in ".*", version: u64) {
        let mut history = History::new();
        let cause = Cause { request: Some(history.label(&id)), sql: Some(history.label(&sql)) };
        let transaction = history.begin(Session(3), Level::RepeatableRead, 17);
        let (key, point) = (history.key(&table, &id), history.label(&point));
        let predicate = history.predicate(&table, &sql);
        let rows = vec![(key, Version(version)), (key, Version(0))];
        let write = Action::Write { key, version: Version(1), change: Change::Insert, replaces: Some(Version(version)) };
        history.push_now(transaction, cause, Action::Savepoint(point), 18);
        history.push_now(transaction, cause, Action::Select { predicate, rows, sight: Sight::Newest }, 19);
        history.push_now(transaction, Cause::default(), write, 20);
        history.matches(predicate, key, Version(version), true);
        let text = history.to_text();
        prop_assert_eq!(text.lines().count(), 6);
        let again = History::from_text(&text).expect("it was written by us");
        prop_assert_eq!(again.to_text(), text);
        prop_assert_eq!(again.key_name(key), (table.as_str(), id.as_str()));
    }
}

#[test]
fn a_line_that_cannot_be_read_is_named_with_the_reason() {
    check_refused(
        "1..1 0..0 s1 T1 begin often",
        "history line 1: \"often\" is no isolation level, such as read-committed",
    );
    check_refused(
        "# x\n1..1 0..0 s1 T1 commit",
        "history line 2: T1 did not begin: add its begin line before",
    );
    check_refused("3..1 0..0 s1 T1 commit", "history line 1: \"3..1\" ends before it starts");
    check_refused("1..1 0..0 s1 T1 begin serializable now", "history line 1: unexpected \"now\" at the end");
    check_refused(
        "1..1 0..0 s1 T2 begin serializable",
        "history line 1: T2 begins out of turn: number begins upwards, next is T1",
    );
    check_refused("1..1 0..0 s1 T1 read items \"7", "history line 1: a quote is not closed");
}
