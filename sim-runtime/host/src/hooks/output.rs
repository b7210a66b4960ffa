//! `write` and `writev`: standard output and error, and sockets the machine keeps.

use std::ffi::{c_int, c_void};

use libc::{iovec, size_t, ssize_t};

use super::{next, socket_bytes};
use crate::gate::ask;

fn is_standard(fd: c_int) -> bool {
    fd == libc::STDOUT_FILENO || fd == libc::STDERR_FILENO
}

/// A C buffer as bytes; an empty one may have any address.
pub(super) unsafe fn bytes<'a>(start: *const c_void, size: size_t) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    // SAFETY: the caller of the hook gives `size` readable bytes.
    unsafe { std::slice::from_raw_parts(start.cast(), size) }
}

/// The parts of a vectored write.
pub(super) unsafe fn parts<'a>(start: *const iovec, count: size_t) -> &'a [iovec] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the caller of the hook gives `count` parts.
    unsafe { std::slice::from_raw_parts(start, count) }
}

/// The bytes of all parts.
pub(super) unsafe fn together(start: *const iovec, count: size_t) -> Vec<u8> {
    let mut all = Vec::new();
    // SAFETY: the caller of the hook gives `count` parts, each of readable bytes.
    unsafe {
        for part in parts(start, count) {
            all.extend_from_slice(bytes(part.iov_base, part.iov_len));
        }
    }
    all
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, start: *const c_void, size: size_t) -> ssize_t {
    // SAFETY: the caller gives `size` readable bytes.
    if is_standard(fd) && ask(|inside| inside.machine.wrote(fd, unsafe { bytes(start, size) })) == Some(true)
    {
        return size as ssize_t;
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe {
        socket_bytes::send_bytes(fd, start, size, None, 0).unwrap_or_else(|| next::write(fd, start, size))
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, start: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: the caller gives `count` parts, each of readable bytes.
    unsafe {
        if crate::is_inside() {
            let size = usize::try_from(count).unwrap_or(0);
            if is_standard(fd) {
                let together = together(start, size);
                if ask(|inside| inside.machine.wrote(fd, &together)) == Some(true) {
                    return together.len() as ssize_t;
                }
            } else if let Some(sent) = socket_bytes::send_parts(fd, start, size, None, 0) {
                return sent;
            }
        }
        next::writev(fd, start, count)
    }
}
