//! A map by name that is asked but never walked.
//!
//! A hash map's order is not decided by the tape, so this one offers no order. Its hash is the rolling digest: the same
//! in every process, and no entropy of the thread is drawn. (A `BTreeMap` compares a new name with ten others where
//! there are a thousand nodes.)

use crate::trace::Digest;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// Values by name.
pub(crate) struct ByName<T>(HashMap<Arc<str>, T, BuildHasherDefault<NameHasher>>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(HashMap::with_capacity_and_hasher(14, BuildHasherDefault::default()))
    }
}

impl<T> ByName<T> {
    /// The value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name)
    }

    /// Adds a value, in the place of an earlier one of this name.
    pub(crate) fn insert(&mut self, name: Arc<str>, value: T) {
        self.0.insert(name, value);
    }
}

struct NameHasher(Digest);

impl Default for NameHasher {
    fn default() -> Self {
        Self(Digest::new(0))
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.bytes(bytes);
    }

    fn write_u8(&mut self, byte: u8) {
        self.0.word(byte.into());
    }

    fn finish(&self) -> u64 {
        self.0.value()
    }
}
