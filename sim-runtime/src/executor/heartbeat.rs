//! What a run shows to its watchdog on another thread: that polls return, and who is being polled.

use crate::schedule::TaskId;
use std::panic::Location;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Written by the run's thread before each poll, with plain stores.
#[derive(Debug, Default)]
pub struct Heartbeat {
    /// What the host's watchdog looks at, if one does.
    watched: Option<Arc<sim_host::watchdog::Heartbeat>>,
    task: AtomicU64,
    node: AtomicU32,
    site: AtomicU32,
    /// Names by node number and locations by site number, both only added to.
    nodes: Mutex<Vec<Arc<str>>>,
    sites: Mutex<Vec<&'static Location<'static>>>,
}

/// Who was being polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The task.
    pub task: TaskId,
    /// Name of its node.
    pub node: String,
    /// Where it was spawned, as `file:line:column`.
    pub spawned_at: String,
}

impl Heartbeat {
    /// A heartbeat that the host's watchdog looks at.
    pub fn watched(watched: Arc<sim_host::watchdog::Heartbeat>) -> Self {
        Self { watched: Some(watched), ..Self::default() }
    }

    #[inline]
    pub(super) fn beat(&self, task: TaskId, node: u32, site: u32) {
        let Some(watched) = &self.watched else { return };
        self.task.store(task.0, Ordering::Relaxed);
        self.node.store(node, Ordering::Relaxed);
        self.site.store(site, Ordering::Relaxed);
        watched.beat();
    }

    /// The run itself takes its time, not the code under test.
    pub(super) fn alive(&self) {
        if let Some(watched) = &self.watched {
            watched.beat();
        }
    }

    /// From here on nothing is polled by the run itself: silence means nothing.
    pub(super) fn rest(&self) {
        if let Some(watched) = &self.watched {
            watched.idle();
        }
    }

    pub(super) fn node_added(&self, name: Arc<str>) {
        self.nodes.lock().expect("held for a push only").push(name);
    }

    pub(super) fn site_added(&self, location: &'static Location<'static>) {
        self.sites.lock().expect("held for a push only").push(location);
    }

    /// A place where tasks are spawned, as `file:line:column`.
    pub(super) fn site(&self, site: u32) -> String {
        self.sites.lock().expect("held for a push only")[site as usize].to_string()
    }

    /// Who is being polled, or was last. `None` before the first poll.
    pub fn running(&self) -> Option<Running> {
        let (node, site) = (self.node.load(Ordering::Relaxed), self.site.load(Ordering::Relaxed));
        let node = self.nodes.lock().ok()?.get(node as usize)?.to_string();
        let spawned_at = self.sites.lock().ok()?.get(site as usize)?.to_string();
        Some(Running { task: TaskId(self.task.load(Ordering::Relaxed)), node, spawned_at })
    }
}
