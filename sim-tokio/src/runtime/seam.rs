//! The seam to the tokio underneath: its cooperative budget, its random numbers, its timer, its messages.
//!
//! Only the renamed copy of the drop-in has it; on top of the registry's tokio the budget is unconstrained and
//! `select!` starts where tokio's own generator says.

#[cfg(drop_in)]
use sim_runtime::executor::try_with_current;
use std::future::Future;

/// Installs the hooks, once in a process.
pub(crate) fn install() {
    #[cfg(drop_in)]
    real_tokio::sim::install(real_tokio::sim::Hooks {
        draw: super::core::draw,
        is_asynchronous: || super::context::entered() != super::context::Entered::No,
        sleep: hooked_sleep,
        sent: |channel, slot| {
            try_with_current(|world| world.message_sent(channel, slot));
        },
        received: |channel, slot| {
            try_with_current(|world| world.message_received(channel, slot));
        },
    });
}

#[cfg(drop_in)]
fn hooked_sleep(
    duration: std::time::Duration,
) -> Option<std::pin::Pin<Box<dyn std::future::Future<Output = ()> + Send + Sync>>> {
    super::Handle::try_current().ok()?;
    Some(Box::pin(crate::time::sleep(duration)))
}

/// Polls with a fresh cooperative budget.
#[inline]
pub(crate) fn budget<T>(poll: impl FnOnce() -> T) -> T {
    #[cfg(drop_in)]
    return real_tokio::task::coop::budget(poll);
    #[cfg(not(drop_in))]
    poll()
}

/// Does `f` without a cooperative budget.
#[inline]
pub(crate) fn unconstrained<T>(f: impl FnOnce() -> T) -> T {
    let mut f = Some(f);
    let future = std::future::poll_fn(|_| std::task::Poll::Ready((f.take().expect("polled once"))()));
    let future = std::pin::pin!(real_tokio::task::coop::unconstrained(future));
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("it is ready at once"),
    }
}
