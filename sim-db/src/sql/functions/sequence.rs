//! Sequence functions.

use super::arithmetic::i64_of;
use crate::engine::SequenceId;
use crate::error::{DatabaseError, Result};
use crate::sql::catalog::{Relation, Sequence};
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::function::Function;
use crate::value::oid::*;
use crate::value::{Oid, Value};
use std::sync::Arc;

fn sequence_of(exec: &Exec, value: &Value) -> Result<Arc<Sequence>> {
    let Value::Oid(oid) = value else { return Err(DatabaseError::internal("a regclass argument is an oid")) };
    match exec.env.catalog.relation_by_oid(*oid) {
        Some(Relation::Sequence(sequence)) => Ok(sequence.clone()),
        Some(other) => Err(error(b"42809", format!("\"{}\" is not a sequence", other.name()))),
        None => Err(error(b"42P01", format!("could not open relation with OID {oid}"))),
    }
}

/// The next value of a sequence, remembered for `currval`.
///
/// # Errors
///
/// 2200H at its end, 25006 in a read-only transaction.
pub fn next_value(exec: &mut Exec, oid: Oid) -> Result<i64> {
    let sequence = sequence_of(exec, &Value::Oid(oid))?;
    let session = exec.session()?;
    if session.transaction_options().read_only && sequence.schema == super::super::catalog::PUBLIC {
        return Err(DatabaseError::read_only_transaction("nextval()"));
    }
    let value = session.next_value(SequenceId(oid), &sequence.name)?;
    let mut state = exec.state.borrow_mut();
    state.sequence_values.insert(oid, value);
    state.last_sequence = Some(oid);
    Ok(value)
}

fn set_value(exec: &mut Exec, a: &[Value], is_called: bool) -> Result<Value> {
    let sequence = sequence_of(exec, &a[0])?;
    let session = exec.session()?;
    if session.transaction_options().read_only {
        return Err(DatabaseError::read_only_transaction("setval()"));
    }
    let value = i64_of(&a[1]);
    let (low, high) = (sequence.definition.minimum, sequence.definition.maximum);
    if !(low..=high).contains(&value) {
        let message = format!(
            "setval: value {value} is out of bounds for sequence \"{}\" ({low}..{high})",
            sequence.name
        );
        return Err(error(b"22003", message));
    }
    session.set_value(SequenceId(sequence.oid), value, is_called);
    if is_called {
        exec.state.borrow_mut().sequence_values.insert(sequence.oid, value);
    }
    Ok(Value::Int8(value))
}

fn serial_sequence(exec: &mut Exec, a: &[Value]) -> Result<Value> {
    use crate::sql::catalog::env::{Env, Found};
    let name = a[0].as_str().unwrap_or("");
    let parts = Env::split_name(name).unwrap_or_default();
    let found = match parts.as_slice() {
        [name] => exec.env.find_relation(None, name),
        [schema, name] => exec.env.find_relation(Some(schema), name),
        _ => None,
    };
    let Some(Found::User(Relation::Table(table))) = found else {
        return Err(error(b"42P01", format!("relation \"{name}\" does not exist")));
    };
    let column = a[1].as_str().unwrap_or("");
    let at = table.column(column).ok_or_else(|| {
        error(b"42703", format!("column \"{column}\" of relation \"{}\" does not exist", table.name))
    })?;
    let Some(sequence) = table.columns[at].sequence.and_then(|oid| exec.env.catalog.sequence(oid)) else {
        return Ok(Value::Null);
    };
    let schema = exec.env.catalog.schema_name(sequence.schema).cloned().unwrap_or_else(|| "public".into());
    let quote = crate::sql::catalog::env::quote_identifier;
    Ok(Value::text(format!("{}.{}", quote(&schema), quote(&sequence.name))))
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("nextval", &[REGCLASS], INT8, |exec, a| {
        let oid = sequence_of(exec, &a[0])?.oid;
        next_value(exec, oid).map(Value::Int8)
    })
    .volatile(),
    Function::scalar("currval", &[REGCLASS], INT8, |exec, a| {
        let sequence = sequence_of(exec, &a[0])?;
        let value = exec.state.borrow().sequence_values.get(&sequence.oid).copied();
        value.map(Value::Int8).ok_or_else(|| {
            let message =
                format!("currval of sequence \"{}\" is not yet defined in this session", sequence.name);
            error(b"55000", message)
        })
    })
    .volatile(),
    Function::scalar("lastval", &[], INT8, |exec, _| {
        let state = exec.state.borrow();
        let value = state.last_sequence.and_then(|oid| state.sequence_values.get(&oid).copied());
        value.map(Value::Int8).ok_or_else(|| error(b"55000", "lastval is not yet defined in this session"))
    })
    .volatile(),
    Function::scalar("setval", &[REGCLASS, INT8], INT8, |exec, a| set_value(exec, a, true)).volatile(),
    Function::scalar("setval", &[REGCLASS, INT8, BOOL], INT8, |exec, a| {
        let called = a[2].as_bool().unwrap_or(true);
        set_value(exec, a, called)
    })
    .volatile(),
    Function::scalar("pg_get_serial_sequence", &[TEXT, TEXT], TEXT, serial_sequence).stable(),
];
