//! A listening Unix socket within a node.

use super::address::SocketAddr;
use super::unix_stream::{UnixStream, path_of};
use crate::runtime::Handle;
use crate::task::coop;
use sim_net::descriptor::{self, Descriptor, Socket};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A listening Unix socket.
pub struct UnixListener {
    raw: Arc<sim_net::unix::UnixListener>,
    descriptor: Descriptor,
    handle: Handle,
}

impl UnixListener {
    /// Listens at a path of the running task's node.
    ///
    /// # Errors
    ///
    /// As [`sim_net::unix::UnixListener::bind`].
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        Handle::current().io()?;
        let raw = sim_net::unix::UnixListener::bind(path)?;
        Ok(Self { raw: Arc::new(raw), descriptor: Descriptor::new(), handle: Handle::current() })
    }

    fn socket(&self) -> Socket {
        Socket::UnixListener(self.raw.clone())
    }

    /// Listens at an address.
    ///
    /// # Errors
    ///
    /// As [`UnixListener::bind`].
    ///
    /// # Panics
    ///
    /// As [`UnixListener::bind`].
    #[track_caller]
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        Self::bind(path_of(socket_addr)?)
    }

    /// A listener of std, made in this run.
    ///
    /// # Errors
    ///
    /// If it is a listener of the host, or does not listen.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn from_std(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
        Handle::current().io()?;
        match descriptor::socket(&listener)? {
            Socket::UnixListener(raw) => {
                let descriptor = Descriptor::of(listener.into(), Socket::UnixListener(raw.clone()));
                Ok(Self { raw, descriptor, handle: Handle::current() })
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The listener as std has it.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixListener> {
        let socket = self.socket();
        Ok(self.descriptor.into_fd(|| socket).into())
    }

    /// The address it listens at.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        SocketAddr::of(Some(self.raw.path()))
    }

    /// The pending error: there is none.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    /// The next connection; who connects has no address.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost.
    ///
    /// # Errors
    ///
    /// As [`sim_net::unix::UnixListener::accept`].
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        // Unlike with `poll_accept`, any number of tasks may wait.
        let mut accept = std::pin::pin!(self.raw.accept());
        let raw = std::future::poll_fn(|cx| self.poll_raw(cx, |cx| accept.as_mut().poll(cx))).await?;
        Ok((UnixStream::new(raw, true), SocketAddr::of(None)?))
    }

    fn poll_raw<T>(
        &self,
        cx: &mut Context<'_>,
        accept: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let coop = ready!(coop::poll_proceed(cx));
        self.handle.io()?;
        let accepted = ready!(accept(cx));
        coop.made_progress();
        Poll::Ready(accepted)
    }

    /// Polls for the next connection; only the last task that polled is woken.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let raw = ready!(self.poll_raw(cx, |cx| self.raw.poll_accept(cx)))?;
        Poll::Ready(Ok((UnixStream::new(raw, true), SocketAddr::of(None)?)))
    }
}

impl TryFrom<std::os::unix::net::UnixListener> for UnixListener {
    type Error = io::Error;

    fn try_from(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UnixListener").field("path", &self.raw.path()).finish_non_exhaustive()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get(|| self.socket()).as_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.get(|| self.socket()).as_raw_fd()
    }
}
