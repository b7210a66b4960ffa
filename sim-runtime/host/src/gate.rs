//! Who is inside: one thread-local pointer decides whether a hook asks a machine or the host.
//!
//! Two cells, both const-initialised and without a destructor, so that reading them never
//! allocates and works while the thread is being torn down. `ENTERED` is the run this thread belongs to; `GATE` is the same
//! pointer while hooks should ask, and null while they should not. A hook that asks closes the gate
//! for the length of the answer: that is what makes a machine free to read the real clock.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ffi::CString;
use std::marker::PhantomData;
use std::ptr;
use std::rc::Rc;

use crate::machine::Machine;

thread_local! {
    static GATE: Cell<*const Inside> = const { Cell::new(ptr::null()) };
    static ENTERED: Cell<*const Inside> = const { Cell::new(ptr::null()) };
}

/// A thread's stay in a run: the machine, and what hooks keep for the run's length.
#[cfg_attr(not(hooked), expect(dead_code, reason = "only hooks ask"))]
pub(crate) struct Inside {
    pub(crate) machine: Rc<dyn Machine>,
    /// Values handed out by `getenv`; C code may keep the pointers, so none is freed before the run ends.
    pub(crate) values: RefCell<BTreeSet<CString>>,
    /// Descriptors of `/dev/urandom`, whose reads are the machine's.
    pub(crate) entropy_files: RefCell<Vec<i32>>,
}

/// Proof that this thread is inside a run; dropping it restores the real world, then drops the machine.
#[must_use = "the thread leaves the run when this is dropped"]
pub struct Entered {
    inside: *const Inside,
    not_send: PhantomData<*const ()>,
}

/// Enters a run: from here on, hooks on this thread ask `machine`.
///
/// Draws 16 bytes of the machine's entropy at once for the thread's hash keys, so that on a fresh thread no
/// `HashMap` made later, not even by the machine's own code, can pin them to the host's entropy.
///
/// # Panics
/// When this thread is inside a run already.
pub fn enter(machine: Rc<dyn Machine>) -> Entered {
    assert!(
        ENTERED.get().is_null(),
        "this thread is inside a run already; a run starts on a thread of its own"
    );
    prepare();
    let inside = Rc::into_raw(Rc::new(Inside {
        machine,
        values: RefCell::default(),
        entropy_files: RefCell::default(),
    }));
    ENTERED.set(inside);
    GATE.set(inside);
    refuse_counter();
    let entered = Entered { inside, not_send: PhantomData };
    std::hint::black_box(std::hash::RandomState::new());
    entered
}

/// Looks up what must not be looked up inside a run, nor between fork and exec.
pub(crate) fn prepare() {
    #[cfg(hooked)]
    crate::hooks::prepare();
}

/// From now on this thread may not read the processor's counter itself.
fn refuse_counter() {
    #[cfg(hooked)]
    crate::hooks::refuse_counter();
}

impl Drop for Entered {
    fn drop(&mut self) {
        GATE.set(ptr::null());
        ENTERED.set(ptr::null());
        // SAFETY: the pointer came from `Rc::into_raw` in `enter`, its one reference is given back once, here;
        // whoever is in the middle of asking holds a reference of its own.
        drop(unsafe { Rc::from_raw(self.inside) });
    }
}

/// The run this thread has entered, or null.
pub(crate) fn entered() -> *const Inside {
    ENTERED.try_with(Cell::get).unwrap_or(ptr::null())
}

/// Enters a run that another thread is inside of; leaves it when the guard is dropped.
///
/// # Safety
/// `inside` is what [`entered`] gave on a thread that is still inside, and that thread and this one never
/// run at the same time.
pub(crate) unsafe fn adopt(inside: *const Inside) -> Option<Entered> {
    if inside.is_null() {
        return None;
    }
    // SAFETY: alive, as the caller promises; this count keeps it so for this thread's stay.
    unsafe { Rc::increment_strong_count(inside) };
    ENTERED.set(inside);
    GATE.set(inside);
    refuse_counter();
    Some(Entered { inside, not_send: PhantomData })
}

/// Runs `f` with the real machine, from inside a run or not: for the tool's own files and reports.
///
/// Whatever `f` reads is not decided by the tape; nothing of it may reach the code under test.
pub fn outside<T>(f: impl FnOnce() -> T) -> T {
    let _restored = Restored::after_setting(ptr::null());
    f()
}

/// Runs `f` inside again, from within [`outside`] or a machine's method.
///
/// # Panics
/// When this thread has not entered a run.
pub fn inside<T>(f: impl FnOnce() -> T) -> T {
    let entered = ENTERED.get();
    assert!(!entered.is_null(), "this thread has not entered a run");
    let _restored = Restored::after_setting(entered);
    f()
}

/// Whether hooks on this thread ask a machine now; `false` within [`outside`] and a machine's methods.
pub fn is_inside() -> bool {
    GATE.try_with(|gate| !gate.get().is_null()).unwrap_or(false)
}

/// Asks the machine, with the gate closed meanwhile; `None` when this thread is not inside.
#[inline]
#[cfg_attr(not(hooked), expect(dead_code, reason = "only hooks ask"))]
pub(crate) fn ask<T>(question: impl FnOnce(&Inside) -> T) -> Option<T> {
    let gate = GATE.try_with(Cell::get).unwrap_or(ptr::null());
    if gate.is_null() {
        return None;
    }
    // SAFETY: a non-null gate is the pointer `enter` made, alive until its `Entered` is dropped, which
    // empties the gate first; the count taken here keeps it alive should the question drop that `Entered`.
    let inside = unsafe {
        Rc::increment_strong_count(gate);
        Rc::from_raw(gate)
    };
    let _restored = Restored::after_setting(ptr::null());
    Some(question(&inside))
}

/// Puts the gate back as it was, unless the run has been left meanwhile.
struct Restored {
    before: *const Inside,
}

impl Restored {
    fn after_setting(gate: *const Inside) -> Self {
        let before = GATE.try_with(|cell| cell.replace(gate)).unwrap_or(ptr::null());
        Restored { before }
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        let entered = ENTERED.try_with(Cell::get).unwrap_or(ptr::null());
        let before = if ptr::eq(self.before, entered) { self.before } else { ptr::null() };
        let _ = GATE.try_with(|gate| gate.set(before));
    }
}
