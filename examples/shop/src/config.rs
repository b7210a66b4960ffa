//! Settings, from the environment.

use anyhow::{Context, bail};
use std::env::VarError;
use std::time::Duration;

/// Settings of the shop.
#[derive(Clone, Debug)]
pub struct Config {
    /// `SHOP_LISTEN`, where to listen; default `127.0.0.1:8080`.
    pub listen: String,
    /// `SHOP_DATABASE_URL`, a PostgreSQL database. No default: nobody's orders should land in another's.
    pub database_url: String,
    /// `SHOP_INVENTORY_URL`; default `http://127.0.0.1:7001`.
    pub inventory_url: String,
    /// `SHOP_PROVIDER_URL`, the payment provider; default `http://127.0.0.1:7002`.
    pub provider_url: String,
    /// `SHOP_PROVIDER_KEY`, the shop's key at the payment provider. No default: a shop that takes play money is broken.
    pub provider_key: String,
    /// `SHOP_RESERVATION_SECONDS`, how long an order may wait for its payment; default 900.
    pub reservation: Duration,
    /// `SHOP_REQUEST_SECONDS`, how long a request may take; default 10.
    pub request: Duration,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// If a variable is missing or cannot be used.
    pub fn from_environment() -> anyhow::Result<Self> {
        Ok(Self {
            listen: text("SHOP_LISTEN", "127.0.0.1:8080")?,
            database_url: variable("SHOP_DATABASE_URL")?.context("SHOP_DATABASE_URL is not set")?,
            inventory_url: text("SHOP_INVENTORY_URL", "http://127.0.0.1:7001")?,
            provider_url: text("SHOP_PROVIDER_URL", "http://127.0.0.1:7002")?,
            provider_key: variable("SHOP_PROVIDER_KEY")?.context("SHOP_PROVIDER_KEY is not set")?,
            reservation: seconds("SHOP_RESERVATION_SECONDS", 900)?,
            request: seconds("SHOP_REQUEST_SECONDS", 10)?,
        })
    }
}

fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(error) => bail!("{name}: {error}"),
    }
}

fn text(name: &str, default: &str) -> anyhow::Result<String> {
    Ok(variable(name)?.unwrap_or_else(|| default.to_owned()))
}

fn seconds(name: &str, default: u64) -> anyhow::Result<Duration> {
    let seconds = match variable(name)? {
        Some(value) => value.parse().with_context(|| format!("{name}={value} is not a number of seconds"))?,
        None => default,
    };
    Ok(Duration::from_secs(seconds))
}
