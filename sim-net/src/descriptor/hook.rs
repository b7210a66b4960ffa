//! The C library's calls.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::io::{AsyncRead, AsyncWrite};
use sim_host::sockets::{Ready, SocketKind, SocketOption, Wanted};
use sim_host::{Answer, Errno, SocketAddress, Sockets};
use sim_runtime::executor::{World, current, try_current};

use super::blocking::wait;
use super::table::{Opened, table};
use super::{Socket, made, options};
use crate::error::{EALREADY, EINPROGRESS, EISCONN, EOPNOTSUPP, error, os_error};
use crate::socket::listener::BACKLOG;
use crate::{TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

/// Answers for the sockets of the run that the thread is inside of.
pub(super) struct Hook;

fn find(fd: i32) -> Option<Rc<Opened>> {
    try_current().and_then(|world| table(&world).get(fd))
}

/// A call on a socket, which may run code of the simulated world.
fn call<T>(f: impl FnOnce(&Rc<World>) -> io::Result<T>) -> Answer<T> {
    match sim_host::inside(|| f(&current())) {
        Ok(value) => Answer::Done(value),
        Err(error) => Answer::Failed(error.raw_os_error().unwrap_or(crate::error::EINVAL)),
    }
}

fn expect(fd: i32) -> io::Result<Rc<Opened>> {
    find(fd).ok_or_else(|| error(ErrorKind::InvalidInput))
}

/// The socket of a descriptor, which becomes one of the network if it was not.
fn opened(world: &Rc<World>, fd: i32, kind: SocketKind, v6: bool) -> io::Result<Rc<Opened>> {
    let table = table(world);
    if let Some(opened) = table.get(fd) {
        return Ok(opened);
    }
    let idle = if v6 { TcpSocket::new_v6 } else { TcpSocket::new_v4 };
    match kind {
        SocketKind::Stream => Ok(table.put(world, fd, Socket::Idle(Arc::new(idle())))),
        SocketKind::Datagram => Ok(table.put(world, fd, Socket::Datagram(None))),
        SocketKind::Other(_) => Err(os_error(EOPNOTSUPP)),
    }
}

fn any(like: SocketAddr) -> SocketAddr {
    let ip: IpAddr = if like.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    SocketAddr::new(ip, 0)
}

fn unix(path: Option<PathBuf>) -> SocketAddress {
    SocketAddress::Unix(path.unwrap_or_default())
}

/// Polls once for what would not wait.
fn now<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>) -> io::Result<T> {
    let mut context = Context::from_waker(Waker::noop());
    // A first poll may only give way.
    for _ in 0..2 {
        if let Poll::Ready(done) = poll(&mut context) {
            return done;
        }
    }
    Err(error(ErrorKind::WouldBlock))
}

/// Does what would block when it can, waiting for `ready` if the caller may.
fn when_ready<T>(
    may_wait: bool,
    limit: Option<Duration>,
    mut attempt: impl FnMut() -> io::Result<T>,
    mut ready: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> io::Result<T> {
    if !may_wait {
        return attempt();
    }
    wait(
        limit,
        poll_fn(|context| {
            loop {
                match attempt() {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        if ready(context).is_pending() {
                            return Poll::Pending;
                        }
                    }
                    done => return Poll::Ready(done),
                }
            }
        }),
    )
}

/// Connects a stream socket whose state is `opened`.
fn connect_tcp(opened: &Opened, socket: &TcpSocket, to: SocketAddr, may_wait: bool) -> io::Result<()> {
    let stream = Arc::new(socket.start_connect(to)?);
    opened.become_(Socket::Stream(Arc::clone(&stream)));
    if !may_wait {
        return Err(os_error(EINPROGRESS));
    }
    let connected = wait(opened.send_timeout.get(), stream.connected());
    match &connected {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(os_error(EINPROGRESS)),
        Err(_) => {
            // It may be tried again.
            let idle = if to.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() };
            opened.become_(Socket::Idle(Arc::new(idle)));
            connected
        }
        Ok(()) => connected,
    }
}

/// A further call of `connect` tells how the first is going.
fn connect_again(stream: &TcpStream) -> io::Result<()> {
    let mut connected = Box::pin(stream.connected());
    match connected.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Err(os_error(EALREADY)),
        Poll::Ready(Ok(())) => Err(os_error(EISCONN)),
        Poll::Ready(Err(error)) => Err(error),
    }
}

/// Writes all bytes; what went before a failure counts.
fn write_all(stream: &TcpStream, bytes: &[u8], may_wait: bool, limit: Option<Duration>) -> io::Result<usize> {
    let mut written = 0;
    let mut stream = stream;
    let mut poll = |context: &mut Context<'_>| {
        loop {
            match Pin::new(&mut stream).poll_write(context, &bytes[written..]) {
                Poll::Ready(Ok(count)) => written += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
            if written == bytes.len() {
                return Poll::Ready(Ok(()));
            }
        }
    };
    let done = if may_wait { wait(limit, poll_fn(poll)) } else { now(&mut poll) };
    match done {
        Err(error) if written == 0 => Err(error),
        _ => Ok(written),
    }
}

fn read(
    stream: &TcpStream,
    out: &mut [u8],
    peeks: bool,
    may_wait: bool,
    limit: Option<Duration>,
) -> io::Result<usize> {
    let mut stream = stream;
    let mut poll = |context: &mut Context<'_>| {
        if peeks { stream.poll_peek(context, out) } else { Pin::new(&mut stream).poll_read(context, out) }
    };
    if may_wait { wait(limit, poll_fn(poll)) } else { now(&mut poll) }
}

/// Which of the wanted states are there; registers for the others.
fn poll_wanted(wanted: &[Wanted], sockets: &[Socket], context: &mut Context<'_>) -> Vec<Ready> {
    let look = |(wanted, socket): (&Wanted, &Socket)| {
        let mut ready = Ready::default();
        let mut stream = |stream: &TcpStream, ready: &mut Ready| {
            ready.read = wanted.read && stream.poll_read_ready(context).is_ready();
            ready.write = wanted.write && stream.poll_write_ready(context).is_ready();
            (ready.error, ready.over) = stream.troubles();
        };
        match socket {
            Socket::Stream(tcp) => stream(tcp, &mut ready),
            Socket::UnixStream(unix) => stream(unix.stream(), &mut ready),
            Socket::Listener(listener) => ready.read = wanted.read && listener.poll_ready(context).is_ready(),
            Socket::UnixListener(listener) => {
                ready.read = wanted.read && listener.poll_ready(context).is_ready();
            }
            Socket::Datagram(Some(socket)) => {
                ready.read = wanted.read && socket.poll_recv_ready(context).is_ready();
                ready.write = wanted.write;
            }
            Socket::UnixDatagram(socket) => {
                ready.read = wanted.read && socket.poll_recv_ready(context).is_ready();
                ready.write = wanted.write && socket.poll_send_ready(context).is_ready();
            }
            // As Linux has it for a socket that was never connected.
            Socket::Idle(_) | Socket::UnixIdle(_) => (ready.over, ready.write) = (true, wanted.write),
            Socket::Datagram(None) => ready.write = wanted.write,
        }
        ready
    };
    wanted.iter().zip(sockets).map(look).collect()
}

impl Sockets for Hook {
    fn carries(&self, fd: i32) -> bool {
        find(fd).is_some()
    }

    fn bind(&self, fd: i32, kind: SocketKind, address: &SocketAddress) -> Answer<()> {
        call(|world| {
            let v6 = matches!(address, SocketAddress::Internet(address) if address.is_ipv6());
            let opened = opened(world, fd, kind, v6)?;
            match (opened.socket(), address) {
                (Socket::Idle(socket), SocketAddress::Internet(address)) => socket.bind(*address),
                (Socket::Idle(_), SocketAddress::Unix(path)) => {
                    opened.become_(Socket::UnixIdle(Some(path.clone())));
                    Ok(())
                }
                (Socket::Datagram(None), SocketAddress::Internet(address)) => {
                    opened.become_(Socket::Datagram(Some(Arc::new(UdpSocket::bind_to(*address)?))));
                    Ok(())
                }
                (Socket::Datagram(None), SocketAddress::Unix(path)) => {
                    opened.become_(Socket::UnixDatagram(Arc::new(UnixDatagram::bind(path)?)));
                    Ok(())
                }
                _ => Err(error(ErrorKind::InvalidInput)),
            }
        })
    }

    fn listen(&self, fd: i32, backlog: i32) -> Answer<()> {
        call(|world| {
            let opened = opened(world, fd, SocketKind::Stream, false)?;
            let backlog = u32::try_from(backlog).unwrap_or(BACKLOG as u32);
            match opened.socket() {
                Socket::Idle(socket) => {
                    opened.become_(Socket::Listener(Arc::new(socket.listen(backlog)?)));
                    Ok(())
                }
                Socket::UnixIdle(Some(path)) => {
                    opened.become_(Socket::UnixListener(Arc::new(UnixListener::bind(path)?)));
                    Ok(())
                }
                Socket::Listener(_) | Socket::UnixListener(_) => Ok(()),
                _ => Err(error(ErrorKind::InvalidInput)),
            }
        })
    }

    fn connect(&self, fd: i32, kind: SocketKind, address: &SocketAddress, may_wait: bool) -> Answer<()> {
        call(|world| {
            let v6 = matches!(address, SocketAddress::Internet(address) if address.is_ipv6());
            let opened = opened(world, fd, kind, v6)?;
            match (opened.socket(), address) {
                (Socket::Idle(socket), SocketAddress::Internet(to)) => {
                    connect_tcp(&opened, &socket, *to, may_wait)
                }
                (Socket::Stream(stream), _) => connect_again(&stream),
                (Socket::Datagram(socket), SocketAddress::Internet(to)) => {
                    let socket = match socket {
                        Some(socket) => socket,
                        None => Arc::new(UdpSocket::bind_to(any(*to))?),
                    };
                    socket.connect_to(*to)?;
                    opened.become_(Socket::Datagram(Some(socket)));
                    Ok(())
                }
                (Socket::Idle(_) | Socket::UnixIdle(_), SocketAddress::Unix(path)) => {
                    let limit = opened.send_timeout.get();
                    let stream = wait(limit, UnixStream::connect(path))?;
                    opened.become_(Socket::UnixStream(Arc::new(stream)));
                    Ok(())
                }
                (Socket::Datagram(None), SocketAddress::Unix(path)) => {
                    let socket = UnixDatagram::unbound();
                    socket.connect(path)?;
                    opened.become_(Socket::UnixDatagram(Arc::new(socket)));
                    Ok(())
                }
                (Socket::UnixDatagram(socket), SocketAddress::Unix(path)) => socket.connect(path),
                (Socket::UnixStream(_), _) => Err(os_error(EISCONN)),
                _ => Err(error(ErrorKind::InvalidInput)),
            }
        })
    }

    fn accept(&self, fd: i32, may_wait: bool) -> Answer<(OwnedFd, SocketAddress)> {
        call(|_| {
            let opened = expect(fd)?;
            let limit = opened.receive_timeout.get();
            match opened.socket() {
                Socket::Listener(listener) => {
                    let accept = || listener.try_accept();
                    let (stream, peer) =
                        when_ready(may_wait, limit, accept, |context| listener.poll_ready(context))?;
                    Ok((made(Socket::Stream(Arc::new(stream)), true), SocketAddress::Internet(peer)))
                }
                Socket::UnixListener(listener) => {
                    let accept = || listener.try_accept();
                    let stream = when_ready(may_wait, limit, accept, |context| listener.poll_ready(context))?;
                    Ok((made(Socket::UnixStream(Arc::new(stream)), true), unix(None)))
                }
                _ => Err(error(ErrorKind::InvalidInput)),
            }
        })
    }

    fn send(
        &self,
        fd: i32,
        kind: SocketKind,
        bytes: &[u8],
        to: Option<&SocketAddress>,
        may_wait: bool,
    ) -> Answer<usize> {
        call(|world| {
            let opened = opened(world, fd, kind, false)?;
            let limit = opened.send_timeout.get();
            match (opened.socket(), to) {
                (Socket::Stream(stream), _) => write_all(&stream, bytes, may_wait, limit),
                (Socket::UnixStream(stream), _) => write_all(stream.stream(), bytes, may_wait, limit),
                (Socket::Datagram(Some(socket)), None) => socket.try_send(bytes),
                (Socket::Datagram(Some(socket)), Some(SocketAddress::Internet(to))) => {
                    socket.try_send_to(bytes, *to)
                }
                (Socket::Datagram(None), Some(SocketAddress::Internet(to))) => {
                    let socket = Arc::new(UdpSocket::bind_to(any(*to))?);
                    opened.become_(Socket::Datagram(Some(Arc::clone(&socket))));
                    socket.try_send_to(bytes, *to)
                }
                (Socket::UnixDatagram(socket), None) => {
                    let send = || socket.try_send(bytes);
                    when_ready(may_wait, limit, send, |context| socket.poll_send_ready(context))
                }
                (Socket::UnixDatagram(socket), Some(SocketAddress::Unix(path))) => {
                    let send = || socket.try_send_to(bytes, path);
                    when_ready(may_wait, limit, send, |context| {
                        socket.poll_send_ready_to(context, path).map(drop)
                    })
                }
                (Socket::Datagram(None), Some(SocketAddress::Unix(path))) => {
                    let socket = Arc::new(UnixDatagram::unbound());
                    opened.become_(Socket::UnixDatagram(Arc::clone(&socket)));
                    let send = || socket.try_send_to(bytes, path);
                    when_ready(may_wait, limit, send, |context| {
                        socket.poll_send_ready_to(context, path).map(drop)
                    })
                }
                _ => Err(error(ErrorKind::NotConnected)),
            }
        })
    }

    fn receive(
        &self,
        fd: i32,
        out: &mut [u8],
        peeks: bool,
        may_wait: bool,
    ) -> Answer<(usize, Option<SocketAddress>)> {
        call(|_| {
            let opened = expect(fd)?;
            let limit = opened.receive_timeout.get();
            match opened.socket() {
                Socket::Stream(stream) => Ok((read(&stream, out, peeks, may_wait, limit)?, None)),
                Socket::UnixStream(stream) => Ok((read(stream.stream(), out, peeks, may_wait, limit)?, None)),
                Socket::Datagram(Some(socket)) => {
                    let receive =
                        || if peeks { socket.try_peek_from(out) } else { socket.try_recv_from(out) };
                    let (count, from) = when_ready(may_wait, limit, receive, |context| {
                        socket.poll_recv_ready(context).map(drop)
                    })?;
                    Ok((count, Some(SocketAddress::Internet(from))))
                }
                Socket::UnixDatagram(socket) => {
                    let receive =
                        || if peeks { socket.try_peek_from(out) } else { socket.try_recv_from(out) };
                    let (count, from) =
                        when_ready(may_wait, limit, receive, |context| socket.poll_recv_ready(context))?;
                    Ok((count, Some(unix(from))))
                }
                _ => Err(error(ErrorKind::NotConnected)),
            }
        })
    }

    fn shutdown(&self, fd: i32, direction: Shutdown) -> Answer<()> {
        call(|_| match expect(fd)?.socket() {
            Socket::Stream(stream) => stream.shutdown(direction),
            Socket::UnixStream(stream) => stream.shutdown(direction),
            Socket::UnixDatagram(socket) => {
                socket.shutdown(direction);
                Ok(())
            }
            _ => Err(error(ErrorKind::NotConnected)),
        })
    }

    fn name(&self, fd: i32) -> Answer<SocketAddress> {
        call(|_| {
            Ok(match expect(fd)?.socket() {
                Socket::Idle(socket) => SocketAddress::Internet(socket.local_addr()),
                Socket::Stream(stream) => SocketAddress::Internet(stream.local_addr()?),
                Socket::Listener(listener) => SocketAddress::Internet(listener.local_addr()?),
                Socket::Datagram(Some(socket)) => SocketAddress::Internet(socket.local_addr()?),
                Socket::Datagram(None) => SocketAddress::Internet((Ipv4Addr::UNSPECIFIED, 0).into()),
                Socket::UnixIdle(path) => unix(path),
                Socket::UnixStream(stream) => unix(stream.local_path().map(PathBuf::from)),
                Socket::UnixListener(listener) => unix(Some(listener.path().to_owned())),
                Socket::UnixDatagram(socket) => unix(socket.local_path().map(PathBuf::from)),
            })
        })
    }

    fn peer(&self, fd: i32) -> Answer<SocketAddress> {
        call(|_| {
            Ok(match expect(fd)?.socket() {
                Socket::Stream(stream) => SocketAddress::Internet(stream.peer_addr()?),
                Socket::Datagram(Some(socket)) => SocketAddress::Internet(socket.peer_addr()?),
                Socket::UnixStream(stream) => unix(stream.peer_path().map(PathBuf::from)),
                Socket::UnixDatagram(socket) => unix(socket.peer_path()?),
                _ => return Err(error(ErrorKind::NotConnected)),
            })
        })
    }

    fn take_error(&self, fd: i32) -> Answer<Errno> {
        call(|_| {
            let pending = match expect(fd)?.socket() {
                Socket::Stream(stream) => stream.take_error()?,
                Socket::UnixStream(stream) => stream.stream().take_error()?,
                _ => None,
            };
            Ok(pending.and_then(|error| error.raw_os_error()).unwrap_or(0))
        })
    }

    fn option_set(&self, fd: i32, kind: SocketKind, option: SocketOption) {
        // Of a kind that the network does not know, it keeps no options.
        let _ = call(|world| {
            options::set(&*opened(world, fd, kind, false)?, option);
            Ok(())
        });
    }

    fn pair(&self, one: i32, other: i32, kind: SocketKind) -> Answer<()> {
        call(|world| {
            let (one_socket, other_socket) = match kind {
                SocketKind::Stream => {
                    let (one, other) = UnixStream::pair()?;
                    (Socket::UnixStream(Arc::new(one)), Socket::UnixStream(Arc::new(other)))
                }
                SocketKind::Datagram => {
                    let (one, other) = UnixDatagram::pair();
                    (Socket::UnixDatagram(Arc::new(one)), Socket::UnixDatagram(Arc::new(other)))
                }
                SocketKind::Other(_) => return Err(os_error(EOPNOTSUPP)),
            };
            table(world).put(world, one, one_socket);
            table(world).put(world, other, other_socket);
            Ok(())
        })
    }

    fn wait(&self, wanted: &[Wanted], limit_ns: Option<u64>) -> Answer<Vec<Ready>> {
        call(|_| {
            let sockets: io::Result<Vec<Socket>> =
                wanted.iter().map(|wanted| Ok(expect(wanted.fd)?.socket())).collect();
            let sockets = sockets?;
            let mut look = |context: &mut Context<'_>| {
                let ready = poll_wanted(wanted, &sockets, context);
                let any = ready.iter().any(|ready| *ready != Ready::default());
                if any { Poll::Ready(Ok(ready)) } else { Poll::Pending }
            };
            let nothing = || vec![Ready::default(); wanted.len()];
            let waited = match limit_ns {
                Some(0) => now(&mut look),
                limit_ns => wait(limit_ns.map(Duration::from_nanos), poll_fn(&mut look)),
            };
            match waited {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(nothing()),
                done => done,
            }
        })
    }

    fn duplicated(&self, fd: i32, copy: i32) {
        if let Some(world) = try_current() {
            table(&world).duplicate(fd, copy);
        }
    }

    fn closed(&self, fd: i32) {
        sim_host::inside(|| {
            if let Some(world) = try_current() {
                let socket = table(&world).remove(fd);
                drop(socket);
            }
        });
    }
}
