//! Properties: what must always, sometimes, or in the end be true.

use crate::executor::World;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

type Check = Box<dyn Fn() -> Result<(), String>>;

/// The properties of one run. Reached by [`properties`].
#[derive(Default)]
pub struct Properties {
    always: RefCell<Vec<(String, Check)>>,
    eventually: RefCell<Vec<(String, Check)>>,
    sometimes: RefCell<BTreeMap<String, bool>>,
    violation: RefCell<Option<(String, String)>>,
}

/// The properties of this run.
pub(super) fn properties(world: &World) -> Rc<Properties> {
    world.extension(Properties::default)
}

impl Properties {
    pub(super) fn always(self: &Rc<Self>, world: &Rc<World>, property: &str, check: Check) {
        self.always.borrow_mut().push((property.to_owned(), check));
        let (own, weak) = (Rc::downgrade(self), Rc::downgrade(world));
        // One watcher for all properties; setting it again changes nothing.
        world.watch_steps(Rc::new(move || {
            if let (Some(properties), Some(world)) = (own.upgrade(), weak.upgrade()) {
                properties.check(&world);
            }
        }));
    }

    pub(super) fn eventually(&self, property: &str, check: Check) {
        self.eventually.borrow_mut().push((property.to_owned(), check));
    }

    pub(super) fn sometimes(&self, property: &str, holds: bool) {
        *self.sometimes.borrow_mut().entry(property.to_owned()).or_default() |= holds;
    }

    /// Checks what must always hold; the first violation ends the run.
    pub(super) fn check(&self, world: &World) {
        if self.violation.borrow().is_some() {
            return;
        }
        let always = self.always.borrow();
        for (property, check) in always.iter() {
            if let Err(detail) = check() {
                world.fact("violated", &[], || format!("\"{property}\" {detail}").trim_end().to_owned());
                *self.violation.borrow_mut() = Some((property.clone(), detail));
                world.stop();
                return;
            }
        }
    }

    /// The first property that was violated, with the detail.
    pub(super) fn violation(&self) -> Option<(String, String)> {
        self.violation.borrow().clone()
    }

    /// Whether anything must become true in the end.
    pub(super) fn has_liveness(&self) -> bool {
        !self.eventually.borrow().is_empty()
    }

    /// The first property that is not true yet, with its detail.
    pub(super) fn unmet(&self) -> Option<(String, String)> {
        let eventually = self.eventually.borrow();
        eventually.iter().find_map(|(property, check)| Some((property.clone(), check().err()?)))
    }

    /// What was asked about, and whether it was ever true.
    pub(super) fn reached(&self) -> BTreeMap<String, bool> {
        self.sometimes.borrow().clone()
    }

    /// Drops the checks: they may hold handles that must not outlive the run.
    pub(super) fn clear(&self) {
        let dropped = (self.always.take(), self.eventually.take());
        drop(dropped);
    }
}
