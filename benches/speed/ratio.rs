//! The table of ratios: what `sim` costs over the reference, beside what it may cost.
//!
//! A round is reference, sim, sim, reference; its ratio compares the sums of processor time, so
//! that neither other programs nor a machine that slows down steadily count. The table gives the
//! median of the rounds with the lowest and the highest, and the drift (last reference over first) that was
//! worst: where it is far from 1, the row is noise.

/// Rounds for each workload.
const ROUNDS: usize = 7;

/// One line of the table.
pub struct Row {
    name: String,
    target: Option<f64>,
    ratios: Vec<f64>,
    /// Nanoseconds per operation: reference, sim.
    costs: Vec<(f64, f64)>,
    drift: f64,
}

/// Which clock counts.
#[derive(Clone, Copy)]
pub enum Clock {
    /// Processor time of this thread.
    Thread,
    /// Processor time of the process: for work that is done on other threads.
    Process,
}

impl Clock {
    fn time(self, leg: &mut dyn FnMut()) -> f64 {
        let read = match self {
            Self::Thread => sim_host::resources::thread_processor_ns,
            Self::Process => sim_host::resources::process_processor_ns,
        };
        let before = read();
        leg();
        (read() - before) as f64
    }
}

impl Row {
    /// Measures a workload of `operations` operations. Each leg runs once unmeasured before.
    pub fn measure(
        name: impl Into<String>,
        target: impl Into<Option<f64>>,
        clock: Clock,
        operations: usize,
        mut reference: impl FnMut(),
        mut sim: impl FnMut(),
    ) -> Self {
        reference();
        sim();
        let mut row =
            Self { name: name.into(), target: target.into(), ratios: vec![], costs: vec![], drift: 1.0 };
        for _ in 0..ROUNDS {
            let first = clock.time(&mut reference);
            let own = clock.time(&mut sim) + clock.time(&mut sim);
            let last = clock.time(&mut reference);
            row.ratios.push(own / (first + last));
            let legs = (2 * operations) as f64;
            row.costs.push(((first + last) / legs, own / legs));
            let drift = last / first;
            if drift.ln().abs() > row.drift.ln().abs() {
                row.drift = drift;
            }
        }
        row
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    println!(
        "\n{:<44} {:>6} {:>13} {:>7}   {:>10} {:>10} {:>6}",
        "processor time, sim / reference", "ratio", "min-max", "target", "ref ns/op", "sim ns/op", "drift"
    );
    for row in rows {
        let median_ratio = median(row.ratios.iter().copied());
        let lowest = row.ratios.iter().copied().fold(f64::MAX, f64::min);
        let highest = row.ratios.iter().copied().fold(0.0, f64::max);
        let target = row.target.map_or_else(String::new, |target| format!("{target:.1}"));
        let verdict = if row.target.is_some_and(|target| median_ratio > target) { "!" } else { " " };
        println!(
            "{:<44} {median_ratio:>6.2} {:>13} {target:>7} {verdict} {:>10.1} {:>10.1} {:>6.2}",
            row.name,
            format!("{lowest:.2}-{highest:.2}"),
            median(row.costs.iter().map(|costs| costs.0)),
            median(row.costs.iter().map(|costs| costs.1)),
            row.drift,
        );
    }
}
