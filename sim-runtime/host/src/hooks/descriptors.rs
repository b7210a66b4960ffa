//! The life of a descriptor's number: copied by `dup` and `fcntl`, given back by `close`.

use std::ffi::{c_int, c_long};

use super::next;
use crate::gate::ask;

/// Tells of a copy, if it was made.
fn copied(from: c_int, to: c_int) -> c_int {
    if to >= 0 {
        ask(|inside| {
            let mut files = inside.entropy_files.borrow_mut();
            if files.contains(&from) {
                files.push(to);
            }
            if let Some(sockets) = inside.machine.sockets().filter(|sockets| sockets.carries(from)) {
                sockets.duplicated(from, to);
            }
        });
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn dup(fd: c_int) -> c_int {
    // SAFETY: the caller's argument, unchanged.
    copied(fd, unsafe { next::dup(fd) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    // SAFETY: the caller's arguments, unchanged; commands without an argument ignore it.
    let answer = unsafe { next::fcntl(fd, command, argument) };
    if matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) { copied(fd, answer) } else { answer }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    ask(|inside| {
        inside.entropy_files.borrow_mut().retain(|kept| *kept != fd);
        if let Some(sockets) = inside.machine.sockets().filter(|sockets| sockets.carries(fd)) {
            sockets.closed(fd);
        }
    });
    // SAFETY: the caller's argument, unchanged.
    unsafe { next::close(fd) }
}
