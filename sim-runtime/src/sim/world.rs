//! One run from beginning to end, on the present thread.

use super::outcome::Outcome;
use super::property::{Properties, properties};
use super::select::seed_select;
use super::{Finish, Sim};
use crate::cause::Operation;
use crate::executor::{Limit, PanicNote, Setup, Stop, World, spawn_on};
use crate::fault::{Account, faults};
use crate::node::{HostFiles, Hosted};
use crate::tape::Recording;
use crate::task::NodeId;
use crate::time::Nanos;
use crate::trace::{Checkpoint, Fact};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;

/// All that is known of a run when it has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// Stands for the whole run: equal digests, equal runs.
    pub digest: u64,
    /// Polls made.
    pub steps: u64,
    /// Virtual time passed.
    pub elapsed: Nanos,
    /// Choices made, calm ones included.
    pub choices: u64,
    /// Scripted choices that no longer fitted.
    pub misfits: u64,
    /// The choices that were not calm, if recorded.
    pub recording: Recording,
    /// The facts, if recorded.
    pub facts: Vec<Fact>,
    /// Facts beyond what is kept.
    pub facts_dropped: u64,
    /// The requests and statements, if recorded.
    pub operations: Vec<Operation>,
    /// Digests on the way, if recorded.
    pub checkpoints: Vec<Checkpoint>,
    /// Properties asked about with `sometimes`, and whether they were ever true.
    pub reached: BTreeMap<String, bool>,
    /// What became of each kind of fault.
    pub faults: BTreeMap<String, Account>,
    /// Files of the host that were read: what is in them is not decided by the tape.
    pub host_files: BTreeSet<String>,
}

impl Ended {
    /// A run of which nothing is known but its outcome.
    pub(crate) fn unknown(outcome: Outcome) -> Self {
        Self {
            outcome,
            digest: 0,
            steps: 0,
            elapsed: 0,
            choices: 0,
            misfits: 0,
            recording: Recording::default(),
            facts: Vec::new(),
            facts_dropped: 0,
            operations: Vec::new(),
            checkpoints: Vec::new(),
            reached: BTreeMap::new(),
            faults: BTreeMap::new(),
            host_files: BTreeSet::new(),
        }
    }
}

/// Runs a scenario once, on this thread, with the C library's hooks in place.
///
/// Thread-locals of earlier runs on the same thread stay (hash keys, for example): whoever needs
/// runs to be alike gives each a fresh thread, as [`crate::explore`] does.
///
/// # Panics
///
/// If the thread is inside a run already.
pub fn run_scenario<F, R>(setup: Setup, scenario: impl FnOnce(Sim) -> F) -> Ended
where
    F: Future<Output = R> + 'static,
    R: Finish + 'static,
{
    let written_at = setup.written_at;
    seed_select(&setup.tape);
    let world = World::new(setup);
    let hooks = sim_host::enter(Rc::new(Hosted::new(&world)));
    let inside = world.enter();
    let properties = properties(&world);
    let outcome = live(&world, &properties, written_at, scenario);
    let digest = world.digest();
    // What destructors do from here on belongs to no run: no facts, and a panic fails nothing.
    let (facts, checkpoints, facts_dropped) = world.trace.take();
    let operations = world.operations();
    properties.clear();
    world.power_off();
    let (reached, faults) = (properties.reached(), faults(&world).accounts());
    let host_files = HostFiles::of(&world);
    world.close();
    let ended = Ended {
        outcome,
        digest,
        steps: world.step(),
        elapsed: world.now(),
        choices: world.tape.choices(),
        misfits: world.tape.misfits(),
        recording: world.tape.recording(),
        facts,
        facts_dropped,
        operations,
        checkpoints,
        reached,
        faults,
        host_files,
    };
    drop(inside);
    drop(hooks);
    ended
}

fn live<F, R>(
    world: &Rc<World>,
    properties: &Rc<Properties>,
    written_at: &'static Location<'static>,
    scenario: impl FnOnce(Sim) -> F,
) -> Outcome
where
    F: Future<Output = R> + 'static,
    R: Finish + 'static,
{
    let returned: Rc<RefCell<Option<Result<(), String>>>> = Rc::default();
    let slot = returned.clone();
    let future = scenario(Sim::new());
    let main = spawn_on(world, NodeId::WORLD, written_at, async move {
        let result = future.await.finish();
        *slot.borrow_mut() = Some(result);
    });
    let stop = world.run_until(Nanos::MAX, || returned.borrow().is_some() || main.is_finished());
    if let Some(outcome) = failure(world, properties, stop) {
        return outcome;
    }
    properties.check(world);
    if let Some(outcome) = failure(world, properties, Stop::Done) {
        return outcome;
    }
    match returned.take() {
        Some(Ok(())) => {}
        Some(Err(detail)) => {
            return Outcome::Violated { property: "the scenario returns without an error".into(), detail };
        }
        None => {
            // Other panics may have been tolerated before it.
            let own = world.panics().into_iter().rfind(|note| note.task == Some(main.id()));
            return panicked(own.expect("the scenario's own task panicked"));
        }
    }
    if !properties.has_liveness() {
        return Outcome::Passed;
    }
    world.fact("healed", &[], || "no further faults; what was broken is whole again".into());
    faults(world).heal();
    world.heal_nodes();
    let deadline = world.now().saturating_add(world.limits.liveness_time);
    world.attend_every_step(true);
    let stop = world.run_until(deadline, || properties.unmet().is_none());
    match (stop, properties.unmet()) {
        (Stop::Stalled | Stop::Deadline, Some((property, detail))) => {
            let why = match stop {
                Stop::Stalled => "nothing goes on any more".to_owned(),
                _ => format!(
                    "not within {} s after everything was healed",
                    world.limits.liveness_time / crate::time::SECOND
                ),
            };
            let detail = if detail.is_empty() { why } else { format!("{detail} ({why})") };
            world.fact("violated", &[], || format!("\"{property}\" {detail}"));
            Outcome::Violated { property, detail }
        }
        (stop, _) => failure(world, properties, stop).unwrap_or(Outcome::Passed),
    }
}

/// The outcome, if the loop ended for anything but success.
fn failure(world: &Rc<World>, properties: &Properties, stop: Stop) -> Option<Outcome> {
    if let Some((property, detail)) = properties.violation() {
        return Some(Outcome::Violated { property, detail });
    }
    match stop {
        Stop::Done | Stop::Deadline => None,
        Stop::Stalled => {
            let mut waiting = world.describe_tasks();
            waiting.extend(world.describe_nodes());
            Some(Outcome::Stalled { waiting })
        }
        Stop::OverLimit(limit @ Limit::VirtualTime) => {
            let bound = world.limits.virtual_time / crate::time::SECOND;
            Some(Outcome::OverLimit {
                limit,
                detail: format!("the scenario had not returned after {bound} s"),
            })
        }
        Stop::OverLimit(limit) => {
            let detail = world.busiest_task().unwrap_or_default();
            Some(Outcome::OverLimit { limit, detail })
        }
        Stop::Failed => {
            let note = world.panics().into_iter().next();
            Some(panicked(note.expect("only a violation or a panic stops a run")))
        }
    }
}

fn panicked(note: PanicNote) -> Outcome {
    let node = if note.node.is_empty() { "the scenario" } else { &note.node };
    let task =
        note.task.map_or_else(String::new, |id| format!("{id} of {node}, spawned at {}", note.spawned_at));
    Outcome::Panicked { message: note.message, location: note.location, task }
}
