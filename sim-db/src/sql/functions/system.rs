//! Information about the session, the server and the catalog.

use super::arithmetic::{i32_of, i64_of};
use super::string::str_of;
use crate::engine::Pid;
use crate::error::Result;
use crate::sql::catalog::env::{Found, quote_identifier};
use crate::sql::catalog::{self, IndexPart, Relation, Table};
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::function::{Function, Kind};
use crate::value::oid::*;
use crate::value::text::{self, TypeCatalog};
use crate::value::{ArrayValue, DataType, Oid, Value};
use std::sync::Arc;

/// What `version()` says.
fn version(exec: &Exec) -> String {
    let version = exec.state.borrow().settings.stored("server_version");
    format!("PostgreSQL {version} on x86_64-pc-linux-gnu, compiled by sim-db, 64-bit")
}

fn oid_of(value: &Value) -> Oid {
    match value {
        Value::Oid(oid) => *oid,
        other => other.as_i64().unwrap_or(0) as Oid,
    }
}

fn current_setting(exec: &Exec, a: &[Value]) -> Result<Value> {
    let name = str_of(&a[0]);
    let missing_ok = a.get(1).and_then(Value::as_bool).unwrap_or(false);
    match exec.state.borrow().settings.show(name, exec.session()?) {
        Ok(value) => Ok(Value::text(value)),
        Err(_) if missing_ok => Ok(Value::Null),
        Err(raised) => Err(raised),
    }
}

fn set_config(exec: &mut Exec, a: &[Value]) -> Result<Value> {
    let name = a[0].as_str().ok_or_else(|| error(b"22004", "SET requires parameter name"))?.to_owned();
    let value = a[1].as_str().unwrap_or("").to_owned();
    let local = a[2].as_bool().unwrap_or(false);
    let session = exec.session()?.clone();
    let mut state = exec.state.borrow_mut();
    let reports = state.settings.set(&name, &value, local, &session)?;
    state.reports.extend(reports);
    drop(state);
    current_setting(exec, &[Value::text(name)])
}

fn notify(exec: &mut Exec, a: &[Value]) -> Result<Value> {
    let channel = a[0].as_str().unwrap_or("");
    if channel.is_empty() {
        return Err(error(b"22023", "channel name cannot be empty"));
    }
    if channel.len() > 63 {
        return Err(error(b"22023", "channel name too long"));
    }
    let payload = a[1].as_str().unwrap_or("");
    if payload.len() >= 8000 {
        return Err(error(b"22023", "payload string too long"));
    }
    exec.session()?.notify(channel, payload);
    Ok(Value::Void)
}

fn format_type(exec: &Exec, a: &[Value]) -> Value {
    if a[0].is_null() {
        return Value::Null;
    }
    let typmod = if a[1].is_null() { -1 } else { i32_of(&a[1]) };
    let oid = oid_of(&a[0]);
    if oid == 0 {
        return Value::text("-");
    }
    Value::text(exec.env.display_type(DataType { oid, typmod }))
}

fn index_definition(exec: &Exec, oid: Oid, column: i32) -> Option<String> {
    let Some(Relation::Index { table, .. }) = exec.env.catalog.relation_by_oid(oid) else { return None };
    let table = exec.env.catalog.table(*table)?;
    let index = table.indexes.iter().find(|index| index.oid == oid)?;
    if column > 0 {
        return index.parts.get(column as usize - 1).map(|part| part_text(table, part));
    }
    Some(index_text(&exec.env, table, index))
}

fn part_text(table: &Table, part: &IndexPart) -> String {
    match part {
        IndexPart::Column(at) => quote_identifier(&table.columns[*at].name),
        IndexPart::Expression(expr) => expr.text.to_string(),
    }
}

/// The `CREATE INDEX` of an index, as `pg_get_indexdef` shows it.
pub fn index_text(env: &catalog::Env, table: &Table, index: &catalog::Index) -> String {
    let parts: Vec<String> = index
        .parts
        .iter()
        .zip(&index.order)
        .map(|(part, order)| {
            let name = match part {
                IndexPart::Expression(expr) if !expr.text.ends_with(')') || expr.text.starts_with('(') => {
                    format!("({})", expr.text)
                }
                _ => part_text(table, part),
            };
            let direction = if order.descending { " DESC" } else { "" };
            let nulls = match (order.descending, order.nulls_first) {
                (false, true) => " NULLS FIRST",
                (true, false) => " NULLS LAST",
                _ => "",
            };
            format!("{name}{direction}{nulls}")
        })
        .collect();
    let schema = env
        .catalog
        .schema_name(table.schema)
        .map_or_else(String::new, |s| format!("{}.", quote_identifier(s)));
    let include = if index.include.is_empty() {
        String::new()
    } else {
        let names: Vec<String> =
            index.include.iter().map(|at| quote_identifier(&table.columns[*at].name)).collect();
        format!(" INCLUDE ({})", names.join(", "))
    };
    let predicate = index.predicate.as_ref().map_or_else(String::new, |p| format!(" WHERE ({})", p.text));
    let distinct = if index.nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
    format!(
        "CREATE {}INDEX {} ON {schema}{} USING {} ({}){include}{distinct}{predicate}",
        if index.unique { "UNIQUE " } else { "" },
        quote_identifier(&index.name),
        quote_identifier(&table.name),
        index.method,
        parts.join(", "),
    )
}

/// The definition of a constraint, as `pg_get_constraintdef` shows it.
fn constraint_definition(exec: &Exec, oid: Oid) -> Option<String> {
    let env = &exec.env;
    for relation in env.catalog.relations() {
        let Relation::Table(table) = relation else { continue };
        let names = |columns: &[usize], table: &Table| -> String {
            columns.iter().map(|at| quote_identifier(&table.columns[*at].name)).collect::<Vec<_>>().join(", ")
        };
        let deferral = |deferrable: Option<bool>| match deferrable {
            None => "",
            Some(false) => " DEFERRABLE",
            Some(true) => " DEFERRABLE INITIALLY DEFERRED",
        };
        if let Some(check) = table.checks.iter().find(|check| check.oid == oid) {
            return Some(format!("CHECK (({}))", check.expr.text));
        }
        if let Some(index) = table.indexes.iter().find(|index| index.constraint == Some(oid)) {
            let kind = if index.primary { "PRIMARY KEY" } else { "UNIQUE" };
            let columns = names(&index.plain_columns().unwrap_or_default(), table);
            return Some(format!("{kind} ({columns}){}", deferral(index.deferrable)));
        }
        if let Some(key) = table.foreign_keys.iter().find(|key| key.oid == oid) {
            let target = env.catalog.table(key.target)?;
            let action = |action: catalog::Action| match action {
                catalog::Action::NoAction => None,
                catalog::Action::Restrict => Some("RESTRICT"),
                catalog::Action::Cascade => Some("CASCADE"),
                catalog::Action::SetNull => Some("SET NULL"),
                catalog::Action::SetDefault => Some("SET DEFAULT"),
            };
            let mut text = format!(
                "FOREIGN KEY ({}) REFERENCES {}({})",
                names(&key.columns, table),
                env.relation_name(target.oid)?,
                names(&key.target_columns, target)
            );
            if let Some(update) = action(key.on_update) {
                text.push_str(&format!(" ON UPDATE {update}"));
            }
            if let Some(delete) = action(key.on_delete) {
                text.push_str(&format!(" ON DELETE {delete}"));
            }
            text.push_str(deferral(key.deferrable));
            return Some(text);
        }
    }
    None
}

fn table_size(exec: &Exec, oid: Oid) -> Result<i64> {
    let (_, pages) = exec.session()?.engine().table_size(crate::engine::TableId(oid));
    Ok(i64::from(pages) * 8192)
}

fn pid_array(pids: Vec<Pid>) -> Value {
    let values = pids.into_iter().map(|pid| Value::Int4(pid.0)).collect();
    Value::Array(Arc::new(ArrayValue::from_values(INT4, values)))
}

fn pids(value: &Value) -> Vec<Pid> {
    match value {
        Value::Array(array) => array.values.iter().map(|pid| Pid(i32_of(pid))).collect(),
        _ => Vec::new(),
    }
}

fn to_reg(exec: &Exec, kind: Oid, value: &Value) -> Value {
    exec.env.object_named(kind, str_of(value)).map_or(Value::Null, Value::Oid)
}

fn description(exec: &Exec, object: Oid, column: i32) -> Value {
    let found = exec.env.catalog.comments().iter().find(|c| c.object == object && c.column == column);
    found.map_or(Value::Null, |comment| Value::Text(comment.text.clone()))
}

fn visible(exec: &Exec, oid: Oid) -> Value {
    let Some(relation) = exec.env.catalog.relation_by_oid(oid) else {
        return match catalog::system::by_oid(oid) {
            Some(table) => Value::Bool(table.schema == catalog::PG_CATALOG),
            None => Value::Null,
        };
    };
    let found = exec.env.find_relation(None, relation.name());
    Value::Bool(matches!(found, Some(Found::User(found)) if found.oid() == oid))
}

fn schemas(exec: &Exec, implicit: bool) -> Value {
    let names = exec
        .env
        .path
        .iter()
        .filter(|oid| implicit || **oid != catalog::PG_CATALOG)
        .filter_map(|oid| exec.env.catalog.schema_name(*oid))
        .map(|name| Value::Text(name.clone()))
        .collect();
    Value::Array(Arc::new(ArrayValue::from_values(NAME, names)))
}

fn xid(exec: &Exec) -> Result<Value> {
    Ok(Value::Int8(exec.session()?.transaction_id().0 as i64))
}

fn view_definition(exec: &Exec, oid: Oid) -> Value {
    match exec.env.catalog.relation_by_oid(oid) {
        Some(Relation::View(view)) => Value::text(format!(" {};", view.query)),
        _ => Value::Null,
    }
}

fn size_pretty(bytes: i64) -> String {
    let mut size = bytes;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if size.abs() < 10 * 1024 || unit == "TB" {
            return format!("{size} {unit}");
        }
        size = (size + 512) / 1024;
    }
    format!("{size} PB")
}

const INT4_ARRAY_TYPE: Oid = INT4_ARRAY;
const NAME_ARRAY: Oid = 1003;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("version", &[], TEXT, |exec, _| Ok(Value::text(version(exec)))).stable(),
    Function::scalar("current_database", &[], NAME, |exec, _| {
        Ok(Value::Text(exec.state.borrow().database.clone()))
    })
    .stable(),
    Function::scalar("current_catalog", &[], NAME, |exec, _| {
        Ok(Value::Text(exec.state.borrow().database.clone()))
    })
    .stable(),
    Function::scalar("current_user", &[], NAME, |exec, _| Ok(Value::Text(exec.state.borrow().user.clone())))
        .stable(),
    Function::scalar("current_role", &[], NAME, |exec, _| Ok(Value::Text(exec.state.borrow().user.clone())))
        .stable(),
    Function::scalar("session_user", &[], NAME, |exec, _| Ok(Value::Text(exec.state.borrow().user.clone())))
        .stable(),
    Function::scalar("user", &[], NAME, |exec, _| Ok(Value::Text(exec.state.borrow().user.clone()))).stable(),
    Function::scalar("current_schema", &[], NAME, |exec, _| {
        let first = exec.env.create_in.and_then(|oid| exec.env.catalog.schema_name(oid)).cloned();
        Ok(first.map_or(Value::Null, Value::Text))
    })
    .stable(),
    Function::scalar("current_schemas", &[BOOL], NAME_ARRAY, |exec, a| {
        Ok(schemas(exec, a[0].as_bool().unwrap_or(false)))
    })
    .stable(),
    Function::scalar("current_setting", &[TEXT], TEXT, |exec, a| current_setting(exec, a)).stable(),
    Function::scalar("current_setting", &[TEXT, BOOL], TEXT, |exec, a| current_setting(exec, a)).stable(),
    Function::scalar("set_config", &[TEXT, TEXT, BOOL], TEXT, set_config).with_nulls().volatile(),
    Function::scalar("pg_notify", &[TEXT, TEXT], VOID, notify).with_nulls().volatile(),
    Function::scalar("pg_listening_channels", &[], TEXT, |_, _| Ok(Value::Null)).volatile(),
    Function::of("pg_typeof", &[ANY], REGTYPE, Kind::Typed(|_, _, types| Ok(Value::Oid(types[0]))))
        .with_nulls(),
    Function::scalar("format_type", &[OID, INT4], TEXT, |exec, a| Ok(format_type(exec, a)))
        .with_nulls()
        .stable(),
    Function::scalar("pg_backend_pid", &[], INT4, |exec, _| Ok(Value::Int4(exec.session()?.pid().0)))
        .stable(),
    Function::scalar("pg_blocking_pids", &[INT4], INT4_ARRAY_TYPE, |exec, a| {
        Ok(pid_array(exec.session()?.engine().blocked_by(Pid(i32_of(&a[0])))))
    })
    .volatile(),
    Function::scalar("pg_isolation_test_session_is_blocked", &[INT4, INT4_ARRAY_TYPE], BOOL, |exec, a| {
        Ok(Value::Bool(exec.session()?.engine().is_blocked(Pid(i32_of(&a[0])), &pids(&a[1]))))
    })
    .volatile(),
    Function::scalar("pg_cancel_backend", &[INT4], BOOL, |exec, a| {
        Ok(Value::Bool(exec.session()?.engine().cancel(Pid(i32_of(&a[0])))))
    })
    .volatile(),
    Function::scalar("pg_terminate_backend", &[INT4], BOOL, |exec, a| {
        let how = crate::engine::Shutdown::Administrator;
        Ok(Value::Bool(exec.session()?.engine().terminate(Pid(i32_of(&a[0])), how)))
    })
    .volatile(),
    Function::scalar("txid_current", &[], INT8, |exec, _| xid(exec)).stable(),
    Function::scalar("pg_current_xact_id", &[], INT8, |exec, _| xid(exec)).stable(),
    Function::scalar("txid_current_if_assigned", &[], INT8, |exec, _| {
        Ok(exec.session()?.transaction_id_if_assigned().map_or(Value::Null, |xid| Value::Int8(xid.0 as i64)))
    })
    .stable(),
    Function::scalar("pg_current_xact_id_if_assigned", &[], INT8, |exec, _| {
        Ok(exec.session()?.transaction_id_if_assigned().map_or(Value::Null, |xid| Value::Int8(xid.0 as i64)))
    })
    .stable(),
    Function::scalar("pg_is_in_recovery", &[], BOOL, |context, _| {
        Ok(Value::Bool(context.session()?.is_replica()))
    })
    .volatile(),
    Function::scalar("pg_postmaster_start_time", &[], TIMESTAMPTZ, |_, _| Ok(Value::TimestampTz(0))).stable(),
    Function::scalar("pg_encoding_to_char", &[INT4], NAME, |_, _| Ok(Value::text("UTF8"))).stable(),
    Function::scalar("getdatabaseencoding", &[], NAME, |_, _| Ok(Value::text("UTF8"))).stable(),
    Function::scalar("pg_client_encoding", &[], NAME, |_, _| Ok(Value::text("UTF8"))).stable(),
    Function::scalar("inet_server_addr", &[], INET, |_, _| Ok(Value::Null)).stable(),
    Function::scalar("inet_server_port", &[], INT4, |_, _| Ok(Value::Int4(5432))).stable(),
    Function::scalar("inet_client_addr", &[], INET, |_, _| Ok(Value::Null)).stable(),
    Function::scalar("inet_client_port", &[], INT4, |_, _| Ok(Value::Null)).stable(),
    Function::scalar("to_regclass", &[TEXT], REGCLASS, |exec, a| Ok(to_reg(exec, REGCLASS, &a[0]))).stable(),
    Function::scalar("to_regtype", &[TEXT], REGTYPE, |exec, a| Ok(to_reg(exec, REGTYPE, &a[0]))).stable(),
    Function::scalar("to_regproc", &[TEXT], REGPROC, |exec, a| Ok(to_reg(exec, REGPROC, &a[0]))).stable(),
    Function::scalar("to_regnamespace", &[TEXT], REGNAMESPACE, |exec, a| {
        Ok(to_reg(exec, REGNAMESPACE, &a[0]))
    })
    .stable(),
    Function::scalar("pg_get_indexdef", &[OID], TEXT, |exec, a| {
        Ok(index_definition(exec, oid_of(&a[0]), 0).map_or(Value::Null, Value::text))
    })
    .stable(),
    Function::scalar("pg_get_indexdef", &[OID, INT4, BOOL], TEXT, |exec, a| {
        Ok(index_definition(exec, oid_of(&a[0]), i32_of(&a[1])).map_or(Value::Null, Value::text))
    })
    .stable(),
    Function::scalar("pg_get_constraintdef", &[OID], TEXT, |exec, a| {
        Ok(constraint_definition(exec, oid_of(&a[0])).map_or(Value::Null, Value::text))
    })
    .stable(),
    Function::scalar("pg_get_constraintdef", &[OID, BOOL], TEXT, |exec, a| {
        Ok(constraint_definition(exec, oid_of(&a[0])).map_or(Value::Null, Value::text))
    })
    .stable(),
    Function::scalar("pg_get_expr", &[PG_NODE_TREE, OID], TEXT, |_, a| Ok(a[0].clone())).stable(),
    Function::scalar("pg_get_expr", &[PG_NODE_TREE, OID, BOOL], TEXT, |_, a| Ok(a[0].clone())).stable(),
    Function::scalar("pg_get_viewdef", &[OID], TEXT, |exec, a| Ok(view_definition(exec, oid_of(&a[0]))))
        .stable(),
    Function::scalar("pg_get_viewdef", &[OID, BOOL], TEXT, |exec, a| {
        Ok(view_definition(exec, oid_of(&a[0])))
    })
    .stable(),
    Function::scalar("pg_get_userbyid", &[OID], NAME, |_, _| Ok(Value::text("postgres"))).stable(),
    Function::scalar("pg_table_is_visible", &[OID], BOOL, |exec, a| Ok(visible(exec, oid_of(&a[0]))))
        .stable(),
    Function::scalar("pg_type_is_visible", &[OID], BOOL, |exec, a| {
        let oid = oid_of(&a[0]);
        let user = exec.env.catalog.type_by_oid(oid);
        Ok(Value::Bool(user.is_none_or(|t| exec.env.find_type(None, &t.name) == Some(t.oid))))
    })
    .stable(),
    Function::scalar("pg_function_is_visible", &[OID], BOOL, |_, _| Ok(Value::Bool(true))).stable(),
    Function::scalar("obj_description", &[OID, NAME], TEXT, |exec, a| {
        Ok(description(exec, oid_of(&a[0]), 0))
    })
    .stable(),
    Function::scalar("obj_description", &[OID], TEXT, |exec, a| Ok(description(exec, oid_of(&a[0]), 0)))
        .stable(),
    Function::scalar("col_description", &[OID, INT4], TEXT, |exec, a| {
        Ok(description(exec, oid_of(&a[0]), i32_of(&a[1])))
    })
    .stable(),
    Function::scalar("shobj_description", &[OID, NAME], TEXT, |_, _| Ok(Value::Null)).stable(),
    Function::scalar("pg_relation_size", &[REGCLASS], INT8, |exec, a| {
        table_size(exec, oid_of(&a[0])).map(Value::Int8)
    })
    .volatile(),
    Function::scalar("pg_table_size", &[REGCLASS], INT8, |exec, a| {
        table_size(exec, oid_of(&a[0])).map(Value::Int8)
    })
    .volatile(),
    Function::scalar("pg_total_relation_size", &[REGCLASS], INT8, |exec, a| {
        table_size(exec, oid_of(&a[0])).map(Value::Int8)
    })
    .volatile(),
    Function::scalar("pg_indexes_size", &[REGCLASS], INT8, |_, _| Ok(Value::Int8(16384))).volatile(),
    Function::scalar("pg_database_size", &[NAME], INT8, |_, _| Ok(Value::Int8(8_000_000))).volatile(),
    Function::scalar("pg_size_pretty", &[INT8], TEXT, |_, a| Ok(Value::text(size_pretty(i64_of(&a[0]))))),
    Function::of(
        "pg_column_size",
        &[ANY],
        INT4,
        Kind::Typed(|exec, a, types| {
            let length = exec.env.type_length(types[0]);
            let text_length = text::output(&a[0], types[0], exec.text()).len() as i32;
            Ok(Value::Int4(if length > 0 { i32::from(length) } else { text_length + 1 }))
        }),
    )
    .stable(),
    Function::scalar("has_table_privilege", &[TEXT, TEXT], BOOL, |_, _| Ok(Value::Bool(true))).stable(),
    Function::scalar("has_table_privilege", &[OID, TEXT], BOOL, |_, _| Ok(Value::Bool(true))).stable(),
    Function::scalar("has_schema_privilege", &[TEXT, TEXT], BOOL, |_, _| Ok(Value::Bool(true))).stable(),
    Function::scalar("has_schema_privilege", &[OID, TEXT], BOOL, |_, _| Ok(Value::Bool(true))).stable(),
    Function::scalar("has_database_privilege", &[TEXT, TEXT], BOOL, |_, _| Ok(Value::Bool(true))).stable(),
    Function::scalar("has_column_privilege", &[TEXT, TEXT, TEXT], BOOL, |_, _| Ok(Value::Bool(true)))
        .stable(),
    Function::of(
        "num_nulls",
        &[ANY],
        INT4,
        Kind::Scalar(|_, a| Ok(Value::Int4(a.iter().filter(|value| value.is_null()).count() as i32))),
    )
    .with_nulls()
    .variadic(),
    Function::of(
        "num_nonnulls",
        &[ANY],
        INT4,
        Kind::Scalar(|_, a| Ok(Value::Int4(a.iter().filter(|value| !value.is_null()).count() as i32))),
    )
    .with_nulls()
    .variadic(),
    Function::scalar("hashtext", &[TEXT], INT4, |_, a| {
        // Not the server's hash; stable, and spread as one.
        let mut hash = 0x811c_9dc5_u32;
        for byte in str_of(&a[0]).bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
        Ok(Value::Int4(hash as i32))
    }),
    Function::scalar("hashtextextended", &[TEXT, INT8], INT8, |_, a| {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ i64_of(&a[1]) as u64;
        for byte in str_of(&a[0]).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(Value::Int8(hash as i64))
    }),
    Function::scalar("pg_stat_reset", &[], VOID, |_, _| Ok(Value::Void)).volatile(),
    Function::scalar("pg_reload_conf", &[], BOOL, |_, _| Ok(Value::Bool(true))).volatile(),
    Function::scalar("pg_stat_get_numscans", &[OID], INT8, |_, _| Ok(Value::Int8(0))).stable(),
    Function::scalar("pg_relation_is_publishable", &[REGCLASS], BOOL, |_, _| Ok(Value::Bool(true))).stable(),
    Function::scalar("pg_get_statisticsobjdef_columns", &[OID], TEXT, |_, _| Ok(Value::Null)).stable(),
];
