//! Simulated machines: name, address, clock, environment, tasks; boot, crash, pause.
//!
//! The runtime knows no packets and no disks. Whatever has state on a node (sockets, files)
//! registers a [`Lifecycle`] and is told when a node boots or crashes.

mod disk;
mod finish;
mod machine;
pub mod service;
mod signal;
mod state;

pub use machine::{Hosted, Resolver};
pub use signal::SignalListener;
pub use state::{Lifecycle, NodeState, Nodes, nodes};

use crate::executor::{JoinError, JoinHandle, World, spawn_on, with_current};
use crate::task::NodeId;
use crate::time::Nanos;
pub use finish::Finish;
use state::Boot;
use std::future::Future;
use std::net::IpAddr;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A handle to a node. Free to copy; valid during its run only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(NodeId);

impl Node {
    /// The node with this name, which is added if there is none.
    ///
    /// # Panics
    ///
    /// If the name is empty, longer than 63 bytes or has characters other than ASCII letters, digits, `-`,
    /// `_` and `.`: it could not be a host name.
    pub fn named(name: &str) -> Self {
        with_current(|world| Self(nodes(world).find_or_add(world, name)))
    }

    /// The node with this number.
    pub fn from_id(id: NodeId) -> Self {
        Self(id)
    }

    /// The node of the running task; `None` for the scenario's own code.
    pub fn current() -> Option<Self> {
        let id = with_current(|world| world.current_node());
        (id != NodeId::WORLD).then_some(Self(id))
    }

    /// The node's number, in the order nodes were added; 0 is the scenario itself.
    pub fn id(self) -> NodeId {
        self.0
    }

    /// The node's name.
    pub fn name(self) -> Arc<str> {
        with_current(|world| world.node_name(self.0))
    }

    /// The node's address: 10.0.0.1 for the first node and so on, unless [`Node::set_address`].
    pub fn address(self) -> IpAddr {
        self.with(|_, nodes| nodes.address(self.0))
    }

    /// Gives the node another address. Names resolve to it from now on.
    ///
    /// # Panics
    ///
    /// If another node has it.
    pub fn set_address(self, address: IpAddr) {
        self.with(|_, nodes| nodes.set_address(self.0, address));
    }

    /// Sets an environment variable of this node. Nodes see no variable of the host but
    /// `RUST_*` and `CARGO_*`; the scenario's own code sees the host's.
    ///
    /// # Panics
    ///
    /// If the name is empty or has `=` or a NUL byte in it, or the value a NUL byte.
    pub fn set_variable(self, name: &str, value: &str) {
        self.with(|_, nodes| nodes.set_variable(self.0, name, Some(value)));
    }

    /// Removes an environment variable of this node.
    pub fn remove_variable(self, name: &str) {
        self.with(|_, nodes| nodes.set_variable(self.0, name, None));
    }

    /// The environment variables of this node, by name; bytes that are not UTF-8 become the replacement character.
    pub fn variables(self) -> Vec<(String, String)> {
        self.with(|_, nodes| nodes.variables(self.0))
    }

    /// An environment variable of this node.
    pub fn variable(self, name: &str) -> Option<String> {
        let value = self.with(|_, nodes| nodes.variable(self.0, name.as_bytes()))?;
        Some(value.to_string_lossy().into_owned())
    }

    /// The environment variables that code on this node has asked for, by name, and whether each was set when it
    /// last was asked for. One that was not set has left the code to a default of its own.
    pub fn asked_variables(self) -> Vec<(String, bool)> {
        self.with(|_, nodes| nodes.asked_variables(self.0))
    }

    /// Gives the node a configuration of type `T`, replacing an earlier one: for services that are
    /// handed their settings instead of reading the environment. Nodes may differ, and it may change
    /// while the node is up.
    pub fn set_config<T: 'static>(self, config: T) {
        self.with(|_, nodes| nodes.set_config(self.0, Rc::new(config)));
    }

    /// The node's configuration of type `T`, if it was given one.
    pub fn config<T: 'static>(self) -> Option<Rc<T>> {
        self.with(|_, nodes| nodes.config(self.0))
    }

    /// Boots the node: runs what `main` returns as a task on it, now and at every restart. A node
    /// that is up already is restarted. The node stays up when `main` returns; an error it returns
    /// fails the run, as a panic does.
    #[track_caller]
    pub fn boot<F, M>(self, main: M)
    where
        M: Fn() -> F + 'static,
        F: Future + 'static,
        F::Output: Finish + 'static,
    {
        self.crash();
        let main = move || {
            let future = main();
            Box::pin(async move {
                if let Err(error) = future.await.finish() {
                    panic!("the main function of node {} returned an error: {error}", self.name());
                }
            }) as _
        };
        let boot = Boot { main: Rc::new(main), written_at: Location::caller() };
        self.with(|_, nodes| nodes.set_boot(self.0, boot));
        self.restart();
    }

    /// Spawns a task on the node.
    ///
    /// # Panics
    ///
    /// If the node is down.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let spawned_at = Location::caller();
        with_current(|world| {
            let up = nodes(world).is_up(self.0);
            assert!(up, "node {} is down: nothing can be spawned on it", world.node_name(self.0));
            spawn_on(world, self.0, spawned_at, future)
        })
    }

    /// Runs a future on the node and waits for it.
    ///
    /// # Panics
    ///
    /// If the node is down, or crashes before the future has ended; see [`Node::try_run`].
    #[track_caller]
    pub fn run<F>(self, future: F) -> impl Future<Output = F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let task = self.spawn(future);
        async move {
            match task.await {
                Ok(output) => output,
                Err(error) => panic!("what was run on node {} gave no output: {error}", self.name()),
            }
        }
    }

    /// Runs a future on the node and waits for it.
    ///
    /// # Errors
    ///
    /// If the future panicked (and the run tolerates it), or the node crashed.
    ///
    /// # Panics
    ///
    /// If the node is down.
    #[track_caller]
    pub fn try_run<F>(self, future: F) -> impl Future<Output = Result<F::Output, JoinError>>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.spawn(future)
    }

    /// The power goes: all futures of the node are dropped, now; nothing of it runs until
    /// [`Node::restart`]. Nothing if it is down already.
    pub fn crash(self) {
        with_current(Rc::clone).crash_node(self.0);
    }

    /// Boots a node that is down; nothing if it is up.
    pub fn restart(self) {
        with_current(Rc::clone).boot_node(self.0);
    }

    /// Nothing of the node runs until [`Node::resume`]; the world around it goes on. As a stopped
    /// process or a long garbage collection.
    pub fn pause(self) {
        with_current(|world| {
            world.pause_node(self.0);
            world.on_node(self.0, || world.fact("node.paused", &[u64::from(self.0.0)], String::new));
        });
    }

    /// Ends a pause.
    pub fn resume(self) {
        with_current(|world| {
            world.resume_node(self.0);
            world.on_node(self.0, || world.fact("node.resumed", &[u64::from(self.0.0)], String::new));
        });
    }

    /// Whether the node is up (paused or not).
    pub fn is_up(self) -> bool {
        self.with(|_, nodes| nodes.is_up(self.0))
    }

    /// How often the node has booted.
    pub fn boots(self) -> u32 {
        self.with(|_, nodes| nodes.boots(self.0))
    }

    /// Moves the node's wall clock by `forward - back`. Its monotonic clock and its timers do not
    /// notice.
    pub fn jump_wall_clock(self, forward: Duration, back: Duration) {
        with_current(|world| {
            let mut skew = world.skew(self.0);
            let change = forward.as_nanos() as i64 - back.as_nanos() as i64;
            skew.offset_ns = skew.offset_ns.saturating_add(change);
            world.set_skew(self.0, skew);
            world.on_node(self.0, || {
                world.fact("clock.jumped", &[change as u64], || format!("wall clock by {change} ns"))
            });
        });
    }

    /// Lets the node's clocks gain (positive) or lose so many billionths from now on; its timers
    /// follow.
    ///
    /// # Panics
    ///
    /// If `parts_per_billion` lies outside ±500,000,000.
    pub fn set_drift(self, parts_per_billion: i32) {
        with_current(|world| {
            let mut skew = world.skew(self.0);
            skew.set_drift(world.now(), parts_per_billion);
            world.set_skew(self.0, skew);
            let words = [u64::from(parts_per_billion.cast_unsigned())];
            world
                .on_node(self.0, || world.fact("clock.drift", &words, || format!("{parts_per_billion} ppb")));
        });
    }

    /// What the node's monotonic clock shows, in nanoseconds.
    pub fn monotonic(self) -> Nanos {
        with_current(|world| world.skew(self.0).monotonic(world.now()))
    }

    /// What the node's wall clock shows, in nanoseconds since the Unix epoch.
    pub fn wall(self) -> Nanos {
        with_current(|world| world.skew(self.0).wall(world.now()))
    }

    fn with<T>(self, f: impl FnOnce(&Rc<World>, &Nodes) -> T) -> T {
        with_current(|world| f(world, &nodes(world)))
    }
}
