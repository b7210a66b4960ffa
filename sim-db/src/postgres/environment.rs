//! The world of a server on a node: its clock, the run's choices, switch points of its tasks.

use crate::engine::{Environment, LocalBoxFuture, SwitchPoint, Timestamp};
use sim_runtime::executor::{sleep, with_current, yield_now};
use sim_runtime::fault::faults;
use sim_runtime::node::Node;
use sim_runtime::tape::Entropy;
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::time::Duration;

/// The environment of one server.
pub(super) struct OnNode {
    node: Node,
    entropy: RefCell<Entropy>,
    /// For what the scenario does without the wire: it must not move what clients draw.
    quiet_entropy: RefCell<Entropy>,
    quiet: Cell<bool>,
}

impl OnNode {
    pub(super) fn new(node: Node) -> Self {
        let name = node.name();
        let entropy = |of: &str| RefCell::new(with_current(|world| world.tape.entropy(of)));
        Self {
            node,
            entropy: entropy(&format!("db/{name}")),
            quiet_entropy: entropy(&format!("db/{name}/quiet")),
            quiet: Cell::new(false),
        }
    }

    /// Does `f` without choices, facts, waits or switch points.
    pub(super) fn quietly<T>(&self, f: impl FnOnce() -> T) -> T {
        let before = self.quiet.replace(true);
        let done = f();
        self.quiet.set(before);
        done
    }
}

impl Environment for OnNode {
    fn now(&self) -> Timestamp {
        Timestamp(
            i64::try_from(self.node.wall() / 1_000)
                .expect("the simulated clock is far from the year 292,000"),
        )
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<()> {
        if self.quiet.get() { Box::pin(pending()) } else { Box::pin(sleep(duration)) }
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        let entropy = if self.quiet.get() { &self.quiet_entropy } else { &self.entropy };
        entropy.borrow_mut().fill(out);
    }

    fn switch_point(&self, _at: SwitchPoint) -> Option<LocalBoxFuture<()>> {
        // Without another ready task there is nobody to switch to.
        let switches = !self.quiet.get() && with_current(|world| world.others_ready());
        switches.then(|| Box::pin(yield_now()) as _)
    }

    fn observe(&self, kind: &'static str, text: &dyn Fn() -> String) {
        if !self.quiet.get() {
            with_current(|world| world.fact(kind, &[], text));
        }
    }

    fn waits_for(&self, what: &'static str) {
        with_current(|world| world.waits_for(what));
    }

    fn strikes(&self, kind: &'static str, describe: &dyn Fn() -> String) -> bool {
        !self.quiet.get()
            && with_current(|world| {
                let faults = faults(world);
                let struck = faults.strike(world, kind, describe);
                if struck {
                    faults.had_effect(kind);
                }
                struck
            })
    }

    fn choose(&self, what: &'static str, bound: u64) -> u64 {
        if self.quiet.get() {
            return 0;
        }
        let lane = format!("db/{}/{what}", self.node.name());
        with_current(|world| world.tape.lane(&lane)).below(bound)
    }
}
