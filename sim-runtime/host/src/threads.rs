//! A fresh thread for each run: fresh thread-locals, so fresh hash keys and thread-local generators.
//!
//! The caller waits for the thread's very end, destructors of its thread-locals included. Only a run that
//! will never return is not waited for: an [`Abandon`] in the hands of the [watchdog](crate::watchdog)
//! lets the caller go on, and the thread is leaked.

use std::any::Any;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::gate::outside;

/// What a panic carried, as `catch_unwind` gives it.
pub type PanicPayload = Box<dyn Any + Send + 'static>;

/// How a fresh thread failed to give a result.
#[derive(Debug)]
pub enum ThreadError {
    /// The function panicked with this.
    Panicked(PanicPayload),
    /// It was abandoned and still runs.
    Abandoned,
}

/// The message of a panic, if it had one.
pub fn panic_message(payload: &PanicPayload) -> Option<&str> {
    payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied())
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    ended: bool,
    abandoned: bool,
}

/// Marks the end of the thread's function, panicked or not.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.0.changed.notify_all();
    }
}

/// A started thread that is waited for.
pub struct FreshThread<T> {
    handle: JoinHandle<T>,
    shared: Arc<Shared>,
}

/// Lets the one who waits for a thread go on without it.
#[derive(Clone)]
pub struct Abandon(Arc<Shared>);

impl Abandon {
    /// From now on, waiting gives [`ThreadError::Abandoned`]; the thread itself goes on for as long as it likes.
    pub fn abandon(&self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).abandoned = true;
        self.0.changed.notify_all();
    }
}

impl<T> FreshThread<T> {
    /// Starts `f` on a new thread of that name, with a stack of `stack_bytes`.
    ///
    /// # Errors
    /// When the host gives no thread, or the name holds a NUL byte.
    pub fn start(
        name: &str,
        stack_bytes: usize,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<FreshThread<T>>
    where
        T: Send + 'static,
    {
        let shared = Arc::new(Shared::default());
        let ending = Ending(Arc::clone(&shared));
        let handle = outside(|| {
            thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes).spawn(move || {
                let _ending = ending;
                f()
            })
        })?;
        Ok(FreshThread { handle, shared })
    }

    /// What lets the wait end early.
    pub fn abandon(&self) -> Abandon {
        Abandon(Arc::clone(&self.shared))
    }

    /// Waits until the thread is gone, or abandoned.
    ///
    /// # Errors
    /// [`ThreadError`]: it panicked, or was abandoned.
    pub fn wait(self) -> Result<T, ThreadError> {
        self.wait_until(None)
    }

    /// Waits for at most `limit` of real time; a thread that takes longer is abandoned.
    ///
    /// # Errors
    /// [`ThreadError`]: it panicked, or was abandoned.
    pub fn wait_for(self, limit: Duration) -> Result<T, ThreadError> {
        self.wait_until(Some(limit))
    }

    fn wait_until(self, limit: Option<Duration>) -> Result<T, ThreadError> {
        let FreshThread { handle, shared } = self;
        outside(|| {
            let deadline = limit.map(|limit| Instant::now() + limit);
            let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
            while !state.ended && !state.abandoned {
                state = match deadline {
                    None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                    Some(deadline) => {
                        let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                            state.abandoned = true;
                            break;
                        };
                        shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                    }
                };
            }
            let ended = state.ended;
            drop(state);
            if !ended {
                return Err(ThreadError::Abandoned);
            }
            handle.join().map_err(ThreadError::Panicked)
        })
    }
}

/// Runs `f` on a new thread and waits for it.
///
/// # Errors
/// What `f` panicked with.
///
/// # Panics
/// When the host gives no thread, or the name holds a NUL byte.
pub fn run_on_fresh_thread<T: Send + 'static>(
    name: &str,
    stack_bytes: usize,
    f: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PanicPayload> {
    // Not through `FreshThread`: one wake-up is enough where nobody abandons.
    outside(|| {
        let thread = thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes).spawn(f);
        thread.expect("the host has room for one more thread").join()
    })
}
