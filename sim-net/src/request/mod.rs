//! Faults on whole requests.

use sim_runtime::executor::World;

/// What the reader knows of one connection.
pub(crate) struct Tracked {}

/// All request-level state of a run.
#[derive(Default)]
pub(crate) struct Requests {}

impl Requests {
    pub(crate) fn reads_along(&self, _world: &World) -> bool {
        false
    }
    pub(crate) fn heal(&mut self) {}
}
