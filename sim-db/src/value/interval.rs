//! Intervals: months, days and microseconds, kept apart as PostgreSQL does.

const USECS_PER_DAY: i128 = 86_400_000_000;

/// An `interval`. Equality and order are by its estimated length (a month is 30 days, a day 24 hours).
#[derive(Clone, Copy, Debug, Default)]
pub struct Interval {
    /// Whole months.
    pub months: i32,
    /// Whole days.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

impl Interval {
    /// An interval of the given parts.
    pub fn new(months: i32, days: i32, micros: i64) -> Self {
        Self { months, days, micros }
    }

    /// The estimated length in microseconds, by which intervals compare.
    pub fn span(&self) -> i128 {
        (i128::from(self.months) * 30 + i128::from(self.days)) * USECS_PER_DAY + i128::from(self.micros)
    }

    /// The interval of the opposite sign; `None` when a part overflows.
    pub fn checked_neg(self) -> Option<Self> {
        Some(Self::new(self.months.checked_neg()?, self.days.checked_neg()?, self.micros.checked_neg()?))
    }

    /// The sum by parts; `None` when a part overflows.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self::new(
            self.months.checked_add(other.months)?,
            self.days.checked_add(other.days)?,
            self.micros.checked_add(other.micros)?,
        ))
    }
}
