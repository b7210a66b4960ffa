//! Blocking on a lock, a channel or `park`: std and `parking_lot` wait on futexes through `syscall`.
//!
//! std computes an absolute deadline from the hooked clock. Handed to the kernel it would mean
//! another moment of another clock, so a wait inside a run has to be answered here.
//!
//! A lock in static memory may be held by a thread that is not of the run (std has some of its own, taken at the end of
//! every thread), and nobody inside would hear of its release. So such a word is first waited for in earnest: who holds
//! it outside is soon done, and if it changes the run has never waited.

use std::ffi::{c_int, c_long};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use libc::timespec;

use super::{clock, failed, next, static_memory};
use crate::gate::ask;
use crate::machine::Waited;

/// How long a word that others may hold is waited for in earnest, in slices of a millisecond: long enough for a holder
/// that has lost its processor.
const PATIENCE: u32 = 300;
const SLICE_NS: u64 = 1_000_000;

/// Words that were waited for in vain: whoever holds them is of the run, so the next time a slice is enough.
static IN_VAIN: [AtomicUsize; 16] = [const { AtomicUsize::new(0) }; 16];

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
        let is_shared = still_waiting() && static_memory::holds(address);
        // SAFETY: as above.
        if is_shared && unsafe { wait_in_earnest(word.as_ptr(), expected) } {
            (Some(Waited::Woken), limit_ns)
        } else if still_waiting() {
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

/// Waits until the word changes or is woken (a word may have its old value again by then); `false` when patience is at
/// its end.
unsafe fn wait_in_earnest(word: *const u32, expected: u32) -> bool {
    let address = word as usize;
    let in_vain = &IN_VAIN[address / align_of::<usize>() % IN_VAIN.len()];
    let slices = if in_vain.load(Ordering::Relaxed) == address { 1 } else { PATIENCE };
    let span = clock::span(SLICE_NS);
    for _ in 0..slices {
        // SAFETY: the caller's word; the span lives until the call returns.
        let said = unsafe {
            next::syscall(
                libc::SYS_futex,
                word as c_long,
                (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG).into(),
                expected.into(),
                (&raw const span) as c_long,
                0,
                0,
            )
        };
        // SAFETY: as above.
        let now = unsafe { AtomicU32::from_ptr(word.cast_mut()) }.load(Ordering::SeqCst);
        if said == 0 || now != expected {
            return true;
        }
    }
    in_vain.store(address, Ordering::Relaxed);
    false
}
