//! Standard output and error: `write` and `writev` to descriptors 1 and 2.

use std::ffi::{c_int, c_void};

use libc::{iovec, size_t, ssize_t};

use super::next;
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

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, start: *const c_void, size: size_t) -> ssize_t {
    // SAFETY: the caller gives `size` readable bytes.
    if is_standard(fd) && ask(|inside| inside.machine.wrote(fd, unsafe { bytes(start, size) })) == Some(true)
    {
        return size as ssize_t;
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { next::write(fd, start, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn writev(fd: c_int, start: *const iovec, count: c_int) -> ssize_t {
    if is_standard(fd) && crate::is_inside() {
        // SAFETY: the caller gives `count` parts, each of readable bytes.
        let together: Vec<u8> = unsafe { parts(start, usize::try_from(count).unwrap_or(0)) }
            .iter()
            .flat_map(|part| unsafe { bytes(part.iov_base, part.iov_len) })
            .copied()
            .collect();
        if ask(|inside| inside.machine.wrote(fd, &together)) == Some(true) {
            return together.len() as ssize_t;
        }
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { next::writev(fd, start, count) }
}
