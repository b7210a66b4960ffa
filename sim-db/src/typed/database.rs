//! A typed database: an engine, and transactions on it.

use std::rc::Rc;

use super::{TableBuilder, Transaction, table::Table};
use crate::{
    engine::{Engine, Environment, IsolationLevel, Template, TransactionOptions},
    error::Result,
};

/// A transactional store of typed tables. Clones share it.
#[derive(Clone)]
pub struct Database {
    engine: Engine,
}

impl Database {
    /// An empty one.
    pub fn new(environment: Rc<dyn Environment>) -> Database {
        Database { engine: Engine::new(environment) }
    }

    /// On an engine that is there already.
    pub fn on(engine: Engine) -> Database {
        Database { engine }
    }

    /// The engine beneath.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Describes a table to create; see [`TableBuilder`].
    pub fn table<R: super::Record>(&self, name: &str, primary_key: &[&str]) -> Table<R> {
        TableBuilder::new(name, primary_key).create(self)
    }

    /// Begins a transaction, on a session of its own.
    ///
    /// # Errors
    /// None today; a store that is down will refuse.
    pub async fn begin(&self, isolation: IsolationLevel) -> Result<Transaction> {
        self.begin_with(TransactionOptions { isolation, ..TransactionOptions::default() }).await
    }

    /// Begins a transaction with every option.
    ///
    /// # Errors
    /// As [`Database::begin`].
    pub async fn begin_with(&self, options: TransactionOptions) -> Result<Transaction> {
        Transaction::begin(&self.engine, options).await
    }

    /// The committed state, to fork from.
    ///
    /// # Panics
    /// If a transaction that wrote is in progress.
    pub fn template(&self) -> Template {
        self.engine.template()
    }

    /// A fork of a template.
    pub fn fork(template: &Template, environment: Rc<dyn Environment>) -> Database {
        Database { engine: template.fork(environment) }
    }
}
