//! The libc symbols, one file a subject.
//!
//! The linker takes the first definition of a symbol, and ours come before the C library's, for std and for every
//! crate of the program; libc's own is the [`next`] one. Every hook has the same shape: ask the
//! machine if this thread is inside, else call the next definition.
//!
//! The C declarations of `open`, `fcntl` and `syscall` are variadic. Stable Rust cannot define such a
//! function, but on both supported architectures variadic integer arguments travel in the same
//! registers as ordinary ones, so definitions that name all of them are called correctly.

mod clock;
mod descriptors;
mod entropy;
mod environment;
mod file_status;
mod files;
mod futex;
mod identity;
mod names;
mod next;
mod output;
mod poll;
mod processes;
mod processors;
mod raw_syscall;
mod signals;
mod sleep;
mod socket_address;
mod socket_bytes;
mod socket_options;
mod sockets;
mod static_memory;
#[cfg(target_arch = "x86_64")]
mod time_stamp;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::machine::{Errno, Refused, Verdict};

/// Finds every real function now: `dlsym` takes locks that a signal handler or a forked child must not wait for.
pub(crate) fn prepare() {
    // Finding them twice does no harm; a lock would, in a forked child.
    static PREPARED: AtomicBool = AtomicBool::new(false);
    if !PREPARED.load(Ordering::Acquire) {
        next::find_all();
        files::find_executable();
        PREPARED.store(true, Ordering::Release);
    }
}

/// Closes off what this thread could ask of the processor itself.
pub(crate) fn refuse_counter() {
    #[cfg(target_arch = "x86_64")]
    time_stamp::refuse();
}

/// Sets `errno` and returns the -1 that goes with it.
fn failed(errno: Errno) -> libc::c_int {
    // SAFETY: the C library's errno is always there for the calling thread.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// Asks whether the real machine may be touched; the error number when not.
fn refused(what: &Refused<'_>) -> Option<Errno> {
    match crate::gate::ask(|inside| inside.machine.refuse(what)) {
        None | Some(Verdict::Allow) => None,
        Some(Verdict::Refuse(errno)) => Some(errno),
    }
}
