//! `ALTER`.

use super::super::bind::dml::column_default;
use super::super::bind::types::{fold, qualified, resolve};
use super::super::bind::{Binder, bind_default, bind_over_table};
use super::super::cast::{CastContext, find};
use super::super::catalog::{Relation, StoredExpr, TypeBody, View, store};
use super::super::connection::Connection;
use super::super::error::{error, error_at_ident, unsupported};
use super::super::eval::eval;
use super::super::exec::scan::layout;
use super::super::parse::{AlterKind, DropKind, Name};
use super::create::read_constraint;
use super::guard::Guard;
use super::index::engine_definition;
use super::object::apply_change;
use crate::engine::{IndexId, LockMode, SequenceId, TableId, Tid, WaitPolicy};
use crate::error::Result;
use crate::value::text::TypeCatalog;
use crate::value::{Oid, Value};
use sqlparser::ast::{self, AlterColumnOperation, AlterTableOperation};
use std::sync::Arc;

impl Connection {
    pub(super) async fn alter_table(&mut self, alter: &ast::AlterTable) -> Result<String> {
        let tag = "ALTER TABLE".to_owned();
        let (_, name, ident) = qualified(&alter.name)?;
        let only_foreign = alter.operations.iter().all(|operation| {
            matches!(
                operation,
                AlterTableOperation::AddConstraint { constraint: ast::TableConstraint::ForeignKey(_), .. }
            )
        });
        let mode = if only_foreign { LockMode::ShareRowExclusive } else { LockMode::AccessExclusive };
        let Some(table) = self.locked_table(&alter.name, mode).await? else {
            if alter.if_exists {
                self.skip_notice(b"00000", format!("relation \"{name}\" does not exist, skipping"));
                return Ok(tag);
            }
            return Err(error_at_ident(ident, b"42P01", format!("relation \"{name}\" does not exist")));
        };
        let renames = |operation: &AlterTableOperation| {
            matches!(
                operation,
                AlterTableOperation::RenameTable { .. }
                    | AlterTableOperation::RenameColumn { .. }
                    | AlterTableOperation::RenameConstraint { .. }
            )
        };
        if !alter.operations.iter().all(renames) {
            self.refuse_pending(&table, "ALTER TABLE")?;
        }
        for operation in &alter.operations {
            self.alter_operation(table.oid, operation).await?;
        }
        Ok(tag)
    }

    fn column_place(&mut self, oid: Oid, ident: &ast::Ident) -> Result<usize> {
        let table = self.table_now(oid)?;
        let name = fold(ident);
        table.column(&name).ok_or_else(|| {
            error_at_ident(
                ident,
                b"42703",
                format!("column \"{name}\" of relation \"{}\" does not exist", table.name),
            )
        })
    }

    async fn alter_operation(&mut self, oid: Oid, operation: &AlterTableOperation) -> Result<()> {
        match operation {
            AlterTableOperation::AddColumn { if_not_exists, column_def, .. } => {
                self.add_column(oid, column_def, *if_not_exists).await
            }
            AlterTableOperation::DropColumn { column_names, if_exists, drop_behavior, .. } => {
                for ident in column_names {
                    let table = self.table_now(oid)?;
                    let name = fold(ident);
                    let Some(at) = table.column(&name) else {
                        let message =
                            format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
                        if *if_exists {
                            self.skip_notice(b"00000", format!("{message}, skipping"));
                            continue;
                        }
                        return Err(error_at_ident(ident, b"42703", message));
                    };
                    let cascade = matches!(drop_behavior, Some(ast::DropBehavior::Cascade));
                    self.drop_column_at(oid, at, cascade).await?;
                }
                Ok(())
            }
            AlterTableOperation::AddConstraint { constraint, not_valid } => {
                let pending = read_constraint(constraint)?;
                self.add_constraint(oid, pending, !not_valid, false).await
            }
            AlterTableOperation::DropConstraint { if_exists, name, drop_behavior } => {
                let cascade = matches!(drop_behavior, Some(ast::DropBehavior::Cascade));
                self.drop_constraint(oid, &fold(name), *if_exists, cascade).await
            }
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                let at = self.column_place(oid, old_column_name)?;
                let new_name = fold(new_column_name);
                let mut table = self.table_now(oid)?;
                if table.column(&new_name).is_some() {
                    let message =
                        format!("column \"{new_name}\" of relation \"{}\" already exists", table.name);
                    return Err(error_at_ident(new_column_name, b"42701", message));
                }
                let old = table.columns[at].name.to_string();
                table.columns[at].name = new_name.as_str().into();
                let rename = |expr: &mut StoredExpr| {
                    let renamed = rename_in(&expr.ast, &old, &new_name);
                    *expr = StoredExpr::new(renamed);
                };
                table.checks.iter_mut().for_each(|check| rename(&mut check.expr));
                for index in &mut table.indexes {
                    index.predicate.iter_mut().for_each(rename);
                    for part in &mut index.parts {
                        if let super::super::catalog::IndexPart::Expression(expr) = part {
                            rename(expr);
                        }
                    }
                }
                for column in &mut table.columns {
                    column.generated.iter_mut().for_each(rename);
                }
                self.put_table(table.clone());
                self.redefine_indexes(oid)
            }
            AlterTableOperation::RenameTable { table_name } => {
                let (ast::RenameTableNameKind::As(name) | ast::RenameTableNameKind::To(name)) = table_name;
                let (_, new_name, _) = qualified(name)?;
                self.rename_relation(oid, &new_name).await
            }
            AlterTableOperation::RenameConstraint { old_name, new_name } => {
                let (old, new) = (fold(old_name), fold(new_name));
                let mut table = self.table_now(oid)?;
                if !table.has_constraint(&old) {
                    let message = format!("constraint \"{old}\" for table \"{}\" does not exist", table.name);
                    return Err(error(b"42704", message));
                }
                table
                    .checks
                    .iter_mut()
                    .filter(|c| *c.name == *old)
                    .for_each(|c| c.name = new.as_str().into());
                table
                    .foreign_keys
                    .iter_mut()
                    .filter(|k| *k.name == *old)
                    .for_each(|k| k.name = new.as_str().into());
                let index = table.indexes.iter().find(|i| *i.name == *old).map(|i| i.oid);
                self.put_table(table);
                match index {
                    Some(index) => self.rename_relation(index, &new).await,
                    None => Ok(()),
                }
            }
            AlterTableOperation::AlterColumn { column_name, op } => {
                let at = self.column_place(oid, column_name)?;
                self.alter_column(oid, at, op).await
            }
            AlterTableOperation::ValidateConstraint { name } => {
                let name = fold(name);
                let mut table = self.table_now(oid)?;
                let env = self.env();
                let shared = Arc::new(table.clone());
                if let Some(key) = table.foreign_keys.iter_mut().find(|key| *key.name == *name) {
                    let mut exec = self.exec(None, env);
                    super::super::exec::foreign_key::check_all(&shared, key, &mut exec).await?;
                    key.validated = true;
                }
                self.put_table(table);
                Ok(())
            }
            AlterTableOperation::OwnerTo { .. }
            | AlterTableOperation::SetOptionsParens { .. }
            | AlterTableOperation::ReplicaIdentity { .. }
            | AlterTableOperation::DisableTrigger { .. }
            | AlterTableOperation::EnableTrigger { .. } => Ok(()),
            other => Err(unsupported(format!("ALTER TABLE {other}"))),
        }
    }

    /// Tells the engine of the indexes anew: names and column numbers.
    fn redefine_indexes(&mut self, oid: Oid) -> Result<()> {
        let table = self.table_now(oid)?;
        let env = self.env();
        for index in &table.indexes {
            self.session.redefine_index(engine_definition(&table, index, &env)?);
        }
        Ok(())
    }

    async fn add_column(&mut self, oid: Oid, definition: &ast::ColumnDef, if_not_exists: bool) -> Result<()> {
        let table = self.table_now(oid)?;
        let name = fold(&definition.name);
        if table.column(&name).is_some() {
            let message = format!("column \"{name}\" of relation \"{}\" already exists", table.name);
            if if_not_exists {
                self.skip_notice(b"42701", format!("{message}, skipping"));
                return Ok(());
            }
            return Err(error_at_ident(&definition.name, b"42701", message));
        }
        let mut pending = Vec::new();
        let place = table.columns.len();
        let column =
            self.read_column(definition, place, &table.name, oid, table.schema, &mut pending).await?;
        let mut table = self.table_now(oid)?;
        table.columns.push(column);
        self.put_table(table);
        let env = self.env();
        let table = Arc::new(self.table_now(oid)?);
        let snapshot = self.session.latest_snapshot();
        let mut exec = self.exec(Some(snapshot.clone()), env.clone());
        let is_generated = table.columns[place].generated.is_some();
        let default = column_default(&table, place, &env)?;
        let empty_table = self.session.table_scan(TableId(oid), &snapshot)?.next()?.is_none();
        if is_generated || default.is_volatile() {
            if !empty_table {
                let generated = super::super::bind::dml::generated_columns(&table, &env)?;
                let shared = table.clone();
                self.session.rewrite_table(TableId(oid), &mut |row| {
                    let mut values = layout(&shared, &[], Tid::default(), row.clone()).to_vec();
                    if is_generated {
                        for assignment in &generated {
                            values[assignment.column] = eval(&assignment.value.expr, &values, &mut exec)?;
                        }
                    } else {
                        values[place] = eval(&default, &values, &mut exec)?;
                    }
                    Ok(values.into())
                })?;
            }
        } else {
            let value = eval(&default, &[], &mut exec)?;
            if value.is_null() && table.columns[place].not_null && !empty_table {
                let message =
                    format!("column \"{name}\" of relation \"{}\" contains null values", table.name);
                return Err(error(b"23502", message).with_table("public", &table.name).with_column(&name));
            }
            let mut changed = self.table_now(oid)?;
            changed.columns[place].missing = value;
            self.put_table(changed);
        }
        for constraint in pending {
            self.add_constraint(oid, constraint, true, false).await?;
        }
        Ok(())
    }

    pub(super) async fn drop_column_at(&mut self, oid: Oid, at: usize, cascade: bool) -> Result<()> {
        let mut table = self.table_now(oid)?;
        let env = self.env();
        let name = table.columns[at].name.clone();
        for (child, key) in env.catalog.referencing(oid).to_vec() {
            let foreign = &child.foreign_keys[key];
            if foreign.target_columns.contains(&at) && child.oid != oid {
                if !cascade {
                    let message = format!(
                        "cannot drop column {name} of table {} because other objects depend on it",
                        table.name
                    );
                    return Err(error(b"2BP01", message)
                        .with_detail(format!(
                            "constraint {} on table {} depends on column {name} of table {}",
                            foreign.name, child.name, table.name
                        ))
                        .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
                }
                let mut changed = self.table_now(child.oid)?;
                changed.foreign_keys.retain(|known| known.oid != foreign.oid);
                self.put_table(changed);
            }
        }
        for relation in env.catalog.relations() {
            let Relation::View(view) = relation else { continue };
            let mentions = view.depends.contains(&oid) && view.query.to_string().contains(&*name);
            if mentions {
                if !cascade {
                    let message = format!(
                        "cannot drop column {name} of table {} because other objects depend on it",
                        table.name
                    );
                    return Err(error(b"2BP01", message)
                        .with_detail(format!(
                            "view {} depends on column {name} of table {}",
                            view.name, table.name
                        ))
                        .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
                }
                store::remove_relation(&self.session, relation);
            }
        }
        let shared = Arc::new(table.clone());
        let reads = |expr: &StoredExpr| {
            bind_over_table(&expr.ast, &shared, &env).is_ok_and(|bound| {
                let mut columns = Vec::new();
                bound.expr.columns(&mut columns);
                columns.contains(&at)
            })
        };
        if let Some(generated) =
            table.columns.iter().find(|c| !c.dropped && c.generated.as_ref().is_some_and(reads))
            && !cascade
        {
            let message = format!(
                "cannot drop column {name} of table {} because other objects depend on it",
                table.name
            );
            return Err(error(b"2BP01", message).with_detail(format!(
                "column {} of table {} depends on column {name} of table {}",
                generated.name, table.name, table.name
            )));
        }
        table.checks.retain(|check| !reads(&check.expr));
        table.foreign_keys.retain(|key| !key.columns.contains(&at));
        let gone: Vec<_> = table
            .indexes
            .iter()
            .filter(|index| {
                index.predicate.as_ref().is_some_and(reads)
                    || index.parts.iter().any(|part| match part {
                        super::super::catalog::IndexPart::Column(column) => *column == at,
                        super::super::catalog::IndexPart::Expression(expr) => reads(expr),
                    })
            })
            .cloned()
            .collect();
        for index in gone {
            self.session.drop_index(IndexId(index.oid));
            store::remove_relation(
                &self.session,
                &Relation::Index {
                    oid: index.oid,
                    table: oid,
                    schema: table.schema,
                    name: index.name.clone(),
                },
            );
            table.indexes.retain(|known| known.oid != index.oid);
        }
        if let Some(sequence) = table.columns[at].sequence.and_then(|oid| env.catalog.sequence(oid)) {
            self.session.drop_sequence(SequenceId(sequence.oid));
            store::remove_relation(&self.session, &Relation::Sequence(sequence.clone()));
        }
        let column = &mut table.columns[at];
        column.dropped = true;
        column.not_null = false;
        column.default = None;
        column.generated = None;
        column.identity = None;
        column.sequence = None;
        self.put_table(table);
        Ok(())
    }

    async fn drop_constraint(&mut self, oid: Oid, name: &str, if_exists: bool, cascade: bool) -> Result<()> {
        let mut table = self.table_now(oid)?;
        if !table.has_constraint(name) {
            let message = format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name);
            if if_exists {
                self.skip_notice(b"00000", format!("{message}, skipping"));
                return Ok(());
            }
            return Err(error(b"42704", message));
        }
        table.checks.retain(|check| *check.name != *name);
        table.foreign_keys.retain(|key| *key.name != *name);
        if let Some(index) =
            table.indexes.iter().find(|i| i.constraint.is_some() && *i.name == *name).cloned()
        {
            let env = self.env();
            for (child, at) in env.catalog.referencing(oid).to_vec() {
                let key = &child.foreign_keys[at];
                if key.target_index != index.oid {
                    continue;
                }
                if !cascade {
                    let message = format!(
                        "cannot drop constraint {name} on table {} because other objects depend on it",
                        table.name
                    );
                    return Err(error(b"2BP01", message)
                        .with_detail(format!(
                            "constraint {} on table {} depends on index {name}",
                            key.name, child.name
                        ))
                        .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
                }
                if child.oid == oid {
                    table.foreign_keys.retain(|known| known.oid != key.oid);
                } else {
                    let mut changed = self.table_now(child.oid)?;
                    changed.foreign_keys.retain(|known| known.oid != key.oid);
                    self.put_table(changed);
                }
            }
            self.session.drop_index(IndexId(index.oid));
            store::remove_relation(
                &self.session,
                &Relation::Index {
                    oid: index.oid,
                    table: oid,
                    schema: table.schema,
                    name: index.name.clone(),
                },
            );
            table.indexes.retain(|known| known.oid != index.oid);
        }
        self.put_table(table);
        Ok(())
    }

    async fn alter_column(&mut self, oid: Oid, at: usize, op: &AlterColumnOperation) -> Result<()> {
        let mut table = self.table_now(oid)?;
        let env = self.env();
        match op {
            AlterColumnOperation::SetNotNull => {
                self.check_not_null(&table, at)?;
                table.columns[at].not_null = true;
            }
            AlterColumnOperation::DropNotNull => {
                let in_key = table.primary_key().and_then(super::super::catalog::Index::plain_columns);
                if in_key.is_some_and(|columns| columns.contains(&at)) {
                    let message = format!("column \"{}\" is in a primary key", table.columns[at].name);
                    return Err(error(b"42P16", message));
                }
                if table.columns[at].identity.is_some() {
                    let message = format!(
                        "column \"{}\" of relation \"{}\" is an identity column",
                        table.columns[at].name, table.name
                    );
                    return Err(error(b"42601", message));
                }
                table.columns[at].not_null = false;
            }
            AlterColumnOperation::SetDefault { value } => {
                bind_default(value, &table.columns[at].name, table.columns[at].data_type, &env)?;
                table.columns[at].default = Some(StoredExpr::new(value.clone()));
            }
            AlterColumnOperation::DropDefault => table.columns[at].default = None,
            AlterColumnOperation::SetDataType { data_type, using, .. } => {
                return self.change_type(oid, at, data_type, using.as_ref()).await;
            }
            other => return Err(unsupported(format!("ALTER COLUMN {other}"))),
        }
        self.put_table(table);
        Ok(())
    }

    async fn change_type(
        &mut self,
        oid: Oid,
        at: usize,
        data_type: &ast::DataType,
        using: Option<&ast::Expr>,
    ) -> Result<()> {
        let env = self.env();
        let old = Arc::new(self.table_now(oid)?);
        let target = resolve(data_type, &env)?;
        let column = &old.columns[at];
        let expr = {
            let mut binder = Binder::new(env.clone(), &[], false);
            let given = match using {
                Some(using) => bind_over_table(using, &old, &env)?,
                None => super::super::bind::Typed {
                    expr: super::super::expr::Expr::Column(at),
                    data_type: column.data_type,
                },
            };
            let source = given.data_type.oid;
            let context = if using.is_some() { CastContext::Explicit } else { CastContext::Assignment };
            let name = column.name.clone();
            binder
                .with_scope(Default::default(), |binder| binder.try_coerce(given, target, context))?
                .map_err(|_| {
                    let message = format!(
                        "column \"{name}\" cannot be cast automatically to type {}",
                        env.type_name(target.oid)
                    );
                    error(b"42804", message).with_hint(format!(
                        "You might need to specify \"USING {name}::{}\".",
                        env.display_type(target)
                    ))
                })
                .inspect_err(|_| {
                    let _ = find(source, target.oid, CastContext::Explicit, &env);
                })?
        };
        let mut table = (*old).clone();
        table.columns[at].data_type = target;
        let snapshot = self.session.latest_snapshot();
        let mut exec = self.exec(Some(snapshot), env.clone());
        if !table.columns[at].missing.is_null() {
            table.columns[at].missing = Value::Null;
        }
        let default = table.columns[at].default.clone();
        if let Some(default) = default {
            bind_default(&default.ast, &table.columns[at].name, target, &env).map_err(|_| {
                let message = format!(
                    "default for column \"{}\" cannot be cast automatically to type {}",
                    table.columns[at].name,
                    env.type_name(target.oid)
                );
                error(b"42804", message)
            })?;
        }
        self.put_table(table.clone());
        // Index keys follow the new type.
        self.redefine_indexes(oid)?;
        let shared = old.clone();
        self.session.rewrite_table(TableId(oid), &mut |row| {
            let mut values = layout(&shared, &[], Tid::default(), row.clone()).to_vec();
            values[at] = eval(&expr, &values, &mut exec)?;
            Ok(values.into())
        })
    }

    async fn rename_relation(&mut self, oid: Oid, new_name: &str) -> Result<()> {
        let env = self.env();
        let Some(relation) = env.catalog.relation_by_oid(oid).cloned() else { return Ok(()) };
        if !self.claim_name(relation.schema(), new_name, Guard::Relation).await? {
            return Err(error(b"42P07", format!("relation \"{new_name}\" already exists")));
        }
        store::remove_relation(&self.session, &relation);
        let name: Arc<str> = new_name.into();
        match relation {
            Relation::Table(_) => {
                let mut table = match env.catalog.table(oid) {
                    Some(table) => (**table).clone(),
                    None => return Ok(()),
                };
                table.name = name.clone();
                self.session.rename_table(TableId(oid), name);
                self.put_table(table);
            }
            Relation::View(view) => {
                let view = View { name, ..(*view).clone() };
                store::put_relation(&self.session, Relation::View(Arc::new(view)));
            }
            Relation::Sequence(sequence) => {
                let mut changed = (*sequence).clone();
                changed.name = name;
                store::put_relation(&self.session, Relation::Sequence(Arc::new(changed)));
            }
            Relation::Index { table, schema, .. } => {
                store::put_relation(
                    &self.session,
                    Relation::Index { oid, table, schema, name: name.clone() },
                );
                let mut changed = self.table_now(table)?;
                changed
                    .indexes
                    .iter_mut()
                    .filter(|index| index.oid == oid)
                    .for_each(|index| index.name = name.clone());
                self.put_table(changed);
                self.redefine_indexes(table)?;
            }
        }
        Ok(())
    }

    fn missing(&self, name: &Name, kind: &str, if_exists: bool) -> Result<()> {
        let message = format!("{kind} \"{}\" does not exist", name.display());
        if if_exists {
            self.skip_notice(b"00000", format!("{message}, skipping"));
            return Ok(());
        }
        Err(error(if kind == "type" { b"42704" } else { b"42P01" }, message))
    }

    pub(super) async fn run_alter(&mut self, kind: &AlterKind, if_exists: bool, tag: &str) -> Result<String> {
        let done = Ok(tag.to_owned());
        match kind {
            AlterKind::Nothing(_) => done,
            AlterKind::Rename(DropKind::Schema, name, new_name) => {
                let env = self.env();
                let Some(schema) = env.catalog.schema(&name.name).cloned() else {
                    return Err(error(b"3F000", format!("schema \"{}\" does not exist", name.name)));
                };
                if env.catalog.schema(new_name).is_some() {
                    return Err(error(b"42P06", format!("schema \"{new_name}\" already exists")));
                }
                store::put_schema(&self.session, name.name.as_str().into(), None);
                let renamed: Arc<str> = new_name.as_str().into();
                let moved = super::super::catalog::Schema { oid: schema.oid, name: renamed.clone() };
                store::put_schema(&self.session, renamed, Some(moved));
                done
            }
            AlterKind::Rename(DropKind::Type | DropKind::Domain, name, new_name) => {
                let env = self.env();
                let found = env
                    .find_type(name.schema.as_deref(), &name.name)
                    .and_then(|oid| env.catalog.type_by_oid(oid))
                    .cloned();
                let Some(user_type) = found else {
                    self.missing(name, "type", if_exists)?;
                    return done;
                };
                store::remove_type(&self.session, &user_type);
                let mut changed = (*user_type).clone();
                changed.name = new_name.as_str().into();
                store::put_type(&self.session, changed);
                done
            }
            AlterKind::Rename(_, name, new_name) => {
                let found = self.env().find_relation(name.schema.as_deref(), &name.name);
                if found.is_none() {
                    self.missing(name, "relation", if_exists)?;
                    return done;
                }
                let relation = self.relation(name)?;
                self.session
                    .lock_table(TableId(relation.oid()), LockMode::AccessExclusive, WaitPolicy::Wait)
                    .await?;
                self.rename_relation(relation.oid(), new_name).await?;
                done
            }
            AlterKind::SetSchema(_, name, schema) => {
                let relation = self.relation(name)?;
                let target = self.env().schema(schema)?;
                self.session
                    .lock_table(TableId(relation.oid()), LockMode::AccessExclusive, WaitPolicy::Wait)
                    .await?;
                store::remove_relation(&self.session, &relation);
                match &relation {
                    Relation::Table(table) => {
                        let mut changed = (**table).clone();
                        for index in &changed.indexes {
                            let (oid, name) = (index.oid, index.name.clone());
                            store::remove_relation(
                                &self.session,
                                &Relation::Index {
                                    oid,
                                    table: table.oid,
                                    schema: table.schema,
                                    name: name.clone(),
                                },
                            );
                            store::put_relation(
                                &self.session,
                                Relation::Index { oid, table: table.oid, schema: target, name },
                            );
                        }
                        changed.schema = target;
                        self.put_table(changed);
                    }
                    Relation::View(view) => {
                        let view = View { schema: target, ..(**view).clone() };
                        store::put_relation(&self.session, Relation::View(Arc::new(view)));
                    }
                    Relation::Sequence(sequence) => {
                        let mut changed = (**sequence).clone();
                        changed.schema = target;
                        store::put_relation(&self.session, Relation::Sequence(Arc::new(changed)));
                    }
                    Relation::Index { .. } => return Err(unsupported("ALTER INDEX SET SCHEMA")),
                }
                done
            }
            AlterKind::Sequence(name, change) => {
                let found = self.env().find_relation(name.schema.as_deref(), &name.name);
                if found.is_none() {
                    self.missing(name, "relation", if_exists)?;
                    return done;
                }
                let Relation::Sequence(sequence) = self.relation(name)? else {
                    return Err(error(b"42809", format!("\"{}\" is not a sequence", name.name)));
                };
                let mut changed = (*sequence).clone();
                apply_change(&mut changed.definition, change, changed.data_type, false)?;
                let restart = match change.restart {
                    None => None,
                    Some(Some(value)) => Some(value),
                    Some(None) => Some(changed.definition.start),
                };
                if let Some(owner) = self.owner_of(change)? {
                    changed.owner = owner;
                    if let Some((table, column)) = owner {
                        let mut table = self.table_now(table)?;
                        table.columns[column].sequence = Some(changed.oid);
                        self.put_table(table);
                    }
                }
                self.session.alter_sequence(SequenceId(changed.oid), changed.definition, restart);
                store::put_relation(&self.session, Relation::Sequence(Arc::new(changed)));
                done
            }
            AlterKind::AddValue { name, label, neighbour, if_not_exists } => {
                let env = self.env();
                let found = env
                    .find_type(name.schema.as_deref(), &name.name)
                    .and_then(|oid| env.catalog.type_by_oid(oid))
                    .cloned();
                let Some(user_type) = found else {
                    self.missing(name, "type", false)?;
                    return done;
                };
                let mut changed = (*user_type).clone();
                let TypeBody::Enum(labels) = &mut changed.body else {
                    return Err(error(b"42809", format!("\"{}\" is not an enum", name.name)));
                };
                if labels.iter().any(|(_, _, known)| **known == **label) {
                    if *if_not_exists {
                        self.skip_notice(
                            b"42710",
                            format!("enum label \"{label}\" already exists, skipping"),
                        );
                        return done;
                    }
                    return Err(error(b"42710", format!("enum label \"{label}\" already exists")));
                }
                let at = match neighbour {
                    None => labels.len(),
                    Some((other, before)) => {
                        let place = labels.iter().position(|(_, _, known)| **known == **other);
                        let place = place.ok_or_else(|| {
                            error(b"22023", format!("\"{other}\" is not an existing enum label"))
                        })?;
                        if *before { place } else { place + 1 }
                    }
                };
                let below = at.checked_sub(1).map(|i| labels[i].1);
                let above = labels.get(at).map(|label| label.1);
                let order = match (below, above) {
                    (None, None) => 1.0,
                    (Some(below), None) => below + 1.0,
                    (None, Some(above)) => above - 1.0,
                    (Some(below), Some(above)) => f32::midpoint(below, above),
                };
                labels.insert(at, (self.session.engine().next_oid(), order, label.as_str().into()));
                store::put_type(&self.session, changed);
                done
            }
            AlterKind::RenameValue(name, from, to) => {
                let env = self.env();
                let found = env
                    .find_type(name.schema.as_deref(), &name.name)
                    .and_then(|oid| env.catalog.type_by_oid(oid))
                    .cloned();
                let Some(user_type) = found else {
                    self.missing(name, "type", false)?;
                    return done;
                };
                let mut changed = (*user_type).clone();
                if let TypeBody::Enum(labels) = &mut changed.body {
                    let label =
                        labels.iter_mut().find(|(_, _, known)| **known == **from).ok_or_else(|| {
                            error(b"22023", format!("\"{from}\" is not an existing enum label"))
                        })?;
                    label.2 = to.as_str().into();
                }
                store::put_type(&self.session, changed);
                done
            }
            AlterKind::Constraint(name, constraint, deferrable) => {
                let Relation::Table(table) = self.relation(name)? else {
                    return Err(error(b"42809", format!("\"{}\" is not a table", name.name)));
                };
                self.session
                    .lock_table(TableId(table.oid), LockMode::ShareRowExclusive, WaitPolicy::Wait)
                    .await?;
                let mut changed = self.table_now(table.oid)?;
                let key = changed.foreign_keys.iter_mut().find(|key| *key.name == **constraint).ok_or_else(
                    || {
                        let message = format!(
                            "constraint \"{constraint}\" of relation \"{}\" does not exist",
                            table.name
                        );
                        error(b"42704", message)
                    },
                )?;
                key.deferrable = *deferrable;
                self.put_table(changed);
                done
            }
        }
    }
}

/// An expression with a column's name changed.
fn rename_in(expr: &ast::Expr, old: &str, new: &str) -> ast::Expr {
    let quoted = super::super::catalog::env::quote_identifier(new);
    let text = expr.to_string();
    let mut out = String::new();
    let mut word = String::new();
    let mut in_string = false;
    let flush = |word: &mut String, out: &mut String| {
        if word.eq_ignore_ascii_case(old) {
            out.push_str(&quoted);
        } else {
            out.push_str(word);
        }
        word.clear();
    };
    for c in text.chars() {
        if c == '\'' {
            in_string = !in_string;
        }
        if !in_string && (c.is_alphanumeric() || c == '_') {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    super::create::parse_expr(&out).unwrap_or_else(|_| expr.clone())
}
