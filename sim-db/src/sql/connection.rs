//! The SQL state of one session: what the wire protocol calls.

use super::sink::Sink;
use crate::engine::{Session, TransactionStatus};
use crate::error::Result;
use crate::value::text::{TextStyle, TypeCatalog};
use crate::value::{Oid, Value};
use std::rc::Rc;

/// One parsed statement of a script.
#[derive(Clone)]
pub struct Statement(());

/// A column of a result, as `RowDescription` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Name.
    pub name: Rc<str>,
    /// Type, of the base type for a domain.
    pub type_oid: Oid,
    /// Type modifier, -1 for none.
    pub typmod: i32,
    /// `typlen`.
    pub size: i16,
    /// Table it comes from, 0 for none.
    pub table_oid: Oid,
    /// Number in that table, 0 for none.
    pub attribute_number: i16,
}

/// A prepared statement: analysed, its parameters typed. Planned at first execution; the plan is shared.
pub struct Prepared {
    /// Parameter types.
    pub parameter_types: Vec<Oid>,
    /// Columns of the result; `None` when it returns no rows.
    pub columns: Option<Rc<[ResultColumn]>>,
    /// Whether the text was empty.
    pub is_empty: bool,
}

/// A bound statement, to be run in one go or by portions.
pub struct Portal(());

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Done, with this command tag.
    Complete(String),
    /// The row limit was reached: run the portal again for more.
    Suspended,
    /// There was no statement.
    Empty,
}

/// The SQL state of one session: settings, prepared statements, the transaction block.
pub struct Connection(());

impl Connection {
    /// A connection on an engine's session. `user` is only a name.
    pub fn new(_session: Session, _database: &str, _user: &str) -> Self {
        todo!()
    }

    /// The engine's session.
    pub fn session(&self) -> &Session {
        todo!()
    }

    /// Sets a run-time parameter as the startup packet does (it becomes what `RESET` goes back to).
    ///
    /// # Errors
    ///
    /// 42704 for an unknown name, 22023 for a bad value.
    pub fn set_startup_parameter(&mut self, _name: &str, _value: &str) -> Result<()> {
        todo!()
    }

    /// The settings to report at startup, with their values.
    pub fn reported_parameters(&self) -> Vec<(String, String)> {
        todo!()
    }

    /// `ReadyForQuery`'s status.
    pub fn status(&self) -> TransactionStatus {
        todo!()
    }

    /// Splits and parses a simple query's text. Empty for an empty text.
    ///
    /// # Errors
    ///
    /// 42601 with its position.
    pub fn parse_script(&self, _sql: &str) -> Result<Vec<Rc<Statement>>> {
        todo!()
    }

    /// Runs one statement of a simple query, all rows; `last` says that no other follows in the message. The implicit
    /// transaction of the message is closed by [`Connection::sync`].
    ///
    /// # Errors
    ///
    /// What the statement fails with; the transaction (block) has then failed already.
    pub async fn run_simple(
        &mut self,
        _statement: &Rc<Statement>,
        _last: bool,
        _sink: &mut dyn Sink,
    ) -> Result<Completion> {
        todo!()
    }

    /// Parse: one statement with parameters. `parameter_types` may be shorter than needed; 0 is "not given".
    ///
    /// # Errors
    ///
    /// 42601, 42P01, 42703, 42P18 … with positions; 25P02 in a failed transaction. The transaction has then failed.
    pub async fn prepare(&mut self, _sql: &str, _parameter_types: &[Oid]) -> Result<Rc<Prepared>> {
        todo!()
    }

    /// Bind: a portal of a prepared statement. `name` is the portal's (for `DECLARE`-like visibility), may be empty.
    ///
    /// # Errors
    ///
    /// 08P01 for a wrong number of parameters, 0A000 "cached plan must not change result type", 25P02.
    pub async fn bind(&mut self, _prepared: &Rc<Prepared>, _parameters: Vec<Value>) -> Result<Portal> {
        todo!()
    }

    /// Execute: up to `max_rows` rows (0: all) of a portal.
    ///
    /// # Errors
    ///
    /// What the statement fails with; the transaction has then failed already.
    pub async fn execute(
        &mut self,
        _portal: &mut Portal,
        _max_rows: usize,
        _sink: &mut dyn Sink,
    ) -> Result<Completion> {
        todo!()
    }

    /// Sync, or the end of a simple query: commits the implicit transaction, if one is open.
    ///
    /// # Errors
    ///
    /// What the commit fails with (deferred constraints, 40001).
    pub async fn sync(&mut self) -> Result<()> {
        todo!()
    }

    /// An error that the wire found itself (a bad message): the transaction fails as if a statement had.
    pub fn fail(&mut self) {
        todo!()
    }

    /// Settings for text formats, as they are now.
    pub fn text_style(&self) -> Rc<TextStyle> {
        todo!()
    }

    /// Types and names for text and binary formats.
    pub fn types(&self) -> Rc<dyn TypeCatalog> {
        todo!()
    }

    /// Keeps a prepared statement under a name, where SQL's `EXECUTE` and `DEALLOCATE` see it; the unnamed one is "".
    ///
    /// # Errors
    ///
    /// 42P05 when the name is taken.
    pub fn store_prepared(&mut self, _name: &str, _prepared: Rc<Prepared>) -> Result<()> {
        todo!()
    }

    /// The prepared statement of a name.
    ///
    /// # Errors
    ///
    /// 26000 when there is none.
    pub fn prepared(&self, _name: &str) -> Result<Rc<Prepared>> {
        todo!()
    }

    /// Close: forgets a prepared statement; nothing when there is none.
    pub fn close_prepared(&mut self, _name: &str) {
        todo!()
    }

    /// `idle_in_transaction_session_timeout` and `idle_session_timeout`, in milliseconds, 0 for none.
    pub fn idle_timeouts_ms(&self) -> (u64, u64) {
        todo!()
    }

    /// Ends the session: rolls back, frees everything.
    pub fn close(&mut self) {
        todo!()
    }
}
