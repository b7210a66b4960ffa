//! Blocking on a lock, a channel or `park`: std and `parking_lot` wait on futexes through `syscall`.
//!
//! std computes an absolute deadline from the hooked clock. Handed to the kernel it would mean
//! another moment of another clock, so a wait inside a run has to be answered here.

use std::ffi::{c_int, c_long};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::timespec;

use super::{clock, failed, next};
use crate::gate::ask;
use crate::machine::Waited;

/// Answers a futex wait and hears of a wake; `None` for every operation but a wait, or outside.
pub(super) unsafe fn wait(
    word: *const u32,
    operation: c_int,
    expected: u32,
    timeout: *const timespec,
) -> Option<c_long> {
    let command = operation & !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);
    if matches!(
        command,
        libc::FUTEX_WAKE | libc::FUTEX_WAKE_BITSET | libc::FUTEX_REQUEUE | libc::FUTEX_CMP_REQUEUE
    ) {
        // Told to the machine; the kernel is told too, as a thread outside may wait on the word.
        ask(|inside| inside.machine.blocking_wake(word as usize, expected));
    }
    if !matches!(command, libc::FUTEX_WAIT | libc::FUTEX_WAIT_BITSET) {
        return None;
    }
    let address = word as usize;
    let (waited, limit_ns) = ask(|inside| {
        // SAFETY: the caller of the hook waits on this word, so it is there and only changed atomically.
        let word = unsafe { AtomicU32::from_ptr(word.cast_mut()) };
        // SAFETY: the caller of the hook points at a timespec, or null.
        let limit_ns = unsafe { timeout.as_ref() }.map(|wanted| {
            let wanted_ns = clock::from_timespec(*wanted);
            let wall = operation & libc::FUTEX_CLOCK_REALTIME != 0;
            let of = if wall { libc::CLOCK_REALTIME } else { libc::CLOCK_MONOTONIC };
            let absolute = command == libc::FUTEX_WAIT_BITSET;
            if absolute { wanted_ns.saturating_sub(clock::read(inside, of)) } else { wanted_ns }
        });
        let still_waiting = || word.load(Ordering::SeqCst) == expected;
        if still_waiting() {
            (Some(inside.machine.blocking_wait(address, limit_ns, &still_waiting)), limit_ns)
        } else {
            (None, limit_ns)
        }
    })?;
    Some(match waited {
        None => failed(libc::EAGAIN).into(),
        Some(Waited::Woken) => 0,
        Some(Waited::TimedOut) => failed(libc::ETIMEDOUT).into(),
        Some(Waited::Real) => {
            let span = limit_ns.map(clock::span);
            let timeout = span.as_ref().map_or(ptr::null(), ptr::from_ref);
            let operation = libc::FUTEX_WAIT | (operation & libc::FUTEX_PRIVATE_FLAG);
            // SAFETY: the caller's word and expectation; the timeout, now a span of time, lives until the call returns.
            unsafe {
                next::syscall(
                    libc::SYS_futex,
                    word as c_long,
                    operation.into(),
                    expected.into(),
                    timeout as c_long,
                    0,
                    0,
                )
            }
        }
    })
}
