//! A schema for one test, and connections that work in it.
#![allow(dead_code, reason = "each test file uses a part")]

use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Error, NoTls};

/// One test's schema.
pub struct Database {
    url: String,
}

impl Database {
    /// The schema, made anew.
    pub async fn fresh(schema: &str) -> Result<Database, Error> {
        let database = Database { url: support::url(schema) };
        database.connect().await?.batch_execute(&support::fresh(schema)).await?;
        Ok(database)
    }

    /// A connection, driven by a task of its own.
    pub async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A connection, and what the server says unasked.
    pub async fn connect_listening(
        &self,
    ) -> Result<(Client, tokio::sync::mpsc::UnboundedReceiver<AsyncMessage>), Error> {
        let (client, mut connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Ok((client, receiver))
    }
}

/// The SQLSTATE of an error of the server.
pub fn code(error: &Error) -> Option<SqlState> {
    error.code().cloned()
}
