//! A TCP socket whose options are set before it connects or listens.

use super::listener::TcpListener;
use super::tcp_stream::TcpStream;
use crate::runtime::Handle;
use sim_net::descriptor::{self, Descriptor, Socket};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A TCP socket that is neither connected nor listening.
pub struct TcpSocket {
    raw: Arc<sim_net::TcpSocket>,
    state: Mutex<State>,
    descriptor: Descriptor,
}

#[derive(Default)]
struct State {
    keepalive: bool,
    nodelay: bool,
    linger: Option<Duration>,
    reuseaddr: bool,
    reuseport: bool,
    tos: u32,
    device: Option<Vec<u8>>,
}

/// An option with a getter and a setter that only keep the value.
macro_rules! kept {
    ($($get:ident $set:ident $field:ident: $kind:ty;)*) => {$(
        /// The value last set.
        ///
        /// # Errors
        ///
        /// None here.
        pub fn $get(&self) -> io::Result<$kind> {
            Ok(self.state().$field)
        }

        /// Kept, without effect on the simulated network.
        ///
        /// # Errors
        ///
        /// None here.
        pub fn $set(&self, value: $kind) -> io::Result<()> {
            self.state().$field = value;
            Ok(())
        }
    )*};
}

impl TcpSocket {
    fn of(raw: Arc<sim_net::TcpSocket>, descriptor: Descriptor) -> Self {
        Self { raw, state: Mutex::default(), descriptor }
    }

    fn socket(&self) -> Socket {
        Socket::Idle(self.raw.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket for IPv4.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn new_v4() -> io::Result<TcpSocket> {
        Ok(Self::of(Arc::new(sim_net::TcpSocket::new_v4()), Descriptor::new()))
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn new_v6() -> io::Result<TcpSocket> {
        Ok(Self::of(Arc::new(sim_net::TcpSocket::new_v6()), Descriptor::new()))
    }

    /// A socket that was made through std or socket2 and is not connected yet.
    pub fn from_std_stream(std_stream: std::net::TcpStream) -> TcpSocket {
        Self::from_fd(std_stream.into())
    }

    fn from_fd(fd: OwnedFd) -> Self {
        let raw = match descriptor::socket(&fd) {
            Ok(Socket::Idle(raw)) => raw,
            // Nothing was asked of it yet that the simulation would know of.
            _ => Arc::new(match socket2::SockRef::from(&fd).domain() {
                Ok(domain) if domain == socket2::Domain::IPV6 => sim_net::TcpSocket::new_v6(),
                _ => sim_net::TcpSocket::new_v4(),
            }),
        };
        Self::of(raw.clone(), Descriptor::of(fd, Socket::Idle(raw)))
    }

    kept! {
        reuseaddr set_reuseaddr reuseaddr: bool;
        reuseport set_reuseport reuseport: bool;
        tos_v4 set_tos_v4 tos: u32;
        tos set_tos tos: u32;
        tclass_v6 set_tclass_v6 tos: u32;
    }

    /// Probes the idle connection.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.state().keepalive = keepalive;
        self.raw.set_keepalive(keepalive.then_some(sim_net::tcp::limits::KEEPALIVE));
        Ok(())
    }

    /// Whether the idle connection is probed.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn keepalive(&self) -> io::Result<bool> {
        Ok(self.state().keepalive)
    }

    /// Sets the send buffer, in bytes.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.raw.set_send_buffer_size(size);
        Ok(())
    }

    /// The send buffer, in bytes.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        Ok(self.raw.send_buffer_size())
    }

    /// Sets the receive buffer, in bytes.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.raw.set_recv_buffer_size(size);
        Ok(())
    }

    /// The receive buffer, in bytes.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        Ok(self.raw.recv_buffer_size())
    }

    /// With zero, a close resets the connection.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.state().linger = dur;
        self.raw.set_linger(dur);
        Ok(())
    }

    /// A close resets the connection.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// What a close does with what was not sent.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(self.state().linger)
    }

    /// Sends small writes at once.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.state().nodelay = nodelay;
        self.raw.set_nodelay(nodelay);
        Ok(())
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.state().nodelay)
    }

    /// The network card last set.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.state().device.clone())
    }

    /// Kept, without effect: a node has one network card.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.state().device = interface.map(<[u8]>::to_vec);
        Ok(())
    }

    /// The bound address; before that, the unspecified one.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.raw.local_addr())
    }

    /// The pending error: there is none before the socket connects.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }

    /// Binds a local address.
    ///
    /// # Errors
    ///
    /// As [`sim_net::TcpSocket::bind`].
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.raw.bind(addr)
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// As [`sim_net::TcpStream::connect`].
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        Handle::current().io()?;
        let raw = Arc::new(self.raw.start_connect(addr)?);
        raw.connected().await?;
        let descriptor = self.descriptor.for_another(|| Socket::Stream(raw.clone()));
        Ok(TcpStream::with_descriptor(raw, descriptor))
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// As [`sim_net::TcpListener::listen`].
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        Handle::current().io()?;
        let raw = Arc::new(self.raw.listen(backlog)?);
        let descriptor = self.descriptor.for_another(|| Socket::Listener(raw.clone()));
        Ok(TcpListener::with_descriptor(raw, descriptor))
    }
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TcpSocket").field("local", &self.raw.local_addr()).finish_non_exhaustive()
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get(|| self.socket()).as_fd()
    }
}

impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.get(|| self.socket()).as_raw_fd()
    }
}

impl IntoRawFd for TcpSocket {
    fn into_raw_fd(self) -> RawFd {
        let socket = self.socket();
        self.descriptor.into_fd(|| socket).into_raw_fd()
    }
}

impl FromRawFd for TcpSocket {
    #[allow(unsafe_code, reason = "the trait's method is unsafe")]
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller owns the descriptor, as it promises.
        Self::from_fd(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}
