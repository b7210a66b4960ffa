//! Names: what a resolver answers, and when it does not.
//!
//! Every node's name resolves to its address without a record, as in a cluster. Records come before node
//! names, so a scenario can move a name, give it several addresses, take it away, make it fail or slow.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;

use sim_host::ResolveError;
use sim_runtime::executor::World;
use sim_runtime::node::{Resolver, nodes};
use sim_runtime::task::NodeId;

use crate::network::State;

/// What the resolver says about one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// These addresses, in this order.
    Addresses(Vec<IpAddr>),
    /// No such name.
    Missing,
    /// The resolver cannot tell at the moment (`EAI_AGAIN`).
    Failing,
}

/// All records of a run.
#[derive(Debug, Default)]
pub(crate) struct Names {
    records: BTreeMap<String, Record>,
    /// How long an answer takes, by name.
    slow: BTreeMap<String, u64>,
    installed: bool,
}

impl Names {
    pub(crate) fn set(&mut self, name: &str, record: Record) {
        self.records.insert(name.to_ascii_lowercase(), record);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.records.remove(&name.to_ascii_lowercase());
    }

    pub(crate) fn slow(&mut self, name: &str, delay_ns: u64) {
        self.slow.insert(name.to_ascii_lowercase(), delay_ns);
    }

    /// Resolvers answer again, at once. Records that were changed on purpose stay.
    pub(crate) fn heal(&mut self) {
        self.slow.clear();
        self.records.retain(|_, record| *record != Record::Failing);
    }

    /// How long the answer takes, in nanoseconds.
    pub(crate) fn delay_ns(&self, host: &str) -> u64 {
        if self.slow.is_empty() {
            return 0;
        }
        self.slow.get(&host.to_ascii_lowercase()).copied().unwrap_or(0)
    }

    /// The addresses of `host` as seen from anywhere.
    pub(crate) fn look_up(&self, world: &World, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(vec![ip]);
        }
        let name = host.trim_end_matches('.');
        let lower: Cow<'_, str> = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => name.to_ascii_lowercase().into(),
            false => name.into(),
        };
        match self.records.get(&*lower) {
            Some(Record::Addresses(addresses)) if !addresses.is_empty() => return Ok(addresses.clone()),
            Some(Record::Failing) => return Err(ResolveError::Unavailable),
            Some(Record::Missing | Record::Addresses(_)) => return Err(ResolveError::Unknown),
            None => {}
        }
        if lower == "localhost" {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let nodes = nodes(world);
        let node = nodes.find(&lower).or_else(|| nodes.find(host));
        node.map(|node: NodeId| vec![nodes.address(node)]).ok_or(ResolveError::Unknown)
    }

    /// Makes the C library's `getaddrinfo` ask here, from the first record on.
    pub(crate) fn install(&mut self, world: &World) {
        if !std::mem::replace(&mut self.installed, true) {
            world.extension::<Rc<dyn Resolver>>(|| Rc::new(Hook));
        }
    }
}

/// Answers `getaddrinfo` of code under test. It blocks the caller, so a slow answer moves the clock.
struct Hook;

impl Resolver for Hook {
    fn resolve(&self, world: &Rc<World>, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let (delay, answer) =
            crate::network::with(|state, world| (state.names.delay_ns(host), state.look_up(world, host)));
        world.advance(delay);
        answer
    }
}

impl State {
    /// The addresses of a name, unless the plan lets the resolver fail.
    pub(crate) fn look_up(&self, world: &World, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let faults = &self.shared.faults;
        if faults.any() && faults.strike(world, "dns.failure", || format!("look-up of {host}")) {
            faults.had_effect("dns.failure");
            return Err(ResolveError::Unavailable);
        }
        self.names.look_up(world, host)
    }
}

/// What a failed look-up tells the caller: which name, and what is known instead.
pub(crate) fn failure(world: &World, host: &str, why: ResolveError) -> std::io::Error {
    let known: Vec<String> = nodes(world).all().iter().map(|(_, name)| name.to_string()).collect();
    let (kind, reason) = match why {
        ResolveError::Unknown => (std::io::ErrorKind::NotFound, "no node and no record has this name"),
        _ => (std::io::ErrorKind::Other, "the resolver fails at the moment"),
    };
    std::io::Error::new(kind, format!("cannot resolve `{host}`: {reason}; nodes are: {}", known.join(", ")))
}
