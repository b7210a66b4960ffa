//! The world around one connection: links with their lanes, the listener, the agenda, the waiters.

use std::net::SocketAddr;

use sim_runtime::executor::World;
use sim_runtime::task::NodeId;

use super::queue::Due;
use super::state::{ListenerId, Shared, State, Waiters};
use crate::link::{LinkId, Passage};
use crate::tcp::{Connection, Event, Readiness, Side, Timer, Welcome, Wire};

/// Implements [`Wire`] for the length of one call.
pub(crate) struct Path<'a> {
    pub(crate) world: &'a World,
    pub(crate) shared: &'a mut Shared,
    pub(crate) waiters: &'a mut [Waiters; 2],
    pub(crate) nodes: [NodeId; 2],
    pub(crate) links: [LinkId; 2],
    pub(crate) key: (u32, u32),
    pub(crate) number: u64,
    pub(crate) listener: &'a mut Option<ListenerId>,
    pub(crate) dialled: SocketAddr,
    pub(crate) unattended: bool,
    pub(crate) instant: bool,
}

impl State {
    /// Calls a connection within its world; `None` when it is gone.
    #[inline]
    pub(crate) fn on_conn<T>(
        &mut self,
        world: &World,
        key: (u32, u32),
        f: impl FnOnce(&mut Connection, &mut Path<'_>) -> T,
    ) -> Option<T> {
        let conn = self.conns.get(key.0, key.1)?;
        let mut path = Path {
            world,
            shared: &mut self.shared,
            waiters: &mut conn.waiters,
            nodes: conn.nodes,
            links: conn.links,
            key,
            number: conn.number,
            listener: &mut conn.listener,
            dialled: conn.dialled,
            unattended: conn.unattended,
            instant: conn.instant,
        };
        let value = f(&mut conn.tcp, &mut path);
        if conn.tcp.unobserved() {
            self.reap(key);
        }
        Some(value)
    }
}

impl Wire for Path<'_> {
    #[inline]
    fn now(&self) -> u64 {
        self.world.now()
    }

    #[inline]
    fn pass(&mut self, from: Side, at_ns: u64, bytes: usize) -> Passage {
        if self.instant {
            self.shared.due_at_once = true;
            return Passage::Arrives(at_ns);
        }
        let id = self.links[from as usize];
        if let Some(fate) = self.shared.planned_fate(self.world, id, at_ns, bytes) {
            return fate;
        }
        self.shared.links.get_mut(id).pass(at_ns, bytes, &mut &self.shared.lanes[id.0 as usize])
    }

    #[inline]
    fn trip_ns(&self, from: Side) -> Option<u64> {
        if self.instant {
            return Some(0);
        }
        let link = self.shared.links.get(self.links[from as usize]);
        (!link.blocked()).then(|| link.calm_ns())
    }

    fn unreachable(&self, from: Side) -> bool {
        self.shared.links.get(self.links[from as usize]).unreachable()
    }

    #[inline]
    fn up(&self, side: Side) -> bool {
        !self.shared.is_down(self.nodes[side as usize])
    }

    #[inline]
    fn timer(&mut self, at_ns: u64, side: Side, timer: Timer) {
        let (index, generation) = self.key;
        self.shared.queue.at(at_ns, Due::Connection { index, generation, side, timer });
    }

    #[inline]
    fn ready(&mut self, side: Side, readiness: Readiness) {
        if self.unattended && side == Side::Client {
            self.shared.unattended.push(self.key);
        }
        // Whoever reads what came will answer.
        self.shared.call_link(self.links[side as usize]);
        self.waiters[side as usize].wake(readiness, &mut self.shared.wakes);
    }

    fn welcome(&mut self) -> Welcome {
        if self.listener.is_none() {
            *self.listener = self.shared.listener_at(self.nodes[Side::Server as usize], self.dialled);
        }
        match self.listener.and_then(|id| self.shared.listeners.get(&id)) {
            None => Welcome::Refuse,
            // As on Linux a backlog of n holds n + 1.
            Some(listener) if listener.queue.len() > listener.backlog => Welcome::Full,
            Some(_) => Welcome::Accept,
        }
    }

    fn enqueue(&mut self) -> bool {
        let Some(listener) = self.listener.and_then(|id| self.shared.listeners.get_mut(&id)) else {
            return false;
        };
        listener.queue.push_back(self.key);
        listener.waiters.wake(Readiness::READ, &mut self.shared.wakes);
        true
    }

    fn event(&mut self, side: Side, event: Event) {
        let (me, peer) = (self.nodes[side as usize], self.nodes[side.other() as usize]);
        let words = [self.number, side as u64, event as u64];
        let (world, number) = (self.world, self.number);
        world.on_node(me, || {
            world.fact("tcp", &words, || {
                let peer = world.node_name(peer);
                match event {
                    Event::Connecting => format!("connection {number} to {peer}: opening"),
                    Event::Connected => format!("connection {number} with {peer}: established"),
                    Event::Finished => format!("connection {number} with {peer}: sends no more"),
                    Event::Aborted => format!("connection {number} with {peer}: aborts"),
                    Event::Reset => format!("connection {number} with {peer}: was reset"),
                    Event::TimedOut => format!("connection {number} with {peer}: gave up waiting"),
                    Event::Stuck => format!("connection {number} with {peer}: what it sent does not arrive"),
                }
            });
        });
    }
}
