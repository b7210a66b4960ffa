//! Tasks that stay within one future: they run only when the set they belong to is polled.
//!
//! So a set is a small executor inside of a task, as tokio's is. Which of its ready tasks is next is drawn
//! from the lane `tokio` (calm: the one that is ready for longest), and each poll costs what any poll costs.

use super::join::Shared;
use super::{Harness, Id, JoinError, JoinHandle};
use crate::runtime::{self, Runtime, context, core};
use pin_project_lite::pin_project;
use sim_runtime::executor::try_current;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::ThreadId;

/// Polls of its tasks within one poll of the set.
const POLLS_MAX: usize = 61;

/// A set of tasks that need not be `Send`.
pub struct LocalSet {
    context: Rc<LocalContext>,
    _not_send: PhantomData<*const ()>,
}

/// The set as its tasks see it.
pub(crate) struct LocalContext {
    id: u64,
    owner: ThreadId,
    shared: Arc<SharedQueue>,
    tasks: RefCell<BTreeMap<u64, Entry>>,
    next: Cell<u64>,
    closed: Cell<bool>,
}

struct Entry {
    /// `None` while it is being polled.
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    waker: Arc<TaskWaker>,
}

/// What wakers may touch from anywhere.
#[derive(Default)]
struct SharedQueue {
    state: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<u64>,
    /// Wakes whoever polls the set.
    waker: Option<Waker>,
}

impl SharedQueue {
    fn state(&self) -> MutexGuard<'_, Queue> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let waker = self.state().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn register(&self, waker: &Waker) {
        let before = self.state().waker.replace(waker.clone());
        drop(before);
    }
}

struct TaskWaker {
    key: u64,
    queued: AtomicBool,
    queue: Arc<SharedQueue>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        self.queue.state().ready.push_back(self.key);
        // A set that is being polled looks again by itself.
        let polled =
            context::local().is_some_and(|(local, wake)| !wake && Arc::ptr_eq(&local.shared, &self.queue));
        if !polled {
            self.queue.wake();
        }
    }
}

impl LocalContext {
    #[track_caller]
    pub(crate) fn spawn<F>(own: &Rc<Self>, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        debug_assert!(
            std::thread::current().id() == own.owner,
            "`LocalSet`'s local run queue must not be accessed by another thread!"
        );
        let id = Id::next();
        let shared = Shared::new(id);
        let handle = JoinHandle::new(shared.clone());
        if own.closed.get() {
            let _scope = context::task_scope(Some(id));
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
            shared.finish(Err(match dropped {
                Ok(()) => JoinError::cancelled(id),
                Err(payload) => JoinError::panicked(id, payload),
            }));
            return handle;
        }
        let key = own.next.replace(own.next.get() + 1);
        let waker = Arc::new(TaskWaker { key, queued: AtomicBool::new(false), queue: own.shared.clone() });
        let entry =
            Entry { future: Some(Box::pin(Harness::new(future, shared, None))), waker: waker.clone() };
        own.tasks.borrow_mut().insert(key, entry);
        Waker::from(waker).wake();
        handle
    }

    /// Takes the next ready task off the queue.
    fn take_ready(&self) -> Option<u64> {
        let ready = self.shared.state().ready.len();
        let chosen = match ready {
            0 => return None,
            1 => 0,
            _ => core::draw(u32::try_from(ready).unwrap_or(u32::MAX)).unwrap_or(0) as usize,
        };
        self.shared.state().ready.remove(chosen)
    }

    /// Polls ready tasks; `true` when there are more.
    fn tick(&self) -> bool {
        for _ in 0..POLLS_MAX {
            let Some(key) = self.take_ready() else { return false };
            self.poll_task(key);
        }
        true
    }

    fn poll_task(&self, key: u64) {
        let taken = {
            let mut tasks = self.tasks.borrow_mut();
            let entry = tasks.get_mut(&key);
            entry.and_then(|entry| {
                entry.waker.queued.store(false, Ordering::Release);
                Some((entry.future.take()?, entry.waker.clone()))
            })
        };
        let Some((mut future, waker)) = taken else { return };
        if let Some(world) = try_current()
            && !world.is_frozen()
        {
            world.advance(world.limits.poll_cost);
        }
        let waker = Waker::from(waker);
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let gone = {
            let mut tasks = self.tasks.borrow_mut();
            match tasks.get_mut(&key) {
                Some(entry) if polled.is_pending() => {
                    entry.future = Some(future);
                    None
                }
                _ => Some((future, tasks.remove(&key))),
            }
        };
        drop(gone);
    }

    fn close(&self) {
        self.closed.set(true);
        loop {
            let first = self.tasks.borrow_mut().pop_first();
            match first {
                Some(entry) => drop(entry),
                None => break,
            }
        }
        let queue = std::mem::take(&mut *self.shared.state());
        drop(queue);
    }
}

impl LocalSet {
    /// An empty set.
    pub fn new() -> LocalSet {
        let context = LocalContext {
            id: core::next_runtime_id(),
            owner: std::thread::current().id(),
            shared: Arc::default(),
            tasks: RefCell::default(),
            next: Cell::new(0),
            closed: Cell::new(false),
        };
        LocalSet { context: Rc::new(context), _not_send: PhantomData }
    }

    /// Makes this the set that [`spawn_local`](super::spawn_local) spawns on until the guard is dropped.
    pub fn enter(&self) -> LocalEnterGuard {
        LocalEnterGuard { _guard: context::set_local(self.context.clone(), true) }
    }

    /// Spawns a task on this set. It runs when the set does.
    #[track_caller]
    pub fn spawn_local<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let handle = LocalContext::spawn(&self.context, future);
        self.context.shared.wake();
        handle
    }

    /// Drives a future and, beside it, the set.
    #[track_caller]
    pub fn block_on<F>(&self, rt: &Runtime, future: F) -> F::Output
    where
        F: Future,
    {
        rt.block_on(self.run_until(future))
    }

    /// Drives a future and, beside it, the set.
    pub async fn run_until<F>(&self, future: F) -> F::Output
    where
        F: Future,
    {
        RunUntil { local_set: self, future }.await
    }

    /// The set's number.
    pub fn id(&self) -> runtime::Id {
        runtime::Id(NonZeroU64::new(self.context.id).expect("sets are numbered from 1"))
    }

    fn with<T>(&self, f: impl FnOnce() -> T) -> T {
        let _guard = context::set_local(self.context.clone(), false);
        let _no_blocking = context::disallow_leaving();
        f()
    }
}

impl Default for LocalSet {
    fn default() -> LocalSet {
        LocalSet::new()
    }
}

impl fmt::Debug for LocalSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalSet").finish()
    }
}

impl Future for LocalSet {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.context.shared.register(cx.waker());
        if self.with(|| self.context.tick()) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.context.tasks.borrow().is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for LocalSet {
    fn drop(&mut self) {
        self.with(|| self.context.close());
    }
}

pin_project! {
    struct RunUntil<'a, F> {
        local_set: &'a LocalSet,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for RunUntil<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.local_set.context.shared.register(cx.waker());
        this.local_set.with(|| {
            if let Poll::Ready(output) = this.future.poll(cx) {
                return Poll::Ready(output);
            }
            if this.local_set.context.tick() {
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        })
    }
}

/// Keeps a local set current; see [`LocalSet::enter`].
pub struct LocalEnterGuard {
    _guard: Option<context::LocalGuard>,
}

impl fmt::Debug for LocalEnterGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LocalEnterGuard").finish()
    }
}
