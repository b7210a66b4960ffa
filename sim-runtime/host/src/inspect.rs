//! A waker that tells when it is cloned and when it is used, and the call stack at such a moment.
//!
//! A future that must wait keeps a clone of the waker it was polled with, so the moment of the clone is
//! the moment of waiting: whoever looks at the call stack then sees which lock, channel or
//! socket it is, and in whose code. For reports, and for recorded runs only.

use std::ffi::{c_int, c_void};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

struct Inspected {
    inner: Waker,
    on_clone: Box<dyn Fn() + Send + Sync>,
    on_wake: Box<dyn Fn() + Send + Sync>,
}

/// A waker that wakes as `inner` does and calls `on_clone` at each clone.
pub fn inspect_clones(inner: Waker, on_clone: impl Fn() + Send + Sync + 'static) -> Waker {
    inspect(inner, on_clone, || {})
}

/// A waker that wakes as `inner` does; it calls `on_clone` at each clone and `on_wake` before each wake-up, also when
/// the task is awake already.
pub fn inspect(
    inner: Waker,
    on_clone: impl Fn() + Send + Sync + 'static,
    on_wake: impl Fn() + Send + Sync + 'static,
) -> Waker {
    let inspected = Arc::new(Inspected { inner, on_clone: Box::new(on_clone), on_wake: Box::new(on_wake) });
    // SAFETY: the table below keeps the contract: the pointer is an `Arc<Inspected>`, counted once for each waker, and
    // `Inspected` is `Send` and `Sync`.
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(inspected).cast(), &TABLE)) }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

unsafe fn clone(pointer: *const ()) -> RawWaker {
    // SAFETY: the waker being cloned holds a count, which `ManuallyDrop` leaves alone.
    let inspected = ManuallyDrop::new(unsafe { Arc::from_raw(pointer.cast::<Inspected>()) });
    (inspected.on_clone)();
    RawWaker::new(Arc::into_raw(Arc::clone(&inspected)).cast(), &TABLE)
}

unsafe fn wake(pointer: *const ()) {
    // SAFETY: the waker is consumed, and its count with it.
    let inspected = unsafe { Arc::from_raw(pointer.cast::<Inspected>()) };
    (inspected.on_wake)();
    inspected.inner.wake_by_ref();
}

unsafe fn wake_by_ref(pointer: *const ()) {
    // SAFETY: as in `clone`.
    let inspected = ManuallyDrop::new(unsafe { Arc::from_raw(pointer.cast::<Inspected>()) });
    (inspected.on_wake)();
    inspected.inner.wake_by_ref();
}

unsafe fn drop_waker(pointer: *const ()) {
    // SAFETY: as in `wake`.
    drop(unsafe { Arc::from_raw(pointer.cast::<Inspected>()) });
}

/// Frames of a stack that are looked at.
const FRAMES_MAX: usize = 200;

/// Return addresses of the present call stack, innermost first. Takes microseconds; finding the names behind them
/// takes a thousand times as long, so whoever looks often keeps what it found by these.
pub fn stack_addresses() -> Vec<usize> {
    unsafe extern "C" fn visit(context: *mut c_void, into: *mut c_void) -> c_int {
        // SAFETY: `into` is the vector below, which nothing else uses meanwhile; the context is the unwinder's.
        let (addresses, address) = unsafe { (&mut *into.cast::<Vec<usize>>(), _Unwind_GetIP(context)) };
        addresses.push(address);
        // Anything but 0 ends the walk.
        c_int::from(addresses.len() >= FRAMES_MAX)
    }
    let mut addresses = Vec::with_capacity(64);
    // SAFETY: the walk calls `visit` with the pointer given, on this thread, before it returns.
    unsafe { _Unwind_Backtrace(visit, (&raw mut addresses).cast()) };
    addresses
}

// The unwinder that std itself is linked with.
unsafe extern "C" {
    fn _Unwind_Backtrace(
        visit: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        into: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_same_call_has_the_same_addresses() {
        let stacks: Vec<_> = (0..2).map(|_| stack_addresses()).collect();
        assert_eq!(stacks[0], stacks[1]);
        assert!(stacks[0].len() > 3 && stacks[0] != stack_addresses());
    }

    #[test]
    fn wake_ups_are_told_before_they_happen() {
        let (wakes, told) = (Arc::new(Count(AtomicU32::new(0))), Arc::new(AtomicU32::new(0)));
        let (theirs, seen) = (told.clone(), wakes.clone());
        let on_wake = move || {
            theirs.fetch_add(1 + seen.0.load(Ordering::Relaxed), Ordering::Relaxed);
        };
        let waker = inspect(wakes.clone().into(), || {}, on_wake);
        waker.wake_by_ref();
        waker.wake();
        assert_eq!((wakes.0.load(Ordering::Relaxed), told.load(Ordering::Relaxed)), (2, 3));
    }

    #[test]
    fn clones_are_told_and_wakes_go_through() {
        let (wakes, clones) = (Arc::new(Count(AtomicU32::new(0))), Arc::new(AtomicU32::new(0)));
        let theirs = clones.clone();
        let waker = inspect_clones(wakes.clone().into(), move || {
            theirs.fetch_add(1, Ordering::Relaxed);
        });
        waker.wake_by_ref();
        let kept = waker.clone();
        kept.wake();
        drop(waker.clone());
        drop(waker);
        assert_eq!((wakes.0.load(Ordering::Relaxed), clones.load(Ordering::Relaxed)), (2, 2));
        assert_eq!(Arc::strong_count(&wakes), 1, "all let go");
    }
}
