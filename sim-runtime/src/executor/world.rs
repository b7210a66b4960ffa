//! The state of one run, and the one thread-local that holds it.

use super::attribution::Places;
use super::heartbeat::Heartbeat;
use super::limits::Limits;
use super::waiting::Stacks;
use crate::cause::Table;
use crate::schedule::{Bag, Policy, PolicyName, Ready, TaskId};
use crate::tape::{Lane, Tape};
use crate::task::{NodeId, Tag, TaskKey, Tasks};
use crate::time::{Nanos, Skew, TimerKey, Timers};
use crate::trace::{Fact, Trace};
use async_task::Runnable;
use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;

/// One run's world. Everything a simulated thing needs hangs here: the tape, the clock, the
/// trace, the tasks, and whatever the network and the store add as [`World::extension`].
///
/// Reached through [`with_current`] from inside a run only.
pub struct World {
    /// Choices.
    pub tape: Tape,
    /// Facts.
    pub trace: Trace,
    /// Bounds.
    pub limits: Limits,
    pub(super) run: u32,
    pub(super) now: Cell<Nanos>,
    /// The earliest of all timers and of the agenda, or earlier.
    pub(super) next_deadline: Cell<Nanos>,
    /// The earliest of all timers, or earlier, when that one was cancelled.
    pub(super) timers_at: Cell<Nanos>,
    pub(super) agenda: OnceCell<Rc<dyn Agenda>>,
    pub(super) agenda_at: Cell<Nanos>,
    pub(super) timers: RefCell<Timers>,
    pub(super) ready: RefCell<Ready<Runnable<Tag>>>,
    pub(super) tasks: RefCell<Tasks>,
    /// What tasks said they wait for when they last returned, if the run is recorded.
    pub(super) waiting: RefCell<BTreeMap<TaskId, &'static str>>,
    pub(super) policy: RefCell<Box<dyn Policy>>,
    /// The policy is the uniform one, whose picks are worth a short cut.
    pub(super) uniform: bool,
    /// Something has happened that may be what the loop waits for.
    pub(super) attention: Cell<bool>,
    pub(super) attend_every_step: Cell<bool>,
    /// Whether there is a watch.
    pub(super) watched: Cell<bool>,
    pub(super) schedule: Lane,
    pub(super) current: Cell<Option<(TaskKey, NodeId)>>,
    pub(super) step: Cell<u64>,
    /// The step at which a timer last fired.
    pub(super) timer_step: Cell<u64>,
    /// From this step on a limit is near, and polls are counted.
    pub(super) wary_step: Cell<u64>,
    /// Tasks that are aborted or asked but not polled since: while there are any, each poll looks
    /// whether it is meant.
    pub(super) called: Cell<u32>,
    pub(super) clock_reads: Cell<u32>,
    pub(super) closing: Cell<bool>,
    /// Threads of std are simulated.
    pub(super) hosts_threads: Cell<bool>,
    /// Nobody will report on this run.
    pub(super) ambient: Cell<bool>,
    /// Time moves by jumps only.
    pub(super) frozen: Cell<bool>,
    /// Time that passed for std's clocks but not for timers.
    pub(super) lead: Cell<Nanos>,
    /// Who waits on which futex word, in order of arrival.
    pub(super) waiters: RefCell<BTreeMap<usize, Vec<Waker>>>,
    /// Tasks of paused nodes that became ready.
    pub(super) parked: RefCell<BTreeMap<NodeId, Vec<Runnable<Tag>>>>,
    pub(super) any_paused: Cell<bool>,
    pub(super) tolerate_panics: Cell<bool>,
    /// What the panic hook saw last: message and location.
    pub(super) last_panic: RefCell<Option<(String, String)>>,
    pub(super) panics: RefCell<Vec<PanicNote>>,
    /// Set when the run must stop at the end of the present step.
    pub(super) must_stop: Cell<bool>,
    pub(super) watch: RefCell<Option<Rc<dyn Fn()>>>,
    /// Set while tasks are asked what they wait for, after the end of a stalled run.
    pub(super) asking: RefCell<Option<Stacks>>,
    /// Who works for what, in a recorded run.
    pub(super) causes: RefCell<Table>,
    pub(super) places: RefCell<Places>,
    /// Timers fire: nobody wakes anybody.
    pub(super) firing: Cell<bool>,
    pub(super) heartbeat: Arc<Heartbeat>,
    sites: RefCell<BTreeMap<usize, u32>>,
    last_site: Cell<Option<(usize, u32)>>,
    /// Name and clock error of each node, by number.
    nodes: RefCell<Vec<(Arc<str>, Skew)>>,
    extensions: RefCell<Vec<Rc<dyn Any>>>,
    /// Where the extension was that was asked for last: mostly it is asked for again.
    last_extension: Cell<usize>,
}

/// What keeps an order of events of its own beside the timers. A world has one, the network: with a timer for each
/// event there would be two heaps.
pub trait Agenda: Any {
    /// Something is due now.
    fn due(&self, world: &Rc<World>);
}

/// What a world is made of.
pub struct Setup {
    /// Choices; if it records, so does the trace.
    pub tape: Tape,
    /// Who runs next.
    pub policy: PolicyName,
    /// Bounds.
    pub limits: Limits,
    /// Shown to the watchdog.
    pub heartbeat: Arc<Heartbeat>,
    /// Where the scenario is written: its task is reported as spawned there.
    pub written_at: &'static Location<'static>,
}

/// A panic inside the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicNote {
    /// The message, as a panic hook would print it.
    pub message: String,
    /// `file:line:column` of the panic; empty when the run was ended for what it asked of the host.
    pub location: String,
    /// The task that panicked.
    pub task: Option<TaskId>,
    /// The name of its node.
    pub node: String,
    /// Where the task was spawned.
    pub spawned_at: String,
}

thread_local! {
    /// Without a destructor (a run always leaves by [`Inside`]), so that reaching it is one load.
    static CURRENT: ManuallyDrop<RefCell<Option<Rc<World>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

static RUNS: AtomicU32 = AtomicU32::new(0);

/// Calls `f` with the world of the run that this thread is inside of.
///
/// # Panics
///
/// If the thread is not inside a run.
#[track_caller]
#[inline]
pub fn with_current<T>(f: impl FnOnce(&Rc<World>) -> T) -> T {
    CURRENT.with(|world| f(world.borrow().as_ref().expect(OUTSIDE)))
}

const OUTSIDE: &str =
    "this needs a simulation: call it from inside a scenario, for example a #[sim::test] function";

/// The world of the run that this thread is inside of.
///
/// # Panics
///
/// If the thread is not inside a run.
#[track_caller]
pub fn current() -> Rc<World> {
    with_current(Rc::clone)
}

/// The world of the run that this thread is inside of, if it is inside one.
pub fn try_current() -> Option<Rc<World>> {
    CURRENT.try_with(|world| world.try_borrow().ok().and_then(|world| world.clone())).ok().flatten()
}

/// As [`with_current`], but `None` outside of a run.
#[inline]
pub fn try_with_current<T>(f: impl FnOnce(&Rc<World>) -> T) -> Option<T> {
    CURRENT.try_with(|world| world.borrow().as_ref().map(f)).ok().flatten()
}

/// Leaves the run when dropped.
pub(crate) struct Inside(());

impl Drop for Inside {
    fn drop(&mut self) {
        // Not there any more when a guest's thread ends.
        let world = CURRENT.try_with(|current| current.borrow_mut().take());
        drop(world);
    }
}

impl World {
    /// A world with nothing in it yet but the node of the scenario itself.
    pub fn new(setup: Setup) -> Rc<Self> {
        let Setup { tape, policy, limits, heartbeat, .. } = setup;
        let policy = policy.build(&mut tape.generator("policy"));
        let (uniform, recording) = (policy.is_uniform(), tape.is_recording());
        let ready =
            if uniform && !tape.is_scripted() { Ready::Bag(Bag::new(recording)) } else { Ready::default() };
        let world = Self {
            schedule: tape.lane("sched"),
            trace: Trace::new(recording),
            tape,
            limits,
            run: RUNS.fetch_add(1, Ordering::Relaxed),
            now: Cell::new(0),
            next_deadline: Cell::new(Nanos::MAX),
            timers_at: Cell::new(Nanos::MAX),
            agenda: OnceCell::new(),
            agenda_at: Cell::new(Nanos::MAX),
            timers: RefCell::default(),
            ready: RefCell::new(ready),
            tasks: RefCell::default(),
            waiting: RefCell::default(),
            uniform,
            policy: RefCell::new(policy),
            attention: Cell::new(true),
            attend_every_step: Cell::new(false),
            watched: Cell::new(false),
            current: Cell::new(None),
            step: Cell::new(0),
            timer_step: Cell::new(0),
            wary_step: Cell::new(0),
            // In a recorded run every poll looks: it is given a waker that tells who uses it.
            called: Cell::new(u32::from(recording)),
            clock_reads: Cell::new(0),
            closing: Cell::new(false),
            hosts_threads: Cell::new(false),
            ambient: Cell::new(false),
            frozen: Cell::new(false),
            lead: Cell::new(0),
            waiters: RefCell::default(),
            parked: RefCell::default(),
            any_paused: Cell::new(false),
            tolerate_panics: Cell::new(false),
            last_panic: RefCell::default(),
            panics: RefCell::default(),
            must_stop: Cell::new(false),
            watch: RefCell::default(),
            asking: RefCell::default(),
            causes: RefCell::default(),
            places: RefCell::default(),
            firing: Cell::new(false),
            heartbeat,
            sites: RefCell::default(),
            last_site: Cell::new(None),
            nodes: RefCell::default(),
            extensions: RefCell::default(),
            last_extension: Cell::new(0),
        };
        world.timer_fired();
        world.add_node("");
        Rc::new(world)
    }

    /// Makes this the world of the present thread until the guard is dropped.
    ///
    /// # Panics
    ///
    /// If the thread is inside a run already.
    pub(crate) fn enter(self: &Rc<Self>) -> Inside {
        CURRENT.with(|current| {
            let mut current = current.borrow_mut();
            assert!(current.is_none(), "a simulation cannot run inside another one on the same thread");
            *current = Some(self.clone());
        });
        Inside(())
    }

    /// True virtual time: nanoseconds since the start of the run. Reading it costs nothing.
    #[inline]
    pub fn now(&self) -> Nanos {
        self.now.get()
    }

    /// Tells this run from others of the process: for what must not act on another run's world.
    pub fn number(&self) -> u32 {
        self.run
    }

    /// Every waiting task in words, for a message about a run that cannot go on.
    pub fn waiting_tasks(&self) -> Vec<String> {
        self.describe_tasks()
    }

    /// Polls made so far.
    #[inline]
    pub fn step(&self) -> u64 {
        self.step.get()
    }

    /// As [`World::now`], for clocks that simulated code reads: reading over and over within one
    /// poll moves time, by 1 ns at first, doubling every 64 reads up to 100 µs.
    pub fn read_clock(&self) -> Nanos {
        if self.frozen.get() {
            return self.now();
        }
        let reads = self.clock_reads.get();
        self.clock_reads.set(reads.saturating_add(1));
        self.advance((1 << (reads / 64).min(20)).min(100_000));
        self.now()
    }

    /// Whether another task could run instead of the running one: without one a switch point has
    /// nobody to switch to.
    #[inline]
    pub fn others_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    /// Moves time without letting anything else run: a blocking sleep, or the cost of a poll.
    #[inline]
    pub fn advance(&self, by: Nanos) {
        self.now.set(self.now.get().saturating_add(by));
    }

    /// With `true`, time stands still while anything is ready: polls and clock readings cost nothing, and
    /// time only jumps to the next deadline when idle. What `tokio::time::pause` asks for.
    pub fn freeze(&self, frozen: bool) {
        // A moment passes between what happened before and the standstill.
        self.advance(u64::from(frozen));
        self.frozen.set(frozen);
    }

    /// With `true`, threads that code starts are simulated, as blocking closures are; by default they are refused.
    pub fn host_threads(&self, host: bool) {
        self.hosts_threads.set(host);
    }

    /// Whether threads that code starts are simulated.
    pub fn hosts_threads(&self) -> bool {
        self.hosts_threads.get()
    }

    /// Whether this is the world of an [`Ambient`](crate::sim::Ambient): there is no scenario, and nobody will report
    /// on the run.
    pub fn is_ambient(&self) -> bool {
        self.ambient.get()
    }

    pub(crate) fn set_ambient(&self) {
        self.ambient.set(true);
    }

    /// How far std's clocks are ahead of virtual time: blocking sleeps while time stands still move those alone.
    pub fn lead(&self) -> Nanos {
        self.lead.get()
    }

    /// Whether time [stands still](World::freeze).
    pub fn is_frozen(&self) -> bool {
        self.frozen.get()
    }

    /// Arms a timer for the true time `deadline`.
    pub fn arm(&self, deadline: Nanos, waker: Waker) -> TimerKey {
        self.timers_at.set(self.timers_at.get().min(deadline));
        self.next_deadline.set(self.next_deadline.get().min(deadline));
        self.timers.borrow_mut().arm(deadline, waker)
    }

    /// Sets the agenda of this world.
    ///
    /// # Panics
    ///
    /// If it has one.
    pub fn set_agenda(&self, agenda: Rc<dyn Agenda>) {
        assert!(self.agenda.set(agenda).is_ok(), "a world has one agenda");
    }

    /// The agenda of this world, if it is a `T`. It stays as long as the world.
    #[inline]
    pub fn agenda<T: Agenda>(&self) -> Option<&T> {
        let agenda: &dyn Any = &**self.agenda.get()?;
        agenda.downcast_ref()
    }

    /// Says when the agenda is due next, instead of what it said before: a true time, or [`Nanos::MAX`]. When it is called
    /// it is due no more. At the same instant it comes before timers.
    #[inline]
    pub fn agenda_due(&self, at: Nanos) {
        self.agenda_at.set(at);
        self.next_deadline.set(self.next_deadline.get().min(at));
    }

    /// Replaces the waker of a pending timer; false if it has fired.
    pub fn rewake(&self, key: TimerKey, waker: &Waker) -> bool {
        self.timers.borrow_mut().rewake(key, waker)
    }

    /// Cancels a timer; nothing if it has fired.
    pub fn cancel(&self, key: TimerKey) {
        // The waker is dropped after the borrow: it may be the last reference to its task.
        let waker = self.timers.borrow_mut().cancel(key);
        drop(waker);
    }

    /// The digest of all facts and choices so far.
    pub fn digest(&self) -> u64 {
        let mut digest = crate::trace::Digest::new(self.tape.digest());
        digest.word(self.trace.digest());
        digest.word(self.step());
        digest.word(self.now());
        digest.value()
    }

    /// The running task, if any.
    pub fn current_task(&self) -> Option<TaskId> {
        self.current.get().map(|(key, _)| key.id).filter(|id| id.0 != u64::MAX)
    }

    /// The node of the running task; [`NodeId::WORLD`] if none is running.
    #[inline]
    pub fn current_node(&self) -> NodeId {
        self.current.get().map_or(NodeId::WORLD, |(_, node)| node)
    }

    /// Does `f` as if a task of `node` did it (drops of a crashed node's futures, for example).
    pub fn on_node<T>(&self, node: NodeId, f: impl FnOnce() -> T) -> T {
        let before = self.current.get();
        let key =
            before.map_or(TaskKey { id: TaskId(u64::MAX), slot: u32::MAX, run: self.run }, |(key, _)| key);
        self.current.set(Some((key, node)));
        let value = f();
        self.current.set(before);
        value
    }

    /// Reports a fact. `words` must identify it as far as it should matter to the digest; `text`
    /// is only called when facts are kept.
    #[inline]
    pub fn fact(&self, kind: &'static str, words: &[u64], text: impl FnOnce() -> String) {
        self.trace.digest_fact(self.now(), words);
        if self.trace.is_recording() {
            self.keep_fact(kind, text());
        }
    }

    /// Keeps a line that a task wrote to standard output or error. Not in the digest: whether the lines get here depends
    /// on who runs the test and not on the run.
    pub(crate) fn log_line(&self, line: String) {
        if self.trace.is_recording() {
            self.keep_fact("log", line);
        }
    }

    #[cold]
    #[inline(never)]
    fn keep_fact(&self, kind: &'static str, text: String) {
        let noise = ["task.", "net.", "tcp", "udp", "unix", "dns", "host.", "switch", "log"];
        let is_noise = noise.iter().any(|noise| kind.starts_with(noise));
        let place = if is_noise { None } else { self.place_here() };
        self.trace.push(Fact {
            step: self.step(),
            at: self.now(),
            node: self.node_name(self.current_node()),
            task: self.current_task(),
            kind: kind.into(),
            text,
            // Lines of output come between a choice and what it leads to.
            choices: if kind == "log" { Vec::new() } else { self.tape.take_pending() },
            cause: self.cause(),
            place: place.as_deref().unwrap_or_default().to_owned(),
        });
    }

    /// Notes what the running task waits for, in a few words; shown when a run stalls.
    #[inline]
    pub fn waits_for(&self, what: &'static str) {
        if self.trace.is_recording()
            && let Some((key, _)) = self.current.get()
            && self.tasks.borrow().get(key).is_some()
        {
            self.waiting.borrow_mut().insert(key.id, what);
        }
    }

    /// Adds a node and answers its number. Names are the business of [`crate::node`].
    pub(crate) fn add_node(&self, name: &str) -> NodeId {
        let mut nodes = self.nodes.borrow_mut();
        let name: Arc<str> = name.into();
        nodes.push((name.clone(), Skew::default()));
        self.heartbeat.node_added(name);
        NodeId(u32::try_from(nodes.len() - 1).expect("fewer than 2^32 nodes"))
    }

    /// The name of a node; empty for the world itself.
    pub fn node_name(&self, node: NodeId) -> Arc<str> {
        self.nodes.borrow()[node.0 as usize].0.clone()
    }

    /// The clock error of a node.
    pub fn skew(&self, node: NodeId) -> Skew {
        self.nodes.borrow()[node.0 as usize].1
    }

    /// Changes the clock error of a node.
    pub fn set_skew(&self, node: NodeId, skew: Skew) {
        self.nodes.borrow_mut()[node.0 as usize].1 = skew;
    }

    /// What the world holds of type `T`: how the network, the store and others keep their state
    /// for one run. Made by `make` when first asked for.
    pub fn extension<T: 'static>(&self, make: impl FnOnce() -> T) -> Rc<T> {
        if let Some(found) = self.try_extension() {
            return found;
        }
        let made = Rc::new(make());
        self.extensions.borrow_mut().push(made.clone());
        made
    }

    /// What the world holds of type `T`, if anything.
    #[inline]
    pub fn try_extension<T: 'static>(&self) -> Option<Rc<T>> {
        let extensions = self.extensions.borrow();
        let last = extensions.get(self.last_extension.get())?;
        if let Ok(found) = last.clone().downcast() {
            return Some(found);
        }
        let at = extensions.iter().position(|extension| extension.is::<T>())?;
        self.last_extension.set(at);
        extensions[at].clone().downcast().ok()
    }

    /// Drops all extensions, youngest first; after this the world is empty.
    pub(crate) fn clear_extensions(&self) {
        loop {
            let youngest = self.extensions.borrow_mut().pop();
            if youngest.is_none() {
                break;
            }
        }
    }

    /// With `true`, a panic ends its task only, as on a real runtime: whoever joins the task gets
    /// the error. With `false` (the default) it ends the run.
    pub fn tolerate_panics(&self, tolerate: bool) {
        self.tolerate_panics.set(tolerate);
    }

    /// Ends the run after the present step.
    pub(crate) fn stop(&self) {
        self.must_stop.set(true);
        self.attention.set(true);
    }

    /// Calls `watch` after every step. One watcher, the properties.
    pub(crate) fn watch_steps(&self, watch: Rc<dyn Fn()>) {
        *self.watch.borrow_mut() = Some(watch);
        self.watched.set(true);
    }

    /// What the panic hook saw; it becomes a note once the panic has ended a task.
    pub(crate) fn panic_seen(&self, message: String, location: String) {
        *self.last_panic.borrow_mut() = Some((message, location));
    }

    /// Notes a panic that has ended the running task.
    pub(crate) fn note_panic(&self, message: String, location: String) {
        let note = {
            let tasks = self.tasks.borrow();
            let task = self.current.get().and_then(|(key, _)| tasks.get(key));
            PanicNote {
                message,
                location,
                task: task.map(|task| task.id),
                node: self.node_name(self.current_node()).to_string(),
                spawned_at: task.map_or_else(String::new, |task| self.site_name(task.site)),
            }
        };
        self.fact("panic", &[], || match note.location.as_str() {
            "" => note.message.clone(),
            location => format!("{} at {location}", note.message),
        });
        self.panics.borrow_mut().push(note);
    }

    /// Ends the run as failed: it asked for something that it cannot have.
    pub fn refuse(&self, message: String) {
        self.note_panic(message, String::new());
        self.stop();
    }

    /// The panics noted so far.
    pub fn panics(&self) -> Vec<PanicNote> {
        self.panics.borrow().clone()
    }

    pub(super) fn site(&self, location: &'static Location<'static>) -> u32 {
        let address = std::ptr::from_ref(location) as usize;
        if let Some((last, site)) = self.last_site.get()
            && last == address
        {
            return site;
        }
        let mut sites = self.sites.borrow_mut();
        let next = sites.len() as u32;
        let site = *sites.entry(address).or_insert_with(|| {
            self.heartbeat.site_added(location);
            next
        });
        self.last_site.set(Some((address, site)));
        site
    }

    /// A place where tasks are spawned, as reports show it.
    pub(super) fn site_name(&self, site: u32) -> String {
        self.heartbeat.site(site)
    }
}
