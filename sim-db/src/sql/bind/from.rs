//! `FROM`: relations bound into scope, and the tree of joins to be planned.

use super::expr::is_set;
use super::scope::{Scope, ScopeColumn, ScopeRelation, SetCall};
use super::types::{fold, qualified, resolve};
use super::{Binder, Bound, OutputColumn, Typed};
use crate::engine::LockMode;
use crate::error::Result;
use crate::sql::catalog::env::Found;
use crate::sql::catalog::{Env, Relation, Table};
use crate::sql::error::{error, error_at_ident, unsupported};
use crate::sql::expr::Expr;
use crate::sql::plan::join::{FromItem, JoinNode};
use crate::sql::plan::{FunctionCall, JoinKind, Plan};
use crate::value::{DataType, oid};
use sqlparser::ast::{self, JoinConstraint, JoinOperator, TableFactor};
use std::sync::Arc;

/// A table as a relation of a scope, its columns from slot `start`.
pub fn table_relation(
    table: &Arc<Table>,
    alias: Option<Arc<str>>,
    start: usize,
    id: usize,
    env: &Env,
) -> ScopeRelation {
    let columns = table
        .live_columns()
        .map(|(at, column)| ScopeColumn {
            name: column.name.clone(),
            data_type: column.data_type,
            expr: Expr::Column(start + at),
            table_oid: table.oid,
            attribute: at as i16 + 1,
        })
        .collect();
    ScopeRelation {
        aliased: alias.is_some(),
        alias: alias.unwrap_or_else(|| table.name.clone()),
        schema: env.catalog.schema_name(table.schema).cloned(),
        columns,
        table: Some(table.clone()),
        start,
        width: table.columns.len() + 1,
        id,
        row_type: table.row_type,
        nullable: false,
        scalar: false,
        unlocked: false,
    }
}

impl Binder {
    /// Binds the items of `FROM` into the current scope.
    ///
    /// # Errors
    ///
    /// 42P01, 42712 and those of the parts.
    pub(crate) fn bind_from(&mut self, items: &[ast::TableWithJoins]) -> Result<Vec<FromItem>> {
        let mut bound = Vec::new();
        for item in items {
            bound.push(self.bind_table_with_joins(item)?);
        }
        Ok(bound)
    }

    pub(crate) fn bind_table_with_joins(&mut self, item: &ast::TableWithJoins) -> Result<FromItem> {
        let columns_before = self.scope().columns.len();
        let mut left = self.bind_factor(&item.relation)?;
        let mut left_columns = self.scope().columns.split_off(columns_before);
        for join in &item.joins {
            let (kind, constraint) = match &join.join_operator {
                JoinOperator::Join(c) | JoinOperator::Inner(c) => (JoinKind::Inner, c),
                JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (JoinKind::Left, c),
                JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (JoinKind::Right, c),
                JoinOperator::FullOuter(c) => (JoinKind::Full, c),
                JoinOperator::CrossJoin(c) => (JoinKind::Inner, c),
                other => return Err(unsupported(format!("join {other:?}"))),
            };
            let first_left = self.first_relation(&left);
            let first_right = self.scope().relations.len();
            // The right side may refer to the left one when it is LATERAL: its columns stay visible meanwhile.
            self.scope().columns.extend(left_columns.iter().cloned());
            let before_right = self.scope().columns.len();
            let right = self.bind_factor(&join.relation)?;
            let right_columns = self.scope().columns.split_off(before_right);
            self.scope().columns.truncate(columns_before);
            let last = self.scope().relations.len();
            if matches!(kind, JoinKind::Left | JoinKind::Full) {
                for relation in &mut self.scope().relations[first_right..last] {
                    relation.nullable = true;
                }
            }
            if matches!(kind, JoinKind::Right | JoinKind::Full) {
                for relation in &mut self.scope().relations[first_left..first_right] {
                    relation.nullable = true;
                }
            }
            let (condition, merged) = self.bind_constraint(constraint, kind, left_columns, right_columns)?;
            left_columns = merged;
            left = FromItem::Join(Box::new(JoinNode { left, right, kind, condition }));
        }
        self.scope().columns.extend(left_columns);
        Ok(left)
    }

    fn first_relation(&mut self, item: &FromItem) -> usize {
        match item {
            FromItem::Unit { id, .. } => *id,
            FromItem::Join(join) => self.first_relation(&join.left),
        }
    }

    /// The condition of a join, and the columns visible after it.
    fn bind_constraint(
        &mut self,
        constraint: &JoinConstraint,
        kind: JoinKind,
        left: Vec<ScopeColumn>,
        right: Vec<ScopeColumn>,
    ) -> Result<(Option<Expr>, Vec<ScopeColumn>)> {
        let names: Vec<String> = match constraint {
            JoinConstraint::None => return Ok((None, left.into_iter().chain(right).collect())),
            JoinConstraint::On(expr) => {
                let visible: Vec<ScopeColumn> = left.into_iter().chain(right).collect();
                let before = std::mem::replace(&mut self.scope().columns, visible);
                let no_aggregates = self.scope().no_aggregates.replace("JOIN conditions");
                let condition = self.bind_condition(expr, "JOIN/ON");
                self.scope().no_aggregates = no_aggregates;
                let visible = std::mem::replace(&mut self.scope().columns, before);
                return Ok((Some(condition?), visible));
            }
            JoinConstraint::Using(names) | JoinConstraint::UsingAlias(names, _) => {
                names.iter().map(|name| qualified(name).map(|(_, name, _)| name)).collect::<Result<_>>()?
            }
            JoinConstraint::Natural => left
                .iter()
                .filter(|a| right.iter().any(|b| a.name == b.name))
                .map(|a| a.name.to_string())
                .collect(),
        };
        let mut parts = Vec::new();
        let mut merged = Vec::new();
        let find = |columns: &[ScopeColumn], name: &str, side: &str| -> Result<ScopeColumn> {
            let mut matches = columns.iter().filter(|column| *column.name == *name);
            let found = matches.next().cloned().ok_or_else(|| {
                error(
                    b"42703",
                    format!("column \"{name}\" specified in USING clause does not exist in {side} table"),
                )
            })?;
            if matches.next().is_some() {
                let message = format!("common column name \"{name}\" appears more than once in {side} table");
                return Err(error(b"42702", message));
            }
            Ok(found)
        };
        for name in &names {
            let (a, b) = (find(&left, name, "left")?, find(&right, name, "right")?);
            let typed =
                |column: &ScopeColumn| Typed { expr: column.expr.clone(), data_type: column.data_type };
            parts.push(self.apply_operator("=", vec![typed(&a), typed(&b)])?.expr);
            let column = match kind {
                JoinKind::Inner | JoinKind::Left => a,
                JoinKind::Right => b,
                JoinKind::Full => {
                    let (exprs, data_type) = self.unify(vec![typed(&a), typed(&b)], "JOIN/USING")?;
                    ScopeColumn {
                        name: a.name.clone(),
                        data_type,
                        expr: Expr::Coalesce(exprs),
                        table_oid: 0,
                        attribute: 0,
                    }
                }
            };
            merged.push(column);
        }
        let rest = |columns: Vec<ScopeColumn>| {
            columns.into_iter().filter(|c| !names.iter().any(|name| **name == *c.name))
        };
        merged.extend(rest(left).collect::<Vec<_>>());
        merged.extend(rest(right));
        Ok((if parts.is_empty() { None } else { Some(Expr::and(parts)) }, merged))
    }

    fn bind_factor(&mut self, factor: &TableFactor) -> Result<FromItem> {
        match factor {
            TableFactor::Table { name, alias, args, with_ordinality, sample, .. } => {
                if sample.is_some() {
                    return Err(unsupported("TABLESAMPLE"));
                }
                match args {
                    Some(args) => {
                        self.bind_function_factor(name, &args.args, alias.as_ref(), *with_ordinality)
                    }
                    None => self.bind_table_factor(name, alias.as_ref()),
                }
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let hidden = std::mem::replace(&mut self.scope().hidden, !*lateral);
                let bound = self.bind_query(subquery);
                self.scope().hidden = hidden;
                let mut bound = bound?;
                self.settle_columns(&mut bound)?;
                if alias.is_none() {
                    return Err(error(b"42601", "subquery in FROM must have an alias")
                        .with_hint("For example, FROM (SELECT ...) [AS] foo."));
                }
                let unlocked = bound.plan.has_unlocked_tables();
                let item = self.add_derived(bound, alias.as_ref(), *lateral)?;
                self.mark_unlocked(unlocked);
                Ok(item)
            }
            TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                self.bind_function_factor(name, args, alias.as_ref(), *with_ordinality)
            }
            TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } => {
                let mut calls = Vec::new();
                for expr in array_exprs {
                    let bound = self.bind_expr(expr)?;
                    calls.push(self.call_named("unnest", vec![bound])?);
                }
                let calls: Vec<(String, Typed)> =
                    calls.into_iter().map(|call| ("unnest".to_owned(), call)).collect();
                self.add_functions(calls, alias.as_ref(), *with_ordinality)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                if alias.is_some() {
                    return Err(unsupported("an alias of a parenthesized join"));
                }
                self.bind_table_with_joins(table_with_joins)
            }
            TableFactor::TableFunction { .. } => Err(unsupported("TABLE(…)")),
            other => Err(unsupported(format!("FROM item {other}"))),
        }
    }

    fn check_alias(&mut self, alias: &str, ident: Option<&ast::Ident>) -> Result<()> {
        if self.scope().relations.iter().any(|relation| *relation.alias == *alias) {
            let message = format!("table name \"{alias}\" specified more than once");
            return Err(match ident {
                Some(ident) => error_at_ident(ident, b"42712", message),
                None => error(b"42712", message),
            });
        }
        Ok(())
    }

    fn bind_table_factor(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
    ) -> Result<FromItem> {
        let (schema, table_name, ident) = qualified(name)?;
        if schema.is_none()
            && let Some((plan, columns)) = self.find_cte(&table_name)
        {
            let default =
                ast::TableAlias { explicit: false, name: ident.clone(), columns: Vec::new(), at: None };
            return self.add_derived(Bound { plan, columns }, Some(alias.unwrap_or(&default)), false);
        }
        let missing = || {
            let shown = match &schema {
                Some(schema) => format!("{schema}.{table_name}"),
                None => table_name.clone(),
            };
            error_at_ident(ident, b"42P01", format!("relation \"{shown}\" does not exist"))
        };
        match self.env.find_relation(schema.as_deref(), &table_name).ok_or_else(missing)? {
            Found::System(table) => {
                let columns = table
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, (name, oid))| OutputColumn {
                        name: (*name).into(),
                        data_type: DataType::of(*oid),
                        table_oid: table.oid,
                        attribute: at as i16 + 1,
                    })
                    .collect();
                let default =
                    ast::TableAlias { explicit: false, name: ident.clone(), columns: Vec::new(), at: None };
                let plan = Plan::System(table, None);
                self.add_derived(Bound { plan, columns }, Some(alias.unwrap_or(&default)), false)
            }
            Found::User(Relation::Table(table)) => {
                self.lock(table.oid, LockMode::AccessShare);
                self.add_table(&table, alias)
            }
            Found::User(Relation::View(view)) => {
                self.depends.push(view.oid);
                self.lock(view.oid, LockMode::AccessShare);
                if self.view_depth > 50 {
                    return Err(error(
                        b"42P17",
                        format!("infinite recursion detected in rules for relation \"{}\"", view.name),
                    ));
                }
                self.view_depth += 1;
                // A view sees neither the query's tables nor its common table expressions.
                let (scopes, ctes) = (std::mem::take(&mut self.scopes), std::mem::take(&mut self.ctes));
                let bound = self.bind_query(&view.query);
                self.scopes = scopes;
                self.ctes = ctes;
                self.view_depth -= 1;
                let mut bound = bound?;
                let types: Vec<DataType> = view.columns.iter().map(|(_, data_type)| *data_type).collect();
                self.convert(&mut bound, &types)?;
                bound.columns = view
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, (name, data_type))| OutputColumn {
                        name: name.clone(),
                        data_type: *data_type,
                        table_oid: view.oid,
                        attribute: at as i16 + 1,
                    })
                    .collect();
                let default =
                    ast::TableAlias { explicit: false, name: ident.clone(), columns: Vec::new(), at: None };
                let unlocked = bound.plan.has_unlocked_tables();
                let item = self.add_derived(bound, Some(alias.unwrap_or(&default)), false)?;
                self.mark_unlocked(unlocked);
                Ok(item)
            }
            Found::User(Relation::Sequence(sequence)) => {
                let plan = crate::sql::catalog::system::sequence_plan(&sequence);
                let columns = ["last_value", "log_cnt", "is_called"]
                    .into_iter()
                    .zip([oid::INT8, oid::INT8, oid::BOOL])
                    .enumerate()
                    .map(|(at, (name, type_oid))| OutputColumn {
                        name: name.into(),
                        data_type: DataType::of(type_oid),
                        table_oid: sequence.oid,
                        attribute: at as i16 + 1,
                    })
                    .collect();
                let default =
                    ast::TableAlias { explicit: false, name: ident.clone(), columns: Vec::new(), at: None };
                self.add_derived(Bound { plan, columns }, Some(alias.unwrap_or(&default)), false)
            }
            Found::User(Relation::Index { name, .. }) => {
                Err(error_at_ident(ident, b"42809", format!("cannot open relation \"{name}\""))
                    .with_detail("This operation is not supported for indexes."))
            }
        }
    }

    /// Adds a table to the scope.
    pub(crate) fn add_table(
        &mut self,
        table: &Arc<Table>,
        alias: Option<&ast::TableAlias>,
    ) -> Result<FromItem> {
        let alias_name: Option<Arc<str>> = alias.map(|alias| fold(&alias.name).into());
        let shown = alias_name.clone().unwrap_or_else(|| table.name.clone());
        self.check_alias(&shown, alias.map(|alias| &alias.name))?;
        let (start, id) = (self.scope().width, self.scope().relations.len());
        let env = self.env.clone();
        let mut relation = table_relation(table, alias_name, start, id, &env);
        if let Some(alias) = alias {
            rename(&mut relation, &alias.columns)?;
        }
        let width = relation.width;
        self.scope().add(relation);
        Ok(FromItem::Unit {
            id,
            start,
            width,
            table: Some(table.clone()),
            plan: None,
            lateral: None,
            alias: shown,
        })
    }

    fn mark_unlocked(&mut self, unlocked: bool) {
        if let Some(relation) = self.scope().relations.last_mut() {
            relation.unlocked = unlocked;
        }
    }

    /// Adds the rows of a plan to the scope.
    pub(crate) fn add_derived(
        &mut self,
        bound: Bound,
        alias: Option<&ast::TableAlias>,
        lateral: bool,
    ) -> Result<FromItem> {
        let shown: Arc<str> = alias.map_or_else(|| "?".into(), |alias| fold(&alias.name).into());
        self.check_alias(&shown, alias.map(|alias| &alias.name))?;
        let (start, id) = (self.scope().width, self.scope().relations.len());
        let columns: Vec<ScopeColumn> = bound
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| ScopeColumn {
                name: column.name.clone(),
                data_type: column.data_type,
                expr: Expr::Column(start + at),
                table_oid: column.table_oid,
                attribute: column.attribute,
            })
            .collect();
        let width = columns.len();
        let mut relation = ScopeRelation {
            alias: shown.clone(),
            aliased: true,
            schema: None,
            columns,
            table: None,
            start,
            width,
            id,
            row_type: oid::RECORD,
            nullable: false,
            scalar: false,
            unlocked: false,
        };
        if let Some(alias) = alias {
            rename(&mut relation, &alias.columns)?;
        }
        self.scope().add(relation);
        let frame = if lateral { self.scope().frame } else { None };
        let frame = frame.filter(|frame| bound.plan.reads_frame(&|read| read == *frame));
        Ok(FromItem::Unit {
            id,
            start,
            width,
            table: None,
            plan: Some(bound.plan),
            lateral: frame,
            alias: shown,
        })
    }

    fn bind_function_factor(
        &mut self,
        name: &ast::ObjectName,
        args: &[ast::FunctionArg],
        alias: Option<&ast::TableAlias>,
        ordinality: bool,
    ) -> Result<FromItem> {
        let (_, function_name, _) = qualified(name)?;
        let call = ast::Function {
            name: name.clone(),
            uses_odbc_syntax: false,
            parameters: ast::FunctionArguments::None,
            args: ast::FunctionArguments::List(ast::FunctionArgumentList {
                duplicate_treatment: None,
                args: args.to_vec(),
                clauses: Vec::new(),
            }),
            within_group: Vec::new(),
            filter: None,
            null_treatment: None,
            over: None,
        };
        if matches!(
            function_name.as_str(),
            "json_to_recordset"
                | "jsonb_to_recordset"
                | "json_to_record"
                | "jsonb_to_record"
                | "json_populate_recordset"
                | "jsonb_populate_recordset"
                | "json_populate_record"
                | "jsonb_populate_record"
        ) {
            return self.bind_recordset(&function_name, args, alias);
        }
        if function_name == "unnest" && args.len() > 1 {
            let mut calls = Vec::new();
            for arg in args {
                let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) = arg else {
                    return Err(unsupported("named arguments of unnest"));
                };
                let bound = self.bind_expr(expr)?;
                calls.push(("unnest".to_owned(), self.call_named("unnest", vec![bound])?));
            }
            return self.add_functions(calls, alias, ordinality);
        }
        let allowed = std::mem::replace(&mut self.scope().sets_allowed, true);
        let no_aggregates = self.scope().no_aggregates.replace("functions in FROM");
        let bound = self.bind_function(&call);
        self.scope().sets_allowed = allowed;
        self.scope().no_aggregates = no_aggregates;
        let mut bound = bound?;
        if let Expr::SetReturning(at) = bound.expr {
            let SetCall { expr, .. } = self.scope().sets.remove(at);
            bound.expr = expr;
        }
        self.add_functions(vec![(function_name, bound)], alias, ordinality)
    }

    /// `json_to_recordset(…) AS x (a int, b text)` and its kin.
    fn bind_recordset(
        &mut self,
        name: &str,
        args: &[ast::FunctionArg],
        alias: Option<&ast::TableAlias>,
    ) -> Result<FromItem> {
        let mut bound = Vec::new();
        for arg in args {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) = arg else {
                return Err(unsupported(format!("named arguments of {name}")));
            };
            bound.push(self.bind_expr(expr)?);
        }
        let populate = name.contains("populate");
        let document =
            bound.pop().ok_or_else(|| error(b"42883", format!("function {name}() does not exist")))?;
        let target = DataType::of(if name.starts_with("jsonb") { oid::JSONB } else { oid::JSON });
        let document = self.coerce(document, target, crate::sql::cast::CastContext::Implicit)?;
        let mut columns: Vec<(Arc<str>, DataType)> = Vec::new();
        if populate {
            let row =
                bound.pop().ok_or_else(|| error(b"42883", format!("function {name}() does not exist")))?;
            let names = crate::sql::functions::field_names(row.data_type.oid, &self.env);
            use crate::value::text::{TypeCatalog, TypeKind};
            let Some(TypeKind::Composite(types)) = self.env.kind(row.data_type.oid) else {
                return Err(error(b"42804", format!("first argument of {name} must be a row type")));
            };
            columns.extend(names.into_iter().zip(types.iter().copied()));
        } else {
            for column in alias.map_or(&[][..], |alias| &alias.columns) {
                let data_type = column.data_type.as_ref().ok_or_else(|| {
                    error(b"42601", "a column definition list is required for functions returning \"record\"")
                })?;
                columns.push((fold(&column.name).into(), resolve(data_type, &self.env)?));
            }
            if columns.is_empty() {
                let message = "a column definition list is required for functions returning \"record\"";
                return Err(error(b"42601", message));
            }
        }
        let width = columns.len();
        let outputs = columns
            .iter()
            .map(|(name, data_type)| OutputColumn {
                name: name.clone(),
                data_type: *data_type,
                table_oid: 0,
                attribute: 0,
            })
            .collect();
        let call = FunctionCall { expr: document, width, set: name.ends_with("set"), spread: true, columns };
        let plan = Plan::Function(vec![call], false);
        let mut alias = alias.cloned();
        if let Some(alias) = &mut alias {
            alias.columns.clear();
        }
        let default =
            ast::TableAlias { explicit: false, name: ast::Ident::new(name), columns: Vec::new(), at: None };
        self.add_lateral(Bound { plan, columns: outputs }, Some(alias.as_ref().unwrap_or(&default)))
    }

    fn add_lateral(&mut self, bound: Bound, alias: Option<&ast::TableAlias>) -> Result<FromItem> {
        // A function's arguments were bound at this level: their columns are read through the level's frame.
        let mut bound = bound;
        let mut reads = false;
        bound.plan.visit_mut(&mut |expr| reads = reads || expr.any(&|part| matches!(part, Expr::Column(_))));
        if reads {
            let frame = match self.scope().frame {
                Some(frame) => frame,
                None => {
                    let frame = self.new_frame();
                    self.scope().frame = Some(frame);
                    frame
                }
            };
            bound.plan.visit_mut(&mut |expr| {
                expr.rewrite(&mut |part| {
                    if let Expr::Column(index) = part {
                        *part = Expr::Outer { frame, index: *index };
                    }
                });
            });
        }
        self.add_derived(bound, alias, true)
    }

    fn add_functions(
        &mut self,
        calls: Vec<(String, Typed)>,
        alias: Option<&ast::TableAlias>,
        ordinality: bool,
    ) -> Result<FromItem> {
        let single = calls.len() == 1;
        let alias_name = alias.map(|alias| fold(&alias.name));
        let mut columns = Vec::new();
        let mut plans = Vec::new();
        let mut scalar = single && !ordinality;
        for (name, call) in calls {
            let kind = match &call.expr {
                Expr::Call(inner) => Some(inner.function.kind),
                _ => None,
            };
            let mut outputs: Vec<(Arc<str>, DataType)> = Vec::new();
            let mut spread = false;
            match kind {
                Some(crate::sql::function::Kind::Set(_, declared)) if !declared.is_empty() => {
                    scalar &= declared.len() == 1;
                    outputs.extend(declared.iter().map(|(name, oid)| (Arc::from(*name), DataType::of(*oid))));
                }
                _ => {
                    use crate::value::text::{TypeCatalog, TypeKind};
                    match self.env.kind(call.data_type.oid) {
                        Some(TypeKind::Composite(types)) => {
                            let names = crate::sql::functions::field_names(call.data_type.oid, &self.env);
                            outputs.extend(names.into_iter().zip(types.iter().copied()));
                            spread = true;
                            scalar = false;
                        }
                        _ => {
                            let shown = match (&alias_name, single) {
                                (Some(alias), true) => alias.clone(),
                                _ => name,
                            };
                            outputs.push((shown.into(), call.data_type));
                        }
                    }
                }
            }
            let set = kind.is_some_and(|kind| is_set(&kind));
            for (name, data_type) in &outputs {
                columns.push(OutputColumn {
                    name: name.clone(),
                    data_type: *data_type,
                    table_oid: 0,
                    attribute: 0,
                });
            }
            plans.push(FunctionCall {
                expr: call.expr,
                width: outputs.len(),
                set,
                spread,
                columns: Vec::new(),
            });
        }
        if ordinality {
            let data_type = DataType::of(oid::INT8);
            columns.push(OutputColumn { name: "ordinality".into(), data_type, table_oid: 0, attribute: 0 });
        }
        let default_name = columns.first().map_or_else(|| "?".into(), |column| column.name.clone());
        let default = ast::TableAlias {
            explicit: false,
            name: ast::Ident::with_quote('"', default_name.to_string()),
            columns: Vec::new(),
            at: None,
        };
        let plan = Plan::Function(plans, ordinality);
        let item = self.add_lateral(Bound { plan, columns }, Some(alias.unwrap_or(&default)))?;
        if let Some(relation) = self.scope().relations.last_mut() {
            relation.scalar = scalar;
        }
        Ok(item)
    }

    /// `TABLE name`.
    pub(crate) fn bind_table_command(&mut self, parts: Vec<ast::Ident>) -> Result<Bound> {
        let name = ast::ObjectName::from(parts);
        self.with_scope(Scope::default(), |binder| {
            let item = binder.bind_table_factor(&name, None)?;
            let columns = std::mem::take(&mut binder.scope().columns);
            let plan = binder.plan_from(vec![item], Vec::new())?;
            let exprs = columns.iter().map(|column| column.expr.clone().into()).collect();
            let outputs = columns
                .iter()
                .map(|column| OutputColumn {
                    name: column.name.clone(),
                    data_type: column.data_type,
                    table_oid: column.table_oid,
                    attribute: column.attribute,
                })
                .collect();
            Ok(Bound { plan: Plan::Project(Arc::new(plan), exprs), columns: outputs })
        })
    }
}

fn rename(relation: &mut ScopeRelation, aliases: &[ast::TableAliasColumnDef]) -> Result<()> {
    if aliases.len() > relation.columns.len() {
        let message = format!(
            "table \"{}\" has {} columns available but {} columns specified",
            relation.alias,
            relation.columns.len(),
            aliases.len()
        );
        return Err(error(b"42P10", message));
    }
    for (column, alias) in relation.columns.iter_mut().zip(aliases) {
        column.name = fold(&alias.name).into();
    }
    Ok(())
}
