//! Threads of one run that take turns: a stack of its own for code that blocks.
//!
//! A run is one thread, but a closure that waits for the run itself (a lock that a task holds, a
//! channel that a task fills) needs a stack to wait on. A [`Guest`] is a real thread that only runs
//! while the thread that gave it the turn stands still, so there is still exactly one that moves.
//!
//! A coroutine on the run's own thread was rejected: thread-locals are what such code parks on.
//! `std::thread::park` and `parking_lot` keep one parking place per thread, a tracing span or a
//! tokio context is entered per thread; two stacks that share a thread corrupt all of these. The
//! price is a handover of some microseconds through a futex.

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::gate::{self, outside};

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Host,
    Guest,
    /// The guest is to end: it has the turn, and waiting fails from now on.
    Dismissed,
    /// It was dismissed and waits all the same.
    Abandoned,
    Ended,
}

struct Shared {
    turn: Mutex<Turn>,
    changed: Condvar,
}

impl Shared {
    fn set(&self, turn: Turn) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
        self.changed.notify_all();
    }

    fn wait(&self, until: impl Fn(Turn) -> bool) -> Turn {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        while !until(*turn) {
            turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        *turn
    }
}

thread_local! {
    static SELF: RefCell<Option<(Arc<Shared>, bool)>> = const { RefCell::new(None) };
}

/// A thread that runs only when given the turn.
///
/// Dropping one that has not ended [dismisses](Guest::dismiss) it.
pub struct Guest {
    shared: Arc<Shared>,
    /// Waited for after the last turn, so that destructors of its thread-locals run within that turn too.
    thread: RefCell<Option<JoinHandle<()>>>,
}

/// The guest was dismissed: there will be no further turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dismissed;

/// What is moved to a thread that only runs while its owner waits for it.
struct Moved<T>(T);

// SAFETY: a guest touches what was moved to it only while it has the turn, and the thread that gave
// the turn waits on a mutex meanwhile: the two never run at once, and the mutex orders their memory
// accesses. What is bound to a thread by its thread-locals is not made less so; the guest's function
// enters the run on its own thread.
#[allow(clippy::non_send_fields_in_send_ty, reason = "that is its purpose")]
unsafe impl<T> Send for Moved<T> {}

impl<T> Moved<T> {
    fn into_inner(self) -> T {
        self.0
    }
}

impl Guest {
    /// Makes a thread of that name, with a stack of `stack_bytes`, which will run `f` when given its first turn.
    /// It is inside the same run as the thread that starts it. A panic of `f` ends the guest and goes no further.
    ///
    /// # Errors
    /// When the host gives no thread, or the name holds a NUL byte.
    pub fn start(name: &str, stack_bytes: usize, f: impl FnOnce() + 'static) -> io::Result<Guest> {
        let shared = Arc::new(Shared { turn: Mutex::new(Turn::Host), changed: Condvar::new() });
        let moved = Moved((f, gate::entered()));
        let own = Arc::clone(&shared);
        let body = move || {
            let (f, entered) = moved.into_inner();
            let first = own.wait(|turn| turn != Turn::Host);
            SELF.set(Some((Arc::clone(&own), false)));
            // SAFETY: the pointer is the host's present run; it has the turn to give, so it has not left it.
            let adopted = unsafe { gate::adopt(entered) };
            let ended = catch_unwind(AssertUnwindSafe(|| if first == Turn::Guest { f() } else { drop(f) }));
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(ended)));
            drop(adopted);
            SELF.take();
            own.set(Turn::Ended);
            drop(dropped);
        };
        let thread =
            outside(|| thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes).spawn(body))?;
        Ok(Guest { shared, thread: RefCell::new(Some(thread)) })
    }

    /// Lets the guest run until it ends or [gives the turn back](give_back). `true`: it has ended.
    pub fn take_turn(&self) -> bool {
        self.run(Turn::Guest)
    }

    /// Tells the guest to end: [`give_back`] fails from now on. `false` if it insists on waiting; it is then
    /// left where it stands for as long as the process lives.
    pub fn dismiss(&self) -> bool {
        self.run(Turn::Dismissed)
    }

    fn run(&self, how: Turn) -> bool {
        outside(|| {
            let before = self.shared.wait(|_| true);
            if matches!(before, Turn::Ended | Turn::Abandoned) {
                return before == Turn::Ended;
            }
            self.shared.set(how);
            let after = self.shared.wait(|turn| !matches!(turn, Turn::Guest | Turn::Dismissed));
            let ended = after == Turn::Ended;
            if ended && let Some(thread) = self.thread.take() {
                // Its function's panic was caught; what a thread-local's destructor panicked with is printed.
                let _ = thread.join();
            }
            ended
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// Whether the calling thread is a [`Guest`].
pub fn is_guest() -> bool {
    SELF.try_with(|own| own.borrow().is_some()).unwrap_or(false)
}

/// Gives the turn back and waits for the next one.
///
/// # Errors
/// [`Dismissed`]: there is no next turn, only this last one to clean up in.
///
/// # Panics
/// When the calling thread is not a guest.
pub fn give_back() -> Result<(), Dismissed> {
    let (shared, dismissed) =
        SELF.with_borrow(|own| own.clone()).expect("only a guest has a turn to give back");
    outside(|| {
        if dismissed {
            // It insists: give the turn back for good.
            shared.set(Turn::Abandoned);
            loop {
                shared.wait(|_| false);
            }
        }
        shared.set(Turn::Host);
        match shared.wait(|turn| matches!(turn, Turn::Guest | Turn::Dismissed)) {
            Turn::Dismissed => {
                SELF.set(Some((shared.clone(), true)));
                Err(Dismissed)
            }
            _ => Ok(()),
        }
    })
}
