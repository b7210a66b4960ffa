//! `TcpListener`.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;

use super::stream::TcpStream;
use super::{Switch, Target, resolve};
use crate::network::{ListenerId, with, with_if_running};

/// Queue length when none is given, as tokio's.
pub(crate) const BACKLOG: usize = 1_024;

/// A listening socket. Dropping it stops listening and resets what nobody accepted.
#[derive(Debug)]
pub struct TcpListener {
    id: ListenerId,
    run: u32,
    local: SocketAddr,
    switch: Switch,
}

impl TcpListener {
    /// Listens on an address of the current node; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` when the address is another machine's, or what the look-up of a name gives.
    ///
    /// # Panics
    /// Outside of a run.
    pub async fn bind(address: impl Into<Target>) -> io::Result<TcpListener> {
        let mut last = crate::error::error(io::ErrorKind::InvalidInput);
        for address in resolve(address.into()).await? {
            match TcpListener::listen(address, BACKLOG) {
                Ok(listener) => return Ok(listener),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// As [`TcpListener::bind`] at once, with the length of the queue of connections not yet accepted.
    ///
    /// # Errors
    /// As [`TcpListener::bind`].
    pub fn listen(address: SocketAddr, backlog: usize) -> io::Result<TcpListener> {
        with(|state, world| {
            let (id, local) = state.listen(world, world.current_node(), address, backlog)?;
            Ok(TcpListener { id, run: state.run, local, switch: Switch::default() })
        })
    }

    /// The next connection, and its address.
    ///
    /// Cancel safe: a connection is taken only when it is returned.
    ///
    /// # Errors
    /// `InvalidInput` when the listener belongs to an earlier life of the node.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        poll_fn(|context| self.poll(context, false)).await
    }

    /// As [`TcpListener::accept`]; only the last task that polled is woken.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.poll(context, true)
    }

    fn poll(&self, context: &Context<'_>, exclusive: bool) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        with(|state, world| {
            if self.run != state.run {
                return Poll::Ready(Err(crate::error::error(io::ErrorKind::InvalidInput)));
            }
            if self.switch.gives_way(world, context) {
                return Poll::Pending;
            }
            let polled = state.poll_accept(world, self.id, context, exclusive);
            if polled.is_pending() {
                self.switch.passed();
            }
            polled.map_ok(|(socket, peer)| (TcpStream::of(socket), peer))
        })
    }

    /// The next connection, if one waits.
    ///
    /// # Errors
    /// `WouldBlock` when none waits.
    pub fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        with(|state, world| {
            if self.run != state.run {
                return Err(crate::error::error(io::ErrorKind::InvalidInput));
            }
            state.accept(world, self.id).map(|(socket, peer)| (TcpStream::of(socket), peer))
        })
    }

    /// Ready when accepting would not wait. Any number of tasks may wait.
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        with(
            |state, _| {
                if self.run == state.run { state.poll_acceptable(self.id, context) } else { Poll::Ready(()) }
            },
        )
    }

    /// All connections, one after the other.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// None; the signature is that of `std`.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.local)
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        with_if_running(|state, world| {
            if self.run == state.run {
                state.unlisten_or_die(world, self.id);
            }
        });
    }
}

/// The connections of a listener as a stream that never ends.
#[derive(Debug)]
pub struct Incoming<'a>(&'a TcpListener);

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_accept(context).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}
