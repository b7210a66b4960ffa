//! How a table is read: by which index, over which range.
//!
//! PostgreSQL without statistics takes a table for ten pages: an equality on an index is worth using, a one-sided range
//! (a third of the rows by its guess) is not, a range of two sides is. The same rules hold here while a table is small,
//! so that predicate locks cover what they cover there; a large table uses its index for any range.

use super::Access;
use crate::engine::IndexId;
use crate::sql::bind::{Binder, bind_over_table};
use crate::sql::cast::CastMethod;
use crate::sql::catalog::{Index, IndexPart, Table};
use crate::sql::expr::{Expr, Scalar};
use crate::sql::functions::comparison::commuted;
use crate::value::oid;
use std::sync::Arc;

/// Rows from which on a one-sided range uses its index.
const LARGE_ROWS: u64 = 2_000;

/// A comparison of an index column with something constant for the scan.
struct Test {
    operator: &'static str,
    value: Expr,
}

/// The column that an expression is, seen through casts that change nothing.
fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) if cast.method == CastMethod::Relabel => bare(&cast.input),
        other => other,
    }
}

/// Whether two types share an index order, so that a comparison across them may use the index.
fn comparable(a: u32, b: u32) -> bool {
    let class = |type_oid: u32| match type_oid {
        oid::INT2 | oid::INT4 | oid::INT8 => 1,
        oid::TEXT | oid::VARCHAR | oid::NAME => 2,
        oid::FLOAT4 | oid::FLOAT8 => 3,
        other => other,
    };
    class(a) == class(b)
}

/// The comparison that a condition makes of a key, if it makes one.
fn test_of(condition: &Expr, key: &Expr) -> Option<Test> {
    let Expr::Call(call) = condition else { return None };
    let [left, right] = call.args.as_slice() else { return None };
    if !comparable(call.types[0], call.types[1]) {
        return None;
    }
    let operator = ["=", "<", "<=", ">", ">="].into_iter().find(|op| *op == call.function.name)?;
    if bare(left) == key && right.is_row_independent() {
        return Some(Test { operator, value: right.clone() });
    }
    if bare(right) == key && left.is_row_independent() {
        return Some(Test { operator: commuted(operator)?, value: left.clone() });
    }
    None
}

fn key_of(part: &IndexPart, table: &Arc<Table>, binder: &Binder) -> Option<Expr> {
    match part {
        IndexPart::Column(at) => Some(Expr::Column(*at)),
        IndexPart::Expression(expr) => {
            bind_over_table(&expr.ast, table, &binder.env).ok().map(|typed| typed.expr)
        }
    }
}

/// Whether the conditions imply an index's predicate: each part of it stands among them.
fn implies(index: &Index, table: &Arc<Table>, conditions: &[Expr], binder: &Binder) -> bool {
    let Some(predicate) = &index.predicate else { return true };
    let Ok(bound) = bind_over_table(&predicate.ast, table, &binder.env) else { return false };
    let mut parts = Vec::new();
    bound.expr.conjuncts(&mut parts);
    parts.iter().all(|part| {
        conditions.contains(part)
            || matches!(part, Expr::IsNull(column, true) if conditions.iter().any(|c| rejects_null(c, column)))
    })
}

/// Whether a condition can only hold when an expression is not `NULL`.
fn rejects_null(condition: &Expr, expr: &Expr) -> bool {
    matches!(condition, Expr::Call(call) if call.function.strict && call.args.iter().any(|arg| bare(arg) == expr))
}

/// Chooses how to read a table under conditions (over its own slots), preferring `order` for a limited query.
pub fn choose(table: &Arc<Table>, conditions: &[Expr], order: &[(Expr, bool)], binder: &Binder) -> Access {
    let mut best: Option<(u32, Access)> = None;
    let mut offer = |score: u32, access: Access| {
        if best.as_ref().is_none_or(|(known, _)| score > *known) {
            best = Some((score, access));
        }
    };
    for index in &table.indexes {
        if !matches!(&*index.method, "btree" | "hash") || !implies(index, table, conditions, binder) {
            continue;
        }
        let mut equal: Vec<Scalar> = Vec::new();
        let (mut lower, mut upper): (Option<(Scalar, bool)>, Option<(Scalar, bool)>) = (None, None);
        let mut descending = false;
        let mut keys = Vec::new();
        for (at, part) in index.parts.iter().enumerate() {
            let Some(key) = key_of(part, table, binder) else { break };
            keys.push(key.clone());
            let tests: Vec<Test> =
                conditions.iter().filter_map(|condition| test_of(condition, &key)).collect();
            if equal.len() == at {
                if let Some(test) = tests.iter().find(|test| test.operator == "=") {
                    equal.push(test.value.clone().into());
                    continue;
                }
                descending = index.order.get(at).is_some_and(|order| order.descending);
                for test in tests {
                    match test.operator {
                        ">" | ">=" if lower.is_none() => {
                            lower = Some((test.value.into(), test.operator == ">="))
                        }
                        "<" | "<=" if upper.is_none() => {
                            upper = Some((test.value.into(), test.operator == "<="))
                        }
                        _ => {}
                    }
                }
            }
        }
        let unique = index.unique && equal.len() == index.parts.len() && !index.nulls_not_distinct;
        let (two_sided, one_sided) = (lower.is_some() && upper.is_some(), lower.is_some() || upper.is_some());
        // Does the index give the wanted order?
        let rest = &keys[equal.len().min(keys.len())..];
        let mut ordered = !order.is_empty() && order.len() <= rest.len();
        let mut backward = false;
        for (at, (expr, desc)) in order.iter().enumerate() {
            let key_descending = index.order.get(equal.len() + at).is_some_and(|order| order.descending);
            let here = *desc != key_descending;
            if at == 0 {
                backward = here;
            }
            ordered = ordered && rest.get(at).is_some_and(|key| key == bare(expr)) && here == backward;
        }
        let large = binder.table_rows(table.oid) > LARGE_ROWS;
        let useful = !equal.is_empty() || two_sided || ordered || (one_sided && large);
        if useful {
            let mut score = equal.len() as u32 * 10
                + u32::from(two_sided) * 4
                + u32::from(one_sided) * 2
                + u32::from(ordered) * 3;
            if unique {
                score += 1000;
            }
            let access = Access::Index {
                index: IndexId(index.oid),
                name: index.name.clone(),
                equal,
                lower,
                upper,
                unique: unique && index.deferrable.is_none(),
                backward: ordered && backward,
                descending,
            };
            offer(score, access);
        }
        // column = ANY (array)
        if let Some(key) = keys.first() {
            for condition in conditions {
                if let Expr::Quantified(quantified) = condition
                    && !quantified.all
                    && quantified.function.name == "="
                    && quantified.element_cast.is_none()
                    && comparable(quantified.types[0], quantified.types[1])
                    && bare(&quantified.left) == key
                    && quantified.array.is_row_independent()
                {
                    let array: Scalar = quantified.array.clone().into();
                    offer(6, Access::Keys { index: IndexId(index.oid), name: index.name.clone(), array });
                }
            }
        }
    }
    best.map_or(Access::Sequential, |(_, access)| access)
}
