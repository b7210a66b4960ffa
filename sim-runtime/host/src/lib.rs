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
//! | [`sockets`] | what a machine with a network answers for |
//! | [`gate`] | who is inside: [`enter`], [`outside`], [`inside`], [`is_inside`] |
//! | `hooks` | the libc symbols, one file a subject |
//! | [`inspect`] | a waker that tells when it is cloned |
//! | `prefetch` | a hint about memory needed soon |
//! | [`real`] | the host's clock, entropy and environment, gate or not |
//! | [`threads`] | a fresh thread for each run |
//! | [`turns`] | threads of one run, one of which moves at a time |
//! | [`thread_words`] | a word that a crate keeps in a thread-local, set for each run |
//! | [`watchdog`] | notices a run that stopped moving |
//! | [`process`] | a fresh process: fork, or a respawn at fixed addresses |
//! | [`resources`] | what a run cost: memory and processor time |
//!
//! ```
//! use std::{cell::Cell, net::IpAddr, rc::Rc, time::{Duration, Instant}};
//! use sim_host::{Machine, Refused, ResolveError, Variable, Verdict};
//!
//! struct Clockwork(Cell<u64>);
//!
//! impl Machine for Clockwork {
//!     fn monotonic_ns(&self) -> u64 { self.0.get() }
//!     fn wall_ns(&self) -> u64 { 1_700_000_000_000_000_000 + self.0.get() }
//!     fn fill_entropy(&self, out: &mut [u8]) { out.fill(7) }
//!     fn blocking_sleep(&self, ns: u64) { self.0.set(self.0.get() + ns) }
//!     fn variable(&self, _name: &[u8]) -> Variable { Variable::Absent }
//!     fn set_variable(&self, _name: &[u8], _value: Option<&[u8]>) -> bool { true }
//!     fn resolve(&self, _host: &str) -> Result<Vec<IpAddr>, ResolveError> { Err(ResolveError::Unknown) }
//!     fn host_name(&self) -> Vec<u8> { b"clockwork".to_vec() }
//!     fn refuse(&self, what: &Refused<'_>) -> Verdict { Verdict::Refuse(what.errno()) }
//! }
//!
//! let slept = sim_host::threads::run_on_fresh_thread("run", 1 << 20, || {
//!     let _entered = sim_host::enter(Rc::new(Clockwork(Cell::new(0))));
//!     let start = Instant::now();
//!     std::thread::sleep(Duration::from_secs(3600));
//!     start.elapsed()
//! });
//! if sim_host::HOOKED {
//!     assert_eq!(slept.expect("no panic"), Duration::from_secs(3600));
//! }
//! ```
//!
//! All `unsafe` of the workspace is in this crate.
//!
//! What cannot be closed off from here: `environ` read directly (`std::env::vars`), the
//! order of a directory's entries, the processor's counter where the kernel does not refuse it (`rdtsc` on
//! x86-64 is answered, `cntvct` on aarch64 is not), and C code that reaches the kernel
//! without the C library's exported symbols (glibc's own internals do: `fopen`, `pthread_cond_timedwait`).
#![allow(unsafe_code)]
#![warn(clippy::undocumented_unsafe_blocks)]

pub mod gate;
#[cfg(hooked)]
mod hooks;
pub mod inspect;
pub mod machine;
mod prefetch;
#[cfg(unix)]
pub mod process;
pub mod real;
#[cfg(unix)]
pub mod resources;
pub mod sockets;
pub mod thread_words;
pub mod threads;
pub mod turns;
pub mod watchdog;

pub use gate::{Entered, enter, inside, is_inside, outside};
pub use machine::{Answer, Errno, Machine, Refused, ResolveError, Variable, Verdict, Waited};
pub use prefetch::{prefetch, prefetch_around};
pub use sockets::{SocketAddress, Sockets};

/// Whether this build hooks the C library: dynamically linked glibc on Linux, x86-64 or aarch64.
///
/// Where it is `false` everything compiles, [`enter`] works, and code inside a run still sees the
/// real machine: only what asks the runtime directly is simulated.
pub const HOOKED: bool = cfg!(hooked);
