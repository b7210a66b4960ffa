//! Random bytes: `getrandom`, `getentropy`, `arc4random…`. (`/dev/urandom` is in `files`.)

use std::ffi::{c_int, c_long, c_uint, c_void};

use libc::{size_t, ssize_t};

use super::{failed, next};
use crate::gate::ask;

/// The most that `getentropy` gives at once.
const GETENTROPY_MAX: size_t = 256;

/// Fills the buffer from the machine; `false` when this thread is not inside.
pub(super) unsafe fn fill(out: *mut c_void, size: size_t) -> bool {
    ask(|inside| {
        if size > 0 {
            // SAFETY: the caller of the hook gives room for `size` bytes; zeroed first, for the slice must be initialised.
            let out = unsafe {
                out.cast::<u8>().write_bytes(0, size);
                std::slice::from_raw_parts_mut(out.cast::<u8>(), size)
            };
            inside.machine.fill_entropy(out);
        }
    })
    .is_some()
}

/// The host's `getrandom`, through `syscall`: the C library's own may be missing or ours.
pub(super) unsafe fn real_getrandom(out: *mut c_void, size: size_t, flags: c_uint) -> ssize_t {
    let [out, size] = [out as c_long, size as c_long];
    // SAFETY: the caller's buffer and size, unchanged.
    unsafe { next::syscall(libc::SYS_getrandom, out, size, c_long::from(flags), 0, 0, 0) as ssize_t }
}

/// Fills the buffer from the host; `false` with `errno` set when that fails.
unsafe fn fill_from_host(out: *mut c_void, size: size_t) -> bool {
    let mut filled = 0;
    while filled < size {
        // SAFETY: `filled` stays below `size`, so the rest is within the caller's buffer.
        let got = unsafe { real_getrandom(out.byte_add(filled), size - filled, 0) };
        // SAFETY: errno of this thread.
        if got < 0 && unsafe { *libc::__errno_location() } != libc::EINTR {
            return false;
        }
        filled += size_t::try_from(got).unwrap_or(0);
    }
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(out: *mut c_void, size: size_t, flags: c_uint) -> ssize_t {
    // SAFETY: the caller's buffer and size, unchanged.
    unsafe { if fill(out, size) { size as ssize_t } else { real_getrandom(out, size, flags) } }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getentropy(out: *mut c_void, size: size_t) -> c_int {
    if size > GETENTROPY_MAX {
        return failed(libc::EIO);
    }
    // SAFETY: the caller's buffer and size, unchanged.
    if unsafe { fill(out, size) || fill_from_host(out, size) } { 0 } else { -1 }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random_buf(out: *mut c_void, size: size_t) {
    // SAFETY: the caller's buffer and size, unchanged.
    if !unsafe { fill(out, size) || fill_from_host(out, size) } {
        std::process::abort();
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random() -> u32 {
    let mut bytes = [0_u8; 4];
    // SAFETY: the buffer is writable for its own length.
    unsafe { arc4random_buf(bytes.as_mut_ptr().cast(), bytes.len()) };
    u32::from_ne_bytes(bytes)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn arc4random_uniform(bound: u32) -> u32 {
    if bound < 2 {
        return 0;
    }
    // Values below 2^32 mod bound would make the low remainders more likely.
    let skipped = bound.wrapping_neg() % bound;
    loop {
        // SAFETY: takes no arguments.
        let value = unsafe { arc4random() };
        if value >= skipped {
            return value % bound;
        }
    }
}
