//! Errors as the operating system gives them.
//!
//! Applications look at [`io::ErrorKind`], some at `raw_os_error`, and people read the text. All three are
//! those of Linux.

use std::io::{self, ErrorKind};

pub(crate) const ENOENT: i32 = 2;
pub(crate) const EAGAIN: i32 = 11;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const EPIPE: i32 = 32;
pub(crate) const EDEADLK: i32 = 35;
pub(crate) const EDESTADDRREQ: i32 = 89;
pub(crate) const EMSGSIZE: i32 = 90;
pub(crate) const EOPNOTSUPP: i32 = 95;
pub(crate) const EADDRINUSE: i32 = 98;
pub(crate) const EADDRNOTAVAIL: i32 = 99;
pub(crate) const ECONNRESET: i32 = 104;
pub(crate) const EISCONN: i32 = 106;
pub(crate) const ENOTCONN: i32 = 107;
pub(crate) const ETIMEDOUT: i32 = 110;
pub(crate) const ECONNREFUSED: i32 = 111;
pub(crate) const EHOSTUNREACH: i32 = 113;
pub(crate) const EALREADY: i32 = 114;
pub(crate) const EINPROGRESS: i32 = 115;
pub(crate) const ECANCELED: i32 = 125;

/// The operating system's error of this number.
pub(crate) fn os_error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// The operating system's error of this kind.
#[inline]
pub(crate) fn error(kind: ErrorKind) -> io::Error {
    os_error(match kind {
        ErrorKind::WouldBlock => EAGAIN,
        ErrorKind::BrokenPipe => EPIPE,
        ErrorKind::AddrInUse => EADDRINUSE,
        ErrorKind::AddrNotAvailable => EADDRNOTAVAIL,
        ErrorKind::ConnectionReset => ECONNRESET,
        ErrorKind::NotConnected => ENOTCONN,
        ErrorKind::TimedOut => ETIMEDOUT,
        ErrorKind::ConnectionRefused => ECONNREFUSED,
        ErrorKind::HostUnreachable => EHOSTUNREACH,
        ErrorKind::NotFound => ENOENT,
        ErrorKind::InvalidInput => EINVAL,
        other => return other.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_kinds_agree() {
        for kind in [
            ErrorKind::WouldBlock,
            ErrorKind::BrokenPipe,
            ErrorKind::AddrInUse,
            ErrorKind::AddrNotAvailable,
            ErrorKind::ConnectionReset,
            ErrorKind::NotConnected,
            ErrorKind::TimedOut,
            ErrorKind::ConnectionRefused,
            ErrorKind::HostUnreachable,
            ErrorKind::NotFound,
            ErrorKind::InvalidInput,
        ] {
            assert_eq!(error(kind).kind(), kind);
        }
    }
}
