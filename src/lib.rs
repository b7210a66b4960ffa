//! Deterministic simulation testing for ordinary backend services.
//!
//! Your service runs in a world where scheduling, network, clock and store are decided by a seed. A
//! sweep over seeds finds the race, shrinks it to the choices that matter, and anyone repeats it
//! with one command.
//!
//! ```
//! use std::time::Duration;
//!
//! # mod example {
//! # use std::time::Duration;
//! #[sim::test(seeds = 100)]
//! async fn both_workers_finish(sim: sim::Sim) {
//!     let worker = sim.node("worker");
//!     let job = worker.spawn(async { sim::time::sleep(Duration::from_secs(3600)).await });
//!     job.await.expect("the worker was not aborted");
//! }
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`Sim`] | what a scenario gets: nodes, faults, properties, lanes |
//! | [`node`] | simulated machines |
//! | [`time`] | waiting in virtual time |
//! | [`fault`] | plans and marked places |
//! | [`net`] | sockets, links, names, request-level faults |
//! | [`db`] | the PostgreSQL-compatible store |
//! | `world` | third parties, browsers, clients, configuration, with the feature of that name |
//! | `hyper` | adapters for hyper 1.x, with the feature of that name |
//! | [`Databases`] | `sim.postgres("db")`: a node that serves PostgreSQL |
//! | [`explore`], [`drive`], [`report`] | sweeping, replaying, shrinking from a program |
//!
//! Start with `README.md`; `ARCHITECTURE.md` has the ideas.

pub use sim_db as db;
pub use sim_db::postgres::Databases;
pub use sim_net as net;
pub use sim_runtime::executor::{AbortHandle, JoinError, JoinHandle};
pub use sim_runtime::node::Node;
pub use sim_runtime::tape::Ratio;
pub use sim_runtime::{Limits, Sim, explore, fault, node, report, spawn, test};
#[cfg(feature = "world")]
pub use sim_world as world;
#[cfg(feature = "hyper")]
pub use sim_world::hyper;

/// What a test or a program does with a scenario: settings, sweep, confirmation, shrinking, report.
pub mod drive {
    pub use sim_runtime::drive::*;
    use sim_runtime::explore::{Isolation, Scenario};

    /// As [`sim_runtime::drive::test`], with the services that settings may ask for: `SIM_POSTGRES=db` puts a node
    /// of that name that serves PostgreSQL into every run. The body of a `#[sim::test]`.
    ///
    /// # Panics
    ///
    /// If a run fails, if a replayed failure does fail again or diverges, or if a setting cannot be used.
    pub fn test(scenario: &Scenario, seeds: u64, isolation: Option<Isolation>) {
        sim_db::postgres::offer();
        sim_runtime::drive::test(scenario, seeds, isolation);
    }
}

/// Waiting in virtual time.
pub mod time {
    pub use sim_runtime::executor::{
        Elapsed, Interval, Sleep, Timeout, interval, sleep, switch_point, timeout, yield_now,
    };
}
