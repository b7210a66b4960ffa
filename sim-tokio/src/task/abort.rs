//! What a task shares with everybody who may abort it or ask after it.

use super::Id;
use sim_runtime::schedule::TaskId;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The part of a task that does not depend on its output.
pub(crate) struct Header {
    id: Id,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the run's task that carries it.
    task: Option<TaskId>,
    aborted: bool,
    finished: bool,
    /// Wakes the task, to see that it was aborted.
    waker: Option<Waker>,
}

impl Header {
    pub(super) fn new(id: Id) -> Arc<Self> {
        Arc::new(Self { id, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> Id {
        self.id
    }

    pub(crate) fn set_task(&self, task: TaskId) {
        self.state().task = Some(task);
    }

    pub(crate) fn task(&self) -> Option<TaskId> {
        self.state().task
    }

    /// Notes how to wake the task, and answers whether it was aborted.
    pub(super) fn polled(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        let before = match &state.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => state.waker.replace(waker.clone()),
        };
        let aborted = state.aborted;
        drop(state);
        drop(before);
        aborted
    }

    pub(crate) fn abort(&self) {
        let waker = {
            let mut state = self.state();
            if state.finished {
                return;
            }
            state.aborted = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A blocking closure is about to run; `false` when it must not.
    pub(crate) fn begin(&self) -> bool {
        !self.state().aborted
    }

    pub(super) fn set_finished(&self) {
        let waker = {
            let mut state = self.state();
            state.finished = true;
            state.waker.take()
        };
        drop(waker);
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.state().finished
    }
}

/// Aborts a task or asks whether it has ended. Does not keep it or its output.
#[derive(Clone)]
pub struct AbortHandle(Arc<Header>);

impl AbortHandle {
    pub(super) fn new(header: Arc<Header>) -> Self {
        Self(header)
    }

    /// Asks the task to end where it waits; see [`JoinHandle::abort`](super::JoinHandle::abort).
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.0.id()
    }
}

impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AbortHandle").field("id", &self.id()).finish()
    }
}
