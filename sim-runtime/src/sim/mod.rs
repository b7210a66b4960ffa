//! What a scenario sees: the handle [`Sim`], properties, and the phases of a run.
//!
//! A run has three phases. In the *safety* phase the scenario's function runs, with faults; when
//! it returns, everything is *healed* (faults off, links whole, paused nodes resumed, crashed
//! ones booted); then in the *liveness* phase whatever must [`eventually`](Sim::eventually) be
//! true gets time to become so.

mod ambient;
mod holds;
mod outcome;
mod property;
mod select;
mod world;

pub use crate::node::Finish;
pub use ambient::Ambient;
pub use holds::Holds;
pub use outcome::Outcome;
pub use property::Properties;
pub use world::{Ended, run_scenario};

use crate::executor::{self, JoinHandle, with_current};
use crate::fault::{Plan, faults};
use crate::node::Node;
use crate::tape::Lane;
use crate::time::Nanos;
use property::properties;
use std::future::Future;
use std::time::Duration;

/// The handle to the simulation that a scenario gets. Free to copy and to send around; valid
/// inside its run only, where everything it offers panics otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Sim(());

impl Sim {
    /// The simulation that the calling code is inside of.
    ///
    /// # Panics
    ///
    /// If it is inside of none.
    pub fn current() -> Self {
        with_current(|_| Self(()))
    }

    /// The node with this name, which is added if there is none.
    ///
    /// # Panics
    ///
    /// If the name could not be a host name; see [`Node::named`].
    pub fn node(&self, name: &str) -> Node {
        Node::named(name)
    }

    /// Spawns a task of the scenario itself, or of the node whose task calls.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        executor::spawn(future)
    }

    /// Waits for `duration` of virtual time.
    pub fn sleep(&self, duration: Duration) -> executor::Sleep {
        executor::sleep(duration)
    }

    /// True virtual time, in nanoseconds since the start of the run.
    pub fn now(&self) -> Nanos {
        with_current(|world| world.now())
    }

    /// The seed of this run, for code that wants its own generator. Choices that should shrink
    /// belong in a [`Sim::lane`].
    pub fn seed(&self) -> u64 {
        with_current(|world| world.tape.seed())
    }

    /// A lane for the scenario's own choices (how many clients, which order), called `user/NAME`.
    pub fn lane(&self, name: &str) -> Lane {
        with_current(|world| world.tape.lane(&format!("user/{name}")))
    }

    /// Puts a fault plan in force.
    pub fn faults(&self, plan: &Plan) {
        with_current(|world| faults(world).set_plan(&world.tape, plan));
    }

    /// Whether the marked place `name` misbehaves this time: legal but rare. See
    /// [`Faults::site`](crate::fault::Faults::site).
    pub fn site(&self, name: &'static str) -> bool {
        with_current(|world| faults(world).site(world, name))
    }

    /// Notes something in domain words for the timeline.
    pub fn note(&self, text: impl Into<String>) {
        let text = text.into();
        with_current(|world| {
            world.trace.digest_bytes(text.as_bytes());
            world.fact("note", &[], || text);
        });
    }

    /// `check` holds after every step of the run, from now on. It answers a bool, or a result
    /// whose error says in domain words, with rows and ids, what is wrong.
    ///
    /// It runs often: look at plain state, do not compute much.
    pub fn always<H: Holds>(&self, property: &str, check: impl Fn() -> H + 'static) {
        with_current(|world| properties(world).always(world, property, Box::new(move || check().holds())));
    }

    /// `property` was seen to be true in this run. A sweep reports the properties that were asked about but
    /// never true in any run: what it did not reach.
    pub fn sometimes(&self, property: &str, holds: bool) {
        with_current(|world| properties(world).sometimes(property, holds));
    }

    /// `check` becomes true in the liveness phase, when all faults have ended and everything is
    /// healed.
    pub fn eventually<H: Holds>(&self, property: &str, check: impl Fn() -> H + 'static) {
        with_current(|world| properties(world).eventually(property, Box::new(move || check().holds())));
    }

    /// With `true`, a panic ends its task only and whoever joins the task gets an error, as on a real runtime.
    /// By default it fails the run.
    pub fn tolerate_panics(&self, tolerate: bool) {
        with_current(|world| world.tolerate_panics(tolerate));
    }

    pub(crate) fn new() -> Self {
        Self(())
    }
}
