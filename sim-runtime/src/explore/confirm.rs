//! Running one request in a fresh process, at fixed addresses.
//!
//! A failure counts only when it happens there too: statics and global counters that earlier runs
//! left behind, and hashes that depend on where memory lies, cannot play a part. The child is this
//! program again, told by the environment which scenario to run; it answers through a file.

use super::{Isolation, Request, Rerun, Runner, Scenario};
use crate::executor::{install_panic_hook, note_places};
use crate::schedule::PolicyName;
use crate::sim::Ended;
use crate::tape::Recording;
use serde::{Deserialize, Serialize};
use sim_host::process::Respawn;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs};

const CHILD: &str = "SIM_CHILD";

/// What the parent asks of the child, as JSON in the variable `SIM_CHILD`.
#[derive(Serialize, Deserialize)]
struct Order {
    scenario: String,
    seed: u64,
    /// The script is in a file: it may be long.
    script: Option<PathBuf>,
    policy: String,
    answer: PathBuf,
}

/// What the fresh process did.
#[derive(Clone, Debug)]
pub enum Confirmation {
    /// It ran the request, with this end.
    Ran(Box<Ended>),
    /// It could not be asked.
    Unavailable(String),
}

/// Real time that the fresh process may take.
const LIMIT: Duration = Duration::from_secs(300);

static ORDERS: AtomicU64 = AtomicU64::new(0);

/// Runs a request in a fresh process with address randomisation off, recording.
pub fn confirm(scenario: &Scenario, request: &Request) -> Confirmation {
    sim_host::outside(|| try_confirm(scenario, request)).unwrap_or_else(Confirmation::Unavailable)
}

fn try_confirm(scenario: &Scenario, request: &Request) -> Result<Confirmation, String> {
    let number = ORDERS.fetch_add(1, Ordering::Relaxed);
    let path = |what: &str| env::temp_dir().join(format!("sim-{}-{number}.{what}", std::process::id()));
    let (script, answer) = (path("script"), path("answer"));
    let order = Order {
        scenario: scenario.name().to_owned(),
        seed: request.seed,
        script: request.script.is_some().then(|| script.clone()),
        policy: request.policy.to_string(),
        answer: answer.clone(),
    };
    if let Some(choices) = &request.script {
        fs::write(&script, choices.to_string()).map_err(|error| format!("{}: {error}", script.display()))?;
    }
    let order = ron::to_string(&order).map_err(|error| error.to_string())?;
    let mut child = Respawn::new().variable(CHILD, order).limit(LIMIT);
    for variable in ["SIM_SEED", "SIM_SEEDS", "SIM_TIME", "SIM_REPLAY", "SIM_SHRINK", "SIM_LOG"] {
        child = child.without_variable(variable);
    }
    let arguments: Vec<_> = match &scenario.rerun {
        Rerun::Test { path, .. } => {
            [path.as_str(), "--exact", "--nocapture", "--include-ignored"].map(Into::into).to_vec()
        }
        Rerun::Program { .. } => env::args_os().skip(1).collect(),
    };
    for argument in arguments {
        child = child.argument(argument);
    }
    let finished = child.run().map_err(|error| format!("this program cannot be started again: {error}"));
    let answered = fs::read(&answer);
    drop((fs::remove_file(&script), fs::remove_file(&answer)));
    let finished = finished?;
    match answered {
        Ok(bytes) => {
            let ended =
                ron::de::from_bytes(&bytes).map_err(|error| format!("its answer is unreadable: {error}"))?;
            Ok(Confirmation::Ran(Box::new(ended)))
        }
        Err(_) => {
            let said = String::from_utf8_lossy(&finished.stderr);
            let last = said.lines().last().unwrap_or("nothing");
            Err(format!("it ended ({}) without an answer; its last words: {last}", finished.status))
        }
    }
}

/// Runs a request in a fresh process, or here when there can be none.
pub fn alone(scenario: &Scenario, request: &Request, isolation: Isolation) -> Ended {
    match confirm(scenario, request) {
        Confirmation::Ran(ended) => *ended,
        Confirmation::Unavailable(_) => Runner::new(scenario, isolation).run(scenario, request),
    }
}

/// If this process was started by [`confirm`]: runs what was ordered, answers and exits when
/// `scenario` is the one; answers `true` when it is another, which then must not run.
pub fn answer_parent(scenario: &Scenario) -> bool {
    let Some(order) = sim_host::real::variable(CHILD) else { return false };
    let order: Order = ron::from_str(&order.to_string_lossy()).expect("only `confirm` sets SIM_CHILD");
    if order.scenario != scenario.name() {
        return true;
    }
    let script = order.script.map(|path| {
        let text =
            fs::read_to_string(path).expect("the parent wrote the script before it started this process");
        Recording::parse(&text).expect("the parent wrote a recording")
    });
    let policy: PolicyName = order.policy.parse().expect("the parent named a policy");
    let request = Request { seed: order.seed, script, policy, recording: true };
    install_panic_hook();
    note_places();
    let ended = Runner::new(scenario, Isolation::Thread).run(scenario, &request);
    let answer = ron::to_string(&ended)
        .map(String::into_bytes)
        .expect("what is known of a run has only strings for keys");
    let written = fs::write(&order.answer, answer);
    std::process::exit(i32::from(written.is_err()));
}
