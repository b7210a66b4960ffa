//! Many runs over seeds, on all processors.

use super::{Extent, Isolation, Request, Runner, Scenario, Settings, twice};
use crate::fault::Account;
use crate::sim::{Ended, Outcome};
use crate::tape::Recording;
use sim_host::real::monotonic_ns;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a sweep found out.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// Runs made.
    pub runs: u64,
    /// Polls, over all runs.
    pub steps: u64,
    /// Stands for all runs, whatever the order they were made in; for one run it is the run's own.
    pub digest: u64,
    /// Real time it took.
    pub took: Duration,
    /// Properties asked about with `sometimes`: runs in which they were true.
    pub reached: BTreeMap<String, u64>,
    /// What became of each kind of fault, over all runs.
    pub faults: BTreeMap<String, Account>,
    /// Files of the host that were read in any run.
    pub host_files: BTreeSet<String>,
    /// Where the first seed, run again after a sweep without failure, was not the same run: the scenario leaks
    /// state from run to run.
    pub leak: Option<String>,
    /// The failure with the lowest seed.
    pub found: Option<Found>,
}

/// A seed whose run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// The choices that lead to it, if it comes from a failure file; else they are drawn from the seed.
    pub script: Option<Recording>,
    /// How it failed.
    pub outcome: Outcome,
    /// The digest of the run.
    pub digest: u64,
}

/// Told how a sweep goes on. Called from several threads.
pub trait Progress: Sync {
    /// So many runs are done.
    fn done(&self, runs: u64, extent: &Extent);
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn done(&self, _: u64, _: &Extent) {}
}

/// Runs `scenario` over seeds until one fails. Of several failures found at the same time the one with the lowest
/// seed is kept, whatever the number of jobs.
pub fn sweep(scenario: &Scenario, settings: &Settings, progress: &dyn Progress) -> Sweep {
    let started = monotonic_ns();
    let elapsed = || Duration::from_nanos(monotonic_ns() - started);
    let (first, count) = match settings.extent {
        Extent::Seed(seed) => (seed, 1),
        Extent::Seeds(count) => (1, count),
        Extent::Time(_) | Extent::Replay(_) | Extent::Shrink(_) => (1, u64::MAX - 1),
    };
    let next = AtomicU64::new(0);
    let lowest = AtomicU64::new(u64::MAX);
    let done = AtomicU64::new(0);
    let total = Mutex::new(Sweep::default());
    let jobs = settings.jobs.min(usize::try_from(count).unwrap_or(usize::MAX));
    let work = || {
        let runner = Runner::new(scenario, settings.isolation);
        loop {
            if let Extent::Time(limit) = settings.extent
                && elapsed() >= limit
            {
                return;
            }
            let index = next.fetch_add(1, Ordering::Relaxed);
            // Lower seeds than the lowest failure are still run, so that it is the lowest.
            if index >= count || index > lowest.load(Ordering::Relaxed) {
                return;
            }
            let seed = first.wrapping_add(index);
            let request =
                Request { seed, script: None, policy: settings.policy.unwrap_or_default(), recording: false };
            let ended = runner.run(scenario, &request);
            if !ended.outcome.is_passed() {
                lowest.fetch_min(index, Ordering::Relaxed);
            }
            total.lock().unwrap_or_else(PoisonError::into_inner).add(seed, ended);
            progress.done(done.fetch_add(1, Ordering::Relaxed) + 1, &settings.extent);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });
    let mut total = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    total.took = elapsed();
    if total.found.is_none() && settings.isolation == Isolation::Thread && total.runs > 1 {
        let runner = Runner::new(scenario, settings.isolation);
        total.leak =
            twice(&runner, scenario, &Request::recorded(first, settings)).map(|found| found.to_string());
    }
    total
}

impl Sweep {
    fn add(&mut self, seed: u64, ended: Ended) {
        self.runs += 1;
        self.steps += ended.steps;
        // A sum, because runs end in any order.
        self.digest = self.digest.wrapping_add(ended.digest);
        for (property, holds) in ended.reached {
            *self.reached.entry(property).or_default() += u64::from(holds);
        }
        for (kind, account) in ended.faults {
            self.faults.entry(kind).or_default().add(account);
        }
        self.host_files.extend(ended.host_files);
        let lower = self.found.as_ref().is_none_or(|found| seed < found.seed);
        if !ended.outcome.is_passed() && lower {
            self.found = Some(Found { seed, script: None, outcome: ended.outcome, digest: ended.digest });
        }
    }

    /// Properties that were asked about and never true.
    pub fn never_reached(&self) -> impl Iterator<Item = &str> {
        self.reached.iter().filter(|(_, runs)| **runs == 0).map(|(property, _)| property.as_str())
    }

    /// Kinds of faults that had opportunities and never struck.
    pub fn never_fired(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().filter(|(_, account)| account.fired == 0).map(|(kind, _)| kind.as_str())
    }
}
