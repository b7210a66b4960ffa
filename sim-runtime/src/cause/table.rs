//! The operations of a run, and the tasks that work for them.

use super::bearer::{Asker, Bearer};
use super::{Earlier, Operation, OperationId};
use crate::schedule::TaskId;
use crate::time::Nanos;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of an operation when it begins.
#[derive(Clone, Debug)]
pub struct Opening {
    /// `http`, `sql`, …
    pub kind: &'static str,
    /// What it asks: `POST /charge`.
    pub asks: String,
    /// The how-manieth of those it is.
    pub number: u32,
    /// Names of the node that asks and of the one that is asked.
    pub nodes: [Arc<str>; 2],
    /// The connection's number.
    pub connection: u64,
    /// Who opened the connection.
    pub opened_by: Option<TaskId>,
    /// Whether the writing task is the only one that has written requests there.
    pub alone: bool,
    /// The operation that the network repeats, when nobody asked for this one.
    pub repeats: Option<OperationId>,
}

/// A task, who spawned it, who spawned that one, …: so many are looked at.
const LINE_MAX: usize = 4;

/// What is kept of an operation beyond what is shown.
#[derive(Default)]
struct Work {
    /// Who reads it at the server.
    server: Option<TaskId>,
    /// Who wrote it.
    writer: Option<TaskId>,
    /// It is beyond doubt who asked.
    certain: bool,
}

/// All operations and all live tasks of a recorded run.
#[derive(Default)]
pub(crate) struct Table {
    operations: Vec<Operation>,
    work: Vec<Work>,
    tasks: BTreeMap<TaskId, Bearer>,
    /// What facts are about, when not what the running task works for.
    pub about: Option<OperationId>,
    messages: BTreeMap<(usize, usize), Asker>,
}

impl Table {
    pub fn task(&mut self, task: TaskId) -> &mut Bearer {
        self.tasks.entry(task).or_default()
    }

    /// A task has ended; what it kept is handed over, to be dropped when nothing is borrowed.
    pub fn forget(&mut self, task: TaskId, place: impl Fn(TaskId) -> String) -> Option<Bearer> {
        let bearer = self.tasks.remove(&task)?;
        // It lived to pass an answer on: the request was another's.
        if let [asker] = bearer.woke[..] {
            for id in &bearer.answered_now {
                self.set_asker(*id, asker, &place);
            }
        }
        Some(bearer)
    }

    fn set_asker(&mut self, id: OperationId, task: TaskId, place: &impl Fn(TaskId) -> String) {
        let (cause, place) = (self.task(task).cause, self.place(task, place));
        let operation = &mut self.operations[id.0 as usize - 1];
        (operation.task, operation.parent, operation.place) = (Some(task), cause, place);
        self.work[id.0 as usize - 1].certain = true;
    }

    pub fn clear(&mut self) -> BTreeMap<TaskId, Bearer> {
        std::mem::take(&mut self.tasks)
    }

    pub fn cause(&self, task: Option<TaskId>) -> Option<OperationId> {
        self.about.or_else(|| self.tasks.get(&task?)?.cause)
    }

    pub fn spawned(&mut self, by: Option<TaskId>, task: TaskId) {
        let bearer = by.map_or_else(Bearer::default, |by| self.task(by).spawn(by));
        if let Some(claimed) = bearer.serving.front() {
            self.work[claimed.0 as usize - 1].server = Some(task);
        }
        self.tasks.insert(task, bearer);
    }

    /// The asker itself writes it here.
    pub fn found_at(&mut self, id: OperationId, writer: Option<TaskId>, place: &str) {
        let operation = &mut self.operations[id.0 as usize - 1];
        if operation.task == writer {
            place.clone_into(&mut operation.place);
        }
    }

    /// Where a task waits, or was spawned.
    fn place(&self, task: TaskId, spawned: impl Fn(TaskId) -> String) -> String {
        let waits = self.tasks.get(&task).and_then(|bearer| bearer.place.as_deref());
        waits.map_or_else(|| spawned(task), str::to_owned)
    }

    /// `by` wakes `task`. If it has read answers for others, that may tell who had asked.
    pub fn woken(&mut self, by: TaskId, task: TaskId, place: impl Fn(TaskId) -> String) {
        let waker = self.task(by);
        let asker = (by, waker.cause);
        if !waker.woke.contains(&task) {
            waker.woke.push(task);
        }
        if !waker.replied.is_empty() {
            let replied = std::mem::take(&mut waker.replied);
            let left = self.answers(replied, task, place);
            self.task(by).replied = left;
        }
        self.task(task).woken(asker);
    }

    fn answers(
        &mut self,
        mut replied: std::collections::VecDeque<OperationId>,
        task: TaskId,
        place: impl Fn(TaskId) -> String,
    ) -> std::collections::VecDeque<OperationId> {
        // Some drivers spawn a task, or two, for each answer.
        let spawner = |task: &TaskId| Some(self.tasks.get(task)?.spawned_by?.0);
        let line: Vec<TaskId> = std::iter::successors(Some(task), spawner).take(LINE_MAX).collect();
        // In order: the first answer wakes the first. But who has given up is not woken.
        let certain = |id: &OperationId| self.work[id.0 as usize - 1].certain;
        let asker = |id: &OperationId| self.operations[id.0 as usize - 1].task;
        let exactly = replied.iter().position(|id| certain(id) && asker(id) == Some(task));
        let fits = |id: &OperationId| !certain(id) || asker(id).is_some_and(|asker| line.contains(&asker));
        let found = exactly.or_else(|| replied.iter().position(fits)).and_then(|at| replied.remove(at));
        if let Some(id) = found
            && !self.work[id.0 as usize - 1].certain
        {
            self.set_asker(id, task, &place);
        }
        self.task(task).answers.extend(found);
        replied
    }

    pub fn begin(
        &mut self,
        writer: Option<TaskId>,
        opening: Opening,
        now: (u64, Nanos),
        place: impl Fn(TaskId) -> String,
    ) -> OperationId {
        let id = OperationId(u32::try_from(self.operations.len() + 1).expect("fewer than 2^32 operations"));
        let writer = writer.filter(|_| opening.repeats.is_none());
        let repeated = opening.repeats.and_then(|id| self.operations.get(id.0 as usize - 1));
        let (asker, certain) = match (repeated, writer) {
            (Some(original), _) => (original.task.map(|task| (task, original.parent)), true),
            (None, None) => (None, true),
            (None, Some(writer)) => {
                let bearer = self.task(writer);
                // Whoever opens a connection spawns its driver, mostly.
                let spawned_for_it = bearer.spawned_by.is_some_and(|(by, _)| Some(by) == opening.opened_by);
                let told_what = bearer.channel.is_some() && opening.opened_by != Some(writer);
                if opening.alone && (spawned_for_it || told_what) && !bearer.serves {
                    let (asker, certain) = bearer.writes_for(writer);
                    (Some(asker), certain)
                } else {
                    bearer.waiting.push(id);
                    (Some((writer, bearer.cause)), true)
                }
            }
        };
        let [from, to] = opening.nodes;
        self.operations.push(Operation {
            id,
            kind: Cow::Borrowed(opening.kind),
            asks: opening.asks,
            number: opening.number,
            from,
            to,
            connection: opening.connection,
            task: asker.map(|(task, _)| task),
            place: asker.map_or_else(String::new, |(task, _)| self.place(task, place)),
            parent: asker.and_then(|(_, cause)| cause),
            earlier: opening.repeats.map(Earlier::Repeat),
            begun: now,
            arrived: None,
            seen: None,
            ended: None,
            outcome: String::new(),
            lost: false,
        });
        self.work.push(Work { server: None, writer, certain });
        id
    }

    /// A task has read the first bytes of a request.
    pub fn read_request(&mut self, task: TaskId, id: OperationId, multiplexed: bool, now: (u64, Nanos)) {
        self.operations[id.0 as usize - 1].arrived = Some(now);
        let bearer = self.task(task);
        bearer.serves = true;
        if multiplexed {
            bearer.unclaimed.push_back(id);
            return;
        }
        bearer.serving.push_back(id);
        bearer.cause = bearer.serving.front().copied();
        bearer.answered = false;
        self.work[id.0 as usize - 1].server = Some(task);
    }

    /// A task has read the first bytes of an answer.
    pub fn read_answer(&mut self, task: TaskId, id: OperationId, now: (u64, Nanos)) {
        self.operations[id.0 as usize - 1].seen = Some(now);
        let writer = self.work[id.0 as usize - 1].writer;
        if let Some(bearer) = writer.and_then(|writer| self.tasks.get_mut(&writer)) {
            bearer.waiting.retain(|waiting| *waiting != id);
        }
        let asked_itself = self.operations[id.0 as usize - 1].task == writer;
        if writer == Some(task) && !asked_itself {
            self.task(task).replied.push_back(id);
        }
    }

    pub fn end(&mut self, id: OperationId, now: (u64, Nanos), outcome: Option<String>, lost: bool) {
        let operation = &mut self.operations[id.0 as usize - 1];
        if let Some(outcome) = outcome {
            operation.ended = Some(now);
            operation.outcome = outcome;
        }
        operation.lost |= lost;
        let Work { server, writer, .. } = self.work[id.0 as usize - 1];
        for task in [server, writer].into_iter().flatten() {
            // It may have ended long ago.
            if let Some(bearer) = self.tasks.get_mut(&task) {
                bearer.unclaimed.retain(|other| *other != id);
                if bearer.serving.contains(&id) {
                    bearer.serving.retain(|other| *other != id);
                    bearer.answered = bearer.serving.is_empty();
                    bearer.cause = bearer.serving.front().copied().or(bearer.cause);
                }
                if lost {
                    bearer.waiting.retain(|waiting| *waiting != id);
                }
            }
        }
    }

    pub fn sent(&mut self, sender: TaskId, channel: usize, slot: usize) {
        let cause = self.task(sender).cause;
        self.messages.insert((channel, slot), (sender, cause));
    }

    pub fn received(&mut self, receiver: Option<TaskId>, channel: usize, slot: usize) {
        let sender = self.messages.remove(&(channel, slot));
        if let Some(receiver) = receiver {
            self.task(receiver).received(channel, sender);
        }
    }

    /// The operations so far, with retries named.
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = self.operations.clone();
        let mut latest: BTreeMap<_, usize> = BTreeMap::new();
        for at in 0..operations.len() {
            let own = &operations[at];
            let key = (own.task, own.parent, own.asks.clone(), own.to.clone());
            if own.task.is_some() && own.earlier.is_none() && own.kind != "sql" {
                if let Some(at_before) = latest.get(&key).copied()
                    && let before = &operations[at_before]
                    && let seen = before.seen.is_some_and(|seen| seen < own.begun)
                    && (!seen || is_bad(before))
                {
                    operations[at].earlier = Some(Earlier::Retry(before.id));
                }
                latest.insert(key, at);
            }
        }
        operations
    }
}

/// Whether the answer asks for another attempt.
fn is_bad(before: &Operation) -> bool {
    let unavailable = ["408", "425", "429"].contains(&&*before.outcome) || before.outcome.starts_with('5');
    before.lost || unavailable
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: TaskId = TaskId(1);
    const DRIVER: TaskId = TaskId(2);
    const ANNA: TaskId = TaskId(3);
    const BERT: TaskId = TaskId(4);

    fn nowhere(_: TaskId) -> String {
        String::new()
    }

    const MAIN: TaskId = TaskId(0);

    fn opening(kind: &'static str, asks: &str) -> Opening {
        let nodes = ["a".into(), "b".into()];
        let opened_by = Some(MAIN);
        Opening {
            kind,
            asks: asks.into(),
            number: 1,
            nodes,
            connection: 1,
            opened_by,
            alone: true,
            repeats: None,
        }
    }

    /// A table in which `tasks` each read a request of their own.
    fn serving(tasks: &[TaskId]) -> (Table, Vec<OperationId>) {
        let mut table = Table::default();
        let requests = tasks.iter().map(|task| {
            let id = table.begin(None, opening("http", "GET /"), (1, 1), nowhere);
            table.read_request(*task, id, false, (2, 2));
            id
        });
        let requests = requests.collect();
        (table, requests)
    }

    fn parent(table: &Table, id: OperationId) -> Option<OperationId> {
        table.operations()[id.0 as usize - 1].parent
    }

    #[test]
    fn a_connection_that_is_kept_alive_serves_one_after_the_other() {
        let (mut table, first) = serving(&[SERVER, SERVER]);
        assert_eq!(table.cause(Some(SERVER)), Some(first[0]), "the older of two");
        table.end(first[0], (3, 3), Some("200".into()), false);
        assert_eq!(table.cause(Some(SERVER)), Some(first[1]));
        table.end(first[1], (4, 4), Some("200".into()), false);
        table.spawned(Some(SERVER), ANNA);
        assert_eq!(
            table.cause(Some(ANNA)),
            Some(first[1]),
            "what follows in the same poll still belongs to it"
        );
        table.task(SERVER).polled();
        assert_eq!((table.cause(Some(SERVER)), table.cause(Some(ANNA))), (None, Some(first[1])));
    }

    #[test]
    fn streams_of_one_connection_go_to_the_tasks_it_spawns() {
        let mut table = Table::default();
        let ids = [1, 2].map(|_| table.begin(None, opening("http", "GET /"), (1, 1), nowhere));
        ids.iter().for_each(|id| table.read_request(SERVER, *id, true, (2, 2)));
        table.spawned(Some(SERVER), ANNA);
        table.spawned(Some(SERVER), BERT);
        assert_eq!([ANNA, BERT].map(|task| table.cause(Some(task))), ids.map(Some));
        assert_eq!(table.cause(Some(SERVER)), None);
    }

    #[test]
    fn who_wakes_a_driver_has_asked_and_who_is_woken_by_the_answer_has_too() {
        let (mut table, requests) = serving(&[ANNA, BERT]);
        table.spawned(Some(MAIN), DRIVER);
        // Both send before the driver runs, but only the first wakes it.
        table.woken(ANNA, DRIVER, nowhere);
        table.task(DRIVER).polled();
        let statements = [1, 2].map(|_| table.begin(Some(DRIVER), opening("sql", "SQL"), (5, 5), nowhere));
        assert_eq!(statements.map(|id| parent(&table, id)), [Some(requests[0]); 2], "a guess for the second");
        table.task(DRIVER).polled();
        statements.iter().for_each(|id| table.read_answer(DRIVER, *id, (6, 6)));
        table.woken(DRIVER, ANNA, nowhere);
        table.woken(DRIVER, BERT, nowhere);
        assert_eq!(statements.map(|id| parent(&table, id)), [Some(requests[0]), Some(requests[1])]);
    }

    #[test]
    fn who_gave_up_is_not_answered() {
        let (mut table, requests) = serving(&[ANNA, BERT]);
        table.spawned(Some(MAIN), DRIVER);
        table.woken(ANNA, DRIVER, nowhere);
        table.task(DRIVER).polled();
        let statements = [1, 2].map(|_| table.begin(Some(DRIVER), opening("sql", "SQL"), (5, 5), nowhere));
        table.task(DRIVER).polled();
        statements.iter().for_each(|id| table.read_answer(DRIVER, *id, (6, 6)));
        // Anna has timed out; what comes is for Bert.
        table.woken(DRIVER, BERT, nowhere);
        assert_eq!(statements.map(|id| parent(&table, id)), [Some(requests[0]), Some(requests[1])]);
    }

    #[test]
    fn a_job_with_a_pooled_connection_asks_for_itself() {
        let (mut table, requests) = serving(&[ANNA, BERT]);
        let job = DRIVER;
        table.spawned(Some(ANNA), job);
        // Bert's task gives the connection back, which wakes the job that waits for one.
        table.woken(BERT, job, nowhere);
        table.task(job).polled();
        let statement = table.begin(Some(job), opening("sql", "SQL"), (5, 5), nowhere);
        assert_eq!(parent(&table, statement), Some(requests[0]));
    }

    #[test]
    fn a_worker_works_for_the_message_it_holds() {
        let (mut table, requests) = serving(&[ANNA, BERT]);
        let worker = DRIVER;
        table.spawned(None, worker);
        table.sent(ANNA, 7, 0);
        table.sent(BERT, 7, 1);
        table.received(Some(worker), 7, 0);
        // A lock that Bert hands over changes nothing.
        table.woken(BERT, worker, nowhere);
        table.task(worker).polled();
        assert_eq!(table.cause(Some(worker)), Some(requests[0]));
        table.received(Some(worker), 7, 1);
        assert_eq!(table.cause(Some(worker)), Some(requests[1]));
        table.task(worker).found_empty(8);
        table.task(worker).polled();
        assert_eq!(table.cause(Some(worker)), Some(requests[1]), "another channel");
        table.task(worker).found_empty(7);
        assert_eq!(table.cause(Some(worker)), None, "what it does next, in the same poll, is nobody's");
    }

    #[test]
    fn a_driver_that_takes_all_messages_first_writes_them_in_order() {
        let (mut table, requests) = serving(&[ANNA, BERT]);
        table.spawned(Some(MAIN), DRIVER);
        table.sent(ANNA, 7, 0);
        table.sent(BERT, 7, 1);
        table.task(DRIVER).polled();
        table.received(Some(DRIVER), 7, 0);
        table.received(Some(DRIVER), 7, 1);
        table.task(DRIVER).found_empty(7);
        let asked = [1, 2].map(|_| table.begin(Some(DRIVER), opening("http", "GET /x"), (5, 5), nowhere));
        assert_eq!(asked.map(|id| parent(&table, id)), [Some(requests[0]), Some(requests[1])]);
        assert_eq!(asked.map(|id| table.operations()[id.0 as usize - 1].task), [Some(ANNA), Some(BERT)]);
    }

    #[test]
    fn a_request_keeps_its_cause_whoever_wakes_it() {
        let (mut table, requests) = serving(&[ANNA, BERT]);
        table.woken(BERT, ANNA, nowhere);
        table.sent(BERT, 7, 0);
        table.received(Some(ANNA), 7, 0);
        table.task(ANNA).polled();
        assert_eq!(table.cause(Some(ANNA)), Some(requests[0]));
    }

    #[test]
    fn an_attempt_is_a_retry_only_without_a_good_answer() {
        let check = |outcome: Option<&str>, seen: bool, lost: bool, retry: bool| {
            let mut table = Table::default();
            let first = table.begin(Some(ANNA), opening("http", "POST /"), (1, 1), nowhere);
            if let Some(outcome) = outcome {
                table.end(first, (2, 2), Some(outcome.into()), lost);
            }
            if seen {
                table.read_answer(ANNA, first, (3, 3));
            }
            let second = table.begin(Some(ANNA), opening("http", "POST /"), (4, 4), nowhere);
            let earlier = table.operations()[second.0 as usize - 1].earlier;
            assert_eq!(earlier, retry.then_some(Earlier::Retry(first)), "{outcome:?} {seen} {lost}");
        };
        check(Some("200"), true, false, false);
        check(Some("404"), true, false, false);
        check(Some("503"), true, false, true);
        check(Some("429"), true, false, true);
        check(Some("200"), false, false, true);
        check(Some("200"), false, true, true);
        check(None, false, false, true);
    }
}
