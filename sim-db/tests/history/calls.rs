//! Linearizability: registers, a model of one's own, and a comparison with all permutations.

use super::random::Random;
use sim_db::history::linearizable::{Register, RegisterAnswer, RegisterOperation};
use sim_db::history::{Call, Linearizability, Model, Moment, linearizable};

type RegisterCall = Call<RegisterOperation<&'static str, u8>, RegisterAnswer<u8>>;

const fn at(tick: u64) -> Moment {
    Moment { tick, ns: tick * 10 }
}

fn write(start: u64, end: u64, value: u8) -> RegisterCall {
    let operation = RegisterOperation::Write("x", value);
    Call {
        caller: "a".to_owned(),
        start: at(start),
        operation,
        answer: Some((at(end), RegisterAnswer::Done)),
    }
}

fn read(start: u64, end: u64, value: u8) -> RegisterCall {
    let operation = RegisterOperation::Read("x");
    Call {
        caller: "b".to_owned(),
        start: at(start),
        operation,
        answer: Some((at(end), RegisterAnswer::Value(value))),
    }
}

fn lost(start: u64, value: u8) -> RegisterCall {
    Call { answer: None, ..write(start, 0, value) }
}

fn check(calls: &[RegisterCall], expected: Result<(), &str>) {
    match (linearizable(&Register::new(0), calls, 100_000), expected) {
        (Linearizability::Linearizable, Ok(())) => {}
        (Linearizability::Violated(violation), Err(text)) => assert_eq!(violation.explain(), text),
        (other, _) => panic!("expected {expected:?}, found {other:?}"),
    }
}

#[test]
fn overlapping_calls_may_have_happened_in_any_order() {
    check(&[write(1, 10, 1), read(2, 3, 0), read(4, 5, 1), write(6, 11, 2), read(12, 13, 2)], Ok(()));
}

#[test]
fn a_stale_read_is_explained_without_the_reads_it_does_not_need() {
    let calls =
        [write(1, 2, 1), read(3, 4, 1), write(5, 6, 2), read(7, 8, 2), read(9, 10, 1), read(11, 12, 1)];
    check(
        &calls,
        Err("not linearizable at \"x\": no order of these calls explains their answers\n  \
             a: Write(\"x\", 1) -> Done (10..20 ns)\n  \
             a: Write(\"x\", 2) -> Done (50..60 ns)\n  \
             b: Read(\"x\") -> Value(1) (90..100 ns)\n  \
             at best 2 of 3 fit, which leaves 2; no other call fits then"),
    );
}

#[test]
fn a_write_without_an_answer_may_happen_at_any_time_or_never() {
    check(&[lost(1, 7), read(2, 3, 0), read(4, 5, 7), read(6, 7, 7)], Ok(()));
    check(&[lost(1, 7), read(2, 3, 0), read(4, 5, 0)], Ok(()));
    let back = [lost(1, 7), read(2, 3, 7), read(4, 5, 0)];
    assert!(matches!(linearizable(&Register::new(0), &back, 1_000), Linearizability::Violated(_)));
}

#[test]
fn registers_do_not_influence_each_other() {
    let other = Call { operation: RegisterOperation::Read("y"), ..read(3, 4, 0) };
    check(&[write(1, 2, 1), other, read(5, 6, 1)], Ok(()));
}

#[test]
fn a_search_that_grows_too_large_says_so() {
    let mut calls: Vec<RegisterCall> = (0..16).map(|value| write(u64::from(value) + 1, 100, value)).collect();
    calls.push(read(101, 102, 99));
    assert_eq!(linearizable(&Register::new(0), &calls, 1_000), Linearizability::Undecided { states: 1_000 });
}

/// Stock that is reserved one piece at a time.
struct Stock;

impl Model for Stock {
    type Operation = &'static str;
    type Answer = bool;
    type State = u32;
    type Key = ();

    fn key(&self, _: &Self::Operation) {}

    fn initial(&self, (): &()) -> u32 {
        1
    }

    fn apply(&self, left: &u32, _: &Self::Operation, got: Option<&bool>) -> Option<u32> {
        let gets = *left > 0;
        got.is_none_or(|got| *got == gets).then_some(left - u32::from(gets))
    }
}

#[test]
fn the_last_item_cannot_be_sold_twice_by_a_users_own_model() {
    let sell = |caller: &str, start, end, got| Call {
        caller: caller.to_owned(),
        start: at(start),
        operation: "reserve",
        answer: Some((at(end), got)),
    };
    let right = [sell("req-a", 1, 4, false), sell("req-b", 2, 3, true)];
    assert_eq!(linearizable(&Stock, &right, 1_000), Linearizability::Linearizable);
    let wrong = [sell("req-a", 1, 4, true), sell("req-b", 2, 3, true)];
    let Linearizability::Violated(violation) = linearizable(&Stock, &wrong, 1_000) else {
        panic!("two got the last item");
    };
    assert_eq!(violation.calls, [0, 1]);
    assert!(violation.explain().ends_with("at best 1 of 2 fit, which leaves 0; no other call fits then"));
}

/// All orders that respect real time, tried one after the other.
fn by_force(calls: &[RegisterCall], taken: u32, state: u8) -> bool {
    let model = Register::<&str, u8>::new(0);
    let open = |index: &usize| taken & (1 << index) == 0;
    let left: Vec<usize> = (0..calls.len()).filter(open).collect();
    if left.iter().all(|index| calls[*index].answer.is_none()) {
        return true;
    }
    left.iter().any(|index| {
        let call = &calls[*index];
        let ended_before = |other: &usize| {
            let answer = calls[*other].answer.as_ref();
            other != index && answer.is_some_and(|(end, _)| end.tick < call.start.tick)
        };
        let answer = call.answer.as_ref().map(|(_, answer)| answer);
        !left.iter().any(ended_before)
            && model
                .apply(&state, &call.operation, answer)
                .is_some_and(|after| by_force(calls, taken | 1 << index, after))
    })
}

#[test]
fn the_search_agrees_with_trying_every_order() {
    let mut violated = 0;
    for seed in 0..3_000 {
        let mut random = Random::new(seed);
        let calls: Vec<RegisterCall> = (0..2 + random.below(5))
            .map(|_| {
                let start = random.below(12) * 2;
                let end = start + 1 + random.below(4) * 2;
                let value = random.below(3) as u8;
                match random.below(7) {
                    0 => lost(start, value),
                    1..=3 => write(start, end, value),
                    _ => read(start, end, value),
                }
            })
            .collect();
        let found = linearizable(&Register::new(0), &calls, 100_000);
        assert_eq!(found == Linearizability::Linearizable, by_force(&calls, 0, 0), "seed {seed}: {calls:?}");
        violated += u64::from(found != Linearizability::Linearizable);
    }
    assert!(
        (500..2_500).contains(&violated),
        "both answers should be common, {violated} of 3000 were violated"
    );
}
