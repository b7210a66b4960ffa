//! One runtime: what it was built as, which tasks it has, whether it is being shut down.
//!
//! Every flavour runs on the one executor of the run. A runtime is the set of tasks that end with it, and the
//! answers to what code may ask of it.

use super::ambient::Stay;
use super::context::{self, Entered};
use super::{Handle, RuntimeFlavor};
use crate::task::abort::Header;
use crate::task::join::{JoinHandle, Shared};
use crate::task::{Harness, Id, JoinError};
use sim_runtime::executor::{World, block_on, spawn_blocking_on, spawn_on, try_current};
use sim_runtime::schedule::TaskId;
use sim_runtime::tape::Lane;
use sim_runtime::task::NodeId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// What a runtime was built as.
pub(crate) struct Config {
    pub(super) flavor: RuntimeFlavor,
    /// A [`LocalRuntime`](super::LocalRuntime).
    pub(super) local: bool,
    pub(super) name: Option<String>,
    pub(super) time: bool,
    pub(super) io: bool,
    pub(super) workers: usize,
    pub(super) thread_name: Arc<dyn Fn() -> String + Send + Sync>,
    pub(super) on_thread_start: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(super) on_thread_stop: Option<Arc<dyn Fn() + Send + Sync>>,
    pub(super) paused: bool,
}

/// One runtime.
pub(crate) struct Core {
    pub(super) id: u64,
    pub(super) config: Config,
    node: NodeId,
    run: u32,
    /// The thread it was made on.
    thread: std::thread::ThreadId,
    /// The start of its timer, which counts whole milliseconds from here.
    pub(crate) origin: std::time::Instant,
    state: Mutex<State>,
    /// Handles outlive runtimes, and the world must outlive both.
    _stay: Stay,
    pub(super) spawned: AtomicU64,
    pub(super) polls: AtomicU64,
}

#[derive(Default)]
struct State {
    shut_down: bool,
    /// By number of the run's task.
    tasks: BTreeMap<u64, Arc<Header>>,
    blocking: BTreeMap<u64, Arc<Header>>,
    /// Who waits for the blocking closures to end.
    idle: Option<Waker>,
}

/// What a run keeps for this crate.
#[derive(Default)]
struct Tokio {
    ids: Cell<u64>,
    runtimes: Cell<u64>,
    /// The runtime of each node whose code never made one.
    implicit: RefCell<BTreeMap<NodeId, Arc<Core>>>,
    lane: RefCell<Option<Lane>>,
}

fn tokio(world: &World) -> Rc<Tokio> {
    world.extension(Tokio::default)
}

static OUTSIDE_IDS: AtomicU64 = AtomicU64::new(1 << 32);

/// A number that no other task of the run has.
pub(crate) fn next_task_id() -> u64 {
    match try_current() {
        Some(world) => {
            let tokio = tokio(&world);
            let id = tokio.ids.get() + 1;
            tokio.ids.set(id);
            id
        }
        None => OUTSIDE_IDS.fetch_add(1, Ordering::Relaxed),
    }
}

/// A number that no other runtime or local set of the run has.
pub(crate) fn next_runtime_id() -> u64 {
    match try_current() {
        Some(world) => {
            let tokio = tokio(&world);
            let id = tokio.runtimes.get() + 1;
            tokio.runtimes.set(id);
            id
        }
        None => OUTSIDE_IDS.fetch_add(1, Ordering::Relaxed),
    }
}

/// One choice of the lane `tokio`, below `bound`; `None` outside of a run.
pub(crate) fn draw(bound: u32) -> Option<u32> {
    let world = try_current()?;
    let tokio = tokio(&world);
    let mut lane = tokio.lane.borrow_mut();
    let lane = lane.get_or_insert_with(|| world.tape.lane("tokio"));
    Some(lane.below(u64::from(bound)) as u32)
}

/// The runtime of the node whose task is running: code of a node need not make one.
pub(super) fn implicit() -> Option<Handle> {
    let world = try_current()?;
    if world.is_ambient() || world.current_task().is_none() {
        return None;
    }
    let tokio = tokio(&world);
    let node = world.current_node();
    let found = tokio.implicit.borrow().get(&node).cloned();
    let core = found.unwrap_or_else(|| {
        let core = Core::new(&world, Config::implicit(), Stay::none());
        tokio.implicit.borrow_mut().insert(node, core.clone());
        core
    });
    Some(Handle { core })
}

impl Config {
    fn implicit() -> Self {
        Self {
            flavor: RuntimeFlavor::MultiThread,
            local: false,
            name: None,
            time: true,
            io: true,
            workers: 1,
            thread_name: Arc::new(|| super::builder::THREAD_NAME.to_owned()),
            on_thread_start: None,
            on_thread_stop: None,
            paused: false,
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Core")
            .field("id", &self.id)
            .field("flavor", &self.config.flavor)
            .finish_non_exhaustive()
    }
}

impl Core {
    pub(crate) fn new(world: &Rc<World>, config: Config, stay: Stay) -> Arc<Self> {
        super::seam::install();
        if config.paused {
            world.freeze(true);
        }
        Arc::new(Self {
            id: next_runtime_id(),
            config,
            node: world.current_node(),
            run: world.number(),
            thread: std::thread::current().id(),
            origin: crate::time::instant::std_now(),
            state: Mutex::default(),
            _stay: stay,
            spawned: AtomicU64::new(0),
            polls: AtomicU64::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run this runtime belongs to, if the thread is inside of it.
    pub(crate) fn world(&self) -> Option<Rc<World>> {
        try_current().filter(|world| world.number() == self.run)
    }

    #[track_caller]
    fn expect_world(&self) -> Rc<World> {
        self.world().expect(
            "this runtime's simulation is over, or runs on another thread: a simulated runtime is used on the thread \
             it was made on",
        )
    }

    pub(crate) fn flavor(&self) -> RuntimeFlavor {
        self.config.flavor
    }

    pub(crate) fn has_io(&self) -> bool {
        self.config.io
    }

    pub(crate) fn is_on_its_thread(&self) -> bool {
        self.thread == std::thread::current().id()
    }

    pub(crate) fn is_local(&self) -> bool {
        self.config.local
    }

    pub(crate) fn count_poll(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.state().shut_down
    }

    pub(super) fn alive_tasks(&self) -> usize {
        self.state().tasks.len()
    }

    pub(super) fn blocking_threads(&self) -> usize {
        self.state().blocking.len()
    }

    /// Spawns a task of this runtime.
    pub(crate) fn spawn<F>(
        self: &Arc<Self>,
        future: F,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let id = Id::next();
        let shared = Shared::new(id);
        let handle = JoinHandle::new(shared.clone());
        if self.is_shut_down() {
            let _scope = context::task_scope(Some(id));
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(future)));
            shared.finish(Err(match dropped {
                Ok(()) => JoinError::cancelled(id),
                Err(payload) => JoinError::panicked(id, payload),
            }));
            return handle;
        }
        let world = self.expect_world();
        let header = shared.header().clone();
        let task = spawn_on(&world, self.node, spawned_at, Harness::new(future, shared, Some(self.clone())));
        header.set_task(task.id());
        self.spawned.fetch_add(1, Ordering::Relaxed);
        self.state().tasks.insert(task.id().0, header);
        handle
    }

    pub(crate) fn forget(&self, task: Option<TaskId>) {
        if let Some(task) = task {
            let gone = self.state().tasks.remove(&task.0);
            drop(gone);
        }
    }

    /// Runs a closure that may block on a thread of its own.
    pub(crate) fn spawn_blocking<F, R>(
        self: &Arc<Self>,
        function: F,
        spawned_at: &'static Location<'static>,
    ) -> JoinHandle<R>
    where
        F: FnOnce() -> R + 'static,
        R: 'static,
    {
        let id = Id::next();
        let shared = Shared::new(id);
        let handle = JoinHandle::new(shared.clone());
        if self.is_shut_down() {
            shared.finish(Err(JoinError::cancelled(id)));
            return handle;
        }
        let world = self.expect_world();
        let header = shared.header().clone();
        let run = Blocking { shared, core: self.clone(), function: Some(function) };
        let name = (self.config.thread_name)();
        let task = spawn_blocking_on(&world, self.node, spawned_at, &name, move || run.run());
        header.set_task(task.id());
        self.state().blocking.insert(task.id().0, header);
        handle
    }

    /// Drives a future to its end on the present thread.
    #[track_caller]
    pub(super) fn block_on<F: Future>(self: &Arc<Self>, future: F, may_leave: bool) -> F::Output {
        assert!(
            context::entered() == Entered::No,
            "Cannot start a runtime from within a runtime. This happens because a function (like `block_on`) \
             attempted to block the current thread while the thread is being used to drive asynchronous tasks. If you \
             are in an async function, use `.await` on the future instead of blocking on it."
        );
        let world = self.expect_world();
        let mut future = std::pin::pin!(future);
        let handle = Handle { core: self.clone() };
        let driven = std::future::poll_fn(|cx| {
            let _scope = context::scope(handle.clone(), None, Entered::Yes { may_leave });
            self.count_poll();
            super::seam::budget(|| future.as_mut().poll(cx))
        });
        // Its own: what is dropped by a panic of the future, too, is dropped inside.
        match block_on(driven) {
            Ok(output) => output,
            Err(blocked) => panic!(
                "block_on will never return ({blocked}){}",
                world.waiting_tasks().iter().map(|task| format!("\n  {task}")).collect::<String>()
            ),
        }
    }

    /// No task runs any more: drops all. Blocking closures go on: a thread would have taken them up at once.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        let Some(world) = self.world() else {
            self.state().shut_down = true;
            return;
        };
        {
            let mut state = self.state();
            if std::mem::replace(&mut state.shut_down, true) {
                return;
            }
        }
        let own = self.clone();
        world.drop_tasks_if(|task, _| own.state().tasks.contains_key(&task.0));
        if self.config.paused {
            world.freeze(false);
        }
    }

    /// Waits until no blocking closure runs any more.
    pub(crate) async fn blocking_ended(self: Arc<Self>) {
        std::future::poll_fn(move |cx| {
            let mut state = self.state();
            if state.blocking.is_empty() {
                return Poll::Ready(());
            }
            state.idle = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Shuts down, and waits for the blocking closures that run: without a limit, or for at most so long.
    pub(super) fn shut_down_and_wait(self: &Arc<Self>, limit: Option<Duration>) {
        self.shut_down();
        let may_block = context::entered() == Entered::No;
        assert!(
            may_block || limit.is_some() || std::thread::panicking(),
            "Cannot drop a runtime in a context where blocking is not allowed. This happens when a runtime is dropped \
             from within an asynchronous context."
        );
        if !may_block || self.world().is_none() || self.state().blocking.is_empty() {
            return;
        }
        let ended = self.clone().blocking_ended();
        // Over before they have ended: as on tokio, the closures are left to themselves.
        let _ = match limit {
            None => block_on(ended).map(Ok),
            Some(limit) => block_on(sim_runtime::executor::timeout(limit, ended)),
        };
    }
}

/// A closure on its way to a thread.
struct Blocking<F: FnOnce() -> R, R> {
    shared: Arc<Shared<R>>,
    core: Arc<Core>,
    function: Option<F>,
}

impl<F: FnOnce() -> R, R> Blocking<F, R> {
    fn run(mut self) {
        let Some(function) = self.function.take() else { return };
        let header = self.shared.header().clone();
        let handle = Handle { core: self.core.clone() };
        let _scope = context::scope(handle, Some(header.id()), Entered::No);
        if !header.begin() {
            drop(function);
            self.shared.finish(Err(JoinError::cancelled(header.id())));
            return;
        }
        if let Some(start) = &self.core.config.on_thread_start {
            start();
        }
        let ended = catch_unwind(AssertUnwindSafe(function)).map_err(|payload| {
            if let Some(world) = try_current() {
                world.task_panicked(&*payload);
            }
            JoinError::panicked(header.id(), payload)
        });
        self.shared.finish(ended);
        if let Some(stop) = &self.core.config.on_thread_stop {
            stop();
        }
    }
}

impl<F: FnOnce() -> R, R> Drop for Blocking<F, R> {
    fn drop(&mut self) {
        let header = self.shared.header().clone();
        if let Some(function) = self.function.take() {
            let _scope = context::task_scope(Some(header.id()));
            drop(function);
        }
        if !header.is_finished() {
            self.shared.finish(Err(JoinError::cancelled(header.id())));
        }
        let (gone, idle) = {
            let mut state = self.core.state();
            let gone = header.task().and_then(|task| state.blocking.remove(&task.0));
            let idle = if state.blocking.is_empty() { state.idle.take() } else { None };
            (gone, idle)
        };
        drop(gone);
        if let Some(idle) = idle {
            idle.wake();
        }
    }
}
