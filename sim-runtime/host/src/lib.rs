//! The only door to the real machine: libc hooks, threads, processes.
//!
//! Ordinary code asks the C library what time it is, for random bytes, for an environment
//! variable. This crate defines those very symbols, so linking it is enough: on a thread that
//! has [entered](enter) a run they ask its [`Machine`]; everywhere else they are the real ones,
//! at the price of one thread-local load.
//!
//! | module | what |
//! |---|---|
//! | [`machine`] | what a run answers for: the trait [`Machine`] and its words |
//! | [`gate`] | who is inside: [`enter`], [`outside`], [`inside`], [`is_inside`] |
//! | `hooks` | the libc symbols, one file a subject |
//! | [`real`] | the host's clock, entropy and environment, gate or not |
//! | [`threads`] | a fresh thread for each run |
//! | [`watchdog`] | notices a run that stopped moving |
//! | [`process`] | a fresh process: fork, or a respawn at fixed addresses |
//! | [`resources`] | what a run cost: memory and processor time |
//!
//! All `unsafe` of the workspace is in this crate.
//!
//! What cannot be closed off from here: `environ` read directly (`std::env::vars`), `stat` and the
//! order of a directory's entries, the `rdtsc` instruction, and C code that reaches the kernel
//! without the C library's exported symbols (glibc's own internals do: `fopen`, `pthread_cond_timedwait`).
#![allow(unsafe_code)]
#![warn(clippy::undocumented_unsafe_blocks)]

pub mod gate;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod hooks;
pub mod machine;
#[cfg(unix)]
pub mod process;
pub mod real;
#[cfg(unix)]
pub mod resources;
pub mod threads;
pub mod watchdog;

pub use gate::{Entered, enter, inside, is_inside, outside};
pub use machine::{Answer, Errno, Machine, Refused, ResolveError, SocketAddress, Variable, Verdict, Waited};

/// Whether this build hooks the C library: dynamically linked glibc on Linux, x86-64 or aarch64.
///
/// Where it is `false` everything compiles, [`enter`] works, and code inside a run still sees the
/// real machine: only what asks the runtime directly is simulated.
pub const HOOKED: bool = cfg!(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static"),
    any(target_arch = "x86_64", target_arch = "aarch64")
));
