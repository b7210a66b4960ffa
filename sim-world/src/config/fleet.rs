//! Services, their nodes and their environments.

use super::Variable;
use super::drift::{Drift, find};
use crate::shared::Shared;
use sim_runtime::Sim;
use sim_runtime::executor::{sleep, with_current};
use sim_runtime::node::{Node, nodes};
use std::time::Duration;

/// What a service is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Real customers, real money.
    Live,
    /// A copy to try things on.
    Test,
}

/// The nodes of services and what their configuration should be; see the [module](super). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fleet {
    sim: Sim,
    state: Shared<State>,
}

#[derive(Debug, Default)]
struct State {
    services: Vec<Service>,
    declared: Vec<Variable>,
    /// Of the environments when they were last looked at, and what was found.
    looked: Option<(u64, Vec<Drift>)>,
}

/// A service: nodes that should be alike.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) stage: Stage,
    pub(super) nodes: Vec<Node>,
}

/// The variable that holds a node's version.
const VERSION: &str = "APP_VERSION";

impl Fleet {
    /// A fleet without services.
    pub fn new(sim: &Sim) -> Self {
        let fleet = Self { sim: *sim, state: Shared::default() };
        fleet.declare(Variable::optional(VERSION).differs());
        fleet
    }

    /// A service and its nodes, which are added if they are not there; in place of an earlier one of that name.
    pub fn service(&self, name: &str, stage: Stage, node_names: &[&str]) {
        let nodes = node_names.iter().map(|name| self.sim.node(name)).collect();
        self.change(|state| {
            state.services.retain(|service| service.name != name);
            state.services.push(Service { name: name.to_owned(), stage, nodes });
        });
    }

    /// Says what a variable is expected to be, in place of what was said before.
    pub fn declare(&self, variable: Variable) {
        self.change(|state| {
            state.declared.retain(|known| known.name != variable.name);
            state.declared.push(variable);
        });
    }

    /// The nodes of a service.
    ///
    /// # Panics
    ///
    /// If there is no such service.
    pub fn nodes(&self, service: &str) -> Vec<Node> {
        let known: Vec<Service> = self.state.with(|state| state.services.clone());
        let found = known.iter().find(|known| known.name == service);
        let Some(found) = found else {
            let names: Vec<&str> = known.iter().map(|known| &*known.name).collect();
            panic!("there is no service `{service}`; services are: {}", names.join(", "))
        };
        found.nodes.clone()
    }

    /// Sets a variable on all nodes of a service.
    ///
    /// # Panics
    ///
    /// If there is no such service, or the name or value cannot be a variable's.
    pub fn set(&self, service: &str, name: &str, value: &str) {
        self.nodes(service).into_iter().for_each(|node| node.set_variable(name, value));
    }

    /// Sets a variable on one node.
    ///
    /// # Panics
    ///
    /// If the name or value cannot be a variable's.
    pub fn set_on(&self, node: &str, name: &str, value: &str) {
        self.sim.node(node).set_variable(name, value);
    }

    /// Removes a variable from one node.
    pub fn remove_on(&self, node: &str, name: &str) {
        self.sim.node(node).remove_variable(name);
    }

    /// Sets a variable on all nodes of a service after a while, one node after the other in the order they were
    /// given, `apart` from each other: how changes arrive.
    ///
    /// # Panics
    ///
    /// If there is no such service.
    pub fn set_after(&self, after: Duration, apart: Duration, service: &str, name: &str, value: &str) {
        let (nodes, name, value) = (self.nodes(service), name.to_owned(), value.to_owned());
        drop(self.sim.spawn(async move {
            sleep(after).await;
            for node in nodes {
                node.set_variable(&name, &value);
                sleep(apart).await;
            }
        }));
    }

    /// Notes which version a node runs; the node sees it as `APP_VERSION`.
    pub fn set_version(&self, node: &str, version: &str) {
        self.set_on(node, VERSION, version);
    }

    /// The version noted for a node.
    pub fn version(&self, node: &str) -> Option<String> {
        self.sim.node(node).variable(VERSION)
    }

    /// All that is not as it should be, at this moment.
    pub fn drift(&self) -> Vec<Drift> {
        let changes = with_current(|world| nodes(world).environment_changes());
        if let Some(found) = self.state.with(|state| match &state.looked {
            Some((at, found)) if *at == changes => Some(found.clone()),
            _ => None,
        }) {
            return found;
        }
        let (services, declared) = self.state.with(|state| (state.services.clone(), state.declared.clone()));
        let found: Vec<Drift> = services.iter().flat_map(|service| find(service, &declared)).collect();
        self.state.with(|state| state.looked = Some((changes, found.clone())));
        found
    }

    /// For [`Sim::always`]: nothing drifts. Cheap: environments are looked at only when one has changed or code
    /// has asked for a variable.
    ///
    /// # Errors
    ///
    /// All drift there is, by name and node.
    pub fn no_drift(&self) -> Result<(), String> {
        let found = self.drift();
        if found.is_empty() {
            return Ok(());
        }
        Err(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    fn change(&self, f: impl FnOnce(&mut State)) {
        self.state.with(|state| {
            state.looked = None;
            f(state);
        });
    }
}
