//! `SELECT`: clauses bound in PostgreSQL's order, and the plan put together.

use super::group::{Groups, cross};
use super::naming::column_name;
use super::query::{direction, order_keys, output_column};
use super::scope::{Scope, ScopeColumn};
use super::types::{fold, idents};
use super::{Binder, Bound, OutputColumn, Typed};
use crate::engine::{LockMode, WaitPolicy};
use crate::error::Result;
use crate::sql::error::{error, unsupported};
use crate::sql::expr::{Expr, Scalar};
use crate::sql::parse::{LockStrength, row_lock};
use crate::sql::plan::{Aggregation, LockTarget, Plan, SortKey, SystemColumn};
use crate::value::oid;
use sqlparser::ast::{self, GroupByExpr, SelectItem, SelectItemQualifiedWildcardKind};
use std::sync::Arc;

/// The clause of a lock strength.
pub(crate) fn strength_name(strength: LockStrength) -> &'static str {
    match strength {
        LockStrength::Update => "FOR UPDATE",
        LockStrength::NoKeyUpdate => "FOR NO KEY UPDATE",
        LockStrength::Share => "FOR SHARE",
        LockStrength::KeyShare => "FOR KEY SHARE",
    }
}

/// A select-list item, bound.
struct Item {
    expr: Expr,
    column: OutputColumn,
}

/// A sort key before the plan around it is known.
struct Order {
    /// The output column it is, if it is one.
    output: Option<usize>,
    expr: Expr,
    descending: bool,
    nulls_first: bool,
}

impl Binder {
    pub(crate) fn bind_select(&mut self, select: &ast::Select, query: &ast::Query) -> Result<Bound> {
        if select.into.is_some() {
            return Err(unsupported("SELECT INTO"));
        }
        if select.qualify.is_some() || !select.lateral_views.is_empty() || select.top.is_some() {
            return Err(unsupported("this clause of SELECT"));
        }
        self.with_scope(Scope::default(), |binder| binder.bind_select_inner(select, query))
    }

    fn bind_select_inner(&mut self, select: &ast::Select, query: &ast::Query) -> Result<Bound> {
        let from = self.bind_from(&select.from)?;
        for ast::NamedWindowDefinition(name, definition) in &select.named_window {
            let spec = match definition {
                ast::NamedWindowExpr::WindowSpec(spec) => spec.clone(),
                ast::NamedWindowExpr::NamedWindow(_) => return Err(unsupported("a window named by another")),
            };
            self.scope().named_windows.push((fold(name), spec));
        }
        let mut conjuncts = Vec::new();
        if let Some(selection) = &select.selection {
            self.scope().no_aggregates = Some("WHERE");
            self.scope().no_windows = Some("WHERE");
            let condition = self.bind_condition(selection, "WHERE")?;
            self.scope().no_aggregates = None;
            self.scope().no_windows = None;
            condition.conjuncts(&mut conjuncts);
        }
        self.scope().places.clear();
        let mut items = self.bind_items(&select.projection, true)?;
        let columns: Vec<OutputColumn> = items.iter().map(|item| item.column.clone()).collect();
        // GROUP BY.
        let (mut keys, sets) = self.bind_group_by(&select.group_by, &items, &columns)?;
        let having = match &select.having {
            Some(having) => {
                self.scope().no_windows = Some("HAVING");
                let condition = self.bind_condition(having, "HAVING")?;
                self.scope().no_windows = None;
                Some(condition)
            }
            None => None,
        };
        // ORDER BY and DISTINCT.
        self.scope().sets_allowed = true;
        let mut orders = Vec::new();
        for key in order_keys(query.order_by.as_ref())? {
            let (descending, nulls_first) = direction(&key.options)?;
            orders.push(match self.ordered_output(&key.expr, &columns, &items)? {
                Some(at) => Order { output: Some(at), expr: items[at].expr.clone(), descending, nulls_first },
                None => {
                    let bound = self.bind_expr(&key.expr)?;
                    let settled = self.settle(bound)?;
                    let output = items.iter().position(|item| item.expr == settled.expr);
                    Order { output, expr: settled.expr, descending, nulls_first }
                }
            });
        }
        let mut distinct_on: Option<Vec<Expr>> = None;
        let mut distinct = false;
        match &select.distinct {
            Some(ast::Distinct::Distinct) => distinct = true,
            Some(ast::Distinct::On(exprs)) => {
                let mut on = Vec::new();
                for expr in exprs {
                    on.push(match self.ordered_output(expr, &columns, &items)? {
                        Some(at) => items[at].expr.clone(),
                        None => {
                            let bound = self.bind_expr(expr)?;
                            self.settle(bound)?.expr
                        }
                    });
                }
                distinct_on = Some(on);
            }
            _ => {}
        }
        self.scope().sets_allowed = false;
        let aggregated =
            !self.scope().aggregates.is_empty() || having.is_some() || sets.is_some() || !keys.is_empty();
        let locks: Vec<crate::sql::parse::RowLock> = query.locks.iter().map(row_lock).collect();
        if let Some(lock) = locks.first() {
            let clause = strength_name(lock.strength);
            let refuse = |what: &str| Err(error(b"0A000", format!("{clause} is not allowed with {what}")));
            if distinct || distinct_on.is_some() {
                return refuse("DISTINCT clause");
            }
            if !keys.is_empty() || sets.is_some() {
                return refuse("GROUP BY clause");
            }
            if having.is_some() {
                return refuse("HAVING clause");
            }
            if !self.scope().aggregates.is_empty() {
                return refuse("aggregate functions");
            }
            if !self.scope().windows.is_empty() {
                return refuse("window functions");
            }
            if !self.scope().sets.is_empty() {
                return refuse("set-returning functions in the target list");
            }
        }
        let (targets, recheck) = self.bind_locks(&locks, &from, &conjuncts)?;
        let mut from = from;
        for target in &targets {
            for item in &mut from {
                item.want_place(target.start);
            }
        }
        let order_hint: Vec<(Expr, bool)> = if aggregated || distinct {
            Vec::new()
        } else {
            orders.iter().map(|order| (order.expr.clone(), order.descending)).collect()
        };
        let limited = query.limit_clause.is_some() || query.fetch.is_some();
        let mut plan = self.plan_from_ordered(from, conjuncts, if limited { &order_hint } else { &[] })?;
        let mut width = self.scope().width;
        if aggregated {
            plan =
                self.plan_groups(plan, &mut keys, sets, having, &mut items, &mut orders, &mut distinct_on)?;
            width = keys.len() + self.scope().aggregates.len();
        }
        let mut windows = std::mem::take(&mut self.scope().windows);
        if !windows.is_empty() {
            let place = |expr: &mut Expr| {
                expr.rewrite(&mut |part| {
                    if let Expr::Window(at) = part {
                        *part = Expr::Column(width + *at);
                    }
                });
            };
            items.iter_mut().for_each(|item| place(&mut item.expr));
            orders.iter_mut().for_each(|order| place(&mut order.expr));
            distinct_on.iter_mut().flatten().for_each(place);
            for call in &mut windows {
                call.call.args.iter_mut().for_each(place);
            }
            plan = Plan::Window(Arc::new(plan), windows, width);
        }
        let sets = std::mem::take(&mut self.scope().sets);
        let bound =
            self.finish_select(query, plan, items, orders, distinct, distinct_on, sets, (targets, recheck))?;
        Ok(bound)
    }

    /// Sorting, locking, limiting and projecting, in the order that the clauses ask for.
    #[allow(clippy::too_many_arguments)]
    fn finish_select(
        &mut self,
        query: &ast::Query,
        mut plan: Plan,
        items: Vec<Item>,
        orders: Vec<Order>,
        distinct: bool,
        distinct_on: Option<Vec<Expr>>,
        sets: Vec<super::scope::SetCall>,
        locking: (Vec<LockTarget>, Option<Expr>),
    ) -> Result<Bound> {
        let columns: Vec<OutputColumn> = items.iter().map(|item| item.column.clone()).collect();
        let width = items.len();
        let key = |order: &Order, expr: Expr| SortKey {
            expr: expr.into(),
            descending: order.descending,
            nulls_first: order.nulls_first,
        };
        if distinct || !sets.is_empty() {
            if distinct && orders.iter().any(|order| order.output.is_none()) {
                let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
                return Err(error(b"42P10", message));
            }
            // Project first, with the sort keys that are no output columns behind.
            let mut exprs: Vec<Scalar> = items.into_iter().map(|item| item.expr.into()).collect();
            let mut sort = Vec::new();
            for order in &orders {
                let at = match order.output {
                    Some(at) => at,
                    None => {
                        exprs.push(order.expr.clone().into());
                        exprs.len() - 1
                    }
                };
                sort.push(key(order, Expr::Column(at)));
            }
            let extended = exprs.len() > width;
            plan = if sets.is_empty() {
                Plan::Project(Arc::new(plan), exprs)
            } else {
                Plan::ProjectSet(Arc::new(plan), exprs, sets)
            };
            if distinct {
                plan = Plan::Distinct(Arc::new(plan));
            }
            if let Some(on) = distinct_on {
                let _ = on;
                return Err(unsupported("DISTINCT ON with set-returning functions"));
            }
            let ties = Some(sort.clone());
            if !sort.is_empty() {
                plan = Plan::Sort(Arc::new(plan), sort);
            }
            plan = self.bind_limit(query, plan, ties)?;
            if extended {
                plan = Plan::Project(Arc::new(plan), (0..width).map(|at| Expr::Column(at).into()).collect());
            }
            return Ok(Bound { plan, columns });
        }
        let mut sort: Vec<SortKey> = orders.iter().map(|order| key(order, order.expr.clone())).collect();
        if let Some(on) = &distinct_on {
            // The leading sort keys have to be the DISTINCT ON expressions, in any order.
            for (at, order) in orders.iter().enumerate() {
                if at < on.len() && !on.contains(&order.expr) {
                    let message = "SELECT DISTINCT ON expressions must match initial ORDER BY expressions";
                    return Err(error(b"42P10", message));
                }
            }
            for expr in on {
                if !orders.iter().any(|order| order.expr == *expr) {
                    sort.push(SortKey { expr: expr.clone().into(), descending: false, nulls_first: false });
                }
            }
        }
        let ties = Some(sort.clone());
        if !sort.is_empty() {
            plan = Plan::Sort(Arc::new(plan), sort);
        }
        if let Some(on) = distinct_on {
            plan = Plan::DistinctOn(Arc::new(plan), on.into_iter().map(Into::into).collect());
        }
        let (targets, recheck) = locking;
        if !targets.is_empty() {
            plan = Plan::LockRows(Arc::new(plan), targets, recheck.map(Into::into));
        }
        plan = self.bind_limit(query, plan, ties)?;
        plan = Plan::Project(Arc::new(plan), items.into_iter().map(|item| item.expr.into()).collect());
        Ok(Bound { plan, columns })
    }

    /// The output column that a sort expression names or numbers. A name that is both takes the output column.
    fn ordered_output(
        &mut self,
        expr: &ast::Expr,
        columns: &[OutputColumn],
        items: &[Item],
    ) -> Result<Option<usize>> {
        if let ast::Expr::Identifier(ident) = expr {
            let name = fold(ident);
            let places: Vec<usize> =
                columns.iter().enumerate().filter(|(_, c)| *c.name == *name).map(|(at, _)| at).collect();
            let distinct_exprs = places.iter().skip(1).any(|at| items[*at].expr != items[places[0]].expr);
            if distinct_exprs {
                return Err(error(b"42702", format!("ORDER BY \"{name}\" is ambiguous")));
            }
            return Ok(places.first().copied());
        }
        output_column(expr, columns)
    }

    #[allow(clippy::too_many_arguments)]
    fn plan_groups(
        &mut self,
        plan: Plan,
        keys: &mut Vec<Expr>,
        sets: Option<Vec<Vec<usize>>>,
        having: Option<Expr>,
        items: &mut [Item],
        orders: &mut [Order],
        distinct_on: &mut Option<Vec<Expr>>,
    ) -> Result<Plan> {
        let plain_keys = keys.len();
        let mut scope = std::mem::take(self.scope());
        let mut windows = std::mem::take(&mut scope.windows);
        let mut set_calls = std::mem::take(&mut scope.sets);
        let mut groups = Groups { scope: &scope, keys: std::mem::take(keys) };
        let mut having = having;
        {
            let mut all: Vec<&mut Expr> = Vec::new();
            all.extend(items.iter_mut().map(|item| &mut item.expr));
            all.extend(orders.iter_mut().map(|order| &mut order.expr));
            all.extend(distinct_on.iter_mut().flatten());
            all.extend(having.iter_mut());
            for window in &mut windows {
                all.extend(window.call.args.iter_mut());
                all.extend(window.call.filter.iter_mut());
                all.extend(window.window.partition.iter_mut());
                all.extend(window.window.order.iter_mut().map(|(expr, _, _)| expr));
            }
            all.extend(set_calls.iter_mut().map(|set| &mut set.expr));
            for expr in &all {
                groups.prepare(expr)?;
            }
            for expr in all {
                groups.rewrite(expr);
            }
        }
        let mut calls = scope.aggregates.clone();
        groups.place_grouping(&mut calls)?;
        *keys = groups.keys;
        let scalar = plain_keys == 0 && sets.is_none();
        // Columns that a primary key determines belong to every set.
        let sets = match sets {
            Some(sets) => {
                let extra: Vec<usize> = (plain_keys..keys.len()).collect();
                sets.into_iter().map(|set| set.into_iter().chain(extra.iter().copied()).collect()).collect()
            }
            None => vec![(0..keys.len()).collect()],
        };
        scope.windows = windows;
        scope.sets = set_calls;
        *self.scope() = scope;
        let aggregation = Aggregation {
            input: Arc::new(plan),
            keys: keys.iter().cloned().map(Into::into).collect(),
            calls,
            sets,
            scalar,
        };
        Ok(Plan::Aggregate(Box::new(aggregation)).filtered(having))
    }

    fn bind_items(&mut self, projection: &[SelectItem], sets: bool) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(ast::Expr::CompoundFieldAccess { .. })
                | SelectItem::UnnamedExpr(_)
                | SelectItem::ExprWithAlias { .. } => {
                    let (expr, alias) = match item {
                        SelectItem::UnnamedExpr(expr) => (expr, None),
                        SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
                        _ => unreachable!("matched above"),
                    };
                    self.scope().sets_allowed = sets;
                    let bound = self.bind_expr(expr)?;
                    self.scope().sets_allowed = false;
                    let name: Arc<str> = alias.map_or_else(|| column_name(expr), fold).into();
                    let item = self.item(bound, name)?;
                    items.push(item);
                }
                SelectItem::Wildcard(_) => {
                    let columns = self.scope().columns.clone();
                    if self.scope().relations.is_empty() {
                        return Err(error(b"42601", "SELECT * with no tables specified is not valid"));
                    }
                    items.extend(columns.into_iter().map(|column| column_item(&column)));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let parts = idents(name)?;
                    let (schema, table) = match parts.as_slice() {
                        [table] => (None, *table),
                        [schema, table] => (Some(fold(schema)), *table),
                        _ => return Err(error(b"42601", "improper qualified name (too many dotted names)")),
                    };
                    let table_name = fold(table);
                    match self.scope().relation(schema.as_deref(), &table_name)? {
                        Some(at) => {
                            let columns = self.scope().relations[at].columns.clone();
                            items.extend(columns.into_iter().map(|column| column_item(&column)));
                        }
                        None => {
                            let message = format!("missing FROM-clause entry for table \"{table_name}\"");
                            return Err(crate::sql::error::error_at_ident(table, b"42P01", message));
                        }
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(expr), _) => {
                    let bound = self.bind_expr(expr)?;
                    self.expand_record(bound, &mut items)?;
                }
                other => return Err(unsupported(format!("select item {other}"))),
            }
        }
        Ok(items)
    }

    /// `(row).*`.
    fn expand_record(&mut self, record: Typed, items: &mut Vec<Item>) -> Result<()> {
        use crate::value::text::{TypeCatalog, TypeKind};
        let names = crate::sql::functions::field_names(record.data_type.oid, &self.env);
        let Some(TypeKind::Composite(types)) = self.env.kind(record.data_type.oid) else {
            return Err(error(b"42809", "record type has not been registered"));
        };
        for (at, (name, data_type)) in names.into_iter().zip(types.iter()).enumerate() {
            let expr = Expr::Field(Box::new(record.expr.clone()), at);
            let column = OutputColumn { name, data_type: *data_type, table_oid: 0, attribute: 0 };
            items.push(Item { expr, column });
        }
        Ok(())
    }

    fn item(&mut self, bound: Typed, name: Arc<str>) -> Result<Item> {
        // Where the column comes from, for RowDescription.
        let origin = match &bound.expr {
            Expr::Column(_) => {
                let scope = self.scope();
                let columns =
                    scope.relations.iter().flat_map(|relation| &relation.columns).chain(&scope.columns);
                columns.filter(|column| column.expr == bound.expr).map(|c| (c.table_oid, c.attribute)).next()
            }
            _ => None,
        };
        let (table_oid, attribute) = origin.unwrap_or((0, 0));
        let column = OutputColumn { name, data_type: bound.data_type, table_oid, attribute };
        Ok(Item { expr: bound.expr, column })
    }

    fn group_item(&mut self, expr: &ast::Expr, items: &[Item], columns: &[OutputColumn]) -> Result<Expr> {
        let expr = super::expr::strip(expr);
        let place = match expr {
            ast::Expr::Identifier(ident) => {
                let input = self.scope().columns.iter().any(|column| *column.name == fold(ident));
                if input { None } else { output_column(expr, columns)? }
            }
            ast::Expr::Value(_) => output_column(expr, columns).map_err(|mut raised| {
                raised.message = raised.message.replace("ORDER BY", "GROUP BY");
                raised
            })?,
            _ => None,
        };
        match place {
            Some(at) => {
                let item = items[at].expr.clone();
                if item.any(&|part| matches!(part, Expr::Aggregate(_))) {
                    return Err(error(b"42803", "aggregate functions are not allowed in GROUP BY"));
                }
                Ok(item)
            }
            None => {
                self.scope().no_aggregates = Some("GROUP BY");
                self.scope().no_windows = Some("GROUP BY");
                let bound = self.bind_expr(expr)?;
                self.scope().no_aggregates = None;
                self.scope().no_windows = None;
                Ok(self.settle(bound)?.expr)
            }
        }
    }

    /// The keys of `GROUP BY`, and the grouping sets when there are several.
    #[allow(clippy::type_complexity)]
    fn bind_group_by(
        &mut self,
        group_by: &GroupByExpr,
        items: &[Item],
        columns: &[OutputColumn],
    ) -> Result<(Vec<Expr>, Option<Vec<Vec<usize>>>)> {
        let exprs = match group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
            _ => return Err(unsupported("this form of GROUP BY")),
        };
        let mut keys: Vec<Expr> = Vec::new();
        let mut place = |expr: Expr| -> usize {
            keys.iter().position(|key| *key == expr).unwrap_or_else(|| {
                keys.push(expr);
                keys.len() - 1
            })
        };
        let mut sets: Vec<Vec<Vec<usize>>> = Vec::new();
        let mut several = false;
        for expr in exprs {
            let lists = match expr {
                ast::Expr::Rollup(lists) | ast::Expr::Cube(lists) | ast::Expr::GroupingSets(lists) => lists,
                ast::Expr::Tuple(parts) => {
                    let mut set = Vec::new();
                    for part in parts {
                        set.push(place(self.group_item(part, items, columns)?));
                    }
                    sets.push(vec![set]);
                    continue;
                }
                other => {
                    sets.push(vec![vec![place(self.group_item(other, items, columns)?)]]);
                    continue;
                }
            };
            several = true;
            let mut places: Vec<Vec<usize>> = Vec::new();
            for list in lists {
                let mut set = Vec::new();
                for part in list {
                    match part {
                        ast::Expr::Tuple(inner) => {
                            for part in inner {
                                set.push(place(self.group_item(part, items, columns)?));
                            }
                        }
                        part => set.push(place(self.group_item(part, items, columns)?)),
                    }
                }
                places.push(set);
            }
            sets.push(match expr {
                ast::Expr::GroupingSets(_) => places,
                ast::Expr::Rollup(_) => (0..=places.len()).rev().map(|n| places[..n].concat()).collect(),
                _ => (0..1_usize << places.len())
                    .rev()
                    .map(|bits| {
                        let chosen = places
                            .iter()
                            .enumerate()
                            .filter(|(at, _)| bits >> (places.len() - 1 - at) & 1 == 1);
                        chosen.flat_map(|(_, set)| set.clone()).collect()
                    })
                    .collect(),
            });
        }
        Ok((keys, if several { Some(cross(&sets)) } else { None }))
    }

    /// The tables to lock, and the condition to check again.
    fn bind_locks(
        &mut self,
        locks: &[crate::sql::parse::RowLock],
        from: &[crate::sql::plan::join::FromItem],
        conjuncts: &[Expr],
    ) -> Result<(Vec<LockTarget>, Option<Expr>)> {
        let mut targets: Vec<LockTarget> = Vec::new();
        if locks.is_empty() {
            return Ok((targets, None));
        }
        let relations: Vec<_> = self.scope().relations.clone();
        for lock in locks {
            let clause = strength_name(lock.strength);
            for name in &lock.tables {
                if !relations.iter().any(|relation| *relation.alias == **name) {
                    return Err(error(
                        b"42P01",
                        format!("relation \"{name}\" in {clause} clause not found in FROM clause"),
                    ));
                }
            }
            for relation in &relations {
                let named = lock.tables.iter().any(|name| *relation.alias == **name);
                if !lock.tables.is_empty() && !named {
                    continue;
                }
                let Some(table) = &relation.table else {
                    if relation.unlocked {
                        return Err(unsupported(format!("{clause} of a sub-select or view in FROM")));
                    }
                    if named {
                        return Err(error(b"0A000", format!("{clause} cannot be applied to this FROM item")));
                    }
                    continue;
                };
                if relation.nullable {
                    let message = format!("{clause} cannot be applied to the nullable side of an outer join");
                    return Err(error(b"0A000", message));
                }
                self.lock(table.oid, LockMode::RowShare);
                let policy = match lock.nonblock {
                    None => WaitPolicy::Wait,
                    Some(ast::NonBlock::Nowait) => WaitPolicy::NoWait,
                    Some(ast::NonBlock::SkipLocked) => WaitPolicy::Skip,
                };
                if let Some(known) = targets.iter_mut().find(|target| target.start == relation.start) {
                    known.strength = known.strength.max(lock.strength);
                    if policy != WaitPolicy::Wait {
                        known.policy = policy;
                    }
                    continue;
                }
                targets.push(LockTarget {
                    table: table.clone(),
                    start: relation.start,
                    place: relation.start + table.columns.len(),
                    extra: vec![SystemColumn::Place],
                    strength: lock.strength,
                    policy,
                });
            }
            self.locks_rows = Some(clause);
        }
        let mut parts = conjuncts.to_vec();
        for item in from {
            item.inner_conditions(&mut parts);
        }
        Ok((targets, if parts.is_empty() { None } else { Some(Expr::and(parts)) }))
    }

    /// Binds `RETURNING` over the current scope.
    ///
    /// # Errors
    ///
    /// Those of the expressions.
    #[allow(clippy::type_complexity)]
    pub(crate) fn bind_returning(
        &mut self,
        returning: Option<&Vec<SelectItem>>,
    ) -> Result<Option<(Vec<Scalar>, Vec<OutputColumn>)>> {
        let Some(returning) = returning else { return Ok(None) };
        self.scope().no_aggregates = Some("RETURNING");
        self.scope().no_windows = Some("RETURNING");
        let items = self.bind_items(returning, false)?;
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for mut item in items {
            if item.column.data_type.oid == oid::UNKNOWN {
                let settled = self.settle(Typed::new(item.expr, oid::UNKNOWN))?;
                item.expr = settled.expr;
                item.column.data_type = settled.data_type;
            }
            exprs.push(item.expr.into());
            columns.push(item.column);
        }
        Ok(Some((exprs, columns)))
    }
}

fn column_item(column: &ScopeColumn) -> Item {
    let output = OutputColumn {
        name: column.name.clone(),
        data_type: column.data_type,
        table_oid: column.table_oid,
        attribute: column.attribute,
    };
    Item { expr: column.expr.clone(), column: output }
}
