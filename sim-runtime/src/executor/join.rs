//! Handles to spawned tasks.

use super::world::{try_with_current, with_current};
use crate::schedule::TaskId;
use crate::task::{Tag, TaskKey};
use async_task::FallibleTask;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

/// Waits for a task to end. Dropping it detaches the task, which runs on.
///
/// # Cancel safety
///
/// Waiting may be given up and taken up again.
pub struct JoinHandle<T> {
    task: Option<FallibleTask<Result<T, JoinError>, Tag>>,
    key: TaskKey,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: async_task::Task<Result<T, JoinError>, Tag>, key: TaskKey) -> Self {
        Self { task: Some(task.fallible()), key }
    }

    pub(super) fn key(&self) -> TaskKey {
        self.key
    }

    /// The task's number within its run.
    pub fn id(&self) -> TaskId {
        self.key.id
    }

    /// Asks the task to end: its future is dropped when the task is next scheduled, and joining
    /// answers a cancelled [`JoinError`]. Nothing happens if it has ended already.
    pub fn abort(&self) {
        abort(self.key);
    }

    /// A handle that can only abort and ask.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle(self.key)
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(FallibleTask::is_finished)
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.key.id;
        let task = self.task.as_mut().expect("a join handle is not polled after it answered");
        let Poll::Ready(output) = Pin::new(task).poll(context) else {
            let _ = try_with_current(|world| world.waits_for("another task to end (a join handle)"));
            return Poll::Pending;
        };
        self.task = None;
        Poll::Ready(output.unwrap_or_else(|| Err(JoinError::cancelled(id))))
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JoinHandle").field("id", &self.key.id).finish_non_exhaustive()
    }
}

/// Aborts a task or asks whether it has ended. Does not keep the task or its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortHandle(TaskKey);

impl AbortHandle {
    /// The task's number within its run.
    pub fn id(&self) -> TaskId {
        self.0.id
    }

    /// As [`JoinHandle::abort`].
    pub fn abort(&self) {
        abort(self.0);
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        with_current(|world| world.tasks.borrow().get(self.0).is_none())
    }
}

fn abort(key: TaskKey) {
    let _ = try_with_current(|world| {
        if world.run != key.run {
            return;
        }
        let waker = world.tasks.borrow_mut().get_mut(key).map(|task| {
            world.mark_aborted(task);
            task.waker.clone()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    });
}

/// Why a task gave no output.
pub struct JoinError {
    id: TaskId,
    /// `None`: it was cancelled. In a mutex so that the error is `Sync`, as a payload need not be.
    panic: Option<Mutex<Box<dyn Any + Send>>>,
}

impl JoinError {
    pub(super) fn cancelled(id: TaskId) -> Self {
        Self { id, panic: None }
    }

    pub(super) fn panicked(id: TaskId, payload: Box<dyn Any + Send>) -> Self {
        Self { id, panic: Some(Mutex::new(payload)) }
    }

    /// The task's number within its run.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Whether the task was aborted, or went down with its node.
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// The payload of the panic.
    ///
    /// # Errors
    ///
    /// The error itself if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.panic {
            Some(payload) => Ok(payload.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)),
            None => Err(self),
        }
    }

    /// The message of the panic, if it was a string.
    pub fn panic_message(&self) -> Option<String> {
        let payload = self.panic.as_ref()?.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        message_of(&**payload)
    }
}

/// The message in a panic's payload, if it is a string.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> Option<String> {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
}

impl fmt::Display for JoinError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.panic, self.panic_message()) {
            (None, _) => write!(formatter, "{} was cancelled", self.id),
            (Some(_), Some(message)) => write!(formatter, "{} panicked with message {message:?}", self.id),
            (Some(_), None) => write!(formatter, "{} panicked", self.id),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}
