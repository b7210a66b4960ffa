//! Code that blocks: it stands still while the run goes on.
//!
//! A blocking closure gets a stack of its own, a [guest thread](sim_host::turns), and is a task like
//! any other: the policy picks it, waking it lets it go on. So a closure may lock what a task holds, wait
//! for a channel that a task fills, or wait for a future, all in virtual time.
//!
//! Code that blocks on the run's own thread, within a poll or outside of all tasks, has no other
//! stack to leave to the rest. There the loop is run inside of it. Two such waits nest: the outer one can
//! go on only after the inner one, so tasks that block *on each other* belong in blocking closures.

use super::JoinHandle;
use super::run::Stop;
use super::spawn::spawn_on;
use super::world::{World, with_current};
use crate::task::{NodeId, TaskKey};
use crate::time::Nanos;
use sim_host::Waited;
use sim_host::turns::{self, Guest};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Stack of a blocking closure, as large as std gives a thread.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// Runs a closure that may block, as a task of a node on a thread of this name, as if spawned at `spawned_at`.
///
/// When the task is aborted while the closure waits, a wait for the run unwinds it; one that waits for
/// a lock of std cannot be unwound, and what it holds is leaked.
///
/// # Panics
///
/// When the host gives no thread.
pub fn spawn_blocking_on<F, R>(
    world: &Rc<World>,
    node: NodeId,
    spawned_at: &'static Location<'static>,
    name: &str,
    function: F,
) -> JoinHandle<R>
where
    F: FnOnce() -> R + 'static,
    R: 'static,
{
    let result: Rc<RefCell<Option<std::thread::Result<R>>>> = Rc::default();
    let (slot, own) = (result.clone(), world.clone());
    let body = move || {
        let inside = own.enter();
        let ended = catch_unwind(AssertUnwindSafe(function));
        *slot.borrow_mut() = Some(ended);
        drop(inside);
    };
    let name = name.to_owned();
    let mut start: Option<Box<dyn FnOnce()>> = Some(Box::new(body));
    let mut guest: Option<Guest> = None;
    spawn_on(
        world,
        node,
        spawned_at,
        std::future::poll_fn(move |_| {
            if let Some(body) = start.take() {
                guest = Some(
                    Guest::start(&name, STACK_BYTES, body).expect("the host has room for one more thread"),
                );
            }
            let ended = guest.as_ref().is_none_or(Guest::take_turn);
            match ended.then(|| result.take()).flatten() {
                None => Poll::Pending,
                Some(Ok(value)) => Poll::Ready(value),
                Some(Err(payload)) => resume_unwind(payload),
            }
        }),
    )
}

/// Why blocking came to no end: the run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked(pub Stop);

impl std::fmt::Display for Blocked {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Stop::Stalled => formatter.write_str("nothing is ready and no timer is pending"),
            Stop::OverLimit(limit) => write!(formatter, "the run is over its limit of {limit}"),
            Stop::Done | Stop::Deadline | Stop::Failed => formatter.write_str("the run has failed"),
        }
    }
}

impl std::error::Error for Blocked {}

/// Waits for a future where there is no `await`: in a blocking closure, or on the run's own thread outside of
/// all tasks. Other tasks run meanwhile.
///
/// # Errors
///
/// [`Blocked`] when the run ended first; on the run's own thread only.
///
/// # Panics
///
/// If the thread is not inside a run. In a blocking closure whose task was aborted the wait unwinds.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Blocked> {
    stand_until(future, Location::caller(), WhenGone::Unwind)
}

/// As [`block_on`], for callers that cannot be unwound, such as C's: in a blocking closure whose task was aborted the
/// wait fails instead.
///
/// # Errors
///
/// [`Blocked`] when the run ended first, or the closure's task.
///
/// # Panics
///
/// If the thread is not inside a run.
#[track_caller]
pub fn wait_for<F: Future>(future: F) -> Result<F::Output, Blocked> {
    stand_until(future, Location::caller(), WhenGone::Fail)
}

fn stand_until<F: Future>(
    future: F,
    waits_at: &'static Location<'static>,
    when_gone: WhenGone,
) -> Result<F::Output, Blocked> {
    let world = with_current(Rc::clone);
    let mut future = pin!(future);
    let standing = Standing::new(&world, waits_at);
    let waker = standing.waker();
    loop {
        let polled = standing.as_its_task(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
        if let Poll::Ready(output) = polled {
            return Ok(output);
        }
        world.waits_for("a future (block_on)");
        standing.wait(when_gone)?;
    }
}

/// What unwinds a blocking closure whose task is gone.
struct Unwound;

/// What a wait does in a blocking closure whose task is gone.
#[derive(Clone, Copy)]
enum WhenGone {
    Unwind,
    Fail,
    /// It stands still for ever.
    Stay,
}

/// A stack that stands still, and the task that stands for it.
struct Standing {
    world: Rc<World>,
    key: Option<(TaskKey, NodeId)>,
    woken: Arc<Woken>,
    /// On the run's own thread: the task whose turn is this stack's turn.
    proxy: Option<(JoinHandle<()>, Rc<Cell<bool>>)>,
}

/// Wakes the task that stands for a stack.
struct Woken {
    flag: AtomicBool,
    task: Waker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.flag.swap(true, Ordering::Relaxed) {
            self.task.wake_by_ref();
        }
    }
}

impl Standing {
    fn new(world: &Rc<World>, waits_at: &'static Location<'static>) -> Self {
        let waker_of = |key| world.tasks.borrow().get(key).map(|task| task.waker.clone());
        if turns::is_guest()
            && let Some((key, node)) = world.current.get()
            && let Some(task) = waker_of(key)
        {
            let woken = Arc::new(Woken { flag: AtomicBool::new(false), task });
            return Self { world: world.clone(), key: Some((key, node)), woken, proxy: None };
        }
        let turn = Rc::new(Cell::new(false));
        let own = turn.clone();
        let node = world.current_node();
        let proxy = spawn_on(
            world,
            node,
            waits_at,
            std::future::poll_fn(move |_| {
                own.set(true);
                with_current(|world| world.attention.set(true));
                Poll::<()>::Pending
            }),
        );
        let key = proxy.key();
        let task = waker_of(key).expect("it was spawned just now");
        let woken = Arc::new(Woken { flag: AtomicBool::new(false), task });
        Self { world: world.clone(), key: Some((key, node)), woken, proxy: Some((proxy, turn)) }
    }

    fn waker(&self) -> Waker {
        Waker::from(self.woken.clone())
    }

    fn as_its_task<T>(&self, f: impl FnOnce() -> T) -> T {
        let _restored = Current { world: &self.world, before: self.world.current.replace(self.key) };
        f()
    }

    /// Lets the run go on until the waker was woken and the task that stands for this stack is picked.
    fn wait(&self, when_gone: WhenGone) -> Result<(), Blocked> {
        // At least one turn, also when woken already: what wakes itself over and over must not stop the run.
        loop {
            match &self.proxy {
                None => {
                    if turns::give_back().is_err() {
                        match when_gone {
                            WhenGone::Unwind => resume_unwind(Box::new(Unwound)),
                            WhenGone::Fail => return Err(Blocked(Stop::Failed)),
                            WhenGone::Stay => {
                                let _ = turns::give_back();
                            }
                        }
                    }
                }
                Some((proxy, turn)) => {
                    turn.set(false);
                    let stop = self.world.run_until(Nanos::MAX, || turn.get() || proxy.is_finished());
                    // What this loop has asked about, the one around it has not.
                    self.world.attention.set(true);
                    if stop != Stop::Done || proxy.is_finished() {
                        return Err(Blocked(stop));
                    }
                }
            }
            if self.woken.flag.swap(false, Ordering::Relaxed) {
                return Ok(());
            }
        }
    }
}

struct Current<'a> {
    world: &'a Rc<World>,
    before: Option<(TaskKey, NodeId)>,
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        self.world.current.set(self.before);
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        if let Some((proxy, _)) = &self.proxy {
            // It is pending for ever; nothing of anybody's is in it.
            let id = proxy.id();
            self.world.drop_tasks_if(|task, _| task == id);
        }
    }
}

impl World {
    /// A blocking wait on a futex word; see [`sim_host::Machine::blocking_wait`].
    pub(crate) fn wait_on_word(
        self: &Rc<Self>,
        word: usize,
        limit: Option<Nanos>,
        still_waiting: &dyn Fn() -> bool,
    ) -> Waited {
        let standing = Standing::new(self, Location::caller());
        let waker = standing.waker();
        let deadline = limit.map(|limit| self.now().saturating_add(limit));
        let timer = deadline.map(|deadline| self.arm(deadline, waker.clone()));
        self.waiters.borrow_mut().entry(word).or_default().push(waker.clone());
        let waited = loop {
            if !still_waiting() {
                break Waited::Woken;
            }
            if deadline.is_some_and(|deadline| self.now() >= deadline) {
                break Waited::TimedOut;
            }
            self.waits_for("a lock, a condition or a parked thread (std)");
            if standing.wait(WhenGone::Stay).is_err() {
                break Waited::Real;
            }
        };
        if let Some(timer) = timer {
            self.cancel(timer);
        }
        let mut waiters = self.waiters.borrow_mut();
        if let Some(of_word) = waiters.get_mut(&word) {
            of_word.retain(|other| !other.will_wake(&waker));
            if of_word.is_empty() {
                waiters.remove(&word);
            }
        }
        waited
    }

    /// Tells those who wait on a futex word to look again.
    pub(crate) fn wake_word(&self, word: usize) {
        let woken: Vec<Waker> = self.waiters.borrow().get(&word).cloned().unwrap_or_default();
        woken.into_iter().for_each(Waker::wake);
    }

    /// A thread that code has started becomes a task of the node that started it.
    pub(crate) fn adopt_thread(self: &Rc<Self>, guest: Guest) {
        self.fact("thread.started", &[], String::new);
        let own = Rc::downgrade(self);
        let task = std::future::poll_fn(move |_| {
            if !guest.take_turn() {
                return Poll::Pending;
            }
            if let Some(world) = own.upgrade() {
                world.wake_word(guest.word());
            }
            Poll::Ready(())
        });
        drop(spawn_on(self, self.current_node(), Location::caller(), task));
    }

    /// Makes the calling thread, a guest's, one of this run until the answer is dropped.
    pub(crate) fn enter_thread(self: &Rc<Self>) -> Box<dyn std::any::Any> {
        Box::new(self.enter())
    }

    /// Lets others go on first.
    pub(crate) fn yield_blocking(self: &Rc<Self>) {
        let standing = Standing::new(self, Location::caller());
        standing.waker().wake();
        // When the run has ended there is nobody to give way to.
        let _ = standing.wait(WhenGone::Stay);
    }

    /// A blocking sleep: a blocking closure waits, anything else takes the time with it.
    pub(crate) fn sleep_blocking(self: &Rc<Self>, ns: Nanos) {
        if self.frozen.get() {
            self.lead.set(self.lead.get().saturating_add(ns));
        } else if turns::is_guest() {
            self.wait_on_word(0, Some(ns), &|| true);
        } else {
            self.advance(ns);
        }
    }
}
