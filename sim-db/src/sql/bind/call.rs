//! Function calls: plain, aggregate, window, set-returning, and the forms that only look like calls.

use super::expr::{is_set, type_name};
use super::resolve::{Resolution, choose};
use super::scope::{AggregateCall, Bound, FrameUnit, SetCall, Window, WindowCall};
use super::types::{fold, idents};
use super::{Binder, Typed};
use crate::error::Result;
use crate::sql::cast::CastContext;
use crate::sql::error::{error, error_at_ident, unsupported};
use crate::sql::expr::{Expr, Subquery, SubqueryKind};
use crate::sql::function::{self, Function, Kind};
use crate::value::{DataType, Oid, Value, oid};
use sqlparser::ast::{self, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments};

/// Arguments as written.
struct Arguments<'a> {
    plain: Vec<(&'a ast::Expr, Option<String>)>,
    star: bool,
    distinct: bool,
    order: &'a [ast::OrderByExpr],
}

impl Binder {
    /// Calls a function by name with arguments that are bound already.
    ///
    /// # Errors
    ///
    /// 42883, 42725.
    pub(crate) fn call_named(&mut self, name: &str, args: Vec<Typed>) -> Result<Typed> {
        let (function, args, types, result) = self.resolve_call(name, name, args)?;
        Ok(Typed::new(Expr::call(function, args, types, result), result))
    }

    /// Finds the function for arguments, and coerces them.
    #[allow(clippy::type_complexity)]
    fn resolve_call(
        &mut self,
        name: &str,
        shown: &str,
        args: Vec<Typed>,
    ) -> Result<(&'static Function, Vec<Expr>, Vec<Oid>, Oid)> {
        let given: Vec<Oid> = args.iter().map(|arg| arg.data_type.oid).collect();
        let comparable: Vec<Oid> =
            given.iter().map(|g| if *g >= super::RECORD_BASE { oid::RECORD } else { *g }).collect();
        let functions = function::named(name);
        let env = self.env.clone();
        let shape = || {
            let names: Vec<String> = given.iter().map(|g| type_name(*g, &env)).collect();
            format!("{shown}({})", names.join(", "))
        };
        match choose(functions, &comparable, &self.env) {
            Resolution::Found { function, types, result } => {
                let mut exprs = Vec::with_capacity(args.len());
                let mut concrete = Vec::with_capacity(args.len());
                for (arg, wanted) in args.into_iter().zip(&types) {
                    let is_row = arg.data_type.oid >= super::RECORD_BASE;
                    concrete.push(if is_row { arg.data_type.oid } else { *wanted });
                    if is_row {
                        exprs.push(arg.expr);
                    } else {
                        exprs.push(self.coerce(arg, DataType::of(*wanted), CastContext::Implicit)?);
                    }
                }
                // pg_typeof and its kin want to know that a literal was untyped.
                if name == "pg_typeof" && given == [oid::UNKNOWN] {
                    concrete = vec![oid::UNKNOWN];
                }
                for at in exprs.len()..function.args.len() {
                    if function.variadic {
                        break;
                    }
                    exprs.push(default_argument(function.args[at]));
                    concrete.push(function.args[at]);
                }
                Ok((function, exprs, concrete, result))
            }
            Resolution::Ambiguous => Err(error(b"42725", format!("function {} is not unique", shape()))
                .with_hint(
                    "Could not choose a best candidate function. You might need to add explicit type casts.",
                )),
            Resolution::Missing => {
                // A type's name used as a function is a cast.
                if let ([_], Some(type_oid)) = (given.as_slice(), self.env.find_type(None, name)) {
                    let source = args[0].data_type.oid;
                    let target = DataType::of(type_oid);
                    let mut args = args;
                    let arg = args.remove(0);
                    if let Ok(expr) = self.try_coerce(arg, target, CastContext::Explicit)? {
                        let identity = function::named("cast_identity").first().copied();
                        let _ = (source, identity);
                        return Err(cast_instead(expr, target));
                    }
                }
                Err(error(b"42883", format!("function {} does not exist", shape())).with_hint(
                    "No function matches the given name and argument types. You might need to add explicit type casts.",
                ))
            }
        }
    }

    fn arguments<'a>(&mut self, function: &'a ast::Function) -> Result<Arguments<'a>> {
        let mut found = Arguments { plain: Vec::new(), star: false, distinct: false, order: &[] };
        let FunctionArguments::List(list) = &function.args else { return Ok(found) };
        found.distinct = matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
        for arg in &list.args {
            let (expr, name) = match arg {
                FunctionArg::Unnamed(expr) => (expr, None),
                FunctionArg::Named { name, arg, .. } => (arg, Some(fold(name))),
                FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), arg, .. } => {
                    (arg, Some(fold(name)))
                }
                FunctionArg::ExprNamed { .. } => return Err(unsupported("this form of named argument")),
            };
            match expr {
                FunctionArgExpr::Expr(expr) => found.plain.push((expr, name)),
                FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => found.star = true,
                FunctionArgExpr::QualifiedWildcard(_) => {
                    return Err(unsupported("a qualified * as an argument"));
                }
            }
        }
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => found.order = order,
                other => return Err(unsupported(format!("{other} in a call"))),
            }
        }
        Ok(found)
    }

    pub(crate) fn bind_function(&mut self, function: &ast::Function) -> Result<Typed> {
        let parts = idents(&function.name)?;
        let ident = parts.last().expect("a name has a part");
        let name = fold(ident);
        if let [schema, _] = parts.as_slice() {
            let schema = fold(schema);
            if schema != "pg_catalog" && schema != "public" && self.env.catalog.schema(&schema).is_none() {
                return Err(error(b"3F000", format!("schema \"{schema}\" does not exist")));
            }
        }
        if let FunctionArguments::Subquery(query) = &function.args {
            if name == "array" {
                return self.array_of_query(query);
            }
            return Err(unsupported(format!("a bare sub-select as the argument of {name}")));
        }
        if parts.len() == 1
            && ident.quote_style.is_none()
            && let Some(special) = self.special_form(&name, function)?
        {
            return Ok(special);
        }
        let arguments = self.arguments(function)?;
        let is_aggregate = function::named(&name).iter().any(|f| f.is_aggregate());
        let is_window = function::named(&name).iter().any(|f| matches!(f.kind, Kind::Window(_)));
        if is_aggregate || is_window {
            return self.bind_aggregate(&name, ident, function, &arguments, is_window);
        }
        if function.over.is_some() {
            let message =
                format!("OVER specified, but {name} is not a window function nor an aggregate function");
            return Err(error_at_ident(ident, b"42809", message));
        }
        if arguments.star {
            return Err(error_at_ident(ident, b"42883", format!("function {name}() does not exist")));
        }
        if arguments.distinct || function.filter.is_some() || !arguments.order.is_empty() {
            let what = if arguments.distinct {
                "DISTINCT"
            } else if function.filter.is_some() {
                "FILTER"
            } else {
                "ORDER BY"
            };
            let message = format!("{what} specified, but {name} is not an aggregate function");
            return Err(error_at_ident(ident, b"42809", message));
        }
        let args = self.ordered_arguments(&name, &arguments)?;
        let located =
            |raised: crate::error::DatabaseError| match crate::sql::error::position(ident.span.start) {
                Some(position) if raised.position.is_none() => raised.at(position),
                _ => raised,
            };
        let (found, args, types, result) = match self.resolve_call(&name, &name, args) {
            Ok(found) => found,
            Err(raised) => return take_cast(raised).map_err(located),
        };
        let expr = Expr::call(found, args, types, result);
        if is_set(&found.kind) {
            let scope = self.scopes.last_mut().expect("expressions are bound within a scope");
            if !scope.sets_allowed {
                return Err(error_at_ident(ident, b"0A000", "set-returning functions are not allowed here"));
            }
            let at = scope.sets.len();
            scope.sets.push(SetCall { expr, result });
            return Ok(Typed::new(Expr::SetReturning(at), result));
        }
        Ok(Typed::new(expr, result))
    }

    /// Arguments in the order of the declaration; named ones put in their places.
    fn ordered_arguments(&mut self, name: &str, arguments: &Arguments<'_>) -> Result<Vec<Typed>> {
        let mut positional = Vec::new();
        let mut named: Vec<(String, Typed)> = Vec::new();
        for (expr, arg_name) in &arguments.plain {
            let bound = self.bind_expr(expr)?;
            match arg_name {
                Some(arg_name) => named.push((arg_name.clone(), bound)),
                None => positional.push(bound),
            }
        }
        if named.is_empty() {
            return Ok(positional);
        }
        for candidate in function::named(name) {
            let mut slots: Vec<Option<Typed>> = vec![None; candidate.args.len()];
            if positional.len() > slots.len() {
                continue;
            }
            for (slot, given) in slots.iter_mut().zip(&positional) {
                *slot = Some(given.clone());
            }
            let mut fits = true;
            for (arg_name, given) in &named {
                match candidate.names.iter().position(|known| known == arg_name) {
                    Some(at) if slots[at].is_none() => slots[at] = Some(given.clone()),
                    _ => fits = false,
                }
            }
            if fits {
                let filled = slots.into_iter().zip(candidate.args).map(|(slot, wanted)| {
                    slot.unwrap_or_else(|| Typed::new(default_argument(*wanted), *wanted))
                });
                return Ok(filled.collect());
            }
        }
        let shown: Vec<String> = named
            .iter()
            .map(|(arg, given)| format!("{arg} => {}", type_name(given.data_type.oid, &self.env)))
            .collect();
        Err(error(b"42883", format!("function {name}({}) does not exist", shown.join(", "))))
    }

    fn array_of_query(&mut self, query: &ast::Query) -> Result<Typed> {
        let (plan, columns, frame, once) = self.bind_subquery(query)?;
        if columns.len() != 1 {
            return Err(error(b"42601", "subquery must return only one column"));
        }
        let inner = columns[0].data_type.oid;
        let (element, array) = match self.env.element_of(inner) {
            Some(element) => (element, inner),
            None => {
                let array = self.env.array_of(inner);
                (inner, array.ok_or_else(|| unsupported("an array of this type"))?)
            }
        };
        let subquery = Subquery { kind: SubqueryKind::Array(element), plan, frame, once };
        Ok(Typed::new(Expr::Subquery(Box::new(subquery)), array))
    }

    /// `COALESCE`, `ROW` and the like.
    fn special_form(&mut self, name: &str, function: &ast::Function) -> Result<Option<Typed>> {
        if matches!(function.args, FunctionArguments::None) {
            return match name {
                "current_date" | "current_timestamp" | "current_time" | "localtime" | "localtimestamp"
                | "current_user" | "session_user" | "current_role" | "current_catalog" | "current_schema"
                | "user" => self.call_named(name, Vec::new()).map(Some),
                _ => Ok(None),
            };
        }
        let plain = |binder: &mut Self| -> Result<Vec<Typed>> {
            let arguments = binder.arguments(function)?;
            arguments.plain.iter().map(|(expr, _)| binder.bind_expr(expr)).collect()
        };
        Ok(Some(match name {
            "coalesce" => {
                let args = plain(self)?;
                let (exprs, data_type) = self.unify(args, "COALESCE")?;
                Typed { expr: Expr::Coalesce(exprs), data_type }
            }
            "greatest" | "least" => {
                let args = plain(self)?;
                let (exprs, data_type) =
                    self.unify(args, if name == "greatest" { "GREATEST" } else { "LEAST" })?;
                Typed { expr: Expr::Extreme(exprs, name == "greatest"), data_type }
            }
            "nullif" => {
                let mut args = plain(self)?;
                if args.len() != 2 {
                    return Err(error(b"42601", "syntax error at or near \")\""));
                }
                let second = args.pop().expect("two arguments");
                let first = args.pop().expect("two arguments");
                let (found, types, _) = self.operator("=", &[first.data_type.oid, second.data_type.oid])?;
                let data_type = if first.data_type.oid == oid::UNKNOWN {
                    DataType::of(types[0])
                } else {
                    first.data_type
                };
                let result = if first.data_type.oid == oid::UNKNOWN {
                    self.coerce(first.clone(), data_type, CastContext::Implicit)?
                } else {
                    first.expr.clone()
                };
                let left = self.coerce(first, DataType::of(types[0]), CastContext::Implicit)?;
                let right = self.coerce(second, DataType::of(types[1]), CastContext::Implicit)?;
                let equal = Expr::call(found, vec![left, right], types, oid::BOOL);
                Typed { expr: Expr::NullIf(Box::new(equal), Box::new(result)), data_type }
            }
            "row" => {
                let arguments = self.arguments(function)?;
                let items: Vec<ast::Expr> = arguments.plain.iter().map(|(expr, _)| (*expr).clone()).collect();
                self.bind_row(&items)?
            }
            "current_timestamp" | "current_time" | "localtimestamp" | "localtime" => {
                let arguments = self.arguments(function)?;
                let precision = match arguments.plain.first() {
                    Some((ast::Expr::Value(value), _)) => value.value.to_string().parse::<i32>().unwrap_or(6),
                    _ => 6,
                };
                let call = self.call_named(name, Vec::new())?;
                let target = DataType { oid: call.data_type.oid, typmod: precision.clamp(0, 6) };
                let expr = self.coerce(call, target, CastContext::Explicit)?;
                Typed { expr, data_type: target }
            }
            "grouping" => {
                let args = plain(self)?;
                let call = AggregateCall {
                    function: function::named("count")[0],
                    args: args.into_iter().map(|arg| arg.expr).collect(),
                    types: [].into(),
                    result: oid::INT4,
                    distinct: true,
                    order: Vec::new(),
                    filter: Some(Expr::Const(Value::text("grouping"))),
                };
                let scope = self.scope();
                scope.aggregates.push(call);
                Typed::new(Expr::Aggregate(scope.aggregates.len() - 1), oid::INT4)
            }
            _ => return Ok(None),
        }))
    }

    fn bind_aggregate(
        &mut self,
        name: &str,
        ident: &ast::Ident,
        function: &ast::Function,
        arguments: &Arguments<'_>,
        is_window: bool,
    ) -> Result<Typed> {
        let over = function.over.as_ref();
        if over.is_none() {
            if is_window {
                return Err(error_at_ident(
                    ident,
                    b"42809",
                    format!("window function {name} requires an OVER clause"),
                ));
            }
            if let Some(clause) = self.scope().no_aggregates {
                let message = format!("aggregate functions are not allowed in {clause}");
                return Err(error_at_ident(ident, b"42803", message));
            }
            if self.scope().inside_aggregate {
                return Err(error_at_ident(ident, b"42803", "aggregate function calls cannot be nested"));
            }
        } else if let Some(clause) = self.scope().no_windows {
            let message = format!("window functions are not allowed in {clause}");
            return Err(error_at_ident(ident, b"42P20", message));
        }
        let was_inside = self.scope().inside_aggregate;
        if over.is_none() {
            self.scope().inside_aggregate = true;
        }
        let sets_allowed = std::mem::replace(&mut self.scope().sets_allowed, false);
        let bound = self.bind_aggregate_parts(function, arguments);
        self.scope().sets_allowed = sets_allowed;
        self.scope().inside_aggregate = was_inside;
        let (args, order, filter) = bound?;
        if arguments.star && (name != "count" || !args.is_empty()) {
            return Err(error_at_ident(ident, b"42883", format!("function {name}() does not exist")));
        }
        if name == "count" && args.is_empty() && !arguments.star {
            return Err(error_at_ident(
                ident,
                b"42809",
                "count(*) must be used to call a parameterless aggregate function",
            ));
        }
        let (found, args, types, result) = self.resolve_call(name, name, args).map_err(|raised| {
            match crate::sql::error::position(ident.span.start) {
                Some(position) => raised.at(position),
                None => raised,
            }
        })?;
        if arguments.distinct {
            for (expr, _, _) in &order {
                if !args.contains(expr) {
                    let message =
                        "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list";
                    return Err(error_at_ident(ident, b"42P10", message));
                }
            }
        }
        let call = AggregateCall {
            function: found,
            args,
            types: types.into(),
            result,
            distinct: arguments.distinct,
            order,
            filter,
        };
        if let Some(over) = over {
            if arguments.distinct {
                return Err(error_at_ident(
                    ident,
                    b"0A000",
                    "DISTINCT is not implemented for window functions",
                ));
            }
            let window = self.bind_window(over)?;
            let scope = self.scope();
            scope.windows.push(WindowCall { call, window });
            return Ok(Typed::new(Expr::Window(scope.windows.len() - 1), result));
        }
        let scope = self.scope();
        let at = match scope.aggregates.iter().position(|known| *known == call) {
            Some(at) if !call.args.iter().any(Expr::is_volatile) => at,
            _ => {
                scope.aggregates.push(call);
                scope.aggregates.len() - 1
            }
        };
        Ok(Typed::new(Expr::Aggregate(at), result))
    }

    #[allow(clippy::type_complexity)]
    fn bind_aggregate_parts(
        &mut self,
        function: &ast::Function,
        arguments: &Arguments<'_>,
    ) -> Result<(Vec<Typed>, Vec<(Expr, bool, bool)>, Option<Expr>)> {
        let mut args = Vec::new();
        for (expr, _) in &arguments.plain {
            args.push(self.bind_expr(expr)?);
        }
        let mut order = self.bind_order(arguments.order)?;
        if !function.within_group.is_empty() {
            for key in &function.within_group {
                args.push(self.bind_expr(&key.expr)?);
            }
            order = self.bind_order(&function.within_group)?;
            // mode() has no direct argument.
            if args.len() == 1 {
                let only = args[0].clone();
                args = vec![only];
            }
        }
        let filter = match &function.filter {
            Some(filter) => Some(self.bind_condition(filter, "FILTER")?),
            None => None,
        };
        Ok((args, order, filter))
    }

    /// Sort keys of a call or window: expression, descending, nulls first.
    pub(crate) fn bind_order(&mut self, keys: &[ast::OrderByExpr]) -> Result<Vec<(Expr, bool, bool)>> {
        keys.iter()
            .map(|key| {
                let bound = self.bind_expr(&key.expr)?;
                let settled = self.settle(bound)?;
                let (descending, nulls_first) = super::query::direction(&key.options)?;
                Ok((settled.expr, descending, nulls_first))
            })
            .collect()
    }

    fn bind_window(&mut self, over: &ast::WindowType) -> Result<Window> {
        match over {
            ast::WindowType::NamedWindow(ident) => {
                let name = fold(ident);
                let spec = self.named_window(&name, ident)?;
                self.bind_window_spec(&spec)
            }
            ast::WindowType::WindowSpec(spec) => self.bind_window_spec(spec),
        }
    }

    fn named_window(&mut self, name: &str, ident: &ast::Ident) -> Result<ast::WindowSpec> {
        let found =
            self.scope().named_windows.iter().find(|(known, _)| known == name).map(|(_, spec)| spec.clone());
        found.ok_or_else(|| error_at_ident(ident, b"42704", format!("window \"{name}\" does not exist")))
    }

    fn bind_window_spec(&mut self, spec: &ast::WindowSpec) -> Result<Window> {
        let mut spec = spec.clone();
        if let Some(base) = &spec.window_name {
            let inherited = self.named_window(&fold(base), base)?;
            spec.partition_by = inherited.partition_by;
            if spec.order_by.is_empty() {
                spec.order_by = inherited.order_by;
            }
        }
        let no_windows = self.scope().no_windows.replace("window definitions");
        let parts = (|| -> Result<_> {
            let mut partition = Vec::new();
            for expr in &spec.partition_by {
                let bound = self.bind_expr(expr)?;
                partition.push(self.settle(bound)?.expr);
            }
            let order = self.bind_order(&spec.order_by)?;
            Ok((partition, order))
        })();
        self.scope().no_windows = no_windows;
        let (partition, order) = parts?;
        let (mut unit, mut start, mut end) = (FrameUnit::Range, Bound::Unbounded, Bound::Current);
        if let Some(frame) = &spec.window_frame {
            unit = match frame.units {
                ast::WindowFrameUnits::Rows => FrameUnit::Rows,
                ast::WindowFrameUnits::Range => FrameUnit::Range,
                ast::WindowFrameUnits::Groups => FrameUnit::Groups,
            };
            start = self.bind_bound(&frame.start_bound)?;
            end = match &frame.end_bound {
                Some(bound) => self.bind_bound(bound)?,
                None => Bound::Current,
            };
        }
        if order.is_empty() && unit == FrameUnit::Range && spec.window_frame.is_none() {
            end = Bound::Unbounded;
        }
        Ok(Window { partition, order, unit, start, end })
    }

    fn bind_bound(&mut self, bound: &ast::WindowFrameBound) -> Result<Bound> {
        Ok(match bound {
            ast::WindowFrameBound::CurrentRow => Bound::Current,
            ast::WindowFrameBound::Preceding(None) | ast::WindowFrameBound::Following(None) => {
                Bound::Unbounded
            }
            ast::WindowFrameBound::Preceding(Some(expr)) => {
                let bound = self.bind_expr(expr)?;
                Bound::Preceding(self.settle(bound)?.expr)
            }
            ast::WindowFrameBound::Following(Some(expr)) => {
                let bound = self.bind_expr(expr)?;
                Bound::Following(self.settle(bound)?.expr)
            }
        })
    }
}

fn default_argument(wanted: Oid) -> Expr {
    Expr::Const(match wanted {
        oid::INT4 => Value::Int4(0),
        oid::FLOAT8 => Value::Float8(0.0),
        _ => Value::Null,
    })
}

thread_local! {
    static PENDING_CAST: std::cell::RefCell<Option<(Expr, DataType)>> = const { std::cell::RefCell::new(None) };
}

/// Carries a cast found where a function was looked for out of the search.
fn cast_instead(expr: Expr, target: DataType) -> crate::error::DatabaseError {
    PENDING_CAST.with_borrow_mut(|pending| *pending = Some((expr, target)));
    error(b"XX000", "a cast written as a function")
}

fn take_cast(raised: crate::error::DatabaseError) -> Result<Typed> {
    if raised.sqlstate == "XX000"
        && let Some((expr, data_type)) = PENDING_CAST.with_borrow_mut(Option::take)
    {
        return Ok(Typed { expr, data_type });
    }
    Err(raised)
}
