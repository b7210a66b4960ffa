//! `UdpSocket`.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use sim_runtime::executor::World;

use crate::error::error;
use crate::network::{Interest, State, with, with_if_running};
use crate::socket::{Switch, Target, resolve};

/// A UDP socket. What is sent may be lost, come twice or out of order, as the links have it; a datagram that
/// does not fit the buffer it is received into loses its end.
#[derive(Debug)]
pub struct UdpSocket {
    id: u64,
    run: u32,
    switch: Switch,
}

impl UdpSocket {
    /// Binds an address of the current node; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse`, `AddrNotAvailable` when the address is another machine's, or what the look-up of a name gives.
    pub async fn bind(address: impl Into<Target>) -> io::Result<UdpSocket> {
        let mut last = error(ErrorKind::InvalidInput);
        for address in resolve(address.into()).await? {
            match UdpSocket::bind_to(address) {
                Ok(socket) => return Ok(socket),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// As [`UdpSocket::bind`], at once.
    ///
    /// # Errors
    /// As [`UdpSocket::bind`].
    pub fn bind_to(address: SocketAddr) -> io::Result<UdpSocket> {
        with(|state, world| {
            let id = state.udp_bind(world, world.current_node(), address)?;
            Ok(UdpSocket { id, run: state.run, switch: Switch::default() })
        })
    }

    fn call<T>(&self, f: impl FnOnce(&mut State, &Rc<World>) -> io::Result<T>) -> io::Result<T> {
        with(
            |state, world| {
                if state.run == self.run { f(state, world) } else { Err(error(ErrorKind::NotConnected)) }
            },
        )
    }

    /// Sends to and receives from this address only.
    ///
    /// # Errors
    /// What the look-up of a name gives.
    pub async fn connect(&self, target: impl Into<Target>) -> io::Result<()> {
        let addresses = resolve(target.into()).await?;
        let address = *addresses.first().ok_or_else(|| error(ErrorKind::InvalidInput))?;
        self.connect_to(address)
    }

    /// As [`UdpSocket::connect`], at once.
    ///
    /// # Errors
    /// `NotConnected` when the socket is of an earlier run or life of its node; so for all calls.
    pub fn connect_to(&self, address: SocketAddr) -> io::Result<()> {
        self.call(|state, _| {
            state.udp.get(self.id)?.peer = Some(address);
            Ok(())
        })
    }

    /// Its own address.
    ///
    /// # Errors
    /// As [`UdpSocket::connect_to`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.call(|state, _| state.udp.get(self.id).map(|socket| socket.local))
    }

    /// The address it is connected to.
    ///
    /// # Errors
    /// `NotConnected` when it is not.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.call(|state, _| state.udp.get(self.id)?.peer.ok_or_else(|| error(ErrorKind::NotConnected)))
    }

    /// Sends a datagram. Never waits: what a full network cannot take is lost.
    ///
    /// # Errors
    /// `EMSGSIZE` above 65,507 bytes; `ConnectionRefused` when an earlier datagram found nobody.
    pub fn try_send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.call(|state, world| state.udp_send(world, self.id, bytes, Some(to)))
    }

    /// Sends a datagram to the connected peer.
    ///
    /// # Errors
    /// As [`UdpSocket::try_send_to`], and `EDESTADDRREQ` when it is not connected.
    pub fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.call(|state, world| state.udp_send(world, self.id, bytes, None))
    }

    /// Takes the next datagram and its sender.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; `ConnectionRefused` when an earlier datagram found nobody.
    pub fn try_recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.call(|state, _| state.udp_receive(self.id, into, false))
    }

    /// Looks at the next datagram without taking it.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv_from`].
    pub fn try_peek_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.call(|state, _| state.udp_receive(self.id, into, true))
    }

    fn poll_receive(
        &self,
        context: &Context<'_>,
        into: &mut [u8],
        peek: bool,
        exclusive: bool,
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        with(|state, world| {
            if state.run != self.run {
                return Poll::Ready(Err(error(ErrorKind::NotConnected)));
            }
            if self.switch.gives_way(world, context) {
                return Poll::Pending;
            }
            match state.udp_receive(self.id, into, peek) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    self.switch.passed();
                    world.waits_for("a datagram");
                    let drops = &mut state.shared.drops;
                    let socket = state.udp.get(self.id).expect("it said it would block");
                    if exclusive {
                        socket.waiters.register(Interest::Read, context, drops);
                    } else {
                        socket.waiters.register_also(Interest::Read, context);
                    }
                    Poll::Pending
                }
                done => Poll::Ready(done),
            }
        })
    }

    /// Polls for the next datagram and its sender; only the last task that polled is woken.
    pub fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.poll_receive(context, into, false, true)
    }

    /// Polls to send a datagram: ready at once, after a switch point.
    pub fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        bytes: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        if with(|_, world| self.switch.gives_way(world, context)) {
            return Poll::Pending;
        }
        Poll::Ready(self.try_send_to(bytes, to))
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// As [`UdpSocket::try_send_to`].
    pub async fn send_to(&self, bytes: &[u8], target: impl Into<Target>) -> io::Result<usize> {
        let addresses = resolve(target.into()).await?;
        let to = *addresses.first().ok_or_else(|| error(ErrorKind::InvalidInput))?;
        poll_fn(|context| self.poll_send_to(context, bytes, to)).await
    }

    /// Sends a datagram to the connected peer.
    ///
    /// # Errors
    /// As [`UdpSocket::try_send`].
    pub async fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|context| {
            if with(|_, world| self.switch.gives_way(world, context)) {
                return Poll::Pending;
            }
            Poll::Ready(self.try_send(bytes))
        })
        .await
    }

    /// Receives a datagram and its sender. Any number of tasks may wait.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv_from`].
    pub async fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|context| self.poll_receive(context, into, false, false)).await
    }

    /// Receives a datagram.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv_from`].
    pub async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        self.recv_from(into).await.map(|(n, _)| n)
    }

    /// Looks at a datagram without taking it.
    ///
    /// # Errors
    /// As [`UdpSocket::try_recv_from`].
    pub async fn peek_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|context| self.poll_receive(context, into, true, false)).await
    }

    /// Ready when receiving would not wait. Any number of tasks may wait.
    pub fn poll_recv_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        with(|state, _| {
            if state.run != self.run || state.udp_readable(self.id) {
                return Poll::Ready(Ok(()));
            }
            let socket = state.udp.get(self.id)?;
            socket.waiters.register_also(Interest::Read, context);
            Poll::Pending
        })
    }

    /// Waits until receiving would not wait.
    ///
    /// # Errors
    /// As [`UdpSocket::connect_to`].
    pub async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| self.poll_recv_ready(context)).await
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        with_if_running(|state, _| {
            if state.run == self.run {
                state.udp_close(self.id);
            }
        });
    }
}
