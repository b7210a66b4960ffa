//! `poll` and `ppoll`: of no file at all a sleep, of simulated sockets a wait for their network.
//!
//! Real files beside simulated sockets are never ready: only unconnected sockets and pipes within the process can be
//! there. A poll of real files alone is left to the kernel.

use std::ffi::{c_int, c_short};

use libc::{nfds_t, pollfd, sigset_t, timespec};

use super::{clock, failed, next, sleep};
use crate::gate::ask;
use crate::machine::Answer;
use crate::sockets::{Ready, Wanted};

/// The answer for descriptors of which the network carries at least one.
unsafe fn carried(files: *mut pollfd, count: nfds_t, limit_ns: Option<u64>) -> Option<c_int> {
    if count == 0 || !crate::is_inside() {
        return None;
    }
    // SAFETY: the caller of the hook gives `count` entries.
    let files = unsafe { std::slice::from_raw_parts_mut(files, count as usize) };
    let answer = ask(|inside| {
        let sockets = inside.machine.sockets()?;
        let wants = |file: &pollfd, flag: c_short| file.events & flag != 0;
        let wanted: Vec<Wanted> = files
            .iter()
            .filter(|file| sockets.carries(file.fd))
            .map(|file| Wanted {
                fd: file.fd,
                read: wants(file, libc::POLLIN),
                write: wants(file, libc::POLLOUT),
            })
            .collect();
        (!wanted.is_empty()).then(|| {
            let carried: Vec<bool> = files.iter().map(|file| sockets.carries(file.fd)).collect();
            (carried, sockets.wait(&wanted, limit_ns))
        })
    })??;
    let (carried, ready) = match answer {
        (_, Answer::Real) => return None,
        (_, Answer::Failed(errno)) => return Some(failed(errno)),
        (carried, Answer::Done(ready)) => (carried, ready),
    };
    let mut ready = ready.into_iter();
    for (file, carried) in files.iter_mut().zip(carried) {
        file.revents = if carried { ready.next().map_or(0, flags) } else { 0 };
    }
    Some(files.iter().filter(|file| file.revents != 0).count() as c_int)
}

fn flags(ready: Ready) -> c_short {
    let flag = |is: bool, flag: c_short| if is { flag } else { 0 };
    flag(ready.read, libc::POLLIN)
        | flag(ready.write, libc::POLLOUT)
        | flag(ready.error, libc::POLLERR)
        | flag(ready.over, libc::POLLHUP)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn poll(files: *mut pollfd, count: nfds_t, timeout_ms: c_int) -> c_int {
    let limit_ns = u64::try_from(timeout_ms).ok().map(|ms| ms * 1_000_000);
    if count == 0 && limit_ns.is_some_and(sleep::slept) {
        return 0;
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { carried(files, count, limit_ns).unwrap_or_else(|| next::poll(files, count, timeout_ms)) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ppoll(
    files: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller points at a timespec, or null.
    let limit_ns = (!timeout.is_null()).then(|| clock::from_timespec(unsafe { *timeout }));
    if count == 0 && limit_ns.is_some_and(sleep::slept) {
        return 0;
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { carried(files, count, limit_ns).unwrap_or_else(|| next::ppoll(files, count, timeout, mask)) }
}
