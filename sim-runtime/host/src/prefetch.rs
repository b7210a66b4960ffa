//! A hint to the processor about memory that is needed soon.

/// Bytes that come at once.
const LINE: usize = 64;

/// Asks the processor to bring a value nearer, all its cache lines. Nothing else happens; on processors other than
/// x86-64 not even that.
#[inline]
pub fn prefetch<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<i8>();
    for offset in (0..size_of::<T>()).step_by(LINE) {
        hint(start.wrapping_add(offset));
    }
    // A value need not begin with a line.
    hint(start.wrapping_add(size_of::<T>().saturating_sub(1)));
}

/// As [`prefetch`], for a value and what lies behind it, `bytes` in all: mind that this is a guess about memory that the
/// caller need not own.
#[inline]
pub fn prefetch_around<T>(value: &T, bytes: usize) {
    let start = std::ptr::from_ref(value).cast::<i8>();
    for offset in (0..bytes).step_by(LINE) {
        hint(start.wrapping_add(offset));
    }
}

#[inline]
fn hint(address: *const i8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that neither reads nor faults, whatever the address; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
