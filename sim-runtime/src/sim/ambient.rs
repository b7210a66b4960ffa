//! A world without a scenario, on the present thread.

use super::select::seed_select;
use crate::executor::{Inside, Setup, World};
use crate::node::Hosted;
use sim_host::Entered;
use std::rc::Rc;

/// Makes the present thread inside of a run until dropped, without a scenario: for code that owns its main
/// thread and only now and then lets the run go on ([`crate::executor::block_on`]), as a plain function does that
/// makes a runtime and blocks on it.
///
/// Nothing is reported: panics are printed as they are outside of runs.
pub struct Ambient {
    world: Rc<World>,
    inside: Option<Inside>,
    hooks: Option<Entered>,
}

impl Ambient {
    /// Enters a new world.
    ///
    /// # Panics
    ///
    /// If the thread is inside a run already.
    pub fn enter(setup: Setup) -> Self {
        seed_select(&setup.tape);
        let world = World::new(setup);
        world.set_ambient();
        let hooks = sim_host::enter(Rc::new(Hosted::new(&world)));
        let inside = world.enter();
        Self { world, inside: Some(inside), hooks: Some(hooks) }
    }

    /// The world.
    pub fn world(&self) -> &Rc<World> {
        &self.world
    }
}

impl Drop for Ambient {
    fn drop(&mut self) {
        self.world.power_off();
        self.world.close();
        self.inside = None;
        self.hooks = None;
    }
}
