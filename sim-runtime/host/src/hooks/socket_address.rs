//! Between C's `sockaddr` and [`SocketAddress`].

use std::ffi::OsStr;
use std::mem::{offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use libc::{sa_family_t, sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage, sockaddr_un, socklen_t};

use crate::sockets::SocketAddress;

/// Reads the address a caller passed.
pub(super) unsafe fn read(address: *const sockaddr, size: socklen_t) -> SocketAddress {
    let size = size as usize;
    if address.is_null() || size < size_of::<sa_family_t>() {
        return SocketAddress::Other(libc::AF_UNSPEC);
    }
    // SAFETY: at least the family is there; each layout is read only when the size covers it; none need be aligned.
    unsafe {
        let family = i32::from((&raw const (*address).sa_family).read_unaligned());
        match family {
            libc::AF_INET if size >= size_of::<sockaddr_in>() => {
                let v4 = address.cast::<sockaddr_in>().read_unaligned();
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                SocketAddress::Internet(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
            }
            libc::AF_INET6 if size >= size_of::<sockaddr_in6>() => {
                let v6 = address.cast::<sockaddr_in6>().read_unaligned();
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                SocketAddress::Internet(SocketAddr::V6(SocketAddrV6::new(
                    ip,
                    port,
                    v6.sin6_flowinfo,
                    v6.sin6_scope_id,
                )))
            }
            libc::AF_UNIX => {
                let start = offset_of!(sockaddr_un, sun_path);
                let length = size.clamp(start, size_of::<sockaddr_un>()) - start;
                let bytes = std::slice::from_raw_parts(address.cast::<u8>().add(start), length);
                // A path ends at its NUL, an abstract name starts with one.
                let end = bytes.iter().skip(1).position(|byte| *byte == 0).map_or(length, |at| at + 1);
                let bytes = if bytes.first() == Some(&0) { bytes } else { &bytes[..end] };
                SocketAddress::Unix(PathBuf::from(OsStr::from_bytes(bytes)))
            }
            _ => SocketAddress::Other(family),
        }
    }
}

/// The C form of an Internet address, and its size.
pub(super) fn internet(address: SocketAddr) -> (sockaddr_storage, socklen_t) {
    // SAFETY: all zeros is a valid sockaddr_storage.
    let mut storage: sockaddr_storage = unsafe { std::mem::zeroed() };
    let out = &raw mut storage;
    let size = match address {
        SocketAddr::V4(v4) => {
            let value = sockaddr_in {
                sin_family: libc::AF_INET as sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_storage has room and alignment for every sockaddr.
            unsafe { out.cast::<sockaddr_in>().write(value) };
            size_of::<sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            let value = sockaddr_in6 {
                sin6_family: libc::AF_INET6 as sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: a sockaddr_storage has room and alignment for every sockaddr.
            unsafe { out.cast::<sockaddr_in6>().write(value) };
            size_of::<sockaddr_in6>()
        }
    };
    (storage, size as socklen_t)
}

fn encode(address: &SocketAddress) -> (sockaddr_storage, socklen_t) {
    match address {
        SocketAddress::Internet(address) => internet(*address),
        SocketAddress::Unix(path) => {
            // SAFETY: all zeros is a valid sockaddr_storage.
            let mut storage: sockaddr_storage = unsafe { std::mem::zeroed() };
            storage.ss_family = libc::AF_UNIX as sa_family_t;
            let start = offset_of!(sockaddr_un, sun_path);
            let bytes = path.as_os_str().as_bytes();
            let length = bytes.len().min(size_of::<sockaddr_un>() - start - 1);
            let field = (&raw mut storage).cast::<u8>().wrapping_add(start);
            // SAFETY: `start + length` is within a sockaddr_un, which is within the storage.
            unsafe { field.copy_from_nonoverlapping(bytes.as_ptr(), length) };
            (storage, (start + length) as socklen_t)
        }
        SocketAddress::Other(family) => {
            // SAFETY: all zeros is a valid sockaddr_storage.
            let mut storage: sockaddr_storage = unsafe { std::mem::zeroed() };
            storage.ss_family = *family as sa_family_t;
            (storage, size_of::<sa_family_t>() as socklen_t)
        }
    }
}

/// Gives a caller an address, cut to the room it has, and the full size; does nothing where it wants none.
pub(super) unsafe fn write(address: &SocketAddress, out: *mut sockaddr, size: *mut socklen_t) {
    if out.is_null() || size.is_null() {
        return;
    }
    let (storage, full) = encode(address);
    // SAFETY: the caller of the hook gives room for `*size` bytes at `out`.
    unsafe {
        let length = full.min(*size) as usize;
        out.cast::<u8>().copy_from_nonoverlapping((&raw const storage).cast(), length);
        *size = full;
    }
}
