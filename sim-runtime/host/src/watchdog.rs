//! Notices a run that stopped moving: a poll that never returns, a lock that is never released.
//!
//! Virtual time cannot see these, the thread never comes back to the executor. So one real
//! thread looks at a counter that every poll advances. It cannot end the run's thread (no thread
//! can be killed safely); it tells a callback, which prints and exits, or
//! [abandons](crate::threads::Abandon) the thread and lets the sweep go on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::gate::outside;

/// The run number of a thread that is between runs.
const IDLE: u64 = u64::MAX;

/// A run's sign of life. On cache lines of its own: the watchdog reads it, nobody else.
#[derive(Debug)]
#[repr(align(128))]
struct Signs {
    beats: AtomicU64,
    run: AtomicU64,
    stuck: AtomicBool,
}

/// Held by the thread that runs; dropping it ends the watch.
#[derive(Debug)]
pub struct Heartbeat {
    signs: Arc<Signs>,
}

impl Heartbeat {
    /// The run moved: one relaxed load and store. Call it once a poll.
    #[inline]
    pub fn beat(&self) {
        let beats = self.signs.beats.load(Ordering::Relaxed);
        self.signs.beats.store(beats.wrapping_add(1), Ordering::Relaxed);
    }

    /// A run begins, known to the callback by this number (its seed, or its index in the sweep), below `u64::MAX`.
    pub fn begin(&self, run: u64) {
        self.signs.stuck.store(false, Ordering::Relaxed);
        self.signs.run.store(run, Ordering::Relaxed);
        self.beat();
    }

    /// No run is on this thread: silence means nothing.
    pub fn idle(&self) {
        self.begin(IDLE);
    }

    /// Whether the watchdog has called this run stuck. A run that comes back after all can ask and say so.
    pub fn was_stuck(&self) -> bool {
        self.signs.stuck.load(Ordering::Relaxed)
    }
}

/// A run that did not move.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stuck {
    /// What [`Watchdog::watch`] was given.
    pub name: String,
    /// What [`Heartbeat::begin`] was given.
    pub run: u64,
    /// Polls before the silence, over the heartbeat's life.
    pub beats: u64,
    /// Real time without a beat, at least the limit.
    pub silent_for: Duration,
}

struct Watched {
    name: String,
    signs: Arc<Signs>,
    seen: (u64, u64),
    since: Instant,
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    stopped: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A real thread that watches any number of heartbeats. Dropping it ends the thread.
pub struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts watching: a run silent for `limit` of real time is told to `on_stuck`, once a run, on the watchdog's thread.
    /// It looks eight times within the limit, at most once a millisecond.
    ///
    /// # Panics
    /// When the host gives no thread.
    pub fn start(limit: Duration, on_stuck: impl FnMut(&Stuck) + Send + 'static) -> Watchdog {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = outside(|| {
            thread::Builder::new()
                .name("sim-watchdog".to_owned())
                .spawn(move || watch(&theirs, limit, on_stuck))
                .expect("the host has room for one more thread")
        });
        Watchdog { shared, thread: Some(thread) }
    }

    /// A heartbeat to be kept by one thread; silent and [idle](Heartbeat::idle) until its first run begins.
    pub fn watch(&self, name: impl Into<String>) -> Heartbeat {
        let signs = Arc::new(Signs {
            beats: AtomicU64::new(0),
            run: AtomicU64::new(IDLE),
            stuck: AtomicBool::new(false),
        });
        let watched = Watched {
            name: name.into(),
            signs: Arc::clone(&signs),
            seen: (IDLE, 0),
            since: outside(Instant::now),
        };
        outside(|| self.shared.lock().watched.push(watched));
        Heartbeat { signs }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        outside(|| {
            self.shared.lock().stopped = true;
            self.shared.changed.notify_all();
            if let Some(thread) = self.thread.take()
                && thread.thread().id() != thread::current().id()
            {
                // The callback's panic has been printed by its thread already.
                let _ = thread.join();
            }
        });
    }
}

fn watch(shared: &Shared, limit: Duration, mut on_stuck: impl FnMut(&Stuck)) {
    let pause = (limit / 8).max(Duration::from_millis(1));
    let mut state = shared.lock();
    while !state.stopped {
        state = shared.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
        // Only we hold the signs of a heartbeat that was dropped.
        state.watched.retain(|watched| Arc::strong_count(&watched.signs) > 1);
        let stuck = look(&mut state.watched, limit);
        if !stuck.is_empty() {
            // Unlocked, so that the callback may start and end watches.
            drop(state);
            stuck.iter().for_each(&mut on_stuck);
            state = shared.lock();
        }
    }
}

/// Whose silence has reached the limit just now.
fn look(watched: &mut [Watched], limit: Duration) -> Vec<Stuck> {
    let now = Instant::now();
    let mut stuck = Vec::new();
    for watched in watched {
        let signs = &watched.signs;
        let seen = (signs.run.load(Ordering::Relaxed), signs.beats.load(Ordering::Relaxed));
        if seen != watched.seen || seen.0 == IDLE {
            watched.seen = seen;
            watched.since = now;
            continue;
        }
        let silent_for = now - watched.since;
        if silent_for >= limit && !signs.stuck.swap(true, Ordering::Relaxed) {
            let (run, beats) = seen;
            stuck.push(Stuck { name: watched.name.clone(), run, beats, silent_for });
        }
    }
    stuck
}
