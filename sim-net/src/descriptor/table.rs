//! Which descriptor stands for which socket.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use sim_runtime::executor::World;
use sim_runtime::node::{Lifecycle, nodes};
use sim_runtime::task::NodeId;

use super::Socket;
use crate::tcp::Keepalive;
use crate::tcp::limits::KEEPALIVE;

/// An open socket, shared by all copies of a descriptor.
pub(super) struct Opened {
    socket: RefCell<Socket>,
    pub(super) send_timeout: Cell<Option<Duration>>,
    pub(super) receive_timeout: Cell<Option<Duration>>,
    pub(super) keepalive: Cell<(bool, Keepalive)>,
}

impl Opened {
    pub(super) fn socket(&self) -> Socket {
        self.socket.borrow().clone()
    }

    pub(super) fn become_(&self, socket: Socket) {
        // What it was is dropped when nothing is borrowed: it may be the last that holds a connection.
        let before = self.socket.replace(socket);
        drop(before);
    }
}

struct Slot {
    /// In order of opening: descriptors are the host's numbers.
    serial: u64,
    node: NodeId,
    opened: Rc<Opened>,
}

/// All descriptors of a run.
#[derive(Default)]
pub(super) struct Table {
    slots: RefCell<BTreeMap<i32, Slot>>,
    opened: Cell<u64>,
}

/// The table of this run.
pub(super) fn table(world: &Rc<World>) -> Rc<Table> {
    if let Some(table) = world.try_extension::<Table>() {
        return table;
    }
    nodes(world).register(Rc::new(Watch));
    world.extension(Table::default)
}

impl Table {
    pub(super) fn get(&self, fd: i32) -> Option<Rc<Opened>> {
        self.slots.borrow().get(&fd).map(|slot| Rc::clone(&slot.opened))
    }

    /// The descriptor stands for `socket` from now on.
    pub(super) fn put(&self, world: &World, fd: i32, socket: Socket) -> Rc<Opened> {
        if let Some(opened) = self.get(fd) {
            opened.become_(socket);
            return opened;
        }
        let opened = Rc::new(Opened {
            socket: RefCell::new(socket),
            send_timeout: Cell::default(),
            receive_timeout: Cell::default(),
            keepalive: Cell::new((false, KEEPALIVE)),
        });
        self.insert(world.current_node(), fd, Rc::clone(&opened));
        opened
    }

    fn insert(&self, node: NodeId, fd: i32, opened: Rc<Opened>) {
        self.opened.set(self.opened.get() + 1);
        let slot = Slot { serial: self.opened.get(), node, opened };
        let before = self.slots.borrow_mut().insert(fd, slot);
        drop(before);
    }

    pub(super) fn duplicate(&self, fd: i32, copy: i32) {
        let of = self.slots.borrow().get(&fd).map(|slot| (slot.node, Rc::clone(&slot.opened)));
        if let Some((node, opened)) = of {
            self.insert(node, copy, opened);
        }
    }

    /// The descriptor is closed. Drop the answer when nothing is borrowed.
    pub(super) fn remove(&self, fd: i32) -> Option<Rc<Opened>> {
        self.slots.borrow_mut().remove(&fd).map(|slot| slot.opened)
    }

    /// What a node's tasks have left open is closed.
    fn node_crashed(&self, node: NodeId) {
        let mut left: Vec<Slot> = {
            let mut slots = self.slots.borrow_mut();
            slots.extract_if(.., |_, slot| slot.node == node).map(|(_, slot)| slot).collect()
        };
        left.sort_by_key(|slot| slot.serial);
        left.into_iter().for_each(drop);
    }
}

/// The table's part in what happens to nodes.
struct Watch;

impl Lifecycle for Watch {
    fn crashed(&self, world: &Rc<World>, node: NodeId) {
        table(world).node_crashed(node);
    }
}
