//! A forked child: the state of this process, used once and thrown away.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitStatus;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::die_with_parent;
use super::output::read_all;
use crate::gate::{outside, prepare};

/// Exit code of a forked child whose function panicked: what std uses for a panicking `main`.
const PANICKED: i32 = 101;
/// Exit code of a forked child that could not write its answer.
const NOT_WRITTEN: i32 = 102;

/// A child forked by another thread meanwhile would hold this one's pipe open, and its end would not be seen.
static FORKING: Mutex<()> = Mutex::new(());

/// Why a forked child gave no answer.
#[derive(Debug)]
pub enum ForkError {
    /// The host gave no pipe or no process, or reading failed.
    Host(io::Error),
    /// The function panicked; its message went to standard error.
    Panicked,
    /// The child left with this code, before the function returned.
    Exited(i32),
    /// This signal ended the child.
    Signalled(i32),
    /// The limit passed and the child was killed.
    TimedOut,
}

impl fmt::Display for ForkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForkError::Host(error) => write!(out, "the host could not run a forked process: {error}"),
            ForkError::Panicked => out.write_str("the forked process panicked"),
            ForkError::Exited(code) => {
                write!(out, "the forked process exited with {code} before it was done")
            }
            ForkError::Signalled(signal) => write!(out, "the forked process was ended by signal {signal}"),
            ForkError::TimedOut => out.write_str("the forked process took too long and was killed"),
        }
    }
}

impl std::error::Error for ForkError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let ForkError::Host(error) = self { Some(error) } else { None }
    }
}

/// Forks, runs `f` in the child and gives its bytes; the child leaves without running `atexit` handlers or destructors.
///
/// Only the calling thread exists in the child. Where other threads of this process may hold
/// locks that `f` needs (a logger's, say; the allocator's are handled by the C library), it waits for ever: call this from
/// a process with one thread, or know what the others do, and give a `limit` of real time. Lines
/// already printed stay printed once; an unfinished line in std's buffer is dropped by the child.
///
/// # Errors
/// [`ForkError`] says how the child ended instead.
pub fn run_in_fork(limit: Option<Duration>, f: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, ForkError> {
    prepare();
    outside(|| {
        let one_at_a_time = FORKING.lock().unwrap_or_else(PoisonError::into_inner);
        let (reader, writer) = io::pipe().map_err(ForkError::Host)?;
        // SAFETY: takes no arguments; what the child may do is the caller's promise above.
        let forked = unsafe { libc::fork() };
        match forked {
            -1 => Err(ForkError::Host(io::Error::last_os_error())),
            0 => {
                drop((one_at_a_time, reader));
                die_with_parent();
                in_child(File::from(OwnedFd::from(writer)), f)
            }
            child => {
                drop((writer, one_at_a_time));
                collect(child, File::from(OwnedFd::from(reader)), limit)
            }
        }
    })
}

fn in_child(mut writer: File, f: impl FnOnce() -> Vec<u8>) -> ! {
    let code = match catch_unwind(AssertUnwindSafe(f)) {
        Err(_) => PANICKED,
        Ok(answer) if writer.write_all(&answer).is_err() => NOT_WRITTEN,
        Ok(_) => 0,
    };
    // SAFETY: ends the process; nothing of the parent's (buffers, temporary files) is to be cleaned up here.
    unsafe { libc::_exit(code) }
}

fn collect(child: libc::pid_t, mut reader: File, limit: Option<Duration>) -> Result<Vec<u8>, ForkError> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let read = read_all(&mut [(&mut reader, Vec::new())], deadline);
    let in_time = matches!(read, Ok((true, _)));
    if !in_time {
        // SAFETY: passes no pointers; the child was not waited for yet, so the number is still its own.
        unsafe { libc::kill(child, libc::SIGKILL) };
    }
    let status = wait(child).map_err(ForkError::Host)?;
    let (in_time, mut answers) = read.map_err(ForkError::Host)?;
    if !in_time {
        return Err(ForkError::TimedOut);
    }
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(answers.pop().expect("one file was read")),
        (Some(PANICKED), _) => Err(ForkError::Panicked),
        (Some(code), _) => Err(ForkError::Exited(code)),
        (None, signal) => Err(ForkError::Signalled(signal.unwrap_or(0))),
    }
}

fn wait(child: libc::pid_t) -> io::Result<ExitStatus> {
    let mut status = 0;
    loop {
        // SAFETY: there is room for the status.
        if unsafe { libc::waitpid(child, &raw mut status, 0) } == child {
            return Ok(ExitStatus::from_raw(status));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
