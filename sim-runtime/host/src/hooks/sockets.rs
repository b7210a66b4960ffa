//! Calls on sockets that would reach the host's network: who talks to whom. The bytes are in `socket_bytes`, the
//! options in `socket_options`. Making a socket stays real.

use std::ffi::c_int;
use std::net::Shutdown;
use std::os::fd::IntoRawFd;

use libc::{sockaddr, socklen_t};

use super::{failed, next, socket_address, socket_options};
use crate::gate::{Inside, ask};
use crate::machine::{Answer, Refused};
use crate::sockets::{SocketAddress, Sockets};

/// Turns everything but "really" into C's answer.
pub(super) fn in_c<T>(answer: Answer<T>, done: impl FnOnce(T) -> c_int) -> Option<c_int> {
    match answer {
        Answer::Real => None,
        Answer::Done(value) => Some(done(value)),
        Answer::Failed(errno) => Some(failed(errno)),
    }
}

/// Asks the network about a descriptor that it carries.
pub(super) fn of_carried<T>(fd: c_int, question: impl FnOnce(&dyn Sockets) -> T) -> Option<T> {
    ask(|inside| {
        let sockets = inside.machine.sockets()?;
        sockets.carries(fd).then(|| question(&*sockets))
    })?
}

/// Asks the network about a call that would reach the host's; without one, it is refused.
pub(super) fn of_network<T>(
    inside: &Inside,
    call: &'static str,
    address: Option<&SocketAddress>,
    question: impl FnOnce(&dyn Sockets) -> Answer<T>,
) -> Answer<T> {
    match (inside.machine.sockets(), address) {
        (Some(sockets), None | Some(SocketAddress::Internet(_) | SocketAddress::Unix(_))) => {
            question(&*sockets)
        }
        _ => inside.machine.refuse(&Refused::Socket { call, address }).into(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bind(fd: c_int, address: *const sockaddr, size: socklen_t) -> c_int {
    ask(|inside| {
        // SAFETY: the caller's address has `size` bytes.
        let address = unsafe { socket_address::read(address, size) };
        let kind = socket_options::kind(fd);
        of_network(inside, "bind", Some(&address), |sockets| sockets.bind(fd, kind, &address))
    })
    .and_then(|answer| in_c(answer, |()| 0))
    // SAFETY: the caller's arguments, unchanged.
    .unwrap_or_else(|| unsafe { next::bind(fd, address, size) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn listen(fd: c_int, backlog: c_int) -> c_int {
    ask(|inside| of_network(inside, "listen", None, |sockets| sockets.listen(fd, backlog)))
        .and_then(|answer| in_c(answer, |()| 0))
        // SAFETY: the caller's arguments, unchanged.
        .unwrap_or_else(|| unsafe { next::listen(fd, backlog) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn connect(fd: c_int, address: *const sockaddr, size: socklen_t) -> c_int {
    ask(|inside| {
        // SAFETY: the caller's address has `size` bytes.
        let address = unsafe { socket_address::read(address, size) };
        let (kind, may_wait) = (socket_options::kind(fd), socket_options::may_wait(fd, 0));
        of_network(inside, "connect", Some(&address), |sockets| sockets.connect(fd, kind, &address, may_wait))
    })
    .and_then(|answer| in_c(answer, |()| 0))
    // SAFETY: the caller's arguments, unchanged.
    .unwrap_or_else(|| unsafe { next::connect(fd, address, size) })
}

unsafe fn accepted(fd: c_int, address: *mut sockaddr, size: *mut socklen_t, flags: c_int) -> Option<c_int> {
    let answer = ask(|inside| {
        let may_wait = socket_options::may_wait(fd, 0);
        of_network(inside, "accept", None, |sockets| sockets.accept(fd, may_wait))
    })?;
    in_c(answer, |(accepted, peer)| {
        // SAFETY: the caller of the hook gives room for `*size` bytes, or null.
        unsafe { socket_address::write(&peer, address, size) };
        let accepted = accepted.into_raw_fd();
        socket_options::set_nonblocking(accepted, flags & libc::SOCK_NONBLOCK != 0);
        accepted
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { accepted(fd, address, size, 0).unwrap_or_else(|| next::accept(fd, address, size)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept4(fd: c_int, address: *mut sockaddr, size: *mut socklen_t, flags: c_int) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { accepted(fd, address, size, flags).unwrap_or_else(|| next::accept4(fd, address, size, flags)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn socketpair(domain: c_int, kind: c_int, protocol: c_int, out: *mut c_int) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    let made = unsafe { next::socketpair(domain, kind, protocol, out) };
    if made != 0 || domain != libc::AF_UNIX {
        return made;
    }
    // Two real sockets, connected to each other: who waits for bytes of one would wait for real.
    // SAFETY: the call has filled two descriptors.
    let (one, other) = unsafe { (*out, *out.add(1)) };
    let answer = ask(|inside| {
        let kind = socket_options::kind(one);
        inside.machine.sockets().map(|sockets| sockets.pair(one, other, kind))
    });
    answer.flatten().and_then(|answer| in_c(answer, |()| 0)).unwrap_or(0)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn shutdown(fd: c_int, how: c_int) -> c_int {
    let direction = match how {
        libc::SHUT_RD => Shutdown::Read,
        libc::SHUT_WR => Shutdown::Write,
        _ => Shutdown::Both,
    };
    of_carried(fd, |sockets| sockets.shutdown(fd, direction))
        .and_then(|answer| in_c(answer, |()| 0))
        // SAFETY: the caller's arguments, unchanged.
        .unwrap_or_else(|| unsafe { next::shutdown(fd, how) })
}

unsafe fn named(
    answer: Option<Answer<SocketAddress>>,
    address: *mut sockaddr,
    size: *mut socklen_t,
) -> Option<c_int> {
    in_c(answer?, |name| {
        // SAFETY: the caller of the hook gives room for `*size` bytes.
        unsafe { socket_address::write(&name, address, size) };
        0
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getsockname(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        named(of_carried(fd, |sockets| sockets.name(fd)), address, size)
            .unwrap_or_else(|| next::getsockname(fd, address, size))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getpeername(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        named(of_carried(fd, |sockets| sockets.peer(fd)), address, size)
            .unwrap_or_else(|| next::getpeername(fd, address, size))
    }
}
