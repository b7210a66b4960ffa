//! How long a packet travels, as a pure function of bounded choices.
//!
//! A model never sees a generator: it asks for numbers below a bound and turns them into nanoseconds,
//! choice 0 always being the shortest trip. So the shrinker, which only knows "smaller is calmer",
//! ends at the fastest network that still fails. Everything is integers; the exponential of
//! [`Latency::LongTail`] is a base-two logarithm read from the leading zeros, with a linear
//! interpolation between powers (error below 9 %, irrelevant for a model and equal on every machine).

use sim_runtime::tape::{Lane, Ratio};

/// Where bounded choices come from: a lane of the tape in a run, a script in tests.
pub trait Choices {
    /// A number below `bound`; 0 is calm, and what a bound of 0 or 1 gives without a draw.
    fn below(&mut self, bound: u64) -> u64;
    /// Whether something of this probability happens; never and always draw nothing.
    fn chance(&mut self, ratio: Ratio) -> bool;
}

impl Choices for &Lane {
    #[inline]
    fn below(&mut self, bound: u64) -> u64 {
        Lane::below(self, bound)
    }

    fn chance(&mut self, ratio: Ratio) -> bool {
        ratio == Ratio::ALWAYS || Lane::chance(self, ratio)
    }
}

/// Travel time of one packet on one link, in virtual nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Latency {
    /// Always the same. Draws nothing.
    Constant(u64),
    /// Every nanosecond of `min_ns..=max_ns` equally likely. One draw.
    Uniform {
        /// Shortest trip.
        min_ns: u64,
        /// Longest trip, included.
        max_ns: u64,
    },
    /// `min_ns` plus an exponential with the given mean, cut off at sixteen halvings (about 11 means). One draw.
    LongTail {
        /// Shortest trip.
        min_ns: u64,
        /// Mean of what is added to it.
        mean_ns: u64,
    },
    /// Usually the fast model, sometimes the slow one. One draw, and the chosen model's own.
    Bimodal {
        /// The usual trip.
        fast: Box<Latency>,
        /// The other trip.
        slow: Box<Latency>,
        /// How often the other one.
        slow_ratio: Ratio,
    },
}

/// Choices a long-tail draw has; a power of two so that the logarithm is exact at its ends.
const TAIL_STEPS: u64 = 1 << 16;

impl Latency {
    /// Draws one trip in nanoseconds.
    pub fn draw(&self, choices: &mut impl Choices) -> u64 {
        match self {
            Latency::Constant(ns) => *ns,
            Latency::Uniform { min_ns, max_ns } => {
                let span = max_ns.saturating_sub(*min_ns);
                if span == 0 { *min_ns } else { min_ns + choices.below(span.saturating_add(1)) }
            }
            Latency::LongTail { min_ns, mean_ns } => {
                min_ns.saturating_add(tail(choices.below(TAIL_STEPS), *mean_ns))
            }
            Latency::Bimodal { fast, slow, slow_ratio } => {
                if choices.chance(*slow_ratio) {
                    slow.draw(choices)
                } else {
                    fast.draw(choices)
                }
            }
        }
    }

    /// The shortest trip the model knows: what choice 0 gives, and what an acknowledgement costs.
    pub fn calm_ns(&self) -> u64 {
        match self {
            Latency::Constant(ns) => *ns,
            Latency::Uniform { min_ns, .. } | Latency::LongTail { min_ns, .. } => *min_ns,
            Latency::Bimodal { fast, .. } => fast.calm_ns(),
        }
    }
}

/// `mean * -ln(1 - choice / TAIL_STEPS)`, monotone in `choice`, 0 at 0.
fn tail(choice: u64, mean_ns: u64) -> u64 {
    let left = TAIL_STEPS - choice.min(TAIL_STEPS - 1);
    let power = left.ilog2();
    // 16 fractional bits of log2(left), linear between powers of two.
    let fraction = ((left - (1 << power)) << 16) >> power;
    let log2 = (u64::from(power) << 16) + fraction;
    let halvings = (16 << 16) - log2;
    // ln 2 as 45_426 / 65_536.
    let scaled = u128::from(mean_ns) * u128::from(halvings) * 45_426;
    u64::try_from(scaled >> 32).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Always(u64);

    impl Choices for Always {
        fn below(&mut self, bound: u64) -> u64 {
            self.0.min(bound.saturating_sub(1))
        }
        fn chance(&mut self, _ratio: Ratio) -> bool {
            self.0 > 0
        }
    }

    fn models() -> Vec<Latency> {
        vec![
            Latency::Constant(5),
            Latency::Uniform { min_ns: 1_000, max_ns: 10_000 },
            Latency::LongTail { min_ns: 1_000, mean_ns: 5_000 },
            Latency::Bimodal {
                fast: Box::new(Latency::Uniform { min_ns: 10, max_ns: 20 }),
                slow: Box::new(Latency::Constant(900)),
                slow_ratio: Ratio::new(1, 100),
            },
        ]
    }

    #[test]
    fn choice_zero_is_the_shortest_trip() {
        for model in models() {
            assert_eq!(model.draw(&mut Always(0)), model.calm_ns(), "{model:?}");
        }
    }

    #[test]
    fn the_last_choice_of_a_bimodal_link_is_slow() {
        assert_eq!(models()[3].draw(&mut Always(u64::MAX)), 900);
    }

    #[test]
    fn a_long_tail_has_about_its_mean() {
        let sum: u64 = (0..TAIL_STEPS).map(|c| tail(c, 1_000_000)).sum();
        let mean = sum / TAIL_STEPS;
        assert!((930_000..1_070_000).contains(&mean), "{mean}");
    }

    proptest! {
        #[test]
        fn a_larger_choice_is_never_a_shorter_trip(a in 0..TAIL_STEPS, b in 0..TAIL_STEPS) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(tail(low, 77_777) <= tail(high, 77_777));
        }
    }
}
