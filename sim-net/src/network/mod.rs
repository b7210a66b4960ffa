//! The network of one run: all state behind all sockets.
//!
//! Handles that applications hold are plain numbers (so they are `Send + Sync` without any `unsafe`, and
//! may sit in `Arc`s and statics); everything they mean is here, the agenda of the run's world.
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
//! | `operations` | who writes and reads them, told to the world |
//! | `planned` | faults a plan draws |
//! | `outage` | rules, crashes, boots |
//! | `netstat` | the socket table as text |

mod calls;
mod later;
mod local;
mod netstat;
mod operations;
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

use sim_runtime::executor::{Agenda, World, try_current, with_current};
use sim_runtime::node::{Lifecycle, nodes};
use sim_runtime::task::NodeId;

pub(crate) use calls::{Dial, Place, SocketId, hash_of};
pub(crate) use operations::Bytes;
pub(crate) use state::{Interest, ListenerId, State};

/// The network of a run, which is its world's agenda.
pub(crate) struct Network {
    state: RefCell<State>,
}

/// The network's part in what happens to nodes.
struct Watch;

impl Network {
    #[inline]
    fn of(world: &Rc<World>) -> &Network {
        world.agenda().unwrap_or_else(|| Network::begin(world))
    }

    #[cold]
    fn begin(world: &Rc<World>) -> &Network {
        crate::descriptor::plug_in(world);
        nodes(world).register(Rc::new(Watch));
        world.set_agenda(Rc::new(Network { state: RefCell::new(State::new(world)) }));
        world.agenda().expect("set just now")
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
        let shared = &mut state.shared;
        shared.queue.announce(world);
        if shared.wakes.len() <= 1 && shared.drops.is_empty() {
            // So it is nearly always.
            let waker = shared.wakes.pop();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        } else {
            let (wakes, drops) = (std::mem::take(&mut shared.wakes), std::mem::take(&mut shared.drops));
            drop(state);
            wakes.into_iter().for_each(Waker::wake);
            drop(drops);
        }
        value
    }
}

impl Agenda for Network {
    fn due(&self, world: &Rc<World>) {
        self.work(world, State::run_due);
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
        && let Some(network) = world.agenda::<Network>()
    {
        network.work(&world, f);
    }
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
