//! Our side: a server in this process, on virtual time, its sessions polled by hand.
//!
//! Nothing here waits: after [`World::settle`] every session has either answered or is blocked, so "it waits" is a fact
//! and not a guess about how long to be patient.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures::io::{AsyncRead, AsyncWrite};
use sim_db::{
    engine::{Environment, LocalBoxFuture, Timestamp},
    wire::{
        Authentication, Server,
        pipe::{Pipe, pipe},
        serve_connection,
    },
};

/// 2024-01-01 00:00:00 UTC.
const START: Timestamp = Timestamp(1_704_067_200_000_000);

#[derive(Default)]
struct Clock {
    now: Cell<Timestamp>,
    timers: RefCell<BTreeMap<(Timestamp, u64), Waker>>,
    timers_made: Cell<u64>,
    entropy: Cell<u64>,
}

struct VirtualEnvironment(Rc<Clock>);

impl Environment for VirtualEnvironment {
    fn now(&self) -> Timestamp {
        self.0.now.get()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<()> {
        let clock = self.0.clone();
        let deadline = clock.now.get().after(duration);
        let number = clock.timers_made.get();
        clock.timers_made.set(number + 1);
        Box::pin(std::future::poll_fn(move |context| {
            if clock.now.get() >= deadline {
                return Poll::Ready(());
            }
            clock.timers.borrow_mut().insert((deadline, number), context.waker().clone());
            Poll::Pending
        }))
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        for byte in out {
            let next = self.0.entropy.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            self.0.entropy.set(next);
            *byte = next.to_be_bytes()[0];
        }
    }
}

/// Tasks to poll, in the order in which they were woken: who is freed first runs first.
type Ready = Arc<Mutex<VecDeque<usize>>>;

struct Wakeup {
    task: usize,
    ready: Ready,
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().expect("nothing panics while it holds the queue");
        if !ready.contains(&self.task) {
            ready.push_back(self.task);
        }
    }
}

type Task = Option<Pin<Box<dyn Future<Output = ()>>>>;

/// A server with its clients.
pub struct World {
    /// The server.
    pub server: Server,
    clock: Rc<Clock>,
    tasks: RefCell<Vec<Task>>,
    ready: Ready,
    /// 0: who was woken first runs first; else the seed of another order.
    order: Cell<u64>,
}

impl World {
    /// A server without databases.
    pub fn new(authentication: Authentication) -> Self {
        let clock = Rc::new(Clock { now: Cell::new(START), ..Clock::default() });
        let environment = Rc::new(VirtualEnvironment(clock.clone()));
        let server = Server::new(environment, authentication);
        Self { server, clock, tasks: RefCell::default(), ready: Ready::default(), order: Cell::new(0) }
    }

    /// In which order sessions run that are ready at once: 0, the default, is first come, first served; every other
    /// number is a random order of its own.
    pub fn set_order(&self, order: u64) {
        self.order.set(order);
    }

    fn next_ready(&self) -> Option<usize> {
        let mut ready = self.ready.lock().expect("nothing panics while it holds the queue");
        let order = self.order.get();
        if order == 0 || ready.len() < 2 {
            return ready.pop_front();
        }
        let next = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.order.set(next.max(1));
        let at = (next >> 33) as usize % ready.len();
        ready.remove(at)
    }

    /// A new connection: the client's end. It holds at most `bytes_max` unread bytes in each direction.
    pub fn connect(&self, bytes_max: usize) -> Client {
        let (ours, theirs) = pipe(bytes_max);
        let server = self.server.clone();
        let future = Box::pin(async move { serve_connection(&server, theirs).await });
        let mut tasks = self.tasks.borrow_mut();
        self.ready.lock().expect("nothing panics while it holds the queue").push_back(tasks.len());
        tasks.push(Some(future));
        Client { pipe: ours }
    }

    /// Runs until every session waits for its client, a lock or the clock.
    pub fn settle(&self) {
        loop {
            let Some(task) = self.next_ready() else { return };
            // A session neither starts nor ends another one's task, so the list may be held while it runs.
            let mut tasks = self.tasks.borrow_mut();
            let Some(future) = &mut tasks[task] else { continue };
            let waker = Waker::from(Arc::new(Wakeup { task, ready: self.ready.clone() }));
            if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                tasks[task] = None;
            }
        }
    }

    /// Lets virtual time pass, stopping at every timer.
    pub fn advance(&self, duration: Duration) {
        let end = self.clock.now.get().after(duration);
        loop {
            self.settle();
            let next = self.clock.timers.borrow().first_key_value().map(|(key, _)| *key);
            match next {
                Some(key) if key.0 <= end => {
                    self.clock.now.set(self.clock.now.get().max(key.0));
                    let waker = self.clock.timers.borrow_mut().remove(&key).expect("it was the first");
                    waker.wake();
                }
                _ => break,
            }
        }
        self.clock.now.set(end);
        self.settle();
    }
}

/// A client's end of a connection.
pub struct Client {
    pipe: Pipe,
}

impl Client {
    /// Sends bytes.
    ///
    /// # Panics
    /// If the connection's buffer is full: then settle the world first.
    pub fn send(&mut self, bytes: &[u8]) {
        let mut context = Context::from_waker(Waker::noop());
        let mut rest = bytes;
        while !rest.is_empty() {
            match Pin::new(&mut self.pipe).poll_write(&mut context, rest) {
                Poll::Ready(Ok(n)) => rest = &rest[n..],
                // The server closed; what it said before can still be read.
                Poll::Ready(Err(_)) => return,
                Poll::Pending => panic!("the connection's buffer is full"),
            }
        }
    }

    /// What has arrived, and whether the server closed the connection.
    pub fn receive(&mut self) -> (Vec<u8>, bool) {
        let mut context = Context::from_waker(Waker::noop());
        let mut bytes = Vec::new();
        let mut room = [0; 4_096];
        loop {
            match Pin::new(&mut self.pipe).poll_read(&mut context, &mut room) {
                Poll::Ready(Ok(0) | Err(_)) => return (bytes, true),
                Poll::Ready(Ok(n)) => bytes.extend_from_slice(&room[..n]),
                Poll::Pending => return (bytes, false),
            }
        }
    }
}
