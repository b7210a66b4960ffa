//! The sockets of a run and what is in flight between them.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use sim_runtime::executor::World;
use sim_runtime::node::nodes;
use sim_runtime::task::NodeId;

use crate::error::{EDESTADDRREQ, EMSGSIZE, error, os_error};
use crate::link::{LinkId, Passage};
use crate::network::ports::Protocol;
use crate::network::queue::Due;
use crate::network::state::Waiters;
use crate::network::{Place, State, hash_of};
use crate::tcp::Readiness;

/// Largest payload of a datagram over IPv4.
const DATAGRAM_BYTES_MAX: usize = 65_507;
/// What may wait unread; more is dropped. Linux' default.
const RECEIVE_BUFFER_BYTES: usize = 212_992;
/// What a waiting datagram costs beside its payload.
const DATAGRAM_OVERHEAD_BYTES: usize = 512;

/// One socket.
pub(crate) struct Socket {
    pub(crate) node: NodeId,
    pub(crate) local: SocketAddr,
    pub(crate) peer: Option<SocketAddr>,
    queue: VecDeque<(SocketAddr, Vec<u8>)>,
    queued: usize,
    /// What the next call reports, once: a router's or the peer's answer to an earlier datagram.
    error: Option<ErrorKind>,
    pub(crate) waiters: Waiters,
}

struct Datagram {
    link: LinkId,
    to_node: NodeId,
    from: SocketAddr,
    to: SocketAddr,
    /// The socket that sent it, to be told when nobody is there.
    sender: u64,
    bytes: Vec<u8>,
    held: bool,
}

/// All UDP sockets of a run.
#[derive(Default)]
pub(crate) struct Sockets {
    open: BTreeMap<u64, Socket>,
    flying: BTreeMap<u64, Datagram>,
    next: u64,
}

impl Sockets {
    /// The node crashed.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.open.retain(|_, socket| socket.node != node);
    }

    pub(crate) fn get(&mut self, id: u64) -> io::Result<&mut Socket> {
        self.open.get_mut(&id).ok_or_else(|| error(ErrorKind::NotConnected))
    }

    /// The socket a datagram is for: one connected to its sender before one that takes all.
    fn receiver(&self, node: NodeId, from: SocketAddr, to: SocketAddr) -> Option<u64> {
        let fits = |socket: &Socket| {
            socket.node == node
                && socket.local.port() == to.port()
                && (socket.local.ip() == to.ip() || socket.local.ip().is_unspecified())
                && socket.peer.is_none_or(|peer| peer == from)
        };
        let hits = self.open.iter().filter(|(_, socket)| fits(socket));
        hits.max_by_key(|(id, socket)| (socket.peer.is_some(), std::cmp::Reverse(**id))).map(|(id, _)| *id)
    }
}

impl State {
    pub(crate) fn udp_bind(
        &mut self,
        world: &Rc<World>,
        node: NodeId,
        address: SocketAddr,
    ) -> io::Result<u64> {
        State::may_bind(world, node, address.ip())?;
        let port = self.ports.bind(Protocol::Udp, node, address.ip(), address.port());
        let port = port.ok_or_else(|| error(ErrorKind::AddrInUse))?;
        self.udp.next += 1;
        let id = self.udp.next;
        let socket = Socket {
            node,
            local: SocketAddr::new(address.ip(), port),
            peer: None,
            queue: VecDeque::new(),
            queued: 0,
            error: None,
            waiters: Waiters::default(),
        };
        self.udp.open.insert(id, socket);
        Ok(id)
    }

    pub(crate) fn udp_close(&mut self, id: u64) {
        if let Some(mut socket) = self.udp.open.remove(&id) {
            self.ports.unbind(Protocol::Udp, socket.node, socket.local);
            socket.waiters.wake(Readiness::BOTH, &mut self.shared.wakes);
        }
    }

    /// Sends one datagram, to the connected peer unless told otherwise.
    pub(crate) fn udp_send(
        &mut self,
        world: &Rc<World>,
        id: u64,
        bytes: &[u8],
        to: Option<SocketAddr>,
    ) -> io::Result<usize> {
        let socket = self.udp.get(id)?;
        if let Some(kind) = socket.error.take() {
            return Err(error(kind));
        }
        let to = to.or(socket.peer).ok_or_else(|| os_error(EDESTADDRREQ))?;
        if bytes.len() > DATAGRAM_BYTES_MAX {
            return Err(os_error(EMSGSIZE));
        }
        let (node, local) = (socket.node, socket.local);
        // What no machine has is lost on the way, as on a real network.
        let Place::Node(to_node, ip) = State::place(world, node, to.ip()) else { return Ok(bytes.len()) };
        let own = |ip: IpAddr| if ip.is_loopback() { ip } else { nodes(world).address(node) };
        let from =
            SocketAddr::new(if local.ip().is_unspecified() { own(ip) } else { local.ip() }, local.port());
        let to = SocketAddr::new(ip, to.port());
        world.trace.digest_bytes(bytes);
        world.fact("udp", &[id, u64::from(to_node.0), bytes.len() as u64], || {
            format!("{from} sends {} bytes to {to}, hash {:016x}", bytes.len(), hash_of(bytes))
        });
        let link = self.shared.link(world, node, to_node);
        let lane = self.shared.lanes[link.0 as usize].clone();
        let road = self.shared.links.get_mut(link);
        let copies = 1 + usize::from(road.duplicates(&mut &lane));
        for _ in 0..copies {
            let road = self.shared.links.get_mut(link);
            let behind = road.falls_behind(&mut &lane);
            let arrives = match road.pass(world.now(), bytes.len(), &mut &lane) {
                Passage::Arrives(at) => Some(at + behind),
                Passage::Blocked if !road.cut() => None,
                Passage::Lost | Passage::Blocked => continue,
            };
            self.udp.next += 1;
            let number = self.udp.next;
            let held = arrives.is_none();
            let datagram = Datagram { link, to_node, from, to, sender: id, bytes: bytes.to_vec(), held };
            self.udp.flying.insert(number, datagram);
            if let Some(at) = arrives {
                self.shared.queue.at(at, Due::Datagram { number });
            }
        }
        Ok(bytes.len())
    }

    pub(crate) fn datagram_arrives(&mut self, _world: &Rc<World>, number: u64) {
        if self.udp.flying.get(&number).is_none_or(|datagram| datagram.held) {
            return;
        }
        let Some(datagram) = self.udp.flying.remove(&number) else { return };
        if self.shared.is_down(datagram.to_node) {
            return;
        }
        let Some(id) = self.udp.receiver(datagram.to_node, datagram.from, datagram.to) else {
            self.port_unreachable(&datagram);
            return;
        };
        let Ok(socket) = self.udp.get(id) else { return };
        let cost = datagram.bytes.len() + DATAGRAM_OVERHEAD_BYTES;
        if socket.queued + cost <= RECEIVE_BUFFER_BYTES {
            socket.queued += cost;
            socket.queue.push_back((datagram.from, datagram.bytes));
            socket.waiters.wake(Readiness::READ, &mut self.shared.wakes);
        }
    }

    /// Nobody listens: a connected sender is told, as by ICMP. The way back takes no time of its own.
    fn port_unreachable(&mut self, datagram: &Datagram) {
        if let Ok(socket) = self.udp.get(datagram.sender)
            && socket.peer == Some(datagram.to)
        {
            socket.error = Some(ErrorKind::ConnectionRefused);
            socket.waiters.wake(Readiness::BOTH, &mut self.shared.wakes);
        }
    }

    /// Takes the next datagram; what `into` has no room for is lost.
    pub(crate) fn udp_receive(
        &mut self,
        id: u64,
        into: &mut [u8],
        peek: bool,
    ) -> io::Result<(usize, SocketAddr)> {
        let socket = self.udp.get(id)?;
        if let Some(kind) = socket.error.take() {
            return Err(error(kind));
        }
        let (from, bytes) = socket.queue.front().ok_or_else(|| error(ErrorKind::WouldBlock))?;
        let (taken, from) = (bytes.len().min(into.len()), *from);
        into[..taken].copy_from_slice(&bytes[..taken]);
        if !peek {
            socket.queued -= bytes.len() + DATAGRAM_OVERHEAD_BYTES;
            socket.queue.pop_front();
        }
        Ok((taken, from))
    }

    /// Whether receiving would return at once.
    pub(crate) fn udp_readable(&mut self, id: u64) -> bool {
        self.udp.get(id).map_or(true, |socket| !socket.queue.is_empty() || socket.error.is_some())
    }

    /// A link broke: what is in flight on it is lost, or kept if the link only holds.
    pub(crate) fn datagrams_blocked(&mut self, link: LinkId) {
        let cut = self.shared.links.get(link).cut();
        self.udp.flying.retain(|_, datagram| datagram.link != link || !cut);
        for datagram in self.udp.flying.values_mut().filter(|datagram| datagram.link == link) {
            datagram.held = true;
        }
    }

    /// A link works again: what it kept is delivered.
    pub(crate) fn datagrams_released(&mut self, world: &Rc<World>, link: LinkId) {
        for (number, datagram) in &mut self.udp.flying {
            if datagram.link == link && std::mem::replace(&mut datagram.held, false) {
                self.shared.queue.at(world.now(), Due::Datagram { number: *number });
            }
        }
    }
}
