//! A world for tests: a clock moved by hand, and an executor that polls what was woken.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use sim_db::engine::{Environment, LocalBoxFuture, SwitchPoint, Timestamp};

/// The clock, the timers, and what is deterministic chance.
#[derive(Default)]
pub struct TestEnvironment {
    now: Cell<i64>,
    timers: RefCell<Vec<(Timestamp, Waker)>>,
    /// whether switch points let others run
    pub switches: Cell<bool>,
}

struct Sleep(Rc<TestEnvironment>, Timestamp);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.now() >= self.1 {
            return Poll::Ready(());
        }
        self.0.timers.borrow_mut().push((self.1, context.waker().clone()));
        Poll::Pending
    }
}

struct YieldOnce(bool);

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The environment as the engine gets it.
pub struct Shared(pub Rc<TestEnvironment>);

impl TestEnvironment {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }
}

impl Environment for Shared {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<()> {
        Box::pin(Sleep(Rc::clone(&self.0), self.0.now().after(duration)))
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        out.fill(7);
    }

    fn switch_point(&self, _at: SwitchPoint) -> Option<LocalBoxFuture<()>> {
        self.0.switches.get().then(|| Box::pin(YieldOnce(false)) as LocalBoxFuture<()>)
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Task {
    flag: Arc<Flag>,
    future: Option<LocalBoxFuture<()>>,
}

/// The executor.
#[derive(Default)]
pub struct World {
    pub environment: Rc<TestEnvironment>,
    tasks: Vec<Task>,
}

/// What a spawned future answers, once it does.
pub struct Answer<T>(Rc<RefCell<Option<T>>>);

impl<T> Answer<T> {
    pub fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }
}

impl World {
    /// Spawns without polling.
    pub fn spawn<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Answer<T> {
        let answer = Rc::new(RefCell::new(None));
        let place = Rc::clone(&answer);
        let future = Box::pin(async move {
            let value = future.await;
            *place.borrow_mut() = Some(value);
        });
        self.tasks.push(Task { flag: Arc::new(Flag(AtomicBool::new(true))), future: Some(future) });
        Answer(answer)
    }

    /// The tasks that are ready, by number.
    pub fn ready(&self) -> Vec<usize> {
        let ready = |task: &Task| task.future.is_some() && task.flag.0.load(Ordering::Relaxed);
        self.tasks.iter().enumerate().filter(|(_, task)| ready(task)).map(|(at, _)| at).collect()
    }

    /// Polls one task.
    pub fn poll(&mut self, at: usize) {
        let task = &mut self.tasks[at];
        task.flag.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&task.flag));
        let future = task.future.as_mut().expect("only unfinished tasks are polled");
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            task.future = None;
        }
    }

    /// Polls whatever is ready, in turns, until nothing is.
    pub fn settle(&mut self) {
        loop {
            let ready = self.ready();
            if ready.is_empty() {
                break;
            }
            ready.into_iter().for_each(|at| self.poll(at));
        }
        self.tasks.retain(|task| task.future.is_some());
    }

    /// Moves the clock to the next timer; `false` if there is none.
    pub fn next_timer(&mut self) -> bool {
        let next = self.environment.timers.borrow().iter().map(|(at, _)| *at).min();
        let Some(next) = next else { return false };
        self.environment.now.set(next.0.max(self.environment.now.get()));
        let due: Vec<Waker> = {
            let mut timers = self.environment.timers.borrow_mut();
            let (due, later) = std::mem::take(&mut *timers).into_iter().partition(|(at, _)| *at <= next);
            *timers = later;
            let due: Vec<(Timestamp, Waker)> = due;
            due.into_iter().map(|(_, waker)| waker).collect()
        };
        due.into_iter().for_each(Waker::wake);
        true
    }

    /// Moves the clock, timer by timer.
    pub fn advance(&mut self, duration: Duration) {
        let end = self.environment.now().after(duration);
        loop {
            let next = self.environment.timers.borrow().iter().map(|(at, _)| *at).min();
            if next.is_none_or(|next| next > end) {
                break;
            }
            self.next_timer();
            self.settle();
        }
        self.environment.now.set(end.0);
        self.settle();
    }
}
