//! Policies by name, as in settings, commands and failure files.

use super::{Policy, fifo::Fifo, pct::Pct, pos::Pos, uniform::Uniform, weighted::Weighted};
use crate::tape::{Generator, uniform};
use std::fmt;
use std::str::FromStr;

/// Which policy to use. The default is the portfolio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyName {
    /// One of the others for each seed: weighted 30 %, pos 20 %, uniform 10 %, pct with depth 1,
    /// 2, 3 and 5 10 % each.
    #[default]
    Portfolio,
    /// First in, first out.
    Fifo,
    /// Uniform random walk.
    Uniform,
    /// Random walk with a random weight for each task.
    Weighted,
    /// A random priority for each step.
    Pos,
    /// Probabilistic concurrency testing with this depth, 1 to 100.
    Pct(u32),
}

/// A policy name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown policy `{0}`; use portfolio, fifo, uniform, weighted, pos, or pct:DEPTH with a depth from 1 to 100"
)]
pub struct UnknownPolicy(pub String);

const DEPTH_MAX: u32 = 100;

impl PolicyName {
    /// The policy for one run. `generator` decides what a portfolio turns into.
    pub fn build(self, generator: &mut Generator) -> Box<dyn Policy> {
        match self {
            Self::Portfolio => {
                let single = match uniform(generator, 10) {
                    0..3 => Self::Weighted,
                    3..5 => Self::Pos,
                    5 => Self::Uniform,
                    6 => Self::Pct(1),
                    7 => Self::Pct(2),
                    8 => Self::Pct(3),
                    _ => Self::Pct(5),
                };
                single.build(generator)
            }
            Self::Fifo => Box::new(Fifo),
            Self::Uniform => Box::new(Uniform),
            Self::Weighted => Box::new(Weighted::default()),
            Self::Pos => Box::new(Pos::default()),
            Self::Pct(depth) => Box::new(Pct::new(depth)),
        }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Portfolio => formatter.write_str("portfolio"),
            Self::Fifo => formatter.write_str("fifo"),
            Self::Uniform => formatter.write_str("uniform"),
            Self::Weighted => formatter.write_str("weighted"),
            Self::Pos => formatter.write_str("pos"),
            Self::Pct(depth) => write!(formatter, "pct:{depth}"),
        }
    }
}

impl FromStr for PolicyName {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        let depth = text
            .strip_prefix("pct:")
            .or_else(|| text.strip_prefix("pct(").and_then(|rest| rest.strip_suffix(')')));
        match (text, depth.map(str::parse)) {
            ("portfolio", _) => Ok(Self::Portfolio),
            ("fifo", _) => Ok(Self::Fifo),
            ("uniform", _) => Ok(Self::Uniform),
            ("weighted", _) => Ok(Self::Weighted),
            ("pos", _) => Ok(Self::Pos),
            (_, Some(Ok(depth @ 1..=DEPTH_MAX))) => Ok(Self::Pct(depth)),
            _ => Err(UnknownPolicy(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for name in ["portfolio", "fifo", "uniform", "weighted", "pos", "pct:1", "pct:100"] {
            assert_eq!(name.parse::<PolicyName>().map(|policy| policy.to_string()), Ok(name.to_owned()));
        }
        assert_eq!("pct(3)".parse(), Ok(PolicyName::Pct(3)));
        for name in ["", "random", "pct", "pct:0", "pct:101", "pct:x"] {
            let error = name.parse::<PolicyName>().expect_err(name);
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
    }
}
