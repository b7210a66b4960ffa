//! The service's configuration, from its environment.

use anyhow::{Context, bail};
use std::env::var;
use std::time::Duration;

/// When the quota is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaCheck {
    /// Before anything else, so that a request that cannot succeed costs nothing. Wrong if it is the only check.
    First,
    /// Together with storing the link.
    WithStoring,
}

/// The configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `LISTEN`, by default `0.0.0.0:3000`.
    pub listen: String,
    /// `QUOTA`: links of a user who has paid nothing; by default 3.
    pub quota: u32,
    /// `QUOTA_CHECK`: `first` or `with_storing`, the default.
    pub quota_check: QuotaCheck,
    /// `IDENTITY_URL`, required.
    pub identity_url: String,
    /// `CHECKER_URL`: says whether a URL is harmless; none are asked without it.
    pub checker_url: Option<String>,
    /// `PAYMENT_URL`, required.
    pub payment_url: String,
    /// `PAYMENT_KEY`, required.
    pub payment_key: String,
    /// `WEBHOOK_SECRET`, required.
    pub webhook_secret: String,
    /// `TIME_LIMIT_MS` for calls to others; by default 2000.
    pub time_limit: Duration,
}

impl Config {
    /// Reads the environment.
    pub fn from_environment() -> anyhow::Result<Self> {
        let required = |name: &str| var(name).with_context(|| format!("the variable {name} is not set"));
        let number = |name: &str, default: u32| match var(name) {
            Ok(text) => text.parse().with_context(|| format!("{name} is no number: `{text}`")),
            Err(_) => Ok(default),
        };
        let quota_check = match var("QUOTA_CHECK").as_deref() {
            Ok("first") => QuotaCheck::First,
            Ok("with_storing") | Err(_) => QuotaCheck::WithStoring,
            Ok(other) => bail!("QUOTA_CHECK is first or with_storing, not `{other}`"),
        };
        Ok(Self {
            listen: var("LISTEN").unwrap_or_else(|_| "0.0.0.0:3000".to_owned()),
            quota: number("QUOTA", 3)?,
            quota_check,
            identity_url: required("IDENTITY_URL")?,
            checker_url: var("CHECKER_URL").ok(),
            payment_url: required("PAYMENT_URL")?,
            payment_key: required("PAYMENT_KEY")?,
            webhook_secret: required("WEBHOOK_SECRET")?,
            time_limit: Duration::from_millis(number("TIME_LIMIT_MS", 2000)?.into()),
        })
    }
}
