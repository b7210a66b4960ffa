//! The usual shapes of a choice, each reduced to an integer below a bound with 0 calm.

use super::{Generator, Lane};
use rand_chacha::rand_core::Rng;
use std::ops::Range;

/// A probability as a ratio of integers, `numerator / denominator`, from 0/1 to 1/1.
///
/// Ratios instead of floats: the same on every machine, exact in files and in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// Never.
    pub const NEVER: Self = Self { numerator: 0, denominator: 1 };
    /// Always.
    pub const ALWAYS: Self = Self { numerator: 1, denominator: 1 };

    /// `numerator` in `denominator`.
    ///
    /// # Panics
    ///
    /// If `denominator` is 0 or less than `numerator`: no such probability exists.
    pub const fn new(numerator: u32, denominator: u32) -> Self {
        assert!(
            denominator > 0 && numerator <= denominator,
            "a ratio lies between 0/n and n/n, n at least 1"
        );
        Self { numerator, denominator }
    }

    /// The numerator.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// The denominator.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.numerator, self.denominator)
    }
}

/// A uniform integer below `bound`, by multiplication (bias below 2^-32 for 32-bit bounds).
#[inline]
pub(crate) fn uniform(generator: &mut Generator, bound: u64) -> u64 {
    if let Ok(bound) = u32::try_from(bound) {
        (u64::from(generator.next_u32()) * u64::from(bound)) >> 32
    } else {
        ((u128::from(generator.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

impl Lane {
    /// A uniform choice in `0..bound`; 0 if `bound` is 0 or 1.
    #[inline]
    pub fn below(&self, bound: u64) -> u64 {
        self.decide(bound, |generator| uniform(generator, bound))
    }

    /// A uniform choice in `range`; calm is its start. An empty range answers its start.
    pub fn range(&self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// True with probability `ratio`; calm is false. Recorded as one bit, whatever the ratio; a
    /// ratio of 0 is no choice.
    #[inline]
    pub fn chance(&self, ratio: Ratio) -> bool {
        if ratio.numerator == 0 {
            return false;
        }
        let sample = |generator: &mut Generator| {
            u64::from(uniform(generator, ratio.denominator.into()) < u64::from(ratio.numerator))
        };
        self.decide(2, sample) == 1
    }

    /// One of `options`, uniformly; calm is the first.
    ///
    /// # Panics
    ///
    /// If there are no options.
    pub fn pick<'a, T>(&self, options: &'a [T]) -> &'a T {
        assert!(!options.is_empty(), "lane {}: a pick needs at least one option", self.name());
        &options[self.below(options.len() as u64) as usize]
    }

    /// A position in `weights`, chosen in proportion to its weight; calm is the first.
    ///
    /// # Panics
    ///
    /// If all weights are 0 or their sum overflows.
    pub fn weighted(&self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        assert!(total > 0, "lane {}: at least one weight must be above 0", self.name());
        let sample = |generator: &mut Generator| {
            let mut left = uniform(generator, total);
            let found = weights.iter().position(|weight| {
                let inside = left < u64::from(*weight);
                left = left.saturating_sub(u64::from(*weight));
                inside
            });
            found.expect("the draw lies below the sum of the weights") as u64
        };
        self.decide(weights.len() as u64, sample) as usize
    }

    /// Shuffles `items` uniformly (Fisher and Yates); calm leaves them as they are.
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for index in 0..items.len() {
            let other = index + self.below((items.len() - index) as u64) as usize;
            items.swap(index, other);
        }
    }

    /// A long-tailed amount in `0..=max` whose mean is near `mean` (much less than `max`): most
    /// draws are small, few are very large, as latencies are. Calm is 0.
    ///
    /// Integers only: one draw in two doubles the scale, each scale is uniform, so the survival
    /// function falls as an exponential does, in octaves.
    pub fn long_tail(&self, mean: u64, max: u64) -> u64 {
        let sample = |generator: &mut Generator| {
            // P(octave = k) = 2^-(k+1). Octave k is uniform over [0, scale * 1.5^k), whose mean is
            // scale/2 * 1.5^k; the sum over k of 2^-(k+1) * 1.5^k is 2, so the mean is `scale`.
            let octave = generator.next_u64().trailing_zeros();
            let mut scale = mean.max(1);
            for _ in 0..octave {
                scale = scale.saturating_mul(3) / 2;
            }
            uniform(generator, scale.max(1)).min(max)
        };
        self.decide(max.saturating_add(1), sample)
    }
}
