//! What the runtime keeps about each live task.

use crate::schedule::TaskId;
use std::collections::VecDeque;
use std::task::Waker;

/// Names a node within its run; 0 is the world itself, where the scenario's own code runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The world itself: the scenario's own code.
    pub const WORLD: Self = Self(0);
}

/// What a handle to a task carries: enough to find it, and to see that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskKey {
    pub id: TaskId,
    pub slot: u32,
    /// The run it belongs to; a waker may outlive its run.
    pub run: u32,
}

/// What a task carries itself, so that polling it looks nothing up: with 10^5 tasks every look at
/// [`Tasks`] is a cache miss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub key: TaskKey,
    pub node: NodeId,
    /// Number of the place where it was spawned.
    pub site: u32,
}

/// A live task. Kept small: what a task that has ended leaves behind is a cache miss when there are many.
pub(crate) struct Task {
    pub id: TaskId,
    pub node: NodeId,
    /// Number of the place where it was spawned.
    pub site: u32,
    /// Wakes the task; dropping what it schedules drops the task's future.
    pub waker: Waker,
    pub aborted: bool,
    /// Polls lately, counted only near a limit, to name the busiest task when it is hit.
    pub polls: u32,
}

/// All live tasks, in slots that are reused.
#[derive(Default)]
pub(crate) struct Tasks {
    slots: Vec<Option<Task>>,
    free: Vec<u32>,
    spawned: u64,
    /// Tasks that have ended and whose records are not emptied yet; see [`Tasks::remove`].
    ended: VecDeque<TaskKey>,
}

/// With fewer tasks than this all records are near in memory.
const FEW: usize = 4_096;
/// Ends between asking for a record's memory and emptying it.
const AHEAD: usize = 4;

impl Tasks {
    /// The key the next spawned task will have.
    pub fn next_key(&self, run: u32) -> TaskKey {
        let slot = self.free.last().copied().unwrap_or(self.slots.len() as u32);
        TaskKey { id: TaskId(self.spawned), slot, run }
    }

    /// Adds a task under the key [`Tasks::next_key`] gave.
    pub fn add(&mut self, key: TaskKey, task: Task) {
        self.spawned += 1;
        match self.free.pop() {
            Some(slot) => self.slots[slot as usize] = Some(task),
            None => self.slots.push(Some(task)),
        }
        debug_assert_eq!(self.slots[key.slot as usize].as_ref().map(|task| task.id), Some(key.id));
    }

    /// The task, unless it has ended.
    #[inline]
    pub fn get_mut(&mut self, key: TaskKey) -> Option<&mut Task> {
        if self.ended.contains(&key) {
            return None;
        }
        self.slots.get_mut(key.slot as usize)?.as_mut().filter(|task| task.id == key.id)
    }

    /// The task, unless it has ended.
    pub fn get(&self, key: TaskKey) -> Option<&Task> {
        if self.ended.contains(&key) {
            return None;
        }
        self.slots.get(key.slot as usize)?.as_ref().filter(|task| task.id == key.id)
    }

    /// Forgets a task that has ended, and hands back its record. Among many tasks, unless `at_once`, the record is only
    /// asked for, and handed back is that of a task that ended a little earlier: waiting for its memory would be the
    /// most expensive part of the end of a task.
    pub fn remove(&mut self, key: TaskKey, at_once: bool) -> Option<Task> {
        if at_once || self.slots.len() < FEW {
            self.get(key)?;
            return self.empty(key.slot);
        }
        sim_host::prefetch(self.slots.get(key.slot as usize)?);
        self.ended.push_back(key);
        let earlier = if self.ended.len() > AHEAD { self.ended.pop_front() } else { None };
        earlier.and_then(|key| self.empty(key.slot))
    }

    fn empty(&mut self, slot: u32) -> Option<Task> {
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    /// The live tasks, in the order they were spawned.
    pub fn live(&self) -> Vec<&Task> {
        let live = |task: &&Task| !self.ended.iter().any(|key| key.id == task.id);
        let mut tasks: Vec<_> = self.slots.iter().flatten().filter(live).collect();
        tasks.sort_unstable_by_key(|task| task.id);
        tasks
    }

    /// The live tasks, in order of slot.
    pub fn live_mut(&mut self) -> impl Iterator<Item = &mut Task> {
        let live = |task: &&mut Task| !self.ended.iter().any(|key| key.id == task.id);
        self.slots.iter_mut().flatten().filter(live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_has_ended_is_gone_at_once_however_many_there_are() {
        for count in [10, FEW + 10] {
            let mut tasks = Tasks::default();
            let mut keys = Vec::new();
            for _ in 0..count {
                let key = tasks.next_key(0);
                let waker = Waker::noop().clone();
                let task = Task { id: key.id, node: NodeId::WORLD, site: 0, waker, aborted: false, polls: 0 };
                tasks.add(key, task);
                keys.push(key);
            }
            for (ended, key) in keys.iter().take(8).enumerate() {
                tasks.remove(*key, false);
                assert!(tasks.get(*key).is_none() && tasks.get_mut(*key).is_none());
                assert_eq!(tasks.live().len(), count - ended - 1);
                assert_eq!(tasks.live_mut().count(), count - ended - 1);
            }
            // All but the last few records are empty by now.
            let kept = tasks.slots.iter().flatten().count() - (count - 8);
            assert_eq!(kept, if count < FEW { 0 } else { AHEAD });
        }
    }
}
