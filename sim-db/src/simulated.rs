//! The engine inside a run: virtual time, the tape's entropy and choices, the network's distance.

use crate::engine::{Environment, LocalBoxFuture, SwitchPoint, Timestamp};
use sim_runtime::executor::{sleep, with_current, yield_now};
use sim_runtime::node::Node;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The environment of a store that is reached without a network of its own: each operation of the
/// typed API takes a virtual round trip, drawn from the lane `db/latency`.
pub struct Simulated {
    entropy: RefCell<sim_runtime::tape::Entropy>,
}

/// The fastest way to the store, one way, in microseconds.
const LATENCY_US: u64 = 100;
/// What may come on top, in microseconds.
const LATENCY_SPREAD_US: u64 = 400;

impl Simulated {
    /// An environment for a store of the present run.
    ///
    /// # Panics
    ///
    /// Outside of a run.
    pub fn environment() -> Rc<dyn Environment> {
        let entropy = with_current(|world| world.tape.entropy("db"));
        Rc::new(Self { entropy: RefCell::new(entropy) })
    }
}

impl Environment for Simulated {
    fn now(&self) -> Timestamp {
        let ns = Node::current().map_or_else(
            || with_current(|world| world.skew(sim_runtime::task::NodeId::WORLD).wall(world.now())),
            Node::wall,
        );
        Timestamp(i64::try_from(ns / 1_000).expect("the simulated clock is far from the year 292,000"))
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<()> {
        Box::pin(sleep(duration))
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        self.entropy.borrow_mut().fill(out);
    }

    fn switch_point(&self, at: SwitchPoint) -> Option<LocalBoxFuture<()>> {
        match at {
            SwitchPoint::Request | SwitchPoint::Response => {
                let lane = with_current(|world| world.tape.lane("db/latency"));
                let spread = lane.below(LATENCY_SPREAD_US);
                Some(Box::pin(sleep(Duration::from_micros(LATENCY_US + spread))))
            }
            _ => Some(Box::pin(yield_now())),
        }
    }

    fn observe(&self, kind: &'static str, text: &dyn Fn() -> String) {
        with_current(|world| world.fact(kind, &[], text));
    }

    fn choose(&self, what: &'static str, bound: u64) -> u64 {
        with_current(|world| world.tape.lane(&format!("db/{what}"))).below(bound)
    }
}
