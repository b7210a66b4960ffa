//! Grouping: expressions over input rows made expressions over groups.

use super::scope::{AggregateCall, Scope};
use crate::error::{DatabaseError, Result};
use crate::sql::error::{error, error_at};
use crate::sql::expr::Expr;
use crate::sql::plan::walk::rewrite_deep;
use crate::value::{Oid, Value, oid};
use std::sync::Arc;

/// The groups of a query being formed.
pub struct Groups<'a> {
    /// The query's scope.
    pub scope: &'a Scope,
    /// Group keys over input rows; grows by columns that a primary key among them determines.
    pub keys: Vec<Expr>,
}

/// Whether a call is `GROUPING(…)`.
pub fn is_grouping(call: &AggregateCall) -> bool {
    call.distinct
        && call.result == oid::INT4
        && matches!(&call.filter, Some(Expr::Const(Value::Text(text))) if &**text == "grouping")
}

impl Groups<'_> {
    fn column_name(&self, slot: usize) -> String {
        for relation in &self.scope.relations {
            if let Some(column) = relation.columns.iter().find(|column| column.expr == Expr::Column(slot)) {
                return format!("{}.{}", relation.alias, column.name);
            }
        }
        "?".to_owned()
    }

    fn ungrouped(&self, slot: usize, in_subquery: bool) -> DatabaseError {
        let name = self.column_name(slot);
        let message = if in_subquery {
            format!("subquery uses ungrouped column \"{name}\" from outer query")
        } else {
            format!(
                "column \"{name}\" must appear in the GROUP BY clause or be used in an aggregate function"
            )
        };
        let place = self.scope.places.iter().find(|(named, _)| *named == slot);
        match place {
            Some((_, span)) => error_at(*span, b"42803", message),
            None => error(b"42803", message),
        }
    }

    /// Whether a primary key among the keys determines the slot.
    fn determined(&self, slot: usize) -> bool {
        self.scope.relations.iter().any(|relation| {
            let Some(table) = &relation.table else { return false };
            (relation.start..relation.start + relation.width).contains(&slot)
                && table.primary_key().and_then(crate::sql::catalog::Index::plain_columns).is_some_and(
                    |columns| {
                        columns
                            .iter()
                            .all(|column| self.keys.contains(&Expr::Column(relation.start + column)))
                    },
                )
        })
    }

    /// Adds the columns that an expression needs and that the keys determine.
    ///
    /// # Errors
    ///
    /// 42803 for a column that is neither grouped nor determined.
    pub fn prepare(&mut self, expr: &Expr) -> Result<()> {
        if self.keys.contains(expr) {
            return Ok(());
        }
        match expr {
            Expr::Column(slot) => {
                if !self.determined(*slot) {
                    return Err(self.ungrouped(*slot, false));
                }
                self.keys.push(Expr::Column(*slot));
            }
            Expr::Subquery(subquery) => {
                if let Some(frame) = subquery.frame {
                    let mut slots = Vec::new();
                    subquery.plan.outer_columns(frame, &mut slots);
                    for slot in slots {
                        if !self.keys.contains(&Expr::Column(slot)) {
                            if !self.determined(slot) {
                                return Err(self.ungrouped(slot, true));
                            }
                            self.keys.push(Expr::Column(slot));
                        }
                    }
                }
            }
            _ => {}
        }
        let mut outcome = Ok(());
        expr.for_each_child(&mut |child| {
            if outcome.is_ok() {
                outcome = self.prepare(child);
            }
        });
        outcome
    }

    /// Makes an expression one over groups: keys first, then aggregates.
    pub fn rewrite(&self, expr: &mut Expr) {
        if let Some(at) = self.keys.iter().position(|key| key == expr) {
            *expr = Expr::Column(at);
            return;
        }
        match expr {
            Expr::Aggregate(at) => {
                *expr = Expr::Column(self.keys.len() + *at);
                return;
            }
            Expr::Subquery(subquery) => {
                if let Some(frame) = subquery.frame {
                    let keys = &self.keys;
                    Arc::make_mut(&mut subquery.plan).visit_mut(&mut |inner| {
                        rewrite_deep(inner, &mut |part| {
                            if let Expr::Outer { frame: read, index } = part
                                && *read == frame
                                && let Some(at) = keys.iter().position(|key| *key == Expr::Column(*index))
                            {
                                *index = at;
                            }
                        });
                    });
                }
            }
            _ => {}
        }
        expr.for_each_child_mut(&mut |child| self.rewrite(child));
    }

    /// Makes the arguments of `GROUPING` places among the keys.
    ///
    /// # Errors
    ///
    /// 42803 for an argument that is no key.
    pub fn place_grouping(&self, calls: &mut [AggregateCall]) -> Result<()> {
        for call in calls.iter_mut().filter(|call| is_grouping(call)) {
            let mut types: Vec<Oid> = Vec::new();
            for arg in &mut call.args {
                let at = self.keys.iter().position(|key| key == arg).ok_or_else(|| {
                    error(
                        b"42803",
                        "arguments to GROUPING must be grouping expressions of the associated query level",
                    )
                })?;
                *arg = Expr::Const(Value::Int4(at as i32));
                types.push(oid::INT4);
            }
            call.types = types.into();
        }
        Ok(())
    }
}

/// The grouping sets of `ROLLUP`, `CUBE`, `GROUPING SETS` and plain items together, as places in a list of keys.
pub fn cross(sets: &[Vec<Vec<usize>>]) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for choices in sets {
        let mut next = Vec::new();
        for prefix in &all {
            for choice in choices {
                let mut set = prefix.clone();
                for at in choice {
                    if !set.contains(at) {
                        set.push(*at);
                    }
                }
                next.push(set);
            }
        }
        all = next;
    }
    all
}
