//! A map that is asked but never walked.
//!
//! A hash map's order is not decided by the tape, so this one offers no order. Its hash is the rolling digest: the same
//! in every process, and no entropy of the thread is drawn. (A `BTreeMap` compares a new name with ten others where
//! there are a thousand nodes.)

use crate::trace::Digest;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// Values by key, to be asked and never walked.
#[derive(Debug)]
pub struct Index<K, T>(HashMap<K, T, BuildHasherDefault<KeyHasher>>);

impl<K, T> Default for Index<K, T> {
    fn default() -> Self {
        Self(HashMap::with_capacity_and_hasher(14, BuildHasherDefault::default()))
    }
}

impl<K: Eq + Hash, T> Index<K, T> {
    /// The value of this key.
    #[inline]
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// Adds a value; answers the earlier one of this key.
    #[inline]
    pub fn insert(&mut self, key: K, value: T) -> Option<T> {
        self.0.insert(key, value)
    }

    /// Takes the value of this key out.
    #[inline]
    pub fn remove(&mut self, key: &K) -> Option<T> {
        self.0.remove(key)
    }
}

#[derive(Debug)]
struct KeyHasher(Digest);

impl Default for KeyHasher {
    fn default() -> Self {
        Self(Digest::new(0))
    }
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.bytes(bytes);
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.0.word(number.into());
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.0.word(number.into());
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.0.word(number.into());
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0.word(number);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.0.word(number as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0.value()
    }
}
