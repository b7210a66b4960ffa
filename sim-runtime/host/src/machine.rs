//! What a run answers for: the trait [`Machine`] and its words.
//!
//! The trait speaks of nanoseconds, names and addresses, never of C: pointers, `errno` and struct
//! layouts stay in `hooks`. What a machine does not want to simulate it refuses, and
//! the refusal carries a message for the person who wrote the code under test.

use std::ffi::CString;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;

use crate::sockets::{SocketAddress, Sockets};

/// An error number of the C library, such as `libc::EACCES`. Positive.
pub type Errno = i32;

/// The simulated machine that the current thread is inside of.
///
/// All methods are called on the run's own thread, with the gate closed: the clock, the
/// environment or entropy read *by the machine* are the real ones, so a method never re-enters
/// itself through a hook. To run code of the simulated world from within a method (a switch to
/// another task, say) wrap it in [`inside`](crate::inside).
///
/// A method may be called at any point where the code under test calls libc, which includes the
/// runtime's own code: do not keep a `RefCell` borrowed there across a call that may read a clock.
///
/// # Panics
/// A panic cannot cross the C frame that asked: it aborts the process. Record the failure and end the run afterwards instead.
pub trait Machine {
    /// `CLOCK_MONOTONIC` and its kin, processor-time clocks included, in nanoseconds since an epoch of the machine's choosing.
    fn monotonic_ns(&self) -> u64;

    /// `CLOCK_REALTIME` and its kin, in nanoseconds since 1970.
    fn wall_ns(&self) -> u64;

    /// `getrandom`, `getentropy`, `arc4random`, and reads of `/dev/urandom`. Must fill all of `out`.
    fn fill_entropy(&self, out: &mut [u8]);

    /// The thread sleeps for `ns` nanoseconds: `thread::sleep`, a `poll` of nothing with a timeout.
    fn blocking_sleep(&self, ns: u64);

    /// The thread blocks on a lock, a condition variable, a channel or `park` of std or `parking_lot`
    /// (a futex, whose address is `word`) for at most `limit_ns`, as long as `still_waiting` is true.
    ///
    /// By default a wait with a limit sleeps it out in virtual time, since on a single thread nobody can
    /// end it early; one without a limit is left to the kernel and to the [watchdog](crate::watchdog). A machine whose
    /// blocking closures have stacks of their own can run other tasks until `still_waiting` turns false. Beware of locks in
    /// statics: a run on another thread may hold one for a moment, and whether it does is the host's doing. A wait
    /// without a limit that comes from code which cannot switch tasks is best answered with [`Waited::Real`].
    fn blocking_wait(&self, _word: usize, limit_ns: Option<u64>, still_waiting: &dyn Fn() -> bool) -> Waited {
        let Some(limit_ns) = limit_ns else { return Waited::Real };
        self.blocking_sleep(limit_ns);
        if still_waiting() { Waited::TimedOut } else { Waited::Woken }
    }

    /// Whether threads that code starts are simulated: each is handed over as a [`Guest`](crate::turns::Guest).
    /// Otherwise they are [refused](Refused::Thread). Default `false`.
    fn hosts_threads(&self) -> bool {
        false
    }

    /// Code has started a thread, which runs in the turns it is given. Default: it never gets one.
    fn thread_started(&self, _guest: crate::turns::Guest) {}

    /// A guest begins, on its own thread; what this answers is dropped at its end. Default: nothing.
    fn enter_thread(&self) -> Box<dyn std::any::Any> {
        Box::new(())
    }

    /// `sched_yield`: others may go on first. Default: nothing.
    fn blocking_yield(&self) {}

    /// `raise`, and `kill` of the process itself. Never asked for signal 0. Default: nothing happens.
    fn raise(&self, _signal: i32) {}

    /// Those who [wait](Machine::blocking_wait) on the word at this address, `count` of them at most, are told to look
    /// again. Default: nothing.
    fn blocking_wake(&self, _word: usize, _count: u32) {}

    /// Processors: `available_parallelism`, `num_cpus`. At least 1. Default 1.
    fn processors(&self) -> usize {
        1
    }

    /// Process and thread id: `std::process::id`, the number in a panic message. Default 1.
    fn process_id(&self) -> u32 {
        1
    }

    /// `getenv`. Not asked for `RUST_BACKTRACE` and `RUST_LIB_BACKTRACE`: std reads them once for the
    /// whole process, so they are always the host's. std holds its environment lock meanwhile: do not use `std::env` here.
    fn variable(&self, name: &[u8]) -> Variable;

    /// `setenv`, `unsetenv` (`None`), `putenv`; `clearenv` is not passed on, it fails. `true`: handled,
    /// and the host's environment stays as it is. std holds its environment lock meanwhile: using `std::env` here,
    /// or [`real::variable`](crate::real::variable), waits for ever.
    fn set_variable(&self, name: &[u8], value: Option<&[u8]>) -> bool;

    /// The addresses of a host, in the order they should be tried. Numeric addresses and ports never get here.
    ///
    /// # Errors
    /// [`ResolveError`] says which failure `getaddrinfo` reports.
    fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError>;

    /// `gethostname`, and the node name of `uname`.
    fn host_name(&self) -> Vec<u8>;

    /// Code inside the run wants something of the real machine. [`Refused`] displays as a message that says what
    /// to do; keep it, and answer with [`Refused::errno`] or another number.
    fn refuse(&self, what: &Refused<'_>) -> Verdict;

    /// The network behind the C library's sockets. Default: none, and whatever would reach the host's is
    /// [refused](Machine::refuse).
    fn sockets(&self) -> Option<Rc<dyn Sockets>> {
        None
    }

    /// Bytes for standard output (`fd` 1) or error (2). `true`: taken, the host prints nothing. Default `false`.
    /// std holds the stream's lock meanwhile: do not print here.
    fn wrote(&self, _fd: i32, _bytes: &[u8]) -> bool {
        false
    }
}

/// A machine's answer about one environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// What the host has.
    Real,
    /// Not set.
    Absent,
    /// Set to this. The bytes C code points at live as long as the run.
    Value(CString),
}

/// What happened to a blocking wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for has happened.
    Woken,
    /// The limit has passed.
    TimedOut,
    /// Not simulated: wait in the kernel, for real.
    Real,
}

/// An answer to a call that the real machine could serve too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// Let the real call happen.
    Real,
    /// The call succeeds with this.
    Done(T),
    /// The call fails with this error number.
    Failed(Errno),
}

impl<T> From<Verdict> for Answer<T> {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow => Answer::Real,
            Verdict::Refuse(errno) => Answer::Failed(errno),
        }
    }
}

/// Whether the real machine may be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go ahead, for real.
    Allow,
    /// Fail with this error number.
    Refuse(Errno),
}

/// Why a name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveError {
    /// No such host (`EAI_NONAME`).
    Unknown,
    /// The name server does not answer for now (`EAI_AGAIN`).
    Unavailable,
    /// The name server failed (`EAI_FAIL`).
    Failed,
}

/// Something of the real machine that code inside a run asked for. Displays as a message for its author.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused<'a> {
    /// `pthread_create`: a second thread's schedule is the host's, not the tape's.
    Thread,
    /// `fork`, `posix_spawn`, `exec…`, with the program when it is known.
    Process {
        /// Path or name of the program.
        program: Option<&'a Path>,
    },
    /// A file or directory opened for reading. Never asked for what a backtrace reads: the executable, shared
    /// libraries, their debug information.
    Read {
        /// As given, made absolute only when it was relative to an open directory.
        path: &'a Path,
    },
    /// A file or directory asked about: is it there, how large, where does it lead (`stat`, `access`, `readlink`).
    /// Crates probe for optional files this way, so this need not mean that the code under test is at fault.
    Look {
        /// As given, made absolute only when it was relative to an open directory.
        path: &'a Path,
    },
    /// A file opened for writing, created, renamed, truncated or removed.
    Write {
        /// As given, made absolute only when it was relative to an open directory.
        path: &'a Path,
    },
    /// A call on a real socket that would reach the host's network.
    Socket {
        /// The libc function.
        call: &'static str,
        /// Where to, for calls that say.
        address: Option<&'a SocketAddress>,
    },
    /// `epoll_create`, `io_uring_setup`: somebody starts an event loop of real I/O.
    Reactor {
        /// The libc function.
        call: &'static str,
    },
}

impl Refused<'_> {
    /// The error number that fits: what a caller is most likely prepared to see.
    pub fn errno(&self) -> Errno {
        match self {
            Refused::Thread => libc::EAGAIN,
            Refused::Socket { call: "connect", .. } => libc::ECONNREFUSED,
            Refused::Reactor { .. } => libc::ENOSYS,
            Refused::Look { .. } => libc::ENOENT,
            Refused::Process { .. }
            | Refused::Read { .. }
            | Refused::Write { .. }
            | Refused::Socket { .. } => libc::EACCES,
        }
    }
}

impl fmt::Display for Refused<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Thread => out.write_str(
                "a thread was started inside a run: its schedule would be the host's; spawn a task, or move the thread out of the code under test",
            ),
            Refused::Process { program: Some(program) } => {
                write!(out, "process {} was started inside a run; put a trait or a flag in front of it", program.display())
            }
            Refused::Process { program: None } => {
                out.write_str("the process was forked inside a run; put a trait or a flag in front of it")
            }
            Refused::Read { path } => write!(
                out,
                "{} of the host was opened for reading inside a run; embed it, or place it in the node's folder",
                path.display()
            ),
            Refused::Look { path } => write!(
                out,
                "{} of the host was looked for inside a run; embed it, or place it in the node's folder",
                path.display()
            ),
            Refused::Write { path } => write!(
                out,
                "{} of the host was to be written inside a run; write below the node's folder",
                path.display()
            ),
            Refused::Socket { call, address: Some(address) } => {
                write!(out, "{call} to {address} on a socket of the host inside a run; use the simulated network")
            }
            Refused::Socket { call, address: None } => {
                write!(out, "{call} on a socket of the host inside a run; use the simulated network")
            }
            Refused::Reactor { call } => {
                write!(out, "{call} inside a run starts real I/O; is another runtime than the simulated one in use?")
            }
        }
    }
}
