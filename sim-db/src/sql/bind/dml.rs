//! `INSERT`, `UPDATE`, `DELETE`.

use super::from::table_relation;
use super::scope::Scope;
use super::types::{fold, idents, qualified};
use super::{Binder, Bound, Typed, bind_default, bind_over_table};
use crate::engine::{IndexId, LockMode};
use crate::error::Result;
use crate::sql::catalog::env::Found;
use crate::sql::catalog::{Env, Identity, Index, IndexPart, Relation, Table, TypeBody};
use crate::sql::error::{error, error_at_ident, unsupported};
use crate::sql::expr::{Expr, Scalar, Subquery, SubqueryKind};
use crate::sql::function;
use crate::sql::parse::{LockStrength, conflict_target};
use crate::sql::plan::join::FromItem;
use crate::sql::plan::{Assignment, ColumnSource, Modify, OnConflict, Plan, RowChecks};
use crate::value::text::{TypeCatalog, TypeKind};
use crate::value::{Value, oid};
use sqlparser::ast::{self, AssignmentTarget, ConflictTarget, OnConflictAction, OnInsert, SetExpr};
use std::sync::Arc;

/// The expression that a column takes when none is given.
///
/// # Errors
///
/// Those of binding the default.
pub fn column_default(table: &Table, at: usize, env: &Arc<Env>) -> Result<Expr> {
    let column = &table.columns[at];
    if column.identity.is_some()
        && let Some(sequence) = column.sequence
    {
        let nextval = function::named("nextval")[0];
        let call =
            Expr::call(nextval, vec![Expr::Const(Value::Oid(sequence))], vec![oid::REGCLASS], oid::INT8);
        let mut binder = Binder::new(env.clone(), &[], false);
        return binder.with_scope(Scope::default(), |binder| {
            binder.assign(Typed::new(call, oid::INT8), column.data_type, &column.name, true)
        });
    }
    if let Some(default) = &column.default {
        return bind_default(&default.ast, &column.name, column.data_type, env);
    }
    if let Some(TypeKind::Domain(_)) = env.kind(column.data_type.oid) {
        if let Some(user_type) = env.catalog.type_by_oid(column.data_type.oid)
            && let TypeBody::Domain { default: Some(default), .. } = &user_type.body
        {
            return bind_default(&default.ast, &column.name, column.data_type, env);
        }
        return Ok(Expr::CheckDomain(Box::new(Expr::null()), column.data_type.oid));
    }
    Ok(Expr::null())
}

/// The checks of a table's rows.
///
/// # Errors
///
/// Those of binding the conditions.
pub fn row_checks(table: &Arc<Table>, env: &Arc<Env>) -> Result<RowChecks> {
    let mut checks = RowChecks::default();
    let mut ordered: Vec<_> = table.checks.iter().collect();
    ordered.sort_by(|a, b| a.name.cmp(&b.name));
    for check in ordered {
        let bound = bind_over_table(&check.expr.ast, table, env)?;
        checks.checks.push((check.name.clone(), bound.expr.into()));
    }
    Ok(checks)
}

/// The stored generated columns of a table, over its row.
///
/// # Errors
///
/// Those of binding the expressions.
pub fn generated_columns(table: &Arc<Table>, env: &Arc<Env>) -> Result<Vec<Assignment>> {
    let mut generated = Vec::new();
    for (at, column) in table.live_columns() {
        let Some(expr) = &column.generated else { continue };
        let bound = bind_over_table(&expr.ast, table, env)?;
        let mut binder = Binder::new(env.clone(), &[], false);
        let value = binder.with_scope(Scope::default(), |binder| {
            binder.assign(bound, column.data_type, &column.name, true)
        })?;
        generated.push(Assignment { column: at, value: value.into() });
    }
    Ok(generated)
}

fn is_default(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

impl Binder {
    /// Binds a statement that reads or changes data.
    ///
    /// # Errors
    ///
    /// Those of its parts; 0A000 for other statements.
    pub fn bind_statement(&mut self, statement: &ast::Statement) -> Result<Bound> {
        match statement {
            ast::Statement::Query(query) => self.bind_query(query),
            ast::Statement::Insert(insert) => self.bind_insert(insert),
            ast::Statement::Update(update) => self.bind_update(update),
            ast::Statement::Delete(delete) => self.bind_delete(delete),
            other => {
                let text = other.to_string();
                let words: Vec<&str> = text.split_whitespace().take(2).collect();
                Err(unsupported(words.join(" ")))
            }
        }
    }

    /// The table that a statement changes.
    pub(crate) fn target(&mut self, name: &ast::ObjectName, command: &'static str) -> Result<Arc<Table>> {
        let (schema, table_name, ident) = qualified(name)?;
        let shown = match &schema {
            Some(schema) => format!("{schema}.{table_name}"),
            None => table_name.clone(),
        };
        let found = self
            .env
            .find_relation(schema.as_deref(), &table_name)
            .ok_or_else(|| error_at_ident(ident, b"42P01", format!("relation \"{shown}\" does not exist")))?;
        match found {
            Found::User(Relation::Table(table)) => {
                self.lock(table.oid, LockMode::RowExclusive);
                self.writes.get_or_insert(command);
                Ok(table)
            }
            Found::User(Relation::View(_)) => Err(unsupported(format!("{command} on a view"))),
            Found::User(other) => {
                let verb = match command {
                    "INSERT" => "insert into",
                    "UPDATE" => "update",
                    _ => "delete from",
                };
                let _ = verb;
                Err(error(b"42809", format!("cannot change {} \"{}\"", other.kind(), other.name())))
            }
            Found::System(table) => {
                Err(error(b"42501", format!("permission denied: \"{}\" is a system catalog", table.name)))
            }
        }
    }

    fn target_column(&mut self, table: &Table, ident: &ast::Ident) -> Result<usize> {
        let name = fold(ident);
        table.column(&name).ok_or_else(|| {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            error_at_ident(ident, b"42703", message)
        })
    }

    fn bind_insert(&mut self, insert: &ast::Insert) -> Result<Bound> {
        let ast::TableObject::TableName(name) = &insert.table else {
            return Err(unsupported("INSERT into this object"));
        };
        // Common table expressions before INSERT are in scope of its source.
        let kept = self.ctes.len();
        let result = self.bind_insert_inner(insert, name);
        self.ctes.truncate(kept);
        result
    }

    fn bind_insert_inner(&mut self, insert: &ast::Insert, name: &ast::ObjectName) -> Result<Bound> {
        let table = self.target(name, "INSERT")?;
        let mut targets = Vec::new();
        for column in &insert.columns {
            let parts = idents(column)?;
            let [ident] = parts.as_slice() else { return Err(unsupported("INSERT into part of a column")) };
            let at = self.target_column(&table, ident)?;
            if targets.contains(&at) {
                let message = format!("column \"{}\" specified more than once", table.columns[at].name);
                return Err(error_at_ident(ident, b"42701", message));
            }
            targets.push(at);
        }
        let all: Vec<usize> = table.live_columns().map(|(at, _)| at).collect();
        let explicit = !targets.is_empty();
        if !explicit {
            targets = all;
        }
        let overriding = insert.overriding;
        let env = self.env.clone();
        let check_given = |at: usize, given_default: bool| -> Result<()> {
            let column = &table.columns[at];
            if given_default {
                return Ok(());
            }
            let refuse = |detail: String| {
                Err(error(
                    b"428C9",
                    format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name),
                )
                .with_detail(detail))
            };
            if column.generated.is_some() {
                return refuse(format!("Column \"{}\" is a generated column.", column.name));
            }
            if column.identity == Some(Identity::Always) && overriding.is_none() {
                return refuse(format!(
                    "Column \"{}\" is an identity column defined as GENERATED ALWAYS.",
                    column.name
                ));
            }
            Ok(())
        };
        let use_default = |at: usize| -> bool {
            matches!(overriding, Some(ast::InsertOverriding::User)) && table.columns[at].identity.is_some()
        };
        let (source, count) = match insert.source.as_deref() {
            None => (Plan::OneRow, 0),
            Some(query) => match &*query.body {
                SetExpr::Values(values)
                    if query.order_by.is_none() && query.limit_clause.is_none() && query.with.is_none() =>
                {
                    let width = values.rows.first().map_or(0, |row| row.content.len());
                    self.check_width(width, targets.len(), explicit)?;
                    let scope = Scope {
                        no_aggregates: Some("VALUES"),
                        no_windows: Some("VALUES"),
                        ..Scope::default()
                    };
                    let rows = self.with_scope(scope, |binder| {
                        let mut rows = Vec::new();
                        for row in &values.rows {
                            if row.content.len() != width {
                                return Err(error(b"42601", "VALUES lists must all be the same length"));
                            }
                            let mut bound: Vec<Scalar> = Vec::new();
                            for (expr, at) in row.content.iter().zip(&targets) {
                                let given_default = is_default(expr);
                                check_given(*at, given_default)?;
                                let column = &table.columns[*at];
                                let value = if given_default || use_default(*at) {
                                    column_default(&table, *at, &env)?
                                } else {
                                    let typed = binder.bind_expr(expr)?;
                                    binder
                                        .assign(typed, column.data_type, &column.name, false)
                                        .map_err(|raised| super::coerce::located(raised, expr))?
                                };
                                bound.push(value.into());
                            }
                            rows.push(bound);
                        }
                        Ok(rows)
                    })?;
                    (Plan::Values(rows), width)
                }
                _ => {
                    let mut bound = self.bind_query(query)?;
                    let width = bound.columns.len();
                    self.check_width(width, targets.len(), explicit)?;
                    let mut exprs: Vec<Scalar> = Vec::new();
                    for (at, (column, target)) in bound.columns.iter().zip(&targets).enumerate() {
                        check_given(*target, false)?;
                        let wanted = &table.columns[*target];
                        let literal = match &bound.plan {
                            Plan::Project(_, list) if column.data_type.oid == oid::UNKNOWN => {
                                Some(list[at].expr.clone())
                            }
                            _ => None,
                        };
                        let expr = literal.filter(|e| matches!(e, Expr::Const(_) | Expr::Param(_)));
                        let typed =
                            Typed { expr: expr.unwrap_or(Expr::Column(at)), data_type: column.data_type };
                        exprs.push(self.assign(typed, wanted.data_type, &wanted.name, false)?.into());
                    }
                    let input = std::mem::replace(&mut bound.plan, Plan::OneRow);
                    (Plan::Project(Arc::new(input), exprs), width)
                }
            },
        };
        let mut columns = Vec::new();
        for (at, column) in table.columns.iter().enumerate() {
            let given = targets[..count.min(targets.len())].iter().position(|target| *target == at);
            columns.push(match given {
                Some(_) if column.generated.is_some() => ColumnSource::Expression(Expr::null().into()),
                Some(slot) => ColumnSource::Slot(slot),
                None if column.dropped || column.generated.is_some() => {
                    ColumnSource::Expression(Expr::null().into())
                }
                None => ColumnSource::Expression(column_default(&table, at, &env)?.into()),
            });
        }
        let alias = insert.table_alias.as_ref().map(|alias| Arc::from(fold(&alias.alias)));
        let on_conflict = match &insert.on {
            None => None,
            Some(OnInsert::OnConflict(clause)) => {
                Some(self.bind_on_conflict(clause, &table, alias.clone())?)
            }
            Some(_) => return Err(unsupported("ON DUPLICATE KEY UPDATE")),
        };
        let mut scope = Scope::default();
        scope.add(table_relation(&table, alias, 0, 0, &env));
        let returning = self.with_scope(scope, |binder| binder.bind_returning(insert.returning.as_ref()))?;
        let (returning, outputs) = match returning {
            Some((exprs, columns)) => (Some(exprs), columns),
            None => (None, Vec::new()),
        };
        let checks = Arc::new(row_checks(&table, &env)?);
        let generated = generated_columns(&table, &env)?;
        let modify = Modify::Insert {
            table,
            source: Arc::new(source),
            columns,
            generated,
            on_conflict,
            returning,
            checks,
        };
        Ok(Bound { plan: Plan::Modify(Box::new(modify)), columns: outputs })
    }

    fn check_width(&mut self, given: usize, wanted: usize, explicit: bool) -> Result<()> {
        if given > wanted {
            return Err(error(b"42601", "INSERT has more expressions than target columns"));
        }
        if given < wanted && explicit {
            return Err(error(b"42601", "INSERT has more target columns than expressions"));
        }
        Ok(())
    }

    fn bind_on_conflict(
        &mut self,
        clause: &ast::OnConflict,
        table: &Arc<Table>,
        alias: Option<Arc<str>>,
    ) -> Result<OnConflict> {
        let arbiters = match &clause.conflict_target {
            None => {
                if matches!(clause.action, OnConflictAction::DoUpdate(_)) {
                    let message = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
                    return Err(error(b"42601", message).with_hint("For example, ON CONFLICT (column_name)."));
                }
                Vec::new()
            }
            Some(ConflictTarget::OnConstraint(name)) => {
                let (_, name, _) = qualified(name)?;
                let index =
                    table.indexes.iter().find(|index| index.constraint.is_some() && *index.name == *name);
                let index = index.ok_or_else(|| {
                    let message =
                        format!("constraint \"{name}\" for table \"{}\" does not exist", table.name);
                    error(b"42704", message)
                })?;
                vec![IndexId(index.oid)]
            }
            Some(ConflictTarget::Columns { columns, predicate }) => {
                self.infer_arbiters(&conflict_target(columns)?, predicate.as_ref(), table)?
            }
        };
        let update = match &clause.action {
            OnConflictAction::DoNothing => None,
            OnConflictAction::DoUpdate(update) => {
                let env = self.env.clone();
                let mut scope = Scope::default();
                let width = table.columns.len() + 1;
                scope.add(table_relation(table, alias, 0, 0, &env));
                let excluded = table_relation(table, Some("excluded".into()), width, 1, &env);
                scope.width = width * 2;
                // EXCLUDED is only reached by its name.
                scope.relations.push(excluded);
                scope.no_aggregates = Some("ON CONFLICT");
                let bound = self.with_scope(scope, |binder| {
                    let assignments = binder.bind_assignments(&update.assignments, table)?;
                    let filter = match &update.selection {
                        Some(selection) => Some(binder.bind_condition(selection, "WHERE")?.into()),
                        None => None,
                    };
                    Ok((assignments, filter))
                })?;
                Some(bound)
            }
        };
        let strength = match &update {
            Some((assignments, _)) if touches_key(table, assignments) => LockStrength::Update,
            _ => LockStrength::NoKeyUpdate,
        };
        Ok(OnConflict { arbiters, update, strength })
    }

    /// The unique indexes that a list of columns and expressions means.
    fn infer_arbiters(
        &mut self,
        elements: &[ast::Expr],
        predicate: Option<&ast::Expr>,
        table: &Arc<Table>,
    ) -> Result<Vec<IndexId>> {
        let env = self.env.clone();
        let mut wanted = Vec::new();
        for element in elements {
            if let ast::Expr::Identifier(ident) = element {
                wanted.push(Expr::Column(self.target_column(table, ident)?));
            } else {
                wanted.push(bind_over_table(element, table, &env)?.expr);
            }
        }
        let mut given = Vec::new();
        if let Some(predicate) = predicate {
            bind_over_table(predicate, table, &env)?.expr.conjuncts(&mut given);
        }
        let matches = |index: &Index| -> bool {
            if !index.unique || index.parts.len() != wanted.len() {
                return false;
            }
            let keys: Vec<Expr> = index
                .parts
                .iter()
                .filter_map(|part| match part {
                    IndexPart::Column(at) => Some(Expr::Column(*at)),
                    IndexPart::Expression(expr) => {
                        bind_over_table(&expr.ast, table, &env).ok().map(|typed| typed.expr)
                    }
                })
                .collect();
            if !wanted.iter().all(|expr| keys.contains(expr)) || !keys.iter().all(|key| wanted.contains(key))
            {
                return false;
            }
            match &index.predicate {
                None => true,
                Some(stored) => {
                    let mut parts = Vec::new();
                    match bind_over_table(&stored.ast, table, &env) {
                        Ok(bound) => bound.expr.conjuncts(&mut parts),
                        Err(_) => return false,
                    }
                    parts.iter().all(|part| given.contains(part))
                }
            }
        };
        let found: Vec<IndexId> =
            table.indexes.iter().filter(|index| matches(index)).map(|i| IndexId(i.oid)).collect();
        if found.is_empty() {
            let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
            return Err(error(b"42P10", message));
        }
        Ok(found)
    }

    fn bind_assignments(
        &mut self,
        assignments: &[ast::Assignment],
        table: &Arc<Table>,
    ) -> Result<Vec<Assignment>> {
        let env = self.env.clone();
        let mut bound: Vec<Assignment> = Vec::new();
        for assignment in assignments {
            let names: Vec<&ast::ObjectName> = match &assignment.target {
                AssignmentTarget::ColumnName(name) => vec![name],
                AssignmentTarget::Tuple(names) => names.iter().collect(),
            };
            let mut places = Vec::new();
            for name in &names {
                let parts = idents(name)?;
                let [ident] = parts.as_slice() else {
                    let first = parts[0];
                    let message =
                        format!("column \"{}\" of relation \"{}\" does not exist", fold(first), table.name);
                    return Err(error_at_ident(first, b"42703", message));
                };
                let at = self.target_column(table, ident)?;
                if bound.iter().any(|known| known.column == at) || places.contains(&at) {
                    let message =
                        format!("multiple assignments to same column \"{}\"", table.columns[at].name);
                    return Err(error(b"42601", message));
                }
                places.push(at);
            }
            let value = super::expr::strip(&assignment.value);
            if let AssignmentTarget::ColumnName(_) = &assignment.target {
                let value = self.bind_assigned(&assignment.value, table, places[0], &env)?;
                bound.push(Assignment { column: places[0], value: value.into() });
                continue;
            }
            match value {
                ast::Expr::Subquery(query) => {
                    for (index, at) in places.iter().enumerate() {
                        let (plan, columns, frame, once) = self.bind_subquery(query)?;
                        if columns.len() != places.len() {
                            return Err(error(b"42601", "number of columns does not match number of values"));
                        }
                        let plan = Arc::new(Plan::Project(plan, vec![Expr::Column(index).into()]));
                        let subquery = Subquery { kind: SubqueryKind::Scalar, plan, frame, once };
                        let typed = Typed {
                            expr: Expr::Subquery(Box::new(subquery)),
                            data_type: columns[index].data_type,
                        };
                        let column = &table.columns[*at];
                        let expr = self.assign(typed, column.data_type, &column.name, false)?;
                        bound.push(Assignment { column: *at, value: expr.into() });
                    }
                }
                other => {
                    let values: Vec<&ast::Expr> = match other {
                        ast::Expr::Tuple(items) => items.iter().collect(),
                        ast::Expr::Function(call) => match &call.args {
                            ast::FunctionArguments::List(list) => list
                                .args
                                .iter()
                                .filter_map(|arg| match arg {
                                    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
                                    _ => None,
                                })
                                .collect(),
                            _ => Vec::new(),
                        },
                        single if places.len() == 1 => vec![single],
                        _ => {
                            let message = "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression";
                            return Err(error(b"0A000", message));
                        }
                    };
                    if values.len() != places.len() {
                        return Err(error(b"42601", "number of columns does not match number of values"));
                    }
                    for (value, at) in values.into_iter().zip(&places) {
                        let expr = self.bind_assigned(value, table, *at, &env)?;
                        bound.push(Assignment { column: *at, value: expr.into() });
                    }
                }
            }
        }
        Ok(bound)
    }

    fn bind_assigned(
        &mut self,
        value: &ast::Expr,
        table: &Arc<Table>,
        at: usize,
        env: &Arc<Env>,
    ) -> Result<Expr> {
        let column = &table.columns[at];
        if is_default(value) {
            return if column.generated.is_some() {
                Ok(Expr::null())
            } else {
                column_default(table, at, env)
            };
        }
        if column.generated.is_some() || column.identity == Some(Identity::Always) {
            let what = if column.generated.is_some() {
                "a generated column."
            } else {
                "an identity column defined as GENERATED ALWAYS."
            };
            let message = format!("column \"{}\" can only be updated to DEFAULT", column.name);
            return Err(error(b"428C9", message).with_detail(format!("Column \"{}\" is {what}", column.name)));
        }
        let typed = self.bind_expr(value)?;
        self.assign(typed, column.data_type, &column.name, false)
            .map_err(|raised| super::coerce::located(raised, value))
    }

    fn bind_update(&mut self, update: &ast::Update) -> Result<Bound> {
        let ast::TableFactor::Table { name, alias, .. } = &update.table.relation else {
            return Err(unsupported("UPDATE of this object"));
        };
        if !update.table.joins.is_empty() {
            return Err(error(b"42601", "syntax error at or near \"JOIN\""));
        }
        let table = self.target(name, "UPDATE")?;
        let env = self.env.clone();
        self.with_scope(Scope::default(), |binder| {
            let mut items = vec![binder.add_table(&table, alias.as_ref())?];
            if let Some(from) = &update.from {
                let (ast::UpdateTableFromKind::BeforeSet(from) | ast::UpdateTableFromKind::AfterSet(from)) =
                    from;
                items.extend(binder.bind_from(from)?);
            }
            binder.scope().no_aggregates = Some("UPDATE");
            let assignments = binder.bind_assignments(&update.assignments, &table)?;
            let (source, recheck, place) = binder.change_source(items, update.selection.as_ref(), &table)?;
            let returning = binder.bind_returning(update.returning.as_ref())?;
            let (returning, outputs) = match returning {
                Some((exprs, columns)) => (Some(exprs), columns),
                None => (None, Vec::new()),
            };
            let modify = Modify::Update {
                source: Arc::new(source),
                place,
                assignments,
                generated: generated_columns(&table, &env)?,
                recheck: recheck.map(Into::into),
                returning,
                checks: Arc::new(row_checks(&table, &env)?),
                rows: Vec::new(),
                table: table.clone(),
            };
            Ok(Bound { plan: Plan::Modify(Box::new(modify)), columns: outputs })
        })
    }

    fn bind_delete(&mut self, delete: &ast::Delete) -> Result<Bound> {
        let (ast::FromTable::WithFromKeyword(from) | ast::FromTable::WithoutKeyword(from)) = &delete.from;
        let [item] = from.as_slice() else { return Err(unsupported("DELETE from several tables")) };
        let ast::TableFactor::Table { name, alias, .. } = &item.relation else {
            return Err(unsupported("DELETE from this object"));
        };
        if delete.limit.is_some() || !delete.order_by.is_empty() {
            return Err(error(b"42601", "syntax error at or near \"LIMIT\""));
        }
        let table = self.target(name, "DELETE")?;
        self.with_scope(Scope::default(), |binder| {
            let mut items = vec![binder.add_table(&table, alias.as_ref())?];
            if let Some(using) = &delete.using {
                items.extend(binder.bind_from(using)?);
            }
            let (source, recheck, place) = binder.change_source(items, delete.selection.as_ref(), &table)?;
            let returning = binder.bind_returning(delete.returning.as_ref())?;
            let (returning, outputs) = match returning {
                Some((exprs, columns)) => (Some(exprs), columns),
                None => (None, Vec::new()),
            };
            let modify = Modify::Delete {
                source: Arc::new(source),
                place,
                recheck: recheck.map(Into::into),
                returning,
                table: table.clone(),
            };
            Ok(Bound { plan: Plan::Modify(Box::new(modify)), columns: outputs })
        })
    }

    /// The rows that an `UPDATE` or `DELETE` works on, the condition to check again, the slot of the place.
    fn change_source(
        &mut self,
        mut items: Vec<FromItem>,
        selection: Option<&ast::Expr>,
        table: &Arc<Table>,
    ) -> Result<(Plan, Option<Expr>, usize)> {
        let mut conjuncts = Vec::new();
        if let Some(selection) = selection {
            self.scope().no_aggregates = Some("WHERE");
            self.scope().no_windows = Some("WHERE");
            self.bind_condition(selection, "WHERE")?.conjuncts(&mut conjuncts);
        }
        let mut recheck = conjuncts.clone();
        for item in &mut items {
            item.inner_conditions(&mut recheck);
        }
        items[0].want_place(0);
        let plan = self.plan_from(items, conjuncts)?;
        let recheck = if recheck.is_empty() { None } else { Some(Expr::and(recheck)) };
        Ok((plan, recheck, table.columns.len()))
    }
}

/// Whether assignments touch a column of a unique index that a foreign key may stand on.
fn touches_key(table: &Table, assignments: &[Assignment]) -> bool {
    table.indexes.iter().any(|index| {
        index.unique
            && index.predicate.is_none()
            && index.plain_columns().is_some_and(|columns| {
                assignments.iter().any(|assignment| columns.contains(&assignment.column))
            })
    })
}
