//! Bytes through sockets: `send…`, `recv…`, and `read` and `write` on a socket the machine keeps.
//!
//! The network is asked for descriptors it [carries](crate::Sockets::carries), and for datagrams to an address, which
//! would leave the process.

use std::ffi::{c_int, c_void};

use libc::{iovec, msghdr, size_t, sockaddr, socklen_t, ssize_t};

use super::sockets::{of_carried, of_network};
use super::{failed, next, output, socket_address, socket_options};
use crate::gate::ask;
use crate::machine::Answer;
use crate::sockets::SocketAddress;

fn in_c(answer: &Answer<usize>) -> Option<ssize_t> {
    match answer {
        Answer::Real => None,
        Answer::Done(size) => Some(*size as ssize_t),
        Answer::Failed(errno) => Some(failed(*errno) as ssize_t),
    }
}

/// Whether the network carries this socket.
fn is_carried(fd: c_int) -> bool {
    of_carried(fd, |_| ()).is_some()
}

/// Sends one buffer, if that is the machine's business.
pub(super) unsafe fn send_bytes(
    fd: c_int,
    start: *const c_void,
    size: size_t,
    to: Option<&SocketAddress>,
    flags: c_int,
) -> Option<ssize_t> {
    if to.is_none() && !is_carried(fd) {
        return None;
    }
    let answer = ask(|inside| {
        let (kind, may_wait) = (socket_options::kind(fd), socket_options::may_wait(fd, flags));
        of_network(inside, "send", to, |sockets| {
            // SAFETY: the caller of the hook gives `size` readable bytes.
            sockets.send(fd, kind, unsafe { output::bytes(start, size) }, to, may_wait)
        })
    })?;
    in_c(&answer)
}

/// Sends the parts of a vectored write as one, if that is the machine's business.
pub(super) unsafe fn send_parts(
    fd: c_int,
    start: *const iovec,
    count: size_t,
    to: Option<&SocketAddress>,
    flags: c_int,
) -> Option<ssize_t> {
    if !crate::is_inside() || (to.is_none() && !is_carried(fd)) {
        return None;
    }
    // SAFETY: the caller of the hook gives `count` parts of readable bytes.
    let together = unsafe { output::together(start, count) };
    // SAFETY: the bytes are ours.
    unsafe { send_bytes(fd, together.as_ptr().cast(), together.len(), to, flags) }
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

/// Receives into one buffer, if the network carries the socket; with the sender, where there is one.
pub(super) unsafe fn receive_bytes(
    fd: c_int,
    start: *mut c_void,
    size: size_t,
    flags: c_int,
) -> Option<(ssize_t, Option<SocketAddress>)> {
    let answer = of_carried(fd, |sockets| {
        let may_wait = socket_options::may_wait(fd, flags);
        // SAFETY: the caller of the hook gives `size` writable bytes.
        sockets.receive(fd, unsafe { room(start, size) }, flags & libc::MSG_PEEK != 0, may_wait)
    })?;
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
    flags: c_int,
) -> Option<(ssize_t, Option<SocketAddress>)> {
    // SAFETY: the caller of the hook gives `count` parts of writable bytes.
    unsafe {
        let part = output::parts(start, count).iter().find(|part| part.iov_len > 0)?;
        receive_bytes(fd, part.iov_base, part.iov_len, flags)
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn send(fd: c_int, start: *const c_void, size: size_t, flags: c_int) -> ssize_t {
    // SAFETY: the caller's arguments, unchanged.
    unsafe { send_bytes(fd, start, size, None, flags).unwrap_or_else(|| next::send(fd, start, size, flags)) }
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
            if let Some(sent) = send_bytes(fd, start, size, to.as_ref(), flags) {
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
                send_parts(fd, (*message).msg_iov, (*message).msg_iovlen as size_t, to.as_ref(), flags)
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
        receive_bytes(fd, out, size, flags)
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
        match receive_bytes(fd, out, size, flags) {
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
            if let Some((received, from)) = receive_parts(fd, parts.0, parts.1, flags) {
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
