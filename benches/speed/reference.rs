//! The reference: the least that a single-threaded runtime with virtual time can be.
//!
//! Tasks of `async-task` in a FIFO, a heap of events, mailboxes that deliver through that heap.
//! No policy, no tape, no digest, no books, no limits, no hooks: every promise that `sim` makes
//! beyond this is what the ratios price. It is measured in the same process as `sim`, because on
//! most machines two processes differ by more than two versions of a loop do.

use async_task::{Runnable, Task};
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What happens at a point in time.
enum Event {
    Wake(Waker),
    Deliver(Rc<Mailbox>, Vec<u8>),
}

struct Due {
    at_ns: u64,
    order: u64,
    event: Event,
}

impl Due {
    fn key(&self) -> (u64, u64) {
        (self.at_ns, self.order)
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Messages for one reader.
#[derive(Default)]
pub struct Mailbox {
    messages: RefCell<VecDeque<Vec<u8>>>,
    reader: RefCell<Option<Waker>>,
}

impl Mailbox {
    /// Adds a message and wakes the reader.
    pub fn put(&self, message: Vec<u8>) {
        self.messages.borrow_mut().push_back(message);
        let reader = self.reader.borrow_mut().take();
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Waits for the next message.
    pub fn take(&self) -> impl Future<Output = Vec<u8>> {
        poll_fn(|context| match self.messages.borrow_mut().pop_front() {
            Some(message) => Poll::Ready(message),
            None => {
                *self.reader.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
    }
}

/// The loop and its heap.
#[derive(Default)]
pub struct Loop {
    ready: RefCell<VecDeque<Runnable>>,
    events: RefCell<BinaryHeap<Reverse<Due>>>,
    now_ns: Cell<u64>,
    ordered: Cell<u64>,
}

impl Loop {
    /// Runs `main`, and whatever it spawns, until it has ended.
    pub fn run<F: Future<Output = ()> + 'static>(main: impl FnOnce(Rc<Self>) -> F) {
        Self::run_picking(VecDeque::pop_front, main);
    }

    /// As [`Loop::run`], where `pick` takes the task that runs next.
    pub fn run_picking<F: Future<Output = ()> + 'static>(
        mut pick: impl FnMut(&mut VecDeque<Runnable>) -> Option<Runnable>,
        main: impl FnOnce(Rc<Self>) -> F,
    ) {
        let this = Rc::new(Self::default());
        let main = this.spawn(main(this.clone()));
        loop {
            loop {
                let next = pick(&mut this.ready.borrow_mut());
                match next {
                    Some(runnable) => runnable.run(),
                    None => break,
                };
            }
            if main.is_finished() {
                break;
            }
            let due = this.events.borrow_mut().pop();
            let Reverse(Due { at_ns, event, .. }) = due.expect("someone can go on");
            this.now_ns.set(at_ns);
            match event {
                Event::Wake(waker) => waker.wake(),
                Event::Deliver(mailbox, message) => mailbox.put(message),
            }
        }
        let answer = pin!(main).poll(&mut Context::from_waker(Waker::noop()));
        assert!(answer.is_ready(), "a finished task has its answer");
        // What still waits holds the loop through its waker.
        drop(this.events.take());
    }

    /// Adds a task.
    pub fn spawn<T: 'static>(self: &Rc<Self>, future: impl Future<Output = T> + 'static) -> Task<T> {
        let own = self.clone();
        let schedule = move |runnable| own.ready.borrow_mut().push_back(runnable);
        // SAFETY: the task, its wakers and the loop are all made, used and dropped on this thread. (The safe
        // `spawn_local` compares thread ids at every wake; a reference must not pay for that.)
        #[allow(unsafe_code)]
        let (runnable, task) = unsafe { async_task::spawn_unchecked(future, schedule) };
        runnable.schedule();
        task
    }

    fn at(&self, at_ns: u64, event: Event) {
        let order = self.ordered.get();
        self.ordered.set(order + 1);
        self.events.borrow_mut().push(Reverse(Due { at_ns, order, event }));
    }

    /// Waits.
    pub fn sleep(&self, ns: u64) -> impl Future<Output = ()> {
        let deadline = self.now_ns.get() + ns;
        let mut armed = false;
        poll_fn(move |context| {
            if armed && self.now_ns.get() >= deadline {
                return Poll::Ready(());
            }
            armed = true;
            self.at(deadline, Event::Wake(context.waker().clone()));
            Poll::Pending
        })
    }

    /// Delivers a message after `latency_ns`.
    pub fn send(&self, to: &Rc<Mailbox>, message: Vec<u8>, latency_ns: u64) {
        self.at(self.now_ns.get() + latency_ns, Event::Deliver(to.clone(), message));
    }
}

/// Lets the other ready tasks run.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}
