//! What time it is: `clock_gettime`, `gettimeofday`, `time`, `timespec_get`.

use std::ffi::{c_int, c_void};

use libc::{clockid_t, time_t, timespec, timeval};

use super::next;
use crate::gate::{Inside, ask};

const NANOSECONDS: u64 = 1_000_000_000;
const TIME_UTC: c_int = 1;

/// Whether a clock tells the time of day; all others count, processor time included.
pub(super) fn is_wall(clock: clockid_t) -> bool {
    matches!(
        clock,
        libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_REALTIME_ALARM | libc::CLOCK_TAI
    )
}

/// The machine's reading of a clock, in nanoseconds.
pub(super) fn read(inside: &Inside, clock: clockid_t) -> u64 {
    if is_wall(clock) { inside.machine.wall_ns() } else { inside.machine.monotonic_ns() }
}

fn to_timespec(ns: u64) -> timespec {
    timespec { tv_sec: (ns / NANOSECONDS) as time_t, tv_nsec: (ns % NANOSECONDS) as i64 }
}

/// The length of a C time span; negative ones count as none.
pub(super) fn from_timespec(span: timespec) -> u64 {
    let seconds = u64::try_from(span.tv_sec).unwrap_or(0);
    seconds.saturating_mul(NANOSECONDS).saturating_add(u64::try_from(span.tv_nsec).unwrap_or(0))
}

/// As [`from_timespec`], of the older kind.
pub(super) fn from_timeval(span: timeval) -> u64 {
    from_timespec(timespec { tv_sec: span.tv_sec, tv_nsec: span.tv_usec.saturating_mul(1_000) })
}

/// The time span of so many nanoseconds.
pub(super) fn span(ns: u64) -> timespec {
    to_timespec(ns)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, out: *mut timespec) -> c_int {
    match ask(|inside| read(inside, clock)) {
        Some(ns) => {
            // SAFETY: the caller gives room for a timespec.
            unsafe { out.write(to_timespec(ns)) };
            0
        }
        // SAFETY: the caller's arguments, unchanged.
        None => unsafe { next::clock_gettime(clock, out) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn gettimeofday(out: *mut timeval, zone: *mut c_void) -> c_int {
    match ask(|inside| inside.machine.wall_ns()) {
        Some(ns) => {
            let value =
                timeval { tv_sec: (ns / NANOSECONDS) as time_t, tv_usec: (ns % NANOSECONDS / 1_000) as i64 };
            if !out.is_null() {
                // SAFETY: the caller gives room for a timeval, or null.
                unsafe { out.write(value) };
            }
            0
        }
        // SAFETY: the caller's arguments, unchanged.
        None => unsafe { next::gettimeofday(out, zone) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn time(out: *mut time_t) -> time_t {
    match ask(|inside| inside.machine.wall_ns()) {
        Some(ns) => {
            let seconds = (ns / NANOSECONDS) as time_t;
            if !out.is_null() {
                // SAFETY: the caller gives room for a time_t, or null.
                unsafe { out.write(seconds) };
            }
            seconds
        }
        // SAFETY: the caller's arguments, unchanged.
        None => unsafe { next::time(out) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn timespec_get(out: *mut timespec, base: c_int) -> c_int {
    let answer = if base == TIME_UTC { ask(|inside| inside.machine.wall_ns()) } else { None };
    match answer {
        Some(ns) => {
            // SAFETY: the caller gives room for a timespec.
            unsafe { out.write(to_timespec(ns)) };
            base
        }
        // SAFETY: the caller's arguments, unchanged.
        None => unsafe { next::timespec_get(out, base) },
    }
}
