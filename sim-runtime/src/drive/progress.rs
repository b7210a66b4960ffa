//! A bar on a terminal, now and then a line elsewhere.

use crate::explore::{Extent, Progress, Silent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The progress of a sweep, as fits standard error.
pub fn progress(name: &str, extent: &Extent) -> Box<dyn Progress> {
    match extent {
        Extent::Seed(_) | Extent::Replay(_) => Box::new(Silent),
        _ if std::io::stderr().is_terminal() => Box::new(Bar::new(name, extent)),
        _ => Box::new(Lines { name: name.to_owned(), last: Mutex::new(Instant::now()) }),
    }
}

struct Bar(ProgressBar, Instant);

impl Bar {
    fn new(name: &str, extent: &Extent) -> Self {
        let length = match extent {
            Extent::Seeds(count) => Some(*count),
            // In milliseconds of real time.
            Extent::Time(time) => u64::try_from(time.as_millis()).ok(),
            Extent::Seed(_) | Extent::Replay(_) => None,
        };
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(10));
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {percent}% {msg}, {eta} left");
        bar.set_style(style.expect("the template is a constant"));
        bar.set_prefix(name.to_owned());
        Self(bar, Instant::now())
    }
}

impl Progress for Bar {
    fn done(&self, runs: u64, extent: &Extent) {
        match extent {
            Extent::Time(_) => {
                self.0.set_position(u64::try_from(self.1.elapsed().as_millis()).unwrap_or(u64::MAX))
            }
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

/// Time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(20);

struct Lines {
    name: String,
    last: Mutex<Instant>,
}

impl Progress for Lines {
    fn done(&self, runs: u64, _: &Extent) {
        // Whoever comes while another one prints has nothing to add.
        if let Ok(mut last) = self.last.try_lock()
            && last.elapsed() >= LINE_EVERY
        {
            *last = Instant::now();
            eprintln!("{}: {runs} runs so far, none failed", self.name);
        }
    }
}
