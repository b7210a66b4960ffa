//! A hint to the processor about memory that is needed soon.

/// Asks the processor to bring the cache line at `address` nearer. Nothing else happens, wherever it points;
/// on processors other than x86-64 not even that.
#[inline]
pub fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint that neither reads nor faults, whatever the address; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
