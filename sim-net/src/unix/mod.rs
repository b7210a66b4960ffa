//! Unix sockets: a path per node, no latency, no faults but crashes.
//!
//! Datagrams are in [`datagram`]. A stream connection is one of TCP's with both ends on one node and links of no length; what Linux does
//! differently (a write to a closed peer fails at once) is told apart by that.

pub mod datagram;

pub use datagram::UnixDatagram;

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncWrite};

use crate::error::error;
use crate::network::{ListenerId, with, with_if_running};
use crate::socket::listener::BACKLOG;
use crate::socket::{Switch, TcpStream};

/// A listening Unix socket.
#[derive(Debug)]
pub struct UnixListener {
    id: ListenerId,
    run: u32,
    path: PathBuf,
    switch: Switch,
}

impl UnixListener {
    /// Listens at a path of the current node. A path whose listener is gone may be bound again: the file
    /// left behind is not modelled.
    ///
    /// # Errors
    /// `AddrInUse` while another listener has the path.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        let path = path.as_ref();
        with(|state, world| {
            let id = state.unix_listen(world.current_node(), &path.to_string_lossy(), BACKLOG)?;
            Ok(UnixListener { id, run: state.run, path: path.to_owned(), switch: Switch::default() })
        })
    }

    /// The next connection.
    ///
    /// # Errors
    /// `InvalidInput` when the listener belongs to an earlier life of the node.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        poll_fn(|context| self.poll(context, false)).await
    }

    /// As [`UnixListener::accept`]; only the last task that polled is woken.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        self.poll(context, true)
    }

    fn poll(&self, context: &Context<'_>, exclusive: bool) -> Poll<io::Result<UnixStream>> {
        with(|state, world| {
            if self.run != state.run {
                return Poll::Ready(Err(error(ErrorKind::InvalidInput)));
            }
            if self.switch.gives_way(world, context) {
                return Poll::Pending;
            }
            let polled = state.poll_accept(world, self.id, context, exclusive);
            if polled.is_pending() {
                self.switch.passed();
            }
            polled.map_ok(|(socket, _)| UnixStream {
                stream: TcpStream::of(socket),
                path: Some(self.path.clone()),
                peer: None,
            })
        })
    }

    /// The next connection, if one waits.
    ///
    /// # Errors
    /// `WouldBlock` when none waits.
    pub fn try_accept(&self) -> io::Result<UnixStream> {
        with(|state, world| {
            if self.run != state.run {
                return Err(error(ErrorKind::InvalidInput));
            }
            let (socket, _) = state.accept(world, self.id)?;
            Ok(UnixStream { stream: TcpStream::of(socket), path: Some(self.path.clone()), peer: None })
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

    /// The path it listens at.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for UnixListener {
    fn drop(&mut self) {
        with_if_running(|state, world| {
            if self.run == state.run {
                state.unlisten_or_die(world, self.id);
            }
        });
    }
}

/// One end of a Unix stream connection.
#[derive(Debug)]
pub struct UnixStream {
    stream: TcpStream,
    /// The path, on the end that came out of a listener.
    path: Option<PathBuf>,
    /// The listener's path, on the end that connected.
    peer: Option<PathBuf>,
}

impl UnixStream {
    /// Connects to the listener at a path of the current node.
    ///
    /// # Errors
    /// `NotFound` when nobody ever listened there, `ConnectionRefused` when nobody does any more,
    /// `WouldBlock` when the backlog is full.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        let peer = path.as_ref().to_owned();
        let path = peer.to_string_lossy();
        let socket = with(|state, world| state.unix_dial(world, world.current_node(), &path))?;
        let stream = TcpStream::of(socket);
        stream.connected().await?;
        Ok(UnixStream { stream, path: None, peer: Some(peer) })
    }

    /// Two connected ends on the current node.
    ///
    /// # Errors
    /// None; the signature is that of `std`.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = with(|state, world| state.unix_pair(world, world.current_node()));
        let end = |socket| UnixStream { stream: TcpStream::of(socket), path: None, peer: None };
        Ok((end(a), end(b)))
    }

    /// The path this end is bound to: of its listener, or none.
    pub fn local_path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The path the other end is bound to: of its listener, or none.
    pub fn peer_path(&self) -> Option<&Path> {
        self.peer.as_deref()
    }

    /// The connection as a stream, for readiness, `try_read` and the like.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Ends reading, writing or both.
    ///
    /// # Errors
    /// As [`TcpStream::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }
}

impl AsyncRead for UnixStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}
