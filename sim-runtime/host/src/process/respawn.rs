//! The program started again, from nothing and at fixed addresses.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::die_with_parent;
use super::output::{milliseconds_until, read_all};
use crate::gate::outside;

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
