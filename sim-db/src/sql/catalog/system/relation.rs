//! Relations: `pg_class`, `pg_attribute`, `pg_namespace`, `pg_index` and the views over them.

use super::{SystemTable, all, pg, row, text};
use crate::error::Result;
use crate::sql::catalog::{IndexPart, OWNER, Relation, Table, TablePersistence};
use crate::sql::context::Exec;
use crate::sql::functions::index_text;
use crate::value::oid::*;
use crate::value::{ArrayValue, DataType, Row, Value};
use std::sync::Arc;

fn vector(values: Vec<Value>) -> Value {
    let dimensions = vec![(values.len(), 0)];
    Value::Array(Arc::new(ArrayValue { element: INT2, dimensions, values }))
}

fn namespaces(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    Ok(catalog
        .schemas()
        .map(|schema| {
            row(vec![
                Value::Oid(schema.oid),
                Value::Text(schema.name.clone()),
                Value::Oid(OWNER),
                Value::Null,
            ])
        })
        .collect())
}

fn persistence(table: &Table) -> u8 {
    match table.persistence {
        TablePersistence::Permanent => b'p',
        TablePersistence::Unlogged => b'u',
        TablePersistence::Temporary => b't',
    }
}

#[allow(clippy::too_many_arguments)]
fn class_row(
    oid: u32,
    name: Arc<str>,
    schema: u32,
    row_type: u32,
    kind: u8,
    persistence: u8,
    columns: usize,
    checks: usize,
    has_index: bool,
    tuples: f32,
    pages: i32,
) -> Row {
    row(vec![
        Value::Oid(oid),
        Value::Text(name),
        Value::Oid(schema),
        Value::Oid(row_type),
        Value::Oid(0),
        Value::Oid(OWNER),
        Value::Oid(if kind == b'i' {
            403
        } else if kind == b'r' {
            2
        } else {
            0
        }),
        Value::Oid(oid),
        Value::Oid(0),
        Value::Int4(pages),
        Value::Float4(tuples),
        Value::Int4(0),
        Value::Oid(0),
        Value::Bool(has_index),
        Value::Bool(false),
        Value::Byte(persistence),
        Value::Byte(kind),
        Value::Int2(columns as i16),
        Value::Int2(checks as i16),
        Value::Bool(false),
        Value::Bool(false),
        Value::Bool(false),
        Value::Bool(false),
        Value::Bool(false),
        Value::Bool(true),
        Value::Byte(b'd'),
        Value::Bool(false),
        Value::Oid(0),
        Value::Null,
        Value::Null,
        Value::Null,
    ])
}

fn classes(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows: Vec<Row> = all()
        .map(|table| {
            let kind = if table.schema == crate::sql::catalog::PG_CATALOG { b'r' } else { b'v' };
            class_row(
                table.oid,
                table.name.into(),
                table.schema,
                0,
                kind,
                b'p',
                table.columns.len(),
                0,
                false,
                -1.0,
                0,
            )
        })
        .collect();
    for relation in catalog.relations() {
        rows.push(match relation {
            Relation::Table(table) => class_row(
                table.oid,
                table.name.clone(),
                table.schema,
                table.row_type,
                b'r',
                persistence(table),
                table.columns.len(),
                table.checks.len(),
                !table.indexes.is_empty(),
                -1.0,
                0,
            ),
            Relation::View(view) => class_row(
                view.oid,
                view.name.clone(),
                view.schema,
                view.row_type,
                b'v',
                b'p',
                view.columns.len(),
                0,
                false,
                -1.0,
                0,
            ),
            Relation::Sequence(sequence) => class_row(
                sequence.oid,
                sequence.name.clone(),
                sequence.schema,
                0,
                b'S',
                b'p',
                3,
                0,
                false,
                1.0,
                1,
            ),
            Relation::Index { oid, schema, name, table } => {
                let parts = catalog
                    .table(*table)
                    .and_then(|table| table.indexes.iter().find(|index| index.oid == *oid))
                    .map_or(1, |index| index.parts.len());
                class_row(*oid, name.clone(), *schema, 0, b'i', b'p', parts, 0, false, 0.0, 1)
            }
        });
    }
    Ok(rows)
}

#[allow(clippy::too_many_arguments)]
fn attribute_row(
    exec: &Exec,
    relation: u32,
    name: &str,
    data_type: DataType,
    number: i16,
    not_null: bool,
    has_default: bool,
    identity: &str,
    generated: &str,
    dropped: bool,
) -> Row {
    let dimensions = i32::from(exec.env.element_of(data_type.oid).is_some());
    let identity_byte = Value::Byte(identity.bytes().next().unwrap_or(0));
    row(vec![
        Value::Oid(relation),
        text(name),
        Value::Oid(if dropped { 0 } else { data_type.oid }),
        Value::Int4(-1),
        Value::Int2(exec.env.type_length(data_type.oid)),
        Value::Int2(number),
        Value::Int4(dimensions),
        Value::Int4(-1),
        Value::Int4(data_type.typmod),
        Value::Bool(false),
        Value::Byte(b'i'),
        Value::Byte(b'p'),
        Value::Byte(0),
        Value::Bool(not_null),
        Value::Bool(has_default),
        Value::Bool(false),
        identity_byte,
        Value::Byte(generated.bytes().next().unwrap_or(0)),
        Value::Bool(dropped),
        Value::Bool(true),
        Value::Int4(0),
        Value::Oid(if matches!(data_type.oid, TEXT | VARCHAR | BPCHAR) { 100 } else { 0 }),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
    ])
}

fn attributes(exec: &mut Exec) -> Result<Vec<Row>> {
    use crate::sql::catalog::{Identity, TypeBody};
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for table in all() {
        for (at, (name, oid)) in table.columns.iter().enumerate() {
            rows.push(attribute_row(
                exec,
                table.oid,
                name,
                DataType::of(*oid),
                at as i16 + 1,
                false,
                false,
                "",
                "",
                false,
            ));
        }
    }
    for relation in catalog.relations() {
        match relation {
            Relation::Table(table) => {
                for (at, column) in table.columns.iter().enumerate() {
                    let identity = match column.identity {
                        Some(Identity::Always) => "a",
                        Some(Identity::ByDefault) => "d",
                        None => "",
                    };
                    let generated = if column.generated.is_some() { "s" } else { "" };
                    let has_default = column.default.is_some() || column.generated.is_some();
                    let name = if column.dropped {
                        format!("........pg.dropped.{}........", at + 1)
                    } else {
                        column.name.to_string()
                    };
                    rows.push(attribute_row(
                        exec,
                        table.oid,
                        &name,
                        column.data_type,
                        at as i16 + 1,
                        column.not_null,
                        has_default,
                        identity,
                        generated,
                        column.dropped,
                    ));
                }
                for index in &table.indexes {
                    for (at, part) in index.parts.iter().enumerate() {
                        let (name, data_type) = match part {
                            IndexPart::Column(column) => {
                                (table.columns[*column].name.to_string(), table.columns[*column].data_type)
                            }
                            IndexPart::Expression(_) => ("expr".to_owned(), DataType::of(TEXT)),
                        };
                        rows.push(attribute_row(
                            exec,
                            index.oid,
                            &name,
                            data_type,
                            at as i16 + 1,
                            false,
                            false,
                            "",
                            "",
                            false,
                        ));
                    }
                }
            }
            Relation::View(view) => {
                for (at, (name, data_type)) in view.columns.iter().enumerate() {
                    rows.push(attribute_row(
                        exec,
                        view.oid,
                        name,
                        *data_type,
                        at as i16 + 1,
                        false,
                        false,
                        "",
                        "",
                        false,
                    ));
                }
            }
            _ => {}
        }
    }
    for user_type in catalog.types() {
        if let TypeBody::Composite(fields) = &user_type.body {
            for (at, (name, data_type)) in fields.iter().enumerate() {
                rows.push(attribute_row(
                    exec,
                    user_type.oid,
                    name,
                    *data_type,
                    at as i16 + 1,
                    false,
                    false,
                    "",
                    "",
                    false,
                ));
            }
        }
    }
    Ok(rows)
}

fn defaults(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::Table(table) = relation else { continue };
        for (at, column) in table.live_columns() {
            if let Some(expr) = column.default.as_ref().or(column.generated.as_ref()) {
                let oid = Value::Oid(table.oid.wrapping_mul(1000) + at as u32);
                rows.push(row(vec![
                    oid,
                    Value::Oid(table.oid),
                    Value::Int2(at as i16 + 1),
                    Value::Text(expr.text.clone()),
                ]));
            }
        }
    }
    Ok(rows)
}

fn indexes(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::Table(table) = relation else { continue };
        for index in &table.indexes {
            let keys: Vec<Value> = index
                .parts
                .iter()
                .map(|part| match part {
                    IndexPart::Column(at) => Value::Int2(*at as i16 + 1),
                    IndexPart::Expression(_) => Value::Int2(0),
                })
                .collect();
            let options: Vec<Value> = index
                .order
                .iter()
                .map(|order| Value::Int2(i16::from(order.descending) | i16::from(order.nulls_first) << 1))
                .collect();
            let count = keys.len() as i16;
            let expressions: Vec<String> = index
                .parts
                .iter()
                .filter_map(|part| match part {
                    IndexPart::Expression(expr) => Some(expr.text.to_string()),
                    IndexPart::Column(_) => None,
                })
                .collect();
            rows.push(row(vec![
                Value::Oid(index.oid),
                Value::Oid(table.oid),
                Value::Int2(count + index.include.len() as i16),
                Value::Int2(count),
                Value::Bool(index.unique),
                Value::Bool(index.nulls_not_distinct),
                Value::Bool(index.primary),
                Value::Bool(false),
                Value::Bool(index.deferrable.is_none()),
                Value::Bool(false),
                Value::Bool(true),
                Value::Bool(false),
                Value::Bool(true),
                Value::Bool(true),
                Value::Bool(false),
                vector(keys),
                vector(Vec::new()),
                vector(Vec::new()),
                vector(options),
                if expressions.is_empty() { Value::Null } else { text(expressions.join(", ")) },
                index.predicate.as_ref().map_or(Value::Null, |predicate| Value::Text(predicate.text.clone())),
            ]));
        }
    }
    Ok(rows)
}

fn pg_indexes(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::Table(table) = relation else { continue };
        let schema = catalog.schema_name(table.schema).cloned().unwrap_or_else(|| "".into());
        for index in &table.indexes {
            rows.push(row(vec![
                Value::Text(schema.clone()),
                Value::Text(table.name.clone()),
                Value::Text(index.name.clone()),
                Value::Null,
                text(index_text(&exec.env, table, index)),
            ]));
        }
    }
    Ok(rows)
}

fn pg_tables(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    let make = |schema: &Arc<str>, name: &Arc<str>, has_index: bool| {
        row(vec![
            Value::Text(schema.clone()),
            Value::Text(name.clone()),
            text("postgres"),
            Value::Null,
            Value::Bool(has_index),
            Value::Bool(false),
            Value::Bool(false),
            Value::Bool(false),
        ])
    };
    for table in all() {
        if table.schema == crate::sql::catalog::PG_CATALOG {
            rows.push(make(&"pg_catalog".into(), &table.name.into(), false));
        }
    }
    for relation in catalog.relations() {
        let Relation::Table(table) = relation else { continue };
        let schema = catalog.schema_name(table.schema).cloned().unwrap_or_else(|| "".into());
        rows.push(make(&schema, &table.name, !table.indexes.is_empty()));
    }
    Ok(rows)
}

fn pg_views(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::View(view) = relation else { continue };
        let schema = catalog.schema_name(view.schema).cloned().unwrap_or_else(|| "".into());
        let definition = text(format!(" {};", view.query));
        rows.push(row(vec![
            Value::Text(schema),
            Value::Text(view.name.clone()),
            text("postgres"),
            definition,
        ]));
    }
    Ok(rows)
}

fn pg_sequences(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::Sequence(sequence) = relation else { continue };
        let schema = catalog.schema_name(sequence.schema).cloned().unwrap_or_else(|| "".into());
        let state = exec.session()?.sequence_state(crate::engine::SequenceId(sequence.oid));
        let last = state.filter(|(_, called)| *called).map_or(Value::Null, |(last, _)| Value::Int8(last));
        let definition = sequence.definition;
        rows.push(row(vec![
            Value::Text(schema),
            Value::Text(sequence.name.clone()),
            text("postgres"),
            Value::Oid(sequence.data_type),
            Value::Int8(definition.start),
            Value::Int8(definition.minimum),
            Value::Int8(definition.maximum),
            Value::Int8(definition.increment),
            Value::Bool(definition.cycle),
            Value::Int8(1),
            last,
        ]));
    }
    Ok(rows)
}

fn pg_sequence(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let Relation::Sequence(sequence) = relation else { continue };
        let definition = sequence.definition;
        rows.push(row(vec![
            Value::Oid(sequence.oid),
            Value::Oid(sequence.data_type),
            Value::Int8(definition.start),
            Value::Int8(definition.increment),
            Value::Int8(definition.maximum),
            Value::Int8(definition.minimum),
            Value::Int8(1),
            Value::Bool(definition.cycle),
        ]));
    }
    Ok(rows)
}

fn descriptions(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let comments = catalog.comments().iter();
    Ok(comments
        .map(|comment| {
            let class = Value::Oid(if catalog.schemas().any(|schema| schema.oid == comment.object) {
                2615
            } else {
                1259
            });
            row(vec![
                Value::Oid(comment.object),
                class,
                Value::Int4(comment.column),
                Value::Text(comment.text.clone()),
            ])
        })
        .collect())
}

fn none(_: &mut Exec) -> Result<Vec<Row>> {
    Ok(Vec::new())
}

fn methods(_: &mut Exec) -> Result<Vec<Row>> {
    let method =
        |oid, name: &str, kind| row(vec![Value::Oid(oid), text(name), Value::Oid(0), Value::Byte(kind)]);
    Ok(vec![
        method(2, "heap", b't'),
        method(403, "btree", b'i'),
        method(405, "hash", b'i'),
        method(2742, "gin", b'i'),
    ])
}

pub(super) static TABLES: &[SystemTable] = &[
    pg(
        2615,
        "pg_namespace",
        &[("oid", OID), ("nspname", NAME), ("nspowner", OID), ("nspacl", TEXT_ARRAY)],
        namespaces,
    ),
    pg(
        1259,
        "pg_class",
        &[
            ("oid", OID),
            ("relname", NAME),
            ("relnamespace", OID),
            ("reltype", OID),
            ("reloftype", OID),
            ("relowner", OID),
            ("relam", OID),
            ("relfilenode", OID),
            ("reltablespace", OID),
            ("relpages", INT4),
            ("reltuples", FLOAT4),
            ("relallvisible", INT4),
            ("reltoastrelid", OID),
            ("relhasindex", BOOL),
            ("relisshared", BOOL),
            ("relpersistence", CHAR),
            ("relkind", CHAR),
            ("relnatts", INT2),
            ("relchecks", INT2),
            ("relhasrules", BOOL),
            ("relhastriggers", BOOL),
            ("relhassubclass", BOOL),
            ("relrowsecurity", BOOL),
            ("relforcerowsecurity", BOOL),
            ("relispopulated", BOOL),
            ("relreplident", CHAR),
            ("relispartition", BOOL),
            ("relrewrite", OID),
            ("relacl", TEXT_ARRAY),
            ("reloptions", TEXT_ARRAY),
            ("relpartbound", PG_NODE_TREE),
        ],
        classes,
    ),
    pg(
        1249,
        "pg_attribute",
        &[
            ("attrelid", OID),
            ("attname", NAME),
            ("atttypid", OID),
            ("attstattarget", INT4),
            ("attlen", INT2),
            ("attnum", INT2),
            ("attndims", INT4),
            ("attcacheoff", INT4),
            ("atttypmod", INT4),
            ("attbyval", BOOL),
            ("attalign", CHAR),
            ("attstorage", CHAR),
            ("attcompression", CHAR),
            ("attnotnull", BOOL),
            ("atthasdef", BOOL),
            ("atthasmissing", BOOL),
            ("attidentity", CHAR),
            ("attgenerated", CHAR),
            ("attisdropped", BOOL),
            ("attislocal", BOOL),
            ("attinhcount", INT4),
            ("attcollation", OID),
            ("attacl", TEXT_ARRAY),
            ("attoptions", TEXT_ARRAY),
            ("attfdwoptions", TEXT_ARRAY),
            ("attmissingval", TEXT),
        ],
        attributes,
    ),
    pg(
        2604,
        "pg_attrdef",
        &[("oid", OID), ("adrelid", OID), ("adnum", INT2), ("adbin", PG_NODE_TREE)],
        defaults,
    ),
    pg(
        2610,
        "pg_index",
        &[
            ("indexrelid", OID),
            ("indrelid", OID),
            ("indnatts", INT2),
            ("indnkeyatts", INT2),
            ("indisunique", BOOL),
            ("indnullsnotdistinct", BOOL),
            ("indisprimary", BOOL),
            ("indisexclusion", BOOL),
            ("indimmediate", BOOL),
            ("indisclustered", BOOL),
            ("indisvalid", BOOL),
            ("indcheckxmin", BOOL),
            ("indisready", BOOL),
            ("indislive", BOOL),
            ("indisreplident", BOOL),
            ("indkey", INT2VECTOR),
            ("indcollation", OIDVECTOR),
            ("indclass", OIDVECTOR),
            ("indoption", INT2VECTOR),
            ("indexprs", PG_NODE_TREE),
            ("indpred", PG_NODE_TREE),
        ],
        indexes,
    ),
    pg(
        13_000,
        "pg_indexes",
        &[
            ("schemaname", NAME),
            ("tablename", NAME),
            ("indexname", NAME),
            ("tablespace", NAME),
            ("indexdef", TEXT),
        ],
        pg_indexes,
    ),
    pg(
        13_001,
        "pg_tables",
        &[
            ("schemaname", NAME),
            ("tablename", NAME),
            ("tableowner", NAME),
            ("tablespace", NAME),
            ("hasindexes", BOOL),
            ("hasrules", BOOL),
            ("hastriggers", BOOL),
            ("rowsecurity", BOOL),
        ],
        pg_tables,
    ),
    pg(
        13_002,
        "pg_views",
        &[("schemaname", NAME), ("viewname", NAME), ("viewowner", NAME), ("definition", TEXT)],
        pg_views,
    ),
    pg(
        13_003,
        "pg_sequences",
        &[
            ("schemaname", NAME),
            ("sequencename", NAME),
            ("sequenceowner", NAME),
            ("data_type", REGTYPE),
            ("start_value", INT8),
            ("min_value", INT8),
            ("max_value", INT8),
            ("increment_by", INT8),
            ("cycle", BOOL),
            ("cache_size", INT8),
            ("last_value", INT8),
        ],
        pg_sequences,
    ),
    pg(
        2224,
        "pg_sequence",
        &[
            ("seqrelid", OID),
            ("seqtypid", OID),
            ("seqstart", INT8),
            ("seqincrement", INT8),
            ("seqmax", INT8),
            ("seqmin", INT8),
            ("seqcache", INT8),
            ("seqcycle", BOOL),
        ],
        pg_sequence,
    ),
    pg(
        2609,
        "pg_description",
        &[("objoid", OID), ("classoid", OID), ("objsubid", INT4), ("description", TEXT)],
        descriptions,
    ),
    pg(2601, "pg_am", &[("oid", OID), ("amname", NAME), ("amhandler", OID), ("amtype", CHAR)], methods),
    pg(
        2611,
        "pg_inherits",
        &[("inhrelid", OID), ("inhparent", OID), ("inhseqno", INT4), ("inhdetachpending", BOOL)],
        none,
    ),
    pg(2620, "pg_trigger", &[("oid", OID), ("tgrelid", OID), ("tgname", NAME), ("tgisinternal", BOOL)], none),
    pg(3256, "pg_policy", &[("oid", OID), ("polname", NAME), ("polrelid", OID)], none),
    pg(2618, "pg_rewrite", &[("oid", OID), ("rulename", NAME), ("ev_class", OID)], none),
    pg(
        13_004,
        "pg_matviews",
        &[("schemaname", NAME), ("matviewname", NAME), ("matviewowner", NAME), ("definition", TEXT)],
        none,
    ),
];
