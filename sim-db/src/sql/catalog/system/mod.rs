//! The tables of `pg_catalog` and `information_schema`: made from the catalog when they are read.

mod activity;
mod constraint;
mod information;
mod relation;
mod types;

use super::{INFORMATION_SCHEMA, PG_CATALOG, Sequence};
use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::expr::Expr;
use crate::sql::function::{self, Function, Kind, Volatility};
use crate::sql::plan::{FunctionCall, Plan};
use crate::value::{Oid, Row, Value, oid};
use std::sync::Arc;

/// Makes the rows of a system table.
pub type MakeRows = fn(&mut Exec) -> Result<Vec<Row>>;

/// A system table.
pub struct SystemTable {
    /// OID, PostgreSQL's own where clients know it.
    pub oid: Oid,
    /// Schema.
    pub schema: Oid,
    /// Name.
    pub name: &'static str,
    /// Columns.
    pub columns: &'static [(&'static str, Oid)],
    /// Its rows.
    pub rows: MakeRows,
}

impl std::fmt::Debug for SystemTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Every system table.
pub fn all() -> impl Iterator<Item = &'static SystemTable> {
    [relation::TABLES, types::TABLES, constraint::TABLES, activity::TABLES, information::TABLES]
        .into_iter()
        .flatten()
}

/// A system table by name.
pub fn find(schema: Oid, name: &str) -> Option<&'static SystemTable> {
    all().find(|table| table.schema == schema && table.name == name)
}

/// A system table by OID.
pub fn by_oid(oid: Oid) -> Option<&'static SystemTable> {
    all().find(|table| table.oid == oid)
}

/// First OID of functions: they are numbered by name.
const FUNCTION_BASE: Oid = 0x1000_0000;

fn function_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = function::every().iter().map(|function| function.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// OID of a function's name.
pub fn function_oid(name: &str) -> Oid {
    function_names().binary_search(&name).map_or(0, |at| FUNCTION_BASE + at as Oid)
}

/// Name of a function's OID.
pub fn function_name(oid: Oid) -> Option<&'static str> {
    function_names().get(oid.checked_sub(FUNCTION_BASE)? as usize).copied()
}

static SEQUENCE_STATE: Function = Function {
    name: "sequence_state",
    args: &[oid::OID],
    variadic: false,
    names: &[],
    defaults: 0,
    result: oid::RECORD,
    strict: true,
    volatility: Volatility::Volatile,
    kind: Kind::Set(
        sequence_state,
        &[("last_value", oid::INT8), ("log_cnt", oid::INT8), ("is_called", oid::BOOL)],
    ),
};

fn sequence_state(exec: &mut Exec, args: &[Value], _: &[Oid]) -> Result<Vec<Vec<Value>>> {
    let Value::Oid(oid) = args[0] else { return Ok(Vec::new()) };
    let state = exec.session()?.sequence_state(crate::engine::SequenceId(oid));
    Ok(state
        .into_iter()
        .map(|(last, called)| vec![Value::Int8(last), Value::Int8(0), Value::Bool(called)])
        .collect())
}

/// `SELECT … FROM a_sequence`.
pub fn sequence_plan(sequence: &Arc<Sequence>) -> Plan {
    let args = vec![Expr::Const(Value::Oid(sequence.oid))];
    let expr = Expr::call(&SEQUENCE_STATE, args, vec![oid::OID], oid::RECORD);
    Plan::Function(
        vec![FunctionCall { expr, width: 3, set: true, spread: false, columns: Vec::new() }],
        false,
    )
}

fn text(value: impl Into<Arc<str>>) -> Value {
    Value::Text(value.into())
}

fn row(values: Vec<Value>) -> Row {
    values.into()
}

/// A table of `pg_catalog`.
const fn pg(
    oid: Oid,
    name: &'static str,
    columns: &'static [(&'static str, Oid)],
    rows: MakeRows,
) -> SystemTable {
    SystemTable { oid, schema: PG_CATALOG, name, columns, rows }
}

/// A view of `information_schema`.
const fn info(
    oid: Oid,
    name: &'static str,
    columns: &'static [(&'static str, Oid)],
    rows: MakeRows,
) -> SystemTable {
    SystemTable { oid, schema: INFORMATION_SCHEMA, name, columns, rows }
}
