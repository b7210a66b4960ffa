//! std's blocking sockets on a machine that has a network: here one that echoes.

#![cfg(hooked)]
#![allow(unsafe_code)]

mod support;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use sim_host::sockets::{Family, Ready, SocketKind, SocketOption, Wanted, unconnected};
use sim_host::{Answer, Errno, Machine, Refused, ResolveError, SocketAddress, Sockets, Variable, Verdict};
use support::FakeMachine;

const ADDRESS: &str = "10.1.2.3:4567";

fn address() -> SocketAddress {
    SocketAddress::Internet(ADDRESS.parse().expect("valid"))
}

/// Every socket that was connected, bound or accepted gives back what was sent through it.
#[derive(Default)]
struct Echo {
    queues: RefCell<BTreeMap<i32, VecDeque<u8>>>,
    calls: RefCell<Vec<String>>,
}

impl Echo {
    fn keep(&self, fd: i32, call: String) -> Answer<()> {
        self.queues.borrow_mut().insert(fd, VecDeque::new());
        self.note(call);
        Answer::Done(())
    }

    fn note(&self, call: String) {
        self.calls.borrow_mut().push(call);
    }
}

impl Sockets for Echo {
    fn carries(&self, fd: i32) -> bool {
        self.queues.borrow().contains_key(&fd)
    }
    fn bind(&self, fd: i32, _kind: SocketKind, address: &SocketAddress) -> Answer<()> {
        self.keep(fd, format!("bind {address}"))
    }
    fn listen(&self, fd: i32, _backlog: i32) -> Answer<()> {
        self.keep(fd, "listen".to_owned())
    }
    fn connect(&self, fd: i32, _kind: SocketKind, address: &SocketAddress, may_wait: bool) -> Answer<()> {
        let done = self.keep(fd, format!("connect {address}"));
        if may_wait { done } else { Answer::Failed(libc::EINPROGRESS) }
    }
    fn accept(&self, _fd: i32, _may_wait: bool) -> Answer<(OwnedFd, SocketAddress)> {
        let fd = unconnected(Family::V4, SocketKind::Stream, true).expect("room for one more");
        self.keep(fd.as_raw_fd(), "accept".to_owned());
        Answer::Done((fd, address()))
    }
    fn send(
        &self,
        fd: i32,
        kind: SocketKind,
        bytes: &[u8],
        to: Option<&SocketAddress>,
        may_wait: bool,
    ) -> Answer<usize> {
        if let Some(address) = to {
            self.note(format!("send {kind:?} to {address}"));
        }
        if !may_wait {
            self.note("send at once".to_owned());
        }
        self.queues.borrow_mut().entry(fd).or_default().extend(bytes);
        Answer::Done(bytes.len())
    }
    fn receive(
        &self,
        fd: i32,
        out: &mut [u8],
        peeks: bool,
        may_wait: bool,
    ) -> Answer<(usize, Option<SocketAddress>)> {
        if !may_wait {
            self.note("receive at once".to_owned());
        }
        let mut queues = self.queues.borrow_mut();
        let queue = queues.get_mut(&fd).expect("carried");
        let size = out.len().min(queue.len());
        out.iter_mut().zip(queue.iter()).for_each(|(out, byte)| *out = *byte);
        if !peeks {
            queue.drain(..size);
        }
        Answer::Done((size, Some(address())))
    }
    fn shutdown(&self, _fd: i32, direction: Shutdown) -> Answer<()> {
        self.note(format!("shutdown {direction:?}"));
        Answer::Done(())
    }
    fn name(&self, _fd: i32) -> Answer<SocketAddress> {
        Answer::Done(address())
    }
    fn peer(&self, _fd: i32) -> Answer<SocketAddress> {
        Answer::Done(address())
    }
    fn take_error(&self, _fd: i32) -> Answer<Errno> {
        Answer::Done(libc::ECONNREFUSED)
    }
    fn option_set(&self, _fd: i32, _kind: SocketKind, option: SocketOption) {
        self.note(format!("set {option:?}"));
    }
    fn pair(&self, _one: i32, _other: i32, kind: SocketKind) -> Answer<()> {
        self.note(format!("pair of {kind:?}"));
        Answer::Real
    }
    fn wait(&self, wanted: &[Wanted], limit_ns: Option<u64>) -> Answer<Vec<Ready>> {
        self.note(format!("wait for {limit_ns:?} ns"));
        Answer::Done(
            wanted
                .iter()
                .map(|want| Ready { read: want.read, write: want.write, ..Ready::default() })
                .collect(),
        )
    }
    fn duplicated(&self, fd: i32, copy: i32) {
        let queue = self.queues.borrow()[&fd].clone();
        self.queues.borrow_mut().insert(copy, queue);
        self.note("duplicate".to_owned());
    }
    fn closed(&self, fd: i32) {
        self.queues.borrow_mut().remove(&fd);
        self.note("close".to_owned());
    }
}

/// A machine with such a network.
struct Networked {
    base: Rc<FakeMachine>,
    echo: Rc<Echo>,
}

impl Machine for Networked {
    fn monotonic_ns(&self) -> u64 {
        self.base.monotonic_ns()
    }
    fn wall_ns(&self) -> u64 {
        self.base.wall_ns()
    }
    fn fill_entropy(&self, out: &mut [u8]) {
        self.base.fill_entropy(out);
    }
    fn blocking_sleep(&self, ns: u64) {
        self.base.blocking_sleep(ns);
    }
    fn variable(&self, name: &[u8]) -> Variable {
        self.base.variable(name)
    }
    fn set_variable(&self, name: &[u8], value: Option<&[u8]>) -> bool {
        self.base.set_variable(name, value)
    }
    fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        self.base.resolve(host)
    }
    fn host_name(&self) -> Vec<u8> {
        self.base.host_name()
    }
    fn refuse(&self, what: &Refused<'_>) -> Verdict {
        self.base.refuse(what)
    }
    fn sockets(&self) -> Option<Rc<dyn Sockets>> {
        Some(self.echo.clone())
    }
}

/// Runs `f` on a machine with an echo, and checks which calls reached it.
fn check(expected: &[&str], f: impl FnOnce() + Send + 'static) {
    let calls = sim_host::threads::run_on_fresh_thread("run", 1 << 20, || {
        let echo = Rc::new(Echo::default());
        let _entered = sim_host::enter(Rc::new(Networked { base: FakeMachine::new(1), echo: echo.clone() }));
        f();
        echo.calls.take()
    });
    assert_eq!(calls.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), expected);
}

#[test]
fn a_stream_connects_by_name_and_carries_bytes() {
    check(&["connect 10.0.0.7:80", "set Nodelay(true)", "shutdown Write", "close"], || {
        let mut stream = TcpStream::connect("db.internal:80").expect("connects");
        stream.set_nodelay(true).expect("a real option");
        stream.write_all(b"hello ").expect("sent");
        let parts = [b"wor", &b"ld"[..]].map(std::io::IoSlice::new);
        assert_eq!(stream.write_vectored(&parts).expect("sent"), 5);
        let mut start = [0; 5];
        assert_eq!(stream.peek(&mut start).expect("there"), 5);
        let mut all = String::new();
        stream.read_to_string(&mut all).expect("received");
        assert_eq!((&start, all.as_str()), (b"hello", "hello world"));
        assert_eq!(stream.peer_addr().expect("named").to_string(), ADDRESS);
        stream.shutdown(Shutdown::Write).expect("shut");
    });
}

#[test]
fn a_cloned_stream_is_known_to_the_machine() {
    check(&["connect 10.1.2.3:4567", "duplicate", "close", "close"], || {
        let stream = TcpStream::connect(ADDRESS).expect("connects");
        let clone = stream.try_clone().expect("cloned");
        assert_eq!(clone.peer_addr().expect("named").to_string(), ADDRESS);
    });
}

#[test]
fn a_listener_has_the_machines_address_and_peers() {
    check(&["bind 0.0.0.0:4567", "listen", "accept", "close", "close"], || {
        let listener = TcpListener::bind("0.0.0.0:4567").expect("binds");
        assert_eq!(listener.local_addr().expect("named").to_string(), ADDRESS);
        let (stream, peer) = listener.accept().expect("accepts");
        assert_eq!(peer.to_string(), ADDRESS);
        assert_ne!(stream.as_raw_fd(), listener.as_raw_fd());
        drop(stream);
    });
}

#[test]
fn datagrams_carry_addresses() {
    check(&["bind [::]:53", "send Datagram to [fd00::9]:53", "close"], || {
        let socket = UdpSocket::bind("[::]:53").expect("binds");
        let to: SocketAddr = "[fd00::9]:53".parse().expect("valid");
        assert_eq!(socket.send_to(b"question", to).expect("sent"), 8);
        let mut out = [0; 16];
        let (size, from) = socket.recv_from(&mut out).expect("received");
        assert_eq!((&out[..size], from.to_string().as_str()), (&b"question"[..], ADDRESS));
    });
}

#[test]
fn a_pair_that_the_network_leaves_alone_stays_real() {
    check(&["pair of Stream"], || {
        let (mut here, mut there) = UnixStream::pair().expect("a pair");
        here.write_all(b"across").expect("sent");
        drop(here);
        let mut all = String::new();
        there.read_to_string(&mut all).expect("received");
        assert_eq!(all, "across");
    });
}

#[test]
fn how_long_a_call_may_wait_is_the_sockets_own() {
    let expected = [
        "connect 10.1.2.3:4567",
        "wait for Some(2000000000) ns",
        "receive at once",
        "set ReceiveTimeout(Some(3ms))",
        "close",
    ];
    check(&expected, || {
        let address = ADDRESS.parse().expect("valid");
        // Without blocking, and then a wait for the outcome.
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).expect("connects");
        stream.set_nonblocking(true).expect("an option");
        assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
        stream.set_nonblocking(false).expect("an option");
        stream.set_read_timeout(Some(Duration::from_millis(3))).expect("an option");
        assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
    });
}

#[test]
fn options_reach_the_network_and_errors_come_from_it() {
    let expected = [
        "connect 10.1.2.3:4567",
        "set Linger(Some(0ns))",
        "set Keepalive(true)",
        "set KeepaliveIdle(30s)",
        "set UserTimeout(Some(1.5s))",
        "set SendBuffer(4096)",
        "close",
    ];
    check(&expected, || {
        let stream = TcpStream::connect(ADDRESS).expect("connects");
        let set = |level, name, value: &[i32]| {
            // SAFETY: the value is readable for its own length.
            let answer = unsafe {
                let size = size_of_val(value) as libc::socklen_t;
                libc::setsockopt(stream.as_raw_fd(), level, name, value.as_ptr().cast(), size)
            };
            assert_eq!(answer, 0);
        };
        set(libc::SOL_SOCKET, libc::SO_LINGER, &[1, 0]);
        set(libc::SOL_SOCKET, libc::SO_KEEPALIVE, &[1]);
        set(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, &[30]);
        set(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, &[1_500]);
        set(libc::SOL_SOCKET, libc::SO_SNDBUF, &[4_096]);
        let error = stream.take_error().expect("asked").expect("one is pending");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}
