//! How much to run, from the environment.

use super::Isolation;
use crate::node::service::Services;
use crate::schedule::{PolicyName, UnknownPolicy};
use std::path::PathBuf;
use std::time::Duration;

/// How much to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// One seed (`SIM_SEED`).
    Seed(u64),
    /// So many seeds, from 1 (`SIM_SEEDS`).
    Seeds(u64),
    /// Seeds from 1 for so long in real time (`SIM_TIME`).
    Time(Duration),
    /// One failure file (`SIM_REPLAY`).
    Replay(PathBuf),
    /// One failure file, to be shrunk further and saved anew (`SIM_SHRINK`).
    Shrink(PathBuf),
}

/// Settings of a sweep. [`Settings::from_variables`] reads them from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How much.
    pub extent: Extent,
    /// Runs at once (`SIM_JOBS`). Default: one for each processor.
    pub jobs: usize,
    /// `SIM_POLICY`; `None` is the portfolio.
    pub policy: Option<PolicyName>,
    /// `SIM_ISOLATION`: `thread` or `process`.
    pub isolation: Isolation,
    /// `SIM_LOG`: kinds of facts to print when a single seed or file is run, as prefixes; `all` for all.
    pub log: Option<String>,
    /// Services that every run has, such as `SIM_POSTGRES`.
    pub services: Services,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not a number of the right sort.
    #[error("{variable}=`{value}` is not {expected}")]
    Value {
        /// The environment variable.
        variable: &'static str,
        /// What it says.
        value: String,
        /// What it should say.
        expected: &'static str,
    },
    /// Two settings that contradict each other.
    #[error("{first} and {second} cannot both be set: unset one")]
    Both {
        /// One variable.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// Not a policy.
    #[error("SIM_POLICY: {0}")]
    Policy(#[from] UnknownPolicy),
}

const SEED: &str = "a seed: a whole number below 2^64, decimal or hexadecimal with 0x";

impl Settings {
    /// The settings that `variable` (of the environment, usually) names, with `seeds` as the default extent.
    ///
    /// # Errors
    ///
    /// Names the variable, what it says and what it should say.
    pub fn from_variables(
        seeds: u64,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let read = |name: &'static str| variable(name).map(|value| (name, value));
        let extents = ["SIM_SEED", "SIM_REPLAY", "SIM_SHRINK", "SIM_TIME", "SIM_SEEDS"].map(read);
        let mut given = extents.into_iter().flatten();
        let extent = match given.next() {
            None => Extent::Seeds(seeds),
            Some((variable, value)) => {
                if let Some((other, _)) = given.next() {
                    return Err(SettingsError::Both { first: variable, second: other });
                }
                let bad = |expected| SettingsError::Value { variable, value: value.clone(), expected };
                match variable {
                    "SIM_SEED" => Extent::Seed(parse_seed(&value).ok_or_else(|| bad(SEED))?),
                    "SIM_REPLAY" | "SIM_SHRINK" if value.is_empty() => {
                        return Err(bad("the path of a failure file"));
                    }
                    "SIM_REPLAY" => Extent::Replay(PathBuf::from(&value)),
                    "SIM_SHRINK" => Extent::Shrink(PathBuf::from(&value)),
                    "SIM_TIME" => {
                        let time = parse_time(&value)
                            .ok_or_else(|| bad("a time above zero, such as 500ms, 60s, 10m or 2h"))?;
                        Extent::Time(time)
                    }
                    _ => {
                        let count = value.parse().ok().filter(|count| *count > 0);
                        Extent::Seeds(count.ok_or_else(|| bad("a number of seeds, 1 or more"))?)
                    }
                }
            }
        };
        let jobs = match read("SIM_JOBS") {
            None => sim_host::real::processors(),
            Some((variable, value)) => {
                let jobs = value.parse().ok().filter(|jobs| (1..=1024).contains(jobs));
                jobs.ok_or(SettingsError::Value {
                    variable,
                    value,
                    expected: "a number of runs at once, 1 to 1024",
                })?
            }
        };
        let policy = read("SIM_POLICY").map(|(_, value)| value.parse()).transpose()?;
        let isolation = match read("SIM_ISOLATION") {
            None => Isolation::Thread,
            Some((variable, value)) => match value.as_str() {
                "thread" => Isolation::Thread,
                "process" => Isolation::Process,
                _ => return Err(SettingsError::Value { variable, value, expected: "`thread` or `process`" }),
            },
        };
        let services =
            Services::from_variables(&variable).map_err(|(variable, value)| SettingsError::Value {
                variable,
                value,
                expected: "the name of a node: 1 to 63 letters, digits, `-`, `_` or `.`",
            })?;
        Ok(Self { extent, jobs, policy, isolation, log: variable("SIM_LOG"), services })
    }

    /// The settings that the host's environment names.
    ///
    /// # Errors
    ///
    /// As [`Settings::from_variables`].
    pub fn from_environment(seeds: u64) -> Result<Self, SettingsError> {
        Self::from_variables(seeds, |name| {
            sim_host::real::variable(name).map(|value| value.to_string_lossy().into_owned())
        })
    }
}

fn parse_seed(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => text.parse().ok(),
    }
}

fn parse_time(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    let milliseconds = match unit {
        "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "m" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_variables(100, |name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn good_settings_are_understood() {
        let check = |name, value, extent| {
            assert_eq!(settings(&[(name, value)]).map(|settings| settings.extent), Ok(extent));
        };
        check("SIM_SEED", "17", Extent::Seed(17));
        check("SIM_SEED", "0xff", Extent::Seed(255));
        check("SIM_SEED", "18446744073709551615", Extent::Seed(u64::MAX));
        check("SIM_SEEDS", "5000", Extent::Seeds(5000));
        check("SIM_TIME", "90s", Extent::Time(Duration::from_secs(90)));
        check("SIM_TIME", "2h", Extent::Time(Duration::from_secs(7200)));
        check("SIM_REPLAY", "a.failure", Extent::Replay("a.failure".into()));
        assert_eq!(settings(&[]).map(|settings| settings.extent), Ok(Extent::Seeds(100)));
        assert_eq!(
            settings(&[("SIM_POLICY", "pct:2")]).map(|settings| settings.policy),
            Ok(Some(PolicyName::Pct(2)))
        );
    }

    #[test]
    fn bad_settings_are_refused_with_what_they_say() {
        let check = |variables: &[(&str, &str)], parts: &[&str]| {
            let error = settings(variables).expect_err("must be refused").to_string();
            for part in parts {
                assert!(error.contains(part), "{error}");
            }
        };
        check(&[("SIM_SEED", "abc")], &["SIM_SEED", "`abc`", "whole number"]);
        check(&[("SIM_SEED", "-1")], &["`-1`"]);
        check(&[("SIM_SEED", "0x+1")], &["`0x+1`"]);
        check(&[("SIM_SEED", "18446744073709551616")], &["below 2^64"]);
        check(&[("SIM_SEEDS", "0")], &["SIM_SEEDS", "`0`", "1 or more"]);
        check(&[("SIM_TIME", "60")], &["`60`", "60s"]);
        check(&[("SIM_TIME", "0s")], &["above zero"]);
        check(&[("SIM_JOBS", "0")], &["SIM_JOBS", "1 to 1024"]);
        check(&[("SIM_POLICY", "best")], &["`best`", "uniform"]);
        check(&[("SIM_ISOLATION", "vm")], &["`vm`", "process"]);
        check(&[("SIM_SEED", "1"), ("SIM_SEEDS", "2")], &["SIM_SEED", "SIM_SEEDS", "both"]);
        check(&[("SIM_REPLAY", "")], &["SIM_REPLAY"]);
    }
}
