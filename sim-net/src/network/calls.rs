//! What sockets ask for.

use std::io;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};

use sim_runtime::executor::World;
use sim_runtime::node::nodes;
use sim_runtime::task::NodeId;
use sim_runtime::trace::Digest;

use super::ports::Protocol;
use super::queue::Due;
use super::state::{Conn, Interest, Listener, ListenerId, State, Waiters};
use crate::error::{error, os_error};
use crate::tcp::limits::NO_SUCH_HOST_NS;
use crate::tcp::{Connection, Phase, Side};

/// Names one end of a connection; means nothing in another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SocketId {
    pub(crate) run: u32,
    pub(crate) index: u32,
    pub(crate) generation: u32,
    pub(crate) side: Side,
}

impl SocketId {
    pub(crate) fn key(self) -> (u32, u32) {
        (self.index, self.generation)
    }
}

/// Options of a socket that are set before it connects or listens.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Dial {
    /// Bound address, if any.
    pub(crate) from: Option<SocketAddr>,
    /// `SO_SNDBUF`, bytes.
    pub(crate) send_buffer: Option<u32>,
    /// `SO_RCVBUF`, bytes.
    pub(crate) receive_buffer: Option<u32>,
}

/// Where packets to an address go.
pub(crate) enum Place {
    /// To this node; the address seen there.
    Node(NodeId, IpAddr),
    /// No machine has it.
    Nowhere,
}

impl State {
    /// Where `ip` leads from `node`. Loopback and the unspecified address mean the node itself.
    pub(crate) fn place(world: &Rc<World>, node: NodeId, ip: IpAddr) -> Place {
        let ip = ip.to_canonical();
        if ip.is_unspecified() {
            let loopback = if ip.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
            return Place::Node(node, loopback);
        }
        if ip.is_loopback() {
            return Place::Node(node, ip);
        }
        let nodes = nodes(world);
        if ip == nodes.address(NodeId::WORLD) {
            return Place::Node(NodeId::WORLD, ip);
        }
        nodes.at_address(ip).map_or(Place::Nowhere, |node| Place::Node(node, ip))
    }

    /// Whether `node` may bind `ip`.
    pub(crate) fn may_bind(world: &Rc<World>, node: NodeId, ip: IpAddr) -> io::Result<()> {
        let ip = ip.to_canonical();
        if ip.is_unspecified() || ip.is_loopback() || ip == nodes(world).address(node) {
            Ok(())
        } else {
            Err(error(ErrorKind::AddrNotAvailable))
        }
    }

    /// Starts listening; returns the listener and its address.
    pub(crate) fn listen(
        &mut self,
        world: &Rc<World>,
        node: NodeId,
        address: SocketAddr,
        backlog: usize,
    ) -> io::Result<(ListenerId, SocketAddr)> {
        State::may_bind(world, node, address.ip())?;
        let port = self.ports.bind(Protocol::Tcp, node, address.ip(), address.port());
        let port = port.ok_or_else(|| error(ErrorKind::AddrInUse))?;
        let local = SocketAddr::new(address.ip(), port);
        let id = self.add_listener(node, local, backlog, None);
        world.fact("tcp", &[u64::from(node.0), u64::from(port)], || format!("listens on {local}"));
        Ok((id, local))
    }

    pub(crate) fn add_listener(
        &mut self,
        node: NodeId,
        local: SocketAddr,
        backlog: usize,
        path: Option<Rc<str>>,
    ) -> ListenerId {
        self.next_listener += 1;
        let id = ListenerId(self.next_listener);
        let listener = Listener {
            node,
            local,
            backlog,
            queue: std::collections::VecDeque::new(),
            waiters: Waiters::default(),
            path,
        };
        self.shared.listeners.insert(id, listener);
        id
    }

    /// Stops listening: connections nobody accepted are reset.
    pub(crate) fn unlisten(&mut self, world: &Rc<World>, id: ListenerId) {
        let Some(listener) = self.shared.listeners.remove(&id) else { return };
        if listener.path.is_none() {
            self.ports.unbind(Protocol::Tcp, listener.node, listener.local);
        }
        let mut waiters = listener.waiters;
        waiters.wake(crate::tcp::Readiness::BOTH, &mut self.shared.wakes);
        for key in listener.queue {
            self.on_conn(world, key, |tcp, path| {
                tcp.end_mut(Side::Server).linger = crate::tcp::Linger::Reset;
                tcp.close(path, Side::Server);
            });
        }
    }

    /// The application lets go of a listener; a crashing node says nothing.
    pub(crate) fn unlisten_or_die(&mut self, world: &Rc<World>, id: ListenerId) {
        let node = self.shared.listeners.get(&id).map(|listener| listener.node);
        // What a dead machine forgets, `node_crashed` forgets.
        if node.is_some_and(|node| nodes(world).is_up(node) || !self.crash_is_silent(node)) {
            self.unlisten(world, id);
        }
    }

    /// Takes the next connection off a listener's queue.
    pub(crate) fn accept(&mut self, world: &Rc<World>, id: ListenerId) -> io::Result<(SocketId, SocketAddr)> {
        let Some(listener) = self.shared.listeners.get_mut(&id) else {
            return Err(error(ErrorKind::InvalidInput));
        };
        while let Some((index, generation)) = listener.queue.pop_front() {
            let Some(conn) = self.conns.get(index, generation) else { continue };
            let peer = conn.tcp.end(Side::Client).local;
            let (number, node) = (conn.number, conn.nodes[0]);
            world.fact("tcp", &[number], || {
                format!("connection {number} from {}: accepted", world.node_name(node))
            });
            return Ok((SocketId { run: self.run, index, generation, side: Side::Server }, peer));
        }
        Err(error(ErrorKind::WouldBlock))
    }

    /// Polls for the next connection.
    pub(crate) fn poll_accept(
        &mut self,
        world: &Rc<World>,
        id: ListenerId,
        context: &Context<'_>,
        exclusive: bool,
    ) -> Poll<io::Result<(SocketId, SocketAddr)>> {
        match self.accept(world, id) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                world.waits_for("a connection to accept");
                let listener = self.shared.listeners.get_mut(&id).expect("it said it would block");
                if exclusive {
                    listener.waiters.register(Interest::Read, context, &mut self.shared.drops);
                } else {
                    listener.waiters.register_also(Interest::Read, context);
                }
                Poll::Pending
            }
            done => Poll::Ready(done),
        }
    }

    /// Whether accepting would return at once; registers who asks.
    pub(crate) fn poll_acceptable(&mut self, id: ListenerId, context: &Context<'_>) -> Poll<()> {
        match self.shared.listeners.get_mut(&id) {
            Some(listener) if listener.queue.is_empty() => {
                listener.waiters.register_also(Interest::Read, context);
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Starts a connection from `node`.
    pub(crate) fn dial(
        &mut self,
        world: &Rc<World>,
        node: NodeId,
        to: SocketAddr,
        options: Dial,
    ) -> io::Result<SocketId> {
        let place = State::place(world, node, to.ip());
        let (server, ip) = match place {
            Place::Node(server, ip) => (server, ip),
            Place::Nowhere => (node, to.ip()),
        };
        let to = SocketAddr::new(ip, to.port());
        let own = if ip.is_loopback() { ip } else { nodes(world).address(node) };
        let local = match options.from.filter(|from| from.port() != 0) {
            Some(from) => {
                State::may_bind(world, node, from.ip())?;
                if !self.ports.outgoing_from(node, from.port(), to) {
                    return Err(error(ErrorKind::AddrInUse));
                }
                let ip = if from.ip().is_unspecified() { own } else { from.ip() };
                SocketAddr::new(ip, from.port())
            }
            None => {
                let port = self.ports.outgoing(node, to).ok_or_else(|| error(ErrorKind::AddrNotAvailable))?;
                SocketAddr::new(
                    options.from.map_or(own, |from| if from.ip().is_unspecified() { own } else { from.ip() }),
                    port,
                )
            }
        };
        if self.shared.faults.any() {
            self.planned_cut(world, node, server);
        }
        let links = [self.shared.link(world, node, server), self.shared.link(world, server, node)];
        let mut tcp = Connection::new(local, to);
        if let Some(bytes) = options.send_buffer {
            tcp.set_send_buffer(Side::Client, bytes);
        }
        if let Some(bytes) = options.receive_buffer {
            tcp.set_receive_buffer(Side::Client, bytes);
        }
        let requests =
            (!self.requests.off).then(|| Box::new(crate::request::Tracked::new(world.current_task())));
        let (index, generation) = self.conns.insert(|number| Conn {
            tcp,
            nodes: [node, server],
            links,
            waiters: Default::default(),
            listener: None,
            dialled: to,
            number,
            unattended: false,
            instant: false,
            requests,
        });
        match place {
            Place::Node(..) => {
                self.on_conn(world, (index, generation), |tcp, path| tcp.open(path));
            }
            Place::Nowhere => {
                let conn = self.conns.get(index, generation).expect("inserted just now");
                let end = conn.tcp.end_mut(Side::Client);
                (end.phase, end.owned) = (Phase::SynSent, true);
                self.shared.queue.at(world.now() + NO_SUCH_HOST_NS, Due::NoSuchHost { index, generation });
            }
        }
        Ok(SocketId { run: self.run, index, generation, side: Side::Client })
    }

    pub(crate) fn no_such_host(&mut self, world: &Rc<World>, key: (u32, u32)) {
        self.on_conn(world, key, |tcp, path| {
            if tcp.end(Side::Client).phase == Phase::SynSent {
                tcp.refuse(path, ErrorKind::HostUnreachable);
            }
        });
    }

    /// Runs a call on one end of a connection, or says that there is none.
    #[inline]
    pub(crate) fn on_socket<T>(
        &mut self,
        world: &World,
        id: SocketId,
        f: impl FnOnce(&mut Connection, &mut super::path::Path<'_>) -> Result<T, ErrorKind>,
    ) -> io::Result<T> {
        if id.run != self.run {
            return Err(error(ErrorKind::NotConnected));
        }
        self.on_conn(world, id.key(), f).unwrap_or(Err(ErrorKind::NotConnected)).map_err(error)
    }

    /// One end of a connection, if it is of this run and still there.
    pub(crate) fn socket(&mut self, id: SocketId) -> Option<&mut Conn> {
        if id.run == self.run { self.conns.get(id.index, id.generation) } else { None }
    }

    /// Registers whoever polls one direction of a socket.
    pub(crate) fn wait(&mut self, id: SocketId, interest: Interest, context: &Context<'_>, exclusive: bool) {
        if let Some(conn) = self.conns.get(id.index, id.generation) {
            let waiters = &mut conn.waiters[id.side as usize];
            if exclusive {
                waiters.register(interest, context, &mut self.shared.drops);
            } else {
                waiters.register_also(interest, context);
            }
        }
    }

    /// Takes bytes that arrived.
    #[inline]
    pub(crate) fn read(
        &mut self,
        world: &World,
        id: SocketId,
        into: &mut [u8],
        peek: bool,
    ) -> io::Result<usize> {
        let count = self.on_socket(world, id, |tcp, path| {
            if peek { tcp.peek(id.side, into) } else { tcp.read(path, id.side, into) }
        })?;
        if world.trace.is_recording() && !peek {
            self.note_read(world, id, count);
        }
        Ok(count)
    }

    /// Sends bytes, as many as there is room for.
    #[inline]
    pub(crate) fn write(&mut self, world: &Rc<World>, id: SocketId, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            let room = self.on_socket(world, id, |tcp, path| tcp.writable(path, id.side));
            return room
                .map(|_| 0)
                .or_else(|e| if e.kind() == ErrorKind::WouldBlock { Ok(0) } else { Err(e) });
        }
        let mut bytes = bytes;
        if self.shared.faults.any() {
            self.planned_outage(world, id);
            bytes = &bytes[..self.planned_length(world, bytes.len())];
        }
        match self.socket(id) {
            Some(conn) if conn.requests.is_some() => self.write_read_along(world, id, bytes),
            _ => self.write_through(world, id, bytes),
        }
    }

    /// Sends bytes without looking at them.
    #[inline]
    pub(crate) fn write_through(
        &mut self,
        world: &Rc<World>,
        id: SocketId,
        bytes: &[u8],
    ) -> io::Result<usize> {
        self.on_socket(world, id, |tcp, path| {
            if path.instant && !tcp.end(id.side.other()).owned {
                // A Unix socket looks at its peer, TCP has to ask.
                return Err(tcp.end_mut(id.side).error.take().unwrap_or(ErrorKind::BrokenPipe));
            }
            let sent = tcp.write(path, id.side, bytes)?;
            note_sent(world, path.number, path.nodes[id.side.other() as usize], id.side, &bytes[..sent]);
            Ok(sent)
        })
    }

    /// A device on the way ends the connection: both ends are told.
    pub(crate) fn reset_both(&mut self, world: &World, key: (u32, u32)) {
        self.on_conn(world, key, |tcp, path| {
            tcp.reset_from_outside(path, Side::Client);
            tcp.reset_from_outside(path, Side::Server);
        });
    }

    /// The application lets go of a socket. A crashing node says nothing, unless it is to look like a process
    /// that ended on a machine that did not.
    pub(crate) fn close(&mut self, world: &Rc<World>, id: SocketId) {
        let Some(conn) = self.socket(id) else { return };
        let node = conn.nodes[id.side as usize];
        let silent = !nodes(world).is_up(node) && self.crash_is_silent(node);
        let closed = self.on_conn(world, id.key(), |tcp, path| {
            if silent { tcp.vanish(path, id.side) } else { tcp.close(path, id.side) }
        });
        debug_assert!(closed.is_some(), "the connection was there");
    }

    /// Registers for, or answers, readiness of one direction.
    pub(crate) fn poll_ready(
        &mut self,
        world: &World,
        id: SocketId,
        interest: Interest,
        context: &Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(conn) = self.socket(id) else { return Poll::Ready(Err(os_error(crate::error::ENOTCONN))) };
        let ready = conn.tcp.readiness(world.now(), id.side);
        let hit = match interest {
            Interest::Read => ready.read,
            Interest::Write => ready.write,
        };
        if hit {
            return Poll::Ready(Ok(()));
        }
        if interest == Interest::Write {
            self.on_conn(world, id.key(), |tcp, path| tcp.want_room(path, id.side));
        }
        self.wait(id, interest, context, false);
        Poll::Pending
    }
}

/// Payload bytes go into the digest when they are handed over, whenever they arrive.
#[inline]
fn note_sent(world: &World, number: u64, to: NodeId, side: Side, bytes: &[u8]) {
    world.trace.digest_bytes(bytes);
    world.fact("tcp.data", &[number, side as u64, bytes.len() as u64], || {
        let (to, count) = (world.node_name(to), bytes.len());
        format!("connection {number} to {to}: {count} bytes, hash {:016x}", hash_of(bytes))
    });
}

/// What a fact says of bytes, so that those of two runs can be compared.
pub(crate) fn hash_of(bytes: &[u8]) -> u64 {
    let mut hash = Digest::new(0);
    hash.bytes(bytes);
    hash.value()
}
