//! Adding constraints: checks, keys, foreign keys, with PostgreSQL's names.

use super::super::bind::bind_over_table;
use super::super::bind::types::fold;
use super::super::catalog::env::Found;
use super::super::catalog::{Action, ForeignKey, Index, IndexPart, Relation, Table};
use super::super::connection::Connection;
use super::super::error::{error, error_at_ident};
use super::super::exec::foreign_key;
use super::create::{Pending, PendingKind, deferral, make_check};
use super::guard::Guard;
use crate::engine::{KeyOrder, LockMode, TableId, WaitPolicy};
use crate::error::{DatabaseError, Result, SqlState};
use crate::value::text::TypeCatalog;
use crate::value::{Oid, Value};
use sqlparser::ast;
use std::sync::Arc;

fn action(given: Option<ast::ReferentialAction>) -> Action {
    match given {
        None | Some(ast::ReferentialAction::NoAction) => Action::NoAction,
        Some(ast::ReferentialAction::Restrict) => Action::Restrict,
        Some(ast::ReferentialAction::Cascade) => Action::Cascade,
        Some(ast::ReferentialAction::SetNull) => Action::SetNull,
        Some(ast::ReferentialAction::SetDefault) => Action::SetDefault,
    }
}

impl Connection {
    /// Adds a constraint to a table. `check_rows`: existing rows are checked.
    pub(super) async fn add_constraint(
        &mut self,
        table_oid: Oid,
        pending: Pending,
        check_rows: bool,
        new_table: bool,
    ) -> Result<()> {
        let table = self.table_now(table_oid)?;
        if let Some(name) = &pending.name
            && table.has_constraint(name)
        {
            let message = format!("constraint \"{name}\" for relation \"{}\" already exists", table.name);
            return Err(error(b"42710", message));
        }
        match pending.constraint {
            PendingKind::Check(expr) => {
                self.add_check(table, pending.name, pending.column, expr, check_rows && !new_table).await
            }
            PendingKind::Key { primary, columns, deferrable, nulls_not_distinct } => {
                self.add_key(table, pending.name, primary, &columns, deferrable, nulls_not_distinct).await
            }
            PendingKind::Foreign(key) => {
                self.add_foreign_key(table, pending.name, &key, check_rows && !new_table).await
            }
        }
    }

    async fn add_check(
        &mut self,
        mut table: Table,
        name: Option<String>,
        column: Option<usize>,
        expr: ast::Expr,
        check_rows: bool,
    ) -> Result<()> {
        let env = self.env();
        let shared = Arc::new(table.clone());
        let bound = bind_over_table(&expr, &shared, &env)?;
        if bound.data_type.oid != crate::value::oid::BOOL && bound.data_type.oid != crate::value::oid::UNKNOWN
        {
            let message = format!(
                "argument of CHECK must be type boolean, not type {}",
                env.type_name(bound.data_type.oid)
            );
            return Err(error(b"42804", message));
        }
        let name: Arc<str> = match name {
            Some(name) => name.into(),
            None => {
                // A check on one column is named after it.
                let mut columns = Vec::new();
                bound.expr.columns(&mut columns);
                columns.sort_unstable();
                columns.dedup();
                let base = match (columns.as_slice(), column) {
                    ([only], _) => format!("{}_{}_check", table.name, table.columns[*only].name),
                    (_, Some(at)) if columns.is_empty() => {
                        let _ = at;
                        format!("{}_check", table.name)
                    }
                    _ => format!("{}_check", table.name),
                };
                let mut number = 0;
                loop {
                    let candidate = if number == 0 { base.clone() } else { format!("{base}{number}") };
                    if !table.has_constraint(&candidate) {
                        break candidate.into();
                    }
                    number += 1;
                }
            }
        };
        if check_rows {
            let snapshot = self.session.latest_snapshot();
            let mut exec = self.exec(Some(snapshot.clone()), env);
            let mut scan = self.session.table_scan(TableId(table.oid), &snapshot)?;
            while let Some((tid, row)) = scan.next()? {
                let row = super::super::exec::scan::layout(&table, &[], tid, row);
                if matches!(
                    super::super::eval::eval_async(&bound.expr, &row, &mut exec).await?,
                    Value::Bool(false)
                ) {
                    let message = format!(
                        "check constraint \"{name}\" of relation \"{}\" is violated by some row",
                        table.name
                    );
                    return Err(DatabaseError::new(SqlState::CHECK_VIOLATION, message)
                        .with_table("public", &table.name)
                        .with_constraint(&name));
                }
            }
        }
        let oid = self.session.engine().next_oid();
        table.checks.push(make_check(oid, name, expr, true));
        self.put_table(table);
        Ok(())
    }

    async fn add_key(
        &mut self,
        mut table: Table,
        name: Option<String>,
        primary: bool,
        columns: &[String],
        deferrable: Option<bool>,
        nulls_not_distinct: bool,
    ) -> Result<()> {
        if primary && table.primary_key().is_some() {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
            return Err(error(b"42P16", message));
        }
        let mut places = Vec::new();
        for column in columns {
            let at = table
                .column(column)
                .ok_or_else(|| error(b"42703", format!("column \"{column}\" named in key does not exist")))?;
            if places.contains(&at) {
                let what = if primary { "primary key" } else { "unique" };
                return Err(error(
                    b"42701",
                    format!("column \"{column}\" appears twice in {what} constraint"),
                ));
            }
            places.push(at);
        }
        if primary {
            for at in &places {
                if !table.columns[*at].not_null {
                    self.check_not_null(&table, *at)?;
                    table.columns[*at].not_null = true;
                }
            }
        }
        let base = match (&name, primary) {
            (Some(name), _) => name.clone(),
            (None, true) => format!("{}_pkey", table.name),
            (None, false) => format!("{}_{}_key", table.name, columns.join("_")),
        };
        let index_name: Arc<str> = if name.is_some() {
            if !self.claim_name(table.schema, &base, Guard::Relation).await? {
                return Err(error(b"42P07", format!("relation \"{base}\" already exists")));
            }
            base.into()
        } else {
            self.free_name(table.schema, &base, &|_| false)
        };
        let engine = self.session.engine();
        let index = Index {
            oid: engine.next_oid(),
            name: index_name,
            order: vec![KeyOrder::default(); places.len()],
            parts: places.into_iter().map(IndexPart::Column).collect(),
            include: Vec::new(),
            unique: true,
            primary,
            predicate: None,
            constraint: Some(engine.next_oid()),
            deferrable,
            nulls_not_distinct,
            method: "btree".into(),
        };
        self.build_index(&mut table, index)?;
        self.put_table(table);
        Ok(())
    }

    /// Checks that no row has `NULL` in a column.
    pub(super) fn check_not_null(&mut self, table: &Table, at: usize) -> Result<()> {
        let snapshot = self.session.latest_snapshot();
        let mut scan = self.session.table_scan(TableId(table.oid), &snapshot)?;
        while let Some((tid, row)) = scan.next()? {
            let row = super::super::exec::scan::layout(table, &[], tid, row);
            if row[at].is_null() {
                let column = &table.columns[at].name;
                let message =
                    format!("column \"{column}\" of relation \"{}\" contains null values", table.name);
                return Err(DatabaseError::new(SqlState::NOT_NULL_VIOLATION, message)
                    .with_table("public", &table.name)
                    .with_column(column));
            }
        }
        Ok(())
    }

    async fn add_foreign_key(
        &mut self,
        mut table: Table,
        name: Option<String>,
        key: &ast::ForeignKeyConstraint,
        check_rows: bool,
    ) -> Result<()> {
        let (schema, target_name, ident) = super::super::bind::types::qualified(&key.foreign_table)?;
        let missing =
            || error_at_ident(ident, b"42P01", format!("relation \"{target_name}\" does not exist"));
        let env = self.env();
        let target = match env.find_relation(schema.as_deref(), &target_name).ok_or_else(missing)? {
            Found::User(Relation::Table(target)) => target,
            _ => {
                return Err(error(b"42809", format!("referenced relation \"{target_name}\" is not a table")));
            }
        };
        self.session.lock_table(TableId(target.oid), LockMode::ShareRowExclusive, WaitPolicy::Wait).await?;
        let mut columns = Vec::new();
        for ident in &key.columns {
            let column = fold(ident);
            columns.push(table.column(&column).ok_or_else(|| {
                let message =
                    format!("column \"{column}\" referenced in foreign key constraint does not exist");
                error(b"42703", message)
            })?);
        }
        let target_columns: Vec<usize> = if key.referred_columns.is_empty() {
            let primary = target.primary_key().and_then(Index::plain_columns);
            primary.ok_or_else(|| {
                error(b"42704", format!("there is no primary key for referenced table \"{target_name}\""))
            })?
        } else {
            let mut places = Vec::new();
            for ident in &key.referred_columns {
                let column = fold(ident);
                places.push(target.column(&column).ok_or_else(|| {
                    let message =
                        format!("column \"{column}\" referenced in foreign key constraint does not exist");
                    error(b"42703", message)
                })?);
            }
            places
        };
        if columns.len() != target_columns.len() {
            return Err(error(
                b"42830",
                "number of referencing and referenced columns for foreign key disagree",
            ));
        }
        let mut wanted = target_columns.clone();
        wanted.sort_unstable();
        let index = target.indexes.iter().find(|index| {
            let mut own = index.plain_columns().unwrap_or_default();
            own.sort_unstable();
            index.unique && index.predicate.is_none() && own == wanted
        });
        let target_index = index.map(|index| index.oid).ok_or_else(|| {
            let message = format!(
                "there is no unique constraint matching given keys for referenced table \"{target_name}\""
            );
            error(b"42830", message)
        })?;
        for (at, target_at) in columns.iter().zip(&target_columns) {
            let (own, other) = (table.columns[*at].data_type.oid, target.columns[*target_at].data_type.oid);
            let types = [
                env.base_type(crate::value::DataType::of(other)).oid,
                env.base_type(crate::value::DataType::of(own)).oid,
            ];
            let functions = super::super::function::named("=");
            if !matches!(
                super::super::bind::resolve::choose_operator(functions, &types, &env),
                super::super::bind::resolve::Resolution::Found { .. }
            ) {
                let shown = name
                    .clone()
                    .unwrap_or_else(|| format!("{}_{}_fkey", table.name, table.columns[*at].name));
                let detail = format!(
                    "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
                    table.columns[*at].name,
                    target.columns[*target_at].name,
                    env.type_name(own),
                    env.type_name(other)
                );
                let message = format!("foreign key constraint \"{shown}\" cannot be implemented");
                return Err(error(b"42804", message).with_detail(detail));
            }
        }
        let name: Arc<str> = match name {
            Some(name) => name.into(),
            None => {
                let names: Vec<String> =
                    columns.iter().map(|at| table.columns[*at].name.to_string()).collect();
                let base = format!("{}_{}_fkey", table.name, names.join("_"));
                let mut number = 0;
                loop {
                    let candidate =
                        super::shorten(&if number == 0 { base.clone() } else { format!("{base}{number}") });
                    if !table.has_constraint(&candidate) {
                        break candidate.into();
                    }
                    number += 1;
                }
            }
        };
        let foreign = ForeignKey {
            oid: self.session.engine().next_oid(),
            name,
            columns,
            target: target.oid,
            target_columns,
            target_index,
            on_delete: action(key.on_delete),
            on_update: action(key.on_update),
            match_full: matches!(key.match_kind, Some(ast::ConstraintReferenceMatchKind::Full)),
            deferrable: deferral(key.characteristics.as_ref()),
            validated: check_rows,
        };
        if check_rows {
            let env = self.env();
            let mut exec = self.exec(None, env);
            foreign_key::check_all(&Arc::new(table.clone()), &foreign, &mut exec).await?;
        }
        table.foreign_keys.push(foreign);
        self.put_table(table);
        Ok(())
    }
}
