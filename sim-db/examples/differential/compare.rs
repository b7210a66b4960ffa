//! Both servers through one schedule, side by side, until they differ.

use crate::{
    client::Answer,
    schedule::{Schedule, Step},
    side::{Seen, Side},
};

/// What happened at one step.
#[derive(Clone, Debug)]
pub struct Event {
    /// What was sent, and by whom.
    pub step: Step,
    /// Whether it waited at first.
    pub blocked: bool,
    /// What the sessions that were busy did then: session, what it was seen doing.
    pub seen: Vec<(usize, Seen)>,
}

/// Where two servers part.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What happened until then, on the real server; the last event is the one where they part.
    pub events: Vec<Event>,
    /// The session that behaves otherwise; `None` for the tables' contents at the end.
    pub session: Option<usize>,
    /// The real server's.
    pub real: String,
    /// Ours.
    pub ours: String,
    /// SQLSTATEs of either side's answer, if it is an error.
    pub sqlstates: (Option<String>, Option<String>),
}

/// What a comparison found.
pub enum Verdict {
    /// The same in everything; how many statements waited.
    Same { waits: usize },
    /// They part.
    Different(Box<Difference>),
}

/// Runs a schedule on both.
///
/// # Errors
/// The real server refuses the setup: the generator is wrong.
pub fn compare(
    schedule: &Schedule,
    real: &mut dyn Side,
    ours: &mut dyn Side,
    each: &str,
) -> Result<Verdict, String> {
    real.begin(&schedule.setup, schedule.sessions, each)?;
    if let Err(refused) = ours.begin(&schedule.setup, schedule.sessions, each) {
        return Ok(Verdict::Different(Box::new(Difference {
            events: Vec::new(),
            session: None,
            real: "setup".to_owned(),
            ours: refused,
            sqlstates: (None, None),
        })));
    }
    let mut run = Run { real, ours, busy: vec![false; schedule.sessions], events: Vec::new(), waits: 0 };
    for step in &schedule.steps {
        if !run.busy[step.session] {
            if let Some(difference) = run.step(step) {
                return Ok(Verdict::Different(difference));
            }
        }
    }
    if let Some(difference) = run.wind_down() {
        return Ok(Verdict::Different(difference));
    }
    for table in &schedule.tables {
        let sql = format!("SELECT * FROM {table}");
        let (a, b) = (run.real.control(&sql), run.ours.control(&sql));
        if !a.same(&b) {
            return Ok(Verdict::Different(Box::new(Difference {
                events: run.events,
                session: None,
                real: format!("{table}: {}", a.summary()),
                ours: b.summary(),
                sqlstates: (None, None),
            })));
        }
    }
    Ok(Verdict::Same { waits: run.waits })
}

struct Run<'a> {
    real: &'a mut dyn Side,
    ours: &'a mut dyn Side,
    busy: Vec<bool>,
    events: Vec<Event>,
    waits: usize,
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Option<Box<Difference>> {
        self.real.send(step.session, &step.sql);
        self.ours.send(step.session, &step.sql);
        self.busy[step.session] = true;
        let busy: Vec<usize> = (0..self.busy.len()).filter(|session| self.busy[*session]).collect();
        let real = self.real.watch(&busy);
        let ours = self.ours.watch(&busy);
        let seen: Vec<(usize, Seen)> = busy.iter().copied().zip(real.iter().cloned()).collect();
        let blocked = seen.iter().any(|(session, seen)| *session == step.session && *seen == Seen::Blocked);
        self.waits += usize::from(blocked);
        self.events.push(Event { step: step.clone(), blocked, seen });
        for ((session, a), b) in busy.iter().zip(&real).zip(&ours) {
            if !a.same(b) {
                return Some(Box::new(Difference {
                    events: self.events.clone(),
                    session: Some(*session),
                    real: a.summary(),
                    ours: b.summary(),
                    sqlstates: (sqlstate(a), sqlstate(b)),
                }));
            }
            if matches!(a, Seen::Answered(_)) {
                self.busy[*session] = false;
            }
        }
        None
    }

    /// Ends every transaction, so that whoever waits goes on.
    fn wind_down(&mut self) -> Option<Box<Difference>> {
        let mut done = vec![false; self.busy.len()];
        loop {
            let free = (0..self.busy.len()).find(|session| !self.busy[*session] && !done[*session])?;
            done[free] = true;
            let step = Step { session: free, sql: "ROLLBACK".to_owned() };
            if let Some(difference) = self.step(&step) {
                return Some(difference);
            }
        }
    }
}

fn sqlstate(seen: &Seen) -> Option<String> {
    match seen {
        Seen::Answered(Answer { sqlstate, .. }) => sqlstate.clone(),
        Seen::Blocked => None,
    }
}
