//! A listening socket on the simulated network.

use super::tcp_stream::{TTL, TcpStream};
use crate::net::addr::{self, ToSocketAddrs};
use crate::runtime::Handle;
use crate::task::coop;
use sim_net::descriptor::{self, Descriptor, Socket};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

/// A listening socket on the simulated network.
pub struct TcpListener {
    raw: Arc<sim_net::TcpListener>,
    descriptor: Descriptor,
    handle: Handle,
    ttl: AtomicU32,
}

/// Queue length when none is given.
const BACKLOG: usize = 1_024;

impl TcpListener {
    pub(super) fn new(raw: sim_net::TcpListener) -> Self {
        Self::with_descriptor(Arc::new(raw), Descriptor::new())
    }

    pub(super) fn with_descriptor(raw: Arc<sim_net::TcpListener>, descriptor: Descriptor) -> Self {
        Self { raw, descriptor, handle: Handle::current(), ttl: AtomicU32::new(TTL) }
    }

    fn socket(&self) -> Socket {
        Socket::Listener(self.raw.clone())
    }

    /// Listens on an address of the running task's node; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// As [`sim_net::TcpListener::bind`].
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        Handle::current().io()?;
        addr::each(addr, async |address| sim_net::TcpListener::listen(address, BACKLOG).map(TcpListener::new))
            .await
    }

    /// The next connection, and its address.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost.
    ///
    /// # Errors
    ///
    /// As [`sim_net::TcpListener::accept`].
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        // Unlike with `poll_accept`, any number of tasks may wait.
        let mut accept = std::pin::pin!(self.raw.accept());
        let (stream, address) =
            std::future::poll_fn(|cx| self.poll_raw(cx, |cx| accept.as_mut().poll(cx))).await?;
        Ok((TcpStream::accepted(stream), address))
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
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (stream, address) = ready!(self.poll_raw(cx, |cx| self.raw.poll_accept(cx)))?;
        Poll::Ready(Ok((TcpStream::accepted(stream), address)))
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
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        Handle::current().io()?;
        match descriptor::socket(&listener)? {
            Socket::Listener(raw) => {
                let descriptor = Descriptor::of(listener.into(), Socket::Listener(raw.clone()));
                Ok(Self::with_descriptor(raw, descriptor))
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The listener as std has it.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        let socket = self.socket();
        Ok(self.descriptor.into_fd(|| socket).into())
    }

    /// The address it listens on.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.raw.local_addr()
    }

    /// The time to live of packets.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn ttl(&self) -> io::Result<u32> {
        Ok(self.ttl.load(Ordering::Relaxed))
    }

    /// Kept, without effect.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.ttl.store(ttl, Ordering::Relaxed);
        Ok(())
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        Self::from_std(listener)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TcpListener")
            .field("local", &self.raw.local_addr().ok())
            .finish_non_exhaustive()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get(|| self.socket()).as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.get(|| self.socket()).as_raw_fd()
    }
}
