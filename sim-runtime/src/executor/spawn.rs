//! Spawning, and what surrounds every task's future: the panic fence and the abort flag.

use super::join::{JoinError, JoinHandle, message_of};
use super::waiting::asking_waker;
use super::world::{World, try_with_current, with_current};
use crate::task::{NodeId, Tag, Task, TaskKey};
use async_task::Runnable;
use pin_project_lite::pin_project;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Spawns a task on the node of the running task. Dropping the handle detaches it.
///
/// # Panics
///
/// If the thread is not inside a run.
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let spawned_at = Location::caller();
    with_current(|world| spawn_on(world, world.current_node(), spawned_at, future))
}

/// Spawns a task on a node, as if at `spawned_at`.
pub fn spawn_on<F>(
    world: &Rc<World>,
    node: NodeId,
    spawned_at: &'static Location<'static>,
    future: F,
) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let key = world.tasks.borrow().next_key(world.run);
    let supervised = Supervised { future: Some(future), registration: Registration(key) };
    let tag = Tag { key, node, site: world.site(spawned_at) };
    // SAFETY: neither future, output nor schedule function need be `Send`, because one thread of a run moves at
    // a time (`sim_host::turns`) and all handles to a task act through the run: a waker woken outside of it does
    // nothing. `'static` is asked for above. `spawn_local` would do but for tasks spawned on a guest's thread.
    #[allow(unsafe_code)]
    let (runnable, task) =
        unsafe { async_task::Builder::new().metadata(tag).spawn_unchecked(move |_| supervised, schedule) };
    let entry = Task { id: key.id, node, site: tag.site, waker: runnable.waker(), aborted: false, polls: 0 };
    world.tasks.borrow_mut().add(key, entry);
    world.trace.digest_words(&[key.id.0, u64::from(node.0)]);
    if world.trace.is_recording() {
        world.fact("task.spawned", &[], || format!("{} at {spawned_at}", key.id));
    }
    if world.closing.get() {
        // A destructor spawns while the run is being taken down: its future is dropped unpolled.
        drop(runnable);
    } else {
        runnable.schedule();
    }
    JoinHandle::new(task, key)
}

/// Where wakers put a task that is ready.
fn schedule(runnable: Runnable<Tag>) {
    let key = runnable.metadata().key;
    let mut runnable = Some(runnable);
    let _ = try_with_current(|world| {
        if world.run == key.run {
            let runnable = runnable.take().expect("set above");
            if world.any_paused.get() {
                world.push_or_park(runnable)
            } else {
                world.ready.borrow_mut().push(runnable)
            }
        }
    });
    // Woken after its run, or on another thread: its future must not be dropped here, where the
    // world it belongs to is not. The end of a run drops all futures, so nothing can be left in it.
    std::mem::forget(runnable);
}

pin_project! {
    /// A task's future behind a panic fence, which ends when the task was aborted.
    struct Supervised<F> {
        #[pin]
        future: Option<F>,
        registration: Registration,
    }
}

/// Takes the task off the books when its future is gone, however that came about.
struct Registration(TaskKey);

impl Drop for Registration {
    fn drop(&mut self) {
        let _ = try_with_current(|world| {
            if world.run == self.0.run {
                // The entry's waker is dropped outside the borrow.
                let called = world.called.get() > 0;
                let ended = world.tasks.borrow_mut().remove(self.0, called);
                world.attention.set(true);
                world.policy.borrow_mut().finished(self.0.id);
                if world.trace.is_recording() {
                    world.waiting.borrow_mut().remove(&self.0.id);
                }
                if ended.as_ref().is_some_and(|task| task.aborted) {
                    world.called.set(world.called.get() - 1);
                }
                drop(ended);
            }
        });
    }
}

impl<F: Future> Future for Supervised<F> {
    type Output = Result<F::Output, JoinError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let key = this.registration.0;
        let called = with_current(|world| world.called.get() > 0);
        let call = if called { with_current(|world| world.call(key, context)) } else { None };
        let future = this.future.as_mut().as_pin_mut().expect("not polled after it is ready");
        let poll = |context: &mut Context<'_>| catch_unwind(AssertUnwindSafe(|| future.poll(context)));
        let result = match call {
            Some(Call::Abort) => Err(JoinError::cancelled(key.id)),
            call => {
                let polled = match call {
                    Some(Call::Ask(waker)) => poll(&mut Context::from_waker(&waker)),
                    _ => poll(context),
                };
                match polled {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(value)) => Ok(value),
                    Err(payload) => Err(panicked(key, payload)),
                }
            }
        };
        // The future is dropped before its output is seen, and its destructor may panic too.
        match catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            Ok(()) => Poll::Ready(result),
            Err(payload) => Poll::Ready(Err(panicked(key, payload))),
        }
    }
}

/// What a task is to do instead of an ordinary poll.
enum Call {
    /// End.
    Abort,
    /// Be polled with this waker, to find out what it waits for.
    Ask(Waker),
}

impl World {
    #[cold]
    fn call(&self, key: TaskKey, context: &Context<'_>) -> Option<Call> {
        if self.tasks.borrow().get(key).is_none_or(|task| task.aborted) {
            return Some(Call::Abort);
        }
        let stacks = self.asking.borrow();
        stacks.as_ref().map(|stacks| Call::Ask(asking_waker(context.waker().clone(), stacks)))
    }
}

fn panicked(key: TaskKey, payload: Box<dyn Any + Send>) -> JoinError {
    with_current(|world| world.task_panicked(&*payload));
    JoinError::panicked(key.id, payload)
}

impl World {
    /// Notes that the running task panicked with this payload; the run ends unless it
    /// [tolerates](World::tolerate_panics) that. For whoever catches panics before the executor does.
    pub fn task_panicked(&self, payload: &(dyn Any + Send)) {
        let seen = self.last_panic.borrow_mut().take();
        let (message, location) = seen.unwrap_or_else(|| {
            let message = message_of(payload).unwrap_or_else(|| "a panic without a message".to_owned());
            (message, "a place the panic hook did not see".to_owned())
        });
        self.note_panic(message, location);
        if !self.tolerate_panics.get() {
            self.stop();
        }
    }
}
