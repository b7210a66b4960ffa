//! Moments of virtual time.

use sim_runtime::executor::try_current;
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::OnceLock;
use std::time::Duration;

/// A moment of the running node's monotonic clock.
#[derive(Clone, Copy, Eq, PartialEq, PartialOrd, Ord, Hash)]
pub struct Instant(std::time::Instant);

/// The clock that std shows, but for what it is ahead of virtual time. Where the C library is not hooked it is asked of the run itself.
pub(crate) fn std_now() -> std::time::Instant {
    static BASE: OnceLock<std::time::Instant> = OnceLock::new();
    let Some(world) = try_current() else { return std::time::Instant::now() };
    if sim_host::HOOKED {
        let now = std::time::Instant::now();
        return now.checked_sub(Duration::from_nanos(world.lead())).unwrap_or(now);
    }
    let now = world.skew(world.current_node()).monotonic(world.read_clock());
    *BASE.get_or_init(std::time::Instant::now) + Duration::from_nanos(now)
}

/// More than anybody waits.
const FAR: Duration = Duration::from_secs(86_400 * 365 * 30);

/// `duration`, or 30 years if that is less: so much can be added to any moment.
pub(super) fn bounded(duration: Duration) -> Duration {
    duration.min(FAR)
}

impl Instant {
    /// Now.
    pub fn now() -> Instant {
        Instant(std_now())
    }

    /// The same moment as std has it.
    pub fn from_std(std: std::time::Instant) -> Instant {
        Instant(std)
    }

    /// The same moment for std.
    pub fn into_std(self) -> std::time::Instant {
        self.0
    }

    /// Time since `earlier`; zero if that is later.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Time since `earlier`; `None` if that is later.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_duration_since(earlier.0)
    }

    /// Time since `earlier`; zero if that is later.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Time since then; zero if it is yet to come.
    pub fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(*self)
    }

    /// Later by `duration`, if that can be said.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(duration).map(Instant)
    }

    /// Earlier by `duration`, if that can be said.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(duration).map(Instant)
    }
}

impl From<std::time::Instant> for Instant {
    fn from(std: std::time::Instant) -> Instant {
        Instant(std)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> std::time::Instant {
        instant.0
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, other: Duration) -> Instant {
        Instant(self.0 + other)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, other: Duration) {
        *self = *self + other;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, other: Instant) -> Duration {
        self.0.saturating_duration_since(other.0)
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, other: Duration) -> Instant {
        self.checked_sub(other).expect("a moment before the clock began cannot be said")
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, other: Duration) {
        *self = *self - other;
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
