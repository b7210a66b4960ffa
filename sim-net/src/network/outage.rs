//! Rules that begin and end, machines that die and come back.

use std::rc::Rc;

use sim_runtime::executor::World;
use sim_runtime::task::NodeId;

use super::state::State;
use crate::control::WhenDown;
use crate::link::{Effect, LinkId, RuleId, Selector};
use crate::tcp::{Linger, Side};

impl State {
    /// Puts a rule in force. A cut or hold also catches what is in flight.
    pub(crate) fn begin(&mut self, world: &Rc<World>, links: Selector, effect: Effect) -> RuleId {
        let (id, blocked) = self.shared.links.begin(links, effect);
        for link in blocked {
            self.on_link(world, link, |tcp, path, side| tcp.link_blocked(path, side));
            self.datagrams_blocked(link);
        }
        id
    }

    /// Ends a rule.
    pub(crate) fn end(&mut self, world: &Rc<World>, id: RuleId) {
        let kept = self.shared.links.holds(id);
        let opened = self.shared.links.end(id);
        self.opened(world, opened, kept);
    }

    /// Ends all rules.
    pub(crate) fn heal_all(&mut self, world: &Rc<World>) {
        self.requests.heal();
        let opened = self.shared.links.heal_all();
        self.opened(world, opened, true);
        self.release_all_requests(world);
        self.names.heal();
    }

    fn opened(&mut self, world: &Rc<World>, links: Vec<LinkId>, kept: bool) {
        for link in links {
            self.on_link(world, link, |tcp, path, side| tcp.link_open(path, side, kept));
            self.datagrams_released(world, link);
        }
    }

    fn on_link(
        &mut self,
        world: &Rc<World>,
        link: LinkId,
        f: impl Fn(&mut crate::tcp::Connection, &mut super::path::Path<'_>, Side),
    ) {
        for key in self.conns.keys() {
            let Some(conn) = self.conns.get(key.0, key.1) else { continue };
            let links = conn.links;
            for side in [Side::Client, Side::Server] {
                if links[side as usize] == link {
                    self.on_conn(world, key, |tcp, path| f(tcp, path, side));
                }
            }
        }
    }

    pub(crate) fn crash_is_silent(&self, node: NodeId) -> bool {
        self.when_down.get(&node).copied().unwrap_or_default() == WhenDown::Silent
    }

    /// The node's tasks are gone; what sockets they leaked go now.
    pub(crate) fn node_crashed(&mut self, world: &Rc<World>, node: NodeId) {
        let silent = self.crash_is_silent(node);
        if silent {
            let index = node.0 as usize;
            if self.shared.down.len() <= index {
                self.shared.down.resize(index + 1, false);
            }
            self.shared.down[index] = true;
        }
        let listeners: Vec<_> =
            self.shared.listeners.iter().filter(|(_, l)| l.node == node).map(|(id, _)| *id).collect();
        for id in listeners {
            if silent {
                self.shared.listeners.remove(&id);
            } else {
                self.unlisten(world, id);
            }
        }
        self.ports.forget(node);
        self.udp.forget(node);
        if self.conns.is_empty() {
            return;
        }
        for key in self.conns.keys() {
            let Some(conn) = self.conns.get(key.0, key.1) else { continue };
            let nodes = conn.nodes;
            for side in [Side::Client, Side::Server] {
                if nodes[side as usize] == node {
                    self.on_conn(world, key, |tcp, path| {
                        if silent {
                            tcp.vanish(path, side);
                        } else {
                            tcp.end_mut(side).linger = Linger::Reset;
                            tcp.close(path, side);
                        }
                    });
                }
            }
        }
    }

    /// The node answers again, and knows nothing of its former connections.
    pub(crate) fn node_booted(&mut self, world: &Rc<World>, node: NodeId) {
        let Some(down) = self.shared.down.get_mut(node.0 as usize) else { return };
        if !std::mem::replace(down, false) {
            return;
        }
        for key in self.conns.keys() {
            let Some(conn) = self.conns.get(key.0, key.1) else { continue };
            let nodes = conn.nodes;
            for side in [Side::Client, Side::Server] {
                if nodes[side.other() as usize] == node {
                    self.on_conn(world, key, |tcp, path| tcp.link_open(path, side, false));
                }
            }
        }
    }
}
