//! Sockets by file descriptor: std's, C's, and those of runtimes that hand out descriptors.
//!
//! A simulated socket needs no descriptor, but code asks for one: to set options (tonic, tokio-postgres), to carry
//! a socket through std and back (redis), or because it only knows std (`std::net::TcpListener::bind`). So one table in
//! the run's world says which descriptor stands for which socket. The descriptor itself is a real socket that is
//! connected to nothing; the hooks of the C library ask here instead of the kernel, and a socket lives until its last
//! holder is gone: the objects of a runtime, and the open descriptors.
//!
//! Descriptors are numbers of the host, which differ from run to run: nothing here is done in their order.
//!
//! | file | concept |
//! |---|---|
//! | [`table`] | which descriptor stands for which socket |
//! | `hook` | the C library's calls |
//! | `options` | what an option set on a descriptor does to its socket |
//! | `blocking` | calls that wait |

mod blocking;
mod hook;
mod options;
mod table;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use sim_host::Sockets;
use sim_host::sockets::{Family, SocketKind, unconnected};
use sim_runtime::executor::{World, try_current};

use crate::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use table::table;

/// What a descriptor stands for.
#[derive(Debug, Clone)]
pub enum Socket {
    /// A TCP socket that is neither connected nor listening.
    Idle(Arc<TcpSocket>),
    /// A TCP connection, perhaps not established yet.
    Stream(Arc<TcpStream>),
    /// A listening TCP socket.
    Listener(Arc<TcpListener>),
    /// A UDP socket; none while it has no port.
    Datagram(Option<Arc<UdpSocket>>),
    /// A Unix stream socket that is neither connected nor listening, and the path it is bound to.
    UnixIdle(Option<PathBuf>),
    /// A Unix connection.
    UnixStream(Arc<UnixStream>),
    /// A listening Unix socket.
    UnixListener(Arc<UnixListener>),
    /// A Unix datagram socket.
    UnixDatagram(Arc<UnixDatagram>),
}

impl Socket {
    /// What the real socket beneath should be.
    fn shape(&self) -> (Family, SocketKind) {
        let family = |v6| if v6 { Family::V6 } else { Family::V4 };
        let is_v6 =
            |address: io::Result<std::net::SocketAddr>| address.is_ok_and(|address| address.is_ipv6());
        match self {
            Socket::Idle(socket) => (family(socket.local_addr().is_ipv6()), SocketKind::Stream),
            Socket::Stream(stream) => (family(is_v6(stream.local_addr())), SocketKind::Stream),
            Socket::Listener(listener) => (family(is_v6(listener.local_addr())), SocketKind::Stream),
            Socket::Datagram(socket) => {
                let v6 = socket.as_ref().is_some_and(|socket| is_v6(socket.local_addr()));
                (family(v6), SocketKind::Datagram)
            }
            Socket::UnixIdle(_) | Socket::UnixStream(_) | Socket::UnixListener(_) => {
                (Family::Unix, SocketKind::Stream)
            }
            Socket::UnixDatagram(_) => (Family::Unix, SocketKind::Datagram),
        }
    }
}

/// The descriptor of a runtime's socket, made when it is asked for. Calls on it do not wait, as the runtime has it.
#[derive(Debug, Default)]
pub struct Descriptor(OnceLock<OwnedFd>);

impl Descriptor {
    /// None yet.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// One that is there, and stands for `socket` from now on.
    pub fn of(fd: OwnedFd, socket: Socket) -> Self {
        if let Some(world) = try_current() {
            table(&world).put(&world, fd.as_raw_fd(), socket);
        }
        Self(OnceLock::from(fd))
    }

    /// Gets the descriptor, which stands for `socket`.
    ///
    /// # Panics
    /// When the host has no descriptor left.
    pub fn get(&self, socket: impl FnOnce() -> Socket) -> &OwnedFd {
        self.0.get_or_init(|| made(socket(), false))
    }

    /// Gives the descriptor away: it stands for `socket`, which lives as long as it.
    ///
    /// # Panics
    /// When the host has no descriptor left.
    pub fn into_fd(mut self, socket: impl FnOnce() -> Socket) -> OwnedFd {
        self.0.take().unwrap_or_else(|| made(socket(), false))
    }

    /// The same descriptor for another socket, if there is one: it has connected, for example.
    #[must_use]
    pub fn for_another(mut self, socket: impl FnOnce() -> Socket) -> Self {
        self.0.take().map_or_else(Self::new, |fd| Self::of(fd, socket()))
    }
}

fn made(socket: Socket, may_wait: bool) -> OwnedFd {
    let (family, kind) = socket.shape();
    let fd = sim_host::outside(|| unconnected(family, kind, may_wait))
        .expect("the host has room for one more descriptor");
    if let Some(world) = try_current() {
        table(&world).put(&world, fd.as_raw_fd(), socket);
    }
    fd
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // Closing tells the table, but only where the hooks are on.
        if let Some(fd) = self.0.get()
            && let Some(world) = try_current()
        {
            let socket = table(&world).remove(fd.as_raw_fd());
            drop(socket);
        }
    }
}

/// The socket that a descriptor stands for.
///
/// # Errors
/// `Unsupported` for a descriptor of the host.
pub fn socket(fd: &impl AsRawFd) -> io::Result<Socket> {
    let found = try_current().and_then(|world| table(&world).get(fd.as_raw_fd()));
    found.map(|opened| opened.socket()).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "a socket of the host cannot enter the simulation: only one that was made in this run can",
        )
    })
}

/// Makes the sockets of std and C in this world those of the simulated network. The network does it by itself when
/// it is first used; before that they are refused.
pub fn plug_in(world: &Rc<World>) {
    world.extension::<Rc<dyn Sockets>>(|| Rc::new(hook::Hook));
}
