//! hyper 1.x on simulated streams.
//!
//! [`Io`] turns a stream of the `futures` traits, such as [`TcpStream`](sim_net::TcpStream),
//! into one that hyper reads and writes; [`Executor`] spawns hyper's tasks on the node of the task
//! that asks; [`Timer`] gives hyper virtual time.
//!
//! hyper depends on parts of tokio (no runtime), which is why this is not in sim-net: the drop-in for tokio is
//! built on that.

use futures::io::{AsyncRead, AsyncWrite};
use hyper::rt::ReadBufCursor;
use sim_runtime::executor::{Sleep, sleep};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// A stream for hyper.
#[derive(Debug)]
pub struct Io<S>(S);

impl<S> Io<S> {
    /// Wraps a stream.
    pub fn new(stream: S) -> Self {
        Self(stream)
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.0
    }
}

/// Bytes read at once at most. hyper's own buffers start at this size.
const READ_BYTES: usize = 8 * 1024;

impl<S: AsyncRead + Unpin> hyper::rt::Read for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_BYTES];
        let room = buffer.remaining().min(READ_BYTES);
        let count = ready!(Pin::new(&mut self.0).poll_read(context, &mut bytes[..room]))?;
        buffer.put_slice(&bytes[..count]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> hyper::rt::Write for Io<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }
}

/// Spawns hyper's tasks in the simulation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        drop(sim_runtime::spawn(future));
    }
}

/// Virtual time for hyper's timeouts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

struct Sleeping(Sleep);

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl hyper::rt::Sleep for Sleeping {}

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Sleeping(sleep(duration)))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "hyper's deadlines are of std's clock, which is the node's"
    )]
    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}
