//! Options of sockets: kept by the real socket, told to the network where they mean something to it.

use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::time::Duration;

use libc::{socklen_t, timeval};

use super::sockets::{in_c, of_carried};
use super::{clock, next};
use crate::gate::ask;
use crate::sockets::{SocketKind, SocketOption};

/// Reads an option of the real socket.
fn option<T>(fd: c_int, level: c_int, name: c_int) -> Option<T> {
    // SAFETY: all zeros is a valid value of the integers and plain structs that this is used for.
    let mut value: T = unsafe { std::mem::zeroed() };
    let mut size = size_of::<T>() as socklen_t;
    // SAFETY: the value has room for `size` bytes.
    let answer = unsafe { next::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut size) };
    (answer == 0).then_some(value)
}

/// What the socket is for.
pub(super) fn kind(fd: c_int) -> SocketKind {
    match option::<c_int>(fd, libc::SOL_SOCKET, libc::SO_TYPE) {
        Some(libc::SOCK_STREAM) => SocketKind::Stream,
        Some(libc::SOCK_DGRAM) => SocketKind::Datagram,
        other => SocketKind::Other(other.unwrap_or(0)),
    }
}

/// Whether a call on the socket may wait.
pub(super) fn may_wait(fd: c_int, flags: c_int) -> bool {
    // SAFETY: a command without an argument.
    let status = unsafe { next::fcntl(fd, libc::F_GETFL, 0) };
    flags & libc::MSG_DONTWAIT == 0 && (status < 0 || status & libc::O_NONBLOCK == 0)
}

/// Sets or clears `O_NONBLOCK`.
pub(super) fn set_nonblocking(fd: c_int, nonblocking: bool) {
    // SAFETY: commands with integer arguments.
    unsafe {
        let status = next::fcntl(fd, libc::F_GETFL, 0);
        if status >= 0 && nonblocking != (status & libc::O_NONBLOCK != 0) {
            next::fcntl(fd, libc::F_SETFL, (status ^ libc::O_NONBLOCK).into());
        }
    }
}

/// The value that a caller gave, if it is as long as it should be.
unsafe fn given<T: Copy>(value: *const c_void, size: socklen_t) -> Option<T> {
    // SAFETY: read only when the caller gave as many bytes; the types are plain integers and structs of them.
    (size as usize >= size_of::<T>()).then(|| unsafe { value.cast::<T>().read_unaligned() })
}

/// What an option means to a network, if anything.
unsafe fn meaning(level: c_int, name: c_int, value: *const c_void, size: socklen_t) -> Option<SocketOption> {
    // SAFETY: the caller's value, of `size` bytes.
    let (number, limit, linger) = unsafe {
        (
            given::<u32>(value, size),
            given::<timeval>(value, size).map(|limit| Duration::from_nanos(clock::from_timeval(limit))),
            given::<libc::linger>(value, size),
        )
    };
    let seconds = || number.map(|seconds| Duration::from_secs(seconds.into()));
    let unless_zero = |limit: Duration| (!limit.is_zero()).then_some(limit);
    Some(match (level, name) {
        (libc::SOL_SOCKET, libc::SO_LINGER) => {
            let seconds = Duration::from_secs(u64::try_from(linger?.l_linger).unwrap_or(0));
            SocketOption::Linger((linger?.l_onoff != 0).then_some(seconds))
        }
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => SocketOption::Keepalive(number? != 0),
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => SocketOption::SendBuffer(number?),
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => SocketOption::ReceiveBuffer(number?),
        (libc::SOL_SOCKET, libc::SO_SNDTIMEO) => SocketOption::SendTimeout(unless_zero(limit?)),
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO) => SocketOption::ReceiveTimeout(unless_zero(limit?)),
        (libc::IPPROTO_TCP, libc::TCP_NODELAY) => SocketOption::Nodelay(number? != 0),
        (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE) => SocketOption::KeepaliveIdle(seconds()?),
        (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL) => SocketOption::KeepaliveInterval(seconds()?),
        (libc::IPPROTO_TCP, libc::TCP_KEEPCNT) => SocketOption::KeepaliveProbes(number?),
        (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT) => {
            SocketOption::UserTimeout(unless_zero(Duration::from_millis(number?.into())))
        }
        _ => return None,
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    size: socklen_t,
) -> c_int {
    // SAFETY: the caller's arguments, unchanged; the value has `size` bytes.
    unsafe {
        let answer = next::setsockopt(fd, level, name, value, size);
        if answer == 0
            && crate::is_inside()
            && let Some(option) = meaning(level, name, value, size)
        {
            let kind = kind(fd);
            ask(|inside| {
                if let Some(sockets) = inside.machine.sockets() {
                    sockets.option_set(fd, kind, option);
                }
            });
        }
        answer
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    size: *mut socklen_t,
) -> c_int {
    let is_error = level == libc::SOL_SOCKET && name == libc::SO_ERROR;
    let error = if is_error { of_carried(fd, |sockets| sockets.take_error(fd)) } else { None };
    error
        .and_then(|answer| {
            in_c(answer, |errno| {
                // SAFETY: the caller gives room for `*size` bytes.
                unsafe {
                    let length = (*size as usize).min(size_of::<c_int>());
                    value.cast::<u8>().copy_from_nonoverlapping((&raw const errno).cast(), length);
                    *size = length as socklen_t;
                }
                0
            })
        })
        // SAFETY: the caller's arguments, unchanged.
        .unwrap_or_else(|| unsafe { next::getsockopt(fd, level, name, value, size) })
}
