//! Blocking sleeps: `nanosleep`, `clock_nanosleep`, `usleep`, `sleep`, and a `select` of no file at all.

use std::ffi::{c_int, c_uint};

use libc::{clockid_t, fd_set, timespec, timeval, useconds_t};

use super::{clock, next};
use crate::gate::ask;

/// Sleeps in the machine; `false` when this thread is not inside.
pub(super) fn slept(ns: u64) -> bool {
    ask(|inside| inside.machine.blocking_sleep(ns)).is_some()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(wanted: *const timespec, left: *mut timespec) -> c_int {
    // SAFETY: the caller's arguments; `wanted` points at a timespec.
    unsafe { if slept(clock::from_timespec(*wanted)) { 0 } else { next::nanosleep(wanted, left) } }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    wanted: *const timespec,
    left: *mut timespec,
) -> c_int {
    let slept = ask(|inside| {
        // SAFETY: the caller points at a timespec.
        let wanted_ns = clock::from_timespec(unsafe { *wanted });
        let ns = if flags & libc::TIMER_ABSTIME == 0 {
            wanted_ns
        } else {
            wanted_ns.saturating_sub(clock::read(inside, clock))
        };
        inside.machine.blocking_sleep(ns);
    });
    // SAFETY: the caller's arguments, unchanged.
    if slept.is_some() { 0 } else { unsafe { next::clock_nanosleep(clock, flags, wanted, left) } }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn usleep(microseconds: useconds_t) -> c_int {
    // SAFETY: the caller's argument, unchanged.
    if slept(u64::from(microseconds) * 1_000) { 0 } else { unsafe { next::usleep(microseconds) } }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sleep(seconds: c_uint) -> c_uint {
    // SAFETY: the caller's argument, unchanged.
    if slept(u64::from(seconds) * 1_000_000_000) { 0 } else { unsafe { next::sleep(seconds) } }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn select(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *mut timeval,
) -> c_int {
    let nothing = read.is_null() && write.is_null() && except.is_null();
    if nothing && !timeout.is_null() {
        // SAFETY: the caller points at a timeval.
        if slept(clock::from_timeval(unsafe { *timeout })) {
            return 0;
        }
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { next::select(count, read, write, except, timeout) }
}
