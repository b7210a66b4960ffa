//! Waiting for a moment.
//!
//! tokio's timer counts whole milliseconds from the start of its runtime and never fires early: a deadline
//! within a millisecond is met at the end of it. Services depend on both, so it is so here.

use super::Instant;
use super::instant::bounded;
use crate::runtime::Handle;
use crate::task::coop;
use pin_project_lite::pin_project;
use sim_runtime::executor::World;
use sim_runtime::time::{Nanos, TimerKey};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Waits for `duration` of virtual time.
///
/// # Panics
///
/// If there is no current runtime, or it has no timer.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(Instant::now() + bounded(duration))
}

/// Waits until `deadline`.
///
/// # Panics
///
/// If there is no current runtime, or it has no timer.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(deadline)
}

pin_project! {
    /// The future of [`sleep`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the timer.
    #[project(!Unpin)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sleep {
        deadline: Instant,
        handle: Handle,
        timer: Timer,
    }

    impl PinnedDrop for Sleep {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.timer.disarm(this.handle);
        }
    }
}

/// Where a sleep stands with the run's timers.
enum Timer {
    /// Not polled since it was made.
    New,
    /// Due at this true time, in nanoseconds.
    Set {
        due: Nanos,
        armed: Option<(u32, TimerKey)>,
    },
    Elapsed,
}

impl fmt::Debug for Sleep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sleep").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Sleep {
    #[track_caller]
    fn new(deadline: Instant) -> Sleep {
        let handle = Handle::current();
        handle.expect_time();
        Sleep { deadline, handle, timer: Timer::New }
    }

    /// The moment waited for.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it was waited for that moment, to the end.
    pub fn is_elapsed(&self) -> bool {
        match self.timer {
            Timer::New => false,
            Timer::Set { due, .. } => self.handle.core.world().is_some_and(|world| world.now() >= due),
            Timer::Elapsed => true,
        }
    }

    /// Waits for another moment instead.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        *this.deadline = deadline;
        this.timer.disarm(this.handle);
        *this.timer = match this.handle.core.world() {
            Some(world) => Timer::Set { due: due(&world, this.handle, deadline), armed: None },
            None => Timer::New,
        };
    }

    /// As [`Sleep::reset`], but the timer is not started before the next poll.
    pub(super) fn reset_unstarted(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        *this.deadline = deadline;
        this.timer.disarm(this.handle);
        *this.timer = Timer::New;
    }
}

/// The true time at which the timer of this runtime meets `deadline`.
fn due(world: &Rc<World>, handle: &Handle, deadline: Instant) -> Nanos {
    const TICK: u128 = 1_000_000;
    let origin = handle.core.origin;
    let ticks = deadline.into_std().saturating_duration_since(origin).as_nanos().div_ceil(TICK);
    let met = Duration::from_nanos(u64::try_from(ticks * TICK).unwrap_or(u64::MAX));
    let now = super::instant::std_now().saturating_duration_since(origin);
    let left = u64::try_from(met.saturating_sub(now).as_nanos()).unwrap_or(u64::MAX);
    world.now().saturating_add(world.skew(handle.core.node()).true_duration(left))
}

impl Timer {
    fn disarm(&mut self, handle: &Handle) {
        if let Timer::Set { armed, .. } = self
            && let Some((run, key)) = armed.take()
            && let Some(world) = handle.core.world()
            && world.number() == run
        {
            world.cancel(key);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let coop = ready!(coop::poll_proceed(cx));
        assert!(!this.handle.core.is_shut_down(), "A Tokio 1.x context was found, but it is being shutdown.");
        let Some(world) = this.handle.core.world() else {
            panic!("a sleep was polled outside of the simulation it was made in");
        };
        if let Timer::New = this.timer {
            *this.timer = Timer::Set { due: due(&world, this.handle, *this.deadline), armed: None };
        }
        let Timer::Set { due, armed } = this.timer else {
            coop.made_progress();
            return Poll::Ready(());
        };
        if world.now() >= *due {
            if let Some((_, key)) = armed.take() {
                world.cancel(key);
            }
            *this.timer = Timer::Elapsed;
            coop.made_progress();
            return Poll::Ready(());
        }
        match armed {
            Some((_, key)) if world.rewake(*key, cx.waker()) => {}
            _ => *armed = Some((world.number(), world.arm(*due, cx.waker().clone()))),
        }
        world.waits_for("a timer");
        Poll::Pending
    }
}
