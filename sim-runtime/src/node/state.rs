//! The nodes of a run, and who is told of their fate.

use crate::executor::{World, spawn_on};
use crate::task::NodeId;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

/// How a node boots: its main function, and where the scenario says so.
#[derive(Clone)]
pub(super) struct Boot {
    pub(super) main: Rc<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>,
    pub(super) written_at: &'static Location<'static>,
}

/// Told what happens to nodes. The network closes a crashed node's sockets here, a disk loses
/// what was not synced.
pub trait Lifecycle {
    /// The node is about to run its boot function.
    fn booted(&self, _world: &Rc<World>, _node: NodeId) {}
    /// The node's tasks are gone. Also called for every node that is up when the run ends.
    fn crashed(&self, _world: &Rc<World>, _node: NodeId) {}
    /// The liveness phase begins: whatever was broken on purpose must be mended.
    fn healed(&self, _world: &Rc<World>) {}
    /// What to show when the run has stalled, in a few lines.
    fn describe(&self, _world: &Rc<World>) -> Option<String> {
        None
    }
}

/// One node.
pub struct NodeState {
    address: IpAddr,
    variables: BTreeMap<Vec<u8>, CString>,
    /// Names that code on the node has asked for, and whether they were set when it last did.
    asked: BTreeMap<Vec<u8>, bool>,
    /// One of each type.
    configs: Vec<Rc<dyn Any>>,
    boot: Option<Boot>,
    up: bool,
    boots: u32,
}

/// All nodes of a run. Reached by [`nodes`].
#[derive(Default)]
pub struct Nodes {
    /// By number, from 1; number 0 is the scenario.
    states: RefCell<BTreeMap<NodeId, NodeState>>,
    by_name: RefCell<BTreeMap<Arc<str>, NodeId>>,
    lifecycles: RefCell<Vec<Rc<dyn Lifecycle>>>,
    environment_changes: Cell<u64>,
}

/// The nodes of this run.
pub fn nodes(world: &World) -> Rc<Nodes> {
    world.extension(Nodes::default)
}

const NAME_LENGTH_MAX: usize = 63;

/// Whether a node may have this name: it could be a host name.
pub(super) fn is_legal_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !name.is_empty() && name.len() <= NAME_LENGTH_MAX && name.bytes().all(legal)
}

impl Nodes {
    pub(super) fn find_or_add(&self, world: &World, name: &str) -> NodeId {
        if let Some(node) = self.find(name) {
            return node;
        }
        assert!(
            is_legal_name(name),
            "`{name}` cannot name a node: use 1 to {NAME_LENGTH_MAX} letters, digits, `-`, `_` or `.`"
        );
        let node = world.add_node(name);
        let [_, high, low, _] = (node.0 << 8).to_be_bytes();
        let [_, _, _, last] = node.0.to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(10, high, low, last));
        let state = NodeState {
            address,
            variables: BTreeMap::new(),
            asked: BTreeMap::new(),
            configs: Vec::new(),
            boot: None,
            up: true,
            boots: 0,
        };
        self.states.borrow_mut().insert(node, state);
        self.by_name.borrow_mut().insert(name.into(), node);
        node
    }

    /// The node with this name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.by_name.borrow().get(name).copied()
    }

    /// The node with this address.
    pub fn at_address(&self, address: IpAddr) -> Option<NodeId> {
        self.states.borrow().iter().find(|(_, state)| state.address == address).map(|(node, _)| *node)
    }

    /// All nodes with their names, in the order they were added; without the scenario.
    pub fn all(&self) -> Vec<(NodeId, Arc<str>)> {
        let mut all: Vec<_> =
            self.by_name.borrow().iter().map(|(name, node)| (*node, name.clone())).collect();
        all.sort_unstable_by_key(|(node, _)| *node);
        all
    }

    /// The address of a node; the scenario's own code is at 10.255.255.254.
    pub fn address(&self, node: NodeId) -> IpAddr {
        self.states
            .borrow()
            .get(&node)
            .map_or(IpAddr::V4(Ipv4Addr::new(10, 255, 255, 254)), |state| state.address)
    }

    pub(super) fn set_address(&self, node: NodeId, address: IpAddr) {
        let taken = self.at_address(address).filter(|other| *other != node);
        assert!(taken.is_none(), "address {address} belongs to another node already");
        self.with_mut(node, |state| state.address = address);
    }

    pub(super) fn set_variable(&self, node: NodeId, name: &str, value: Option<&str>) {
        self.environment_changed();
        let legal = !name.is_empty() && !name.contains(['=', '\0']);
        assert!(legal, "`{name}` cannot name an environment variable");
        self.with_mut(node, |state| match value {
            Some(value) => {
                let value =
                    CString::new(value).expect("an environment variable has no NUL byte in its value");
                state.variables.insert(name.as_bytes().to_vec(), value);
            }
            None => drop(state.variables.remove(name.as_bytes())),
        });
    }

    pub(super) fn set_variable_bytes(&self, node: NodeId, name: &[u8], value: Option<&[u8]>) -> bool {
        self.environment_changed();
        let mut states = self.states.borrow_mut();
        let Some(state) = states.get_mut(&node) else { return false };
        match value {
            Some(value) => {
                let value = CString::new(value).expect("C strings have no NUL byte inside");
                state.variables.insert(name.to_vec(), value);
            }
            None => drop(state.variables.remove(name)),
        }
        true
    }

    pub(super) fn variable(&self, node: NodeId, name: &[u8]) -> Option<CString> {
        self.states.borrow().get(&node)?.variables.get(name).cloned()
    }

    /// As [`Nodes::variable`], for code that runs on the node: what it asks for is noted.
    pub(super) fn ask_variable(&self, node: NodeId, name: &[u8]) -> Option<CString> {
        let mut states = self.states.borrow_mut();
        let state = states.get_mut(&node)?;
        let value = state.variables.get(name).cloned();
        if state.asked.get(name) != Some(&value.is_some()) {
            state.asked.insert(name.to_vec(), value.is_some());
            self.environment_changed();
        }
        value
    }

    pub(super) fn variables(&self, node: NodeId) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let states = self.states.borrow();
        let variables = states.get(&node).into_iter().flat_map(|state| &state.variables);
        variables.map(|(name, value)| (text(name), text(value.to_bytes()))).collect()
    }

    pub(super) fn asked_variables(&self, node: NodeId) -> Vec<(String, bool)> {
        let states = self.states.borrow();
        let asked = states.get(&node).into_iter().flat_map(|state| &state.asked);
        asked.map(|(name, set)| (String::from_utf8_lossy(name).into_owned(), *set)).collect()
    }

    /// Grows whenever a variable of any node is set, removed, or asked for with another result than before: whoever
    /// looks at environments after every step need only look when this has changed.
    pub fn environment_changes(&self) -> u64 {
        self.environment_changes.get()
    }

    fn environment_changed(&self) {
        self.environment_changes.set(self.environment_changes.get() + 1);
    }

    pub(super) fn set_config<T: 'static>(&self, node: NodeId, config: Rc<T>) {
        self.with_mut(node, |state| {
            state.configs.retain(|other| !other.is::<T>());
            state.configs.push(config);
        });
    }

    pub(super) fn config<T: 'static>(&self, node: NodeId) -> Option<Rc<T>> {
        let states = self.states.borrow();
        states.get(&node)?.configs.iter().find_map(|config| config.clone().downcast().ok())
    }

    pub(super) fn set_boot(&self, node: NodeId, boot: Boot) {
        self.with_mut(node, |state| state.boot = Some(boot));
    }

    /// Whether a node is up; the scenario always is.
    pub fn is_up(&self, node: NodeId) -> bool {
        self.states.borrow().get(&node).is_none_or(|state| state.up)
    }

    pub(super) fn boots(&self, node: NodeId) -> u32 {
        self.states.borrow().get(&node).map_or(0, |state| state.boots)
    }

    /// Adds someone to be told.
    pub fn register(&self, lifecycle: Rc<dyn Lifecycle>) {
        self.lifecycles.borrow_mut().push(lifecycle);
    }

    fn tell(&self, tell: impl Fn(&dyn Lifecycle)) {
        let lifecycles = self.lifecycles.borrow().clone();
        lifecycles.iter().for_each(|lifecycle| tell(&**lifecycle));
    }

    fn with_mut<T>(&self, node: NodeId, f: impl FnOnce(&mut NodeState) -> T) -> T {
        f(self.states.borrow_mut().get_mut(&node).expect("nodes are never removed"))
    }
}

impl World {
    /// Crashes a node; nothing if it is down.
    pub(crate) fn crash_node(self: &Rc<Self>, node: NodeId) {
        let nodes = nodes(self);
        let was_up = nodes.with_mut(node, |state| std::mem::replace(&mut state.up, false));
        if !was_up {
            return;
        }
        if nodes.boots(node) > 0 {
            self.on_node(node, || self.fact("node.crashed", &[u64::from(node.0)], String::new));
        }
        self.drop_tasks(Some(node));
        nodes.tell(|lifecycle| lifecycle.crashed(self, node));
    }

    /// Boots a node that is down; nothing if it is up.
    pub(crate) fn boot_node(self: &Rc<Self>, node: NodeId) {
        let nodes = nodes(self);
        let boot = nodes.with_mut(node, |state| {
            (!std::mem::replace(&mut state.up, true)).then(|| {
                state.boots += 1;
                state.boot.clone()
            })
        });
        let Some(boot) = boot else { return };
        self.on_node(node, || self.fact("node.booted", &[u64::from(node.0)], String::new));
        nodes.tell(|lifecycle| lifecycle.booted(self, node));
        if let Some(boot) = boot {
            // What `main` does before its first await belongs to the node too.
            let written_at = boot.written_at;
            drop(spawn_on(self, node, written_at, async move { (boot.main)().await }));
        }
    }

    /// Mends everything: paused nodes resume, nodes that are down and know how to boot do so, and
    /// whoever is registered mends its part.
    pub(crate) fn heal_nodes(self: &Rc<Self>) {
        let nodes = nodes(self);
        nodes.tell(|lifecycle| lifecycle.healed(self));
        for (node, _) in nodes.all() {
            self.resume_node(node);
            let can_boot = nodes.with_mut(node, |state| state.boot.is_some());
            if can_boot {
                self.boot_node(node);
            }
        }
    }

    /// What the registered parts have to show about a stalled run.
    pub(crate) fn describe_nodes(self: &Rc<Self>) -> Vec<String> {
        let lifecycles = nodes(self).lifecycles.borrow().clone();
        lifecycles.iter().filter_map(|lifecycle| lifecycle.describe(self)).collect()
    }

    /// Tells everyone that every node is gone, before the run ends.
    pub(crate) fn power_off(self: &Rc<Self>) {
        for (node, _) in nodes(self).all() {
            self.crash_node(node);
        }
        nodes(self).lifecycles.take();
    }
}
