//! A fresh process: by fork for hermetic runs, or by starting the program again at fixed addresses.
//!
//! Statics and global counters leak from run to run within a process. A forked child starts each
//! run from the same memory; a respawned one starts from nothing, which is how a failure is
//! confirmed before it is reported. Address randomisation is off there, for crates that hash by address (ahash does).

mod fork;
mod output;
mod respawn;

pub use fork::{ForkError, run_in_fork};
pub use respawn::{Finished, Respawn, fix_addresses};

/// Asks the kernel to kill this process when the thread that started it ends.
fn die_with_parent() {
    #[cfg(target_os = "linux")]
    // SAFETY: passes no pointers, and is safe between fork and exec.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}
