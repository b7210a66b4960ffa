//! `TcpStream`.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::io::{AsyncRead, AsyncWrite};

use super::{ReadHalf, Switch, Target, WriteHalf, resolve};
use crate::error::{EAGAIN, error};
use crate::network::{Dial, Interest, SocketId, with, with_if_running};
use crate::tcp::{End, Keepalive, Linger, Phase};

/// One end of a TCP connection. Dropping it closes it: bytes already written still arrive, unless bytes
/// that arrived were not read, which resets the connection, as on Linux.
///
/// Reads and writes work on `&TcpStream` too, so a stream may be shared behind an [`Arc`].
#[derive(Debug)]
pub struct TcpStream {
    pub(super) id: SocketId,
    read: Switch,
    write: Switch,
}

impl TcpStream {
    pub(crate) fn of(id: SocketId) -> TcpStream {
        TcpStream { id, read: Switch::default(), write: Switch::default() }
    }

    /// Connects to an address or to a name and port, from the current node. Several addresses are tried in turn.
    ///
    /// Cancel safe in that dropping the future gives the connection up.
    ///
    /// # Errors
    /// `ConnectionRefused` when nobody listens, `TimedOut` after 127 s without an answer (a cut, a dead
    /// machine, a full backlog), `HostUnreachable` when no machine has the address or a router says so,
    /// and what the look-up of a name gives.
    ///
    /// # Panics
    /// Outside of a run.
    pub async fn connect(target: impl Into<Target>) -> io::Result<TcpStream> {
        let mut last = error(ErrorKind::InvalidInput);
        for address in resolve(target.into()).await? {
            match TcpStream::connect_to(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
        let socket = with(|state, world| state.dial(world, world.current_node(), address, Dial::default()))?;
        let stream = TcpStream::of(socket);
        stream.connected().await?;
        Ok(stream)
    }

    /// Waits until the connection is established.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connected(&self) -> io::Result<()> {
        poll_fn(|context| {
            with(|state, world| {
                let polled = state.on_socket(world, self.id, |tcp, _| tcp.connected(self.id.side));
                match polled {
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {
                        world.waits_for("a connection to be established");
                        state.wait(self.id, Interest::Write, context, true);
                        Poll::Pending
                    }
                    done => Poll::Ready(done),
                }
            })
        })
        .await
    }

    #[inline]
    fn poll_io<T>(
        &self,
        context: &Context<'_>,
        interest: Interest,
        exclusive: bool,
        mut call: impl FnMut(
            &mut crate::network::State,
            &std::rc::Rc<sim_runtime::executor::World>,
        ) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        with(|state, world| {
            let switch = match interest {
                Interest::Read => &self.read,
                Interest::Write => &self.write,
            };
            if switch.gives_way(world, context) {
                return Poll::Pending;
            }
            match call(state, world) {
                Err(e) if e.raw_os_error() == Some(EAGAIN) => {
                    switch.passed();
                    world.waits_for(match interest {
                        Interest::Read => "bytes from a connection",
                        Interest::Write => "room to write to a connection",
                    });
                    state.wait(self.id, interest, context, exclusive);
                    Poll::Pending
                }
                done => Poll::Ready(done),
            }
        })
    }

    #[inline]
    pub(super) fn poll_read_into(
        &self,
        context: &Context<'_>,
        into: &mut [u8],
        peek: bool,
    ) -> Poll<io::Result<usize>> {
        self.poll_io(context, Interest::Read, true, |state, world| state.read(world, self.id, into, peek))
    }

    #[inline]
    pub(super) fn poll_write_from(&self, context: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_io(context, Interest::Write, true, |state, world| state.write(world, self.id, bytes))
    }

    /// Looks at bytes without taking them.
    pub fn poll_peek(&self, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_into(context, into, true)
    }

    /// Looks at bytes without taking them; 0 is the end of the stream. Any number of tasks may wait.
    ///
    /// # Errors
    /// As reading.
    pub async fn peek(&self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|context| {
            self.poll_io(context, Interest::Read, false, |state, world| {
                state.read(world, self.id, into, true)
            })
        })
        .await
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is, else as reading.
    pub fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
        with(|state, world| state.read(world, self.id, into, false))
    }

    /// Looks at what is there without taking it.
    ///
    /// # Errors
    /// As [`TcpStream::try_read`].
    pub fn try_peek(&self, into: &mut [u8]) -> io::Result<usize> {
        with(|state, world| state.read(world, self.id, into, true))
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, else as writing.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        with(|state, world| state.write(world, self.id, bytes))
    }

    /// Ready when reading would not block. Any number of tasks may wait.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        with(|state, world| state.poll_ready(world, self.id, Interest::Read, context))
    }

    /// Ready when writing would not block. Any number of tasks may wait.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        with(|state, world| state.poll_ready(world, self.id, Interest::Write, context))
    }

    /// Waits until reading would not block.
    ///
    /// # Errors
    /// `NotConnected` when the connection is of an earlier run.
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll_read_ready(context)).await
    }

    /// Waits until writing would not block.
    ///
    /// # Errors
    /// As [`TcpStream::readable`].
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll_write_ready(context)).await
    }

    /// Whether reading, and whether writing would not block now.
    pub fn readiness(&self) -> (bool, bool) {
        with(|state, world| {
            let now = world.now();
            state.socket(self.id).map_or((true, true), |conn| {
                let ready = conn.tcp.readiness(now, self.id.side);
                (ready.read, ready.write)
            })
        })
    }

    /// Whether an error is pending, and whether both directions are over.
    pub(crate) fn troubles(&self) -> (bool, bool) {
        with(|state, _| {
            state.socket(self.id).map_or((false, true), |conn| {
                let end = conn.tcp.end(self.id.side);
                (end.error.is_some(), matches!(end.phase, Phase::Closed | Phase::Gone))
            })
        })
    }

    /// Ends reading, writing or both.
    ///
    /// # Errors
    /// `NotConnected` when the connection is over.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        with(|state, world| {
            state.on_socket(world, self.id, |tcp, path| {
                if how != Shutdown::Write {
                    tcp.shutdown_read(path, self.id.side)?;
                }
                if how != Shutdown::Read {
                    tcp.shutdown_write(path, self.id.side)?;
                }
                Ok(())
            })
        })
    }

    fn option<T>(&self, f: impl FnOnce(&mut End) -> T) -> io::Result<T> {
        with(|state, _| {
            let conn = state.socket(self.id).ok_or_else(|| error(ErrorKind::NotConnected))?;
            Ok(f(conn.tcp.end_mut(self.id.side)))
        })
    }

    /// Sends small writes at once. The model always does; the value is kept.
    ///
    /// # Errors
    /// `NotConnected` when the connection is of an earlier run; so for all options.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.option(|end| end.nodelay = nodelay)
    }

    /// The value last set.
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn nodelay(&self) -> io::Result<bool> {
        self.option(|end| end.nodelay)
    }

    /// With zero, a close resets the connection and drops what was not sent. Any other value closes in the
    /// background: waiting for the peer is not modelled.
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        let reset = linger == Some(Duration::ZERO);
        self.option(|end| end.linger = if reset { Linger::Reset } else { Linger::Background })
    }

    /// Zero when a close resets the connection.
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.option(|end| (end.linger == Linger::Reset).then_some(Duration::ZERO))
    }

    /// Probes the idle connection, so that a silent death of the peer is noticed.
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn set_keepalive(&self, keepalive: Option<Keepalive>) -> io::Result<()> {
        with(|state, world| {
            state.on_socket(world, self.id, |tcp, path| {
                tcp.set_keepalive(path, self.id.side, keepalive);
                Ok(())
            })
        })
    }

    /// Ends the connection when what was sent stays unacknowledged this long (`TCP_USER_TIMEOUT`), instead
    /// of after 15 minutes.
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        let ns = timeout.map(|timeout| u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
        with(|state, world| {
            state.on_socket(world, self.id, |tcp, path| {
                tcp.set_user_timeout(path, self.id.side, ns);
                Ok(())
            })
        })
    }

    /// The pending error, which is then forgotten (`SO_ERROR`).
    ///
    /// # Errors
    /// As [`TcpStream::set_nodelay`].
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.option(|end| end.error.take().map(error))
    }

    /// Its own address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is of an earlier run.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.option(|end| end.local)
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` once the connection is over.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        with(|state, _| {
            let not_connected = || error(ErrorKind::NotConnected);
            let conn = state.socket(self.id).ok_or_else(not_connected)?;
            if conn.tcp.end(self.id.side).phase != Phase::Open {
                return Err(not_connected());
            }
            Ok(conn.tcp.end(self.id.side.other()).local)
        })
    }

    /// Two halves that tasks of their own may use. Dropping the writing half ends writing.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        let shared = Arc::new(self);
        (ReadHalf::of(Arc::clone(&shared)), WriteHalf::of(shared))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        with_if_running(|state, world| state.close(world, self.id));
    }
}

impl AsyncRead for &TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_into(context, into, false)
    }
}

impl AsyncWrite for &TcpStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_from(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.shutdown(Shutdown::Write) {
            // The peer was first: nothing is left to end.
            Err(e) if e.kind() == ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

impl AsyncRead for TcpStream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_into(context, into, false)
    }
}

impl AsyncWrite for TcpStream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_from(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self).poll_close(context)
    }
}
