//! Signals to the process itself: `raise`, `kill`.

use std::ffi::c_int;

use libc::pid_t;

use super::{failed, identity, next};
use crate::gate::ask;

/// Tells the machine; `false` when this thread is not inside.
fn raised(signal: c_int) -> bool {
    signal != 0 && ask(|inside| inside.machine.raise(signal)).is_some()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn raise(signal: c_int) -> c_int {
    // SAFETY: the caller's argument, unchanged.
    if raised(signal) { 0 } else { unsafe { next::raise(signal) } }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn kill(process: pid_t, signal: c_int) -> c_int {
    if identity::process_id() == Some(process) && raised(signal) {
        return 0;
    }
    if signal != 0 && crate::is_inside() {
        // A run has no other processes.
        return failed(libc::ESRCH);
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { next::kill(process, signal) }
}
