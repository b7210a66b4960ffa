//! `syscall`: crates that go around the C library's wrappers (getrandom 0.2, futexes, rustix without libc features).

use std::ffi::{c_int, c_long};

use super::{clock, entropy, failed, futex, identity, next, refused};
use crate::gate::ask;
use crate::machine::Refused;

#[unsafe(no_mangle)]
#[allow(clippy::many_single_char_names, reason = "the kernel's registers have no other names")]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if crate::is_inside() {
        // SAFETY: the arguments mean what the kernel's table says for this number.
        if let Some(answer) = unsafe { answer(number, a, b, c, d) } {
            return answer;
        }
    }
    // SAFETY: the caller's arguments, unchanged; those it did not pass are ignored by the kernel.
    unsafe { next::syscall(number, a, b, c, d, e, f) }
}

/// The machine's answer, for the calls that have one.
unsafe fn answer(number: c_long, a: c_long, b: c_long, c: c_long, d: c_long) -> Option<c_long> {
    match number {
        libc::SYS_futex => {
            // SAFETY: a futex call's word and timeout, as the kernel would read them.
            unsafe { futex::wait(a as *const u32, b as c_int, c as u32, d as *const libc::timespec) }
        }
        // SAFETY: the caller gives `b` writable bytes at `a`.
        libc::SYS_getrandom => unsafe { entropy::fill(a as *mut _, b as usize) }.then_some(b),
        libc::SYS_clock_gettime => ask(|inside| {
            // SAFETY: the caller gives room for a timespec at `b`.
            unsafe { (b as *mut libc::timespec).write(clock::span(clock::read(inside, a as c_int))) };
            0
        }),
        libc::SYS_getpid | libc::SYS_gettid => identity::process_id().map(c_long::from),
        libc::SYS_io_uring_setup => {
            refused(&Refused::Reactor { call: "io_uring_setup" }).map(|errno| failed(errno).into())
        }
        _ => None,
    }
}
