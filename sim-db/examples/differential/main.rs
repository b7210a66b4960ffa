//! Random schedules on a real PostgreSQL and on ours, step by step, until they differ.
//!
//! Two to four sessions at mixed isolation levels send small statements in a random order to both servers; after every
//! step rows, command tags, SQLSTATEs, transaction status, who waits and who was freed are compared. A difference is
//! shrunk and printed as a case of the reference's format. The cluster is made in a temporary folder and goes at the end.
//!
//!     cargo run --release -p sim-db --example differential -- --schedules 10000 --seed 1

mod case;
mod client;
mod compare;
mod generate;
mod justify;
mod ours;
mod random;
mod real;
mod schedule;
mod shrink;
mod side;
mod world;

use std::{collections::BTreeMap, process::ExitCode, time::Instant};

use clap::Parser;

use compare::{Difference, Verdict, compare};
use justify::justify;
use ours::Ours;
use real::{Cluster, Real};
use schedule::Schedule;
use side::Side;

const SHRINK_TRIES: usize = 250;

#[derive(Parser)]
struct Arguments {
    /// How many schedules.
    #[arg(long, default_value_t = 500)]
    schedules: u64,
    /// The first schedule's seed; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stop after so many unexplained differences.
    #[arg(long, default_value_t = 5)]
    stop_after: usize,
    /// Print justified differences too.
    #[arg(long)]
    verbose: bool,
    /// Compare the real server with itself: what differs then is this test's own fault.
    #[arg(long)]
    calibrate: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let cluster = match Cluster::start("real") {
        Ok(Some(cluster)) => cluster,
        Ok(None) => {
            println!("skipped: PostgreSQL is not installed (no pg_config)");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("cannot start PostgreSQL: {error}");
            return ExitCode::from(2);
        }
    };
    let mut real = match Real::connect(&cluster) {
        Ok(real) => real,
        Err(error) => {
            eprintln!("cannot connect to PostgreSQL: {error}");
            return ExitCode::from(2);
        }
    };
    // A cluster of its own: serializable transactions of all its databases meet in one.
    let second = if arguments.calibrate { Cluster::start("second").ok().flatten() } else { None };
    let mut itself = second.as_ref().and_then(|cluster| Real::connect(cluster).ok());
    let mut tally = Tally::default();
    let start = Instant::now();
    for seed in arguments.seed..arguments.seed + arguments.schedules {
        if let Err(error) = one(seed, &arguments, &mut real, itself.as_mut(), &mut tally) {
            // Rows that the random schema itself refuses: nothing to compare. More than a few are a bug of the generator.
            tally.refused += 1;
            if tally.refused > 10 + tally.schedules / 20 {
                eprintln!("too many setups are refused, last seed {seed}: {error}");
                return ExitCode::from(2);
            }
        }
        if tally.unexplained >= arguments.stop_after {
            break;
        }
        if tally.schedules.is_multiple_of(500) {
            eprintln!("{} ({:.0} s)", tally.line(), start.elapsed().as_secs_f32());
        }
    }
    println!("{} ({:.0} s)", tally.line(), start.elapsed().as_secs_f32());
    if tally.unexplained > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

#[derive(Default)]
struct Tally {
    schedules: u64,
    refused: u64,
    waits: usize,
    justified: BTreeMap<justify::Justification, usize>,
    unexplained: usize,
}

impl Tally {
    fn line(&self) -> String {
        let kinds: Vec<String> =
            self.justified.iter().map(|(kind, count)| format!("{count} {}", kind.name())).collect();
        let justified: usize = self.justified.values().sum();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        format!(
            "{} schedules ({} refused by their own schema), {} waits: {justified} justified differences{kinds}, {} unexplained",
            self.schedules, self.refused, self.waits, self.unexplained
        )
    }
}

fn one(
    seed: u64,
    arguments: &Arguments,
    real: &mut Real,
    itself: Option<&mut Real>,
    tally: &mut Tally,
) -> Result<(), String> {
    let schedule = generate::schedule(seed);
    let mut in_process = Ours::default();
    let ours: &mut dyn Side = match itself {
        Some(itself) => itself,
        None => &mut in_process,
    };
    tally.schedules += 1;
    let difference = match compare(&schedule, real, ours, "SELECT 1")? {
        Verdict::Same { waits } => {
            tally.waits += waits;
            return Ok(());
        }
        Verdict::Different(difference) => difference,
    };
    if let Some(kind) = justify(&schedule, &difference, real, ours) {
        *tally.justified.entry(kind).or_default() += 1;
        if arguments.verbose {
            println!("seed {seed}: {}\n{}", kind.name(), case::write(seed, &schedule, &difference));
        }
        return Ok(());
    }
    tally.unexplained += 1;
    let (schedule, difference) = smaller(schedule, *difference, real, ours);
    println!("{}", case::write(seed, &schedule, &difference));
    Ok(())
}

/// Shrinks to the smallest schedule that parts in the same way.
fn smaller(
    schedule: Schedule,
    difference: Difference,
    real: &mut Real,
    ours: &mut dyn Side,
) -> (Schedule, Difference) {
    let kind =
        |d: &Difference| (d.session.is_some(), d.sqlstates.clone(), d.real == "waits", d.ours == "waits");
    let wanted = kind(&difference);
    let mut last = difference;
    let schedule = shrink::shrink(schedule, SHRINK_TRIES, |candidate| {
        match compare(candidate, real, ours, "SELECT 1") {
            Ok(Verdict::Different(difference)) if kind(&difference) == wanted => {
                if justify(candidate, &difference, real, ours).is_some() {
                    return false;
                }
                last = *difference;
                true
            }
            _ => false,
        }
    });
    (schedule, last)
}
