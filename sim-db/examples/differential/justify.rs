//! Differences that are no fault of ours.
//!
//! Three kinds are known. *A race*: when one commit frees several waiters, the operating system decides who runs first on the
//! real server; run again, or with ours in another order, both do the same. *Plan-dependent*: which rows are locked first, and which SIREAD locks are taken, follows the
//! plan; a real server under another plan does what we do. *SSI*: serializable snapshot isolation may abort transactions
//! that would have been serializable; an engine that tracks finer lets them pass (shown by finding a serial order with
//! the same answers), and one that aborts more is conservative. All else is unexplained.

use crate::{
    client::Answer,
    compare::{Difference, Verdict, compare},
    schedule::{Schedule, Step},
    side::{Seen, Side},
};

/// Why a difference is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Justification {
    /// The real server does the same another time, or ours in another order.
    Race,
    /// The real server does the same under another plan.
    Plan,
    /// The real server aborted what was serializable.
    RealFalsePositive,
    /// We aborted with SSI's 40001 where the real server let pass.
    OurFalsePositive,
}

impl Justification {
    /// For the summary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Race => "race on the real server",
            Self::Plan => "plan-dependent",
            Self::RealFalsePositive => "SSI false positive of the real server",
            Self::OurFalsePositive => "SSI false positive of ours",
        }
    }
}

/// Other plans that a planner might have chosen.
const PLANS: [&str; 3] = [
    "SET enable_seqscan = off",
    "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off",
    "SET enable_seqscan = off; SET enable_bitmapscan = off",
];

/// How often a schedule is run again, in search of a race.
const RACE_TRIES: u64 = 12;

/// Looks for a justification.
pub fn justify(
    schedule: &Schedule,
    difference: &Difference,
    real: &mut dyn Side,
    ours: &mut dyn Side,
) -> Option<Justification> {
    if difference.session.is_some() {
        for order in 0..RACE_TRIES {
            // Twice in the usual order: then it was the real server that raced.
            ours.set_order(order / 2);
            let same = matches!(compare(schedule, real, ours, "SELECT 1"), Ok(Verdict::Same { .. }));
            ours.set_order(0);
            if same {
                return Some(Justification::Race);
            }
        }
        for plan in PLANS {
            if matches!(compare(schedule, real, ours, plan), Ok(Verdict::Same { .. })) {
                return Some(Justification::Plan);
            }
        }
    }
    let ssi = "read/write dependencies";
    let (theirs, own) = (difference.real.contains(ssi), difference.ours.contains(ssi));
    if own && !theirs {
        return Some(Justification::OurFalsePositive);
    }
    if theirs && !own && is_serializable(schedule, real, ours) {
        return Some(Justification::RealFalsePositive);
    }
    None
}

/// A transaction that committed: its steps and their answers.
type Transaction = Vec<(String, Answer)>;

/// Whether what our server let pass equals some serial order, as the real server runs it.
fn is_serializable(schedule: &Schedule, real: &mut dyn Side, ours: &mut dyn Side) -> bool {
    let Some((transactions, tables)) = record(schedule, ours) else { return false };
    // One session's transactions stay in their order.
    let mut order = Vec::new();
    permute(&transactions, &mut vec![0; transactions.len()], &mut order, &mut |order| {
        real.begin(&schedule.setup, 1, "SELECT 1").is_ok()
            && order.iter().all(|transaction| replays(transaction, real))
            && contents(schedule, real).iter().zip(&tables).all(|(a, b)| a.same(b))
    })
}

fn replays(transaction: &Transaction, real: &mut dyn Side) -> bool {
    transaction.iter().all(|(sql, answer)| {
        real.send(0, sql);
        match real.watch(&[0]).pop() {
            Some(Seen::Answered(serial)) => serial.same(answer),
            _ => false,
        }
    })
}

/// Tries every interleaving of the sessions' lists until one is accepted.
fn permute<'a>(
    lists: &'a [Vec<Transaction>],
    taken: &mut Vec<usize>,
    order: &mut Vec<&'a Transaction>,
    accept: &mut dyn FnMut(&[&'a Transaction]) -> bool,
) -> bool {
    if lists.iter().zip(taken.iter()).all(|(list, taken)| list.len() == *taken) {
        return accept(order);
    }
    for session in 0..lists.len() {
        if let Some(next) = lists[session].get(taken[session]) {
            taken[session] += 1;
            order.push(next);
            let found = permute(lists, taken, order, accept);
            order.pop();
            taken[session] -= 1;
            if found {
                return true;
            }
        }
    }
    false
}

/// Runs the schedule on one server alone; gives each session's committed transactions and the tables' contents.
fn record(schedule: &Schedule, side: &mut dyn Side) -> Option<(Vec<Vec<Transaction>>, Vec<Answer>)> {
    side.begin(&schedule.setup, schedule.sessions, "SELECT 1").ok()?;
    let mut committed: Vec<Vec<Transaction>> = vec![Vec::new(); schedule.sessions];
    let mut open: Vec<Transaction> = vec![Vec::new(); schedule.sessions];
    let mut running: Vec<Option<String>> = vec![None; schedule.sessions];
    let ends = (0..schedule.sessions).map(|session| Step { session, sql: "ROLLBACK".to_owned() });
    // Twice, as a rollback may free one who had none yet.
    let steps = schedule.steps.iter().cloned().chain(ends.clone()).chain(ends);
    for step in steps {
        if running[step.session].is_some() {
            continue;
        }
        side.send(step.session, &step.sql);
        running[step.session] = Some(step.sql);
        let busy: Vec<usize> = (0..schedule.sessions).filter(|s| running[*s].is_some()).collect();
        for (session, seen) in busy.iter().copied().zip(side.watch(&busy)) {
            let Seen::Answered(answer) = seen else { continue };
            let sql = running[session].take().expect("it was busy");
            let failed = answer.sqlstate.is_some();
            let ended = answer.status == 'I';
            let rolled_back = answer.outcomes.last().is_some_and(|o| o.tag == "ROLLBACK");
            open[session].push((sql, answer));
            if ended {
                let transaction = std::mem::take(&mut open[session]);
                if !failed && !rolled_back {
                    committed[session].push(transaction);
                }
            }
        }
    }
    running.iter().all(Option::is_none).then(|| (committed, contents(schedule, side)))
}

fn contents(schedule: &Schedule, side: &mut dyn Side) -> Vec<Answer> {
    schedule.tables.iter().map(|table| side.control(&format!("SELECT * FROM {table}"))).collect()
}
