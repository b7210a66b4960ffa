//! Unix datagrams within a node.
//!
//! Reliable and in order, as the kernel's are; a full queue makes the sender wait. A queue is shared by its socket and
//! by those connected to it; the names of a run hang in its world.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use sim_runtime::executor::{try_current, with_current};
use sim_runtime::task::NodeId;

use crate::error::error;
use crate::network::hash_of;

/// Datagrams a queue holds; as Linux' `max_dgram_qlen`.
const QUEUE_MAX: usize = 10;

/// A Unix datagram socket.
#[derive(Debug)]
pub struct UnixDatagram {
    inbox: Arc<Inbox>,
    /// Where it sends to when not told.
    peer: Mutex<Option<Arc<Inbox>>>,
}

/// What has arrived for one socket.
#[derive(Debug)]
struct Inbox {
    path: Option<PathBuf>,
    state: Mutex<Queue>,
}

#[derive(Debug, Default)]
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
                return Err(error(ErrorKind::ConnectionRefused));
            }
            if state.datagrams.len() >= QUEUE_MAX {
                return Err(error(ErrorKind::WouldBlock));
            }
            state.datagrams.push_back((bytes.to_vec(), from));
        }
        with_current(|world| {
            world.trace.digest_bytes(bytes);
            world.fact("unix.datagram", &[bytes.len() as u64], || {
                let to =
                    self.path.as_ref().map_or_else(|| "a socket".to_owned(), |to| to.display().to_string());
                format!("{} bytes to {to}, hash {:016x}", bytes.len(), hash_of(bytes))
            });
        });
        self.wake();
        Ok(bytes.len())
    }

    fn receive(&self, into: &mut [u8], peek: bool) -> io::Result<(usize, Option<PathBuf>)> {
        let received = {
            let mut state = self.state();
            let front = if peek { state.datagrams.front().cloned() } else { state.datagrams.pop_front() };
            match front {
                None if state.ended => return Ok((0, None)),
                None => return Err(error(ErrorKind::WouldBlock)),
                Some(received) => received,
            }
        };
        if !peek {
            self.wake();
        }
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

    fn poll(
        &self,
        context: &Context<'_>,
        ready: impl Fn(&Inbox) -> bool,
        waiting: impl Fn(&mut Queue) -> &mut Vec<Waker>,
    ) -> Poll<()> {
        if ready(self) {
            return Poll::Ready(());
        }
        let mut state = self.state();
        let waiting = waiting(&mut state);
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
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
    found.ok_or_else(|| error(ErrorKind::NotFound))
}

impl UnixDatagram {
    fn new(inbox: Arc<Inbox>, peer: Option<Arc<Inbox>>) -> Self {
        Self { inbox, peer: Mutex::new(peer) }
    }

    fn peer(&self) -> Option<Arc<Inbox>> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn expect_peer(&self) -> io::Result<Arc<Inbox>> {
        self.peer().ok_or_else(|| error(ErrorKind::NotConnected))
    }

    /// Binds a path of the current node. A path whose socket is gone may be bound again: the file left behind is
    /// not modelled.
    ///
    /// # Errors
    /// `AddrInUse` while another socket has the path.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixDatagram> {
        let path = path.as_ref().to_owned();
        let (names, node) = names();
        let inbox = Inbox::new(Some(path.clone()));
        let mut names = names.0.borrow_mut();
        if names.get(&(node, path.clone())).is_some_and(|other| !other.state().closed) {
            return Err(error(ErrorKind::AddrInUse));
        }
        names.insert((node, path), Arc::clone(&inbox));
        Ok(Self::new(inbox, None))
    }

    /// Two sockets that send to each other.
    pub fn pair() -> (UnixDatagram, UnixDatagram) {
        let (one, other) = (Inbox::new(None), Inbox::new(None));
        (Self::new(Arc::clone(&one), Some(Arc::clone(&other))), Self::new(other, Some(one)))
    }

    /// A socket without a name.
    pub fn unbound() -> UnixDatagram {
        Self::new(Inbox::new(None), None)
    }

    /// Sends to the socket bound at `path` from now on.
    ///
    /// # Errors
    /// `NotFound` when nothing was ever bound there.
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let found = find(path.as_ref())?;
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }

    /// Sends to the connected socket if it has room.
    ///
    /// # Errors
    /// `WouldBlock` when it has not, `ConnectionRefused` when it is closed, `NotConnected` when there is none.
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.expect_peer()?.send(bytes, self.inbox.path.clone())
    }

    /// Sends to the socket bound at a path if it has room.
    ///
    /// # Errors
    /// `WouldBlock` when it has not, `NotFound` when nothing was ever bound there.
    pub fn try_send_to(&self, bytes: &[u8], target: impl AsRef<Path>) -> io::Result<usize> {
        find(target.as_ref())?.send(bytes, self.inbox.path.clone())
    }

    /// Takes the next datagram, and its sender's path.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn try_recv_from(&self, into: &mut [u8]) -> io::Result<(usize, Option<PathBuf>)> {
        self.inbox.receive(into, false)
    }

    /// Looks at the next datagram without taking it.
    ///
    /// # Errors
    /// `WouldBlock` when there is none.
    pub fn try_peek_from(&self, into: &mut [u8]) -> io::Result<(usize, Option<PathBuf>)> {
        self.inbox.receive(into, true)
    }

    /// Ready when sending to the connected socket would not wait; without one it would fail at once.
    pub fn poll_send_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        self.peer()
            .map_or(Poll::Ready(()), |peer| peer.poll(context, Inbox::has_room, |queue| &mut queue.writers))
    }

    /// Ready when sending to the socket bound at a path would not wait.
    ///
    /// # Errors
    /// `NotFound` when nothing was ever bound there.
    pub fn poll_send_ready_to(
        &self,
        context: &mut Context<'_>,
        target: impl AsRef<Path>,
    ) -> Poll<io::Result<()>> {
        find(target.as_ref())?.poll(context, Inbox::has_room, |queue| &mut queue.writers).map(Ok)
    }

    /// Ready when a datagram is there.
    pub fn poll_recv_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        self.inbox.poll(context, Inbox::has_something, |queue| &mut queue.readers)
    }

    /// Whether receiving, and whether sending to the connected socket would not wait now.
    pub fn readiness(&self) -> (bool, bool) {
        (self.inbox.has_something(), self.peer().is_none_or(|peer| peer.has_room()))
    }

    /// The path it is bound to.
    pub fn local_path(&self) -> Option<&Path> {
        self.inbox.path.as_deref()
    }

    /// The connected socket's path.
    ///
    /// # Errors
    /// `NotConnected` when there is none.
    pub fn peer_path(&self) -> io::Result<Option<PathBuf>> {
        self.expect_peer().map(|peer| peer.path.clone())
    }

    /// Ends reading, writing or both.
    pub fn shutdown(&self, how: Shutdown) {
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
