//! The world of a plain function that makes a runtime: `fn main() { Runtime::new()?.block_on(…) }`.
//!
//! Nobody has started a run, so the first runtime made on a thread does: seed from `SIM_SEED` or 1. The
//! thread is inside until the last of its runtimes is dropped, so that clocks, locks and channels of
//! std go with virtual time between two calls of `block_on` too.

use sim_runtime::executor::{Heartbeat, Limits, Setup, World, try_current};
use sim_runtime::node::service::Services;
use sim_runtime::schedule::PolicyName;
use sim_runtime::sim::Ambient;
use sim_runtime::tape::Tape;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    /// Not dropped with the thread: by then the run's own thread-locals are gone.
    static AMBIENT: RefCell<Option<(ManuallyDrop<Ambient>, usize)>> = const { RefCell::new(None) };
}

/// Keeps the thread inside its world; nothing when a run was there already.
#[derive(Debug)]
pub(crate) struct Stay(bool);

impl Stay {
    /// For a runtime within a run that others keep.
    pub(crate) fn none() -> Self {
        Self(false)
    }
}

/// Bounds of a run under tokio's own tests' assumptions: a sleep of a year is fine, and so is a long test.
pub(crate) fn limits() -> Limits {
    Limits { virtual_time: u64::MAX, ..Limits::default() }
}

/// The world of the present thread, which is entered if there is none.
pub(super) fn stay(written_at: &'static Location<'static>) -> (Rc<World>, Stay) {
    if let Some(world) = try_current()
        && !world.is_ambient()
    {
        return (world, Stay(false));
    }
    AMBIENT.with_borrow_mut(|ambient| {
        if ambient.is_none()
            && let Some(world) = try_current()
        {
            // On the thread of a blocking closure of an ambient world.
            return (world, Stay(false));
        }
        let (entered, stays) = ambient.get_or_insert_with(|| (ManuallyDrop::new(enter(written_at)), 0));
        *stays += 1;
        (entered.world().clone(), Stay(true))
    })
}

fn enter(written_at: &'static Location<'static>) -> Ambient {
    let setting = |name: &str| sim_host::real::variable(name).and_then(|value| value.into_string().ok());
    let seed = setting("SIM_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let asked = setting("SIM_POLICY").and_then(|policy| policy.parse::<PolicyName>().ok());
    // One run explores nothing, so unless a seed is asked for it is the calm one: first ready, first run.
    let calm = if setting("SIM_SEED").is_some() { PolicyName::default() } else { PolicyName::Fifo };
    let policy = asked.unwrap_or(calm);
    let ambient = Ambient::enter(Setup {
        tape: Tape::seeded(seed, false),
        policy,
        limits: limits(),
        heartbeat: Arc::new(Heartbeat::default()),
        written_at,
    });
    ambient.world().tolerate_panics(true);
    ambient.world().host_threads(true);
    crate::services::offer();
    match Services::from_variables(setting) {
        Ok(services) => services.boot(),
        Err((variable, value)) => panic!("{variable}=`{value}` does not name a node"),
    }
    ambient
}

impl Drop for Stay {
    fn drop(&mut self) {
        if !self.0 {
            return;
        }
        let last = AMBIENT
            .try_with(|ambient| {
                let mut ambient = ambient.borrow_mut();
                let (_, stays) = ambient.as_mut()?;
                *stays -= 1;
                if *stays == 0 { ambient.take() } else { None }
            })
            .ok()
            .flatten();
        if let Some((ambient, _)) = last {
            drop(ManuallyDrop::into_inner(ambient));
        }
    }
}
