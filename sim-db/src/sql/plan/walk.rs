//! Walking over all expressions of a plan, sub-selects included.

use super::{Access, ColumnSource, Modify, Plan};
use crate::sql::bind::scope::{AggregateCall, Bound};
use crate::sql::expr::{Expr, Scalar};
use std::sync::Arc;

impl AggregateCall {
    /// Calls `visit` on its expressions, to change them.
    pub fn visit_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        self.args.iter_mut().for_each(&mut *visit);
        self.order.iter_mut().for_each(|(expr, _, _)| visit(expr));
        self.filter.iter_mut().for_each(visit);
    }
}

impl Plan {
    /// Calls `visit` on every expression of this plan (not inside sub-selects of those), to change it.
    pub fn visit_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        let scalars = |list: &mut [Scalar], visit: &mut dyn FnMut(&mut Expr)| {
            for scalar in list {
                visit(&mut scalar.expr);
            }
        };
        let child =
            |plan: &mut Arc<Plan>, visit: &mut dyn FnMut(&mut Expr)| Arc::make_mut(plan).visit_mut(visit);
        match self {
            Self::OneRow | Self::Cte(..) | Self::WorkTable(_) => {}
            Self::Values(rows) => rows.iter_mut().for_each(|row| scalars(row, visit)),
            Self::Scan(scan) => {
                match &mut scan.access {
                    Access::Sequential => {}
                    Access::Index { equal, lower, upper, .. } => {
                        scalars(equal, visit);
                        lower.iter_mut().chain(upper).for_each(|(scalar, _)| visit(&mut scalar.expr));
                    }
                    Access::Keys { array, .. } => visit(&mut array.expr),
                    Access::Place(place) => visit(&mut place.expr),
                }
                scan.filter.iter_mut().for_each(|filter| visit(&mut filter.expr));
            }
            Self::System(_, filter) => filter.iter_mut().for_each(|filter| visit(&mut filter.expr)),
            Self::Function(calls, _) => calls.iter_mut().for_each(|call| visit(&mut call.expr)),
            Self::Filter(input, condition) => {
                child(input, visit);
                visit(&mut condition.expr);
            }
            Self::Project(input, exprs) => {
                child(input, visit);
                scalars(exprs, visit);
            }
            Self::ProjectSet(input, exprs, sets) => {
                child(input, visit);
                scalars(exprs, visit);
                sets.iter_mut().for_each(|set| visit(&mut set.expr));
            }
            Self::Join(join) => {
                child(&mut join.left, visit);
                child(&mut join.right, visit);
                join.condition.iter_mut().for_each(|condition| visit(&mut condition.expr));
                if let Some((left, right)) = &mut join.hash {
                    scalars(left, visit);
                    scalars(right, visit);
                }
            }
            Self::Sort(input, keys) => {
                child(input, visit);
                keys.iter_mut().for_each(|key| visit(&mut key.expr.expr));
            }
            Self::Limit(input, limit, offset, ties) => {
                child(input, visit);
                limit.iter_mut().chain(offset).for_each(|scalar| visit(&mut scalar.expr));
                ties.iter_mut().flatten().for_each(|key| visit(&mut key.expr.expr));
            }
            Self::LockRows(input, _, recheck) => {
                child(input, visit);
                recheck.iter_mut().for_each(|scalar| visit(&mut scalar.expr));
            }
            Self::Aggregate(aggregation) => {
                child(&mut aggregation.input, visit);
                scalars(&mut aggregation.keys, visit);
                aggregation.calls.iter_mut().for_each(|call| call.visit_mut(visit));
            }
            Self::Window(input, calls, _) => {
                child(input, visit);
                for call in calls {
                    call.call.visit_mut(visit);
                    call.window.partition.iter_mut().for_each(&mut *visit);
                    call.window.order.iter_mut().for_each(|(expr, _, _)| visit(expr));
                    for bound in [&mut call.window.start, &mut call.window.end] {
                        if let Bound::Preceding(expr) | Bound::Following(expr) = bound {
                            visit(expr);
                        }
                    }
                }
            }
            Self::Distinct(input) => child(input, visit),
            Self::DistinctOn(input, keys) => {
                child(input, visit);
                scalars(keys, visit);
            }
            Self::SetOperation(_, _, left, right) | Self::Recursive(_, left, right, _) => {
                child(left, visit);
                child(right, visit);
            }
            Self::With(ctes, body) => {
                ctes.iter_mut().for_each(|cte| child(&mut cte.plan, visit));
                child(body, visit);
            }
            Self::Modify(modify) => {
                let assignments = |list: &mut [super::Assignment], visit: &mut dyn FnMut(&mut Expr)| {
                    list.iter_mut().for_each(|assignment| visit(&mut assignment.value.expr));
                };
                match &mut **modify {
                    Modify::Insert { source, columns, generated, on_conflict, returning, .. } => {
                        child(source, visit);
                        for column in columns {
                            if let ColumnSource::Expression(scalar) = column {
                                visit(&mut scalar.expr);
                            }
                        }
                        assignments(generated, visit);
                        if let Some(on_conflict) = on_conflict
                            && let Some((updates, filter)) = &mut on_conflict.update
                        {
                            assignments(updates, visit);
                            filter.iter_mut().for_each(|scalar| visit(&mut scalar.expr));
                        }
                        returning.iter_mut().for_each(|list| scalars(list, visit));
                    }
                    Modify::Update {
                        source, assignments: list, generated, recheck, returning, rows, ..
                    } => {
                        child(source, visit);
                        assignments(list, visit);
                        assignments(generated, visit);
                        recheck.iter_mut().for_each(|scalar| visit(&mut scalar.expr));
                        returning.iter_mut().for_each(|list| scalars(list, visit));
                        rows.iter_mut().for_each(|plan| child(plan, visit));
                    }
                    Modify::Delete { source, recheck, returning, .. } => {
                        child(source, visit);
                        recheck.iter_mut().for_each(|scalar| visit(&mut scalar.expr));
                        returning.iter_mut().for_each(|list| scalars(list, visit));
                    }
                }
            }
        }
    }

    /// Calls `visit` on every expression and every part of it, those of sub-selects included, to change it.
    pub fn rewrite_all(&mut self, change: &mut dyn FnMut(&mut Expr)) {
        self.visit_mut(&mut |expr| rewrite_deep(expr, change));
    }

    fn any_expr(&self, test: &mut dyn FnMut(&Expr) -> bool) -> bool {
        // The walker changes plans; a copy is cheap, since plans share their parts until written.
        let mut copy = self.clone();
        let mut found = false;
        copy.rewrite_all(&mut |expr| found = found || test(expr));
        found
    }

    /// Whether any expression has a volatile function, or the plan changes or locks something.
    pub fn is_volatile(&self) -> bool {
        self.changes() || self.any_expr(&mut |expr| {
            matches!(expr, Expr::Call(call) if call.function.volatility == crate::sql::function::Volatility::Volatile)
        })
    }

    /// Whether it reads rows of tables that a row lock from outside would have to lock.
    pub fn has_unlocked_tables(&self) -> bool {
        match self {
            Self::Scan(_) => true,
            Self::With(_, body) => body.has_unlocked_tables(),
            Self::Filter(input, _)
            | Self::Project(input, _)
            | Self::ProjectSet(input, ..)
            | Self::Sort(input, _)
            | Self::Limit(input, ..)
            | Self::Window(input, ..)
            | Self::Distinct(input)
            | Self::DistinctOn(input, _) => input.has_unlocked_tables(),
            Self::Aggregate(aggregation) => aggregation.input.has_unlocked_tables(),
            Self::Join(join) => join.left.has_unlocked_tables() || join.right.has_unlocked_tables(),
            Self::SetOperation(_, _, left, right) | Self::Recursive(_, left, right, _) => {
                left.has_unlocked_tables() || right.has_unlocked_tables()
            }
            _ => false,
        }
    }

    fn changes(&self) -> bool {
        match self {
            Self::Modify(_) => true,
            Self::With(ctes, body) => ctes.iter().any(|cte| cte.plan.changes()) || body.changes(),
            Self::Filter(input, _)
            | Self::Project(input, _)
            | Self::ProjectSet(input, ..)
            | Self::Sort(input, _)
            | Self::Limit(input, ..)
            | Self::LockRows(input, ..)
            | Self::Window(input, ..)
            | Self::Distinct(input)
            | Self::DistinctOn(input, _) => input.changes(),
            Self::Join(join) => join.left.changes() || join.right.changes(),
            _ => false,
        }
    }

    /// Whether any expression reads one of the frames for which `test` holds.
    pub fn reads_frame(&self, test: &dyn Fn(usize) -> bool) -> bool {
        self.any_expr(&mut |expr| matches!(expr, Expr::Outer { frame, .. } if test(*frame)))
    }

    /// The slots that are read through a frame.
    pub fn outer_columns(&self, frame: usize, out: &mut Vec<usize>) {
        self.any_expr(&mut |expr| {
            if let Expr::Outer { frame: read, index } = expr
                && *read == frame
            {
                out.push(*index);
            }
            false
        });
    }
}

/// Changes an expression, all its parts, and those of sub-selects in it.
pub fn rewrite_deep(expr: &mut Expr, change: &mut dyn FnMut(&mut Expr)) {
    expr.for_each_child_mut(&mut |child| rewrite_deep(child, change));
    if let Expr::Subquery(subquery) = expr {
        Arc::make_mut(&mut subquery.plan).visit_mut(&mut |inner| rewrite_deep(inner, change));
    }
    change(expr);
}
