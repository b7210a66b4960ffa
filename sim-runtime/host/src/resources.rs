//! What a run cost: memory and processor time, of the host.

use crate::gate::outside;

/// The largest resident memory this process ever had, in bytes. It never falls: measure in a fresh process.
pub fn peak_memory_bytes() -> u64 {
    // SAFETY: all zeros is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: there is room for a rusage.
    let failed = outside(|| unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) });
    assert_eq!(failed, 0, "getrusage fails for an unknown subject only");
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    usage.ru_maxrss as u64 * unit
}

/// Processor time this thread has used, in nanoseconds.
pub fn thread_processor_ns() -> u64 {
    processor_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Processor time all threads of this process have used, in nanoseconds.
pub fn process_processor_ns() -> u64 {
    processor_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn processor_ns(clock: libc::clockid_t) -> u64 {
    let mut spent = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: there is room for a timespec.
    let failed = outside(|| unsafe { libc::clock_gettime(clock, &raw mut spent) });
    assert_eq!(failed, 0, "every thread and every process has a processor-time clock");
    spent.tv_sec as u64 * 1_000_000_000 + spent.tv_nsec as u64
}
