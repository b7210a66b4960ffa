//! Unix datagrams within a node.

use super::address::SocketAddr;
use crate::io::{Interest, ReadBuf, Ready};
use crate::net::stream::fill;
use crate::runtime::Handle;
use crate::task::coop;
use sim_net::descriptor::{self, Descriptor, Socket};
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// A Unix datagram socket.
pub struct UnixDatagram {
    raw: Arc<sim_net::UnixDatagram>,
    /// It counts as writable until a send finds no room, as on tokio.
    writable: AtomicBool,
    descriptor: Descriptor,
}

impl UnixDatagram {
    fn new(raw: sim_net::UnixDatagram) -> Self {
        Self::with_descriptor(Arc::new(raw), Descriptor::new())
    }

    fn with_descriptor(raw: Arc<sim_net::UnixDatagram>, descriptor: Descriptor) -> Self {
        Self { raw, writable: AtomicBool::new(false), descriptor }
    }

    fn socket(&self) -> Socket {
        Socket::UnixDatagram(self.raw.clone())
    }

    /// Binds a path of the running task's node.
    ///
    /// # Errors
    ///
    /// `AddrInUse` while another socket has the path.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        Handle::current().io()?;
        sim_net::UnixDatagram::bind(path).map(Self::new)
    }

    /// Two sockets that send to each other.
    ///
    /// # Errors
    ///
    /// None here.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        Handle::current().io()?;
        let (one, other) = sim_net::UnixDatagram::pair();
        Ok((Self::new(one), Self::new(other)))
    }

    /// A socket without a name.
    ///
    /// # Errors
    ///
    /// None here.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        Handle::current().io()?;
        Ok(Self::new(sim_net::UnixDatagram::unbound()))
    }

    /// A socket of std, made in this run.
    ///
    /// # Errors
    ///
    /// If it is a socket of the host.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn from_std(datagram: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        Handle::current().io()?;
        let fd = datagram;
        match descriptor::socket(&fd)? {
            Socket::UnixDatagram(raw) => {
                let descriptor = Descriptor::of(fd.into(), Socket::UnixDatagram(raw.clone()));
                Ok(Self::with_descriptor(raw, descriptor))
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The socket as std has it.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixDatagram> {
        let socket = self.socket();
        Ok(self.descriptor.into_fd(|| socket).into())
    }

    /// Sends to the socket bound at `path` from now on.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing was ever bound there.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.raw.connect(path)
    }

    /// Ready when sending to the connected socket would not block.
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.writable.load(Ordering::Relaxed) {
            ready!(self.raw.poll_send_ready(cx));
            self.writable.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when a datagram is there.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.raw.poll_recv_ready(cx).map(Ok)
    }

    /// Waits for any of the states of interest.
    ///
    /// # Errors
    ///
    /// None here.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        std::future::poll_fn(|cx| {
            let mut ready = Ready::EMPTY;
            if interest.is_readable() && self.poll_recv_ready(cx)?.is_ready() {
                ready |= Ready::READABLE;
            }
            if interest.is_writable() && self.poll_send_ready(cx)?.is_ready() {
                ready |= Ready::WRITABLE;
            }
            if ready.is_empty() {
                return Poll::Pending;
            }
            Poll::Ready(Ok(ready))
        })
        .await
    }

    /// Waits until sending would not block.
    ///
    /// # Errors
    ///
    /// None here.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Waits until a datagram is there.
    ///
    /// # Errors
    ///
    /// None here.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Sends to the connected socket.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` when it is closed, `NotConnected` when there is none.
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_send(cx, buf)).await
    }

    /// Polls to send to the connected socket.
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let coop = ready!(coop::poll_proceed(cx));
        loop {
            ready!(self.poll_send_ready(cx))?;
            match self.try_send(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    coop.made_progress();
                    return Poll::Ready(done);
                }
            }
        }
    }

    /// Sends to the connected socket if it has room.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when it has not, or as [`UnixDatagram::send`].
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        let sent = self.raw.try_send(buf);
        if matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.writable.store(false, Ordering::Relaxed);
        }
        sent
    }

    /// Sends to the socket bound at a path if it has room.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when it has not, `NotFound` when nothing was ever bound there.
    pub fn try_send_to<P: AsRef<Path>>(&self, buf: &[u8], target: P) -> io::Result<usize> {
        self.raw.try_send_to(buf, target)
    }

    /// Sends to the socket bound at a path.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing was ever bound there, `ConnectionRefused` when it is closed.
    pub async fn send_to<P: AsRef<Path>>(&self, buf: &[u8], target: P) -> io::Result<usize> {
        let target = target.as_ref();
        std::future::poll_fn(|cx| self.poll_send_to(cx, buf, target)).await
    }

    /// Polls to send to the socket bound at a path.
    pub fn poll_send_to<P: AsRef<Path>>(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: P,
    ) -> Poll<io::Result<usize>> {
        let coop = ready!(coop::poll_proceed(cx));
        ready!(self.raw.poll_send_ready_to(cx, &target))?;
        coop.made_progress();
        Poll::Ready(self.raw.try_send_to(buf, target))
    }

    /// Receives a datagram.
    ///
    /// # Errors
    ///
    /// None here.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buf).await.map(|(count, _)| count)
    }

    /// Receives a datagram if one is there.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.raw.try_recv_from(buf).map(|(count, _)| count)
    }

    /// Receives a datagram and tells the sender.
    ///
    /// # Errors
    ///
    /// None here.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            self.readable().await?;
            match self.try_recv_from(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Receives a datagram if one is there, and tells the sender.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (count, from) = self.raw.try_recv_from(buf)?;
        Ok((count, SocketAddr::of(from.as_deref())?))
    }

    /// Polls to receive a datagram and tell the sender.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let coop = ready!(coop::poll_proceed(cx));
        ready!(self.poll_recv_ready(cx))?;
        let (count, from) = self.try_recv_from(buf.initialize_unfilled())?;
        buf.advance(count);
        coop.made_progress();
        Poll::Ready(Ok(from))
    }

    /// Polls to receive a datagram.
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_recv_from(cx, buf).map_ok(drop)
    }

    /// Receives a datagram if one is there, adds it to `buf`, and tells the sender.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_recv_buf_from<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let mut from = None;
        let count = fill(buf, |bytes| {
            let (count, sender) = self.raw.try_recv_from(bytes)?;
            from = sender;
            Ok(count)
        })?;
        Ok((count, SocketAddr::of(from.as_deref())?))
    }

    /// Receives a datagram if one is there, and adds it to `buf`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.try_recv_buf_from(buf).map(|(count, _)| count)
    }

    /// Receives a datagram, adds it to `buf`, and tells the sender.
    ///
    /// # Errors
    ///
    /// None here.
    pub async fn recv_buf_from<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        loop {
            self.readable().await?;
            match self.try_recv_buf_from(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Receives a datagram and adds it to `buf`.
    ///
    /// # Errors
    ///
    /// None here.
    pub async fn recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.recv_buf_from(buf).await.map(|(count, _)| count)
    }

    fn is_ready(&self, interest: Interest) -> bool {
        let (readable, writable) = self.raw.readiness();
        interest.is_readable() && readable || interest.is_writable() && writable
    }

    /// Does `f` if the socket is ready for it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when it is not, or what `f` answers.
    pub fn try_io<R>(&self, interest: Interest, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        if self.is_ready(interest) { f() } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Does `f` when the socket is ready for it.
    ///
    /// # Errors
    ///
    /// What `f` answers, but for `WouldBlock`.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            self.ready(interest).await?;
            match f() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => crate::task::yield_now().await,
                done => return done,
            }
        }
    }

    /// Its own address.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        SocketAddr::of(self.raw.local_path())
    }

    /// The connected socket's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` when there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        SocketAddr::of(self.raw.peer_path()?.as_deref())
    }

    /// The pending error: there is none.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    /// Ends reading, writing or both.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.raw.shutdown(how);
        Ok(())
    }
}

impl TryFrom<std::os::unix::net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    fn try_from(datagram: std::os::unix::net::UnixDatagram) -> io::Result<Self> {
        Self::from_std(datagram)
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UnixDatagram").field("path", &self.raw.local_path()).finish_non_exhaustive()
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get(|| self.socket()).as_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.get(|| self.socket()).as_raw_fd()
    }
}
