//! `INSERT`, `UPDATE`, `DELETE` and row locks: the statements that wait.
//!
//! When another transaction changed a row meanwhile (read committed), the engine answers with the row's newest version,
//! locked: the condition is tested again over it, with everything else of the joined row as the snapshot saw it.

use super::foreign_key::{Event, EventKind};
use super::node::Node;
use super::scan::{layout, place_of};
use crate::engine::{
    ConflictAction, DeleteOutcome, InsertOutcome, LockConflictOutcome, LockRowOutcome, RowLockMode, TableId,
    Tid, UpdateOutcome,
};
use crate::error::{DatabaseError, Result, SqlState};
use crate::sql::catalog::Table;
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::expr::Scalar;
use crate::sql::parse::LockStrength;
use crate::sql::plan::{Assignment, ColumnSource, LockTarget, Modify, OnConflict, RowChecks, SystemColumn};
use crate::value::text::{self, TypeCatalog};
use crate::value::{Row, Value};
use std::sync::Arc;

/// The engine's mode of a lock strength.
pub fn row_lock_mode(strength: LockStrength) -> RowLockMode {
    match strength {
        LockStrength::KeyShare => RowLockMode::KeyShare,
        LockStrength::Share => RowLockMode::Share,
        LockStrength::NoKeyUpdate => RowLockMode::NoKeyUpdate,
        LockStrength::Update => RowLockMode::Update,
    }
}

/// Puts a new version of one table's row into a joined row.
fn replace(joined: &Row, table: &Table, start: usize, extra: &[SystemColumn], tid: Tid, row: Row) -> Row {
    let fresh = layout(table, extra, tid, row);
    let mut values = joined.to_vec();
    values[start..start + fresh.len()].clone_from_slice(&fresh);
    values.into()
}

/// Locks the rows that a joined row is made of; `None` when it is to be left out.
///
/// # Errors
///
/// 55P03, 40001, 40P01, 57014.
pub async fn lock_row(
    row: Row,
    targets: &[LockTarget],
    recheck: Option<&Scalar>,
    exec: &mut Exec,
) -> Result<Option<Row>> {
    let mut row = row;
    let mut changed = false;
    for target in targets {
        let Some(tid) = place_of(&row[target.place]) else { continue };
        let session = exec.session()?.clone();
        let snapshot = exec.snapshot()?.clone();
        let table = TableId(target.table.oid);
        match session.lock_row(table, tid, row_lock_mode(target.strength), target.policy, &snapshot).await? {
            LockRowOutcome::Locked => {}
            LockRowOutcome::Changed { tid, row: newest } => {
                row = replace(&row, &target.table, target.start, &target.extra, tid, newest);
                changed = true;
            }
            LockRowOutcome::Deleted | LockRowOutcome::Skipped | LockRowOutcome::SelfModified => {
                return Ok(None);
            }
        }
    }
    if changed
        && let Some(recheck) = recheck
        && !recheck.holds(&row, exec).await?
    {
        return Ok(None);
    }
    Ok(Some(row))
}

fn failing_row(table: &Table, row: &[Value], exec: &Exec) -> String {
    let shown: Vec<String> = table
        .live_columns()
        .map(|(at, column)| match &row[at] {
            Value::Null => "null".to_owned(),
            value => {
                let text = text::output(value, column.data_type.oid, exec.text());
                if text.chars().count() > 64 {
                    text.chars().take(64).collect::<String>() + "..."
                } else {
                    text
                }
            }
        })
        .collect();
    format!("Failing row contains ({}).", shown.join(", "))
}

fn schema_of(table: &Table, exec: &Exec) -> String {
    exec.env.catalog.schema_name(table.schema).map_or_else(|| "public".to_owned(), ToString::to_string)
}

/// Checks a new row: `NOT NULL`, then checks by name.
///
/// # Errors
///
/// 23502, 23514.
pub async fn check_row(table: &Table, row: &Row, checks: &RowChecks, exec: &mut Exec) -> Result<()> {
    for (at, column) in table.live_columns() {
        if column.not_null && row[at].is_null() {
            let message = format!(
                "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                column.name, table.name
            );
            return Err(DatabaseError::new(SqlState::NOT_NULL_VIOLATION, message)
                .with_detail(failing_row(table, row, exec))
                .with_table(&schema_of(table, exec), &table.name)
                .with_column(&column.name));
        }
    }
    for (name, check) in &checks.checks {
        if matches!(crate::sql::eval::eval_async(&check.expr, row, exec).await?, Value::Bool(false)) {
            let message =
                format!("new row for relation \"{}\" violates check constraint \"{name}\"", table.name);
            return Err(DatabaseError::new(SqlState::CHECK_VIOLATION, message)
                .with_detail(failing_row(table, row, exec))
                .with_table(&schema_of(table, exec), &table.name)
                .with_constraint(name));
        }
    }
    for (at, type_oid) in &checks.domains {
        exec.env.check_domain(*type_oid, &row[*at])?;
    }
    Ok(())
}

/// Adds table and schema to a unique violation, which the engine knows by its constraint alone.
fn named(raised: DatabaseError, table: &Table, exec: &Exec) -> DatabaseError {
    if raised.constraint.is_some() && raised.table.is_none() {
        return raised.with_table(&schema_of(table, exec), &table.name);
    }
    raised
}

async fn generate(values: &mut [Value], generated: &[Assignment], exec: &mut Exec) -> Result<()> {
    if generated.is_empty() {
        return Ok(());
    }
    let row: Row = values.to_vec().into();
    for assignment in generated {
        values[assignment.column] = assignment.value.value(&row, exec).await?;
    }
    Ok(())
}

async fn project(exprs: &[Scalar], row: &Row, exec: &mut Exec) -> Result<Row> {
    let mut values = Vec::with_capacity(exprs.len());
    for expr in exprs {
        values.push(expr.value(row, exec).await?);
    }
    Ok(values.into())
}

/// Runs a change: how many rows it affected, and the rows of `RETURNING`.
///
/// # Errors
///
/// Those of the constraints, of the expressions, of waiting.
pub async fn run_change(modify: &Modify, exec: &mut Exec) -> Result<(u64, Vec<Row>)> {
    let (count, rows) = match modify {
        Modify::Insert { .. } => insert(modify, exec).await?,
        Modify::Update { .. } => update(modify, exec).await?,
        Modify::Delete { .. } => delete(modify, exec).await?,
    };
    exec.affected = count;
    Ok((count, rows))
}

async fn insert(modify: &Modify, exec: &mut Exec) -> Result<(u64, Vec<Row>)> {
    let Modify::Insert { table, source, columns, generated, on_conflict, returning, checks } = modify else {
        return Err(DatabaseError::internal("an insert that is none"));
    };
    let session = exec.session()?.clone();
    let id = TableId(table.oid);
    let empty: Row = Arc::from([]);
    let mut input = Node::new(source, exec)?;
    let (mut count, mut rows) = (0, Vec::new());
    // A source that reads the table must not see what is being inserted: its snapshot does not.
    while let Some(given) = input.next(exec).await? {
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            values.push(match column {
                ColumnSource::Slot(slot) => given[*slot].clone(),
                ColumnSource::Expression(expr) => expr.value(&empty, exec).await?,
            });
        }
        generate(&mut values, generated, exec).await?;
        let row: Row = values.into();
        check_row(table, &row, checks, exec).await?;
        let stored = match on_conflict {
            None => {
                let tid =
                    session.insert(id, row.clone()).await.map_err(|raised| named(raised, table, exec))?;
                exec.triggers.push(Event::new(table, EventKind::Insert, None, Some(row.clone())));
                Some((tid, row))
            }
            Some(clause) => insert_or_conflict(table, row, clause, generated, checks, exec).await?,
        };
        if let Some((tid, row)) = stored {
            count += 1;
            if let Some(returning) = returning {
                let row = layout(table, &[SystemColumn::Place], tid, row);
                rows.push(project(returning, &row, exec).await?);
            }
        }
    }
    Ok((count, rows))
}

async fn insert_or_conflict(
    table: &Arc<Table>,
    row: Row,
    clause: &OnConflict,
    generated: &[Assignment],
    checks: &RowChecks,
    exec: &mut Exec,
) -> Result<Option<(Tid, Row)>> {
    let session = exec.session()?.clone();
    let snapshot = exec.snapshot()?.clone();
    let id = TableId(table.oid);
    let action = if clause.update.is_some() { ConflictAction::Update } else { ConflictAction::Nothing };
    loop {
        let outcome = session.insert_or_conflict(id, row.clone(), &clause.arbiters, action, &snapshot).await;
        let tid = match outcome.map_err(|raised| named(raised, table, exec))? {
            InsertOutcome::Inserted(tid) => {
                exec.triggers.push(Event::new(table, EventKind::Insert, None, Some(row.clone())));
                return Ok(Some((tid, row)));
            }
            InsertOutcome::Conflict(tid) => tid,
        };
        let Some((assignments, filter)) = &clause.update else { return Ok(None) };
        let mode = row_lock_mode(clause.strength);
        let existing = match session.lock_conflict(id, tid, mode, &snapshot).await? {
            LockConflictOutcome::Locked(existing) => existing,
            LockConflictOutcome::Retry => continue,
        };
        let old = layout(table, &[], tid, existing);
        let mut both = old.to_vec();
        both.push(super::scan::place_value(tid));
        both.extend(row.iter().cloned());
        both.push(Value::Null);
        let both: Row = both.into();
        if let Some(filter) = filter
            && !filter.holds(&both, exec).await?
        {
            return Ok(None);
        }
        let mut values = old.to_vec();
        for assignment in assignments {
            values[assignment.column] = assignment.value.value(&both, exec).await?;
        }
        generate(&mut values, generated, exec).await?;
        let new: Row = values.into();
        check_row(table, &new, checks, exec).await?;
        let outcome = session
            .update(id, tid, new.clone(), &snapshot)
            .await
            .map_err(|raised| named(raised, table, exec))?;
        match outcome {
            UpdateOutcome::Updated(now) => {
                exec.triggers.push(Event::updated(table, tid, old, new.clone(), &session));
                return Ok(Some((now, new)));
            }
            UpdateOutcome::SelfModified => {
                let message = "ON CONFLICT DO UPDATE command cannot affect row a second time";
                return Err(error(b"21000", message).with_hint(
                    "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
                ));
            }
            UpdateOutcome::Changed { .. } | UpdateOutcome::Deleted => {}
        }
    }
}

async fn update(modify: &Modify, exec: &mut Exec) -> Result<(u64, Vec<Row>)> {
    let Modify::Update { table, source, place, assignments, generated, recheck, returning, checks, .. } =
        modify
    else {
        return Err(DatabaseError::internal("an update that is none"));
    };
    let session = exec.session()?.clone();
    let snapshot = exec.snapshot()?.clone();
    let id = TableId(table.oid);
    let width = table.columns.len();
    let mut input = Node::new(source, exec)?;
    let (mut count, mut rows) = (0, Vec::new());
    'rows: while let Some(given) = input.next(exec).await? {
        let mut joined = given;
        let Some(mut tid) = place_of(&joined[*place]) else { continue };
        loop {
            let mut values = joined[..width].to_vec();
            for assignment in assignments {
                values[assignment.column] = assignment.value.value(&joined, exec).await?;
            }
            generate(&mut values, generated, exec).await?;
            let new: Row = values.into();
            check_row(table, &new, checks, exec).await?;
            let outcome = session
                .update(id, tid, new.clone(), &snapshot)
                .await
                .map_err(|raised| named(raised, table, exec))?;
            match outcome {
                UpdateOutcome::Updated(now) => {
                    count += 1;
                    let old: Row = joined[..width].into();
                    exec.triggers.push(Event::updated(table, tid, old, new.clone(), &session));
                    if let Some(returning) = returning {
                        let shown = replace(&joined, table, 0, &[SystemColumn::Place], now, new);
                        rows.push(project(returning, &shown, exec).await?);
                    }
                    continue 'rows;
                }
                UpdateOutcome::Changed { tid: newest, row } => {
                    joined = replace(&joined, table, 0, &[SystemColumn::Place], newest, row);
                    tid = newest;
                    if let Some(recheck) = recheck
                        && !recheck.holds(&joined, exec).await?
                    {
                        continue 'rows;
                    }
                }
                UpdateOutcome::Deleted | UpdateOutcome::SelfModified => continue 'rows,
            }
        }
    }
    Ok((count, rows))
}

async fn delete(modify: &Modify, exec: &mut Exec) -> Result<(u64, Vec<Row>)> {
    let Modify::Delete { table, source, place, recheck, returning } = modify else {
        return Err(DatabaseError::internal("a delete that is none"));
    };
    let session = exec.session()?.clone();
    let snapshot = exec.snapshot()?.clone();
    let id = TableId(table.oid);
    let width = table.columns.len();
    let mut input = Node::new(source, exec)?;
    let (mut count, mut rows) = (0, Vec::new());
    'rows: while let Some(given) = input.next(exec).await? {
        let mut joined = given;
        let Some(mut tid) = place_of(&joined[*place]) else { continue };
        loop {
            match session.delete(id, tid, &snapshot).await? {
                DeleteOutcome::Done => {
                    count += 1;
                    let old: Row = joined[..width].into();
                    exec.triggers.push(Event::new(table, EventKind::Delete, Some(old), None));
                    if let Some(returning) = returning {
                        rows.push(project(returning, &joined, exec).await?);
                    }
                    continue 'rows;
                }
                DeleteOutcome::Changed { tid: newest, row } => {
                    joined = replace(&joined, table, 0, &[SystemColumn::Place], newest, row);
                    tid = newest;
                    if let Some(recheck) = recheck
                        && !recheck.holds(&joined, exec).await?
                    {
                        continue 'rows;
                    }
                }
                DeleteOutcome::Deleted | DeleteOutcome::SelfModified => continue 'rows,
            }
        }
    }
    Ok((count, rows))
}
