//! Histories by hand: each anomaly, its name, its words, and the level that allows it.

use sim_db::history::{Anomaly, History, LINES_MAX, Level, Order, Promises, VersionOrder, judge};

/// Lines of the text form without ticks and times: `s1 T1 read items 7 v0`. Each happens after the one before.
fn history(lines: &str) -> History {
    let mut text = String::new();
    for (number, line) in lines.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
        let tick = number + 1;
        let plain = line.starts_with("history") || line.starts_with("matches");
        let moments = if plain { String::new() } else { format!("{tick}..{tick} {tick}..{tick} ") };
        text.extend([&moments, line, "\n"]);
    }
    History::from_text(&text).expect("the test's history is well formed")
}

fn check(lines: &str, promises: Promises, expected: &[Anomaly]) {
    let history = history(lines);
    let verdict = judge(&history, &promises);
    let explanations: Vec<String> =
        verdict.findings.iter().map(|finding| finding.explain(&history)).collect();
    assert_eq!(verdict.anomalies(), expected, "{}", explanations.join("\n"));
    assert!(explanations.iter().all(|text| text.lines().count() <= LINES_MAX), "{}", explanations.join("\n"));
}

fn with_level(lines: &str, level: Level) -> String {
    lines.replace("LEVEL", &level.to_string().replace(' ', "-"))
}

/// Forbidden at `from` and above, by PostgreSQL, and allowed below.
fn check_levels(lines: &str, from: Level, expected: Anomaly) {
    for level in Level::ALL {
        let expected: &[Anomaly] = if level >= from { &[expected] } else { &[] };
        check(&with_level(lines, level), Promises::postgres(), expected);
    }
    check(&with_level(lines, Level::ReadCommitted), Promises::serializable(), &[expected]);
    assert_eq!(expected.forbidden_from(), from);
}

const LOST_UPDATE: &str = r#"
    s1 T1 begin LEVEL req=req-a1
    s2 T2 begin LEVEL req=req-b7
    s1 T1 read items 7 v0 sql="SELECT stock FROM items WHERE id = 7"
    s2 T2 read items 7 v0 sql="SELECT stock FROM items WHERE id = 7"
    s1 T1 update items 7 v1 sql="UPDATE items SET stock = 0 WHERE id = 7"
    s1 T1 commit
    s2 T2 update items 7 v2 sql="UPDATE items SET stock = 0 WHERE id = 7"
    s2 T2 commit
"#;

#[test]
fn a_lost_update_is_allowed_at_read_committed_only() {
    check_levels(LOST_UPDATE, Level::RepeatableRead, Anomaly::LostUpdate);
}

#[test]
fn the_explanation_says_who_read_what_and_who_overwrote_it() {
    let history = history(&with_level(LOST_UPDATE, Level::ReadCommitted));
    let verdict = judge(&history, &Promises::serializable());
    let expected = "\
lost update (G-single) on items 7
  T2 (req-b7: SELECT stock FROM items WHERE id = 7) read v0 of items 7, which T1 (req-a1: UPDATE items SET stock = 0 WHERE id = 7) overwrote with v1: rw
  T1 (req-a1: UPDATE items SET stock = 0 WHERE id = 7) wrote v1 of items 7, which T2 (req-b7: UPDATE items SET stock = 0 WHERE id = 7) overwrote with v2: ww
  ran at read committed (which allows it); repeatable read forbids it; or change the row in one guarded UPDATE, or read it FOR UPDATE, or retry at repeatable read";
    assert_eq!(verdict.explain(&history).as_deref(), Some(expected));
}

#[test]
fn write_skew_is_allowed_below_serializable() {
    check_levels(
        "s1 T1 begin LEVEL
         s2 T2 begin LEVEL
         s1 T1 read doctors 1 v0
         s2 T2 read doctors 2 v0
         s1 T1 update doctors 2 v1
         s2 T2 update doctors 1 v2
         s1 T1 commit
         s2 T2 commit",
        Level::Serializable,
        Anomaly::WriteSkew,
    );
}

#[test]
fn a_phantom_needs_to_be_told_what_a_condition_holds_for() {
    let lines = "s1 T1 begin LEVEL
         s2 T2 begin LEVEL
         s1 T1 select orders customer=7 0
         s2 T2 select orders customer=7 0
         s1 T1 insert orders 1 v1
         s2 T2 insert orders 2 v2
         s1 T1 commit
         s2 T2 commit";
    check(&with_level(lines, Level::Serializable), Promises::postgres(), &[]);
    let told = format!("{lines}\nmatches orders customer=7 1 v1 yes\nmatches orders customer=7 2 v2 yes");
    check_levels(&told, Level::Serializable, Anomaly::Phantom);
}

#[test]
fn what_a_later_select_returns_shows_what_the_condition_holds_for() {
    check(
        "s1 T1 begin serializable
         s2 T2 begin serializable
         s1 T1 select orders customer=7 0
         s2 T2 select orders customer=7 0
         s1 T1 insert orders 1 v1
         s2 T2 insert orders 2 v2
         s1 T1 commit
         s2 T2 commit
         s3 T3 begin serializable
         s3 T3 select orders customer=7 2 1@v1 2@v2
         s3 T3 commit",
        Promises::postgres(),
        &[Anomaly::Phantom],
    );
}

#[test]
fn read_skew_is_allowed_at_read_committed_only() {
    check_levels(
        "s1 T1 begin LEVEL
         s2 T2 begin LEVEL
         s1 T1 read accounts a v0
         s2 T2 update accounts a v1
         s2 T2 update accounts b v2
         s2 T2 commit
         s1 T1 read accounts b v2
         s1 T1 commit",
        Level::RepeatableRead,
        Anomaly::ReadSkew,
    );
}

#[test]
fn a_read_that_changes_is_allowed_at_read_committed_only() {
    check_levels(
        "s1 T1 begin LEVEL
         s2 T2 begin LEVEL
         s1 T1 read accounts a v0
         s2 T2 update accounts a v1
         s2 T2 commit
         s1 T1 read accounts a v1
         s1 T1 commit",
        Level::RepeatableRead,
        Anomaly::NonRepeatableRead,
    );
}

#[test]
fn a_snapshot_that_moves_needs_no_cycle() {
    let lines = "s1 T1 begin LEVEL
         s2 T2 begin LEVEL
         s1 T1 read accounts a v0
         s2 T2 update accounts b v1
         s2 T2 commit
         s1 T1 read accounts b v1
         s1 T1 commit";
    check(&with_level(lines, Level::RepeatableRead), Promises::postgres(), &[Anomaly::SnapshotMoved]);
    check(&with_level(lines, Level::ReadCommitted), Promises::postgres(), &[]);
    // It is serializable all the same: T2, then T1.
    check(&with_level(lines, Level::RepeatableRead), Promises::serializable(), &[]);
}

#[test]
fn an_update_of_what_the_snapshot_cannot_see_is_refused_from_repeatable_read() {
    let lines = "s1 T1 begin LEVEL
         s2 T2 begin LEVEL
         s1 T1 read accounts b v0
         s2 T2 update accounts a v1
         s2 T2 commit
         s1 T1 update accounts a v2
         s1 T1 commit";
    check(&with_level(lines, Level::RepeatableRead), Promises::postgres(), &[Anomaly::ConcurrentUpdate]);
    check(&with_level(lines, Level::ReadCommitted), Promises::postgres(), &[]);
}

#[test]
fn an_insert_over_a_row_deleted_after_the_snapshot_is_allowed_at_repeatable_read() {
    let lines = "s1 T1 begin LEVEL
         s2 T2 begin LEVEL
         s1 T1 read accounts a v0
         s2 T2 read accounts a v0
         s2 T2 delete accounts a v1
         s2 T2 commit
         s1 T1 insert accounts a v2
         s1 T1 commit";
    check(&with_level(lines, Level::RepeatableRead), Promises::postgres(), &[]);
    check(&with_level(lines, Level::Serializable), Promises::postgres(), &[Anomaly::WriteSkew]);
}

#[test]
fn the_read_only_anomaly_is_named() {
    // Fekete, O'Neil and O'Neil, 2004: a deposit, a withdrawal with its fee, and a statement between.
    check_levels(
        "s2 T1 begin LEVEL
         s1 T2 begin LEVEL
         s1 T2 read accounts savings v0
         s2 T1 read accounts checking v0
         s2 T1 read accounts savings v0
         s1 T2 update accounts savings v1
         s1 T2 commit
         s3 T3 begin LEVEL
         s3 T3 read accounts checking v0
         s3 T3 read accounts savings v1
         s3 T3 commit
         s2 T1 update accounts checking v2
         s2 T1 commit",
        Level::Serializable,
        Anomaly::ReadOnlyAnomaly,
    );
}

#[test]
fn serializable_beside_a_weaker_level_is_promised_a_snapshot_only() {
    let lines = "s1 T1 begin serializable
         s2 T2 begin OTHER
         s1 T1 read doctors 1 v0
         s2 T2 read doctors 2 v0
         s1 T1 update doctors 2 v1
         s2 T2 update doctors 1 v2
         s1 T1 commit
         s2 T2 commit";
    check(&lines.replace("OTHER", "repeatable-read"), Promises::postgres(), &[]);
    check(&lines.replace("OTHER", "serializable"), Promises::postgres(), &[Anomaly::WriteSkew]);
    // By Adya's portable levels repeatable read is PL-2.99, which forbids it.
    check(&lines.replace("OTHER", "repeatable-read"), Promises::adya(), &[Anomaly::WriteSkew]);
}

#[test]
fn a_long_fork_is_two_readers_who_disagree() {
    let lines = "s1 T1 begin repeatable-read
         s2 T2 begin repeatable-read
         s3 T3 begin repeatable-read
         s4 T4 begin repeatable-read
         s1 T1 update posts a v1
         s2 T2 update posts b v2
         s1 T1 commit
         s2 T2 commit
         s3 T3 read posts a v1
         s3 T3 read posts b v0
         s4 T4 read posts a v0
         s4 T4 read posts b v2
         s3 T3 commit
         s4 T4 commit";
    check(lines, Promises::postgres().in_order(Order::DataOnly), &[Anomaly::LongFork]);
    check(lines, Promises::postgres(), &[Anomaly::StaleRead]);
}

#[test]
fn circular_information_flow_is_forbidden_at_every_level() {
    check(
        "s1 T1 begin read-committed
         s2 T2 begin read-committed
         s1 T1 update items a v1
         s2 T2 update items b v2
         s1 T1 read items b v2
         s2 T2 read items a v1
         s1 T1 commit
         s2 T2 commit",
        Promises::adya(),
        &[Anomaly::CircularInformationFlow],
    );
}

#[test]
fn a_lost_answer_accuses_nobody_until_somebody_sees_its_work() {
    let lines = "s1 T1 begin serializable
         s2 T2 begin serializable
         s1 T1 read items a v0
         s2 T2 read items b v0
         s1 T1 update items b v1
         s2 T2 update items a v2
         s2 T2 commit
         s1 T1 unknown";
    check(lines, Promises::postgres(), &[]);
    let seen = format!("{lines}\ns3 T3 begin serializable\ns3 T3 read items b v1\ns3 T3 commit");
    check(&seen, Promises::postgres(), &[Anomaly::WriteSkew]);
}

#[test]
fn what_a_savepoint_undid_must_not_be_seen() {
    let lines = "s1 T1 begin read-committed
         s1 T1 savepoint p
         s1 T1 update items a v1
         s1 T1 rollback-to p
         s1 T1 read items a SEEN
         s1 T1 commit";
    check(&lines.replace("SEEN", "v0"), Promises::postgres(), &[]);
    check(&lines.replace("SEEN", "v1"), Promises::postgres(), &[Anomaly::AbortedRead]);
}

#[test]
fn a_released_savepoint_of_the_same_name_is_not_rolled_back_to() {
    check(
        "s1 T1 begin read-committed
         s1 T1 savepoint p
         s1 T1 update items a v1
         s1 T1 savepoint p
         s1 T1 release p
         s1 T1 rollback-to p
         s1 T1 read items a v1
         s1 T1 commit",
        Promises::postgres(),
        &[Anomaly::AbortedRead],
    );
}

#[test]
fn two_writes_of_one_version_make_the_history_worthless() {
    check(
        "s1 T1 begin read-committed
         s2 T2 begin read-committed
         s1 T1 update items a v1
         s2 T2 update items a v1",
        Promises::postgres(),
        &[Anomaly::MalformedHistory],
    );
}

#[test]
fn a_session_that_does_not_see_its_own_commit_is_named_even_on_a_replica() {
    let lines = "s1 T1 begin read-committed
         s1 T1 update items a v1
         s1 T1 commit
         sNEXT T2 begin read-committed
         sNEXT T2 read items a v0
         sNEXT T2 commit";
    let replica = Promises::postgres().in_order(Order::Session);
    check(&lines.replace("NEXT", "1"), replica, &[Anomaly::ReadYourWrites]);
    check(&lines.replace("NEXT", "2"), replica, &[]);
    check(&lines.replace("NEXT", "2"), Promises::postgres(), &[Anomaly::StaleRead]);
}

#[test]
fn an_order_that_is_only_inferred_finds_the_same_cycle_under_other_names() {
    // The versions' numbers are values, in no order.
    check(
        "history 1 inferred
         s1 T1 begin read-committed
         s2 T2 begin read-committed
         s1 T1 read items 7 v0
         s2 T2 read items 7 v0
         s1 T1 update items 7 v900
         s1 T1 commit
         s2 T2 update items 7 v4
         s2 T2 commit",
        Promises::serializable(),
        &[Anomaly::LostUpdate],
    );
}

#[test]
fn an_order_that_nothing_proves_is_not_made_up() {
    // Two blind writes at the same time: either may have been first, so a later read of either is right.
    let lines = "history 1 inferred
1..1 0..0 s1 T1 begin serializable
2..2 0..0 s2 T2 begin serializable
3..6 0..0 s1 T1 update items 7 v900
4..5 0..0 s2 T2 update items 7 v4
7..9 0..0 s1 T1 commit
8..10 0..0 s2 T2 commit
11..11 0..0 s3 T3 begin serializable
12..12 0..0 s3 T3 read items 7 vSEEN
13..13 0..0 s3 T3 commit";
    for seen in ["4", "900"] {
        let history = History::from_text(&lines.replace("SEEN", seen)).expect("well formed");
        assert_eq!(history.order(), VersionOrder::Inferred);
        assert!(judge(&history, &Promises::postgres()).is_clean());
    }
}

#[test]
fn a_long_cycle_is_explained_in_eight_lines() {
    let each = |line: fn(u32) -> String| (1..=12).map(line).collect::<Vec<_>>().join("\n");
    let lines = [
        each(|number| format!("s{number} T{number} begin serializable")),
        each(|number| format!("s{number} T{number} read items {number} v0")),
        each(|number| format!("s{number} T{number} update items {} v{number}", number % 12 + 1)),
        each(|number| format!("s{number} T{number} commit")),
    ];
    let lines = lines.join("\n");
    check(&lines, Promises::postgres(), &[Anomaly::AntiDependencyCycle]);
}
