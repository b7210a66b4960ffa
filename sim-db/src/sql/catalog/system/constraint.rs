//! Constraints and dependencies: `pg_constraint`, `pg_depend`.

use super::{SystemTable, pg, row};
use crate::error::Result;
use crate::sql::catalog::{Action, Relation};
use crate::sql::context::Exec;
use crate::value::oid::*;
use crate::value::{ArrayValue, Oid, Row, Value};
use std::sync::Arc;

const INT2_ARRAY: Oid = 1005;

fn places(columns: &[usize]) -> Value {
    let values: Vec<Value> = columns.iter().map(|at| Value::Int2(*at as i16 + 1)).collect();
    Value::Array(Arc::new(ArrayValue::from_values(INT2, values)))
}

fn action(action: Action) -> Value {
    Value::Byte(match action {
        Action::NoAction => b'a',
        Action::Restrict => b'r',
        Action::Cascade => b'c',
        Action::SetNull => b'n',
        Action::SetDefault => b'd',
    })
}

fn pg_constraint(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::Table(table) = relation else { continue };
        let base =
            |oid: Oid, name: &Arc<str>, kind: u8, deferrable: Option<bool>, validated: bool, index: Oid| {
                vec![
                    Value::Oid(oid),
                    Value::Text(name.clone()),
                    Value::Oid(table.schema),
                    Value::Byte(kind),
                    Value::Bool(deferrable.is_some()),
                    Value::Bool(deferrable == Some(true)),
                    Value::Bool(validated),
                    Value::Oid(table.oid),
                    Value::Oid(0),
                    Value::Oid(index),
                    Value::Oid(0),
                ]
            };
        let blank = Value::Byte(b' ');
        let rest = |columns: Value, expr: Value| {
            vec![
                Value::Oid(0),
                blank.clone(),
                blank.clone(),
                blank.clone(),
                Value::Bool(true),
                Value::Int4(0),
                Value::Bool(true),
                columns,
                Value::Null,
                expr,
            ]
        };
        for check in &table.checks {
            let mut values = base(check.oid, &check.name, b'c', None, check.validated, 0);
            values.extend(rest(Value::Null, Value::Text(check.expr.text.clone())));
            rows.push(row(values));
        }
        for index in &table.indexes {
            let Some(oid) = index.constraint else { continue };
            let kind = if index.primary { b'p' } else { b'u' };
            let mut values = base(oid, &index.name, kind, index.deferrable, true, index.oid);
            values.extend(rest(places(&index.plain_columns().unwrap_or_default()), Value::Null));
            rows.push(row(values));
        }
        for key in &table.foreign_keys {
            let mut values = base(key.oid, &key.name, b'f', key.deferrable, key.validated, key.target_index);
            values.extend([
                Value::Oid(key.target),
                action(key.on_update),
                action(key.on_delete),
                Value::Byte(if key.match_full { b'f' } else { b's' }),
                Value::Bool(true),
                Value::Int4(0),
                Value::Bool(true),
                places(&key.columns),
                places(&key.target_columns),
                Value::Null,
            ]);
            rows.push(row(values));
        }
    }
    Ok(rows)
}

fn pg_depend(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::Sequence(sequence) = relation else { continue };
        if let Some((table, column)) = sequence.owner {
            rows.push(row(vec![
                Value::Oid(1259),
                Value::Oid(sequence.oid),
                Value::Int4(0),
                Value::Oid(1259),
                Value::Oid(table),
                Value::Int4(column as i32 + 1),
                Value::Byte(b'a'),
            ]));
        }
    }
    Ok(rows)
}

pub(super) static TABLES: &[SystemTable] = &[
    pg(
        2606,
        "pg_constraint",
        &[
            ("oid", OID),
            ("conname", NAME),
            ("connamespace", OID),
            ("contype", CHAR),
            ("condeferrable", BOOL),
            ("condeferred", BOOL),
            ("convalidated", BOOL),
            ("conrelid", OID),
            ("contypid", OID),
            ("conindid", OID),
            ("conparentid", OID),
            ("confrelid", OID),
            ("confupdtype", CHAR),
            ("confdeltype", CHAR),
            ("confmatchtype", CHAR),
            ("conislocal", BOOL),
            ("coninhcount", INT4),
            ("connoinherit", BOOL),
            ("conkey", INT2_ARRAY),
            ("confkey", INT2_ARRAY),
            ("conbin", PG_NODE_TREE),
        ],
        pg_constraint,
    ),
    pg(
        2608,
        "pg_depend",
        &[
            ("classid", OID),
            ("objid", OID),
            ("objsubid", INT4),
            ("refclassid", OID),
            ("refobjid", OID),
            ("refobjsubid", INT4),
            ("deptype", CHAR),
        ],
        pg_depend,
    ),
];
