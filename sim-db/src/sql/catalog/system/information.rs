//! `information_schema`.

use super::{SystemTable, info, row, text};
use crate::error::Result;
use crate::sql::catalog::{Action, Identity, Relation, Table};
use crate::sql::context::Exec;
use crate::value::oid::*;
use crate::value::text::TypeCatalog;
use crate::value::{DataType, Row, Value, typmod};
use std::sync::Arc;

fn schema_of(exec: &Exec, oid: u32) -> Value {
    exec.env.catalog.schema_name(oid).map_or(Value::Null, |name| Value::Text(name.clone()))
}

fn database(exec: &Exec) -> Value {
    Value::Text(exec.state.borrow().database.clone())
}

fn yes(flag: bool) -> Value {
    text(if flag { "YES" } else { "NO" })
}

fn tables(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    let make = |exec: &Exec, schema: u32, name: &Arc<str>, kind: &str, insertable: bool| {
        row(vec![
            database(exec),
            schema_of(exec, schema),
            Value::Text(name.clone()),
            text(kind),
            yes(insertable),
            yes(false),
        ])
    };
    for table in super::all() {
        let kind = if table.schema == crate::sql::catalog::PG_CATALOG { "BASE TABLE" } else { "VIEW" };
        rows.push(make(exec, table.schema, &table.name.into(), kind, false));
    }
    for relation in catalog.relations() {
        match relation {
            Relation::Table(table) => rows.push(make(exec, table.schema, &table.name, "BASE TABLE", true)),
            Relation::View(view) => rows.push(make(exec, view.schema, &view.name, "VIEW", false)),
            _ => {}
        }
    }
    Ok(rows)
}

struct ColumnRow<'a> {
    schema: u32,
    table: &'a Arc<str>,
    name: &'a str,
    number: i32,
    default: Value,
    nullable: bool,
    data_type: DataType,
    identity: Option<Identity>,
    generated: Value,
}

fn column_row(exec: &Exec, column: &ColumnRow<'_>) -> Row {
    let base = exec.env.base_type(column.data_type);
    let is_array = exec.env.element_of(base.oid).is_some();
    let builtin = crate::value::types::info(base.oid).is_some();
    let shown = if is_array {
        "ARRAY".to_owned()
    } else if builtin {
        exec.env.type_name(base.oid)
    } else {
        "USER-DEFINED".to_owned()
    };
    let udt = match crate::value::types::info(base.oid) {
        Some(info) if info.element != 0 => format!("_{}", info.name),
        Some(info) => info.name.to_owned(),
        None => exec.env.catalog.type_by_oid(base.oid).map_or_else(String::new, |t| {
            if t.array == base.oid { format!("_{}", t.name) } else { t.name.to_string() }
        }),
    };
    let udt_schema = if builtin {
        text("pg_catalog")
    } else {
        exec.env.catalog.type_by_oid(base.oid).map_or(Value::Null, |t| schema_of(exec, t.schema))
    };
    let length = match base.oid {
        VARCHAR | BPCHAR if base.typmod >= 4 => Value::Int4(base.typmod - 4),
        _ => Value::Null,
    };
    let (precision, radix, scale) = match base.oid {
        INT2 => (Value::Int4(16), Value::Int4(2), Value::Int4(0)),
        INT4 => (Value::Int4(32), Value::Int4(2), Value::Int4(0)),
        INT8 => (Value::Int4(64), Value::Int4(2), Value::Int4(0)),
        FLOAT4 => (Value::Int4(24), Value::Int4(2), Value::Null),
        FLOAT8 => (Value::Int4(53), Value::Int4(2), Value::Null),
        NUMERIC => match typmod::numeric_parts(base.typmod) {
            Some((precision, scale)) => (Value::Int4(precision), Value::Int4(10), Value::Int4(scale)),
            None => (Value::Null, Value::Int4(10), Value::Null),
        },
        _ => (Value::Null, Value::Null, Value::Null),
    };
    let datetime = match base.oid {
        DATE => Value::Int4(0),
        TIME | TIMETZ | TIMESTAMP | TIMESTAMPTZ | INTERVAL => {
            Value::Int4(if base.typmod >= 0 { base.typmod & 0xf } else { 6 })
        }
        _ => Value::Null,
    };
    let is_generated = text(if column.generated.is_null() { "NEVER" } else { "ALWAYS" });
    row(vec![
        database(exec),
        schema_of(exec, column.schema),
        Value::Text(column.table.clone()),
        text(column.name),
        Value::Int4(column.number),
        column.default.clone(),
        yes(column.nullable),
        text(shown),
        length,
        Value::Null,
        precision,
        radix,
        scale,
        datetime,
        Value::Null,
        udt_schema,
        text(udt),
        yes(column.identity.is_some()),
        column.identity.map_or(Value::Null, |identity| {
            text(if identity == Identity::Always { "ALWAYS" } else { "BY DEFAULT" })
        }),
        is_generated,
        column.generated.clone(),
        yes(true),
        if base.oid == column.data_type.oid {
            Value::Null
        } else {
            exec.env
                .catalog
                .type_by_oid(column.data_type.oid)
                .map_or(Value::Null, |t| Value::Text(t.name.clone()))
        },
    ])
}

fn columns(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        match relation {
            Relation::Table(table) => {
                for (at, column) in table.live_columns() {
                    let text_of = |expr: &Option<crate::sql::catalog::StoredExpr>| {
                        expr.as_ref().map_or(Value::Null, |expr| Value::Text(expr.text.clone()))
                    };
                    rows.push(column_row(
                        exec,
                        &ColumnRow {
                            schema: table.schema,
                            table: &table.name,
                            name: &column.name,
                            number: at as i32 + 1,
                            default: text_of(&column.default),
                            nullable: !column.not_null,
                            data_type: column.data_type,
                            identity: column.identity,
                            generated: text_of(&column.generated),
                        },
                    ));
                }
            }
            Relation::View(view) => {
                for (at, (name, data_type)) in view.columns.iter().enumerate() {
                    rows.push(column_row(
                        exec,
                        &ColumnRow {
                            schema: view.schema,
                            table: &view.name,
                            name,
                            number: at as i32 + 1,
                            default: Value::Null,
                            nullable: true,
                            data_type: *data_type,
                            identity: None,
                            generated: Value::Null,
                        },
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(rows)
}

fn for_each_table(exec: &Exec, mut visit: impl FnMut(&Arc<Table>)) {
    let catalog = exec.env.catalog.clone();
    for relation in catalog.relations() {
        if let Relation::Table(table) = relation {
            visit(table);
        }
    }
}

fn table_constraints(exec: &mut Exec) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for_each_table(exec, |table| {
        let mut push = |name: &Arc<str>, kind: &str, deferrable: Option<bool>| {
            rows.push(row(vec![
                database(exec),
                schema_of(exec, table.schema),
                Value::Text(name.clone()),
                database(exec),
                schema_of(exec, table.schema),
                Value::Text(table.name.clone()),
                text(kind),
                yes(deferrable.is_some()),
                yes(deferrable == Some(true)),
                yes(true),
            ]));
        };
        for index in table.indexes.iter().filter(|index| index.constraint.is_some()) {
            push(&index.name, if index.primary { "PRIMARY KEY" } else { "UNIQUE" }, index.deferrable);
        }
        for key in &table.foreign_keys {
            push(&key.name, "FOREIGN KEY", key.deferrable);
        }
        for check in &table.checks {
            push(&check.name, "CHECK", None);
        }
        for (at, column) in table.live_columns().filter(|(_, column)| column.not_null) {
            let _ = column;
            push(&format!("{}_{}_{}_not_null", table.schema, table.oid, at + 1).into(), "CHECK", None);
        }
    });
    Ok(rows)
}

fn key_column_usage(exec: &mut Exec) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for_each_table(exec, |table| {
        let mut push = |name: &Arc<str>, columns: &[usize], targets: Option<usize>| {
            for (place, at) in columns.iter().enumerate() {
                rows.push(row(vec![
                    database(exec),
                    schema_of(exec, table.schema),
                    Value::Text(name.clone()),
                    database(exec),
                    schema_of(exec, table.schema),
                    Value::Text(table.name.clone()),
                    Value::Text(table.columns[*at].name.clone()),
                    Value::Int4(place as i32 + 1),
                    targets.map_or(Value::Null, |_| Value::Int4(place as i32 + 1)),
                ]));
            }
        };
        for index in table.indexes.iter().filter(|index| index.constraint.is_some()) {
            push(&index.name, &index.plain_columns().unwrap_or_default(), None);
        }
        for key in &table.foreign_keys {
            push(&key.name, &key.columns, Some(1));
        }
    });
    Ok(rows)
}

fn constraint_column_usage(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for_each_table(exec, |table| {
        let mut push = |owner: &Arc<Table>, name: &Arc<str>, columns: &[usize]| {
            for at in columns {
                rows.push(row(vec![
                    database(exec),
                    schema_of(exec, owner.schema),
                    Value::Text(owner.name.clone()),
                    Value::Text(owner.columns[*at].name.clone()),
                    database(exec),
                    schema_of(exec, table.schema),
                    Value::Text(name.clone()),
                ]));
            }
        };
        for index in table.indexes.iter().filter(|index| index.constraint.is_some()) {
            push(table, &index.name, &index.plain_columns().unwrap_or_default());
        }
        for key in &table.foreign_keys {
            if let Some(target) = catalog.table(key.target) {
                push(target, &key.name, &key.target_columns);
            }
        }
    });
    Ok(rows)
}

fn referential_constraints(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    let rule = |action: Action| {
        text(match action {
            Action::NoAction => "NO ACTION",
            Action::Restrict => "RESTRICT",
            Action::Cascade => "CASCADE",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
        })
    };
    for_each_table(exec, |table| {
        for key in &table.foreign_keys {
            let target = catalog.table(key.target);
            let unique = target.and_then(|t| t.indexes.iter().find(|index| index.oid == key.target_index));
            rows.push(row(vec![
                database(exec),
                schema_of(exec, table.schema),
                Value::Text(key.name.clone()),
                database(exec),
                target.map_or(Value::Null, |t| schema_of(exec, t.schema)),
                unique.map_or(Value::Null, |index| Value::Text(index.name.clone())),
                text(if key.match_full { "FULL" } else { "NONE" }),
                rule(key.on_update),
                rule(key.on_delete),
            ]));
        }
    });
    Ok(rows)
}

fn check_constraints(exec: &mut Exec) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for_each_table(exec, |table| {
        for check in &table.checks {
            rows.push(row(vec![
                database(exec),
                schema_of(exec, table.schema),
                Value::Text(check.name.clone()),
                text(format!("(({}))", check.expr.text)),
            ]));
        }
    });
    Ok(rows)
}

fn schemata(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    Ok(catalog
        .schemas()
        .map(|schema| row(vec![database(exec), Value::Text(schema.name.clone()), text("postgres")]))
        .collect())
}

fn sequences(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::Sequence(sequence) = relation else { continue };
        let definition = sequence.definition;
        rows.push(row(vec![
            database(exec),
            schema_of(exec, sequence.schema),
            Value::Text(sequence.name.clone()),
            text(exec.env.type_name(sequence.data_type)),
            text(definition.start.to_string()),
            text(definition.minimum.to_string()),
            text(definition.maximum.to_string()),
            text(definition.increment.to_string()),
            yes(definition.cycle),
        ]));
    }
    Ok(rows)
}

fn views(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::View(view) = relation else { continue };
        let definition = text(format!(" {};", view.query));
        rows.push(row(vec![
            database(exec),
            schema_of(exec, view.schema),
            Value::Text(view.name.clone()),
            definition,
        ]));
    }
    Ok(rows)
}

pub(super) static TABLES: &[SystemTable] = &[
    info(
        13_100,
        "tables",
        &[
            ("table_catalog", NAME),
            ("table_schema", NAME),
            ("table_name", NAME),
            ("table_type", VARCHAR),
            ("is_insertable_into", VARCHAR),
            ("is_typed", VARCHAR),
        ],
        tables,
    ),
    info(
        13_101,
        "columns",
        &[
            ("table_catalog", NAME),
            ("table_schema", NAME),
            ("table_name", NAME),
            ("column_name", NAME),
            ("ordinal_position", INT4),
            ("column_default", VARCHAR),
            ("is_nullable", VARCHAR),
            ("data_type", VARCHAR),
            ("character_maximum_length", INT4),
            ("character_octet_length", INT4),
            ("numeric_precision", INT4),
            ("numeric_precision_radix", INT4),
            ("numeric_scale", INT4),
            ("datetime_precision", INT4),
            ("interval_type", VARCHAR),
            ("udt_schema", NAME),
            ("udt_name", NAME),
            ("is_identity", VARCHAR),
            ("identity_generation", VARCHAR),
            ("is_generated", VARCHAR),
            ("generation_expression", VARCHAR),
            ("is_updatable", VARCHAR),
            ("domain_name", NAME),
        ],
        columns,
    ),
    info(
        13_102,
        "table_constraints",
        &[
            ("constraint_catalog", NAME),
            ("constraint_schema", NAME),
            ("constraint_name", NAME),
            ("table_catalog", NAME),
            ("table_schema", NAME),
            ("table_name", NAME),
            ("constraint_type", VARCHAR),
            ("is_deferrable", VARCHAR),
            ("initially_deferred", VARCHAR),
            ("enforced", VARCHAR),
        ],
        table_constraints,
    ),
    info(
        13_103,
        "key_column_usage",
        &[
            ("constraint_catalog", NAME),
            ("constraint_schema", NAME),
            ("constraint_name", NAME),
            ("table_catalog", NAME),
            ("table_schema", NAME),
            ("table_name", NAME),
            ("column_name", NAME),
            ("ordinal_position", INT4),
            ("position_in_unique_constraint", INT4),
        ],
        key_column_usage,
    ),
    info(
        13_104,
        "constraint_column_usage",
        &[
            ("table_catalog", NAME),
            ("table_schema", NAME),
            ("table_name", NAME),
            ("column_name", NAME),
            ("constraint_catalog", NAME),
            ("constraint_schema", NAME),
            ("constraint_name", NAME),
        ],
        constraint_column_usage,
    ),
    info(
        13_105,
        "referential_constraints",
        &[
            ("constraint_catalog", NAME),
            ("constraint_schema", NAME),
            ("constraint_name", NAME),
            ("unique_constraint_catalog", NAME),
            ("unique_constraint_schema", NAME),
            ("unique_constraint_name", NAME),
            ("match_option", VARCHAR),
            ("update_rule", VARCHAR),
            ("delete_rule", VARCHAR),
        ],
        referential_constraints,
    ),
    info(
        13_106,
        "check_constraints",
        &[
            ("constraint_catalog", NAME),
            ("constraint_schema", NAME),
            ("constraint_name", NAME),
            ("check_clause", VARCHAR),
        ],
        check_constraints,
    ),
    info(
        13_107,
        "schemata",
        &[("catalog_name", NAME), ("schema_name", NAME), ("schema_owner", NAME)],
        schemata,
    ),
    info(
        13_108,
        "sequences",
        &[
            ("sequence_catalog", NAME),
            ("sequence_schema", NAME),
            ("sequence_name", NAME),
            ("data_type", VARCHAR),
            ("start_value", VARCHAR),
            ("minimum_value", VARCHAR),
            ("maximum_value", VARCHAR),
            ("increment", VARCHAR),
            ("cycle_option", VARCHAR),
        ],
        sequences,
    ),
    info(
        13_109,
        "views",
        &[
            ("table_catalog", NAME),
            ("table_schema", NAME),
            ("table_name", NAME),
            ("view_definition", VARCHAR),
        ],
        views,
    ),
];
