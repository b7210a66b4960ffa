//! Building a runtime. What concerns threads is taken and has no effect: there is one executor.

use super::core::{Config, Core};
use super::{LocalOptions, LocalRuntime, Runtime, RuntimeFlavor, ambient};
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// The name of tokio's threads.
pub(super) const THREAD_NAME: &str = "tokio-rt-worker";

/// Builds a runtime.
pub struct Builder {
    flavor: RuntimeFlavor,
    name: Option<String>,
    time: bool,
    io: bool,
    workers: Option<usize>,
    thread_name: Arc<dyn Fn() -> String + Send + Sync>,
    on_thread_start: Option<Arc<dyn Fn() + Send + Sync>>,
    on_thread_stop: Option<Arc<dyn Fn() + Send + Sync>>,
    start_paused: bool,
}

impl fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Builder")
            .field("flavor", &self.flavor)
            .field("worker_threads", &self.workers)
            .field("start_paused", &self.start_paused)
            .finish_non_exhaustive()
    }
}

impl Builder {
    fn new(flavor: RuntimeFlavor) -> Self {
        Self {
            flavor,
            name: None,
            time: false,
            io: false,
            workers: None,
            thread_name: Arc::new(|| THREAD_NAME.to_owned()),
            on_thread_start: None,
            on_thread_stop: None,
            start_paused: false,
        }
    }

    /// A runtime that says it has one thread, and may pause time.
    pub fn new_current_thread() -> Builder {
        Self::new(RuntimeFlavor::CurrentThread)
    }

    /// A runtime that says it has several threads, where `block_in_place` works.
    #[cfg(feature = "rt-multi-thread")]
    pub fn new_multi_thread() -> Builder {
        Self::new(RuntimeFlavor::MultiThread)
    }

    /// Enables sockets and timers.
    pub fn enable_all(&mut self) -> &mut Self {
        self.enable_io().enable_time()
    }

    /// Enables sockets.
    pub fn enable_io(&mut self) -> &mut Self {
        self.io = true;
        self
    }

    /// Enables timers.
    pub fn enable_time(&mut self) -> &mut Self {
        self.time = true;
        self
    }

    /// The number of threads that the runtime says it has.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn worker_threads(&mut self, val: usize) -> &mut Self {
        assert!(val > 0, "Worker threads cannot be set to 0");
        self.workers = Some(val);
        self
    }

    /// Without effect: blocking closures never wait for a free thread.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn max_blocking_threads(&mut self, val: usize) -> &mut Self {
        assert!(val > 0, "Max blocking threads cannot be set to 0");
        self
    }

    /// The name of the threads of blocking closures.
    pub fn thread_name(&mut self, val: impl Into<String>) -> &mut Self {
        let name = val.into();
        self.thread_name = Arc::new(move || name.clone());
        self
    }

    /// A name for each thread.
    pub fn thread_name_fn<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn() -> String + Send + Sync + 'static,
    {
        self.thread_name = Arc::new(f);
        self
    }

    /// The name of the runtime.
    ///
    /// # Panics
    ///
    /// If it is blank.
    #[track_caller]
    pub fn name(&mut self, val: impl Into<String>) -> &mut Self {
        let name = val.into();
        assert!(!name.trim().is_empty(), "runtime name shouldn't be empty");
        self.name = Some(name);
        self
    }

    /// Without effect.
    pub fn thread_stack_size(&mut self, _val: usize) -> &mut Self {
        self
    }

    /// Called on the thread of a blocking closure before it runs.
    pub fn on_thread_start<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.on_thread_start = Some(Arc::new(f));
        self
    }

    /// Called on the thread of a blocking closure after it has run.
    pub fn on_thread_stop<F>(&mut self, f: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.on_thread_stop = Some(Arc::new(f));
        self
    }

    /// Never called: no thread of the runtime parks.
    pub fn on_thread_park<F>(&mut self, _f: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self
    }

    /// Never called: no thread of the runtime parks.
    pub fn on_thread_unpark<F>(&mut self, _f: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self
    }

    /// Without effect.
    pub fn thread_keep_alive(&mut self, _duration: Duration) -> &mut Self {
        self
    }

    /// Without effect: the tape decides who runs next.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn global_queue_interval(&mut self, val: u32) -> &mut Self {
        assert!(val > 0, "global_queue_interval must be greater than 0");
        self
    }

    /// Without effect.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn event_interval(&mut self, val: u32) -> &mut Self {
        assert!(val > 0, "event_interval must be greater than 0");
        self
    }

    /// Without effect.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn max_io_events_per_tick(&mut self, capacity: usize) -> &mut Self {
        assert!(capacity > 0, "max_io_events_per_tick must be non-zero");
        self
    }

    /// Without effect.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    pub fn max_io_events_per_busy_tick(&mut self, capacity: usize) -> &mut Self {
        assert!(capacity > 0, "max_io_events_per_busy_tick must be non-zero");
        self
    }

    /// The clock stands still from the start; see [`pause`](crate::time::pause).
    pub fn start_paused(&mut self, start_paused: bool) -> &mut Self {
        self.start_paused = start_paused;
        self
    }

    /// Makes the runtime. Outside of a run this begins one on the present thread; it ends with the last
    /// runtime made on it.
    ///
    /// # Errors
    ///
    /// None here; real runtimes have some.
    #[track_caller]
    pub fn build(&mut self) -> io::Result<Runtime> {
        Ok(self.make(false, Location::caller()))
    }

    /// Makes a runtime whose tasks need not be `Send`.
    ///
    /// # Errors
    ///
    /// None here; real runtimes have some.
    ///
    /// # Panics
    ///
    /// If the builder is one for several threads.
    #[track_caller]
    pub fn build_local(&mut self, _options: LocalOptions) -> io::Result<LocalRuntime> {
        assert!(
            self.flavor == RuntimeFlavor::CurrentThread,
            "Only current_thread is supported when building a local runtime"
        );
        Ok(LocalRuntime::from_runtime(self.make(true, Location::caller())))
    }

    fn make(&mut self, local: bool, made_at: &'static Location<'static>) -> Runtime {
        let (world, stay) = ambient::stay(made_at);
        Runtime::from_core(Core::new(&world, self.config(local), stay))
    }

    pub(crate) fn config(&self, local: bool) -> Config {
        assert!(
            !self.start_paused || self.flavor == RuntimeFlavor::CurrentThread,
            "`time::pause()` requires the `current_thread` Tokio runtime. This is the default Runtime used by \
             `#[tokio::test]."
        );
        Config {
            flavor: self.flavor,
            local,
            name: self.name.clone(),
            time: self.time,
            io: self.io,
            workers: match self.flavor {
                RuntimeFlavor::CurrentThread => 1,
                _ => self.workers.unwrap_or_else(|| {
                    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
                }),
            },
            thread_name: self.thread_name.clone(),
            on_thread_start: self.on_thread_start.clone(),
            on_thread_stop: self.on_thread_stop.clone(),
            paused: self.start_paused,
        }
    }
}
