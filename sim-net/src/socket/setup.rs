//! `TcpSocket`: a socket whose options are set before it connects or listens.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sim_runtime::task::NodeId;

use super::{TcpListener, TcpStream};
use crate::error::error;
use crate::network::ports::Protocol;
use crate::network::{Dial, State, with, with_if_running};
use crate::tcp::Keepalive;

/// A TCP socket that is neither connected nor listening.
#[derive(Debug)]
pub struct TcpSocket {
    any: IpAddr,
    setup: Mutex<Setup>,
}

#[derive(Debug, Default)]
struct Setup {
    bound: Option<Bound>,
    send_buffer: Option<u32>,
    receive_buffer: Option<u32>,
    nodelay: bool,
    keepalive: Option<Keepalive>,
    linger: Option<Duration>,
    user_timeout: Option<Duration>,
}

/// A port that is taken until this is dropped.
#[derive(Debug)]
struct Bound {
    run: u32,
    node: NodeId,
    local: SocketAddr,
}

impl Drop for Bound {
    fn drop(&mut self) {
        with_if_running(|state, _| {
            if self.run == state.run {
                state.ports.unbind(Protocol::Tcp, self.node, self.local);
            }
        });
    }
}

impl TcpSocket {
    fn new(any: IpAddr) -> TcpSocket {
        TcpSocket { any, setup: Mutex::default() }
    }

    /// A socket for IPv4.
    pub fn new_v4() -> TcpSocket {
        TcpSocket::new(Ipv4Addr::UNSPECIFIED.into())
    }

    /// A socket for IPv6.
    pub fn new_v6() -> TcpSocket {
        TcpSocket::new(Ipv6Addr::UNSPECIFIED.into())
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the send buffer, in bytes. Default 87,380.
    pub fn set_send_buffer_size(&self, bytes: u32) {
        self.setup().send_buffer = Some(bytes);
    }

    /// Sets the receive buffer, in bytes. Default 65,536.
    pub fn set_recv_buffer_size(&self, bytes: u32) {
        self.setup().receive_buffer = Some(bytes);
    }

    /// The send buffer, in bytes.
    pub fn send_buffer_size(&self) -> u32 {
        self.setup().send_buffer.unwrap_or(crate::tcp::limits::SEND_BUFFER_BYTES)
    }

    /// The receive buffer, in bytes.
    pub fn recv_buffer_size(&self) -> u32 {
        self.setup().receive_buffer.unwrap_or(crate::tcp::limits::RECEIVE_BUFFER_BYTES)
    }

    /// Sends small writes at once. The model always does; the value is kept.
    pub fn set_nodelay(&self, nodelay: bool) {
        self.setup().nodelay = nodelay;
    }

    /// Probes the idle connection; see [`TcpStream::set_keepalive`].
    pub fn set_keepalive(&self, keepalive: Option<Keepalive>) {
        self.setup().keepalive = keepalive;
    }

    /// What a close does; see [`TcpStream::set_linger`].
    pub fn set_linger(&self, linger: Option<Duration>) {
        self.setup().linger = linger;
    }

    /// How long data may stay unacknowledged; see [`TcpStream::set_user_timeout`].
    pub fn set_user_timeout(&self, timeout: Option<Duration>) {
        self.setup().user_timeout = timeout;
    }

    /// Binds a local address; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse`; `AddrNotAvailable` when it is another machine's; `InvalidInput` when one is bound already.
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        let mut setup = self.setup();
        if setup.bound.is_some() {
            return Err(error(ErrorKind::InvalidInput));
        }
        let bound = with(|state, world| {
            let node = world.current_node();
            State::may_bind(world, node, address.ip())?;
            let port = state.ports.bind(Protocol::Tcp, node, address.ip(), address.port());
            let port = port.ok_or_else(|| error(ErrorKind::AddrInUse))?;
            Ok::<_, io::Error>(Bound { run: state.run, node, local: SocketAddr::new(address.ip(), port) })
        })?;
        setup.bound = Some(bound);
        Ok(())
    }

    /// The bound address; before that, the unspecified one.
    pub fn local_addr(&self) -> SocketAddr {
        self.setup().bound.as_ref().map_or(SocketAddr::new(self.any, 0), |bound| bound.local)
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = self.start_connect(address)?;
        stream.connected().await?;
        Ok(stream)
    }

    /// Begins to connect, and leaves the socket unbound: [`TcpStream::connected`] says how it ends.
    ///
    /// # Errors
    /// `AddrNotAvailable` when all ports are in use, `AddrInUse` when the bound one has this peer already.
    pub fn start_connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let setup = std::mem::take(&mut *self.setup());
        let dial = Dial {
            from: setup.bound.as_ref().map(|bound| bound.local),
            send_buffer: setup.send_buffer,
            receive_buffer: setup.receive_buffer,
        };
        let socket = with(|state, world| state.dial(world, world.current_node(), address, dial))?;
        let stream = TcpStream::of(socket);
        stream.set_nodelay(setup.nodelay)?;
        stream.set_keepalive(setup.keepalive)?;
        stream.set_linger(setup.linger)?;
        stream.set_user_timeout(setup.user_timeout)?;
        Ok(stream)
    }

    /// Listens, on a free port if none is bound.
    ///
    /// # Errors
    /// As [`TcpListener::listen`].
    pub fn listen(&self, backlog: u32) -> io::Result<TcpListener> {
        let address = self.local_addr();
        // Nobody else runs between the two, so the port stays ours.
        self.setup().bound = None;
        TcpListener::listen(address, backlog as usize)
    }
}
