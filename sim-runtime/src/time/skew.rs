//! How a node's clocks differ from true (virtual) time.

use super::{EPOCH_NS, Nanos, UPTIME_NS};

/// The error of one node's clocks. The default is none.
///
/// The monotonic clock drifts but never jumps; the wall clock is the monotonic one plus an offset
/// that may jump in either direction, as when a time daemon steps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skew {
    /// Wall clock ahead (positive) or behind, in nanoseconds.
    pub offset_ns: i64,
    /// Rate error of both clocks in parts per billion: +1000 gains one microsecond a second.
    /// Between -500,000,000 and +500,000,000 (half and one and a half speed).
    pub drift_ppb: i32,
    /// True time at which the present drift began.
    pub since: Nanos,
    /// Monotonic nanoseconds gained or lost before `since`.
    pub gained_ns: i64,
}

/// Bound of [`Skew::drift_ppb`] in either direction.
const DRIFT_PPB_MAX: i32 = 500_000_000;

impl Skew {
    /// The error of the monotonic clock at true time `now`, in nanoseconds.
    fn error_at(&self, now: Nanos) -> i64 {
        let elapsed = i128::from(now - self.since.min(now));
        self.gained_ns + (elapsed * i128::from(self.drift_ppb) / 1_000_000_000) as i64
    }

    /// What the monotonic clock shows at true time `now`.
    pub fn monotonic(&self, now: Nanos) -> u64 {
        (UPTIME_NS + now).saturating_add_signed(self.error_at(now))
    }

    /// What the wall clock shows at true time `now`, in nanoseconds since the Unix epoch.
    pub fn wall(&self, now: Nanos) -> u64 {
        (EPOCH_NS + now).saturating_add_signed(self.error_at(now)).saturating_add_signed(self.offset_ns)
    }

    /// Changes the rate from true time `now` on; what was gained so far is kept.
    ///
    /// # Panics
    ///
    /// If `drift_ppb` lies outside ±500,000,000.
    pub fn set_drift(&mut self, now: Nanos, drift_ppb: i32) {
        assert!(drift_ppb.abs() <= DRIFT_PPB_MAX, "drift of {drift_ppb} ppb is outside ±{DRIFT_PPB_MAX} ppb");
        self.gained_ns = self.error_at(now);
        self.since = now;
        self.drift_ppb = drift_ppb;
    }

    /// The true duration in which this node's monotonic clock advances by `local` nanoseconds.
    pub fn true_duration(&self, local: Nanos) -> Nanos {
        if self.drift_ppb == 0 {
            return local;
        }
        let rate = i128::from(1_000_000_000 + i64::from(self.drift_ppb));
        u64::try_from((i128::from(local) * 1_000_000_000 + rate - 1) / rate).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    #[test]
    fn drift_gains_and_keeps_what_it_gained() {
        let mut skew = Skew::default();
        skew.set_drift(0, 100_000_000);
        assert_eq!(skew.monotonic(10 * SECOND) - UPTIME_NS, 11 * SECOND);
        skew.set_drift(10 * SECOND, 0);
        assert_eq!(skew.monotonic(20 * SECOND) - UPTIME_NS, 21 * SECOND);
        assert_eq!(skew.wall(20 * SECOND) - EPOCH_NS, 21 * SECOND);
    }

    #[test]
    fn a_jump_moves_the_wall_clock_only() {
        let skew = Skew { offset_ns: -3_600_000_000_000, ..Skew::default() };
        assert_eq!(skew.monotonic(5), UPTIME_NS + 5);
        assert_eq!(skew.wall(5), EPOCH_NS - 3600 * SECOND + 5);
    }

    #[test]
    fn a_fast_clock_sleeps_shorter() {
        let mut skew = Skew::default();
        skew.set_drift(0, 500_000_000);
        assert_eq!(skew.true_duration(3 * SECOND), 2 * SECOND);
    }
}
