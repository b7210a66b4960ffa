//! What runs: `pg_settings`, `pg_stat_activity`, `pg_locks`, `pg_database`, `pg_roles`.

use super::{SystemTable, pg, row, text};
use crate::engine::AdvisoryKey;
use crate::error::Result;
use crate::sql::catalog::OWNER;
use crate::sql::context::Exec;
use crate::value::oid::*;
use crate::value::{Row, Value};

fn pg_settings(exec: &mut Exec) -> Result<Vec<Row>> {
    let session = exec.session()?.clone();
    let all = exec.state.borrow().settings.rows();
    let _ = session;
    Ok(all
        .into_iter()
        .map(|setting| {
            row(vec![
                text(setting.name),
                text(setting.setting),
                setting.unit.map_or(Value::Null, text),
                text("Client Connection Defaults"),
                text(""),
                text(setting.context),
                text(setting.kind),
                text("default"),
            ])
        })
        .collect())
}

fn pg_stat_activity(exec: &mut Exec) -> Result<Vec<Row>> {
    let session = exec.session()?.clone();
    let state = exec.state.borrow();
    let own = session.pid();
    Ok(session
        .engine()
        .sessions()
        .into_iter()
        .map(|pid| {
            row(vec![
                Value::Oid(1),
                Value::Text(state.database.clone()),
                Value::Int4(pid.0),
                Value::Oid(OWNER),
                Value::Text(state.user.clone()),
                if pid == own { text(state.settings.stored("application_name")) } else { text("") },
                text(if pid == own { "active" } else { "idle" }),
                text(""),
                text("client backend"),
                Value::Null,
                Value::Null,
            ])
        })
        .collect())
}

fn pg_locks(exec: &mut Exec) -> Result<Vec<Row>> {
    let locks = exec.session()?.engine().locks();
    Ok(locks
        .into_iter()
        .map(|lock| {
            let (class, object, sub) = match lock.advisory {
                Some(AdvisoryKey::One(key)) => {
                    (Value::Oid((key >> 32) as u32), Value::Oid(key as u32), Value::Int2(1))
                }
                Some(AdvisoryKey::Two(a, b)) => (Value::Oid(a as u32), Value::Oid(b as u32), Value::Int2(2)),
                None => (Value::Null, Value::Null, Value::Null),
            };
            row(vec![
                text(lock.kind),
                Value::Oid(1),
                lock.table.map_or(Value::Null, |table| Value::Oid(table.0)),
                lock.tid.map_or(Value::Null, |tid| Value::Int4(tid.block as i32)),
                lock.tid.map_or(Value::Null, |tid| Value::Int2(tid.offset as i16)),
                Value::Null,
                lock.xid.map_or(Value::Null, |xid| Value::Oid(xid.0 as u32)),
                class,
                object,
                sub,
                Value::Null,
                Value::Int4(lock.pid.0),
                text(lock.mode),
                Value::Bool(lock.granted),
                Value::Bool(false),
            ])
        })
        .collect())
}

fn pg_database(exec: &mut Exec) -> Result<Vec<Row>> {
    let state = exec.state.borrow();
    Ok(vec![row(vec![
        Value::Oid(1),
        Value::Text(state.database.clone()),
        Value::Oid(OWNER),
        Value::Int4(6),
        text("C.UTF-8"),
        text("C.UTF-8"),
        Value::Bool(false),
        Value::Bool(true),
    ])])
}

fn pg_roles(exec: &mut Exec) -> Result<Vec<Row>> {
    let state = exec.state.borrow();
    Ok(vec![row(vec![
        Value::Oid(OWNER),
        Value::Text(state.user.clone()),
        Value::Bool(true),
        Value::Bool(true),
        Value::Bool(true),
        Value::Bool(true),
        Value::Bool(true),
        Value::Bool(true),
    ])])
}

fn none(_: &mut Exec) -> Result<Vec<Row>> {
    Ok(Vec::new())
}

fn stat_tables(exec: &mut Exec) -> Result<Vec<Row>> {
    let catalog = exec.env.catalog.clone();
    let mut rows = Vec::new();
    for relation in catalog.relations() {
        let crate::sql::catalog::Relation::Table(table) = relation else { continue };
        let schema = catalog.schema_name(table.schema).cloned().unwrap_or_else(|| "".into());
        let (live, _) = exec.session()?.engine().table_size(crate::engine::TableId(table.oid));
        rows.push(row(vec![
            Value::Oid(table.oid),
            Value::Text(schema),
            Value::Text(table.name.clone()),
            Value::Int8(0),
            Value::Int8(0),
            Value::Int8(live as i64),
            Value::Int8(0),
        ]));
    }
    Ok(rows)
}

const STAT_TABLES: &[(&str, u32)] = &[
    ("relid", OID),
    ("schemaname", NAME),
    ("relname", NAME),
    ("seq_scan", INT8),
    ("idx_scan", INT8),
    ("n_live_tup", INT8),
    ("n_dead_tup", INT8),
];

const ROLES: &[(&str, u32)] = &[
    ("oid", OID),
    ("rolname", NAME),
    ("rolsuper", BOOL),
    ("rolinherit", BOOL),
    ("rolcreaterole", BOOL),
    ("rolcreatedb", BOOL),
    ("rolcanlogin", BOOL),
    ("rolreplication", BOOL),
];

pub(super) static TABLES: &[SystemTable] = &[
    pg(
        13_010,
        "pg_settings",
        &[
            ("name", TEXT),
            ("setting", TEXT),
            ("unit", TEXT),
            ("category", TEXT),
            ("short_desc", TEXT),
            ("context", TEXT),
            ("vartype", TEXT),
            ("source", TEXT),
        ],
        pg_settings,
    ),
    pg(
        13_011,
        "pg_stat_activity",
        &[
            ("datid", OID),
            ("datname", NAME),
            ("pid", INT4),
            ("usesysid", OID),
            ("usename", NAME),
            ("application_name", TEXT),
            ("state", TEXT),
            ("query", TEXT),
            ("backend_type", TEXT),
            ("wait_event_type", TEXT),
            ("wait_event", TEXT),
        ],
        pg_stat_activity,
    ),
    pg(
        13_012,
        "pg_locks",
        &[
            ("locktype", TEXT),
            ("database", OID),
            ("relation", OID),
            ("page", INT4),
            ("tuple", INT2),
            ("virtualxid", TEXT),
            ("transactionid", XID),
            ("classid", OID),
            ("objid", OID),
            ("objsubid", INT2),
            ("virtualtransaction", TEXT),
            ("pid", INT4),
            ("mode", TEXT),
            ("granted", BOOL),
            ("fastpath", BOOL),
        ],
        pg_locks,
    ),
    pg(
        1262,
        "pg_database",
        &[
            ("oid", OID),
            ("datname", NAME),
            ("datdba", OID),
            ("encoding", INT4),
            ("datcollate", TEXT),
            ("datctype", TEXT),
            ("datistemplate", BOOL),
            ("datallowconn", BOOL),
        ],
        pg_database,
    ),
    pg(13_013, "pg_roles", ROLES, pg_roles),
    pg(1260, "pg_authid", ROLES, pg_roles),
    pg(13_014, "pg_stat_user_tables", STAT_TABLES, stat_tables),
    pg(13_015, "pg_stat_all_tables", STAT_TABLES, stat_tables),
    pg(13_016, "pg_prepared_xacts", &[("transaction", XID), ("gid", TEXT)], none),
    pg(6104, "pg_publication", &[("oid", OID), ("pubname", NAME)], none),
    pg(3381, "pg_statistic_ext", &[("oid", OID), ("stxrelid", OID), ("stxname", NAME)], none),
    pg(13_017, "pg_cursors", &[("name", TEXT), ("statement", TEXT)], none),
];
