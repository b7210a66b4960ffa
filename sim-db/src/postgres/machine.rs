//! A server process on a node: listening, stopping, crashing, coming back.
//!
//! What a crash leaves is the [`Server`] with its databases, which stand for the disk; the engine knows what of
//! them survives. The process is the task that listens, and one task a connection.

use super::environment::OnNode;
use crate::engine::Shutdown;
use crate::wire::{Authentication, Availability, Server, serve_connection};
use sim_net::TcpListener;
use sim_runtime::executor::{AbortHandle, World, sleep, spawn, spawn_on, with_current};
use sim_runtime::node::{Lifecycle, Node, nodes};
use sim_runtime::task::NodeId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

/// PostgreSQL's port.
pub const PORT: u16 = 5432;
/// The shortest recovery after a crash, and what may come on top, in milliseconds.
const RECOVERY_MS: u64 = 50;
const RECOVERY_SPREAD_MS: u64 = 450;
/// The shortest time until another machine takes over, and what may come on top, in milliseconds.
const FAILOVER_MS: u64 = 1_000;
const FAILOVER_SPREAD_MS: u64 = 9_000;
/// The last part of a recovery, when the server says so: "not yet accepting connections".
const LAST_PART: Duration = Duration::from_millis(10);

/// One server and its node.
pub(super) struct Machine {
    pub(super) node: Node,
    pub(super) server: Server,
    pub(super) environment: Rc<OnNode>,
    /// The task that listens, while there is one.
    listening: Cell<Option<AbortHandle>>,
    /// The next start has to recover first.
    crashed: Cell<bool>,
}

/// The servers of a run.
#[derive(Default)]
pub(super) struct Machines(RefCell<BTreeMap<NodeId, Rc<Machine>>>);

/// The servers of this run.
pub(super) fn machines(world: &World) -> Rc<Machines> {
    if let Some(found) = world.try_extension::<Rc<Machines>>() {
        return (*found).clone();
    }
    let machines = Rc::new(Machines::default());
    nodes(world).register(machines.clone());
    (*world.extension(|| machines)).clone()
}

impl Machines {
    fn get(&self, node: NodeId) -> Option<Rc<Machine>> {
        self.0.borrow().get(&node).cloned()
    }
}

impl Lifecycle for Machines {
    fn crashed(&self, _world: &Rc<World>, node: NodeId) {
        if let Some(machine) = self.get(node) {
            // Its sessions went with their tasks.
            machine.server.crash(Shutdown::Crash);
            machine.listening.set(None);
            machine.crashed.set(true);
        }
    }

    fn describe(&self, _world: &Rc<World>) -> Option<String> {
        let machines: Vec<_> = self.0.borrow().values().cloned().collect();
        let texts: Vec<String> = machines.iter().filter_map(|machine| machine.waiting()).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }
}

impl Machine {
    /// The server on this node; booted if there is none.
    ///
    /// # Panics
    ///
    /// If the node runs something else.
    #[track_caller]
    pub(super) fn on(node: Node) -> Rc<Machine> {
        let written_at = Location::caller();
        let machines = with_current(|world| machines(world));
        if let Some(machine) = machines.get(node.id()) {
            return machine;
        }
        assert!(
            node.boots() == 0,
            "node {} runs something else already: give the database another name",
            node.name()
        );
        let environment = Rc::new(OnNode::new(node));
        let machine = Rc::new(Machine {
            node,
            server: Server::new(environment.clone(), Authentication::Trust),
            environment,
            listening: Cell::new(None),
            crashed: Cell::new(false),
        });
        machines.0.borrow_mut().insert(node.id(), machine.clone());
        let failing = Rc::downgrade(&machine);
        machine.server.on_failover(move || {
            if let Some(machine) = failing.upgrade() {
                let lane = format!("db/{}/failover", machine.node.name());
                let more = with_current(|world| world.tape.lane(&lane)).below(FAILOVER_SPREAD_MS);
                machine.fail_over(Duration::from_millis(FAILOVER_MS + more), written_at);
            }
        });
        let booted = Rc::downgrade(&machine);
        node.boot(move || {
            let machine = booted.upgrade();
            async move {
                if let Some(machine) = machine {
                    machine.start(written_at);
                }
            }
        });
        // A node that boots counts as having crashed before.
        machine.crashed.set(false);
        machine
    }

    /// Starts the server process; nothing if it runs.
    pub(super) fn start(self: &Rc<Self>, written_at: &'static Location<'static>) {
        if self.listening.get().is_some() {
            return;
        }
        let machine = Rc::downgrade(self);
        let node = self.node.id();
        let task = with_current(|world| {
            spawn_on(world, node, written_at, async move {
                let Some(machine) = machine.upgrade() else { return };
                let listener = match TcpListener::bind(("0.0.0.0", PORT)).await {
                    Ok(listener) => listener,
                    Err(error) => {
                        panic!("PostgreSQL on {}: cannot listen on port {PORT}: {error}", machine.node.name())
                    }
                };
                if machine.crashed.replace(false) {
                    machine.server.set_availability(Availability::StartingUp);
                    let recovering = machine.clone();
                    drop(spawn(async move { recovering.recover().await }));
                } else {
                    machine.server.set_availability(Availability::Up);
                }
                loop {
                    // The listener ends with the task, which is the only error there is.
                    let Ok((stream, _)) = listener.accept().await else { return };
                    let server = machine.server.clone();
                    drop(spawn(async move { serve_connection(&server, stream).await }));
                }
            })
        });
        self.listening.set(Some(task.abort_handle()));
    }

    /// Takes the time that reading the log takes, then lets clients in.
    async fn recover(&self) {
        let lane = format!("db/{}/recovery", self.node.name());
        let more = with_current(|world| world.tape.lane(&lane)).below(RECOVERY_SPREAD_MS);
        sleep(Duration::from_millis(RECOVERY_MS + more)).await;
        if self.server.availability() == Availability::Recovering {
            self.server.set_availability(Availability::NotYetAccepting);
            sleep(LAST_PART).await;
        }
        self.server.set_availability(Availability::Up);
    }

    /// Ends the server process: orderly, or as by `pg_ctl stop -m immediate`.
    pub(super) fn stop(&self, how: Shutdown) {
        let Some(listening) = self.listening.take() else { return };
        self.server.set_availability(Availability::ShuttingDown);
        self.note(match how {
            Shutdown::Administrator => "fast shutdown",
            _ => "immediate shutdown",
        });
        match how {
            Shutdown::Administrator => self.server.stop(),
            how => {
                self.server.crash(how);
                self.crashed.set(true);
            }
        }
        listening.abort();
    }

    /// One backend dies of a signal: the server ends every session and starts anew by itself.
    pub(super) fn crash_backend(self: &Rc<Self>) {
        if self.listening.get().is_none() || self.server.availability() != Availability::Up {
            return;
        }
        self.note("a backend crashed; all sessions end");
        self.server.set_availability(Availability::Recovering);
        self.server.crash(Shutdown::Crash);
        let machine = self.clone();
        drop(self.node.spawn(async move { machine.recover().await }));
    }

    /// Another machine takes over after a while, at the same address, with everything that was committed.
    pub(super) fn fail_over(self: &Rc<Self>, after: Duration, written_at: &'static Location<'static>) {
        if self.listening.get().is_none() {
            return;
        }
        self.note("failover");
        self.stop(Shutdown::Immediate);
        let machine = self.clone();
        let node = self.node.id();
        drop(with_current(|world| {
            spawn_on(world, node, written_at, async move {
                sleep(after).await;
                machine.start(written_at);
            })
        }));
    }

    fn note(&self, what: &str) {
        let node = self.node.id();
        with_current(|world| world.on_node(node, || world.fact("db", &[], || what.to_owned())));
    }
}
