//! What surrounds a task's future: tokio's context, the cooperative budget, the panic fence.

use super::join::Shared;
use super::{Id, JoinError};
use crate::runtime::context::{self, Entered};
use crate::runtime::core::Core;
use crate::runtime::{Handle, seam};
use pin_project_lite::pin_project;
use sim_runtime::executor::try_current;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// A task's future with all that surrounds it. Ends when the future has, or when it was aborted.
    pub(crate) struct Harness<F: Future> {
        #[pin]
        future: Option<F>,
        inner: Inner<F::Output>,
    }

    impl<F: Future> PinnedDrop for Harness<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_none() {
                return;
            }
            let dropped = this.inner.inside(|| catch_unwind(AssertUnwindSafe(|| this.future.set(None))));
            let id = this.inner.id();
            this.inner.finish(Err(match dropped {
                Ok(()) => JoinError::cancelled(id),
                Err(payload) => panicked(id, payload),
            }));
        }
    }
}

struct Inner<T> {
    shared: Arc<Shared<T>>,
    /// `None`: a task of a local set, which runs in the context of whoever polls that.
    core: Option<Arc<Core>>,
}

impl<F: Future> Harness<F> {
    pub(crate) fn new(future: F, shared: Arc<Shared<F::Output>>, core: Option<Arc<Core>>) -> Self {
        Self { future: Some(future), inner: Inner { shared, core } }
    }
}

impl<T> Inner<T> {
    fn id(&self) -> Id {
        self.shared.header().id()
    }

    /// Does `f` as the task.
    fn inside<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.core {
            Some(core) => {
                let handle = Handle { core: core.clone() };
                let _scope =
                    context::scope(handle, Some(self.id()), Entered::Yes { may_leave: core.may_leave() });
                f()
            }
            None => {
                let _scope = context::task_scope(Some(self.id()));
                f()
            }
        }
    }

    fn finish(&self, result: Result<T, JoinError>) {
        if let Some(core) = &self.core {
            core.forget(self.shared.header().task());
        }
        self.inside(|| self.shared.finish(result));
    }
}

/// Polls a future; one that panics is dropped while it does, so that its values know.
fn poll_or_drop<F: Future>(mut future: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> Poll<F::Output> {
    struct Guard<'a, F>(Pin<&'a mut Option<F>>);
    impl<F> Drop for Guard<'_, F> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                self.0.set(None);
            }
        }
    }
    let mut guard = Guard(future.as_mut());
    seam::budget(|| guard.0.as_mut().as_pin_mut().expect("not polled after it is ready").poll(cx))
}

fn panicked(id: Id, payload: Box<dyn Any + Send>) -> JoinError {
    if let Some(world) = try_current() {
        world.task_panicked(&*payload);
    }
    JoinError::panicked(id, payload)
}

impl<F: Future> Future for Harness<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let inner = &*this.inner;
        let id = inner.id();
        let aborted = inner.shared.header().polled(cx.waker());
        let result = inner.inside(|| {
            let result = if aborted {
                Err(JoinError::cancelled(id))
            } else {
                if let Some(core) = &inner.core {
                    core.count_poll();
                }
                match catch_unwind(AssertUnwindSafe(|| poll_or_drop(this.future.as_mut(), cx))) {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(output)) => Ok(output),
                    Err(payload) => Err(panicked(id, payload)),
                }
            };
            // The future is dropped before its output is seen, and its destructor may panic too.
            match catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
                Ok(()) => Poll::Ready(result),
                Err(payload) => Poll::Ready(Err(panicked(id, payload))),
            }
        });
        let Poll::Ready(result) = result else { return Poll::Pending };
        inner.finish(result);
        Poll::Ready(())
    }
}
