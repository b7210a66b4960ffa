//! Settings, from the environment.

/// Settings of the inventory.
#[derive(Clone, Debug)]
pub struct Config {
    /// `INVENTORY_LISTEN`, where to listen; default `127.0.0.1:7001`.
    pub listen: String,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// If a variable is not Unicode.
    pub fn from_environment() -> anyhow::Result<Self> {
        let listen = match std::env::var("INVENTORY_LISTEN") {
            Ok(listen) => listen,
            Err(std::env::VarError::NotPresent) => "127.0.0.1:7001".to_owned(),
            Err(error) => anyhow::bail!("INVENTORY_LISTEN: {error}"),
        };
        Ok(Self { listen })
    }
}
