//! A waker that tells when it is cloned.
//!
//! A future that must wait keeps a clone of the waker it was polled with, so the moment of the clone is
//! the moment of waiting: whoever looks at the call stack then sees which lock, channel or
//! socket it is, and in whose code. For reports of runs that have stalled.

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

struct Inspected {
    inner: Waker,
    on_clone: Box<dyn Fn() + Send + Sync>,
}

/// A waker that wakes as `inner` does and calls `on_clone` at each clone.
pub fn inspect_clones(inner: Waker, on_clone: impl Fn() + Send + Sync + 'static) -> Waker {
    let inspected = Arc::new(Inspected { inner, on_clone: Box::new(on_clone) });
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
    unsafe { Arc::from_raw(pointer.cast::<Inspected>()) }.inner.wake_by_ref();
}

unsafe fn wake_by_ref(pointer: *const ()) {
    // SAFETY: as in `clone`.
    ManuallyDrop::new(unsafe { Arc::from_raw(pointer.cast::<Inspected>()) }).inner.wake_by_ref();
}

unsafe fn drop_waker(pointer: *const ()) {
    // SAFETY: as in `wake`.
    drop(unsafe { Arc::from_raw(pointer.cast::<Inspected>()) });
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
