//! A fault's lifetime.

use std::time::Duration;

use crate::link::RuleId;
use crate::network::{queue::Due, with, with_if_running};

/// Ends a fault when dropped.
#[must_use = "the fault ends when this is dropped: keep it, or say how long it lasts"]
#[derive(Debug)]
pub struct Guard {
    rule: Option<RuleId>,
    run: u32,
}

impl Guard {
    pub(crate) fn new(rule: RuleId, run: u32) -> Guard {
        Guard { rule: Some(rule), run }
    }

    /// Lets the fault last this long from now, by itself.
    pub fn lasting(mut self, duration: Duration) {
        let Some(rule) = self.rule.take() else { return };
        with(|state, world| {
            let at = world.now().saturating_add(super::nanos(duration));
            state.shared.queue.at(at, Due::Rule { number: rule.0 });
        });
    }

    /// Lets the fault last until everything is healed.
    pub fn until_healed(mut self) {
        self.rule = None;
    }

    /// Ends the fault, as dropping does.
    pub fn end(self) {}
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(rule) = self.rule else { return };
        with_if_running(|state, world| {
            if state.run == self.run {
                state.end(world, rule);
            }
        });
    }
}
