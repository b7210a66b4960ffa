//! The simulated machine as the C library sees it: every question is answered for the node whose
//! task is running.

use super::disk::disks;
use super::output::Output;
use super::state::nodes;
use crate::executor::World;
use crate::tape::Entropy;
use crate::task::NodeId;
use sim_host::{Machine, Refused, ResolveError, Sockets, Variable, Verdict, Waited};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::net::IpAddr;
use std::rc::Rc;

/// Answers names to addresses; the network puts one in the world as `Rc<dyn Resolver>`
/// (an extension of that type). Without one, node names resolve to their addresses.
pub trait Resolver {
    /// The addresses of `host` as the running task's node sees them.
    ///
    /// # Errors
    ///
    /// As the C library's `getaddrinfo`.
    fn resolve(&self, world: &Rc<World>, host: &str) -> Result<Vec<IpAddr>, ResolveError>;
}

/// Files of the host that code inside the run has read, by path.
#[derive(Default)]
pub(crate) struct HostFiles(RefCell<BTreeSet<String>>);

impl HostFiles {
    /// Those of this run.
    pub(crate) fn of(world: &World) -> BTreeSet<String> {
        world.try_extension::<HostFiles>().map(|files| files.0.borrow().clone()).unwrap_or_default()
    }
}

/// A world as a [`Machine`], for the hooks of the C library.
pub struct Hosted {
    world: Rc<World>,
    entropy: RefCell<BTreeMap<NodeId, Entropy>>,
    output: Output,
}

/// Variables of the host that nodes see too: they steer tools, not services.
const HOST_VARIABLES: [&[u8]; 4] = [b"RUST_", b"CARGO_", b"INSTA_", b"SIM_"];

impl Hosted {
    /// The machine of this world.
    pub fn new(world: &Rc<World>) -> Self {
        Self { world: world.clone(), entropy: RefCell::default(), output: Output::default() }
    }
}

impl Machine for Hosted {
    fn monotonic_ns(&self) -> u64 {
        let now = self.world.read_clock() + self.world.lead();
        self.world.skew(self.world.current_node()).monotonic(now)
    }

    fn wall_ns(&self) -> u64 {
        let now = self.world.read_clock() + self.world.lead();
        self.world.skew(self.world.current_node()).wall(now)
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        let node = self.world.current_node();
        let mut entropy = self.entropy.borrow_mut();
        let of_node = || self.world.tape.entropy(&self.world.node_name(node));
        entropy.entry(node).or_insert_with(of_node).fill(out);
    }

    fn blocking_sleep(&self, ns: u64) {
        self.world.sleep_blocking(ns);
    }

    fn blocking_wait(&self, word: usize, limit_ns: Option<u64>, still_waiting: &dyn Fn() -> bool) -> Waited {
        sim_host::inside(|| self.world.wait_on_word(word, limit_ns, still_waiting))
    }

    fn hosts_threads(&self) -> bool {
        self.world.hosts_threads()
    }

    fn thread_started(&self, guest: sim_host::turns::Guest) {
        self.world.adopt_thread(guest);
    }

    fn enter_thread(&self) -> Box<dyn std::any::Any> {
        self.world.enter_thread()
    }

    fn blocking_yield(&self) {
        if self.world.hosts_threads() {
            sim_host::inside(|| self.world.yield_blocking());
        }
    }

    fn raise(&self, signal: i32) {
        sim_host::inside(|| self.world.raise(self.world.current_node(), signal));
    }

    fn blocking_wake(&self, word: usize, _count: u32) {
        self.world.wake_word(word);
    }

    fn variable(&self, name: &[u8]) -> Variable {
        let node = self.world.current_node();
        if let Some(value) = nodes(&self.world).ask_variable(node, name) {
            return Variable::Value(value);
        }
        if name == b"TMPDIR" {
            let folder = disks(&self.world).folder(&self.world, node);
            return CString::new(folder.into_os_string().into_encoded_bytes())
                .map_or(Variable::Absent, Variable::Value);
        }
        if node == NodeId::WORLD || HOST_VARIABLES.iter().any(|prefix| name.starts_with(prefix)) {
            Variable::Real
        } else {
            Variable::Absent
        }
    }

    fn set_variable(&self, name: &[u8], value: Option<&[u8]>) -> bool {
        nodes(&self.world).set_variable_bytes(self.world.current_node(), name, value)
    }

    fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        if let Some(resolver) = self.world.try_extension::<Rc<dyn Resolver>>() {
            return resolver.resolve(&self.world, host);
        }
        let nodes = nodes(&self.world);
        match host {
            "localhost" => Ok(vec![IpAddr::from([127, 0, 0, 1])]),
            _ => nodes.find(host).map(|node| vec![nodes.address(node)]).ok_or(ResolveError::Unknown),
        }
    }

    fn wrote(&self, fd: i32, bytes: &[u8]) -> bool {
        self.output.wrote(&self.world, fd, bytes);
        false
    }

    fn host_name(&self) -> Vec<u8> {
        let name = self.world.node_name(self.world.current_node());
        if name.is_empty() { b"scenario".to_vec() } else { name.as_bytes().to_vec() }
    }

    /// The network puts one in the world as `Rc<dyn Sockets>`, an extension of that type.
    fn sockets(&self) -> Option<Rc<dyn Sockets>> {
        self.world.try_extension::<Rc<dyn Sockets>>().map(|sockets| (*sockets).clone())
    }

    fn refuse(&self, what: &Refused<'_>) -> Verdict {
        let node = self.world.current_node();
        let own = |path| disks(&self.world).holds(&self.world, node, path);
        match what {
            Refused::Read { path } | Refused::Look { path } | Refused::Write { path } if own(path) => {
                Verdict::Allow
            }
            // Reading cannot leak out, but what it says is not decided by the tape: reported.
            Refused::Read { path } | Refused::Look { path } => {
                if let Refused::Read { .. } = what {
                    let files = self.world.extension(HostFiles::default);
                    files.0.borrow_mut().insert(path.display().to_string());
                }
                self.world.fact("host.read", &[], || path.display().to_string());
                Verdict::Allow
            }
            _ => {
                self.world.refuse(what.to_string());
                Verdict::Refuse(what.errno())
            }
        }
    }
}
