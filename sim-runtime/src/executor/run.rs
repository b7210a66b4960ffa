//! The loop: fire what is due, pick, poll.

use super::limits::Limit;
use super::world::{World, with_current};
use crate::schedule::{Candidates, Ready, TaskId};
use crate::tape::Generator;
use crate::task::{NodeId, Tag, Task, TaskKey};
use crate::time::Nanos;
use async_task::Runnable;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What it was to wait for has happened.
    Done,
    /// Nothing is ready and no timer is pending.
    Stalled,
    /// A bound of the run was reached.
    OverLimit(Limit),
    /// Virtual time has reached the bound given to [`World::run_until`].
    Deadline,
    /// A task panicked or a property failed.
    Failed,
}

/// Asks for the memory of a task that will probably be polled soon: its header, and the future behind it.
#[inline]
fn call(runnable: &Runnable<Tag>) {
    sim_host::prefetch_around(runnable.metadata(), 128);
}

struct View<'a>(&'a Ready<Runnable<Tag>>);

impl Candidates for View<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn oldest(&self) -> usize {
        self.0.oldest()
    }

    fn uniform(&self, generator: &mut Generator) -> usize {
        self.0.uniform(generator, |_| {})
    }

    fn visit(&self, visitor: &mut dyn FnMut(usize, TaskId)) {
        self.0.visit(|slot, runnable| visitor(slot, runnable.metadata().key.id));
    }
}

impl World {
    /// Runs tasks until `done`, which is asked whenever something has called for attention: a task
    /// has ended, or everything has (see [`World::attend_every_step`]). Time does not pass `deadline`.
    pub fn run_until(&self, deadline: Nanos, done: impl Fn() -> bool) -> Stop {
        self.attention.set(true);
        loop {
            if self.attention.get() {
                self.attention.set(self.attend_every_step.get());
                if done() {
                    return Stop::Done;
                }
                if self.must_stop.get() {
                    return Stop::Failed;
                }
            }
            if self.next_deadline.get() <= self.now.get() {
                self.fire();
            }
            let mut ready = self.ready.borrow_mut();
            let slot = match ready.len() {
                0 => {
                    drop(ready);
                    match self.idle(deadline) {
                        None => continue,
                        Some(stop) => return stop,
                    }
                }
                1 => ready.oldest(),
                count => self.pick(&ready, count),
            };
            let runnable = ready.take(slot);
            drop(ready);
            if let Some(limit) = self.poll(runnable) {
                return Stop::OverLimit(limit);
            }
        }
    }

    #[inline]
    fn pick(&self, ready: &Ready<Runnable<Tag>>, count: usize) -> usize {
        let slot = self.schedule.decide_named(
            count as u64,
            |generator| {
                if self.uniform {
                    ready.uniform(generator, call)
                } else {
                    self.policy.borrow_mut().pick(&View(ready), generator)
                }
            },
            |slot| ready.rank(slot) as u64,
            |rank| ready.slot(rank as usize),
            |slot| ready.get(slot).map_or(u64::MAX, |runnable| runnable.metadata().key.id.0),
        );
        if self.trace.is_recording() {
            self.note_switch(ready, slot);
        }
        slot
    }

    #[inline]
    fn poll(&self, runnable: Runnable<Tag>) -> Option<Limit> {
        let Tag { key, node, site } = *runnable.metadata();
        let step = self.step.get() + 1;
        self.step.set(step);
        self.clock_reads.set(0);
        if !self.frozen.get() {
            self.advance(self.limits.poll_cost);
        }
        self.heartbeat.beat(key.id, node.0, site);
        if self.trace.is_recording() {
            self.before_recorded_poll(key, step);
        }
        // Not `None` when a task that blocks runs this loop while it waits.
        let before = self.current.replace(Some((key, node)));
        runnable.run();
        self.current.set(before);
        if self.watched.get() {
            self.call_watch();
        }
        if step >= self.wary_step.get() { self.near_limit(key, step) } else { None }
    }

    #[cold]
    #[inline(never)]
    fn before_recorded_poll(&self, key: TaskKey, step: u64) {
        self.waiting.borrow_mut().remove(&key.id);
        self.causes.borrow_mut().task(key.id).polled();
        self.trace.checkpoint(step, || self.digest());
    }

    #[inline(never)]
    fn call_watch(&self) {
        let watch = self.watch.borrow().clone();
        if let Some(watch) = watch {
            watch();
        }
    }

    /// With `true`, what [`World::run_until`] waits for is asked after every step.
    pub(crate) fn attend_every_step(&self, every: bool) {
        self.attend_every_step.set(every);
    }

    /// Notes that a timer fired just now: no livelock so far.
    pub(super) fn timer_fired(&self) {
        let step = self.step();
        self.timer_step.set(step);
        let end = step.saturating_add(self.limits.polls_between_timers).min(self.limits.steps);
        self.wary_step.set(end.saturating_sub(COUNTED_STEPS).max(step + 1));
    }

    /// Counts the polls of the last steps before a limit, and says when it is reached.
    #[cold]
    #[inline(never)]
    fn near_limit(&self, key: TaskKey, step: u64) -> Option<Limit> {
        let mut tasks = self.tasks.borrow_mut();
        if step == self.wary_step.get() {
            tasks.live_mut().for_each(|task| task.polls = 0);
        }
        if let Some(task) = tasks.get_mut(key) {
            task.polls += 1;
        }
        if step - self.timer_step.get() > self.limits.polls_between_timers {
            return Some(Limit::PollsBetweenTimers);
        }
        (step >= self.limits.steps).then_some(Limit::Steps)
    }

    /// Wakes everything that is due.
    #[cold]
    #[inline(never)]
    fn fire(&self) {
        let now = self.now();
        self.timer_fired();
        self.firing.set(true);
        loop {
            if self.agenda_at.get() <= now {
                self.agenda_at.set(Nanos::MAX);
                let agenda = self.agenda.get().expect("whoever said when is there");
                with_current(|world| agenda.due(world));
            }
            if self.timers_at.get() <= now {
                let due = self.timers.borrow_mut().due(now);
                match due {
                    Some(waker) => waker.wake(),
                    None => self.look_at_timers(),
                }
            } else if self.agenda_at.get() > now {
                break;
            }
        }
        self.firing.set(false);
        self.next_deadline.set(self.timers_at.get().min(self.agenda_at.get()));
    }

    fn look_at_timers(&self) {
        self.timers_at.set(self.timers.borrow_mut().next_deadline().unwrap_or(Nanos::MAX));
    }

    /// Nothing is ready: jump to the next deadline, or say why not.
    fn idle(&self, deadline: Nanos) -> Option<Stop> {
        if self.timers_at.get() < self.agenda_at.get() {
            self.look_at_timers();
        }
        let next = self.timers_at.get().min(self.agenda_at.get());
        self.next_deadline.set(next);
        match next {
            Nanos::MAX => Some(Stop::Stalled),
            next if next > self.limits.virtual_time => Some(Stop::OverLimit(Limit::VirtualTime)),
            next if next > deadline => Some(Stop::Deadline),
            next => {
                self.now.set(next.max(self.now()));
                None
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn note_switch(&self, ready: &Ready<Runnable<Tag>>, slot: usize) {
        let oldest = ready.oldest();
        if slot == oldest {
            return;
        }
        let describe = |slot: usize| {
            let tasks = self.tasks.borrow();
            let runnable = ready.get(slot).expect("a slot that was chosen is filled");
            let task = tasks.get(runnable.metadata().key).expect("a ready task is on the books");
            let node = self.node_name(task.node);
            let node = if node.is_empty() { "the scenario" } else { &node };
            format!("{} of {node} ({})", task.id, self.site_name(task.site))
        };
        let (chosen, first) = (describe(slot), describe(oldest));
        self.fact("switch", &[], || format!("{chosen} ran before {first}, which was ready first"));
    }

    pub(super) fn push_or_park(&self, runnable: Runnable<Tag>) {
        let mut parked = self.parked.borrow_mut();
        match parked.get_mut(&runnable.metadata().node) {
            Some(parked) => parked.push(runnable),
            None => self.ready.borrow_mut().push(runnable),
        }
    }

    /// Keeps the tasks of `node` from running; what becomes ready is kept for [`World::resume_node`].
    pub(crate) fn pause_node(&self, node: NodeId) {
        self.any_paused.set(true);
        let own = self.extract(|_, of| of == node).into_iter().map(|(_, runnable)| runnable);
        self.parked.borrow_mut().insert(node, own.collect());
    }

    /// Lets the tasks of `node` run again.
    pub(crate) fn resume_node(&self, node: NodeId) {
        let parked = self.parked.borrow_mut().remove(&node).unwrap_or_default();
        self.any_paused.set(!self.parked.borrow().is_empty());
        parked.into_iter().for_each(|runnable| self.ready.borrow_mut().push(runnable));
    }

    /// Takes the ready and parked tasks for which `wanted` says yes, with their nodes, in the order
    /// they were spawned.
    fn extract(&self, wanted: impl Fn(TaskId, NodeId) -> bool) -> Vec<(NodeId, Runnable<Tag>)> {
        let hit = |runnable: &Runnable<Tag>| {
            let Tag { key, node, .. } = *runnable.metadata();
            wanted(key.id, node)
        };
        let mut found = self.ready.borrow_mut().extract(hit);
        for parked in self.parked.borrow_mut().values_mut() {
            found.extend(parked.extract_if(.., |runnable| hit(runnable)));
        }
        found.sort_unstable_by_key(|runnable| runnable.metadata().key.id);
        found.into_iter().map(|runnable| (runnable.metadata().node, runnable)).collect()
    }

    /// Drops the futures of all tasks of `node` (of all nodes, if `None`), as [`World::drop_tasks_if`].
    pub(crate) fn drop_tasks(&self, node: Option<NodeId>) {
        self.drop_tasks_if(|_, of| node.is_none_or(|node| node == of));
    }

    /// Drops the futures of the tasks for which `wanted` says yes, now, each as if its own node did
    /// it. A task that is being polled is aborted instead: it ends when it next returns.
    pub fn drop_tasks_if(&self, wanted: impl Fn(TaskId, NodeId) -> bool) {
        let running = self.current.get().map(|(key, _)| key.id);
        // Destructors may wake and spawn: go on until none is left.
        for _ in 0..DROP_ROUNDS_MAX {
            let mut wakers = Vec::new();
            for task in self.tasks.borrow_mut().live_mut() {
                if wanted(task.id, task.node) && (Some(task.id) != running || !task.aborted) {
                    self.mark_aborted(task);
                    wakers.push(task.waker.clone());
                }
            }
            // Waking puts them among the ready (or parked) ones; from there they can be dropped.
            wakers.into_iter().for_each(std::task::Waker::wake);
            let victims = self.extract(|id, of| Some(id) != running && wanted(id, of));
            if victims.is_empty() {
                return;
            }
            for (node, runnable) in victims {
                let dropped = catch_unwind(AssertUnwindSafe(|| self.on_node(node, || drop(runnable))));
                if dropped.is_err() {
                    self.stop();
                }
            }
        }
    }

    /// Lets a task end when it is next polled.
    pub(super) fn mark_aborted(&self, task: &mut Task) {
        if !std::mem::replace(&mut task.aborted, true) {
            self.called.set(self.called.get() + 1);
        }
    }

    /// Ends the run: no further task starts, all futures are dropped, the extensions go.
    pub(crate) fn close(&self) {
        self.closing.set(true);
        self.drop_tasks(None);
        self.clear_extensions();
        self.drop_tasks(None);
        self.forget_causes();
        *self.watch.borrow_mut() = None;
    }

    /// Every live task: number, node, where it was spawned and what it waits for, for the report
    /// of a stalled run. Ends the world: tasks are polled once more to find out.
    pub(crate) fn describe_tasks(&self) -> Vec<String> {
        let said: Vec<_> = {
            let tasks = self.tasks.borrow();
            let of_task = |task: &Task| {
                let node = self.node_name(task.node);
                let node = if node.is_empty() { "the scenario" } else { &node };
                let who = format!("{} of {node}, spawned at {}", task.id, self.site_name(task.site));
                (task.id, who, self.waiting.borrow().get(&task.id).copied())
            };
            tasks.live().into_iter().map(of_task).collect()
        };
        let asked = if self.trace.is_recording() { self.ask_tasks() } else { Vec::new() };
        let describe = |(id, who, waits_for): (TaskId, String, Option<&str>)| {
            let place = asked.iter().find(|(asked, _)| *asked == id).map(|(_, place)| place.as_str());
            let waits_for = match (waits_for, place) {
                (Some(what), Some(place)) => format!("{what}: {place}"),
                (Some(what), None) => what.to_owned(),
                (None, Some(place)) => place.to_owned(),
                (None, None) => "nothing that could wake it (it keeps no waker)".to_owned(),
            };
            format!("{who}, waits for {waits_for}")
        };
        said.into_iter().map(describe).collect()
    }

    /// The task polled most often lately, for the report of a run over its limit.
    pub(crate) fn busiest_task(&self) -> Option<String> {
        let tasks = self.tasks.borrow();
        let task = tasks.live().into_iter().max_by_key(|task| (task.polls, std::cmp::Reverse(task.id)))?;
        let node = self.node_name(task.node);
        let node = if node.is_empty() { "the scenario" } else { &node };
        let (id, polls) = (task.id, task.polls);
        Some(format!(
            "{id} of {node}, spawned at {}, was polled {polls} of the last {COUNTED_STEPS} times",
            self.site_name(task.site)
        ))
    }
}

/// Steps before a limit in which polls are counted.
const COUNTED_STEPS: u64 = 1_000;

/// Rounds of dropping tasks whose destructors spawn tasks; a run that needs more is broken.
const DROP_ROUNDS_MAX: usize = 1_000;
