//! Datagrams on the simulated network.

use super::addr::{self, ToSocketAddrs};
use super::stream::fill;
use crate::io::{Interest, ReadBuf, Ready};
use crate::runtime::Handle;
use crate::task::coop;
use sim_net::descriptor::{self, Descriptor, Socket};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

/// A UDP socket on the simulated network.
pub struct UdpSocket {
    raw: Arc<sim_net::udp::UdpSocket>,
    descriptor: Descriptor,
    options: Mutex<Options>,
}

#[derive(Clone)]
struct Options {
    broadcast: bool,
    ttl: u32,
    tos: u32,
    multicast_loop: bool,
    multicast_ttl: u32,
    device: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { broadcast: false, ttl: 64, tos: 0, multicast_loop: true, multicast_ttl: 1, device: None }
    }
}

macro_rules! kept {
    ($($get:ident $set:ident $field:ident: $kind:ty;)*) => {$(
        /// The value last set.
        ///
        /// # Errors
        ///
        /// None here.
        pub fn $get(&self) -> io::Result<$kind> {
            Ok(self.options().$field)
        }

        /// Kept, without effect on the simulated network.
        ///
        /// # Errors
        ///
        /// None here.
        pub fn $set(&self, value: $kind) -> io::Result<()> {
            self.options().$field = value;
            Ok(())
        }
    )*};
}

fn no_multicast() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "the simulated network has no multicast")
}

impl UdpSocket {
    fn new(raw: Arc<sim_net::udp::UdpSocket>, descriptor: Descriptor) -> Self {
        Self { raw, descriptor, options: Mutex::default() }
    }

    fn socket(&self) -> Socket {
        Socket::Datagram(Some(self.raw.clone()))
    }

    fn options(&self) -> MutexGuard<'_, Options> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Binds an address of the running task's node; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// As [`sim_net::udp::UdpSocket::bind`].
    ///
    /// # Panics
    ///
    /// If there is no current runtime, or it has no sockets.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        Handle::current().io()?;
        let bind = async |address| {
            let raw = sim_net::udp::UdpSocket::bind_to(address)?;
            Ok(Self::new(Arc::new(raw), Descriptor::new()))
        };
        addr::each(addr, bind).await
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
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        Handle::current().io()?;
        match descriptor::socket(&socket)? {
            Socket::Datagram(Some(raw)) => {
                Ok(Self::new(raw.clone(), Descriptor::of(socket.into(), Socket::Datagram(Some(raw)))))
            }
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The socket as std has it.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        let socket = self.socket();
        Ok(self.descriptor.into_fd(|| socket).into())
    }

    /// Its own address.
    ///
    /// # Errors
    ///
    /// When the socket is of an earlier life of the node.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.raw.local_addr()
    }

    /// The connected peer's address.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.raw.peer_addr()
    }

    /// Sends to one peer, and receives from it alone.
    ///
    /// # Errors
    ///
    /// As [`sim_net::udp::UdpSocket::connect`].
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        addr::each(addr, async |address| self.raw.connect_to(address)).await
    }

    fn readable_now(&self) -> bool {
        !matches!(self.try_peek_from(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Waits for any of the states of interest.
    ///
    /// # Errors
    ///
    /// When the socket is of an earlier life of the node.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        std::future::poll_fn(|cx| {
            let mut ready = Ready::EMPTY;
            if interest.is_writable() {
                ready |= Ready::WRITABLE;
            }
            if interest.is_readable() && self.raw.poll_recv_ready(cx)?.is_ready() {
                ready |= Ready::READABLE;
            }
            if ready.is_empty() {
                return Poll::Pending;
            }
            Poll::Ready(Ok(ready))
        })
        .await
    }

    /// Waits until sending would not block: at once.
    ///
    /// # Errors
    ///
    /// None here.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Ready when sending would not block: at once.
    pub fn poll_send_ready(&self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Sends a datagram to the connected peer.
    ///
    /// # Errors
    ///
    /// As [`sim_net::udp::UdpSocket::try_send`].
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.raw.send(buf).await
    }

    /// Polls to send a datagram to the connected peer.
    pub fn poll_send(&self, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.raw.try_send(buf))
    }

    /// Sends a datagram to the connected peer.
    ///
    /// # Errors
    ///
    /// As [`sim_net::udp::UdpSocket::try_send`].
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.raw.try_send(buf)
    }

    /// Waits until a datagram is there.
    ///
    /// # Errors
    ///
    /// When the socket is of an earlier life of the node.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Ready when a datagram is there.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.raw.poll_recv_ready(cx)
    }

    /// Receives a datagram.
    ///
    /// # Errors
    ///
    /// As [`sim_net::udp::UdpSocket::try_recv_from`]; so for all that receives.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buf).await.map(|(count, _)| count)
    }

    /// Polls to receive a datagram.
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_recv_from(cx, buf).map_ok(drop)
    }

    /// Receives a datagram if one is there.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_recv_from(buf).map(|(count, _)| count)
    }

    /// Receives a datagram if one is there, and adds it to `buf`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.try_recv_buf_from(buf).map(|(count, _)| count)
    }

    /// Receives a datagram and adds it to `buf`.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub async fn recv_buf<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.recv_buf_from(buf).await.map(|(count, _)| count)
    }

    /// Receives a datagram if one is there, adds it to `buf`, and tells the sender.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_recv_buf_from<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let mut from = None;
        let count = fill(buf, |bytes| {
            let (count, sender) = self.try_recv_from(bytes)?;
            from = Some(sender);
            Ok(count)
        })?;
        Ok((count, from.expect("set when something was received")))
    }

    /// Receives a datagram, adds it to `buf`, and tells the sender.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub async fn recv_buf_from<B: bytes::BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        loop {
            self.readable().await?;
            match self.try_recv_buf_from(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
        }
    }

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// As [`sim_net::udp::UdpSocket::try_send_to`].
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let none = || io::Error::new(io::ErrorKind::InvalidInput, "no addresses to send data to");
        let to = addr::addresses(addr).await?.into_iter().next().ok_or_else(none)?;
        std::future::poll_fn(|cx| self.poll_send_to(cx, buf, to)).await
    }

    /// Polls to send a datagram.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let coop = ready!(coop::poll_proceed(cx));
        let sent = ready!(self.raw.poll_send_to(cx, buf, target));
        coop.made_progress();
        Poll::Ready(sent)
    }

    /// Sends a datagram.
    ///
    /// # Errors
    ///
    /// As [`sim_net::udp::UdpSocket::try_send_to`].
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.raw.try_send_to(buf, target)
    }

    /// Receives a datagram and tells the sender.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        coop::cooperative(self.raw.recv_from(buf)).await
    }

    /// Polls to receive a datagram; only the last task that polled is woken.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let coop = ready!(coop::poll_proceed(cx));
        let (count, from) = ready!(self.raw.poll_recv_from(cx, buf.initialize_unfilled()))?;
        buf.advance(count);
        coop.made_progress();
        Poll::Ready(Ok(from))
    }

    /// Receives a datagram if one is there, and tells the sender.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.raw.try_recv_from(buf)
    }

    /// Does `f` if the socket is ready for it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when it is not, or what `f` answers.
    pub fn try_io<R>(&self, interest: Interest, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        if interest.is_writable() || self.readable_now() {
            f()
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
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

    /// Looks at a datagram without taking it.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.peek_from(buf).await.map(|(count, _)| count)
    }

    /// Polls to look at a datagram without taking it.
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_peek_from(cx, buf).map_ok(drop)
    }

    /// Looks at a datagram, if one is there, without taking it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_peek_from(buf).map(|(count, _)| count)
    }

    /// Looks at a datagram without taking it, and tells the sender.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        coop::cooperative(self.raw.peek_from(buf)).await
    }

    /// Polls to look at a datagram without taking it, and tells the sender.
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        ready!(self.raw.poll_recv_ready(cx))?;
        match self.try_peek_from(buf.initialize_unfilled()) {
            Ok((count, from)) => {
                buf.advance(count);
                Poll::Ready(Ok(from))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Looks at a datagram, if one is there, without taking it, and tells the sender.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.raw.try_peek_from(buf)
    }

    /// Waits for a datagram and tells its sender without taking it.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::recv`].
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        self.peek_from(&mut []).await.map(|(_, from)| from)
    }

    /// Polls for the sender of the next datagram.
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.poll_peek_from(cx, &mut ReadBuf::new(&mut []))
    }

    /// The sender of the next datagram, if one is there.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none.
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        self.try_peek_from(&mut []).map(|(_, from)| from)
    }

    kept! {
        broadcast set_broadcast broadcast: bool;
        ttl set_ttl ttl: u32;
        tos set_tos tos: u32;
        tos_v4 set_tos_v4 tos: u32;
        tclass_v6 set_tclass_v6 tos: u32;
        multicast_loop_v4 set_multicast_loop_v4 multicast_loop: bool;
        multicast_loop_v6 set_multicast_loop_v6 multicast_loop: bool;
        multicast_ttl_v4 set_multicast_ttl_v4 multicast_ttl: u32;
    }

    /// The network card last set.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        Ok(self.options().device.clone())
    }

    /// Kept, without effect: a node has one network card.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.options().device = interface.map(<[u8]>::to_vec);
        Ok(())
    }

    /// Not simulated.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn join_multicast_v4(&self, _multiaddr: Ipv4Addr, _interface: Ipv4Addr) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Not simulated.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn join_multicast_v6(&self, _multiaddr: &Ipv6Addr, _interface: u32) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Not simulated.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn leave_multicast_v4(&self, _multiaddr: Ipv4Addr, _interface: Ipv4Addr) -> io::Result<()> {
        Err(no_multicast())
    }

    /// Not simulated.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn leave_multicast_v6(&self, _multiaddr: &Ipv6Addr, _interface: u32) -> io::Result<()> {
        Err(no_multicast())
    }

    /// The pending error: none; errors are told by what receives.
    ///
    /// # Errors
    ///
    /// None here.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(None)
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        Self::from_std(socket)
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UdpSocket").finish_non_exhaustive()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.get(|| self.socket()).as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.get(|| self.socket()).as_raw_fd()
    }
}
