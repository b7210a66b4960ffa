//! Keeping [causes](crate::cause): what the executor, the network and the drop-in tell of a recorded run.
//!
//! Every method does nothing, or is not called, unless the run records.

use super::waiting::{is_under_test, place_in};
use super::world::{World, try_with_current};
use crate::cause::{Opening, Operation, OperationId};
use crate::schedule::TaskId;
use crate::task::TaskKey;
use sim_host::inspect::{inspect, stack_addresses};
use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

/// Places in the code are looked up: it costs too much for the many runs of a shrink, so only the process that was
/// started for a single run does.
static PLACES: AtomicBool = AtomicBool::new(false);

/// From now on the runs of this process note where in the code facts come from.
pub(crate) fn note_places() {
    PLACES.store(true, Ordering::Relaxed);
}

/// Places by the addresses of the stack they were found in.
pub(super) type Places = BTreeMap<Vec<usize>, Rc<str>>;

impl World {
    fn task_place(&self, task: TaskId) -> String {
        self.tasks
            .try_borrow()
            .ok()
            .and_then(|tasks| tasks.find(task).map(|task| self.site_name(task.site)))
            .filter(|place| is_under_test(place))
            .unwrap_or_default()
    }

    fn when(&self) -> (u64, u64) {
        (self.step(), self.now())
    }

    /// The operation that the running task works for, or that a fact is about.
    pub(super) fn cause(&self) -> Option<OperationId> {
        self.causes.borrow().cause(self.current_task())
    }

    /// Facts reported by `f` are about this operation, whoever reports them.
    pub fn about<T>(&self, operation: Option<OperationId>, f: impl FnOnce() -> T) -> T {
        if operation.is_none() || !self.trace.is_recording() {
            return f();
        }
        let before = std::mem::replace(&mut self.causes.borrow_mut().about, operation);
        let value = f();
        self.causes.borrow_mut().about = before;
        value
    }

    /// An operation begins: the running task writes it, or, with none running, the network itself. `None` unless the
    /// run records.
    pub fn begin_operation(&self, opening: impl FnOnce() -> Opening) -> Option<OperationId> {
        if !self.trace.is_recording() {
            return None;
        }
        let place = |task| self.task_place(task);
        let here = self.place_here();
        let mut causes = self.causes.borrow_mut();
        let id = causes.begin(self.current_task(), opening(), self.when(), place);
        if let Some(here) = here {
            causes.found_at(id, self.current_task(), &here);
        }
        Some(id)
    }

    /// The running task has read the first bytes of a request on a server's end.
    pub fn operation_read(&self, id: OperationId, multiplexed: bool) {
        if let Some(task) = self.current_task() {
            self.causes.borrow_mut().read_request(task, id, multiplexed, self.when());
        }
    }

    /// The running task has read the first bytes of an answer on a client's end.
    pub fn answer_read(&self, id: OperationId) {
        if let Some(task) = self.current_task() {
            self.causes.borrow_mut().read_answer(task, id, self.when());
        }
    }

    /// An operation ends: with an outcome if it was answered; `lost` when the one who asked will not know.
    pub fn end_operation(
        &self,
        id: Option<OperationId>,
        outcome: impl FnOnce() -> Option<String>,
        lost: bool,
    ) {
        if let Some(id) = id {
            self.causes.borrow_mut().end(id, self.when(), outcome(), lost);
        }
    }

    /// The running task puts a message into a slot of a channel.
    pub fn message_sent(&self, channel: usize, slot: usize) {
        if self.trace.is_recording()
            && let Some(task) = self.current_task()
        {
            self.causes.borrow_mut().sent(task, channel, slot);
        }
    }

    /// The running task takes the message in a slot of a channel; without a slot it finds the channel empty.
    pub fn message_received(&self, channel: usize, slot: Option<usize>) {
        if !self.trace.is_recording() {
            return;
        }
        let task = self.current_task();
        let mut causes = self.causes.borrow_mut();
        match (slot, task) {
            (Some(slot), task) => causes.received(task, channel, slot),
            (None, Some(task)) => causes.task(task).found_empty(channel),
            (None, None) => {}
        }
    }

    /// The operations of the run so far.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.causes.borrow().operations()
    }

    pub(super) fn note_spawn(&self, task: TaskId) {
        self.causes.borrow_mut().spawned(self.current_task(), task);
    }

    pub(super) fn note_end(&self, task: TaskId) {
        if self.trace.is_recording() {
            // Its waker is dropped outside the borrow.
            let ended = self.causes.borrow_mut().forget(task, |task| self.task_place(task));
            drop(ended);
        }
    }

    pub(super) fn forget_causes(&self) {
        let tasks = self.causes.borrow_mut().clear();
        drop(tasks);
    }

    /// The waker to poll a task with, which tells who uses it. The same one at every poll, as `inner` is.
    pub(super) fn telling_waker(&self, key: TaskKey, inner: &Waker) -> Waker {
        if let Some(waker) = &self.causes.borrow_mut().task(key.id).waker {
            return waker.clone();
        }
        let in_run = move |f: &dyn Fn(&World)| {
            let _ = try_with_current(|world| {
                if world.run == key.run {
                    f(world)
                }
            });
        };
        let made = inspect(
            inner.clone(),
            move || in_run(&|world| world.note_wait(key.id)),
            move || in_run(&|world| world.note_wake(key.id)),
        );
        self.causes.borrow_mut().task(key.id).waker = Some(made.clone());
        made
    }

    fn note_wake(&self, task: TaskId) {
        // Busy only while wakers are dropped and cloned, which wakes nobody.
        let Ok(mut causes) = self.causes.try_borrow_mut() else { return };
        if let Some(by) = self.current_task()
            && by != task
            && !self.firing.get()
        {
            causes.woken(by, task, |task| self.task_place(task));
        }
    }

    /// A task keeps its waker: here it waits, if that is the task that runs.
    fn note_wait(&self, task: TaskId) {
        if self.current_task() != Some(task) || self.causes.try_borrow_mut().is_err() {
            return;
        }
        if let Some(place) = self.place_here() {
            self.causes.borrow_mut().task(task).place = Some(place);
        }
    }

    /// The line of the code under test that the present call comes from.
    pub(super) fn place_here(&self) -> Option<Rc<str>> {
        if !PLACES.load(Ordering::Relaxed) || self.current_task().is_none() {
            return None;
        }
        let addresses = stack_addresses();
        let known = self.places.borrow().get(&addresses).cloned();
        let place = known.unwrap_or_else(|| {
            // Finding the names in a stack may take longer than a poll may.
            self.heartbeat.alive();
            let stack = sim_host::outside(|| Backtrace::force_capture().to_string());
            let place = place_in(&stack).map_or_else(String::new, |(_, place)| place);
            self.heartbeat.alive();
            let place: Rc<str> = place.into();
            self.places.borrow_mut().insert(addresses, place.clone());
            place
        });
        (!place.is_empty()).then_some(place)
    }
}
