//! Random transactions under random schedules: what each level promises holds for all of them.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use proptest::prelude::*;
use sim_db::engine::Engine;

use crate::{
    script::{Client, set_up},
    world::{Answer, Shared, World},
};

const KEYS: i64 = 3;

/// A statement of a random transaction. What it writes depends on what the transaction has read.
#[derive(Clone, Copy, Debug)]
enum Op {
    Get(i64),
    Sum,
    Range(i64, i64),
    /// sets the row to the last value read, plus something
    Set(i64, i64),
    Insert(i64),
    Delete(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let key = 1..=KEYS + 2;
    prop_oneof![
        3 => key.clone().prop_map(Op::Get),
        2 => Just(Op::Sum),
        2 => (1..=KEYS, 1..=KEYS + 2).prop_map(|(a, b)| Op::Range(a.min(b), a.max(b))),
        5 => (1..=KEYS, 1..9_i64).prop_map(|(k, n)| Op::Set(k, n)),
        2 => (KEYS + 1..=KEYS + 2).prop_map(Op::Insert),
        1 => key.prop_map(Op::Delete),
    ]
}

fn programs() -> impl Strategy<Value = Vec<Vec<Op>>> {
    prop::collection::vec(prop::collection::vec(op(), 1..5), 2..5)
}

type Rows = BTreeMap<i64, i64>;

fn show(rows: impl Iterator<Item = (i64, i64)>) -> String {
    let all: Vec<String> = rows.map(|(k, v)| format!("{k}={v}")).collect();
    if all.is_empty() { "empty".to_owned() } else { all.join(" ") }
}

/// The number that an answer stands for, when a later write depends on it.
fn number(answer: &str) -> i64 {
    answer.split(['=', ' ']).filter_map(|word| word.parse::<i64>().ok()).sum()
}

/// What the statement says to the engine.
fn statement(op: Op, last: i64) -> String {
    match op {
        Op::Get(k) => format!("get {k}"),
        Op::Sum => "sum".to_owned(),
        Op::Range(a, b) => format!("range {a} {b}"),
        Op::Set(k, n) => format!("set {k} {}", last + n),
        Op::Insert(k) => format!("insert {k} {last}"),
        Op::Delete(k) => format!("del {k}"),
    }
}

/// The same in a world where nobody else is; `None` is a duplicate key.
fn serially(op: Op, last: i64, rows: &mut Rows) -> Option<String> {
    Some(match op {
        Op::Get(k) => rows.get(&k).map_or("none".to_owned(), i64::to_string),
        Op::Sum => rows.values().sum::<i64>().to_string(),
        Op::Range(a, b) => show(rows.range(a..=b).map(|(k, v)| (*k, *v))),
        Op::Set(k, n) => match rows.get_mut(&k) {
            Some(v) => {
                *v = last + n;
                "1".to_owned()
            }
            None => "0".to_owned(),
        },
        Op::Insert(k) if rows.contains_key(&k) => return None,
        Op::Insert(k) => {
            rows.insert(k, last);
            "ok".to_owned()
        }
        Op::Delete(k) => i64::from(rows.remove(&k).is_some()).to_string(),
    })
}

struct Runner {
    client: Client,
    program: Vec<Op>,
    at: usize,
    answers: Vec<String>,
    pending: Option<Answer<String>>,
    outcome: Option<bool>,
}

impl Runner {
    fn last(&self) -> i64 {
        self.answers.last().map_or(0, |answer| number(answer))
    }

    fn next(&self) -> String {
        match self.at.checked_sub(1) {
            None => String::new(),
            Some(at) => self.program.get(at).map_or("commit".to_owned(), |op| statement(*op, self.last())),
        }
    }

    fn take(&mut self, answer: String) {
        let is_error =
            answer.len() == 5 && answer.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
        if is_error {
            self.client.session.rollback();
            self.outcome = Some(false);
        } else if self.at == self.program.len() + 1 {
            self.outcome = Some(true);
        } else if self.at > 0 {
            self.answers.push(answer);
        }
        self.at += 1;
    }
}

struct Run {
    runners: Vec<Runner>,
    rows: Rows,
}

/// Runs the programs at a level, in the order that the schedule says, then in turns to their ends.
fn run(level: &str, programs: &[Vec<Op>], schedule: &[usize]) -> Run {
    let mut world = World::default();
    let engine = Engine::new(Rc::new(Shared(Rc::clone(&world.environment))));
    set_up(&engine);
    let control = Client { session: engine.connect() };
    for key in 1..=KEYS {
        let client = control.clone();
        world.spawn(async move { client.execute(&format!("insert {key} {key}")).await });
        world.settle();
    }
    let mut runners: Vec<Runner> = programs
        .iter()
        .map(|program| Runner {
            client: Client { session: engine.connect() },
            program: program.clone(),
            at: 0,
            answers: Vec::new(),
            pending: None,
            outcome: None,
        })
        .collect();
    let count = runners.len();
    let turns = schedule.iter().map(|n| n % count).chain((0..count * 12).map(|n| n % count));
    for turn in turns {
        let runner = &mut runners[turn];
        if runner.outcome.is_none() && runner.pending.is_none() {
            let text = if runner.at == 0 { format!("begin {level}") } else { runner.next() };
            let client = runner.client.clone();
            runner.pending = Some(world.spawn(async move { client.execute(&text).await }));
        }
        world.settle();
        if runners.iter().all(|r| r.pending.is_some() || r.outcome.is_some()) {
            world.advance(Duration::from_secs(2));
        }
        for runner in &mut runners {
            if let Some(answer) = runner.pending.as_ref().and_then(Answer::take) {
                runner.pending = None;
                runner.take(answer);
            }
        }
    }
    let scan = world.spawn(async move { control.execute("range 0 99").await });
    world.settle();
    let rows = scan.take().expect("nobody holds the table any more");
    let pairs = rows.split_whitespace().filter_map(|pair| pair.split_once('='));
    let parse = |text: &str| text.parse::<i64>().expect("a row is shown as two numbers");
    Run { runners, rows: pairs.map(|(k, v)| (parse(k), parse(v))).collect() }
}

/// Whether the committed transactions, in this order, one after the other, answer and leave what they did.
fn explains(order: &[&Runner], found: &Rows) -> bool {
    let mut rows: Rows = (1..=KEYS).map(|k| (k, k)).collect();
    for runner in order {
        let mut last = 0;
        for (op, answer) in runner.program.iter().zip(&runner.answers) {
            if serially(*op, last, &mut rows).as_ref() != Some(answer) {
                return false;
            }
            last = number(answer);
        }
    }
    rows == *found
}

fn some_order_explains<'a>(rest: &mut Vec<&'a Runner>, order: &mut Vec<&'a Runner>, found: &Rows) -> bool {
    if rest.is_empty() {
        return explains(order, found);
    }
    for at in 0..rest.len() {
        let one = rest.remove(at);
        order.push(one);
        if some_order_explains(rest, order, found) {
            return true;
        }
        order.pop();
        rest.insert(at, one);
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn serializable_transactions_are_as_if_one_after_the_other(
        programs in programs(),
        schedule in prop::collection::vec(0..4_usize, 0..30),
    ) {
        let run = run("ser", &programs, &schedule);
        prop_assert!(run.runners.iter().all(|r| r.outcome.is_some()), "everybody comes to an end");
        let mut committed: Vec<&Runner> = run.runners.iter().filter(|r| r.outcome == Some(true)).collect();
        prop_assert!(
            some_order_explains(&mut committed, &mut Vec::new(), &run.rows),
            "no order explains {:?} and {:?}",
            run.runners.iter().map(|r| (&r.program, &r.answers, r.outcome)).collect::<Vec<_>>(),
            run.rows,
        );
    }

    #[test]
    fn no_update_is_lost_at_repeatable_read(
        count in 2..5_usize,
        schedule in prop::collection::vec(0..4_usize, 0..30),
    ) {
        let increment = vec![Op::Get(1), Op::Set(1, 1)];
        let run = run("rr", &vec![increment; count], &schedule);
        let committed = run.runners.iter().filter(|r| r.outcome == Some(true)).count();
        prop_assert!(committed > 0, "somebody gets through");
        prop_assert_eq!(run.rows[&1], 1 + committed as i64);
    }

    #[test]
    fn a_snapshot_does_not_move(
        writers in prop::collection::vec(prop::collection::vec(op(), 1..5), 1..3),
        schedule in prop::collection::vec(0..4_usize, 0..30),
        level in prop_oneof![Just("rr"), Just("ser")],
    ) {
        let mut programs = vec![vec![Op::Range(0, 99), Op::Sum, Op::Range(0, 99), Op::Get(1), Op::Range(0, 99)]];
        programs.extend(writers);
        let run = run(level, &programs, &schedule);
        let answers = &run.runners[0].answers;
        let first = answers.first().cloned();
        for at in [2, 4] {
            prop_assert!(answers.get(at).is_none_or(|answer| Some(answer) == first.as_ref()), "{:?}", answers);
        }
    }

    #[test]
    fn everybody_comes_to_an_end_at_read_committed(
        programs in programs(),
        schedule in prop::collection::vec(0..4_usize, 0..30),
    ) {
        let run = run("rc", &programs, &schedule);
        prop_assert!(run.runners.iter().all(|r| r.outcome.is_some()), "a deadlock is found, a wait ends");
    }
}
