//! What is known of one task: on whose behalf it runs, and who has asked it for something.

use super::OperationId;
use crate::schedule::TaskId;
use std::collections::VecDeque;
use std::task::Waker;

/// A task that asks, and what it worked for when it did.
pub(crate) type Asker = (TaskId, Option<OperationId>);

/// Wake-ups that are remembered for a task, between two polls and from those before.
const WAKES_MAX: usize = 32;

/// One task.
#[derive(Default)]
pub(crate) struct Bearer {
    /// On whose behalf it runs.
    pub cause: Option<OperationId>,
    /// Who spawned it, and for what.
    pub spawned_by: Option<Asker>,
    /// It reads a server's end of a connection, or was spawned for one stream of it.
    pub serves: bool,
    /// Requests it has read that are not answered, oldest first.
    pub serving: VecDeque<OperationId>,
    /// All of those are answered: the next poll is nobody's.
    pub answered: bool,
    /// Multiplexed requests it has read, for the tasks it will spawn.
    pub unclaimed: VecDeque<OperationId>,
    /// Other tasks that woke it since its last poll began.
    pub wakes: Vec<Asker>,
    /// Those that led to the present poll, or to the last one that other tasks led to.
    pub woken_by: Vec<Asker>,
    /// They led to the present poll.
    pub woken_now: bool,
    /// Requests it has written for others in the present poll.
    pub asked: usize,
    /// For whom it last wrote.
    pub last_asker: Option<Asker>,
    /// The channel its cause came from, and who sent.
    pub channel: Option<(usize, Option<TaskId>)>,
    /// It has asked that channel in vain since.
    pub idle: bool,
    /// Senders of messages for which it has not written a request yet, oldest first.
    pub taken: VecDeque<Asker>,
    /// Its own requests that are not answered.
    pub waiting: Vec<OperationId>,
    /// Requests of others whose answers it has read in the present poll.
    pub replied: VecDeque<OperationId>,
    /// Requests whose answers woke it for its next poll, and for the present one.
    pub answers: Vec<OperationId>,
    pub answered_now: Vec<OperationId>,
    /// Other tasks that it has woken in the present poll.
    pub woke: Vec<TaskId>,
    /// Where it waits or waited last.
    pub place: Option<std::rc::Rc<str>>,
    /// The waker that tells who wakes it.
    pub waker: Option<Waker>,
}

impl Bearer {
    /// A task that this one spawns: its cause, and whether it serves a stream of this one's connection.
    pub fn spawn(&mut self, own: TaskId) -> Bearer {
        let claimed = self.unclaimed.pop_front();
        let cause = claimed.or(self.cause);
        Bearer {
            cause,
            spawned_by: Some((own, cause)),
            serves: claimed.is_some(),
            serving: claimed.into_iter().collect(),
            ..Bearer::default()
        }
    }

    /// A poll begins.
    pub fn polled(&mut self) {
        self.replied.clear();
        self.woke.clear();
        self.answered_now = std::mem::take(&mut self.answers);
        if std::mem::take(&mut self.asked) > 0 {
            // What is left asked for no request.
            self.taken.clear();
        }
        self.woken_now = !self.wakes.is_empty();
        if self.woken_now {
            // Otherwise what was asked for earlier may not be written yet: there was no room.
            self.woken_by = std::mem::take(&mut self.wakes);
        }
        if std::mem::take(&mut self.answered) && self.serving.is_empty() {
            self.cause = None;
        }
        let spawned_for_somebody = self.spawned_by.is_some_and(|(_, cause)| cause.is_some());
        let follows = !self.serves && !spawned_for_somebody && self.channel.is_none();
        if follows && self.woken_now && self.waiting.is_empty() {
            self.cause = self.woken_by.iter().find_map(|(_, cause)| *cause).or(self.cause);
        }
    }

    /// Another task wakes it.
    pub fn woken(&mut self, by: Asker) {
        if self.wakes.len() < WAKES_MAX && !self.wakes.iter().any(|(task, _)| *task == by.0) {
            self.wakes.push(by);
        }
    }

    /// For whom the request is that it writes to a connection it drives; and whether that is beyond doubt.
    pub fn writes_for(&mut self, own: TaskId) -> (Asker, bool) {
        let number = self.asked;
        self.asked += 1;
        let (asker, certain) = if let Some(sender) = self.taken.pop_front() {
            // Some take all messages first, and write then.
            (sender, true)
        } else if let Some((_, sender)) = self.channel {
            ((sender.unwrap_or(own), self.cause), true)
        } else if let Some(asker) = self.woken_by.get(number) {
            (*asker, number == 0 && self.woken_now)
        } else {
            let before = self.last_asker.or(self.spawned_by);
            (before.unwrap_or((own, self.cause)), self.last_asker.is_none() && number == 0)
        };
        self.last_asker = Some(asker);
        (asker, certain)
    }

    /// It takes a message off a channel.
    pub fn received(&mut self, channel: usize, sender: Option<Asker>) {
        if self.serves {
            return;
        }
        let cause = sender.and_then(|(_, cause)| cause);
        let other = self.channel.is_some_and(|(own, _)| own != channel);
        let spawned_for_somebody = self.spawned_by.is_some_and(|(_, cause)| cause.is_some());
        if cause.is_none() && (other && !self.idle || spawned_for_somebody) {
            return;
        }
        self.cause = cause;
        self.channel = Some((channel, sender.map(|(task, _)| task)));
        self.idle = false;
        if self.taken.len() < WAKES_MAX {
            self.taken.extend(sender);
        }
    }

    /// It has looked for a message in vain.
    pub fn found_empty(&mut self, channel: usize) {
        if self.channel.is_some_and(|(own, _)| own == channel) {
            self.idle = true;
            self.cause = self.spawned_by.and_then(|(_, cause)| cause);
        }
    }
}
