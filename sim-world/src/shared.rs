//! State that a node's tasks, the scenario and properties share.

use std::sync::{Arc, Mutex, PoisonError};

/// Locked for the length of a closure only, never across a wait. A mutex, although one thread of a run moves at a
/// time, so that handles can go wherever `Send` is asked for.
#[derive(Debug, Default)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
