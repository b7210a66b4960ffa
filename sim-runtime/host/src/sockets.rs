//! What a machine with a network answers for: the trait [`Sockets`] and its words.
//!
//! A socket of the simulated network has a descriptor of the host, a real socket that is connected to nothing: its
//! number names the simulated one, and it keeps the options nobody simulates. Calls that would reach the host's
//! network are answered by the trait instead.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use crate::machine::{Answer, Errno};

/// The network of a run, as the C library's socket calls see it.
///
/// Called as [`Machine`](crate::Machine)'s methods are: on the run's threads, with the gate closed. A call that
/// `may_wait` is on a blocking socket: it waits as long as the socket's
/// [timeouts](SocketOption::ReceiveTimeout) allow.
pub trait Sockets {
    /// Whether the descriptor stands for a socket of this network. Only then are all other methods called, but for
    /// [`bind`](Sockets::bind), [`listen`](Sockets::listen), [`connect`](Sockets::connect), [`accept`](Sockets::accept),
    /// [`pair`](Sockets::pair), [`option_set`](Sockets::option_set), and [`send`](Sockets::send) to an address: they may
    /// make it one.
    fn carries(&self, fd: i32) -> bool;

    /// `bind`.
    fn bind(&self, fd: i32, kind: SocketKind, address: &SocketAddress) -> Answer<()>;

    /// `listen`.
    fn listen(&self, fd: i32, backlog: i32) -> Answer<()>;

    /// `connect`. A stream's that may not wait fails with `EINPROGRESS` and goes on by itself.
    fn connect(&self, fd: i32, kind: SocketKind, address: &SocketAddress, may_wait: bool) -> Answer<()>;

    /// `accept`: the descriptor of the new connection, and the peer's address.
    fn accept(&self, fd: i32, may_wait: bool) -> Answer<(OwnedFd, SocketAddress)>;

    /// Sends bytes; the answer is how many were taken.
    fn send(
        &self,
        fd: i32,
        kind: SocketKind,
        bytes: &[u8],
        to: Option<&SocketAddress>,
        may_wait: bool,
    ) -> Answer<usize>;

    /// Receives bytes: how many, and from whom when it is a datagram; they stay in the queue when the caller `peeks`.
    fn receive(
        &self,
        fd: i32,
        out: &mut [u8],
        peeks: bool,
        may_wait: bool,
    ) -> Answer<(usize, Option<SocketAddress>)>;

    /// `shutdown`.
    fn shutdown(&self, fd: i32, direction: Shutdown) -> Answer<()>;

    /// `getsockname`.
    fn name(&self, fd: i32) -> Answer<SocketAddress>;

    /// `getpeername`.
    fn peer(&self, fd: i32) -> Answer<SocketAddress>;

    /// `getsockopt(SO_ERROR)`: the pending error, which is then forgotten; 0 for none.
    fn take_error(&self, fd: i32) -> Answer<Errno>;

    /// An option was set, as the caller gave it: what the kernel makes of a value is the host's.
    fn option_set(&self, fd: i32, kind: SocketKind, option: SocketOption);

    /// `socketpair`: two descriptors that shall be connected.
    fn pair(&self, one: i32, other: i32, kind: SocketKind) -> Answer<()>;

    /// `poll`: waits until one of the states is there, without a limit for ever; answers which of what was wanted is.
    fn wait(&self, wanted: &[Wanted], limit_ns: Option<u64>) -> Answer<Vec<Ready>>;

    /// A descriptor was copied (`try_clone`): `copy` stands for the same socket.
    fn duplicated(&self, fd: i32, copy: i32);

    /// A descriptor is about to be closed.
    fn closed(&self, fd: i32);
}

/// What travels through a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketKind {
    /// Bytes in order.
    Stream,
    /// Messages.
    Datagram,
    /// Something else, by `SOCK_…` number.
    Other(i32),
}

/// An option that means something to a simulated network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketOption {
    /// `TCP_NODELAY`.
    Nodelay(bool),
    /// `SO_LINGER`.
    Linger(Option<Duration>),
    /// `SO_KEEPALIVE`.
    Keepalive(bool),
    /// `TCP_KEEPIDLE`: before the first probe.
    KeepaliveIdle(Duration),
    /// `TCP_KEEPINTVL`: between probes.
    KeepaliveInterval(Duration),
    /// `TCP_KEEPCNT`: probes without an answer that end the connection.
    KeepaliveProbes(u32),
    /// `TCP_USER_TIMEOUT`; none is the system's default.
    UserTimeout(Option<Duration>),
    /// `SO_SNDBUF`, bytes as asked for.
    SendBuffer(u32),
    /// `SO_RCVBUF`, bytes as asked for.
    ReceiveBuffer(u32),
    /// `SO_SNDTIMEO`: the limit of a wait to send or to connect.
    SendTimeout(Option<Duration>),
    /// `SO_RCVTIMEO`: the limit of a wait to receive or to accept.
    ReceiveTimeout(Option<Duration>),
}

/// One descriptor of a `poll`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The descriptor.
    pub fd: i32,
    /// `POLLIN`.
    pub read: bool,
    /// `POLLOUT`.
    pub write: bool,
}

/// What `poll` found of one descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of poll")]
pub struct Ready {
    /// `POLLIN`, when it was wanted.
    pub read: bool,
    /// `POLLOUT`, when it was wanted.
    pub write: bool,
    /// `POLLERR`: an error is pending.
    pub error: bool,
    /// `POLLHUP`: both directions are over.
    pub over: bool,
}

/// The address given to a socket call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketAddress {
    /// TCP or UDP.
    Internet(SocketAddr),
    /// A Unix socket's path; empty when unnamed, starting with a NUL byte when abstract.
    Unix(PathBuf),
    /// Some other address family, by number.
    Other(i32),
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketAddress::Internet(address) => write!(out, "{address}"),
            SocketAddress::Unix(path) => write!(out, "unix:{}", path.display()),
            SocketAddress::Other(family) => write!(out, "an address of family {family}"),
        }
    }
}

/// The addresses a socket takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Paths.
    Unix,
}

/// A real socket that is bound and connected to nothing: a number for a simulated one. Whether calls on it may wait is
/// the real one's flag too.
///
/// # Errors
///
/// When the host has no descriptor left; `InvalidInput` for a kind that is neither stream nor datagram.
#[cfg(unix)]
pub fn unconnected(family: Family, kind: SocketKind, may_wait: bool) -> io::Result<OwnedFd> {
    let family = match family {
        Family::V4 => libc::AF_INET,
        Family::V6 => libc::AF_INET6,
        Family::Unix => libc::AF_UNIX,
    };
    let kind = match kind {
        SocketKind::Stream => libc::SOCK_STREAM,
        SocketKind::Datagram => libc::SOCK_DGRAM,
        SocketKind::Other(_) => return Err(io::ErrorKind::InvalidInput.into()),
    };
    // SAFETY: passes no pointers.
    let fd = unsafe { libc::socket(family, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: made just now, and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // `SOCK_CLOEXEC` and `SOCK_NONBLOCK` in the call above are not on every Unix.
    let nonblocking = if may_wait { 0 } else { libc::O_NONBLOCK };
    for (command, flag) in [(libc::F_SETFD, libc::FD_CLOEXEC), (libc::F_SETFL, nonblocking)] {
        // SAFETY: a command with an integer argument.
        if unsafe { libc::fcntl(fd.as_raw_fd(), command, flag) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(fd)
}
