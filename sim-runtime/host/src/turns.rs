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

use std::any::Any;
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

/// Tells whether a guest has ended.
#[derive(Clone)]
pub(crate) struct End(Arc<Shared>);

impl End {
    pub(crate) fn word(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// Whether it has ended, or stands still for ever.
    pub(crate) fn has_come(&self) -> bool {
        outside(|| matches!(self.0.wait(|_| true), Turn::Ended | Turn::Abandoned))
    }
}

/// The guest was dismissed: there will be no further turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dismissed;

/// A guest's side of a thread that the C library starts.
pub(crate) struct Foreign {
    shared: Arc<Shared>,
    entered: Moved<*const gate::Inside>,
}

/// Ends a foreign guest, after the destructors of all its other thread-locals.
struct Ending {
    shared: Arc<Shared>,
    machine: Option<Box<dyn Any>>,
    adopted: Option<gate::Entered>,
}

thread_local! {
    static ENDING: RefCell<Option<Ending>> = const { RefCell::new(None) };
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.machine = None;
        self.adopted = None;
        self.shared.set(Turn::Ended);
    }
}

impl Foreign {
    /// On the new thread: waits for the first turn and enters the run. `false`: it was dismissed before, and
    /// is to end at once.
    pub(crate) fn begin(self) -> bool {
        let Foreign { shared, entered } = self;
        // First, so that it is destroyed last: thread-locals go in the reverse order of their making.
        ENDING.with(|ending| {
            *ending.borrow_mut() = Some(Ending { shared: Arc::clone(&shared), machine: None, adopted: None });
        });
        let first = shared.wait(|turn| turn != Turn::Host);
        if first != Turn::Guest {
            return false;
        }
        SELF.set(Some((shared, false)));
        // SAFETY: the pointer is the host's present run; it has the turn to give, so it has not left it.
        let adopted = unsafe { gate::adopt(entered.into_inner()) };
        let machine = gate::ask(|inside| inside.machine.enter_thread());
        ENDING.with(|ending| {
            if let Some(ending) = &mut *ending.borrow_mut() {
                ending.adopted = adopted;
                ending.machine = machine;
            }
        });
        true
    }
}

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

    /// The two sides of a thread that the C library starts.
    pub(crate) fn foreign() -> (Guest, Foreign) {
        let shared = Arc::new(Shared { turn: Mutex::new(Turn::Host), changed: Condvar::new() });
        let foreign = Foreign { shared: Arc::clone(&shared), entered: Moved(gate::entered()) };
        (Guest { shared, thread: RefCell::new(None) }, foreign)
    }

    /// A number that no other guest has while this one is there: the word that who joins it waits on.
    pub fn word(&self) -> usize {
        Arc::as_ptr(&self.shared) as usize
    }

    /// Tells of its end without keeping it.
    pub(crate) fn end(&self) -> End {
        End(Arc::clone(&self.shared))
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
    let (shared, dismissed) = SELF.with_borrow(Clone::clone).expect("only a guest has a turn to give back");
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
