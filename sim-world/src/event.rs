//! What third parties tell the trace, and what they ask of the tape and of the plan of faults.

use sim_runtime::executor::with_current;
use sim_runtime::fault::faults;
use sim_runtime::time::Nanos;
use std::time::Duration;

/// Reports a fact in domain words.
pub(crate) fn fact(kind: &'static str, text: impl FnOnce() -> String) {
    with_current(|world| world.fact(kind, &[], text));
}

/// Whether a fault of this kind strikes now, and if so counts its effect.
pub(crate) fn strikes(kind: &str, describe: impl FnOnce() -> String) -> bool {
    with_current(|world| {
        let faults = faults(world);
        let struck = faults.strike(world, kind, describe);
        if struck {
            faults.had_effect(kind);
        }
        struck
    })
}

/// A choice below `bound` in the lane `world/NAME`; 0 is calm.
pub(crate) fn below(lane: &str, bound: u64) -> u64 {
    with_current(|world| world.tape.lane(&format!("world/{lane}")).below(bound))
}

/// A long-tailed duration from the lane `world/NAME`; calm is none at all.
pub(crate) fn long_tail(lane: &str, mean: Duration, most: Duration) -> Duration {
    let nanos = |duration: Duration| Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX);
    let drawn =
        with_current(|world| world.tape.lane(&format!("world/{lane}")).long_tail(nanos(mean), nanos(most)));
    Duration::from_nanos(drawn)
}

/// True virtual time since the start of the run, in nanoseconds.
pub(crate) fn now() -> Nanos {
    with_current(|world| world.now())
}
