//! Queries: `WITH`, set operations, `VALUES`, `ORDER BY`, `LIMIT`.

use super::scope::{Scope, ScopeColumn};
use super::types::fold;
use super::{Binder, Bound, CteBinding, OutputColumn, Typed};
use crate::error::Result;
use crate::sql::cast::CastContext;
use crate::sql::error::{error, error_at_ident, unsupported};
use crate::sql::expr::{Expr, Scalar};
use crate::sql::plan::{Cte, Plan, SetKind, SortKey};
use crate::value::{DataType, oid};
use sqlparser::ast::{self, SetExpr, SetOperator, SetQuantifier};
use std::sync::Arc;

/// Direction of a sort: descending, nulls first.
///
/// # Errors
///
/// 0A000 for `USING` with another operator than `<` or `>`.
pub(crate) fn direction(options: &ast::OrderByOptions) -> Result<(bool, bool)> {
    let descending = match &options.sort {
        None | Some(ast::OrderBySort::Asc) => false,
        Some(ast::OrderBySort::Desc) => true,
        Some(ast::OrderBySort::Using(name)) => match name.to_string().as_str() {
            "<" => false,
            ">" => true,
            other => return Err(unsupported(format!("ORDER BY USING {other}"))),
        },
    };
    Ok((descending, options.nulls_first.unwrap_or(descending)))
}

/// The keys of `ORDER BY`.
pub(crate) fn order_keys(order: Option<&ast::OrderBy>) -> Result<&[ast::OrderByExpr]> {
    match order.map(|order| &order.kind) {
        None => Ok(&[]),
        Some(ast::OrderByKind::Expressions(keys)) => Ok(keys),
        Some(ast::OrderByKind::All(_)) => Err(unsupported("ORDER BY ALL")),
    }
}

impl Binder {
    /// Binds a query.
    ///
    /// # Errors
    ///
    /// Those of its parts.
    pub fn bind_query(&mut self, query: &ast::Query) -> Result<Bound> {
        let kept = self.ctes.len();
        let bound = self.bind_query_inner(query);
        self.ctes.truncate(kept);
        bound
    }

    fn bind_query_inner(&mut self, query: &ast::Query) -> Result<Bound> {
        let from = self.ctes.len();
        let mut kept = Vec::new();
        if let Some(with) = &query.with {
            for cte in &with.cte_tables {
                self.bind_cte(cte, with.recursive, from, &mut kept)?;
            }
        }
        let mut bound = self.bind_query_body(query)?;
        // Expressions read once were used in place.
        kept.retain(|cte: &Cte| {
            cte.modifies || self.ctes.iter().any(|binding| binding.id == cte.id && binding.uses > 0)
        });
        if !kept.is_empty() {
            bound.plan = Plan::With(kept, Arc::new(bound.plan));
        }
        Ok(bound)
    }

    fn bind_cte(&mut self, cte: &ast::Cte, recursive: bool, from: usize, kept: &mut Vec<Cte>) -> Result<()> {
        let name: Arc<str> = fold(&cte.alias.name).into();
        if self.ctes[from..].iter().any(|known| known.name == name) {
            let message = format!("WITH query name \"{name}\" specified more than once");
            return Err(error_at_ident(&cte.alias.name, b"42712", message));
        }
        let id = self.next_table;
        self.next_table += 1;
        let aliases: Vec<&ast::Ident> = cte.alias.columns.iter().map(|column| &column.name).collect();
        let level = self.scopes.len();
        let modifies =
            matches!(&*cte.query.body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_));
        let bound = match (&*cte.query.body, recursive) {
            (SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right }, true)
                if mentions(right, &cte.alias.name) =>
            {
                self.bind_recursive(&cte.query, left, right, *set_quantifier, id, &name, &aliases)?
            }
            _ => self.bind_query(&cte.query)?,
        };
        let mut columns = bound.columns;
        rename(&mut columns, &aliases, &name)?;
        let plan = Arc::new(bound.plan);
        kept.push(Cte { id, name: name.clone(), plan: plan.clone(), modifies });
        let in_place = !modifies && !matches!(cte.materialized, Some(ast::CteAsMaterialized::Materialized));
        let plan = if in_place { Some(plan) } else { None };
        self.ctes.push(CteBinding { name, id, columns, plan, work_table: false, level, uses: 0 });
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn bind_recursive(
        &mut self,
        query: &ast::Query,
        left: &SetExpr,
        right: &SetExpr,
        quantifier: SetQuantifier,
        id: usize,
        name: &Arc<str>,
        aliases: &[&ast::Ident],
    ) -> Result<Bound> {
        if query.order_by.is_some() || query.limit_clause.is_some() {
            return Err(unsupported("ORDER BY or LIMIT in a recursive query"));
        }
        let mut start = self.bind_set_expr(left)?;
        self.settle_columns(&mut start)?;
        let mut columns = start.columns.clone();
        rename(&mut columns, aliases, name)?;
        let level = self.scopes.len();
        self.ctes.push(CteBinding {
            name: name.clone(),
            id,
            columns: columns.clone(),
            plan: None,
            work_table: true,
            level,
            uses: 0,
        });
        let step = self.bind_set_expr(right);
        self.ctes.pop();
        let mut step = step?;
        if step.columns.len() != columns.len() {
            return Err(error(b"42601", "each UNION query must have the same number of columns"));
        }
        let types: Vec<DataType> = columns.iter().map(|column| column.data_type).collect();
        for (at, (column, wanted)) in step.columns.iter().zip(&types).enumerate() {
            let common = super::resolve::common_type(&[wanted.oid, column.data_type.oid], &self.env);
            if common != Ok(wanted.oid) {
                use crate::value::text::TypeCatalog;
                let message = format!(
                    "recursive query \"{name}\" column {} has type {} in non-recursive term but type {} overall",
                    at + 1,
                    self.env.type_name(wanted.oid),
                    common.map_or_else(|_| "unknown".to_owned(), |oid| self.env.type_name(oid)),
                );
                return Err(error(b"42804", message)
                    .with_hint("Cast the output of the non-recursive term to the correct type."));
            }
        }
        self.convert(&mut step, &types)?;
        let distinct = quantifier != SetQuantifier::All;
        let plan = Plan::Recursive(id, Arc::new(start.plan), Arc::new(step.plan), distinct);
        Ok(Bound { plan, columns })
    }

    fn bind_query_body(&mut self, query: &ast::Query) -> Result<Bound> {
        if query.for_clause.is_some() || query.settings.is_some() || !query.pipe_operators.is_empty() {
            return Err(unsupported("this clause of SELECT"));
        }
        if let SetExpr::Select(select) = &*query.body {
            return self.bind_select(select, query);
        }
        let mut bound = self.bind_set_expr(&query.body)?;
        if let Some(lock) = query.locks.first() {
            let lock = crate::sql::parse::row_lock(lock);
            let what = super::select::strength_name(lock.strength);
            let shape =
                if matches!(&*query.body, SetExpr::Values(_)) { "VALUES" } else { "UNION/INTERSECT/EXCEPT" };
            if !matches!(&*query.body, SetExpr::Query(_)) {
                return Err(error(b"0A000", format!("{what} is not allowed with {shape}")));
            }
        }
        let keys = order_keys(query.order_by.as_ref())?;
        if !keys.is_empty() {
            let sort = self.bind_output_order(keys, &bound)?;
            bound.plan = Plan::Sort(Arc::new(bound.plan), sort);
        }
        bound.plan = self.bind_limit(query, bound.plan, None)?;
        Ok(bound)
    }

    /// `ORDER BY` of a set operation or `VALUES`: names and numbers of output columns.
    fn bind_output_order(&mut self, keys: &[ast::OrderByExpr], bound: &Bound) -> Result<Vec<SortKey>> {
        let mut sort = Vec::new();
        for key in keys {
            let (descending, nulls_first) = direction(&key.options)?;
            let at = match output_column(&key.expr, &bound.columns)? {
                Some(at) => at,
                None => {
                    let columns = bound.columns.iter().enumerate().map(|(at, column)| ScopeColumn {
                        name: column.name.clone(),
                        data_type: column.data_type,
                        expr: Expr::Column(at),
                        table_oid: 0,
                        attribute: 0,
                    });
                    let scope = Scope { columns: columns.collect(), ..Scope::default() };
                    let found = self.with_scope(scope, |binder| binder.bind_expr(&key.expr))?;
                    if !matches!(found.expr, Expr::Column(_)) {
                        return Err(error(b"0A000", "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
                            .with_detail(
                                "Only result column names can be used, not expressions or functions.",
                            ));
                    }
                    sort.push(SortKey { expr: found.expr.into(), descending, nulls_first });
                    continue;
                }
            };
            sort.push(SortKey { expr: Expr::Column(at).into(), descending, nulls_first });
        }
        Ok(sort)
    }

    /// `LIMIT`, `OFFSET`, `FETCH` over a plan.
    pub(crate) fn bind_limit(
        &mut self,
        query: &ast::Query,
        plan: Plan,
        ties: Option<Vec<SortKey>>,
    ) -> Result<Plan> {
        let (mut limit, mut offset) = (None, None);
        match &query.limit_clause {
            Some(ast::LimitClause::LimitOffset { limit: given, offset: skipped, .. }) => {
                limit = given.as_ref();
                offset = skipped.as_ref().map(|offset| &offset.value);
            }
            Some(ast::LimitClause::OffsetCommaLimit { .. }) => {
                return Err(error(b"42601", "LIMIT #,# syntax is not supported"));
            }
            None => {}
        }
        let mut with_ties = false;
        let one = ast::Expr::Value(ast::Value::Number("1".to_owned(), false).into());
        if let Some(fetch) = &query.fetch {
            if fetch.percent {
                return Err(unsupported("FETCH PERCENT"));
            }
            with_ties = fetch.with_ties;
            limit = Some(fetch.quantity.as_ref().unwrap_or(&one));
        }
        let limit = limit.map(|expr| self.bind_count(expr, "LIMIT")).transpose()?.flatten();
        let offset = offset.map(|expr| self.bind_count(expr, "OFFSET")).transpose()?.flatten();
        if limit.is_none() && offset.is_none() {
            return Ok(plan);
        }
        if with_ties && ties.as_ref().is_none_or(Vec::is_empty) {
            return Err(error(b"42601", "WITH TIES cannot be specified without ORDER BY clause"));
        }
        Ok(Plan::Limit(Arc::new(plan), limit, offset, if with_ties { ties } else { None }))
    }

    fn bind_count(&mut self, expr: &ast::Expr, clause: &'static str) -> Result<Option<Scalar>> {
        if matches!(expr, ast::Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("all"))
        {
            return Ok(None);
        }
        let scope = Scope { no_aggregates: Some(clause), no_windows: Some(clause), ..Scope::default() };
        let bound = self.with_scope(scope, |binder| binder.bind_expr(expr)).map_err(|raised| {
            if raised.sqlstate == "42703" {
                return error(b"42P10", format!("argument of {clause} must not contain variables"));
            }
            raised
        })?;
        let source = bound.data_type.oid;
        let target = DataType::of(oid::INT8);
        let coerced = self.try_coerce(bound, target, CastContext::Assignment)?.map_err(|_| {
            use crate::value::text::TypeCatalog;
            let name = self.env.type_name(source);
            error(b"42804", format!("argument of {clause} must be type bigint, not type {name}"))
        })?;
        Ok(Some(coerced.into()))
    }

    pub(crate) fn bind_set_expr(&mut self, body: &SetExpr) -> Result<Bound> {
        match body {
            SetExpr::Select(select) => {
                let query = bare_query(body.clone());
                self.bind_select(select, &query)
            }
            SetExpr::Query(query) => self.bind_query(query),
            SetExpr::Values(values) => self.bind_values(values),
            SetExpr::SetOperation { op, set_quantifier, left, right } => {
                self.bind_set_operation(*op, *set_quantifier, left, right)
            }
            SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => {
                self.bind_statement(statement)
            }
            SetExpr::Merge(_) => Err(unsupported("MERGE")),
            SetExpr::Table(table) => {
                let name = table
                    .table_name
                    .clone()
                    .ok_or_else(|| error(b"42601", "syntax error at end of input"))?;
                let mut parts = Vec::new();
                parts.extend(table.schema_name.clone());
                parts.push(name);
                self.bind_table_command(parts)
            }
        }
    }

    fn bind_set_operation(
        &mut self,
        op: SetOperator,
        quantifier: SetQuantifier,
        left: &SetExpr,
        right: &SetExpr,
    ) -> Result<Bound> {
        let (kind, word) = match op {
            SetOperator::Union => (SetKind::Union, "UNION"),
            SetOperator::Intersect => (SetKind::Intersect, "INTERSECT"),
            SetOperator::Except => (SetKind::Except, "EXCEPT"),
            SetOperator::Minus => return Err(unsupported("MINUS")),
        };
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::None | SetQuantifier::Distinct => false,
            _ => return Err(unsupported("BY NAME")),
        };
        let mut left = self.bind_set_expr(left)?;
        let mut right = self.bind_set_expr(right)?;
        if left.columns.len() != right.columns.len() {
            return Err(error(b"42601", format!("each {word} query must have the same number of columns")));
        }
        let mut types = Vec::new();
        for (a, b) in left.columns.iter().zip(&right.columns) {
            let common = super::resolve::common_type(&[a.data_type.oid, b.data_type.oid], &self.env);
            let common = common.map_err(|(first, other)| {
                use crate::value::text::TypeCatalog;
                let (first, other) = (self.env.type_name(first), self.env.type_name(other));
                error(b"42804", format!("{word} types {first} and {other} cannot be matched"))
            })?;
            let typmod = if a.data_type == b.data_type { a.data_type.typmod } else { -1 };
            types.push(DataType { oid: common, typmod });
        }
        self.convert(&mut left, &types)?;
        self.convert(&mut right, &types)?;
        let columns = left
            .columns
            .iter()
            .zip(&types)
            .map(|(column, data_type)| OutputColumn {
                name: column.name.clone(),
                data_type: *data_type,
                table_oid: 0,
                attribute: 0,
            })
            .collect();
        let plan = Plan::SetOperation(kind, all, Arc::new(left.plan), Arc::new(right.plan));
        Ok(Bound { plan, columns })
    }

    /// Brings the columns of a query to types.
    pub(crate) fn convert(&mut self, bound: &mut Bound, types: &[DataType]) -> Result<()> {
        if bound.columns.iter().zip(types).all(|(column, wanted)| column.data_type == *wanted) {
            return Ok(());
        }
        let mut exprs: Vec<Scalar> = Vec::new();
        for (at, (column, wanted)) in bound.columns.iter().zip(types).enumerate() {
            // A literal of the select list is still untyped: convert it where it stands.
            if let Plan::Project(_, list) = &bound.plan
                && column.data_type.oid == oid::UNKNOWN
                && let Expr::Const(_) | Expr::Param(_) = &list[at].expr
            {
                let literal = Typed::new(list[at].expr.clone(), oid::UNKNOWN);
                let expr = self.coerce(literal, DataType::of(wanted.oid), CastContext::Implicit)?;
                exprs.push(expr.into());
                continue;
            }
            let given = Typed { expr: Expr::Column(at), data_type: column.data_type };
            exprs.push(self.coerce(given, DataType::of(wanted.oid), CastContext::Implicit)?.into());
        }
        for (column, wanted) in bound.columns.iter_mut().zip(types) {
            column.data_type = *wanted;
        }
        let input = std::mem::replace(&mut bound.plan, Plan::OneRow);
        bound.plan = Plan::Project(Arc::new(input), exprs);
        Ok(())
    }

    /// Untyped columns become text.
    pub(crate) fn settle_columns(&mut self, bound: &mut Bound) -> Result<()> {
        let types: Vec<DataType> = bound
            .columns
            .iter()
            .map(|column| {
                if column.data_type.oid == oid::UNKNOWN { DataType::of(oid::TEXT) } else { column.data_type }
            })
            .collect();
        self.convert(bound, &types)
    }

    /// `VALUES`: each column of one type.
    pub(crate) fn bind_values(&mut self, values: &ast::Values) -> Result<Bound> {
        let width = values.rows.first().map_or(0, |row| row.content.len());
        let scope = Scope { no_aggregates: Some("VALUES"), no_windows: Some("VALUES"), ..Scope::default() };
        self.with_scope(scope, |binder| {
            let mut by_column: Vec<Vec<Typed>> = vec![Vec::new(); width];
            for row in &values.rows {
                if row.content.len() != width {
                    return Err(error(b"42601", "VALUES lists must all be the same length"));
                }
                for (column, expr) in by_column.iter_mut().zip(&row.content) {
                    column.push(binder.bind_expr(expr)?);
                }
            }
            let mut columns = Vec::new();
            let mut rows: Vec<Vec<Scalar>> = vec![Vec::new(); values.rows.len()];
            for (at, column) in by_column.into_iter().enumerate() {
                let unknown = column.iter().all(|typed| typed.data_type.oid == oid::UNKNOWN);
                let (exprs, data_type) = if unknown && column.len() == 1 {
                    let only = column.into_iter().next().expect("one row");
                    let settled = binder.settle(only)?;
                    (vec![settled.expr], settled.data_type)
                } else {
                    binder.unify(column, "VALUES")?
                };
                for (row, expr) in rows.iter_mut().zip(exprs) {
                    row.push(expr.into());
                }
                let name = format!("column{}", at + 1).into();
                columns.push(OutputColumn { name, data_type, table_oid: 0, attribute: 0 });
            }
            Ok(Bound { plan: Plan::Values(rows), columns })
        })
    }

    /// Looks a common table expression up.
    pub(crate) fn find_cte(&mut self, name: &str) -> Option<(Plan, Vec<OutputColumn>)> {
        let level = self.scopes.len();
        let binding = self.ctes.iter_mut().rev().find(|cte| &*cte.name == name)?;
        binding.uses += 1;
        if binding.work_table {
            return Some((Plan::WorkTable(binding.id), binding.columns.clone()));
        }
        // Read for the first time from the level it was written at: used in place, so that LIMIT above it stops it.
        let _ = (&binding.plan, binding.level, level);
        Some((Plan::Cte(binding.id, binding.name.clone()), binding.columns.clone()))
    }
}

/// Whether a query body reads a table of a name: finds the recursive term.
fn mentions(body: &SetExpr, name: &ast::Ident) -> bool {
    // Textual, over the printed query: a quoted or bare word equal to the name.
    let wanted = fold(name);
    let text = body.to_string();
    text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
        .any(|word| word == wanted || word.to_lowercase() == wanted)
}

/// A query that is nothing but its body.
fn bare_query(body: SetExpr) -> ast::Query {
    ast::Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

fn rename(columns: &mut [OutputColumn], aliases: &[&ast::Ident], name: &str) -> Result<()> {
    if aliases.len() > columns.len() {
        let message = format!(
            "WITH query \"{name}\" has {} columns available but {} columns specified",
            columns.len(),
            aliases.len()
        );
        return Err(error(b"42P10", message));
    }
    for (column, alias) in columns.iter_mut().zip(aliases) {
        column.name = fold(alias).into();
    }
    Ok(())
}

/// The output column that an `ORDER BY` or `GROUP BY` item names or numbers.
///
/// # Errors
///
/// 42P10 for a number out of range, 42702 for an ambiguous name.
pub(crate) fn output_column(expr: &ast::Expr, columns: &[OutputColumn]) -> Result<Option<usize>> {
    match expr {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Number(digits, _) => {
                let position: usize = digits.parse().unwrap_or(0);
                if position == 0 || position > columns.len() {
                    return Err(error(b"42P10", format!("ORDER BY position {digits} is not in select list")));
                }
                Ok(Some(position - 1))
            }
            _ => Err(error(b"42601", "non-integer constant in ORDER BY")),
        },
        ast::Expr::Identifier(ident) => {
            let name = fold(ident);
            let mut matches = columns.iter().enumerate().filter(|(_, column)| *column.name == *name);
            Ok(matches.next().map(|(at, _)| at))
        }
        _ => Ok(None),
    }
}
