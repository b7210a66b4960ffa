//! Waiting for a task.

use super::abort::{AbortHandle, Header};
use super::{Id, JoinError};
use crate::runtime::context;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

/// What a task shares with its join handle.
pub(crate) struct Shared<T> {
    header: Arc<Header>,
    output: Mutex<Output<T>>,
}

struct Output<T> {
    /// Somebody may still ask for the output.
    wanted: bool,
    result: Option<Result<T, JoinError>>,
    waker: Option<Waker>,
}

impl<T> Shared<T> {
    pub(crate) fn new(id: Id) -> Arc<Self> {
        let output = Mutex::new(Output { wanted: true, result: None, waker: None });
        Arc::new(Self { header: Header::new(id), output })
    }

    pub(crate) fn header(&self) -> &Arc<Header> {
        &self.header
    }

    fn output(&self) -> MutexGuard<'_, Output<T>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task has ended: keeps the output, or drops it when nobody wants it.
    pub(crate) fn finish(&self, result: Result<T, JoinError>) {
        let mut unwanted = None;
        let waker = {
            let mut output = self.output();
            if output.wanted {
                output.result = Some(result);
            } else {
                unwanted = Some(result);
            }
            self.header.set_finished();
            output.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        drop_as_task(self.header.id(), unwanted);
    }

    /// Replaces the waker of whoever joins without looking at the output; wakes at once if the task has ended.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut output = self.output();
        if self.header.is_finished() {
            drop(output);
            waker.wake_by_ref();
        } else {
            output.waker = Some(waker.clone());
        }
    }
}

/// Drops an output as if its task did; a destructor's panic ends there, as on tokio.
fn drop_as_task<T>(id: Id, value: Option<T>) {
    if value.is_some() {
        let _scope = context::task_scope(Some(id));
        let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
    }
}

/// Waits for a task to end. Dropping it detaches the task, which runs on.
///
/// # Cancel safety
///
/// Waiting may be given up and taken up again.
pub struct JoinHandle<T> {
    shared: Arc<Shared<T>>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Asks the task to end where it waits: its future is dropped, and joining answers a cancelled
    /// [`JoinError`]. A blocking closure that runs already goes on.
    pub fn abort(&self) {
        self.shared.header.abort();
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.shared.header.is_finished()
    }

    /// A handle that can only abort and ask.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle::new(self.shared.header.clone())
    }

    /// The task's number.
    pub fn id(&self) -> Id {
        self.shared.header.id()
    }

    pub(super) fn set_join_waker(&self, waker: &Waker) {
        self.shared.set_waker(waker);
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let coop = ready!(super::coop::poll_proceed(cx));
        let mut output = self.shared.output();
        if let Some(result) = output.result.take() {
            drop(output);
            coop.made_progress();
            return Poll::Ready(result);
        }
        assert!(!self.shared.header.is_finished(), "JoinHandle polled after completion");
        let before = match &output.waker {
            Some(known) if known.will_wake(cx.waker()) => None,
            _ => output.waker.replace(cx.waker().clone()),
        };
        drop(output);
        drop(before);
        Poll::Pending
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let (unwanted, waker) = {
            let mut output = self.shared.output();
            output.wanted = false;
            (output.result.take(), output.waker.take())
        };
        drop(waker);
        drop_as_task(self.id(), unwanted);
    }
}

impl<T> Unpin for JoinHandle<T> {}
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JoinHandle").field("id", &self.id()).finish()
    }
}
