//! The network of one run: all state behind all sockets.
//!
//! Handles that applications hold are plain numbers (so they are `Send + Sync` without any `unsafe`, and
//! may sit in `Arc`s and statics); everything they mean is here, in an extension of the run's world.
//! Nothing in here wakes a task or drops a waker while the state is borrowed: a waker may be the last
//! owner of a task that owns sockets, whose destructors come back here.
//!
//! | file | concept |
//! |---|---|
//! | [`state`] | connections, listeners, links, who waits |
//! | [`queue`] | what is due when |
//! | `path` | the world around one connection |
//! | `calls` | what sockets ask for |
//! | `ports` | who has which port |
//! | `local` | connections that take no time |
//! | `reading` | requests read along, and faults on them |
//! | `later` | what those faults do afterwards |
//! | `planned` | faults a plan draws |
//! | `outage` | rules, crashes, boots |
//! | `netstat` | the socket table as text |

mod calls;
mod later;
mod local;
mod netstat;
mod outage;
mod path;
mod planned;
pub(crate) mod ports;
pub(crate) mod queue;
mod reading;
pub(crate) mod state;

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

use sim_runtime::executor::{World, try_current, with_current};
use sim_runtime::node::{Lifecycle, nodes};
use sim_runtime::task::NodeId;

pub(crate) use calls::{Dial, Place, SocketId, hash_of};
pub(crate) use state::{Interest, ListenerId, State};

/// The extension that holds the network of a run.
pub(crate) struct Network {
    state: RefCell<State>,
}

/// The network's part in what happens to nodes.
struct Watch;

impl Network {
    #[inline]
    fn of(world: &Rc<World>) -> Rc<Network> {
        match world.try_extension::<Network>() {
            Some(network) => network,
            None => Network::begin(world),
        }
    }

    #[cold]
    fn begin(world: &Rc<World>) -> Rc<Network> {
        crate::descriptor::plug_in(world);
        nodes(world).register(Rc::new(Watch));
        world.extension(|| Network { state: RefCell::new(State::new(world)) })
    }

    /// Works on the state, then wakes whoever has to look again.
    fn work<T>(&self, world: &Rc<World>, f: impl FnOnce(&mut State, &Rc<World>) -> T) -> T {
        let mut state = self.state.borrow_mut();
        let value = f(&mut state, world);
        if std::mem::take(&mut state.shared.due_at_once) {
            state.run_due(world);
        }
        if !state.shared.unattended.is_empty() {
            state.attend(world);
        }
        state.shared.queue.arm(world);
        if state.shared.wakes.is_empty() && state.shared.drops.is_empty() {
            return value;
        }
        let mut wakes = std::mem::take(&mut state.shared.wakes);
        let drops = std::mem::take(&mut state.shared.drops);
        drop(state);
        wakes.drain(..).for_each(Waker::wake);
        drop(drops);
        // Nearly every call wakes somebody: the list keeps its memory.
        let kept = &mut self.state.borrow_mut().shared.wakes;
        if kept.capacity() == 0 {
            *kept = wakes;
        }
        value
    }
}

/// Works on the network of the current run.
///
/// # Panics
/// Outside of a run.
#[track_caller]
#[inline]
pub(crate) fn with<T>(f: impl FnOnce(&mut State, &Rc<World>) -> T) -> T {
    with_current(|world| Network::of(world).work(world, f))
}

/// As [`with`], for destructors: does nothing outside of a run or when the run is over.
pub(crate) fn with_if_running(f: impl FnOnce(&mut State, &Rc<World>)) {
    if let Some(world) = try_current()
        && let Some(network) = world.try_extension::<Network>()
    {
        network.work(&world, f);
    }
}

/// Everything that is due happens. Called by the timer that [`queue`] arms.
fn tick() {
    with_if_running(State::run_due);
}

impl Lifecycle for Watch {
    fn booted(&self, world: &Rc<World>, node: NodeId) {
        Network::of(world).work(world, |state, world| state.node_booted(world, node));
    }

    fn crashed(&self, world: &Rc<World>, node: NodeId) {
        Network::of(world).work(world, |state, world| state.node_crashed(world, node));
    }

    fn healed(&self, world: &Rc<World>) {
        Network::of(world).work(world, State::heal_all);
    }

    fn describe(&self, world: &Rc<World>) -> Option<String> {
        Network::of(world).work(world, |state, world| state.netstat(world, None))
    }
}
