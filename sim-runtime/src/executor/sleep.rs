//! Waiting in virtual time.

use super::world::{try_with_current, with_current};
use crate::time::{Nanos, TimerKey};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Waits for `duration` of virtual time. A node whose clock drifts waits by its own clock.
///
/// # Panics
///
/// When polled outside of a run.
pub fn sleep(duration: Duration) -> Sleep {
    let local = u64::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX);
    let deadline = with_current(|world| {
        let duration = world.skew(world.current_node()).true_duration(local);
        world.now().saturating_add(duration)
    });
    sleep_until(deadline)
}

/// Waits until the true time `deadline`, in nanoseconds since the start of the run.
pub fn sleep_until(deadline: Nanos) -> Sleep {
    Sleep { deadline, armed: None }
}

/// The future of [`sleep`].
///
/// # Cancel safety
///
/// Dropping it cancels the timer.
#[derive(Debug)]
pub struct Sleep {
    deadline: Nanos,
    armed: Option<TimerKey>,
}

impl Sleep {
    /// The true time it waits for.
    pub fn deadline(&self) -> Nanos {
        self.deadline
    }

    /// Whether that time has come.
    pub fn is_elapsed(&self) -> bool {
        with_current(|world| world.now() >= self.deadline)
    }

    /// Waits for another time instead.
    pub fn reset(&mut self, deadline: Nanos) {
        self.disarm();
        self.deadline = deadline;
    }

    fn disarm(&mut self) {
        if let Some(key) = self.armed.take() {
            let _ = try_with_current(|world| world.cancel(key));
        }
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        with_current(|world| {
            if world.now() >= self.deadline {
                self.disarm();
                return Poll::Ready(());
            }
            match self.armed {
                Some(key) if world.rewake(key, context.waker()) => {}
                _ => self.armed = Some(world.arm(self.deadline, context.waker().clone())),
            }
            world.waits_for("a timer");
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// Gives up `future` after `duration` of virtual time. The future is polled first, so one that is
/// ready wins over a time that is up.
///
/// # Errors
///
/// [`Elapsed`] if the time was up first.
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout { future, sleep: sleep(duration) }
}

pin_project! {
    /// The future of [`timeout`].
    #[derive(Debug)]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        #[pin]
        sleep: Sleep,
    }
}

/// The time given to [`timeout`] was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("deadline has elapsed")]
pub struct Elapsed(());

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(context) {
            return Poll::Ready(Ok(output));
        }
        this.sleep.poll(context).map(|()| Err(Elapsed(())))
    }
}

/// Ticks every `period`, for the first time at once. Late ticks follow at once, one each.
///
/// # Panics
///
/// If the period is zero.
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval needs a period above zero");
    Interval { sleep: sleep(Duration::ZERO), period }
}

/// See [`interval`].
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
}

impl Interval {
    /// Waits for the next tick and answers the true time it was due.
    ///
    /// # Cancel safety
    ///
    /// No tick is lost.
    pub async fn tick(&mut self) -> Nanos {
        std::future::poll_fn(|context| Pin::new(&mut self.sleep).poll(context)).await;
        let due = self.sleep.deadline();
        let period = u64::try_from(self.period.as_nanos()).unwrap_or(Nanos::MAX);
        let period = with_current(|world| world.skew(world.current_node()).true_duration(period));
        self.sleep.reset(due.saturating_add(period));
        due
    }
}

/// Lets any other ready task run first, if the schedule so decides.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut yielded = false;
    std::future::poll_fn(move |context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A place where a runtime with several threads could switch to another task: every simulated
/// input, output and lock operation passes one, also when it could go on at once.
pub fn switch_point() -> impl Future<Output = ()> {
    yield_now()
}
