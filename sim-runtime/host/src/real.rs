//! The host's clock, entropy and environment, whether or not the thread is inside a run.

use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::gate::outside;

/// Nanoseconds of the host's monotonic clock since this process first asked.
pub fn monotonic_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    outside(|| {
        let start = *START.get_or_init(Instant::now);
        u64::try_from(start.elapsed().as_nanos()).expect("584 years fit")
    })
}

/// Nanoseconds of the host's wall clock since 1970; 0 when it is set to earlier.
pub fn wall_ns() -> u64 {
    outside(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    })
}

/// Eight bytes of the host's entropy: the seed of a sweep that was given none.
pub fn entropy_u64() -> u64 {
    let mut bytes = [0_u8; 8];
    outside(|| fill(&mut bytes));
    u64::from_ne_bytes(bytes)
}

#[cfg(target_os = "linux")]
fn fill(out: &mut [u8; 8]) {
    // SAFETY: the buffer is writable for its own length.
    let got = unsafe { libc::getrandom(out.as_mut_ptr().cast(), out.len(), 0) };
    assert_eq!(got, 8, "the kernel gives up to 256 bytes at once");
}

#[cfg(all(unix, not(target_os = "linux")))]
fn fill(out: &mut [u8; 8]) {
    // SAFETY: the buffer is writable for its own length.
    let failed = unsafe { libc::getentropy(out.as_mut_ptr().cast(), out.len()) };
    assert_eq!(failed, 0, "getentropy fails for more than 256 bytes only");
}

/// std's hash keys come from the system's entropy; nothing else here reaches it without unsafe bindings.
#[cfg(not(unix))]
fn fill(out: &mut [u8; 8]) {
    use std::hash::{BuildHasher, RandomState};
    *out = RandomState::new().hash_one(wall_ns()).to_ne_bytes();
}

/// An environment variable of the host.
pub fn variable(name: impl AsRef<OsStr>) -> Option<OsString> {
    outside(|| std::env::var_os(name))
}

/// The host's processors, at least 1.
pub fn processors() -> usize {
    outside(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
}
