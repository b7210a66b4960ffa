//! SQL through a connection, without the wire: sentences over statements and what they answer.

mod changes;
mod definitions;
mod expressions;
mod queries;
mod session;

use futures::executor::block_on;
use sim_db::engine::{Engine, Environment, LocalBoxFuture, Timestamp};
use sim_db::sql::{Completion, Connection, ResultColumn, Sink};
use sim_db::value::Value;
use sim_db::value::text::{self, BuiltinTypes, TextContext, TextStyle};
use std::rc::Rc;
use std::time::Duration;

struct Still;

impl Environment for Still {
    fn now(&self) -> Timestamp {
        // 2024-05-06 07:08:09 UTC
        Timestamp(1_714_979_289_000_000)
    }

    fn sleep(&self, _: Duration) -> LocalBoxFuture<()> {
        Box::pin(async {})
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        out.fill(9);
    }
}

#[derive(Default)]
struct Collected {
    types: Vec<u32>,
    names: Vec<String>,
    rows: Vec<String>,
    notices: Vec<String>,
}

impl Sink for Collected {
    fn columns(&mut self, columns: &[ResultColumn]) {
        self.types = columns.iter().map(|column| column.type_oid).collect();
        self.names = columns.iter().map(|column| column.name.to_string()).collect();
    }

    fn row(&mut self, values: &[Value]) {
        let style = TextStyle::default();
        let context = TextContext::new(&style, &BuiltinTypes);
        let shown = values.iter().zip(&self.types).map(|(value, type_oid)| match value {
            Value::Null => "∅".to_owned(),
            value => text::output(value, *type_oid, context),
        });
        self.rows.push(shown.collect::<Vec<_>>().join("|"));
    }

    fn notice(&mut self, notice: sim_db::error::DatabaseError) {
        self.notices.push(notice.message.clone());
    }
}

/// One session on a store of its own.
pub struct Database {
    engine: Engine,
    connection: Connection,
}

impl Database {
    pub fn new() -> Self {
        let engine = Engine::new(Rc::new(Still));
        let connection = Connection::new(engine.connect(), "d", "u");
        Self { engine, connection }
    }

    /// Another session on the same store.
    pub fn another(&self) -> Self {
        let connection = Connection::new(self.engine.connect(), "d", "u");
        Self { engine: self.engine.clone(), connection }
    }

    /// Runs a script; the answer of its last statement: rows joined by `; `, its tag when it gave none, or its error.
    pub fn run(&mut self, sql: &str) -> String {
        block_on(async {
            let statements = match self.connection.parse_script(sql) {
                Ok(statements) => statements,
                Err(raised) => return format!("{}: {}", raised.sqlstate, raised.message),
            };
            let mut answer = String::new();
            for (at, statement) in statements.iter().enumerate() {
                let mut sink = Collected::default();
                let last = at + 1 == statements.len();
                match self.connection.run_simple(statement, last, &mut sink).await {
                    Ok(Completion::Complete(tag)) => {
                        answer = if sink.types.is_empty() { tag } else { sink.rows.join("; ") };
                    }
                    Ok(other) => answer = format!("{other:?}"),
                    Err(raised) => return format!("{}: {}", raised.sqlstate, raised.message),
                }
            }
            answer
        })
    }

    /// The names of the columns of a query.
    pub fn names(&mut self, sql: &str) -> String {
        block_on(async {
            let prepared = self.connection.prepare(sql, &[]).await.expect(sql);
            let columns = prepared.columns.clone().expect("a query has columns");
            columns.iter().map(|column| column.name.to_string()).collect::<Vec<_>>().join(",")
        })
    }

    /// The parameter types of a statement.
    pub fn parameters(&mut self, sql: &str) -> Vec<u32> {
        block_on(async { self.connection.prepare(sql, &[]).await.expect(sql).parameter_types.clone() })
    }
}

/// Runs statements one after another on a fresh store; each with what it must answer.
pub fn check(steps: &[(&str, &str)]) {
    let mut database = Database::new();
    for (sql, answer) in steps {
        assert_eq!(database.run(sql), *answer, "{sql}");
    }
}
