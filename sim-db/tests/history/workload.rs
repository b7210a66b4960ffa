//! Random clients of the small engine, recorded as a wire proxy would: call, effect and answer apart.

use super::defect::Defect;
use super::engine::{COLOURS, Engine, ROWS, Stop, Wrote};
use super::random::Random;
use sim_db::history::{
    Action, Cause, History, Label, Level, Moment, Session, Sight, Span, TransactionId, Version,
};

#[derive(Clone, Copy)]
enum Statement {
    Read(usize),
    Select(u64),
    Write(usize, Option<u64>),
    Savepoint,
    RollbackTo,
    Commit,
    Abort,
}

/// A statement on its way: called, perhaps done, not answered.
struct Pending {
    statement: Statement,
    start: Moment,
    answer: Option<Vec<Action>>,
    failed: bool,
    lost: bool,
}

struct Client {
    session: Session,
    level: Level,
    transactions: u64,
    statements: u64,
    open: Option<(usize, TransactionId)>,
    savepoint: Option<u64>,
    read_only: bool,
    last_commit: u64,
    wrote: bool,
    pending: Option<Pending>,
}

pub struct Workload {
    engine: Engine,
    pub history: History,
    clients: Vec<Client>,
    random: Random,
    point: Label,
    ns: u64,
}

/// Runs random clients against an engine and returns what they saw. `level: None` gives each transaction its own.
pub fn run(defect: Option<Defect>, level: Option<Level>, seed: u64) -> History {
    let mut random = Random::new(seed);
    let mut history = History::new();
    let point = history.label("point");
    for row in 0..ROWS {
        history.key("items", &row.to_string());
    }
    let clients = (1..=3 + random.below(3) as u32).map(|number| Client {
        session: Session(number),
        level: level.unwrap_or_default(),
        transactions: 3 + random.below(5),
        statements: 0,
        open: None,
        savepoint: None,
        read_only: false,
        last_commit: 0,
        wrote: false,
        pending: None,
    });
    let clients = clients.collect();
    let mut workload = Workload { engine: Engine::new(defect, seed), history, clients, random, point, ns: 0 };
    workload.run(level);
    workload.state_matches();
    workload.history
}

impl Workload {
    fn run(&mut self, level: Option<Level>) {
        let mut sessions = 100;
        loop {
            let busy: Vec<usize> = (0..self.clients.len())
                .filter(|at| self.clients[*at].transactions > 0 || self.clients[*at].open.is_some())
                .collect();
            let Some(at) = busy.get(self.random.below(busy.len().max(1) as u64) as usize).copied() else {
                break;
            };
            if self.clients[at].open.is_none() {
                self.begin(at, level);
            } else if self.clients[at].pending.is_none() {
                self.call(at);
            } else if self.clients[at].pending.as_ref().is_some_and(|pending| pending.answer.is_none()) {
                self.execute(at);
            } else {
                self.answer(at, &mut sessions);
            }
        }
    }

    fn moment(&mut self) -> Moment {
        // Virtual time stands still often: ticks must be enough.
        self.ns += self.random.below(3) * 500;
        self.history.moment(self.ns)
    }

    fn begin(&mut self, at: usize, level: Option<Level>) {
        let levels = [Level::ReadCommitted, Level::RepeatableRead, Level::Serializable];
        let level = level.unwrap_or(levels[self.random.below(3) as usize]);
        let span = Span::at(self.moment());
        let read_only = self.random.chance(1, 4);
        let client = &mut self.clients[at];
        client.level = level;
        client.transactions -= 1;
        client.statements = 1 + self.random.below(5);
        client.savepoint = None;
        client.read_only = read_only;
        client.wrote = false;
        let inside = self.engine.begin(level, client.session.0 as usize, client.last_commit, read_only);
        let request = Some(self.history.label(&format!("req-{}", self.history.transactions() + 1)));
        let id = self.history.begin_for(client.session, level, Cause { request, sql: None }, span);
        client.open = Some((inside, id));
    }

    fn call(&mut self, at: usize) {
        let row = self.random.below(ROWS as u64) as usize;
        let client = &mut self.clients[at];
        let statement = if client.statements == 0 {
            if self.random.chance(1, 10) { Statement::Abort } else { Statement::Commit }
        } else {
            client.statements -= 1;
            match self.random.below(if client.read_only { 8 } else { 16 }) {
                0..=4 => Statement::Read(row),
                5..=7 => Statement::Select(self.random.below(COLOURS)),
                8 if client.savepoint.is_none() => Statement::Savepoint,
                9 if client.savepoint.is_some() => Statement::RollbackTo,
                8..=10 => Statement::Write(row, None),
                _ => Statement::Write(row, Some(self.random.below(COLOURS))),
            }
        };
        let lost = matches!(statement, Statement::Commit) && self.random.chance(1, 16);
        let start = self.moment();
        self.clients[at].pending = Some(Pending { statement, start, answer: None, failed: false, lost });
    }

    fn execute(&mut self, at: usize) {
        let (me, _) = self.clients[at].open.expect("only open transactions have statements");
        let pending = self.clients[at].pending.as_ref().expect("it was called");
        let (statement, lost) = (pending.statement, pending.lost);
        let done = match statement {
            Statement::Read(row) => self.engine.read(me, row).map(|version| {
                let key = self.history.key("items", &row.to_string());
                vec![Action::Read { key, version: Version(version), sight: Sight::Snapshot }]
            }),
            Statement::Select(colour) => self.engine.select(me, colour).map(|rows| {
                let predicate = self.history.predicate("items", &format!("colour = {colour}"));
                let rows = rows.into_iter();
                let rows = rows
                    .map(|(row, version)| (self.history.key("items", &row.to_string()), Version(version)));
                vec![Action::Select { predicate, rows: rows.collect(), sight: Sight::Snapshot }]
            }),
            Statement::Write(row, colour) => {
                let wrote = self.engine.write(me, row, colour);
                self.clients[at].wrote |= wrote.is_ok();
                wrote.map(|wrote| self.written(row, wrote))
            }
            Statement::Savepoint => {
                self.clients[at].savepoint = Some(self.engine.savepoint());
                Ok(vec![Action::Savepoint(self.point)])
            }
            Statement::RollbackTo => {
                let savepoint = self.clients[at].savepoint.expect("called only with a savepoint");
                self.engine.rollback_to(me, savepoint);
                Ok(vec![Action::RollbackTo(self.point)])
            }
            Statement::Commit if lost && self.random.chance(1, 2) => {
                self.engine.abort(me);
                Ok(vec![Action::Unknown])
            }
            Statement::Commit => self.engine.commit(me).map(|number| {
                if self.clients[at].wrote {
                    self.clients[at].last_commit = number;
                }
                vec![if lost { Action::Unknown } else { Action::Commit }]
            }),
            Statement::Abort => {
                if self.engine.defect == Some(Defect::AbortReportedCommitDone) {
                    let _ = self.engine.commit(me);
                } else {
                    self.engine.abort(me);
                }
                Ok(vec![Action::Abort])
            }
        };
        let pending = self.clients[at].pending.as_mut().expect("it was called");
        match done {
            Ok(actions) => pending.answer = Some(actions),
            Err(Stop::Wait) => {}
            Err(Stop::Failed) => (pending.answer, pending.failed) = (Some(Vec::new()), true),
        }
    }

    fn written(&mut self, row: usize, wrote: Wrote) -> Vec<Action> {
        let key = self.history.key("items", &row.to_string());
        let mut actions = vec![Action::Read { key, version: Version(wrote.seen), sight: Sight::Newest }];
        if let Some((version, change, replaces)) = wrote.written {
            let replaces = Some(Version(replaces));
            actions.push(Action::Write { key, version: Version(version), change, replaces });
        }
        actions
    }

    fn answer(&mut self, at: usize, sessions: &mut u32) {
        let pending = self.clients[at].pending.take().expect("it was executed");
        let (me, id) = self.clients[at].open.expect("it belongs to an open transaction");
        let span = Span { start: pending.start, end: self.moment() };
        let sql = Some(self.history.label(&sql(pending.statement)));
        let actions = pending.answer.expect("it was executed");
        for action in actions {
            self.history.push(id, span, Cause { request: None, sql }, action);
        }
        let ends = matches!(pending.statement, Statement::Commit | Statement::Abort);
        if pending.failed {
            self.history.push(id, span, Cause { request: None, sql }, Action::Abort);
        }
        if ends || pending.failed {
            self.engine.reveal(me);
            self.clients[at].open = None;
        }
        if pending.lost && !pending.failed {
            *sessions += 1;
            self.clients[at].session = Session(*sessions);
            self.clients[at].last_commit = 0;
        }
    }

    /// Says for each condition and version whether it holds, as an engine can.
    fn state_matches(&mut self) {
        for colour in 0..COLOURS {
            let predicate = self.history.predicate("items", &format!("colour = {colour}"));
            for row in 0..ROWS {
                let key = self.history.key("items", &row.to_string());
                for stored in &self.engine.rows[row] {
                    let holds = stored.colour == Some(colour);
                    self.history.matches(predicate, key, Version(stored.version), holds);
                }
            }
        }
    }
}

fn sql(statement: Statement) -> String {
    match statement {
        Statement::Read(row) => format!("SELECT colour FROM items WHERE id = {row}"),
        Statement::Select(colour) => format!("SELECT id FROM items WHERE colour = {colour}"),
        Statement::Write(row, Some(colour)) => {
            format!(
                "INSERT INTO items VALUES ({row}, {colour}) ON CONFLICT (id) DO UPDATE SET colour = {colour}"
            )
        }
        Statement::Write(row, None) => format!("DELETE FROM items WHERE id = {row}"),
        Statement::Savepoint => "SAVEPOINT point".to_owned(),
        Statement::RollbackTo => "ROLLBACK TO point".to_owned(),
        Statement::Commit => "COMMIT".to_owned(),
        Statement::Abort => "ROLLBACK".to_owned(),
    }
}
