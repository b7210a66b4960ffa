//! Expressions bound.

use super::coerce::located;
use super::operator::{prefix_symbol, symbol};
use super::scope::{Lookup, ScopeColumn};
use super::types::{fold, resolve};
use super::{Binder, Typed};
use crate::error::Result;
use crate::sql::cast::CastContext;
use crate::sql::catalog::Env;
use crate::sql::error::{error, error_at_ident, unsupported};
use crate::sql::expr::{Expr, Subquery, SubqueryKind, Subscript};
use crate::sql::function::Kind;
use crate::value::interval_text::{IntervalUnit, parse_interval};
use crate::value::text::{TypeCatalog, TypeKind};
use crate::value::{DataType, Numeric, Oid, Value, oid, typmod};
use sqlparser::ast::{self, AccessExpr, BinaryOperator, InTarget, UnaryOperator};
use std::sync::Arc;

impl Binder {
    /// Binds an expression.
    ///
    /// # Errors
    ///
    /// 42703, 42883, 42804 and their kin, with positions.
    pub fn bind_expr(&mut self, expr: &ast::Expr) -> Result<Typed> {
        self.bind_inner(expr).map_err(|raised| located(raised, expr))
    }

    pub(crate) fn bind_exprs(&mut self, exprs: &[ast::Expr]) -> Result<Vec<Typed>> {
        exprs.iter().map(|expr| self.bind_expr(expr)).collect()
    }

    fn bind_boxed(&mut self, exprs: &[&ast::Expr]) -> Result<Vec<Typed>> {
        exprs.iter().map(|expr| self.bind_expr(expr)).collect()
    }

    /// Binds a condition of a clause.
    ///
    /// # Errors
    ///
    /// As [`Binder::bind_expr`]; 42804 when it is not boolean.
    pub fn bind_condition(&mut self, expr: &ast::Expr, clause: &'static str) -> Result<Expr> {
        let bound = self.bind_expr(expr)?;
        self.coerce_condition(bound, clause).map_err(|raised| located(raised, expr))
    }

    fn bind_inner(&mut self, expr: &ast::Expr) -> Result<Typed> {
        use ast::Expr as E;
        match expr {
            E::Identifier(ident) => self.bind_name(ident),
            E::CompoundIdentifier(parts) => self.bind_qualified(parts),
            E::CompoundFieldAccess { root, access_chain } => self.bind_access(root, access_chain),
            E::Nested(inner) => self.bind_inner(inner),
            E::Value(value) => self.bind_value(&value.value),
            E::TypedString(typed) => {
                let target = resolve(&typed.data_type, &self.env)?;
                let text = string_of(&typed.value.value).unwrap_or_default();
                let literal = Typed::new(Expr::Const(Value::text(text)), oid::UNKNOWN);
                let expr = self.coerce(literal, target, CastContext::Explicit)?;
                Ok(Typed { expr, data_type: target })
            }
            E::Interval(interval) => self.bind_interval(interval),
            E::Cast { expr: inner, data_type, .. } => {
                let target = resolve(data_type, &self.env)?;
                // ARRAY[]::int[]: an empty array has the type it is cast to.
                if let E::Array(array) = strip(inner)
                    && array.elem.is_empty()
                    && let Some(element) = self.env.element_of(target.oid)
                {
                    return Ok(Typed {
                        expr: Expr::Array { element, items: Vec::new(), nested: false },
                        data_type: target,
                    });
                }
                let bound = self.bind_expr(inner)?;
                let expr = self
                    .coerce(bound, target, CastContext::Explicit)
                    .map_err(|raised| located(raised, inner))?;
                let shown = if target.oid == oid::UNKNOWN { DataType::of(oid::UNKNOWN) } else { target };
                Ok(Typed { expr, data_type: shown })
            }
            E::UnaryOp { op, expr: inner } => self.bind_unary(*op, inner),
            E::BinaryOp { left, op, right } => self.bind_binary(left, op, right),
            E::IsNull(inner) => self.bind_is_null(inner, false),
            E::IsNotNull(inner) => self.bind_is_null(inner, true),
            E::IsTrue(inner) => self.boolean_test(inner, Some(true), false, "IS TRUE"),
            E::IsNotTrue(inner) => self.boolean_test(inner, Some(true), true, "IS NOT TRUE"),
            E::IsFalse(inner) => self.boolean_test(inner, Some(false), false, "IS FALSE"),
            E::IsNotFalse(inner) => self.boolean_test(inner, Some(false), true, "IS NOT FALSE"),
            E::IsUnknown(inner) => self.boolean_test(inner, None, false, "IS UNKNOWN"),
            E::IsNotUnknown(inner) => self.boolean_test(inner, None, true, "IS NOT UNKNOWN"),
            E::IsDistinctFrom(left, right) => self.bind_distinct(left, right, false),
            E::IsNotDistinctFrom(left, right) => self.bind_distinct(left, right, true),
            E::In { expr: left, target, negated, .. } => self.bind_in(left, target, *negated),
            E::Between { expr: inner, negated, low, high } => {
                let (value, low, high) =
                    (self.bind_expr(inner)?, self.bind_expr(low)?, self.bind_expr(high)?);
                let lower =
                    self.apply_operator(if *negated { "<" } else { ">=" }, vec![value.clone(), low])?;
                let upper = self.apply_operator(if *negated { ">" } else { "<=" }, vec![value, high])?;
                let parts = vec![lower.expr, upper.expr];
                Ok(Typed::new(if *negated { Expr::Or(parts) } else { Expr::And(parts) }, oid::BOOL))
            }
            E::Like { negated, any: _, expr: inner, pattern, escape_char } => {
                self.bind_like(inner, pattern, escape_char.as_deref(), *negated, false)
            }
            E::ILike { negated, any: _, expr: inner, pattern, escape_char } => {
                self.bind_like(inner, pattern, escape_char.as_deref(), *negated, true)
            }
            E::SimilarTo { negated, expr: inner, pattern, escape_char } => {
                let escape = match escape_char.as_deref() {
                    Some(escape) => self.bind_expr(escape)?,
                    None => Typed::new(Expr::Const(Value::text("\\")), oid::UNKNOWN),
                };
                let args = vec![self.bind_expr(inner)?, self.bind_expr(pattern)?, escape];
                let call = self.call_named("similar_to", args)?;
                Ok(if *negated { Typed::new(Expr::Not(Box::new(call.expr)), oid::BOOL) } else { call })
            }
            E::AnyOp { left, compare_op, right, .. } => self.bind_quantified(left, compare_op, right, false),
            E::AllOp { left, compare_op, right } => self.bind_quantified(left, compare_op, right, true),
            E::Function(function) => self.bind_function(function),
            E::Case { operand, conditions, else_result, .. } => {
                self.bind_case(operand.as_deref(), conditions, else_result.as_deref())
            }
            E::Exists { subquery, negated } => {
                let (plan, _, frame, once) = self.bind_subquery(subquery)?;
                let exists =
                    Expr::Subquery(Box::new(Subquery { kind: SubqueryKind::Exists, plan, frame, once }));
                Ok(Typed::new(if *negated { Expr::Not(Box::new(exists)) } else { exists }, oid::BOOL))
            }
            E::Subquery(query) => {
                let (plan, columns, frame, once) = self.bind_subquery(query)?;
                if columns.len() != 1 {
                    return Err(error(b"42601", "subquery must return only one column"));
                }
                let data_type = columns[0].data_type;
                let subquery = Subquery { kind: SubqueryKind::Scalar, plan, frame, once };
                Ok(Typed { expr: Expr::Subquery(Box::new(subquery)), data_type })
            }
            E::Array(array) => self.bind_array(&array.elem),
            E::Tuple(items) => self.bind_row(items),
            E::AtTimeZone { timestamp, time_zone } => {
                let args = vec![self.bind_expr(time_zone)?, self.bind_expr(timestamp)?];
                self.call_named("timezone", args)
            }
            E::Extract { field, expr: inner, .. } => {
                let field = Typed::new(Expr::Const(Value::text(field_text(field))), oid::TEXT);
                let args = vec![field, self.bind_expr(inner)?];
                self.call_named("extract", args)
            }
            E::Position { expr: needle, r#in } => {
                let args = vec![self.bind_expr(r#in)?, self.bind_expr(needle)?];
                self.call_named("position", args)
            }
            E::Substring { expr: inner, substring_from, substring_for, .. } => {
                let mut args = vec![self.bind_expr(inner)?];
                match (substring_from.as_deref(), substring_for.as_deref()) {
                    (Some(from), for_part) => {
                        args.push(self.bind_expr(from)?);
                        if let Some(for_part) = for_part {
                            args.push(self.bind_expr(for_part)?);
                        }
                    }
                    (None, Some(for_part)) => {
                        args.push(Typed::new(Expr::Const(Value::Int4(1)), oid::INT4));
                        args.push(self.bind_expr(for_part)?);
                    }
                    (None, None) => {}
                }
                self.call_named("substring", args)
            }
            E::Trim { trim_where, trim_what, expr: inner, trim_characters } => {
                let name = match trim_where {
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                    _ => "btrim",
                };
                let mut args = vec![self.bind_expr(inner)?];
                if let Some(what) = trim_what {
                    args.push(self.bind_expr(what)?);
                }
                for characters in trim_characters.iter().flatten() {
                    args.push(self.bind_expr(characters)?);
                }
                self.call_named(name, args)
            }
            E::Overlay { expr: inner, overlay_what, overlay_from, overlay_for } => {
                let mut parts: Vec<&ast::Expr> = vec![inner, overlay_what, overlay_from];
                parts.extend(overlay_for.as_deref());
                let args = self.bind_boxed(&parts)?;
                self.call_named("overlay", args)
            }
            E::Ceil { expr: inner, .. } => {
                let args = vec![self.bind_expr(inner)?];
                self.call_named("ceil", args)
            }
            E::Floor { expr: inner, .. } => {
                let args = vec![self.bind_expr(inner)?];
                self.call_named("floor", args)
            }
            E::Collate { expr: inner, collation } => {
                let name = collation.0.last().map(ToString::to_string).unwrap_or_default();
                let name = name.trim_matches('"');
                if ![
                    "C",
                    "POSIX",
                    "default",
                    "C.UTF-8",
                    "C.utf8",
                    "ucs_basic",
                    "en_US",
                    "en_US.utf8",
                    "en-US-x-icu",
                    "und-x-icu",
                ]
                .contains(&name)
                {
                    let message = format!("collation \"{name}\" for encoding \"UTF8\" does not exist");
                    return Err(error(b"42704", message));
                }
                let bound = self.bind_expr(inner)?;
                self.settle(bound)
            }
            E::Prefixed { prefix, .. } => Err(unsupported(format!("string prefix {prefix}"))),
            E::JsonAccess { .. } => Err(unsupported("colon access to JSON")),
            E::IsJson { .. } => Err(unsupported("IS JSON")),
            E::IsNormalized { .. } => Err(unsupported("IS NORMALIZED")),
            E::Wildcard(_) | E::QualifiedWildcard(..) => {
                Err(error(b"42601", "syntax error at or near \"*\""))
            }
            other => Err(unsupported(format!("expression {other}"))),
        }
    }

    /// A column found at a level: read directly, or through the level's frame.
    fn reach(&mut self, level: usize, column: &ScopeColumn) -> Typed {
        if level + 1 == self.scopes.len() {
            return Typed { expr: column.expr.clone(), data_type: column.data_type };
        }
        let frame = match self.scopes[level].frame {
            Some(frame) => frame,
            None => {
                let frame = self.new_frame();
                self.scopes[level].frame = Some(frame);
                frame
            }
        };
        let mut expr = column.expr.clone();
        expr.rewrite(&mut |part| {
            if let Expr::Column(index) = part {
                *part = Expr::Outer { frame, index: *index };
            }
        });
        Typed { expr, data_type: column.data_type }
    }

    fn bind_name(&mut self, ident: &ast::Ident) -> Result<Typed> {
        let name = fold(ident);
        if ident.quote_style.is_none()
            && let Some(special) = self.special_name(&name)?
        {
            return Ok(special);
        }
        for level in (0..self.scopes.len()).rev() {
            if self.scopes[level].hidden {
                continue;
            }
            match self.scopes[level].find(ident)? {
                Lookup::Column(column) => {
                    if let Expr::Column(slot) = column.expr
                        && !self.scopes[level].inside_aggregate
                    {
                        self.scopes[level].places.push((slot, ident.span));
                    }
                    return Ok(self.reach(level, &column));
                }
                Lookup::Row(relation) => return self.whole_row(level, relation),
                Lookup::None => {}
            }
            for relation in 0..self.scopes[level].relations.len() {
                if let Some(system) = self.system_column(level, relation, &name)? {
                    return Ok(system);
                }
            }
        }
        Err(error_at_ident(ident, b"42703", format!("column \"{name}\" does not exist")))
    }

    /// Names that are functions without parentheses.
    fn special_name(&mut self, name: &str) -> Result<Option<Typed>> {
        match name {
            "current_date" | "current_timestamp" | "current_time" | "localtime" | "localtimestamp"
            | "current_user" | "session_user" | "current_role" | "current_catalog" | "current_schema"
            | "user" => self.call_named(name, Vec::new()).map(Some),
            "default" => Err(error(b"42601", "DEFAULT is not allowed in this context")),
            _ => Ok(None),
        }
    }

    fn whole_row(&mut self, level: usize, relation: usize) -> Result<Typed> {
        let found = self.scopes[level].relations[relation].clone();
        if found.scalar && found.columns.len() == 1 {
            return Ok(self.reach(level, &found.columns[0]));
        }
        let items: Vec<Typed> = found.columns.iter().map(|column| self.reach(level, column)).collect();
        let type_oid = if found.row_type == oid::RECORD {
            super::named_record(found.columns.iter().map(|column| column.name.clone()).collect())
        } else {
            found.row_type
        };
        let types = items.iter().map(|item| item.data_type.oid).collect();
        let items = items.into_iter().map(|item| item.expr).collect();
        Ok(Typed::new(Expr::Record { type_oid, types, items }, type_oid))
    }

    fn bind_qualified(&mut self, parts: &[ast::Ident]) -> Result<Typed> {
        let (schema, table, column) = match parts {
            [table, column] => (None, table, column),
            [schema, table, column] => (Some(fold(schema)), table, column),
            [_, schema, table, column] => (Some(fold(schema)), table, column),
            _ => return Err(error(b"42601", "improper qualified name (too many dotted names)")),
        };
        let table_name = fold(table);
        for level in (0..self.scopes.len()).rev() {
            if self.scopes[level].hidden {
                continue;
            }
            if let Some(relation) = self.scopes[level].relation(schema.as_deref(), &table_name)? {
                if let Some(found) = self.scopes[level].column_of(relation, column)? {
                    if let (Expr::Column(slot), Some(first)) = (&found.expr, parts.first())
                        && !self.scopes[level].inside_aggregate
                    {
                        self.scopes[level].places.push((*slot, first.span));
                    }
                    return Ok(self.reach(level, &found));
                }
                if let Some(system) = self.system_column(level, relation, &fold(column))? {
                    return Ok(system);
                }
                let name = fold(column);
                return Err(error_at_ident(
                    table,
                    b"42703",
                    format!("column {table_name}.{name} does not exist"),
                ));
            }
        }
        // A column of row type may be what the first part means: (t.col).field without parentheses is not SQL, so no.
        let hidden = self.scopes.iter().any(|scope| {
            scope.hidden && scope.relations.iter().any(|relation| *relation.alias == *table_name)
        });
        let message = if hidden {
            format!("invalid reference to FROM-clause entry for table \"{table_name}\"")
        } else {
            format!("missing FROM-clause entry for table \"{table_name}\"")
        };
        Err(error_at_ident(table, b"42P01", message))
    }

    /// `tableoid` of a table; the other system columns are not supported.
    fn system_column(&self, level: usize, relation: usize, name: &str) -> Result<Option<Typed>> {
        let Some(table) = &self.scopes[level].relations[relation].table else { return Ok(None) };
        match name {
            "tableoid" => Ok(Some(Typed::new(Expr::Const(Value::Oid(table.oid)), oid::OID))),
            "ctid" | "xmin" | "xmax" | "cmin" | "cmax" => Err(unsupported(format!("system column {name}"))),
            _ => Ok(None),
        }
    }

    fn bind_access(&mut self, root: &ast::Expr, chain: &[AccessExpr]) -> Result<Typed> {
        let mut current = self.bind_expr(root)?;
        let mut rest = chain;
        while let Some(first) = rest.first() {
            match first {
                AccessExpr::Dot(field) => {
                    let ast::Expr::Identifier(ident) = field else {
                        return Err(unsupported(format!("field access .{field}")));
                    };
                    current = self.field(current, ident)?;
                    rest = &rest[1..];
                }
                AccessExpr::Subscript(_) => {
                    let count =
                        rest.iter().take_while(|access| matches!(access, AccessExpr::Subscript(_))).count();
                    current = self.subscripts(current, &rest[..count])?;
                    rest = &rest[count..];
                }
            }
        }
        Ok(current)
    }

    fn field(&mut self, record: Typed, ident: &ast::Ident) -> Result<Typed> {
        let name = fold(ident);
        let type_oid = record.data_type.oid;
        let names = crate::sql::functions::field_names(type_oid, &self.env);
        let at = names.iter().position(|field| **field == *name);
        let data_type = match (self.env.kind(type_oid), at) {
            (Some(TypeKind::Composite(fields)), Some(at)) => fields[at],
            (_, Some(at)) => match &record.expr {
                Expr::Record { types, .. } => DataType::of(types[at]),
                _ => DataType::of(oid::TEXT),
            },
            _ => {
                let message = if super::is_record(type_oid, &self.env) {
                    format!("column \"{name}\" not found in data type {}", self.env.type_name(type_oid))
                } else {
                    let shown = self.env.type_name(type_oid);
                    return Err(error_at_ident(
                        ident,
                        b"42809",
                        format!(
                            "column notation .{name} applied to type {shown}, which is not a composite type"
                        ),
                    ));
                };
                return Err(error_at_ident(ident, b"42703", message));
            }
        };
        let at = at.expect("matched above");
        // Composite values keep only live columns, in order.
        Ok(Typed { expr: Expr::Field(Box::new(record.expr), at), data_type })
    }

    fn subscripts(&mut self, container: Typed, chain: &[AccessExpr]) -> Result<Typed> {
        let base = self.env.base_type(container.data_type);
        let is_json = base.oid == oid::JSONB;
        let element = self.env.element_of(base.oid);
        if !is_json && element.is_none() {
            let name = self.env.type_name(base.oid);
            return Err(error(
                b"42804",
                format!("cannot subscript type {name} because it does not support subscripting"),
            ));
        }
        let mut subscripts = Vec::new();
        let mut slice = false;
        for access in chain {
            let AccessExpr::Subscript(subscript) = access else { continue };
            let index = |binder: &mut Self, expr: &ast::Expr| -> Result<Expr> {
                let bound = binder.bind_expr(expr)?;
                if is_json {
                    let target =
                        if bound.data_type.oid == oid::UNKNOWN { oid::TEXT } else { bound.data_type.oid };
                    return binder.coerce(bound, DataType::of(target), CastContext::Implicit);
                }
                binder.coerce(bound, DataType::of(oid::INT4), CastContext::Assignment)
            };
            subscripts.push(match subscript {
                ast::Subscript::Index { index: expr } => Subscript::Index(index(self, expr)?),
                ast::Subscript::Slice { lower_bound, upper_bound, .. } => {
                    slice = true;
                    let lower = lower_bound.as_ref().map(|expr| index(self, expr)).transpose()?;
                    let upper = upper_bound.as_ref().map(|expr| index(self, expr)).transpose()?;
                    Subscript::Slice(lower, upper)
                }
            });
        }
        let data_type = match element {
            Some(element) if !slice => DataType { oid: element, typmod: base.typmod },
            _ => base,
        };
        Ok(Typed { expr: Expr::Subscript(Box::new(container.expr), subscripts), data_type })
    }

    fn bind_value(&mut self, value: &ast::Value) -> Result<Typed> {
        Ok(match value {
            ast::Value::Number(digits, _) => number(digits)?,
            ast::Value::Boolean(b) => Typed::new(Expr::Const(Value::Bool(*b)), oid::BOOL),
            ast::Value::Null => Typed::new(Expr::null(), oid::UNKNOWN),
            ast::Value::Placeholder(name) => self.bind_parameter(name)?,
            ast::Value::HexStringLiteral(_) | ast::Value::SingleQuotedByteStringLiteral(_) => {
                return Err(unsupported("bit strings"));
            }
            other => match string_of(other) {
                Some(text) => Typed::new(Expr::Const(Value::text(text)), oid::UNKNOWN),
                None => return Err(unsupported(format!("literal {other}"))),
            },
        })
    }

    fn bind_parameter(&mut self, name: &str) -> Result<Typed> {
        let missing = || error(b"42P02", format!("there is no parameter {name}"));
        let number: usize = name.trim_start_matches('$').parse().map_err(|_| missing())?;
        if number == 0 || number > 65_535 {
            return Err(missing());
        }
        let mut params = self.params.borrow_mut();
        if !self.params_allowed && number > params.len() {
            return Err(missing());
        }
        if params.len() < number {
            params.resize(number, 0);
        }
        let known = params[number - 1];
        let type_oid = if known == 0 { oid::UNKNOWN } else { known };
        Ok(Typed::new(Expr::Param(number - 1), type_oid))
    }

    fn bind_interval(&mut self, interval: &ast::Interval) -> Result<Typed> {
        let text = match &*interval.value {
            ast::Expr::Value(value) => string_of(&value.value),
            _ => None,
        };
        let Some(text) = text else { return Err(unsupported("INTERVAL of an expression")) };
        let unit = |field: &ast::DateTimeField| match field {
            ast::DateTimeField::Year => Some((IntervalUnit::Year, 1 << 2)),
            ast::DateTimeField::Month => Some((IntervalUnit::Month, 1 << 1)),
            ast::DateTimeField::Day => Some((IntervalUnit::Day, 1 << 3)),
            ast::DateTimeField::Hour => Some((IntervalUnit::Hour, 1 << 10)),
            ast::DateTimeField::Minute => Some((IntervalUnit::Minute, 1 << 11)),
            ast::DateTimeField::Second => Some((IntervalUnit::Second, 1 << 12)),
            _ => None,
        };
        let last = interval.last_field.as_ref().or(interval.leading_field.as_ref());
        let precision = interval.fractional_seconds_precision.or(interval.leading_precision);
        let read = parse_interval(&text, last.and_then(unit).map(|(unit, _)| unit))?;
        let range = last.and_then(unit).map_or(0x7fff, |(_, bit)| bit);
        let typmod = if last.is_none() && precision.is_none() {
            -1
        } else {
            range << 16 | precision.map_or(0xffff, |p| p as i32)
        };
        let data_type = DataType { oid: oid::INTERVAL, typmod };
        let value = typmod::apply(Value::Interval(read), data_type, true)?;
        Ok(Typed { expr: Expr::Const(value), data_type })
    }

    fn bind_unary(&mut self, op: UnaryOperator, inner: &ast::Expr) -> Result<Typed> {
        if op == UnaryOperator::Not {
            let bound = self.bind_condition(inner, "NOT")?;
            return Ok(Typed::new(Expr::Not(Box::new(bound)), oid::BOOL));
        }
        // -9223372036854775808 is one literal.
        if op == UnaryOperator::Minus
            && let ast::Expr::Value(value) = inner
            && let ast::Value::Number(digits, _) = &value.value
        {
            return number(&format!("-{digits}"));
        }
        let bound = self.bind_expr(inner)?;
        self.apply_operator(prefix_symbol(op), vec![bound])
    }

    fn bind_binary(&mut self, left: &ast::Expr, op: &BinaryOperator, right: &ast::Expr) -> Result<Typed> {
        match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let is_and = *op == BinaryOperator::And;
                let clause = if is_and { "AND" } else { "OR" };
                let mut parts = Vec::new();
                for side in [left, right] {
                    match self.bind_condition(side, clause)? {
                        Expr::And(inner) if is_and => parts.extend(inner),
                        Expr::Or(inner) if !is_and => parts.extend(inner),
                        other => parts.push(other),
                    }
                }
                return Ok(Typed::new(if is_and { Expr::And(parts) } else { Expr::Or(parts) }, oid::BOOL));
            }
            BinaryOperator::Overlaps => {
                let (Some(left), Some(right)) = (row_items(left), row_items(right)) else {
                    return Err(error(
                        b"42601",
                        "wrong number of parameters on left side of OVERLAPS expression",
                    ));
                };
                let parts: Vec<&ast::Expr> = left.into_iter().chain(right).collect();
                let args = self.bind_boxed(&parts)?;
                return self.call_named("overlaps", args);
            }
            _ => {}
        }
        let symbol = symbol(op);
        if let Some(left_items) = row_items(left) {
            if let ast::Expr::Subquery(query) = right {
                let left = self.bind_boxed(&left_items)?;
                return self.bind_row_subquery(left, &symbol, query, None);
            }
            if let Some(right_items) = row_items(right) {
                let (left, right) = (self.bind_boxed(&left_items)?, self.bind_boxed(&right_items)?);
                return self.compare_rows(&symbol, left, right);
            }
        }
        let operands = vec![self.bind_expr(left)?, self.bind_expr(right)?];
        self.apply_operator(&symbol, operands)
    }

    fn bind_is_null(&mut self, inner: &ast::Expr, negated: bool) -> Result<Typed> {
        let bound = self.bind_expr(inner)?;
        Ok(Typed::new(Expr::IsNull(Box::new(bound.expr), negated), oid::BOOL))
    }

    fn boolean_test(
        &mut self,
        inner: &ast::Expr,
        wanted: Option<bool>,
        negated: bool,
        clause: &'static str,
    ) -> Result<Typed> {
        let bound = self.bind_condition(inner, clause)?;
        Ok(Typed::new(Expr::BooleanTest(Box::new(bound), wanted, negated), oid::BOOL))
    }

    fn bind_distinct(&mut self, left: &ast::Expr, right: &ast::Expr, negated: bool) -> Result<Typed> {
        if let (Some(left), Some(right)) = (row_items(left), row_items(right)) {
            let mut parts = Vec::new();
            let (left, right) = (self.bind_boxed(&left)?, self.bind_boxed(&right)?);
            for (a, b) in left.into_iter().zip(right) {
                parts.push(self.distinct_pair(a, b, negated)?);
            }
            return Ok(Typed::new(if negated { Expr::and(parts) } else { Expr::Or(parts) }, oid::BOOL));
        }
        let (left, right) = (self.bind_expr(left)?, self.bind_expr(right)?);
        Ok(Typed::new(self.distinct_pair(left, right, negated)?, oid::BOOL))
    }

    fn distinct_pair(&mut self, left: Typed, right: Typed, negated: bool) -> Result<Expr> {
        // The comparison decides the types; the test itself knows NULLs.
        let (_, types, _) = self.operator("=", &[left.data_type.oid, right.data_type.oid])?;
        let left = self.coerce(left, DataType::of(types[0]), CastContext::Implicit)?;
        let right = self.coerce(right, DataType::of(types[1]), CastContext::Implicit)?;
        Ok(Expr::Distinct(Box::new(left), Box::new(right), negated))
    }

    fn bind_in(&mut self, left: &ast::Expr, target: &InTarget, negated: bool) -> Result<Typed> {
        match target {
            InTarget::List(items) => self.bind_in_list(left, items, negated),
            InTarget::Subquery(query) => {
                let left = match row_items(left) {
                    Some(items) => self.bind_boxed(&items)?,
                    None => vec![self.bind_expr(left)?],
                };
                let symbol = if negated { "<>" } else { "=" };
                self.bind_row_subquery(left, symbol, query, Some(negated))
            }
            _ => Err(unsupported("this form of IN")),
        }
    }

    fn bind_in_list(&mut self, left: &ast::Expr, items: &[ast::Expr], negated: bool) -> Result<Typed> {
        let symbol = if negated { "<>" } else { "=" };
        if let Some(left_items) = row_items(left) {
            let left = self.bind_boxed(&left_items)?;
            let mut parts = Vec::new();
            for item in items {
                let right_items = row_items(item)
                    .ok_or_else(|| error(b"42601", "unequal number of entries in row expressions"))?;
                let right = self.bind_boxed(&right_items)?;
                parts.push(self.compare_rows(symbol, left.clone(), right)?.expr);
            }
            return Ok(Typed::new(if negated { Expr::And(parts) } else { Expr::Or(parts) }, oid::BOOL));
        }
        let left = self.bind_expr(left)?;
        let bound = self.bind_exprs(items)?;
        // One array comparison when all are of a type with the left side; else one comparison an item.
        let mut types = vec![left.data_type.oid];
        types.extend(bound.iter().map(|item| item.data_type.oid));
        let common = super::resolve::common_type(&types, &self.env).ok();
        let plain = bound
            .iter()
            .all(|item| !item.expr.any(&|part| matches!(part, Expr::Column(_) | Expr::Subquery(_))));
        if items.len() > 1
            && plain
            && let Some(common) = common
            && let Some(array) = self.env.array_of(common)
        {
            let target = DataType::of(common);
            let mut exprs = Vec::new();
            for item in bound {
                exprs.push(self.coerce(item, target, CastContext::Implicit)?);
            }
            let array = Typed::new(Expr::Array { element: common, items: exprs, nested: false }, array);
            return self.quantified(symbol, left, array, negated);
        }
        let mut parts = Vec::new();
        for item in bound {
            parts.push(self.apply_operator(symbol, vec![left.clone(), item])?.expr);
        }
        let expr = match parts.len() {
            1 => parts.remove(0),
            _ if negated => Expr::And(parts),
            _ => Expr::Or(parts),
        };
        Ok(Typed::new(expr, oid::BOOL))
    }

    fn bind_like(
        &mut self,
        inner: &ast::Expr,
        pattern: &ast::Expr,
        escape: Option<&ast::Expr>,
        negated: bool,
        insensitive: bool,
    ) -> Result<Typed> {
        let (value, pattern) = (self.bind_expr(inner)?, self.bind_expr(pattern)?);
        let Some(escape) = escape else {
            let symbol = match (insensitive, negated) {
                (false, false) => "~~",
                (false, true) => "!~~",
                (true, false) => "~~*",
                (true, true) => "!~~*",
            };
            return self.apply_operator(symbol, vec![value, pattern]);
        };
        let escape = self.bind_expr(escape)?;
        let name = if insensitive { "ilike_escape" } else { "like_escape" };
        let call = self.call_named(name, vec![value, pattern, escape])?;
        Ok(if negated { Typed::new(Expr::Not(Box::new(call.expr)), oid::BOOL) } else { call })
    }

    fn bind_quantified(
        &mut self,
        left: &ast::Expr,
        op: &BinaryOperator,
        right: &ast::Expr,
        all: bool,
    ) -> Result<Typed> {
        let symbol = symbol(op);
        if let ast::Expr::Subquery(query) = strip(right) {
            let left = match row_items(left) {
                Some(items) => self.bind_boxed(&items)?,
                None => vec![self.bind_expr(left)?],
            };
            return self.bind_row_subquery(left, &symbol, query, Some(all));
        }
        let (left, array) = (self.bind_expr(left)?, self.bind_expr(right)?);
        self.quantified(&symbol, left, array, all)
    }

    /// `left op (SELECT …)`: of one row, or quantified (`Some(all)`).
    fn bind_row_subquery(
        &mut self,
        left: Vec<Typed>,
        symbol: &str,
        query: &ast::Query,
        quantifier: Option<bool>,
    ) -> Result<Typed> {
        let (plan, columns, frame, once) = self.bind_subquery(query)?;
        if columns.len() < left.len() {
            return Err(error(b"42601", "subquery has too few columns"));
        }
        if columns.len() > left.len() {
            return Err(error(b"42601", "subquery has too many columns"));
        }
        let width = left.len();
        let slots: Vec<Typed> = left
            .iter()
            .enumerate()
            .map(|(at, typed)| Typed { expr: Expr::Column(at), data_type: typed.data_type })
            .collect();
        let right: Vec<Typed> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| Typed { expr: Expr::Column(width + at), data_type: column.data_type })
            .collect();
        // Untyped literals and parameters on the left take the type of the column.
        let mut settled = Vec::new();
        let mut left_slots = Vec::new();
        for ((given, slot), column) in left.into_iter().zip(slots).zip(&columns) {
            if given.data_type.oid == oid::UNKNOWN {
                settled.push(self.coerce(given, column.data_type, CastContext::Implicit)?);
                left_slots.push(Typed { expr: slot.expr, data_type: column.data_type });
            } else {
                settled.push(given.expr);
                left_slots.push(slot);
            }
        }
        let test = if width == 1 {
            let (left, right) = (left_slots.remove(0), right.into_iter().next().expect("one column"));
            self.apply_operator(symbol, vec![left, right])?
        } else {
            self.compare_rows(symbol, left_slots, right)?
        };
        let test = Box::new(test.expr);
        let kind = match quantifier {
            None => SubqueryKind::Row { left: settled, test },
            Some(all) => SubqueryKind::Any { left: settled, test, all },
        };
        Ok(Typed::new(Expr::Subquery(Box::new(Subquery { kind, plan, frame, once })), oid::BOOL))
    }

    fn bind_case(
        &mut self,
        operand: Option<&ast::Expr>,
        whens: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Result<Typed> {
        let operand = operand.map(|operand| self.bind_expr(operand)).transpose()?;
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for when in whens {
            let condition = match &operand {
                Some(operand) => {
                    let value = self.bind_expr(&when.condition)?;
                    self.apply_operator("=", vec![operand.clone(), value])?.expr
                }
                None => self.bind_condition(&when.condition, "CASE/WHEN")?,
            };
            conditions.push(condition);
            results.push(self.bind_expr(&when.result)?);
        }
        // ELSE counts first for the common type.
        let last = match otherwise {
            Some(otherwise) => self.bind_expr(otherwise)?,
            None => Typed::new(Expr::null(), oid::UNKNOWN),
        };
        results.insert(0, last);
        let (mut exprs, data_type) = self.unify(results, "CASE")?;
        let otherwise = exprs.remove(0);
        let branches = conditions.into_iter().zip(exprs).collect();
        Ok(Typed { expr: Expr::Case(branches, Box::new(otherwise)), data_type })
    }

    pub(crate) fn bind_array(&mut self, items: &[ast::Expr]) -> Result<Typed> {
        if items.is_empty() {
            return Err(error(b"42P18", "cannot determine type of empty array")
                .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[]."));
        }
        let bound = self.bind_exprs(items)?;
        let (exprs, data_type) = self.unify(bound, "ARRAY")?;
        if let Some(element) = self.env.element_of(data_type.oid) {
            let expr = Expr::Array { element, items: exprs, nested: true };
            return Ok(Typed { expr, data_type });
        }
        let array = self.env.array_of(data_type.oid).ok_or_else(|| {
            let name = self.env.type_name(data_type.oid);
            error(b"42704", format!("could not find array type for data type {name}"))
        })?;
        let expr = Expr::Array { element: data_type.oid, items: exprs, nested: false };
        Ok(Typed { expr, data_type: DataType { oid: array, typmod: data_type.typmod } })
    }

    pub(crate) fn bind_row(&mut self, items: &[ast::Expr]) -> Result<Typed> {
        let mut types = Vec::new();
        let mut exprs = Vec::new();
        for item in items {
            let bound = self.bind_expr(item)?;
            let settled = self.settle(bound)?;
            types.push(settled.data_type.oid);
            exprs.push(settled.expr);
        }
        let expr = Expr::Record { type_oid: oid::RECORD, types: types.into(), items: exprs };
        Ok(Typed::new(expr, oid::RECORD))
    }

    /// Binds a sub-select: plan, columns, the frame it reads this level's row through, its number when it is the same
    /// for the whole statement.
    #[allow(clippy::type_complexity)]
    pub(crate) fn bind_subquery(
        &mut self,
        query: &ast::Query,
    ) -> Result<(Arc<crate::sql::plan::Plan>, Vec<super::OutputColumn>, Option<usize>, Option<usize>)> {
        let first_new = self.next_frame;
        let bound = self.bind_query(query)?;
        let own_frame = self.scopes.last().and_then(|scope| scope.frame);
        let reads_own = own_frame.is_some_and(|frame| bound.plan.reads_frame(&|read| read == frame));
        let reads_outer = bound.plan.reads_frame(&|read| read < first_new || Some(read) == own_frame);
        let outer_frames: Vec<usize> = self.scopes.iter().filter_map(|scope| scope.frame).collect();
        let correlated = reads_outer || bound.plan.reads_frame(&|read| outer_frames.contains(&read));
        let once = if correlated {
            None
        } else {
            self.next_once += 1;
            Some(self.next_once - 1)
        };
        let frame = if reads_own { own_frame } else { None };
        Ok((Arc::new(bound.plan), bound.columns, frame, once))
    }
}

/// Parentheses taken off.
pub(crate) fn strip(expr: &ast::Expr) -> &ast::Expr {
    match expr {
        ast::Expr::Nested(inner) => strip(inner),
        other => other,
    }
}

/// The items of a row constructor.
fn row_items(expr: &ast::Expr) -> Option<Vec<&ast::Expr>> {
    match expr {
        ast::Expr::Tuple(items) => Some(items.iter().collect()),
        ast::Expr::Function(function) => {
            let [ast::ObjectNamePart::Identifier(ident)] = function.name.0.as_slice() else { return None };
            if !ident.value.eq_ignore_ascii_case("row") || ident.quote_style.is_some() {
                return None;
            }
            let ast::FunctionArguments::List(list) = &function.args else { return None };
            list.args
                .iter()
                .map(|arg| match arg {
                    ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
                    _ => None,
                })
                .collect()
        }
        _ => None,
    }
}

/// The text of a string literal.
pub(crate) fn string_of(value: &ast::Value) -> Option<String> {
    Some(match value {
        ast::Value::SingleQuotedString(text)
        | ast::Value::EscapedStringLiteral(text)
        | ast::Value::UnicodeStringLiteral(text)
        | ast::Value::NationalStringLiteral(text) => text.clone(),
        ast::Value::DollarQuotedString(text) => text.value.clone(),
        _ => return None,
    })
}

fn number(digits: &str) -> Result<Typed> {
    let plain = digits.replace('_', "");
    if plain.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()) {
        if let Ok(n) = plain.parse::<i32>() {
            return Ok(Typed::new(Expr::Const(Value::Int4(n)), oid::INT4));
        }
        if let Ok(n) = plain.parse::<i64>() {
            return Ok(Typed::new(Expr::Const(Value::Int8(n)), oid::INT8));
        }
    }
    let parsed = Numeric::parse(&plain).ok_or_else(|| {
        error(b"42601", format!("trailing junk after numeric literal at or near \"{digits}\""))
    })?;
    Ok(Typed::new(Expr::Const(Value::numeric(parsed)), oid::NUMERIC))
}

fn field_text(field: &ast::DateTimeField) -> String {
    field.to_string().trim_matches('\'').to_lowercase()
}

/// Whether a function returns rows.
pub(crate) fn is_set(kind: &Kind) -> bool {
    matches!(kind, Kind::Set(..))
}

/// A type name for messages.
pub(crate) fn type_name(type_oid: Oid, env: &Env) -> String {
    if type_oid >= super::RECORD_BASE { "record".to_owned() } else { env.type_name(type_oid) }
}
