//! A bar on a terminal, now and then a line elsewhere.

use crate::explore::{Extent, Progress, Silent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sim_host::real::monotonic_ns;
use std::io::IsTerminal;
use std::sync::Mutex;

/// The progress of a sweep, as fits standard error.
pub fn progress(name: &str, extent: &Extent) -> Box<dyn Progress> {
    match extent {
        Extent::Seed(_) | Extent::Replay(_) | Extent::Shrink(_) => Box::new(Silent),
        _ if std::io::stderr().is_terminal() => Box::new(Bar::new(name, extent)),
        _ => Box::new(Lines { name: name.to_owned(), last: Mutex::new(monotonic_ns()) }),
    }
}

/// The bar, and when the sweep began, in nanoseconds of real time.
struct Bar(ProgressBar, u64);

impl Bar {
    fn new(name: &str, extent: &Extent) -> Self {
        let length = match extent {
            Extent::Seeds(count) => Some(*count),
            // In milliseconds of real time.
            Extent::Time(time) => u64::try_from(time.as_millis()).ok(),
            Extent::Seed(_) | Extent::Replay(_) | Extent::Shrink(_) => None,
        };
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(10));
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {percent}% {msg}, {eta} left");
        bar.set_style(style.expect("the template is a constant"));
        bar.set_prefix(name.to_owned());
        Self(bar, monotonic_ns())
    }
}

impl Progress for Bar {
    fn done(&self, runs: u64, extent: &Extent) {
        match extent {
            Extent::Time(_) => self.0.set_position((monotonic_ns() - self.1) / 1_000_000),
            _ => self.0.set_position(runs),
        }
        if runs.is_multiple_of(64) {
            self.0.set_message(format!("{runs} runs"));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Real time between two lines, in nanoseconds.
const LINE_EVERY_NS: u64 = 20_000_000_000;

struct Lines {
    name: String,
    /// When the last line was printed, in nanoseconds of real time.
    last: Mutex<u64>,
}

impl Progress for Lines {
    fn done(&self, runs: u64, _: &Extent) {
        // Whoever comes while another one prints has nothing to add.
        if let Ok(mut last) = self.last.try_lock()
            && monotonic_ns() - *last >= LINE_EVERY_NS
        {
            *last = monotonic_ns();
            eprintln!("{}: {runs} runs so far, none failed", self.name);
        }
    }
}
