//! A TCP connection on the simulated network.

use super::split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use crate::net::addr::{self, ToSocketAddrs};
use crate::net::stream::{self, Connected, Readiness};
use crate::runtime::Handle;
use sim_net::descriptor::{self, Descriptor, Socket};
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// One end of a TCP connection on the simulated network.
pub struct TcpStream {
    raw: Arc<sim_net::TcpStream>,
    known: Readiness,
    descriptor: Descriptor,
    ttl: AtomicU32,
    quickack: AtomicBool,
    linger: Mutex<Option<Duration>>,
}

/// Time to live of a packet, as Linux has it: kept, without effect.
pub(super) const TTL: u32 = 64;

impl TcpStream {
    pub(super) fn connected(raw: sim_net::TcpStream) -> Self {
        Self::with_descriptor(Arc::new(raw), Descriptor::new())
    }

    pub(super) fn accepted(raw: sim_net::TcpStream) -> Self {
        Self { known: Readiness::new(true), ..Self::connected(raw) }
    }

    pub(super) fn with_descriptor(raw: Arc<sim_net::TcpStream>, descriptor: Descriptor) -> Self {
        Self {
            raw,
            known: Readiness::new(false),
            descriptor,
            ttl: AtomicU32::new(TTL),
            quickack: AtomicBool::new(false),
            linger: Mutex::new(None),
        }
    }

    fn socket(&self) -> Socket {
        Socket::Stream(self.raw.clone())
    }

    pub(super) fn raw(&self) -> Connected<'_> {
        Connected { raw: &self.raw, known: &self.known }
    }

    /// Connects to an address, or to a name and port, from the running task's node.
    ///
    /// # Errors
    ///
    /// As [`sim_net::TcpStream::connect`].
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        Handle::current().io()?;
        addr::each(addr, async |address| sim_net::TcpStream::connect(address).await.map(TcpStream::connected))
            .await
    }

    /// A stream of std, made in this run.
    ///
    /// # Errors
    ///
    /// If it is a stream of the host, or was never connected.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        Handle::current().io()?;
        match descriptor::socket(&stream)? {
            Socket::Stream(raw) => {
                let descriptor = Descriptor::of(stream.into(), Socket::Stream(raw.clone()));
                Ok(Self::with_descriptor(raw, descriptor))
            }
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// The stream as std has it.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        let socket = self.socket();
        Ok(self.descriptor.into_fd(|| socket).into())
    }

    /// Its own address.
    ///
    /// # Errors
    ///
    /// When the connection is of an earlier life of the node.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.raw.local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// When the connection is over.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.raw.peer_addr()
    }

    stream::reading!();
    stream::writing!();
    stream::whole!();

    /// Polls to look at bytes without taking them.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        stream::poll_peek(self.raw(), cx, buf)
    }

    /// Looks at bytes without taking them.
    ///
    /// # Errors
    ///
    /// As reading.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.raw.peek(buf).await
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// When the connection is of an earlier life of the node; so for all options.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.raw.nodelay()
    }

    /// Sends small writes at once.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::nodelay`].
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.raw.set_nodelay(nodelay)
    }

    /// The value last set.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn quickack(&self) -> io::Result<bool> {
        Ok(self.quickack.load(Ordering::Relaxed))
    }

    /// Kept, without effect.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.quickack.store(quickack, Ordering::Relaxed);
        Ok(())
    }

    /// What a close does with what was not sent.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::nodelay`].
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(*self.linger.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// With zero, a close resets the connection.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::nodelay`].
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        *self.linger.lock().unwrap_or_else(PoisonError::into_inner) = dur;
        self.raw.set_linger(dur)
    }

    /// A close resets the connection.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::nodelay`].
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
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

    /// Two halves that borrow the stream.
    pub fn split<'a>(&'a mut self) -> (ReadHalf<'a>, WriteHalf<'a>) {
        (ReadHalf(self), WriteHalf(self))
    }

    /// Two halves that tasks of their own may use.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let shared = Arc::new(self);
        (OwnedReadHalf(shared.clone()), OwnedWriteHalf(Some(shared)))
    }

    /// Ends writing; an error means that it had ended already.
    pub(super) fn end_writing(&self) {
        if sim_runtime::executor::try_current().is_some() {
            let _ = self.raw.shutdown(Shutdown::Write);
        }
    }
}

stream::async_read!(TcpStream);
stream::async_write!(TcpStream);

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        Self::from_std(stream)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("TcpStream");
        if sim_runtime::executor::try_current().is_some() {
            debug.field("local", &self.raw.local_addr().ok()).field("peer", &self.raw.peer_addr().ok());
        }
        debug.finish_non_exhaustive()
    }
}

impl AsRef<Self> for TcpStream {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get(|| self.socket()).as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.get(|| self.socket()).as_raw_fd()
    }
}
