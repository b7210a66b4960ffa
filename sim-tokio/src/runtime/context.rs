//! What tokio knows of the code that is running: which runtime, which task, whether it may block.
//!
//! One thread-local, as in tokio. Every poll of a task swaps it whole and puts it back, because a poll may
//! run within another one that blocks.

use super::Handle;
use super::core::implicit;
use crate::task::Id;
use crate::task::local::LocalContext;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Whether the thread drives asynchronous code now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It does not: it may block.
    No,
    /// It does.
    Yes {
        /// `block_in_place` may leave it for a while.
        may_leave: bool,
    },
}

struct Context {
    handle: RefCell<Option<Handle>>,
    depth: Cell<usize>,
    task: Cell<Option<Id>>,
    entered: Cell<Entered>,
    local: RefCell<Option<Rc<LocalContext>>>,
    /// A wake of a local task must wake its set: the set is entered but not being polled.
    wake_local: Cell<bool>,
}

thread_local! {
    static CONTEXT: Context = const {
        Context {
            handle: RefCell::new(None),
            depth: Cell::new(0),
            task: Cell::new(None),
            entered: Cell::new(Entered::No),
            local: RefCell::new(None),
            wake_local: Cell::new(false),
        }
    };
}

/// Why there is no current runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Context,
    ThreadLocal,
}

/// The current runtime: the one entered, or that of the node whose task is running.
pub(super) fn try_current() -> Result<Handle, Missing> {
    let entered = CONTEXT.try_with(|context| context.handle.borrow().clone());
    match entered {
        Err(_) => Err(Missing::ThreadLocal),
        Ok(Some(handle)) => Ok(handle),
        Ok(None) => implicit().ok_or(Missing::Context),
    }
}

/// Calls `f` with the entered runtime, if one is, without counting a reference.
pub(crate) fn with_entered<T>(f: impl FnOnce(&Handle) -> T) -> Option<T> {
    CONTEXT.try_with(|context| context.handle.borrow().as_ref().map(f)).ok().flatten()
}

/// The running task.
pub(crate) fn current_task() -> Option<Id> {
    CONTEXT.try_with(|context| context.task.get()).ok().flatten()
}

/// Whether the thread drives asynchronous code.
pub(crate) fn entered() -> Entered {
    CONTEXT.try_with(|context| context.entered.get()).unwrap_or(Entered::No)
}

/// Restores the runtime that was current before; see [`Handle::enter`].
#[derive(Debug)]
pub(super) struct CurrentGuard {
    before: Option<Handle>,
    depth: usize,
}

pub(super) fn set_current(handle: &Handle) -> CurrentGuard {
    CONTEXT.with(|context| {
        let before = context.handle.replace(Some(handle.clone()));
        let depth = context.depth.get() + 1;
        context.depth.set(depth);
        CurrentGuard { before, depth }
    })
}

impl Drop for CurrentGuard {
    fn drop(&mut self) {
        let dropped = CONTEXT.try_with(|context| {
            if context.depth.get() != self.depth {
                assert!(
                    std::thread::panicking(),
                    "`EnterGuard` values dropped out of order. Guards returned by \
                     `tokio::runtime::Handle::enter()` must be dropped in the reverse order as they were acquired."
                );
                return None;
            }
            context.depth.set(self.depth - 1);
            context.handle.replace(self.before.take())
        });
        drop(dropped);
    }
}

/// The context of a poll, or of a blocking closure, until dropped.
pub(crate) struct Scope {
    handle: Option<Handle>,
    depth: usize,
    task: Option<Id>,
    entered: Entered,
    local: Option<Rc<LocalContext>>,
    wake_local: bool,
}

/// Makes `handle` current and `task` the running one.
pub(crate) fn scope(handle: Handle, task: Option<Id>, entered: Entered) -> Scope {
    CONTEXT.with(|context| Scope {
        handle: context.handle.replace(Some(handle)),
        depth: context.depth.replace(0),
        task: context.task.replace(task),
        entered: context.entered.replace(entered),
        local: context.local.replace(None),
        wake_local: context.wake_local.replace(false),
    })
}

impl Drop for Scope {
    fn drop(&mut self) {
        let dropped = CONTEXT.try_with(|context| {
            context.depth.set(self.depth);
            context.task.set(self.task);
            context.entered.set(self.entered);
            context.wake_local.set(self.wake_local);
            (context.handle.replace(self.handle.take()), context.local.replace(self.local.take()))
        });
        drop(dropped);
    }
}

/// Another running task, or none, until dropped.
pub(crate) struct TaskGuard(Option<Id>);

pub(crate) fn task_scope(task: Option<Id>) -> TaskGuard {
    TaskGuard(CONTEXT.try_with(|context| context.task.replace(task)).ok().flatten())
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        let _ = CONTEXT.try_with(|context| context.task.set(self.0));
    }
}

/// Whether the thread may block, set otherwise until dropped.
pub(crate) struct EnteredGuard(Entered);

pub(crate) fn set_entered(entered: Entered) -> EnteredGuard {
    // A local set may be dropped when the thread's own values are gone already.
    EnteredGuard(CONTEXT.try_with(|context| context.entered.replace(entered)).unwrap_or(Entered::No))
}

/// Within this, `block_in_place` is not possible.
pub(crate) fn disallow_leaving() -> EnteredGuard {
    match entered() {
        Entered::No => set_entered(Entered::No),
        Entered::Yes { .. } => set_entered(Entered::Yes { may_leave: false }),
    }
}

impl Drop for EnteredGuard {
    fn drop(&mut self) {
        let _ = CONTEXT.try_with(|context| context.entered.set(self.0));
    }
}

/// Another current local set until dropped.
pub(crate) struct LocalGuard {
    before: Option<Rc<LocalContext>>,
    wake_before: bool,
}

/// Makes a local set current. `wake`: its tasks are not being run just now, so waking one wakes the set.
pub(crate) fn set_local(local: Rc<LocalContext>, wake: bool) -> Option<LocalGuard> {
    CONTEXT
        .try_with(|context| LocalGuard {
            before: context.local.replace(Some(local)),
            wake_before: context.wake_local.replace(wake),
        })
        .ok()
}

impl Drop for LocalGuard {
    fn drop(&mut self) {
        let dropped = CONTEXT.try_with(|context| {
            context.wake_local.set(self.wake_before);
            context.local.replace(self.before.take())
        });
        drop(dropped);
    }
}

/// The current local set, and whether waking its tasks must wake it.
pub(crate) fn local() -> Option<(Rc<LocalContext>, bool)> {
    CONTEXT
        .try_with(|context| context.local.borrow().clone().map(|local| (local, context.wake_local.get())))
        .ok()
        .flatten()
}
