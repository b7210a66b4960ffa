//! `TcpSocket`: a socket whose options are set before it connects or listens.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{TcpListener, TcpStream};
use crate::network::{Dial, State, with};
use crate::tcp::Keepalive;

/// A TCP socket that is neither connected nor listening.
#[derive(Debug, Clone)]
pub struct TcpSocket {
    dial: Dial,
    any: IpAddr,
    pub(super) nodelay: bool,
    pub(super) keepalive: Option<Keepalive>,
    pub(super) linger: Option<Duration>,
}

impl TcpSocket {
    fn new(any: IpAddr) -> TcpSocket {
        TcpSocket { dial: Dial::default(), any, nodelay: false, keepalive: None, linger: None }
    }

    /// A socket for IPv4.
    pub fn new_v4() -> TcpSocket {
        TcpSocket::new(Ipv4Addr::UNSPECIFIED.into())
    }

    /// A socket for IPv6.
    pub fn new_v6() -> TcpSocket {
        TcpSocket::new(Ipv6Addr::UNSPECIFIED.into())
    }

    /// Sets the send buffer, in bytes. Default 87,380.
    pub fn set_send_buffer_size(&mut self, bytes: u32) {
        self.dial.send_buffer = Some(bytes);
    }

    /// Sets the receive buffer, in bytes. Default 65,536.
    pub fn set_recv_buffer_size(&mut self, bytes: u32) {
        self.dial.receive_buffer = Some(bytes);
    }

    /// The send buffer, in bytes.
    pub fn send_buffer_size(&self) -> u32 {
        self.dial.send_buffer.unwrap_or(crate::tcp::limits::SEND_BUFFER_BYTES)
    }

    /// The receive buffer, in bytes.
    pub fn recv_buffer_size(&self) -> u32 {
        self.dial.receive_buffer.unwrap_or(crate::tcp::limits::RECEIVE_BUFFER_BYTES)
    }

    /// Sends small writes at once. The model always does; the value is kept.
    pub fn set_nodelay(&mut self, nodelay: bool) {
        self.nodelay = nodelay;
    }

    /// Probes the idle connection with Linux' defaults (2 h, then 9 probes 75 s apart).
    pub fn set_keepalive(&mut self, on: bool) {
        self.keepalive = on.then_some(crate::tcp::limits::KEEPALIVE);
    }

    /// What a close does; see [`TcpStream::set_linger`].
    pub fn set_linger(&mut self, linger: Option<Duration>) {
        self.linger = linger;
    }

    /// Binds a local address.
    ///
    /// # Errors
    /// `AddrNotAvailable` when it is another machine's.
    pub fn bind(&mut self, address: SocketAddr) -> io::Result<()> {
        with(|_, world| State::may_bind(world, world.current_node(), address.ip()))?;
        self.dial.from = Some(address);
        Ok(())
    }

    /// The bound address; before that, the unspecified one.
    pub fn local_addr(&self) -> SocketAddr {
        self.dial.from.unwrap_or(SocketAddr::new(self.any, 0))
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`TcpStream::connect`].
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = with(|state, world| state.dial(world, world.current_node(), address, self.dial))?;
        let stream = TcpStream::of(socket);
        stream.connected().await?;
        stream.set_nodelay(self.nodelay)?;
        stream.set_keepalive(self.keepalive)?;
        stream.set_linger(self.linger)?;
        Ok(stream)
    }

    /// Listens.
    ///
    /// # Errors
    /// As [`TcpListener::listen`].
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        TcpListener::listen(self.local_addr(), backlog as usize)
    }
}
