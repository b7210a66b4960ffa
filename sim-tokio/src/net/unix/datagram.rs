//! Unix datagrams within a node.
//!
//! Reliable and in order, as the kernel's are; a full queue makes the sender wait. The names and queues of a run
//! hang in its world.

use super::address::SocketAddr;
use crate::io::{Interest, ReadBuf, Ready};
use crate::net::descriptor::{self, Descriptor, Kind};
use crate::net::stream::fill;
use crate::runtime::Handle;
use crate::task::coop;
use sim_runtime::executor::{try_current, with_current};
use sim_runtime::task::NodeId;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

/// Datagrams a queue holds; as Linux' `max_dgram_qlen`.
const QUEUE_MAX: usize = 10;

/// A Unix datagram socket.
pub struct UnixDatagram {
    inbox: Arc<Inbox>,
    /// Where it sends to when not told.
    peer: Mutex<Option<Arc<Inbox>>>,
    /// It counts as writable until a send finds no room, as on tokio.
    writable: AtomicBool,
    descriptor: Descriptor,
}

/// What has arrived for one socket.
struct Inbox {
    path: Option<PathBuf>,
    state: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    datagrams: VecDeque<(Vec<u8>, Option<PathBuf>)>,
    closed: bool,
    /// Reading was ended.
    ended: bool,
    readers: Vec<Waker>,
    writers: Vec<Waker>,
}

impl Inbox {
    fn new(path: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self { path, state: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, Queue> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let wakers = {
            let mut state = self.state();
            let mut wakers = std::mem::take(&mut state.readers);
            wakers.append(&mut state.writers);
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn send(&self, bytes: &[u8], from: Option<PathBuf>) -> io::Result<usize> {
        {
            let mut state = self.state();
            if state.closed {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            if state.datagrams.len() >= QUEUE_MAX {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            state.datagrams.push_back((bytes.to_vec(), from));
        }
        self.wake();
        Ok(bytes.len())
    }

    fn receive(&self, into: &mut [u8]) -> io::Result<(usize, Option<PathBuf>)> {
        let received = {
            let mut state = self.state();
            match state.datagrams.pop_front() {
                None if state.ended => return Ok((0, None)),
                None => return Err(io::ErrorKind::WouldBlock.into()),
                Some(received) => received,
            }
        };
        self.wake();
        let (bytes, from) = received;
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        Ok((count, from))
    }

    fn has_room(&self) -> bool {
        let state = self.state();
        state.closed || state.datagrams.len() < QUEUE_MAX
    }

    fn has_something(&self) -> bool {
        let state = self.state();
        state.ended || !state.datagrams.is_empty()
    }
}

/// Bound sockets by node and path.
#[derive(Default)]
struct Names(RefCell<BTreeMap<(NodeId, PathBuf), Arc<Inbox>>>);

fn names() -> (Rc<Names>, NodeId) {
    with_current(|world| (world.extension(Names::default), world.current_node()))
}

fn find(path: &Path) -> io::Result<Arc<Inbox>> {
    let (names, node) = names();
    let found = names.0.borrow().get(&(node, path.to_owned())).cloned();
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl UnixDatagram {
    fn new(inbox: Arc<Inbox>, peer: Option<Arc<Inbox>>) -> Self {
        Self {
            inbox,
            peer: Mutex::new(peer),
            writable: AtomicBool::new(false),
            descriptor: Descriptor::new(Kind::UnixDatagram),
        }
    }

    fn peer(&self) -> Option<Arc<Inbox>> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn expect_peer(&self) -> io::Result<Arc<Inbox>> {
        self.peer().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Binds a path of the running task's node.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when the path was bound before, also by a socket that is closed.
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        Handle::current().io()?;
        let path = path.as_ref().to_owned();
        let (names, node) = names();
        let inbox = Inbox::new(Some(path.clone()));
        let mut names = names.0.borrow_mut();
        if names.contains_key(&(node, path.clone())) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        names.insert((node, path), inbox.clone());
        Ok(Self::new(inbox, None))
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
        let (one, other) = (Inbox::new(None), Inbox::new(None));
        Ok((Self::new(one.clone(), Some(other.clone())), Self::new(other, Some(one))))
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
        Ok(Self::new(Inbox::new(None), None))
    }

    /// Takes back a socket that [`UnixDatagram::into_std`] gave out.
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
        descriptor::unpark(&datagram)
    }

    /// The socket as std has it: it can come back.
    ///
    /// # Errors
    ///
    /// When the host has no descriptor left.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixDatagram> {
        let fd = self.descriptor.get().try_clone()?;
        descriptor::park(&fd, self);
        Ok(fd.into())
    }

    /// Sends to the socket bound at `path` from now on.
    ///
    /// # Errors
    ///
    /// `NotFound` when nothing was ever bound there.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let found = find(path.as_ref())?;
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }

    fn poll_state(
        inbox: &Inbox,
        cx: &Context<'_>,
        ready: impl Fn(&Inbox) -> bool,
        waiting: impl Fn(&mut Queue) -> &mut Vec<Waker>,
    ) -> Poll<()> {
        if ready(inbox) {
            return Poll::Ready(());
        }
        let mut state = inbox.state();
        let waiting = waiting(&mut state);
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Ready when sending to the connected socket would not block.
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.peer() {
            Some(peer) if !self.writable.load(Ordering::Relaxed) => {
                ready!(Self::poll_state(&peer, cx, Inbox::has_room, |queue| &mut queue.writers));
                self.writable.store(true, Ordering::Relaxed);
                Poll::Ready(Ok(()))
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Ready when a datagram is there.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_state(&self.inbox, cx, Inbox::has_something, |queue| &mut queue.readers).map(Ok)
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
        let sent = self.expect_peer()?.send(buf, self.inbox.path.clone());
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
        find(target.as_ref())?.send(buf, self.inbox.path.clone())
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
        let inbox = find(target.as_ref())?;
        ready!(Self::poll_state(&inbox, cx, Inbox::has_room, |queue| &mut queue.writers));
        coop.made_progress();
        Poll::Ready(inbox.send(buf, self.inbox.path.clone()))
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
        self.inbox.receive(buf).map(|(count, _)| count)
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
        let (count, from) = self.inbox.receive(buf)?;
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
            let (count, sender) = self.inbox.receive(bytes)?;
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
        interest.is_readable() && self.inbox.has_something()
            || interest.is_writable() && self.peer().is_none_or(|peer| peer.has_room())
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
        SocketAddr::of(self.inbox.path.as_deref())
    }

    /// The connected socket's address.
    ///
    /// # Errors
    ///
    /// `NotConnected` when there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        SocketAddr::of(self.expect_peer()?.path.as_deref())
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
        if how != Shutdown::Write {
            self.inbox.state().ended = true;
            self.inbox.wake();
        }
        if how != Shutdown::Read {
            let peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(peer) = peer {
                peer.state().ended = true;
                peer.wake();
            }
        }
        Ok(())
    }
}

impl Drop for UnixDatagram {
    fn drop(&mut self) {
        self.inbox.state().closed = true;
        if try_current().is_some() {
            self.inbox.wake();
        }
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
        formatter.debug_struct("UnixDatagram").field("path", &self.inbox.path).finish_non_exhaustive()
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get().as_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.get().as_raw_fd()
    }
}
