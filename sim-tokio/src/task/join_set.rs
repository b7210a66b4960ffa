//! A set of tasks that are awaited in the order they end, and aborted together.

use super::local::LocalSet;
use super::{AbortHandle, Id, JoinError, JoinHandle};
use crate::runtime::Handle;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A set of tasks with outputs of type `T`. Dropping it aborts them all.
pub struct JoinSet<T> {
    handles: BTreeMap<u64, (JoinHandle<T>, Arc<Member>)>,
    next: u64,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Members that have something to say, in the order they said so.
    notified: VecDeque<u64>,
    waker: Option<Waker>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a task of the set wakes when it ends.
struct Member {
    key: u64,
    queued: AtomicBool,
    shared: Arc<Shared>,
}

impl Wake for Member {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let waker = {
            let mut state = self.shared.state();
            state.notified.push_back(self.key);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> JoinSet<T> {
    /// An empty set.
    pub fn new() -> Self {
        Self { handles: BTreeMap::new(), next: 0, shared: Arc::default() }
    }

    /// Tasks in the set, ended or not.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether the set has no tasks.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }
}

impl<T: 'static> JoinSet<T> {
    /// Spawns a task on the current runtime and adds it.
    ///
    /// # Panics
    ///
    /// If there is no current runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn(task))
    }

    /// Spawns a task on a runtime and adds it.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, task: F, handle: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.insert(handle.spawn(task))
    }

    /// Spawns a task on the current local set and adds it.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn spawn_local<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(super::spawn_local(task))
    }

    /// Spawns a task on a local set and adds it.
    #[track_caller]
    pub fn spawn_local_on<F>(&mut self, task: F, local_set: &LocalSet) -> AbortHandle
    where
        F: Future<Output = T> + 'static,
    {
        self.insert(local_set.spawn_local(task))
    }

    /// Runs a closure that may block on the current runtime and adds it.
    ///
    /// # Panics
    ///
    /// If there is no current runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, f: F) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(super::spawn_blocking(f))
    }

    /// Runs a closure that may block on a runtime and adds it.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, f: F, handle: &Handle) -> AbortHandle
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send,
    {
        self.insert(handle.core.spawn_blocking(f, Location::caller()))
    }

    fn insert(&mut self, handle: JoinHandle<T>) -> AbortHandle {
        let abort = handle.abort_handle();
        let key = self.next;
        self.next += 1;
        let member = Arc::new(Member { key, queued: AtomicBool::new(false), shared: self.shared.clone() });
        handle.set_join_waker(&Waker::from(member.clone()));
        self.handles.insert(key, (handle, member));
        abort
    }

    /// Waits for the next task to end and takes it out; `None` when the set is empty.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the wait is given up.
    ///
    /// # Errors
    ///
    /// Inside of the answer: the task panicked or was cancelled.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        std::future::poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// As [`JoinSet::join_next`], with the task's number.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the wait is given up.
    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        std::future::poll_fn(|cx| self.poll_join_next_with_id(cx)).await
    }

    /// A task that has ended, without waiting.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        self.try_join_next_with_id().map(|joined| joined.map(|(_, output)| output))
    }

    /// As [`JoinSet::try_join_next`], with the task's number.
    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        loop {
            let key = self.shared.state().notified.pop_front()?;
            let joined = super::coop_free(|| self.poll_member(key));
            if let Some(Poll::Ready(joined)) = joined {
                return Some(joined);
            }
        }
    }

    /// Polls one that was notified; `None` when it is not there any more.
    fn poll_member(&mut self, key: u64) -> Option<Poll<Result<(Id, T), JoinError>>> {
        let (handle, member) = self.handles.get_mut(&key)?;
        member.queued.store(false, Ordering::Release);
        let waker = Waker::from(member.clone());
        let polled = Pin::new(&mut *handle).poll(&mut Context::from_waker(&waker));
        Some(polled.map(|result| {
            let (handle, _) = self.handles.remove(&key).expect("it was there just now");
            result.map(|output| (handle.id(), output))
        }))
    }

    /// Aborts all tasks and waits until they have ended.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// Waits for all tasks and answers their outputs, in the order they ended.
    ///
    /// # Panics
    ///
    /// With the panic of the first task that panicked, or if one was cancelled.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut outputs = Vec::with_capacity(self.len());
        while let Some(joined) = self.join_next().await {
            match joined {
                Ok(output) => outputs.push(output),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(error) => panic!("{error}"),
            }
        }
        outputs
    }

    /// Aborts all tasks. They stay in the set until they are taken out.
    pub fn abort_all(&mut self) {
        self.handles.values().for_each(|(handle, _)| handle.abort());
    }

    /// Takes all tasks out without aborting them.
    pub fn detach_all(&mut self) {
        self.handles.clear();
        self.shared.state().notified.clear();
    }

    /// Polls for the next task that ends.
    pub fn poll_join_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        self.poll_join_next_with_id(cx).map(|next| next.map(|joined| joined.map(|(_, output)| output)))
    }

    /// As [`JoinSet::poll_join_next`], with the task's number.
    pub fn poll_join_next_with_id(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        loop {
            let key = {
                let mut state = self.shared.state();
                match state.notified.pop_front() {
                    Some(key) => key,
                    None if self.handles.is_empty() => return Poll::Ready(None),
                    None => {
                        let before = state.waker.replace(cx.waker().clone());
                        drop(state);
                        drop(before);
                        return Poll::Pending;
                    }
                }
            };
            match self.poll_member(key) {
                None => {}
                Some(Poll::Ready(joined)) => return Poll::Ready(Some(joined)),
                Some(Poll::Pending) => {
                    // The budget is used up: the member has woken itself, and so must this.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.handles.values().for_each(|(handle, _)| handle.abort());
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Spawns all of them on the current runtime.
impl<T, F> FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn from_iter<I: IntoIterator<Item = F>>(tasks: I) -> Self {
        let mut set = Self::new();
        set.extend(tasks);
        set
    }
}

/// Spawns all of them on the current runtime.
impl<T, F> Extend<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn extend<I: IntoIterator<Item = F>>(&mut self, tasks: I) {
        for task in tasks {
            self.spawn(task);
        }
    }
}
