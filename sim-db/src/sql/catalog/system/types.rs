//! Types, functions, operators: `pg_type`, `pg_enum`, `pg_range`, `pg_proc`.

use super::{SystemTable, function_oid, pg, row, text};
use crate::error::Result;
use crate::sql::catalog::{OWNER, PG_CATALOG, Relation, TypeBody};
use crate::sql::context::Exec;
use crate::sql::function::{self, Kind};
use crate::value::oid::*;
use crate::value::{ArrayValue, Row, Value, types};
use std::sync::Arc;

#[allow(clippy::too_many_arguments)]
fn type_row(
    oid: u32,
    name: &str,
    schema: u32,
    length: i16,
    kind: u8,
    category: char,
    preferred: bool,
    relation: u32,
    element: u32,
    array: u32,
    base: u32,
    not_null: bool,
    default: Value,
) -> Row {
    row(vec![
        Value::Oid(oid),
        text(name),
        Value::Oid(schema),
        Value::Oid(OWNER),
        Value::Int2(length),
        Value::Bool((1..=8).contains(&length)),
        Value::Byte(kind),
        Value::Byte(category as u8),
        Value::Bool(preferred),
        Value::Bool(true),
        Value::Byte(b','),
        Value::Oid(relation),
        Value::Oid(0),
        Value::Oid(element),
        Value::Oid(array),
        Value::Oid(0),
        Value::Oid(0),
        Value::Byte(b'i'),
        Value::Byte(b'p'),
        Value::Bool(not_null),
        Value::Oid(base),
        Value::Int4(-1),
        Value::Int4(0),
        Value::Oid(0),
        default,
    ])
}

fn pg_type(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for info in types::base_types() {
        let kind = match info.category {
            'P' => b'p',
            'R' => b'r',
            _ => b'b',
        };
        rows.push(type_row(
            info.oid,
            info.name,
            PG_CATALOG,
            info.length,
            kind,
            info.category,
            info.preferred,
            0,
            0,
            info.array,
            0,
            false,
            Value::Null,
        ));
        if info.array != 0 {
            let name = format!("_{}", info.name);
            rows.push(type_row(
                info.array,
                &name,
                PG_CATALOG,
                -1,
                b'b',
                'A',
                false,
                0,
                info.oid,
                0,
                0,
                false,
                Value::Null,
            ));
        }
    }
    for user_type in catalog.types() {
        let (kind, category, length, base, not_null, default, relation) = match &user_type.body {
            TypeBody::Enum(_) => (b'e', 'E', 4, 0, false, Value::Null, 0),
            TypeBody::Domain { base, not_null, default, .. } => {
                let default = default.as_ref().map_or(Value::Null, |expr| Value::Text(expr.text.clone()));
                (
                    b'd',
                    exec.env.category(base.oid),
                    exec.env.type_length(base.oid),
                    base.oid,
                    *not_null,
                    default,
                    0,
                )
            }
            TypeBody::Composite(_) => (b'c', 'C', -1, 0, false, Value::Null, user_type.oid),
        };
        rows.push(type_row(
            user_type.oid,
            &user_type.name,
            user_type.schema,
            length,
            kind,
            category,
            false,
            relation,
            0,
            user_type.array,
            base,
            not_null,
            default,
        ));
        let name = format!("_{}", user_type.name);
        rows.push(type_row(
            user_type.array,
            &name,
            user_type.schema,
            -1,
            b'b',
            'A',
            false,
            0,
            user_type.oid,
            0,
            0,
            false,
            Value::Null,
        ));
    }
    for relation in catalog.relations() {
        let (row_type, kind) = match relation {
            Relation::Table(table) => (table.row_type, relation),
            Relation::View(view) => (view.row_type, relation),
            _ => continue,
        };
        rows.push(type_row(
            row_type,
            kind.name(),
            kind.schema(),
            -1,
            b'c',
            'C',
            false,
            kind.oid(),
            0,
            0,
            0,
            false,
            Value::Null,
        ));
    }
    Ok(rows)
}

fn pg_enum(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for user_type in catalog.types() {
        if let TypeBody::Enum(labels) = &user_type.body {
            for (oid, order, label) in labels {
                rows.push(row(vec![
                    Value::Oid(*oid),
                    Value::Oid(user_type.oid),
                    Value::Float4(*order),
                    Value::Text(label.clone()),
                ]));
            }
        }
    }
    Ok(rows)
}

fn pg_range(_: &mut Exec) -> Result<Vec<Row>> {
    Ok([INT4RANGE, NUMRANGE, TSRANGE, TSTZRANGE, DATERANGE, INT8RANGE]
        .into_iter()
        .map(|range| {
            let subtype = types::range_subtype(range).unwrap_or(0);
            row(vec![
                Value::Oid(range),
                Value::Oid(subtype),
                Value::Oid(0),
                Value::Oid(0),
                Value::Oid(0),
                Value::Oid(0),
                Value::Oid(0),
            ])
        })
        .collect())
}

fn pg_proc(_: &mut Exec) -> Result<Vec<Row>> {
    Ok(function::every()
        .into_iter()
        .filter(|function| function.name.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(|function| {
            let kind = match function.kind {
                Kind::Aggregate(_) => b'a',
                Kind::Window(_) => b'w',
                _ => b'f',
            };
            let args: Vec<Value> = function.args.iter().map(|arg| Value::Oid(*arg)).collect();
            let dimensions = vec![(args.len(), 0)];
            row(vec![
                Value::Oid(function_oid(function.name)),
                text(function.name),
                Value::Oid(PG_CATALOG),
                Value::Oid(OWNER),
                Value::Byte(kind),
                Value::Bool(matches!(function.kind, Kind::Set(..))),
                Value::Int2(function.args.len() as i16),
                Value::Oid(function.result),
                Value::Array(Arc::new(ArrayValue { element: OID, dimensions, values: args })),
                text(function.name),
            ])
        })
        .collect())
}

fn collations(_: &mut Exec) -> Result<Vec<Row>> {
    let collation = |oid, name: &str| {
        row(vec![
            Value::Oid(oid),
            text(name),
            Value::Oid(PG_CATALOG),
            Value::Byte(b'c'),
            text(name),
            text(name),
        ])
    };
    Ok(vec![collation(100, "default"), collation(950, "C"), collation(951, "POSIX")])
}

fn extensions(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = vec![row(vec![
        Value::Oid(13_500),
        text("plpgsql"),
        Value::Oid(OWNER),
        Value::Oid(PG_CATALOG),
        Value::Bool(false),
        text("1.0"),
    ])];
    for (at, name) in catalog.extensions().iter().enumerate() {
        rows.push(row(vec![
            Value::Oid(13_501 + at as u32),
            Value::Text(name.clone()),
            Value::Oid(OWNER),
            Value::Oid(crate::sql::catalog::PUBLIC),
            Value::Bool(true),
            text("1.0"),
        ]));
    }
    Ok(rows)
}

fn none(_: &mut Exec) -> Result<Vec<Row>> {
    Ok(Vec::new())
}

pub(super) static TABLES: &[SystemTable] = &[
    pg(
        1247,
        "pg_type",
        &[
            ("oid", OID),
            ("typname", NAME),
            ("typnamespace", OID),
            ("typowner", OID),
            ("typlen", INT2),
            ("typbyval", BOOL),
            ("typtype", CHAR),
            ("typcategory", CHAR),
            ("typispreferred", BOOL),
            ("typisdefined", BOOL),
            ("typdelim", CHAR),
            ("typrelid", OID),
            ("typsubscript", REGPROC),
            ("typelem", OID),
            ("typarray", OID),
            ("typinput", REGPROC),
            ("typoutput", REGPROC),
            ("typalign", CHAR),
            ("typstorage", CHAR),
            ("typnotnull", BOOL),
            ("typbasetype", OID),
            ("typtypmod", INT4),
            ("typndims", INT4),
            ("typcollation", OID),
            ("typdefault", TEXT),
        ],
        pg_type,
    ),
    pg(
        3501,
        "pg_enum",
        &[("oid", OID), ("enumtypid", OID), ("enumsortorder", FLOAT4), ("enumlabel", NAME)],
        pg_enum,
    ),
    pg(
        3541,
        "pg_range",
        &[
            ("rngtypid", OID),
            ("rngsubtype", OID),
            ("rngmultitypid", OID),
            ("rngcollation", OID),
            ("rngsubopc", OID),
            ("rngcanonical", REGPROC),
            ("rngsubdiff", REGPROC),
        ],
        pg_range,
    ),
    pg(
        1255,
        "pg_proc",
        &[
            ("oid", OID),
            ("proname", NAME),
            ("pronamespace", OID),
            ("proowner", OID),
            ("prokind", CHAR),
            ("proretset", BOOL),
            ("pronargs", INT2),
            ("prorettype", OID),
            ("proargtypes", OIDVECTOR),
            ("prosrc", TEXT),
        ],
        pg_proc,
    ),
    pg(
        3456,
        "pg_collation",
        &[
            ("oid", OID),
            ("collname", NAME),
            ("collnamespace", OID),
            ("collprovider", CHAR),
            ("collcollate", TEXT),
            ("collctype", TEXT),
        ],
        collations,
    ),
    pg(
        3079,
        "pg_extension",
        &[
            ("oid", OID),
            ("extname", NAME),
            ("extowner", OID),
            ("extnamespace", OID),
            ("extrelocatable", BOOL),
            ("extversion", TEXT),
        ],
        extensions,
    ),
    pg(2617, "pg_operator", &[("oid", OID), ("oprname", NAME), ("oprleft", OID), ("oprright", OID)], none),
    pg(2616, "pg_opclass", &[("oid", OID), ("opcname", NAME), ("opcmethod", OID)], none),
    pg(
        2605,
        "pg_cast",
        &[("oid", OID), ("castsource", OID), ("casttarget", OID), ("castcontext", CHAR)],
        none,
    ),
];
