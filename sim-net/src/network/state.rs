//! Connections, listeners, links, and who waits for them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Waker};

use sim_runtime::executor::World;
use sim_runtime::fault::{Faults, faults};
use sim_runtime::tape::Lane;
use sim_runtime::task::NodeId;

use super::ports::Ports;
use super::queue::{Due, Queue};
use crate::link::{Latency, LinkId, Links};
use crate::names::Names;
use crate::request::Requests;
use crate::tcp::{Connection, Readiness, Side};

/// Which direction of a socket somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
}

/// Who waits for one end: the task that polls each direction, and any number that wait for readiness.
#[derive(Default)]
pub(crate) struct Waiters {
    read: Option<Waker>,
    write: Option<Waker>,
    others: Vec<(Interest, Waker)>,
}

impl Waiters {
    /// Registers the polling task; a waker it replaces is put into `drops`.
    pub(crate) fn register(&mut self, interest: Interest, context: &Context<'_>, drops: &mut Vec<Waker>) {
        let slot = match interest {
            Interest::Read => &mut self.read,
            Interest::Write => &mut self.write,
        };
        if slot.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
            if let Some(before) = slot.replace(context.waker().clone()) {
                drops.push(before);
            }
        }
    }

    /// Registers one of several that wait for readiness.
    pub(crate) fn register_also(&mut self, interest: Interest, context: &Context<'_>) {
        if !self.others.iter().any(|(i, waker)| *i == interest && waker.will_wake(context.waker())) {
            self.others.push((interest, context.waker().clone()));
        }
    }

    pub(crate) fn wake(&mut self, readiness: Readiness, wakes: &mut Vec<Waker>) {
        if readiness.read
            && let Some(waker) = self.read.take()
        {
            wakes.push(waker);
        }
        if readiness.write
            && let Some(waker) = self.write.take()
        {
            wakes.push(waker);
        }
        if !self.others.is_empty() {
            let hit = |interest| match interest {
                Interest::Read => readiness.read,
                Interest::Write => readiness.write,
            };
            wakes.extend(self.others.extract_if(.., |(interest, _)| hit(*interest)).map(|(_, waker)| waker));
        }
    }

    fn clear(&mut self, drops: &mut Vec<Waker>) {
        drops.extend(self.read.take());
        drops.extend(self.write.take());
        drops.extend(self.others.drain(..).map(|(_, waker)| waker));
    }
}

/// A connection with its place in the world.
pub(crate) struct Conn {
    pub(crate) tcp: Connection,
    pub(crate) nodes: [NodeId; 2],
    pub(crate) links: [LinkId; 2],
    pub(crate) waiters: [Waiters; 2],
    /// Where its handshake ends.
    pub(crate) listener: Option<ListenerId>,
    /// The address the client dialled.
    pub(crate) dialled: SocketAddr,
    /// Numbered in order of opening, for facts.
    pub(crate) number: u64,
    /// Packets take no time: a Unix socket.
    pub(crate) instant: bool,
    /// Made by the network itself: nobody polls it.
    pub(crate) unattended: bool,
    /// What the request reader knows, when it reads along.
    pub(crate) requests: Option<Box<crate::request::Tracked>>,
}

/// With fewer connections or links all of them are near in memory.
const FEW: usize = 64;

struct Slot {
    generation: u32,
    conn: Option<Box<Conn>>,
}

/// All connections, by index and generation.
#[derive(Default)]
pub(crate) struct Conns {
    slots: Vec<Slot>,
    free: Vec<u32>,
    opened: u64,
}

impl Conns {
    pub(crate) fn insert(&mut self, make: impl FnOnce(u64) -> Conn) -> (u32, u32) {
        self.opened += 1;
        let conn = Some(Box::new(make(self.opened)));
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.conn = conn;
            (index, slot.generation)
        } else {
            let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 connections");
            self.slots.push(Slot { generation: 0, conn });
            (index, 0)
        }
    }

    #[inline]
    pub(crate) fn get(&mut self, index: u32, generation: u32) -> Option<&mut Conn> {
        let slot = self.slots.get_mut(index as usize)?;
        if slot.generation == generation { slot.conn.as_deref_mut() } else { None }
    }

    /// Asks for the memory of a connection that something is due for soon.
    fn call(&self, index: u32) {
        let slot = self.slots.get(index as usize).filter(|_| self.slots.len() > FEW);
        if let Some(conn) = slot.and_then(|slot| slot.conn.as_deref()) {
            sim_host::prefetch(conn);
        }
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<Box<Conn>> {
        let slot = &mut self.slots[index as usize];
        let conn = slot.conn.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        Some(conn)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    /// Index and generation of every connection, in slot order.
    pub(crate) fn keys(&self) -> Vec<(u32, u32)> {
        let live =
            |(index, slot): (usize, &Slot)| slot.conn.as_ref().map(|_| (index as u32, slot.generation));
        self.slots.iter().enumerate().filter_map(live).collect()
    }
}

/// Names a listener; never reused within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenerId(pub(crate) u64);

/// A listening socket.
pub(crate) struct Listener {
    pub(crate) node: NodeId,
    pub(crate) local: SocketAddr,
    pub(crate) backlog: usize,
    pub(crate) queue: VecDeque<(u32, u32)>,
    pub(crate) waiters: Waiters,
    /// A path instead of an address, for Unix sockets.
    pub(crate) path: Option<Rc<str>>,
}

/// What calls on connections share.
pub(crate) struct Shared {
    pub(crate) links: Links,
    pub(crate) lanes: Vec<Lane>,
    /// Names of lanes are put together here.
    name: String,
    pub(crate) queue: Queue,
    pub(crate) wakes: Vec<Waker>,
    pub(crate) drops: Vec<Waker>,
    pub(crate) listeners: BTreeMap<ListenerId, Listener>,
    /// Connections the network made itself and has to look at.
    pub(crate) unattended: Vec<(u32, u32)>,
    /// Something is due at this very instant and whoever called must see it.
    pub(crate) due_at_once: bool,
    /// Nodes that do not answer.
    pub(crate) down: Vec<bool>,
    pub(crate) faults: Rc<Faults>,
}

/// The network of one run.
pub(crate) struct State {
    pub(crate) shared: Shared,
    pub(crate) conns: Conns,
    pub(crate) ports: Ports,
    pub(crate) names: Names,
    pub(crate) requests: Requests,
    pub(crate) next_listener: u64,
    /// Paths that were ever bound.
    pub(crate) paths: BTreeSet<(NodeId, Rc<str>)>,
    pub(crate) udp: crate::udp::Sockets,
    /// Tells runs apart, so that a handle kept in a static is not taken for one of this run.
    pub(crate) run: u32,
    /// What a crash of a node looks like from outside, by node; see [`crate::control::WhenDown`].
    pub(crate) when_down: BTreeMap<NodeId, crate::control::WhenDown>,
}

static RUNS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);

/// Between nodes unless a scenario says otherwise: 1 to 10 ms, as between two zones of a region.
const LATENCY: Latency = Latency::Uniform { min_ns: 1_000_000, max_ns: 10_000_000 };
/// Within a node.
const LOOPBACK: Latency = Latency::Constant(20_000);

impl State {
    pub(crate) fn new(world: &Rc<World>) -> State {
        State {
            shared: Shared {
                links: Links::new(LATENCY, LOOPBACK),
                lanes: Vec::with_capacity(8),
                name: String::new(),
                queue: Queue::new(),
                wakes: Vec::new(),
                drops: Vec::new(),
                listeners: BTreeMap::new(),
                unattended: Vec::new(),
                due_at_once: false,
                down: Vec::new(),
                faults: faults(world),
            },
            conns: Conns::default(),
            ports: Ports::default(),
            names: Names::default(),
            requests: Requests::default(),
            next_listener: 0,
            paths: BTreeSet::new(),
            udp: crate::udp::Sockets::default(),
            run: RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
            when_down: BTreeMap::new(),
        }
    }

    /// Does everything that is due.
    pub(crate) fn run_due(&mut self, world: &Rc<World>) {
        let now = world.now();
        while let Some(due) = self.shared.queue.due(now) {
            match due {
                Due::Connection { index, generation, side, timer } => {
                    self.on_conn(world, (index, generation), |tcp, path| tcp.on_timer(path, side, timer));
                }
                Due::NoSuchHost { index, generation } => self.no_such_host(world, (index, generation)),
                Due::Rule { number } => self.end(world, crate::link::RuleId(number)),
                Due::Datagram { number } => self.datagram_arrives(world, number),
                Due::Request { number } => self.request_due(world, number),
            }
        }
        // Before the next one the tasks run that were woken: time enough to fetch it.
        if let Some(Due::Connection { index, .. }) = self.shared.queue.next() {
            self.conns.call(index);
        }
    }

    /// Frees a connection that nobody can observe any more.
    pub(crate) fn reap(&mut self, (index, generation): (u32, u32)) {
        let unobserved = self.conns.get(index, generation).is_some_and(|conn| conn.tcp.unobserved());
        if unobserved && let Some(mut conn) = self.conns.remove(index) {
            for waiters in &mut conn.waiters {
                waiters.clear(&mut self.shared.drops);
            }
            let client = conn.tcp.end(Side::Client).local;
            self.ports.release(conn.nodes[0], client.port(), conn.dialled);
        }
    }
}

impl Shared {
    /// The link between two nodes, with its lane.
    pub(crate) fn link(&mut self, world: &World, from: NodeId, to: NodeId) -> LinkId {
        let (id, made) = self.links.between(from, to);
        if made {
            let (from, to) = (world.node_name(from), world.node_name(to));
            let or_scenario = |name| if name == "" { "scenario" } else { name };
            self.name.clear();
            for part in ["net/", or_scenario(&from), ">", or_scenario(&to)] {
                self.name.push_str(part);
            }
            self.lanes.push(world.tape.lane(&self.name));
        }
        id
    }

    /// Asks for the memory of a link that will carry something soon.
    #[inline]
    pub(crate) fn call_link(&self, link: LinkId) {
        if self.lanes.len() > FEW {
            self.lanes[link.0 as usize].call();
            sim_host::prefetch(self.links.get(link));
        }
    }

    /// Who listens at an address of a node, the most specific first.
    pub(crate) fn listener_at(&self, node: NodeId, address: SocketAddr) -> Option<ListenerId> {
        let here = |listener: &&Listener| {
            listener.node == node && listener.path.is_none() && listener.local.port() == address.port()
        };
        let find = |ip: &dyn Fn(IpAddr) -> bool| {
            self.listeners.iter().find(|(_, l)| here(l) && ip(l.local.ip())).map(|(id, _)| *id)
        };
        find(&|ip| ip == address.ip()).or_else(|| find(&|ip| ip.is_unspecified()))
    }

    pub(crate) fn is_down(&self, node: NodeId) -> bool {
        self.down.get(node.0 as usize).copied().unwrap_or(false)
    }
}
