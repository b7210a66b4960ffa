//! std's blocking sockets on a machine that has a network: here one that echoes.

#![cfg(hooked)]
#![allow(unsafe_code)]

mod support;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use sim_host::{Answer, Machine, Refused, ResolveError, SocketAddress, Variable, Verdict};
use support::FakeMachine;

const ADDRESS: &str = "10.1.2.3:4567";

fn address() -> SocketAddress {
    SocketAddress::Internet(ADDRESS.parse().expect("valid"))
}

/// Every socket that was connected, bound or accepted gives back what was sent through it.
struct Echo {
    base: Rc<FakeMachine>,
    queues: RefCell<BTreeMap<i32, VecDeque<u8>>>,
    calls: RefCell<Vec<String>>,
}

impl Echo {
    fn keep(&self, fd: i32, call: String) -> Answer<()> {
        self.queues.borrow_mut().insert(fd, VecDeque::new());
        self.calls.borrow_mut().push(call);
        Answer::Done(())
    }
}

impl Machine for Echo {
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
    fn socket_bind(&self, fd: i32, address: &SocketAddress) -> Answer<()> {
        self.keep(fd, format!("bind {address}"))
    }
    fn socket_listen(&self, fd: i32, _backlog: i32) -> Answer<()> {
        self.keep(fd, "listen".to_owned())
    }
    fn socket_connect(&self, fd: i32, address: &SocketAddress) -> Answer<()> {
        self.keep(fd, format!("connect {address}"))
    }
    fn socket_accept(&self, _fd: i32) -> Answer<(i32, SocketAddress)> {
        // SAFETY: passes no pointers.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        self.keep(fd, "accept".to_owned());
        Answer::Done((fd, address()))
    }
    fn simulates(&self, fd: i32) -> bool {
        self.queues.borrow().contains_key(&fd)
    }
    fn socket_send(&self, fd: i32, bytes: &[u8], address: Option<&SocketAddress>) -> Answer<usize> {
        if let Some(address) = address {
            self.calls.borrow_mut().push(format!("send to {address}"));
        }
        self.queues.borrow_mut().entry(fd).or_default().extend(bytes);
        Answer::Done(bytes.len())
    }
    fn socket_receive(&self, fd: i32, out: &mut [u8], peeks: bool) -> Answer<(usize, Option<SocketAddress>)> {
        let mut queues = self.queues.borrow_mut();
        let queue = queues.get_mut(&fd).expect("simulated");
        let size = out.len().min(queue.len());
        out.iter_mut().zip(queue.iter()).for_each(|(out, byte)| *out = *byte);
        if !peeks {
            queue.drain(..size);
        }
        Answer::Done((size, Some(address())))
    }
    fn socket_shutdown(&self, _fd: i32, direction: Shutdown) -> Answer<()> {
        self.calls.borrow_mut().push(format!("shutdown {direction:?}"));
        Answer::Done(())
    }
    fn socket_name(&self, fd: i32) -> Answer<SocketAddress> {
        if self.simulates(fd) { Answer::Done(address()) } else { Answer::Real }
    }
    fn socket_peer(&self, fd: i32) -> Answer<SocketAddress> {
        self.socket_name(fd)
    }
    fn duplicated(&self, fd: i32, copy: i32) {
        let mut queues = self.queues.borrow_mut();
        if let Some(queue) = queues.get(&fd).cloned() {
            queues.insert(copy, queue);
            self.calls.borrow_mut().push("duplicate".to_owned());
        }
    }
    fn closed(&self, fd: i32) {
        if self.queues.borrow_mut().remove(&fd).is_some() {
            self.calls.borrow_mut().push("close".to_owned());
        }
    }
}

/// Runs `f` on a machine with an echo, and checks which calls reached it.
fn check(expected: &[&str], f: impl FnOnce() + Send + 'static) {
    let calls = sim_host::threads::run_on_fresh_thread("run", 1 << 20, || {
        let machine = Rc::new(Echo {
            base: FakeMachine::new(1),
            queues: RefCell::default(),
            calls: RefCell::default(),
        });
        let _entered = sim_host::enter(machine.clone());
        f();
        machine.calls.take()
    });
    assert_eq!(calls.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), expected);
}

#[test]
fn a_stream_connects_by_name_and_carries_bytes() {
    check(&["connect 10.0.0.7:80", "shutdown Write", "close"], || {
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
    check(&["bind [::]:53", "send to [fd00::9]:53", "close"], || {
        let socket = UdpSocket::bind("[::]:53").expect("binds");
        let to: SocketAddr = "[fd00::9]:53".parse().expect("valid");
        assert_eq!(socket.send_to(b"question", to).expect("sent"), 8);
        let mut out = [0; 16];
        let (size, from) = socket.recv_from(&mut out).expect("received");
        assert_eq!((&out[..size], from.to_string().as_str()), (&b"question"[..], ADDRESS));
    });
}

#[test]
fn a_pair_within_the_process_stays_real() {
    check(&[], || {
        let (mut here, mut there) = UnixStream::pair().expect("a pair");
        here.write_all(b"across").expect("sent");
        drop(here);
        let mut all = String::new();
        there.read_to_string(&mut all).expect("received");
        assert_eq!(all, "across");
    });
}
