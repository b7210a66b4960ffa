//! Unix signals.

use crate::runtime::Handle;
use sim_runtime::node::SignalListener;
use std::ffi::c_int;
use std::io;
use std::task::{Context, Poll};

/// A kind of signal.
#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq)]
pub struct SignalKind(c_int);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:ident;)*) => {$(
        $(#[$doc])*
        pub const fn $name() -> Self {
            Self(libc::$number)
        }
    )*};
}

impl SignalKind {
    /// The kind with this number.
    pub const fn from_raw(signum: c_int) -> Self {
        Self(signum)
    }

    /// Its number.
    pub const fn as_raw_value(&self) -> c_int {
        self.0
    }

    kinds! {
        /// `SIGALRM`.
        alarm = SIGALRM;
        /// `SIGCHLD`.
        child = SIGCHLD;
        /// `SIGHUP`.
        hangup = SIGHUP;
        /// `SIGINT`.
        interrupt = SIGINT;
        /// `SIGIO`.
        io = SIGIO;
        /// `SIGPIPE`.
        pipe = SIGPIPE;
        /// `SIGQUIT`.
        quit = SIGQUIT;
        /// `SIGTERM`.
        terminate = SIGTERM;
        /// `SIGUSR1`.
        user_defined1 = SIGUSR1;
        /// `SIGUSR2`.
        user_defined2 = SIGUSR2;
        /// `SIGWINCH`.
        window_change = SIGWINCH;
    }
}

impl From<c_int> for SignalKind {
    fn from(signum: c_int) -> Self {
        Self::from_raw(signum)
    }
}

impl From<SignalKind> for c_int {
    fn from(kind: SignalKind) -> Self {
        kind.as_raw_value()
    }
}

/// Signals that no process can listen for, or that mean that it is broken.
const FORBIDDEN: [c_int; 5] = [libc::SIGILL, libc::SIGFPE, libc::SIGKILL, libc::SIGSEGV, libc::SIGSTOP];

/// The signals of one kind, from now on.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Signal {
    listener: SignalListener,
}

/// Listens for a kind of signal on the running task's node.
///
/// # Errors
///
/// If no process can listen for it.
///
/// # Panics
///
/// If there is no current runtime, or it has no input and output.
#[track_caller]
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    let handle = Handle::current();
    if kind.0 < 0 || FORBIDDEN.contains(&kind.0) {
        return Err(io::Error::other(format!("Refusing to register signal {}", kind.0)));
    }
    assert!(
        handle.core.has_io(),
        "there is no signal driver running, must be called from the context of Tokio runtime"
    );
    Ok(Signal { listener: SignalListener::new(kind.0) })
}

impl Signal {
    /// Waits for the next signal; several in a row may count as one.
    ///
    /// # Cancel safety
    ///
    /// No signal is lost.
    pub async fn recv(&mut self) -> Option<()> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Polls for the next signal.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.listener.poll_receive(cx).map(Some)
    }
}
