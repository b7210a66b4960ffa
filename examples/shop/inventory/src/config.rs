//! Settings, from the environment.

use anyhow::{Context, bail};
use std::env::VarError;

/// Settings of the inventory.
#[derive(Clone, Debug)]
pub struct Config {
    /// `INVENTORY_LISTEN`, where to listen; default `127.0.0.1:7001`.
    pub listen: String,
    /// `INVENTORY_DATABASE_URL`, a PostgreSQL database.
    pub database_url: String,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// If a variable is missing or not Unicode.
    pub fn from_environment() -> anyhow::Result<Self> {
        Ok(Self {
            listen: variable("INVENTORY_LISTEN")?.unwrap_or_else(|| "127.0.0.1:7001".to_owned()),
            database_url: variable("INVENTORY_DATABASE_URL")?.context("INVENTORY_DATABASE_URL is not set")?,
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
