//! Foreign keys: checks of children, actions on parents.
//!
//! Like PostgreSQL's triggers they run after the statement (or at commit when deferred), on the newest committed state
//! whatever the isolation level, and lock what they rely on: a child's check takes KEY SHARE on the parent's row.

use super::scan::layout;
use crate::engine::{
    DeleteOutcome, Direction, IndexId, KeyRange, LockRowOutcome, RowLockMode, Session, Snapshot, TableId,
    Tid, UpdateOutcome, WaitPolicy,
};
use crate::error::{DatabaseError, Result, SqlState};
use crate::sql::bind::dml::{column_default, generated_columns, row_checks};
use crate::sql::catalog::{Action, ForeignKey, Table};
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::value::text;
use crate::value::{Row, Value};
use std::sync::Arc;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Inserted.
    Insert,
    /// Updated.
    Update,
    /// Deleted.
    Delete,
}

/// A changed row whose foreign keys are to be looked after.
#[derive(Clone, Debug)]
pub struct Event {
    /// Table.
    pub table: Arc<Table>,
    /// What happened.
    pub kind: EventKind,
    /// The row before.
    pub old: Option<Row>,
    /// The row after.
    pub new: Option<Row>,
    /// Whether this transaction had written the row before. The check of an older change may have been skipped for what
    /// this one replaced, so it is made whether or not the key changed.
    pub rewrites_own: bool,
}

impl Event {
    /// A changed row.
    pub fn new(table: &Arc<Table>, kind: EventKind, old: Option<Row>, new: Option<Row>) -> Self {
        Self { table: table.clone(), kind, old, new, rewrites_own: false }
    }

    /// An updated row, whose old version is at `tid`.
    pub fn updated(table: &Arc<Table>, tid: Tid, old: Row, new: Row, session: &Session) -> Self {
        let rewrites_own = !table.foreign_keys.is_empty() && session.wrote(TableId(table.oid), tid);
        Self { rewrites_own, ..Self::new(table, EventKind::Update, Some(old), Some(new)) }
    }
}

/// A check put off to the end of the transaction.
#[derive(Clone, Debug)]
pub struct Deferred {
    /// The constraint.
    pub constraint: u32,
    /// Its table.
    pub child: u32,
    /// The table whose row changed.
    pub table: u32,
    /// The child's values, or the parent's old ones.
    pub values: Vec<Value>,
    /// Whether it is the parent's side.
    pub parent_side: bool,
}

fn values_of(row: &Row, columns: &[usize]) -> Vec<Value> {
    columns.iter().map(|at| row.get(*at).cloned().unwrap_or_default()).collect()
}

fn names(table: &Table, columns: &[usize]) -> String {
    columns.iter().map(|at| table.columns[*at].name.to_string()).collect::<Vec<_>>().join(", ")
}

fn shown(table: &Table, columns: &[usize], values: &[Value], exec: &Exec) -> String {
    let texts: Vec<String> = columns
        .iter()
        .zip(values)
        .map(|(at, value)| text::output(value, table.columns[*at].data_type.oid, exec.text()))
        .collect();
    texts.join(", ")
}

fn child_violation(child: &Table, key: &ForeignKey, values: &[Value], exec: &Exec) -> DatabaseError {
    let message = format!(
        "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
        child.name, key.name
    );
    let parent = exec.env.catalog.table(key.target).map_or("", |table| &*table.name);
    let detail = format!(
        "Key ({})=({}) is not present in table \"{parent}\".",
        names(child, &key.columns),
        shown(child, &key.columns, values, exec)
    );
    let schema = exec.env.catalog.schema_name(child.schema).map_or("public", |name| &**name);
    DatabaseError::new(SqlState::FOREIGN_KEY_VIOLATION, message)
        .with_detail(detail)
        .with_table(schema, &child.name)
        .with_constraint(&key.name)
}

fn parent_violation(
    parent: &Table,
    child: &Table,
    key: &ForeignKey,
    values: &[Value],
    exec: &Exec,
) -> DatabaseError {
    let message = format!(
        "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
        parent.name, key.name, child.name
    );
    let detail = format!(
        "Key ({})=({}) is still referenced from table \"{}\".",
        names(parent, &key.target_columns),
        shown(parent, &key.target_columns, values, exec),
        child.name
    );
    let schema = exec.env.catalog.schema_name(child.schema).map_or("public", |name| &**name);
    DatabaseError::new(SqlState::FOREIGN_KEY_VIOLATION, message)
        .with_detail(detail)
        .with_table(schema, &child.name)
        .with_constraint(&key.name)
}

/// The key in the order of the target's index.
fn index_key(parent: &Table, key: &ForeignKey, values: &[Value]) -> Vec<Value> {
    let index = parent.indexes.iter().find(|index| index.oid == key.target_index);
    let order = index
        .and_then(crate::sql::catalog::Index::plain_columns)
        .unwrap_or_else(|| key.target_columns.clone());
    order
        .iter()
        .filter_map(|column| key.target_columns.iter().position(|c| c == column))
        .map(|at| values[at].clone())
        .collect()
}

/// Checks that a child's values have their parent, and locks it.
async fn check_child(child: &Arc<Table>, key: &ForeignKey, values: &[Value], exec: &mut Exec) -> Result<()> {
    let Some(parent) = exec.env.catalog.table(key.target).cloned() else { return Ok(()) };
    let session = exec.session()?.clone();
    if values.iter().any(Value::is_null) {
        // PostgreSQL opens the parent before it looks for nulls.
        session.pass_table(TableId(parent.oid), crate::engine::LockMode::RowShare).await?;
        if key.match_full && !values.iter().all(Value::is_null) {
            let raised = child_violation(child, key, values, exec);
            return Err(
                raised.with_detail("MATCH FULL does not allow mixing of null and nonnull key values.")
            );
        }
        return Ok(());
    }
    session.lock_table(TableId(parent.oid), crate::engine::LockMode::RowShare, WaitPolicy::Wait).await?;
    let lookup = index_key(&parent, key, values);
    loop {
        let snapshot = session.latest_snapshot();
        let Some((tid, _)) = session.index_lookup(IndexId(key.target_index), &lookup, &snapshot)? else {
            return Err(child_violation(child, key, values, exec));
        };
        match session
            .lock_row(TableId(parent.oid), tid, RowLockMode::KeyShare, WaitPolicy::Wait, &snapshot)
            .await?
        {
            LockRowOutcome::Locked | LockRowOutcome::SelfModified | LockRowOutcome::Skipped => return Ok(()),
            LockRowOutcome::Changed { row, .. } => {
                if values_of(&row, &key.target_columns) == values {
                    return Ok(());
                }
            }
            LockRowOutcome::Deleted => {}
        }
        // It changed while we waited: look again.
    }
}

/// The children that hold values, as they are now.
async fn children(
    child: &Arc<Table>,
    key: &ForeignKey,
    values: &[Value],
    snapshot: &Snapshot,
    exec: &mut Exec,
) -> Result<Vec<(Tid, Row)>> {
    let session = exec.session()?.clone();
    session.lock_table(TableId(child.oid), crate::engine::LockMode::RowShare, WaitPolicy::Wait).await?;
    let mut found = Vec::new();
    // An index whose first column is the key's first serves; a scan otherwise.
    let index = child.indexes.iter().find(|index| {
        index.predicate.is_none()
            && index.plain_columns().is_some_and(|columns| {
                columns.len() >= key.columns.len()
                    && columns[..key.columns.len()].iter().all(|c| key.columns.contains(c))
            })
    });
    let holds = |row: &Row| {
        key.columns.iter().zip(values).all(|(at, value)| row.get(*at).is_some_and(|v| v == value))
    };
    match index {
        Some(index) => {
            let order = index.plain_columns().unwrap_or_default();
            let prefix = order[..key.columns.len()]
                .iter()
                .filter_map(|column| key.columns.iter().position(|c| c == column))
                .map(|at| values[at].clone())
                .collect();
            let mut scan = session.index_scan(
                IndexId(index.oid),
                KeyRange::equal(prefix),
                Direction::Forward,
                snapshot,
            )?;
            while let Some((tid, row)) = scan.next()? {
                if holds(&row) {
                    found.push((tid, layout(child, &[], tid, row)));
                }
            }
        }
        None => {
            let mut scan = session.table_scan(TableId(child.oid), snapshot)?;
            while let Some((tid, row)) = scan.next()? {
                exec.tick()?;
                let row = layout(child, &[], tid, row);
                if holds(&row) {
                    found.push((tid, row));
                }
            }
        }
    }
    Ok(found)
}

/// Refuses the change of a parent that still has children.
async fn refuse(
    parent: &Arc<Table>,
    child: &Arc<Table>,
    key: &ForeignKey,
    values: &[Value],
    exec: &mut Exec,
) -> Result<()> {
    let session = exec.session()?.clone();
    if key.on_delete != Action::Restrict || key.on_update != Action::Restrict {
        // Another row may have taken the key over.
        let snapshot = session.latest_snapshot();
        let lookup = index_key(parent, key, values);
        if session.index_lookup(IndexId(key.target_index), &lookup, &snapshot)?.is_some() {
            return Ok(());
        }
    }
    loop {
        let snapshot = session.latest_snapshot();
        let found = children(child, key, values, &snapshot, exec).await?;
        let Some((tid, _)) = found.first() else { return Ok(()) };
        match session
            .lock_row(TableId(child.oid), *tid, RowLockMode::KeyShare, WaitPolicy::Wait, &snapshot)
            .await?
        {
            LockRowOutcome::Deleted => {}
            LockRowOutcome::Changed { row, .. } if values_of(&row, &key.columns) != values => {}
            _ => return Err(parent_violation(parent, child, key, values, exec)),
        }
    }
}

/// Carries an action out on the children.
async fn act(
    parent: &Arc<Table>,
    child: &Arc<Table>,
    key: &ForeignKey,
    values: &[Value],
    event: &Event,
    action: Action,
    exec: &mut Exec,
) -> Result<()> {
    let session = exec.session()?.clone();
    session.lock_table(TableId(child.oid), crate::engine::LockMode::RowExclusive, WaitPolicy::Wait).await?;
    // What an action before this one did to the same children is to be seen.
    session.advance_command();
    let keeps = session.transaction_options().isolation.keeps_snapshot();
    let snapshot = session.latest_snapshot();
    let found = children(child, key, values, &snapshot, exec).await?;
    let checks = row_checks(child, &exec.env)?;
    let generated = generated_columns(child, &exec.env)?;
    for (tid, row) in found {
        if keeps {
            // At the upper levels a child that the transaction's snapshot cannot see is a conflict.
            let visible = match exec.snapshot() {
                Ok(own) => session.fetch(TableId(child.oid), tid, own)?.is_some(),
                Err(_) => true,
            };
            let own_work = session.fetch(TableId(child.oid), tid, &snapshot)?.is_some() && visible;
            if !own_work {
                return Err(DatabaseError::concurrent_update());
            }
        }
        let mut tid = tid;
        let mut old = row;
        loop {
            if event.kind == EventKind::Delete && action == Action::Cascade {
                match session.delete(TableId(child.oid), tid, &snapshot).await? {
                    DeleteOutcome::Done => {
                        exec.triggers.push(Event::new(child, EventKind::Delete, Some(old), None));
                        break;
                    }
                    DeleteOutcome::Changed { tid: newest, row }
                        if values_of(&row, &key.columns) == values =>
                    {
                        tid = newest;
                        old = row;
                        continue;
                    }
                    _ => break,
                }
            }
            let mut changed = old.to_vec();
            for (index, at) in key.columns.iter().enumerate() {
                changed[*at] = match action {
                    Action::Cascade => {
                        event.new.as_ref().map_or(Value::Null, |new| new[key.target_columns[index]].clone())
                    }
                    Action::SetDefault => {
                        let default = column_default(child, *at, &exec.env)?;
                        crate::sql::eval::eval(&default, &[], exec)?
                    }
                    _ => Value::Null,
                };
            }
            let shape: Row = changed.clone().into();
            for assignment in &generated {
                changed[assignment.column] = assignment.value.value(&shape, exec).await?;
            }
            let new: Row = changed.into();
            super::change::check_row(child, &new, &checks, exec).await?;
            match session.update(TableId(child.oid), tid, new.clone(), &snapshot).await? {
                UpdateOutcome::Updated(_) => {
                    exec.triggers.push(Event::updated(child, tid, old, new, &session));
                    break;
                }
                UpdateOutcome::Changed { tid: newest, row } if values_of(&row, &key.columns) == values => {
                    tid = newest;
                    old = row;
                }
                _ => break,
            }
        }
    }
    let _ = parent;
    Ok(())
}

/// Whether a constraint is put off, by its own declaration and `SET CONSTRAINTS`.
pub fn is_deferred(key: &ForeignKey, overrides: &dyn Fn(u32) -> Option<bool>) -> bool {
    match key.deferrable {
        None => false,
        Some(initially) => overrides(key.oid).unwrap_or(initially),
    }
}

/// Looks after the foreign keys of the rows that the statement changed; cascades run until nothing is left. What is to be
/// checked later is answered.
///
/// # Errors
///
/// 23503 and those of the actions.
pub async fn run_events(exec: &mut Exec, overrides: &dyn Fn(u32) -> Option<bool>) -> Result<Vec<Deferred>> {
    let mut deferred = Vec::new();
    while !exec.triggers.is_empty() {
        let events = std::mem::take(&mut exec.triggers);
        exec.session()?.advance_command();
        for event in events {
            run_event(&event, exec, overrides, &mut deferred).await?;
        }
    }
    Ok(deferred)
}

async fn run_event(
    event: &Event,
    exec: &mut Exec,
    overrides: &dyn Fn(u32) -> Option<bool>,
    deferred: &mut Vec<Deferred>,
) -> Result<()> {
    let table = exec.env.catalog.table(event.table.oid).cloned().unwrap_or_else(|| event.table.clone());
    if let Some(new) = &event.new {
        for key in &table.foreign_keys {
            let values = values_of(new, &key.columns);
            let is_free = if key.match_full {
                values.iter().all(Value::is_null)
            } else {
                values.iter().any(Value::is_null)
            };
            if event.old.is_some() && is_free {
                continue;
            }
            if let Some(old) = &event.old
                && !event.rewrites_own
                && values_of(old, &key.columns) == values
            {
                continue;
            }
            if is_deferred(key, overrides) {
                deferred.push(Deferred {
                    constraint: key.oid,
                    child: table.oid,
                    table: table.oid,
                    values,
                    parent_side: false,
                });
            } else {
                check_child(&table, key, &values, exec).await?;
            }
        }
    }
    if let Some(old) = &event.old {
        let references: Vec<(Arc<Table>, usize)> = exec.env.catalog.referencing(table.oid).to_vec();
        for (child, at) in references {
            let key = child.foreign_keys[at].clone();
            let values = values_of(old, &key.target_columns);
            if values.iter().any(Value::is_null) {
                continue;
            }
            if let Some(new) = &event.new
                && values_of(new, &key.target_columns) == values
            {
                continue;
            }
            let action = if event.kind == EventKind::Delete { key.on_delete } else { key.on_update };
            match action {
                Action::NoAction if is_deferred(&key, overrides) => {
                    deferred.push(Deferred {
                        constraint: key.oid,
                        child: child.oid,
                        table: table.oid,
                        values,
                        parent_side: true,
                    });
                }
                Action::NoAction | Action::Restrict => refuse(&table, &child, &key, &values, exec).await?,
                _ => act(&table, &child, &key, &values, event, action, exec).await?,
            }
        }
    }
    Ok(())
}

/// Runs a check that was put off. Rows that are gone meanwhile need none.
///
/// # Errors
///
/// 23503.
pub async fn run_deferred(check: &Deferred, exec: &mut Exec) -> Result<()> {
    let Some(child) = exec.env.catalog.table(check.child).cloned() else { return Ok(()) };
    let Some(key) = child.foreign_keys.iter().find(|key| key.oid == check.constraint).cloned() else {
        return Ok(());
    };
    if check.parent_side {
        let Some(parent) = exec.env.catalog.table(key.target).cloned() else { return Ok(()) };
        return refuse(&parent, &child, &key, &check.values, exec).await;
    }
    let snapshot = exec.session()?.latest_snapshot();
    if children(&child, &key, &check.values, &snapshot, exec).await?.is_empty() {
        return Ok(());
    }
    check_child(&child, &key, &check.values, exec).await
}

/// Checks all rows of a table against a new foreign key.
///
/// # Errors
///
/// 23503.
pub async fn check_all(child: &Arc<Table>, key: &ForeignKey, exec: &mut Exec) -> Result<()> {
    let session = exec.session()?.clone();
    let snapshot = session.latest_snapshot();
    let Some(parent) = exec.env.catalog.table(key.target).cloned() else {
        return Err(error(b"42P01", "the referenced table does not exist"));
    };
    let mut scan = session.table_scan(TableId(child.oid), &snapshot)?;
    while let Some((tid, row)) = scan.next()? {
        let row = layout(child, &[], tid, row);
        let values = values_of(&row, &key.columns);
        if values.iter().any(Value::is_null) {
            continue;
        }
        let lookup = index_key(&parent, key, &values);
        if session.index_lookup(IndexId(key.target_index), &lookup, &snapshot)?.is_none() {
            return Err(child_violation(child, key, &values, exec));
        }
    }
    Ok(())
}
