//! Calls on real sockets that would reach the host's network: who talks to whom. The bytes are in `socket_bytes`.
//! Making a socket and setting its options stays real.

use std::ffi::c_int;
use std::net::Shutdown;

use libc::{sockaddr, socklen_t};

use super::{failed, next, socket_address};
use crate::gate::{Inside, ask};
use crate::machine::{Answer, SocketAddress};

/// Asks, and turns everything but "really" into C's answer.
fn answered<T>(question: impl FnOnce(&Inside) -> Answer<T>, done: impl FnOnce(T) -> c_int) -> Option<c_int> {
    match ask(question)? {
        Answer::Real => None,
        Answer::Done(value) => Some(done(value)),
        Answer::Failed(errno) => Some(failed(errno)),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bind(fd: c_int, address: *const sockaddr, size: socklen_t) -> c_int {
    // SAFETY: the caller's arguments; the address has `size` bytes.
    unsafe {
        answered(|inside| inside.machine.socket_bind(fd, &socket_address::read(address, size)), |()| 0)
            .unwrap_or_else(|| next::bind(fd, address, size))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn listen(fd: c_int, backlog: c_int) -> c_int {
    answered(|inside| inside.machine.socket_listen(fd, backlog), |()| 0)
        // SAFETY: the caller's arguments, unchanged.
        .unwrap_or_else(|| unsafe { next::listen(fd, backlog) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn connect(fd: c_int, address: *const sockaddr, size: socklen_t) -> c_int {
    // SAFETY: the caller's arguments; the address has `size` bytes.
    unsafe {
        answered(|inside| inside.machine.socket_connect(fd, &socket_address::read(address, size)), |()| 0)
            .unwrap_or_else(|| next::connect(fd, address, size))
    }
}

unsafe fn accepted(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> Option<c_int> {
    answered(
        |inside| inside.machine.socket_accept(fd),
        |(accepted, peer)| {
            // SAFETY: the caller of the hook gives room for `*size` bytes, or null.
            unsafe { socket_address::write(&peer, address, size) };
            accepted
        },
    )
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { accepted(fd, address, size).unwrap_or_else(|| next::accept(fd, address, size)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn accept4(fd: c_int, address: *mut sockaddr, size: *mut socklen_t, flags: c_int) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { accepted(fd, address, size).unwrap_or_else(|| next::accept4(fd, address, size, flags)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn shutdown(fd: c_int, how: c_int) -> c_int {
    let direction = match how {
        libc::SHUT_RD => Shutdown::Read,
        libc::SHUT_WR => Shutdown::Write,
        _ => Shutdown::Both,
    };
    answered(|inside| inside.machine.socket_shutdown(fd, direction), |()| 0)
        // SAFETY: the caller's arguments, unchanged.
        .unwrap_or_else(|| unsafe { next::shutdown(fd, how) })
}

unsafe fn named(
    question: impl FnOnce(&Inside) -> Answer<SocketAddress>,
    address: *mut sockaddr,
    size: *mut socklen_t,
) -> Option<c_int> {
    answered(question, |name| {
        // SAFETY: the caller of the hook gives room for `*size` bytes.
        unsafe { socket_address::write(&name, address, size) };
        0
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getsockname(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        named(|inside| inside.machine.socket_name(fd), address, size)
            .unwrap_or_else(|| next::getsockname(fd, address, size))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getpeername(fd: c_int, address: *mut sockaddr, size: *mut socklen_t) -> c_int {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        named(|inside| inside.machine.socket_peer(fd), address, size)
            .unwrap_or_else(|| next::getpeername(fd, address, size))
    }
}
