//! Connections within a node that take no time: Unix sockets.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use sim_runtime::executor::World;
use sim_runtime::task::NodeId;

use super::calls::SocketId;
use super::state::{Conn, ListenerId, State};
use crate::error::error;
use crate::tcp::{Connection, Phase, Side};

/// Unix sockets have paths; the connection beneath wants addresses.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl State {
    pub(crate) fn unix_listen(&mut self, node: NodeId, path: &str, backlog: usize) -> io::Result<ListenerId> {
        if self.unix_listener(node, path).is_some() {
            return Err(error(ErrorKind::AddrInUse));
        }
        let path: Rc<str> = path.into();
        self.paths.insert((node, Rc::clone(&path)));
        Ok(self.add_listener(node, NOWHERE, backlog, Some(path)))
    }

    fn unix_listener(&self, node: NodeId, path: &str) -> Option<ListenerId> {
        let here = |listener: &super::state::Listener| {
            listener.node == node && listener.path.as_deref().is_some_and(|p| p == path)
        };
        self.shared.listeners.iter().find(|(_, listener)| here(listener)).map(|(id, _)| *id)
    }

    pub(crate) fn unix_dial(&mut self, world: &Rc<World>, node: NodeId, path: &str) -> io::Result<SocketId> {
        let Some(listener) = self.unix_listener(node, path) else {
            let left = self.paths.contains(&(node, Rc::from(path)));
            return Err(error(if left { ErrorKind::ConnectionRefused } else { ErrorKind::NotFound }));
        };
        let full = self.shared.listeners.get(&listener).is_some_and(|l| l.queue.len() > l.backlog);
        if full {
            return Err(error(ErrorKind::WouldBlock));
        }
        let id = self.unix_connection(world, node, Some(listener));
        self.on_conn(world, id.key(), |tcp, path| tcp.open(path));
        Ok(id)
    }

    pub(crate) fn unix_pair(&mut self, world: &Rc<World>, node: NodeId) -> (SocketId, SocketId) {
        let a = self.unix_connection(world, node, None);
        if let Some(conn) = self.socket(a) {
            for side in [Side::Client, Side::Server] {
                let end = conn.tcp.end_mut(side);
                (end.phase, end.owned) = (Phase::Open, true);
            }
        }
        (a, SocketId { side: Side::Server, ..a })
    }

    fn unix_connection(&mut self, world: &Rc<World>, node: NodeId, listener: Option<ListenerId>) -> SocketId {
        let link = self.shared.link(world, node, node);
        let (index, generation) = self.conns.insert(|number| Conn {
            tcp: Connection::new(NOWHERE, NOWHERE),
            nodes: [node, node],
            links: [link, link],
            waiters: Default::default(),
            listener,
            dialled: NOWHERE,
            number,
            unattended: false,
            instant: true,
            requests: None,
        });
        SocketId { run: self.run, index, generation, side: Side::Client }
    }
}
