use super::*;
use proptest::prelude::*;

fn draws(tape: &Tape, lane: &str, count: usize) -> Vec<u64> {
    (0..count).map(|_| tape.lane(lane).below(1000)).collect()
}

#[test]
fn a_lane_depends_on_its_seed_and_name_alone() {
    let alone = draws(&Tape::seeded(7, false), "net/a>b", 20);
    let beside = Tape::seeded(7, false);
    draws(&beside, "clock/a", 13);
    assert_eq!(draws(&beside, "net/a>b", 20), alone);
    assert_ne!(draws(&beside, "net/b>a", 20), alone);
    assert_ne!(draws(&Tape::seeded(8, false), "net/a>b", 20), alone);
}

#[test]
fn a_script_repeats_what_was_recorded_and_is_calm_beyond_it() {
    let first = Tape::seeded(3, true);
    let values = draws(&first, "sched", 50);
    let again = Tape::scripted(3, first.recording(), true);
    assert_eq!(draws(&again, "sched", 50), values);
    assert_eq!(again.digest(), first.digest());
    assert_eq!(draws(&again, "sched", 5), [0; 5]);
    assert_eq!(draws(&again, "never recorded", 5), [0; 5]);
}

#[test]
fn a_scripted_choice_that_no_longer_fits_is_counted() {
    let script = Recording::parse("sched 0 7/9").expect("a choice");
    let tape = Tape::scripted(1, script, false);
    assert_eq!(tape.lane("sched").below(4), 3);
    assert_eq!(tape.misfits(), 1);
}

#[test]
fn one_option_is_no_choice() {
    let tape = Tape::seeded(1, true);
    assert_eq!((tape.lane("a").below(1), tape.lane("a").below(0), tape.choices()), (0, 0, 0));
    assert!(!tape.lane("a").chance(Ratio::NEVER));
    assert_eq!(tape.choices(), 0);
}

#[test]
fn every_shape_is_calm_at_zero() {
    let tape = Tape::scripted(1, Recording::default(), false);
    let lane = tape.lane("x");
    let mut items = [1, 2, 3, 4];
    lane.shuffle(&mut items);
    assert_eq!(items, [1, 2, 3, 4]);
    assert_eq!(*lane.pick(&["first", "second"]), "first");
    assert_eq!(lane.range(5..10), 5);
    assert_eq!(lane.weighted(&[1, 100]), 0);
    assert_eq!(lane.long_tail(10, 1000), 0);
    assert!(!lane.chance(Ratio::ALWAYS), "a script may overrule even a certainty");
}

#[test]
fn long_tails_have_the_mean_they_are_asked_for() {
    let lane = Tape::seeded(11, false).lane("latency");
    let draws: Vec<u64> = (0..200_000).map(|_| lane.long_tail(1_000, 1_000_000)).collect();
    let mean = draws.iter().sum::<u64>() / draws.len() as u64;
    assert!((900..1100).contains(&mean), "mean {mean}");
    assert!(draws.iter().any(|draw| *draw > 8_000), "no tail");
}

#[test]
fn bad_text_is_refused_with_its_line() {
    let check = |text: &str, line: usize, reason: &str| {
        let error = Recording::parse(text).expect_err(text);
        assert_eq!(error.line, line);
        assert!(error.to_string().contains(reason), "{error}");
    };
    check("sched 1 2/3\nsched x 2/3", 2, "`x` is not a whole number");
    check("sched 1 2", 1, "no `/`");
    check("sched", 1, "three parts");
    check("sched 1 3/3", 1, "does not lie between");
    check("sched 2 1/3\nsched 2 1/3", 2, "does not follow");
}

proptest! {
    #[test]
    fn text_form_round_trips(lanes in proptest::collection::btree_map(
        "[a-z]{1,6}(/[a-z>. ]{0,5}[a-z])?",
        proptest::collection::vec((0u64..100, 2u64..1000, 0u64..1000), 0..20), 0..5))
    {
        let lanes = lanes.into_iter().map(|(name, choices)| {
            let choices = choices.into_iter().map(|(index, bound, value)| Choice { index, bound, value: value % bound });
            (name, choices.collect())
        });
        let recording = Recording::from_lanes(lanes);
        prop_assert_eq!(Recording::parse(&recording.to_string()), Ok(recording));
    }

    #[test]
    fn draws_stay_below_their_bound(seed: u64, bounds in proptest::collection::vec(0u64.., 1..50)) {
        let lane = Tape::seeded(seed, false).lane("x");
        for bound in bounds {
            let value = lane.below(bound);
            prop_assert!(value < bound.max(1));
        }
    }
}

#[test]
fn a_tape_ends_with_its_last_handle() {
    let tape = Tape::seeded(1, false);
    let lane = tape.lane("net/a>b");
    let kept = std::rc::Rc::downgrade(&tape.0);
    drop(tape);
    assert!(lane.below(10) < 10);
    drop(lane);
    assert_eq!(kept.strong_count(), 0);
}
