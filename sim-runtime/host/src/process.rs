//! A fresh process: by fork for hermetic runs, or by starting the program again at fixed addresses.
//!
//! Statics and global counters leak from run to run within a process. A forked child starts each
//! run from the same memory; a respawned one starts from nothing, which is how a failure is
//! confirmed before it is reported. Address randomisation is off there, for crates that hash by address (ahash does).

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::gate::{outside, prepare};

/// Exit code of a forked child whose function panicked: what std uses for a panicking `main`.
const PANICKED: i32 = 101;
/// Exit code of a forked child that could not write its answer.
const NOT_WRITTEN: i32 = 102;

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
        let (reader, writer) = io::pipe().map_err(ForkError::Host)?;
        // SAFETY: takes no arguments; what the child may do is the caller's promise above.
        let forked = unsafe { libc::fork() };
        match forked {
            -1 => Err(ForkError::Host(io::Error::last_os_error())),
            0 => {
                drop(reader);
                die_with_parent();
                in_child(File::from(OwnedFd::from(writer)), f)
            }
            child => {
                drop(writer);
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

/// Asks the kernel to kill this process when the thread that started it ends.
fn die_with_parent() {
    #[cfg(target_os = "linux")]
    // SAFETY: passes no pointers, and is safe between fork and exec.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
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

/// Reads files to their ends, or until the deadline: then `false`, with what there was.
fn read_all(
    files: &mut [(&mut File, Vec<u8>)],
    deadline: Option<Instant>,
) -> io::Result<(bool, Vec<Vec<u8>>)> {
    let mut open: Vec<usize> = (0..files.len()).collect();
    let mut buffer = vec![0; 64 * 1024];
    let mut in_time = true;
    while !open.is_empty() {
        let Some(timeout_ms) = milliseconds_until(deadline) else {
            in_time = false;
            break;
        };
        let mut waiting: Vec<_> = open
            .iter()
            .map(|at| libc::pollfd { fd: files[*at].0.as_raw_fd(), events: libc::POLLIN, revents: 0 })
            .collect();
        // SAFETY: the entries are writable, their count is given.
        let ready = unsafe { libc::poll(waiting.as_mut_ptr(), waiting.len() as libc::nfds_t, timeout_ms) };
        if ready < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return Err(io::Error::last_os_error());
        }
        if ready <= 0 {
            continue;
        }
        let mut still_open = Vec::new();
        for (at, waited) in open.into_iter().zip(waiting) {
            let (file, all) = &mut files[at];
            let got = if waited.revents == 0 { None } else { Some(file.read(&mut buffer)?) };
            all.extend_from_slice(&buffer[..got.unwrap_or(0)]);
            if got != Some(0) {
                still_open.push(at);
            }
        }
        open = still_open;
    }
    Ok((in_time, files.iter_mut().map(|(_, all)| std::mem::take(all)).collect()))
}

/// What `poll` is to wait: -1 for ever; `None` when the deadline has passed.
fn milliseconds_until(deadline: Option<Instant>) -> Option<i32> {
    let Some(deadline) = deadline else { return Some(-1) };
    let left = deadline.checked_duration_since(Instant::now())?;
    Some(i32::try_from(left.as_millis() + 1).unwrap_or(i32::MAX))
}

/// A program to be started afresh: by default this one.
#[derive(Debug, Clone)]
pub struct Respawn {
    program: Option<OsString>,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, Option<OsString>)>,
    fixed_addresses: bool,
    limit: Option<Duration>,
}

impl Default for Respawn {
    fn default() -> Self {
        Respawn::new()
    }
}

/// How a respawned process ended, and what it printed.
#[derive(Debug)]
pub struct Finished {
    /// Exit code or signal; after a timeout, the kill.
    pub status: ExitStatus,
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// All of standard error.
    pub stderr: Vec<u8>,
    /// Whether the limit passed and the process was killed.
    pub timed_out: bool,
}

impl Respawn {
    /// This very program, without arguments, at fixed addresses, with this process's environment and no limit.
    pub fn new() -> Respawn {
        Respawn {
            program: None,
            arguments: Vec::new(),
            variables: Vec::new(),
            fixed_addresses: true,
            limit: None,
        }
    }

    /// Another program.
    #[must_use]
    pub fn program(mut self, program: impl AsRef<OsStr>) -> Self {
        self.program = Some(program.as_ref().to_owned());
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn without_variable(mut self, name: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), None));
        self
    }

    /// Whether address randomisation is off (Linux; default yes). Ignored where the host does not permit it.
    #[must_use]
    pub fn fixed_addresses(mut self, fixed: bool) -> Self {
        self.fixed_addresses = fixed;
        self
    }

    /// Kills the process after so much real time.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Starts it, with nothing on standard input, and waits for its end.
    ///
    /// # Errors
    /// When the program cannot be started, or its output not be read.
    pub fn run(&self) -> io::Result<Finished> {
        outside(|| {
            let deadline = self.limit.map(|limit| Instant::now() + limit);
            let mut child = self.command()?.spawn()?;
            let mut stdout = file(child.stdout.take());
            let mut stderr = file(child.stderr.take());
            let read = read_all(&mut [(&mut stdout, Vec::new()), (&mut stderr, Vec::new())], deadline);
            let in_time = matches!(read, Ok((true, _))) && exits_before(&mut child, deadline)?;
            if !in_time {
                child.kill()?;
            }
            let status = child.wait()?;
            let (_, mut printed) = read?;
            let stderr = printed.pop().expect("two files were read");
            let stdout = printed.pop().expect("two files were read");
            Ok(Finished { status, stdout, stderr, timed_out: !in_time })
        })
    }

    fn command(&self) -> io::Result<Command> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => std::env::current_exe()?.into_os_string(),
        };
        let mut command = Command::new(program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let fixed_addresses = self.fixed_addresses;
        // SAFETY: the closure makes two system calls that take no pointers, nothing else.
        unsafe {
            command.pre_exec(move || {
                die_with_parent();
                if fixed_addresses {
                    fix_addresses();
                }
                Ok(())
            });
        }
        Ok(command)
    }
}

/// Switches address randomisation off for the program that this process becomes, and for that one's children
/// (Linux; ignored where the host does not permit it). This process keeps its addresses.
pub fn fix_addresses() {
    #[cfg(target_os = "linux")]
    // SAFETY: passes no pointers; all ones asks for the present value.
    unsafe {
        let now = libc::personality(0xffff_ffff);
        if now >= 0 {
            libc::personality(now as libc::c_ulong | libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
        }
    }
}

fn file(pipe: Option<impl Into<OwnedFd>>) -> File {
    File::from(pipe.expect("the command asks for a pipe").into())
}

/// Waits for the exit of a process that has closed its output already, which is soon.
fn exits_before(child: &mut Child, deadline: Option<Instant>) -> io::Result<bool> {
    if deadline.is_none() {
        return Ok(true);
    }
    loop {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        if milliseconds_until(deadline).is_none() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
