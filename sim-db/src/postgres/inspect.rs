//! Looking into a database, or filling one, from the scenario: without the wire, a choice, a fact or a moment.

use super::machine::Machine;
use crate::engine::Pid;
use crate::error::{DatabaseError, Result, SqlState};
use crate::sql::{Connection, ResultColumn, Sink};
use crate::value::text::{self, TextContext, TextStyle, TypeCatalog};
use crate::value::{Oid, Value};
use futures::FutureExt;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The session that inspections share in turn: a number below those of clients.
const INSPECTOR: Pid = Pid(1_000);

/// What a query answered, as texts; `None` is NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with one text a column.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    /// The one value of a query that answers one row of one column, such as `select count(*) …`; `None` for NULL.
    ///
    /// # Panics
    ///
    /// If it answered another number of rows or columns, or the value does not read as a `T`.
    #[track_caller]
    pub fn value<T: FromStr>(&self) -> Option<T> {
        let [row] = &self.rows[..] else { panic!("the query answered {} rows, not one", self.rows.len()) };
        let [value] = &row[..] else { panic!("the query answered {} columns, not one", row.len()) };
        value.as_deref().map(parsed)
    }

    /// The values of one column, without NULLs.
    ///
    /// # Panics
    ///
    /// If there is no such column, or a value does not read as a `T`.
    #[track_caller]
    pub fn column<T: FromStr>(&self, name: &str) -> Vec<T> {
        let Some(at) = self.columns.iter().position(|column| column == name) else {
            panic!("the query has no column `{name}`; it has {}", self.columns.join(", "))
        };
        self.rows.iter().filter_map(|row| row[at].as_deref()).map(parsed).collect()
    }
}

#[track_caller]
fn parsed<T: FromStr>(text: &str) -> T {
    let Ok(value) = text.parse::<T>() else { panic!("`{text}` is not a {}", std::any::type_name::<T>()) };
    value
}

/// `a=1 b=∅; a=2 b=x`, for the detail of a property.
impl fmt::Display for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, row) in self.rows.iter().enumerate() {
            let between = if at == 0 { "" } else { "; " };
            let fields = self.columns.iter().zip(row);
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("∅"))).collect();
            write!(formatter, "{between}{}", fields.join(" "))?;
        }
        Ok(())
    }
}

/// Keeps the rows of a script's last query.
struct Collector {
    rows: Rows,
    types: Vec<Oid>,
    style: Arc<TextStyle>,
    catalog: Arc<dyn TypeCatalog>,
}

impl Sink for Collector {
    fn columns(&mut self, columns: &[ResultColumn]) {
        self.types = columns.iter().map(|column| column.type_oid).collect();
        self.rows.columns = columns.iter().map(|column| column.name.to_string()).collect();
    }

    fn row(&mut self, values: &[Value]) {
        let context = TextContext::new(&self.style, &*self.catalog);
        let shown = values.iter().zip(&self.types).map(|(value, type_oid)| match value {
            Value::Null => None,
            value => Some(text::output(value, *type_oid, context)),
        });
        self.rows.rows.push(shown.collect());
    }
}

impl Machine {
    /// Runs a script in a database, in one transaction unless it has its own, and answers the rows of its last
    /// statement.
    pub(super) fn inspect(&self, database: &str, sql: &str) -> Result<Rows> {
        let script = self.environment.quietly(|| {
            let session = self.server.database(database).connect_as(INSPECTOR);
            let mut connection = Connection::new(session, database, "postgres");
            let result = run(&mut connection, sql).now_or_never();
            connection.close();
            result
        });
        script.unwrap_or_else(|| {
            let message = "what was asked from outside of the run would have to wait for a session's lock";
            Err(DatabaseError::new(SqlState::LOCK_NOT_AVAILABLE, message))
        })
    }
}

async fn run(connection: &mut Connection, sql: &str) -> Result<Rows> {
    let statements = connection.parse_script(sql)?;
    let mut rows = Rows::default();
    for (at, statement) in statements.iter().enumerate() {
        let (style, catalog) = (connection.text_style(), connection.types());
        let mut collector = Collector { rows: Rows::default(), types: Vec::new(), style, catalog };
        connection.run_simple(statement, at + 1 == statements.len(), &mut collector).await?;
        rows = collector.rows;
    }
    connection.sync().await?;
    Ok(rows)
}
