//! Bytes through sockets: `send…`, `recv…`, and `read` and `write` on a socket the machine keeps.
//!
//! The machine is asked for descriptors it [simulates](crate::Machine::simulates), and for datagrams to an address, which
//! would leave the process. Other sockets here are pairs within the process; they stay real.

use std::ffi::{c_int, c_void};

use libc::{iovec, msghdr, size_t, sockaddr, socklen_t, ssize_t};

use super::{failed, next, output, socket_address};
use crate::gate::{Inside, ask};
use crate::machine::{Answer, SocketAddress};

fn in_c(answer: &Answer<usize>) -> Option<ssize_t> {
    match answer {
        Answer::Real => None,
        Answer::Done(size) => Some(*size as ssize_t),
        Answer::Failed(errno) => Some(failed(*errno) as ssize_t),
    }
}

/// Sends one buffer, if that is the machine's business.
pub(super) unsafe fn send_bytes(
    fd: c_int,
    start: *const c_void,
    size: size_t,
    to: Option<&SocketAddress>,
) -> Option<ssize_t> {
    ask(|inside| {
        (to.is_some() || inside.machine.simulates(fd)).then(|| {
            // SAFETY: the caller of the hook gives `size` readable bytes.
            inside.machine.socket_send(fd, unsafe { output::bytes(start, size) }, to)
        })
    })
    .flatten()
    .and_then(|answer| in_c(&answer))
}

/// Sends the parts of a vectored write as one, if that is the machine's business.
pub(super) unsafe fn send_parts(
    fd: c_int,
    start: *const iovec,
    count: size_t,
    to: Option<&SocketAddress>,
) -> Option<ssize_t> {
    if !crate::is_inside() || (to.is_none() && ask(|inside| inside.machine.simulates(fd)) != Some(true)) {
        return None;
    }
    // SAFETY: the caller of the hook gives `count` parts of readable bytes.
    let together = unsafe { output::together(start, count) };
    // SAFETY: the bytes are ours.
    unsafe { send_bytes(fd, together.as_ptr().cast(), together.len(), to) }
}

/// A buffer to be filled by the machine; zeroed first, for a slice must be initialised.
unsafe fn room<'a>(start: *mut c_void, size: size_t) -> &'a mut [u8] {
    if size == 0 {
        return &mut [];
    }
    // SAFETY: the caller of the hook gives `size` writable bytes.
    unsafe {
        start.cast::<u8>().write_bytes(0, size);
        std::slice::from_raw_parts_mut(start.cast(), size)
    }
}

/// Receives into one buffer, if the machine keeps the socket; with the sender, where there is one.
pub(super) unsafe fn receive_bytes(
    fd: c_int,
    start: *mut c_void,
    size: size_t,
    peeks: bool,
) -> Option<(ssize_t, Option<SocketAddress>)> {
    let simulates = |inside: &Inside| inside.machine.simulates(fd);
    let answer = ask(|inside| {
        // SAFETY: the caller of the hook gives `size` writable bytes.
        simulates(inside).then(|| inside.machine.socket_receive(fd, unsafe { room(start, size) }, peeks))
    })??;
    match answer {
        Answer::Real => None,
        Answer::Done((size, from)) => Some((size as ssize_t, from)),
        Answer::Failed(errno) => Some((failed(errno) as ssize_t, None)),
    }
}

/// Receives into the first part that has room: a short read, which callers are used to.
pub(super) unsafe fn receive_parts(
    fd: c_int,
    start: *const iovec,
    count: size_t,
    peeks: bool,
) -> Option<(ssize_t, Option<SocketAddress>)> {
    // SAFETY: the caller of the hook gives `count` parts of writable bytes.
    unsafe {
        let part = output::parts(start, count).iter().find(|part| part.iov_len > 0)?;
        receive_bytes(fd, part.iov_base, part.iov_len, peeks)
    }
}

fn peeks(flags: c_int) -> bool {
    flags & libc::MSG_PEEK != 0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, start: *const c_void, size: size_t, flags: c_int) -> ssize_t {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { send_bytes(fd, start, size, None).unwrap_or_else(|| next::send(fd, start, size, flags)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendto(
    fd: c_int,
    start: *const c_void,
    size: size_t,
    flags: c_int,
    address: *const sockaddr,
    address_size: socklen_t,
) -> ssize_t {
    // SAFETY: the caller gives `size` bytes and an address of `address_size` bytes, or null.
    unsafe {
        if crate::is_inside() {
            let to = (!address.is_null()).then(|| socket_address::read(address, address_size));
            if let Some(sent) = send_bytes(fd, start, size, to.as_ref()) {
                return sent;
            }
        }
        next::sendto(fd, start, size, flags, address, address_size)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    // SAFETY: the caller gives a message whose parts and name are readable.
    unsafe {
        if crate::is_inside() {
            let name = (*message).msg_name;
            let to = (!name.is_null()).then(|| socket_address::read(name.cast(), (*message).msg_namelen));
            if let Some(sent) =
                send_parts(fd, (*message).msg_iov, (*message).msg_iovlen as size_t, to.as_ref())
            {
                return sent;
            }
        }
        next::sendmsg(fd, message, flags)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recv(fd: c_int, out: *mut c_void, size: size_t, flags: c_int) -> ssize_t {
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        receive_bytes(fd, out, size, peeks(flags))
            .map_or_else(|| next::recv(fd, out, size, flags), |(received, _)| received)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvfrom(
    fd: c_int,
    out: *mut c_void,
    size: size_t,
    flags: c_int,
    address: *mut sockaddr,
    address_size: *mut socklen_t,
) -> ssize_t {
    // SAFETY: the caller gives room for `size` bytes, and for an address or null.
    unsafe {
        match receive_bytes(fd, out, size, peeks(flags)) {
            Some((received, from)) => {
                match from {
                    Some(from) if received >= 0 => socket_address::write(&from, address, address_size),
                    _ if !address_size.is_null() => *address_size = 0,
                    _ => {}
                }
                received
            }
            None => next::recvfrom(fd, out, size, flags, address, address_size),
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    // SAFETY: the caller gives a message with room in its parts, and for a name or null.
    unsafe {
        if crate::is_inside() {
            let parts = ((*message).msg_iov, (*message).msg_iovlen as size_t);
            if let Some((received, from)) = receive_parts(fd, parts.0, parts.1, peeks(flags)) {
                match from {
                    Some(from) => socket_address::write(
                        &from,
                        (*message).msg_name.cast(),
                        &raw mut (*message).msg_namelen,
                    ),
                    None => (*message).msg_namelen = 0,
                }
                (*message).msg_controllen = 0;
                (*message).msg_flags = 0;
                return received;
            }
        }
        next::recvmsg(fd, message, flags)
    }
}
