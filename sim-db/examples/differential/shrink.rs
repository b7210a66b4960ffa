//! A smaller schedule with a difference: fewer steps, fewer rows, fewer tables.

use crate::schedule::Schedule;

/// Tries smaller schedules while `differs` says that they still show the difference; at most `tries` of them.
pub fn shrink(
    mut schedule: Schedule,
    mut tries: usize,
    mut differs: impl FnMut(&Schedule) -> bool,
) -> Schedule {
    loop {
        let mut smaller = false;
        for candidate in candidates(&schedule) {
            if tries == 0 {
                return schedule;
            }
            tries -= 1;
            if differs(&candidate) {
                schedule = candidate;
                smaller = true;
                break;
            }
        }
        if !smaller {
            return schedule;
        }
    }
}

/// The boldest first: a whole session, a tail, single steps, setup statements.
fn candidates(schedule: &Schedule) -> Vec<Schedule> {
    let mut all = Vec::new();
    let mut without = |keep: &dyn Fn(usize, usize) -> bool| {
        let steps: Vec<_> = schedule
            .steps
            .iter()
            .enumerate()
            .filter(|(i, step)| keep(*i, step.session))
            .map(|(_, step)| step.clone())
            .collect();
        if steps.len() < schedule.steps.len() {
            all.push(Schedule { steps, ..schedule.clone() });
        }
    };
    for gone in 0..schedule.sessions {
        without(&|_, session| session != gone);
    }
    let count = schedule.steps.len();
    for part in [2, 4] {
        for start in (0..count).step_by((count / part).max(1)) {
            without(&|i, _| i < start || i >= start + count / part);
        }
    }
    for gone in (0..count).rev() {
        without(&|i, _| i != gone);
    }
    for gone in (0..schedule.setup.len()).rev() {
        let mut setup = schedule.setup.clone();
        setup.remove(gone);
        all.push(Schedule { setup, ..schedule.clone() });
    }
    all
}
