//! Evaluation of expressions.
//!
//! Nearly all of it is synchronous. Only sub-selects (which may lock rows) and a few functions (`pg_sleep`, advisory
//! locks) wait; expressions with such a part are evaluated by [`eval_async`], whose parts without one go the fast way.

use super::context::Exec;
use super::error::error;
use super::expr::{Expr, Quantified, Scalar, Subquery, SubqueryKind, Subscript};
use super::function::{BoxFuture, Kind};
use super::{cast, exec};
use crate::error::{DatabaseError, Result};
use crate::value::{ArrayValue, Oid, RecordValue, Row, Value};
use std::cmp::Ordering;
use std::sync::Arc;

/// Evaluates an expression that does not wait.
///
/// # Errors
///
/// Those of the operators and functions.
pub fn eval(expr: &Expr, row: &[Value], exec: &mut Exec) -> Result<Value> {
    Ok(match expr {
        Expr::Const(value) => value.clone(),
        Expr::Param(index) => exec
            .params
            .get(*index)
            .cloned()
            .ok_or_else(|| error(b"42P02", format!("there is no parameter ${}", index + 1)))?,
        Expr::Column(index) => row[*index].clone(),
        Expr::Outer { frame, index } => exec.frames[*frame][*index].clone(),
        Expr::Call(call) => {
            let strict = call.function.strict;
            let mut buffer: [Value; 3] = [Value::Null, Value::Null, Value::Null];
            let mut overflow: Vec<Value> = Vec::new();
            let args: &[Value] = if call.args.len() <= 3 {
                for (at, arg) in call.args.iter().enumerate() {
                    buffer[at] = eval(arg, row, exec)?;
                }
                &buffer[..call.args.len()]
            } else {
                for arg in &call.args {
                    overflow.push(eval(arg, row, exec)?);
                }
                &overflow
            };
            if strict && args.iter().any(Value::is_null) {
                return Ok(Value::Null);
            }
            apply_call(&call.function.kind, args, &call.types, exec)?
        }
        Expr::Cast(cast) => {
            let value = eval(&cast.input, row, exec)?;
            cast::evaluate(value, cast, exec)?
        }
        Expr::And(parts) => {
            let mut unknown = false;
            for part in parts {
                match eval(part, row, exec)? {
                    Value::Bool(false) => return Ok(Value::Bool(false)),
                    Value::Null => unknown = true,
                    _ => {}
                }
            }
            if unknown { Value::Null } else { Value::Bool(true) }
        }
        Expr::Or(parts) => {
            let mut unknown = false;
            for part in parts {
                match eval(part, row, exec)? {
                    Value::Bool(true) => return Ok(Value::Bool(true)),
                    Value::Null => unknown = true,
                    _ => {}
                }
            }
            if unknown { Value::Null } else { Value::Bool(false) }
        }
        Expr::Case(branches, otherwise) => {
            for (condition, result) in branches {
                if matches!(eval(condition, row, exec)?, Value::Bool(true)) {
                    return eval(result, row, exec);
                }
            }
            eval(otherwise, row, exec)?
        }
        Expr::Coalesce(parts) => {
            for part in parts {
                let value = eval(part, row, exec)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Value::Null
        }
        Expr::Quantified(quantified) => {
            let left = eval(&quantified.left, row, exec)?;
            let array = eval(&quantified.array, row, exec)?;
            apply_quantified(quantified, left, &array, exec)?
        }
        Expr::Subscript(array, subscripts) => {
            let array = eval(array, row, exec)?;
            let mut bounds = Vec::with_capacity(subscripts.len());
            for subscript in subscripts {
                bounds.push(match subscript {
                    Subscript::Index(index) => (Some(eval(index, row, exec)?), None, false),
                    Subscript::Slice(lower, upper) => {
                        let lower = lower.as_ref().map(|e| eval(e, row, exec)).transpose()?;
                        let upper = upper.as_ref().map(|e| eval(e, row, exec)).transpose()?;
                        (lower, upper, true)
                    }
                });
            }
            apply_subscripts(&array, &bounds)
        }
        Expr::Subquery(_) => {
            return Err(DatabaseError::internal("a sub-select in an expression that cannot wait"));
        }
        Expr::Aggregate(_) | Expr::Window(_) | Expr::SetReturning(_) => {
            return Err(DatabaseError::internal("an aggregate left in a planned expression"));
        }
        other => {
            let mut values = Vec::new();
            let mut failed = None;
            other.for_each_child(&mut |child| {
                if failed.is_none() {
                    match eval(child, row, exec) {
                        Ok(value) => values.push(value),
                        Err(raised) => failed = Some(raised),
                    }
                }
            });
            if let Some(raised) = failed {
                return Err(raised);
            }
            combine(other, values, exec)?
        }
    })
}

/// Evaluates a condition: only true counts.
///
/// # Errors
///
/// As [`eval`].
pub fn holds(expr: &Expr, row: &[Value], exec: &mut Exec) -> Result<bool> {
    Ok(matches!(eval(expr, row, exec)?, Value::Bool(true)))
}

fn apply_call(kind: &Kind, args: &[Value], types: &[Oid], exec: &mut Exec) -> Result<Value> {
    match kind {
        Kind::Scalar(body) => body(exec, args),
        Kind::Typed(body) => body(exec, args, types),
        Kind::Set(body, _) => {
            // In a place for one value: the first row.
            let rows = body(exec, args, types)?;
            Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).unwrap_or(Value::Null))
        }
        Kind::Async(_) | Kind::Aggregate(_) | Kind::Window(_) => {
            Err(DatabaseError::internal("a function called where it cannot be"))
        }
    }
}

/// The nodes that evaluate all their parts and then combine the values.
fn combine(expr: &Expr, mut values: Vec<Value>, exec: &mut Exec) -> Result<Value> {
    Ok(match expr {
        Expr::Not(_) => match values[0] {
            Value::Bool(b) => Value::Bool(!b),
            _ => Value::Null,
        },
        Expr::IsNull(_, negated) => {
            let null = match &values[0] {
                Value::Record(record) => {
                    let wanted = !*negated;
                    return Ok(Value::Bool(record.values.iter().all(|field| field.is_null() == wanted)));
                }
                other => other.is_null(),
            };
            Value::Bool(null != *negated)
        }
        Expr::BooleanTest(_, wanted, negated) => Value::Bool((values[0].as_bool() == *wanted) != *negated),
        Expr::Distinct(_, _, negated) => Value::Bool((values[0] != values[1]) != *negated),
        Expr::Extreme(_, greatest) => values
            .into_iter()
            .filter(|value| !value.is_null())
            .reduce(|a, b| if (a.cmp(&b) == Ordering::Less) == *greatest { b } else { a })
            .unwrap_or(Value::Null),
        Expr::NullIf(_, _) => {
            if matches!(values[0], Value::Bool(true)) {
                Value::Null
            } else {
                values.swap_remove(1)
            }
        }
        Expr::Array { element, nested, .. } => make_array(*element, *nested, values)?,
        Expr::Record { type_oid, types, .. } => {
            Value::Record(Arc::new(RecordValue { type_oid: *type_oid, types: types.clone(), values }))
        }
        Expr::Field(_, index) => match &values[0] {
            Value::Record(record) => record.values.get(*index).cloned().unwrap_or(Value::Null),
            _ => Value::Null,
        },
        Expr::CheckDomain(_, type_oid) => {
            crate::value::text::TypeCatalog::check_domain(&*exec.env, *type_oid, &values[0])?;
            values.swap_remove(0)
        }
        Expr::Call(call) => {
            if call.function.strict && values.iter().any(Value::is_null) {
                return Ok(Value::Null);
            }
            apply_call(&call.function.kind, &values, &call.types, exec)?
        }
        Expr::Cast(cast) => cast::evaluate(values.swap_remove(0), cast, exec)?,
        Expr::Quantified(quantified) => {
            let left = std::mem::take(&mut values[0]);
            apply_quantified(quantified, left, &values[1], exec)?
        }
        Expr::Subscript(_, subscripts) => {
            let mut rest = values.drain(1..).collect::<Vec<_>>().into_iter();
            let mut bounds = Vec::new();
            for subscript in subscripts {
                bounds.push(match subscript {
                    Subscript::Index(_) => (rest.next(), None, false),
                    Subscript::Slice(lower, upper) => {
                        let lower = lower.as_ref().and_then(|_| rest.next());
                        let upper = upper.as_ref().and_then(|_| rest.next());
                        (lower, upper, true)
                    }
                });
            }
            apply_subscripts(&values[0], &bounds)
        }
        _ => return Err(DatabaseError::internal("an expression without a value")),
    })
}

fn make_array(element: Oid, nested: bool, values: Vec<Value>) -> Result<Value> {
    if !nested {
        return Ok(Value::Array(Arc::new(ArrayValue::from_values(element, values))));
    }
    let mut dimensions: Option<Vec<(usize, i32)>> = None;
    let mut flat = Vec::new();
    let count = values.len();
    for value in &values {
        let (inner, items): (Vec<(usize, i32)>, &[Value]) = match value {
            Value::Array(array) => (array.dimensions.clone(), &array.values),
            _ => (Vec::new(), &[]),
        };
        if dimensions.as_ref().is_some_and(|dimensions| *dimensions != inner) {
            let message = "multidimensional arrays must have array expressions with matching dimensions";
            return Err(error(b"2202E", message));
        }
        dimensions = Some(inner);
        flat.extend_from_slice(items);
    }
    let mut all = vec![(count, 1)];
    all.extend(dimensions.unwrap_or_default());
    if flat.is_empty() {
        all.clear();
    }
    Ok(Value::Array(Arc::new(ArrayValue { element, dimensions: all, values: flat })))
}

fn apply_quantified(quantified: &Quantified, left: Value, array: &Value, exec: &mut Exec) -> Result<Value> {
    let Value::Array(array) = array else { return Ok(Value::Null) };
    let mut unknown = false;
    for item in &array.values {
        let item = match &quantified.element_cast {
            Some((source, target, method)) => {
                cast::apply(item.clone(), *source, *target, *method, false, &exec.env)?
            }
            None => item.clone(),
        };
        let args = [left.clone(), item];
        let result = if quantified.function.strict && args.iter().any(Value::is_null) {
            Value::Null
        } else {
            apply_call(&quantified.function.kind, &args, &quantified.types, exec)?
        };
        match result {
            Value::Bool(b) if b != quantified.all => return Ok(Value::Bool(b)),
            Value::Null => unknown = true,
            _ => {}
        }
    }
    Ok(if unknown { Value::Null } else { Value::Bool(quantified.all) })
}

type Bounds = (Option<Value>, Option<Value>, bool);

fn apply_subscripts(container: &Value, bounds: &[Bounds]) -> Value {
    if let Value::Jsonb(document) = container {
        let mut at = (**document).clone();
        for (key, _, _) in bounds {
            let next = match key {
                Some(Value::Text(key)) => match key.parse::<i64>() {
                    Ok(index) if matches!(at, crate::value::Jsonb::Array(_)) => at.element(index).cloned(),
                    _ => at.get(key).cloned(),
                },
                Some(number) => number.as_i64().and_then(|index| at.element(index).cloned()),
                None => None,
            };
            match next {
                Some(next) => at = next,
                None => return Value::Null,
            }
        }
        return Value::Jsonb(Arc::new(at));
    }
    let Value::Array(array) = container else { return Value::Null };
    let int = |value: &Option<Value>| value.as_ref().and_then(Value::as_i64);
    if !bounds.iter().any(|(_, _, slice)| *slice) {
        let indexes: Option<Vec<i32>> =
            bounds.iter().map(|(index, _, _)| int(index).map(|n| n as i32)).collect();
        return indexes.and_then(|indexes| array.get(&indexes).cloned()).unwrap_or(Value::Null);
    }
    let mut ranges = Vec::new();
    for (at, (length, lower)) in array.dimensions.iter().enumerate() {
        let (low, high) = (i64::from(*lower), i64::from(*lower) + *length as i64 - 1);
        let (from, to) = match bounds.get(at) {
            None => (low, high),
            Some((from, to, true)) => {
                if from.as_ref().is_some_and(Value::is_null) || to.as_ref().is_some_and(Value::is_null) {
                    return Value::Null;
                }
                (int(from).unwrap_or(low), int(to).unwrap_or(high))
            }
            Some((to, _, false)) => match int(to) {
                Some(to) => (1, to),
                None => return Value::Null,
            },
        };
        ranges.push((from.max(low), to.min(high), low));
    }
    if ranges.iter().any(|(from, to, _)| from > to) || bounds.len() > array.dimensions.len() {
        return Value::Array(Arc::new(ArrayValue::from_values(array.element, Vec::new())));
    }
    let mut values = Vec::new();
    let mut indexes: Vec<i64> = ranges.iter().map(|(from, _, _)| *from).collect();
    'all: loop {
        let subscripts: Vec<i32> = indexes.iter().map(|n| *n as i32).collect();
        values.push(array.get(&subscripts).cloned().unwrap_or(Value::Null));
        let mut dimension = indexes.len();
        loop {
            if dimension == 0 {
                break 'all;
            }
            dimension -= 1;
            if indexes[dimension] < ranges[dimension].1 {
                indexes[dimension] += 1;
                break;
            }
            indexes[dimension] = ranges[dimension].0;
        }
    }
    let dimensions = ranges.iter().map(|(from, to, _)| ((to - from + 1) as usize, 1)).collect();
    Value::Array(Arc::new(ArrayValue { element: array.element, dimensions, values }))
}

/// Evaluates any expression.
///
/// # Errors
///
/// As [`eval`], and those of sub-selects.
pub fn eval_async<'a>(expr: &'a Expr, row: &'a Row, exec: &'a mut Exec) -> BoxFuture<'a, Result<Value>> {
    Box::pin(async move {
        if !expr.may_wait() {
            return eval(expr, row, exec);
        }
        match expr {
            Expr::And(parts) | Expr::Or(parts) => {
                let decisive = matches!(expr, Expr::Or(_));
                let mut unknown = false;
                for part in parts {
                    match eval_async(part, row, exec).await? {
                        Value::Bool(b) if b == decisive => return Ok(Value::Bool(b)),
                        Value::Null => unknown = true,
                        _ => {}
                    }
                }
                Ok(if unknown { Value::Null } else { Value::Bool(!decisive) })
            }
            Expr::Case(branches, otherwise) => {
                for (condition, result) in branches {
                    if matches!(eval_async(condition, row, exec).await?, Value::Bool(true)) {
                        return eval_async(result, row, exec).await;
                    }
                }
                eval_async(otherwise, row, exec).await
            }
            Expr::Coalesce(parts) => {
                for part in parts {
                    let value = eval_async(part, row, exec).await?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            Expr::Subquery(subquery) => eval_subquery(subquery, row, exec).await,
            other => {
                let mut children = Vec::new();
                other.for_each_child(&mut |child| children.push(child));
                let mut values = Vec::with_capacity(children.len());
                for child in children {
                    values.push(eval_async(child, row, exec).await?);
                }
                if let Expr::Call(call) = other
                    && let Kind::Async(body) = call.function.kind
                {
                    if call.function.strict && values.iter().any(Value::is_null) {
                        return Ok(Value::Null);
                    }
                    return body(exec, values).await;
                }
                combine(other, values, exec)
            }
        }
    })
}

async fn eval_subquery(subquery: &Subquery, row: &Row, exec: &mut Exec) -> Result<Value> {
    let mut left_values = Vec::new();
    if let SubqueryKind::Any { left, .. } | SubqueryKind::Row { left, .. } = &subquery.kind {
        for part in left {
            left_values.push(eval_async(part, row, exec).await?);
        }
    }
    let limit = match &subquery.kind {
        SubqueryKind::Exists => 1,
        SubqueryKind::Scalar | SubqueryKind::Row { .. } => 2,
        _ => usize::MAX,
    };
    let cached = subquery.once.and_then(|at| exec.once.get(at).cloned().flatten());
    let rows = match cached {
        Some(rows) => rows,
        None => {
            if let Some(frame) = subquery.frame {
                if exec.frames.len() <= frame {
                    exec.frames.resize(frame + 1, Arc::new([]));
                }
                exec.frames[frame] = row.clone();
            }
            let rows = Arc::new(exec::collect(&subquery.plan, exec, limit).await?);
            if let Some(at) = subquery.once {
                if exec.once.len() <= at {
                    exec.once.resize(at + 1, None);
                }
                exec.once[at] = Some(rows.clone());
            }
            rows
        }
    };
    let too_many = || error(b"21000", "more than one row returned by a subquery used as an expression");
    Ok(match &subquery.kind {
        SubqueryKind::Exists => Value::Bool(!rows.is_empty()),
        SubqueryKind::Scalar => match rows.len() {
            0 => Value::Null,
            1 => rows[0][0].clone(),
            _ => return Err(too_many()),
        },
        SubqueryKind::Array(element) => {
            let values: Vec<Value> = rows.iter().map(|row| row[0].clone()).collect();
            make_array(*element, matches!(values.first(), Some(Value::Array(_))), values)?
        }
        SubqueryKind::Row { test, .. } => match rows.len() {
            0 => Value::Null,
            1 => {
                left_values.extend(rows[0].iter().cloned());
                eval(test, &left_values, exec)?
            }
            _ => return Err(too_many()),
        },
        SubqueryKind::Any { test, all, .. } => {
            let width = left_values.len();
            let mut unknown = false;
            for row in rows.iter() {
                left_values.truncate(width);
                left_values.extend(row.iter().cloned());
                match eval(test, &left_values, exec)? {
                    Value::Bool(b) if b != *all => return Ok(Value::Bool(b)),
                    Value::Null => unknown = true,
                    _ => {}
                }
            }
            if unknown { Value::Null } else { Value::Bool(*all) }
        }
    })
}

impl Scalar {
    /// Evaluates it.
    ///
    /// # Errors
    ///
    /// As [`eval_async`].
    pub async fn value(&self, row: &Row, exec: &mut Exec) -> Result<Value> {
        if self.may_wait { eval_async(&self.expr, row, exec).await } else { eval(&self.expr, row, exec) }
    }

    /// Evaluates it as a condition: only true counts.
    ///
    /// # Errors
    ///
    /// As [`eval_async`].
    pub async fn holds(&self, row: &Row, exec: &mut Exec) -> Result<bool> {
        if self.may_wait {
            return Ok(matches!(eval_async(&self.expr, row, exec).await?, Value::Bool(true)));
        }
        holds(&self.expr, row, exec)
    }
}
