//! Idempotency keys: what was asked under each, and what was answered.

use super::Mode;
use crate::http::{Incoming, Response};
use sim_runtime::time::Nanos;
use std::collections::BTreeMap;
use std::time::Duration;

/// The store of keys. The modes are apart.
#[derive(Debug)]
pub(super) struct Keys {
    lifetime: Duration,
    entries: BTreeMap<(Mode, String), Entry>,
}

#[derive(Debug)]
struct Entry {
    path: String,
    body: Vec<u8>,
    since: Nanos,
    answer: Option<Response>,
}

/// What the store says about a request with a key.
pub(super) enum Found {
    /// Not seen before: it is in work from now on.
    New,
    /// It was answered with this.
    Answered(Response),
    /// It is in work.
    InWork,
    /// It was another request.
    Other,
}

impl Keys {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, entries: BTreeMap::new() }
    }

    pub(super) fn set_lifetime(&mut self, lifetime: Duration) {
        self.lifetime = lifetime;
    }

    pub(super) fn begin(&mut self, mode: Mode, key: &str, request: &Incoming, now: Nanos) -> Found {
        let entries = &mut self.entries;
        let name = (mode, key.to_owned());
        if let Some(entry) = entries.get(&name)
            && u128::from(now - entry.since) < self.lifetime.as_nanos()
        {
            if entry.path != request.path || entry.body != request.body {
                return Found::Other;
            }
            return entry.answer.clone().map_or(Found::InWork, Found::Answered);
        }
        let entry =
            Entry { path: request.path.clone(), body: request.body.to_vec(), since: now, answer: None };
        entries.insert(name, entry);
        Found::New
    }

    pub(super) fn finish(&mut self, mode: Mode, key: &str, answer: &Response) {
        if let Some(entry) = self.entries.get_mut(&(mode, key.to_owned())) {
            entry.answer = Some(answer.clone());
        }
    }

    /// Nothing happened under this key.
    pub(super) fn forget(&mut self, mode: Mode, key: &str) {
        self.entries.remove(&(mode, key.to_owned()));
    }

    /// The provider restarted: what was in work is not any more.
    pub(super) fn forget_unfinished(&mut self) {
        self.entries.retain(|_, entry| entry.answer.is_some());
    }
}
