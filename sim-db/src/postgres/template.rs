//! Databases made once a process and forked in every run.

use super::machine::Machine;
use super::{Databases, Postgres};
use crate::engine::Template;
use sim_runtime::Sim;
use sim_runtime::executor::with_current;
use sim_runtime::explore::{Rerun, Scenario, run_aside};
use sim_runtime::node::Finish;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The templates of this process, by name.
static TEMPLATES: Mutex<BTreeMap<String, Arc<OnceLock<Template>>>> = Mutex::new(BTreeMap::new());

impl Machine {
    /// Puts a fork of the template in the place of `database`.
    pub(super) fn fork<M, F>(&self, database: &str, name: &str, make: M)
    where
        M: Fn(Postgres) -> F + Send + Sync + 'static,
        F: Future + 'static,
        F::Output: Finish + 'static,
    {
        // Another run may be making it: that is a wait in real time, of which this run must not know.
        let template = sim_host::outside(|| {
            let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = templates.entry(name.to_owned()).or_default().clone();
            drop(templates);
            slot.get_or_init(|| made(&self.node.name(), database, name, make)).clone()
        });
        let node = self.node.id();
        with_current(|world| {
            world.on_node(node, || {
                world.fact("db", &[], || format!("database {database} forked from template {name}"))
            });
        });
        self.server.fork_database(database, &template);
    }
}

/// Makes a template in a world of its own, on a node of the same name.
fn made<M, F>(node: &str, database: &str, name: &str, make: M) -> Template
where
    M: Fn(Postgres) -> F + Send + Sync + 'static,
    F: Future + 'static,
    F::Output: Finish + 'static,
{
    let slot: Arc<Mutex<Option<Template>>> = Arc::default();
    let (theirs, node, database) = (slot.clone(), node.to_owned(), database.to_owned());
    let make = Arc::new(make);
    let rerun = Rerun::Program { seed: String::new(), replay: String::new() };
    let scenario = Scenario::new("template", rerun, move |sim: Sim| {
        let postgres = sim.postgres(&node).database(&database);
        let (make, slot) = (make.clone(), theirs.clone());
        async move {
            let server = postgres.machine.server.clone();
            let database = postgres.database.clone();
            make(postgres).await.finish()?;
            let template = server.database(&database).template();
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(template);
            Ok::<(), String>(())
        }
    });
    let ended = run_aside(&scenario);
    let made = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    made.filter(|_| ended.outcome.is_passed())
        .unwrap_or_else(|| panic!("the template `{name}` could not be made: {}", ended.outcome))
}
