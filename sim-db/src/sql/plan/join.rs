//! `FROM` planned: conditions pushed to where they can be tested, joins by hash, by index or by loop.

use super::access::choose;
use super::{Access, Join, JoinKind, Plan, Scan, SystemColumn};
use crate::error::Result;
use crate::sql::bind::Binder;
use crate::sql::catalog::Table;
use crate::sql::expr::{Expr, Scalar};
use std::sync::Arc;

/// A relation or a join of two, as `FROM` has them.
#[derive(Clone, Debug)]
pub enum FromItem {
    /// A relation.
    Unit {
        /// Its place among the query's relations.
        id: usize,
        /// First slot.
        start: usize,
        /// Slots.
        width: usize,
        /// The table, when it is one.
        table: Option<Arc<Table>>,
        /// The plan, when it is no table.
        plan: Option<Plan>,
        /// The frame through which it reads what stands left of it.
        lateral: Option<usize>,
        /// Alias.
        alias: Arc<str>,
    },
    /// A join.
    Join(Box<JoinNode>),
}

/// A join as `FROM` has it.
#[derive(Clone, Debug)]
pub struct JoinNode {
    /// Left side.
    pub left: FromItem,
    /// Right side.
    pub right: FromItem,
    /// Kind.
    pub kind: JoinKind,
    /// Condition over the query's slots.
    pub condition: Option<Expr>,
}

/// Something planned that covers a range of slots.
struct Planned {
    plan: Plan,
    start: usize,
    width: usize,
}

impl FromItem {
    /// Asks the scan that starts at a slot for its rows' places. (Scans of tables always can; this marks them.)
    pub fn want_place(&mut self, slot: usize) {
        match self {
            Self::Unit { start, plan, table, .. } => {
                if *start == slot && table.is_some() {
                    // The mark: a table unit with a plan of one row gives places.
                    *plan = Some(Plan::OneRow);
                }
            }
            Self::Join(join) => {
                join.left.want_place(slot);
                join.right.want_place(slot);
            }
        }
    }

    /// The conditions of inner joins.
    pub fn inner_conditions(&self, out: &mut Vec<Expr>) {
        if let Self::Join(join) = self {
            join.left.inner_conditions(out);
            if join.kind == JoinKind::Inner {
                join.right.inner_conditions(out);
                out.extend(join.condition.clone());
            }
        }
    }

    fn range(&self) -> (usize, usize) {
        match self {
            Self::Unit { start, width, .. } => (*start, start + width),
            Self::Join(join) => {
                let ((a, b), (c, d)) = (join.left.range(), join.right.range());
                (a.min(c), b.max(d))
            }
        }
    }

    fn frames(&self, out: &mut Vec<usize>) {
        match self {
            Self::Unit { lateral, .. } => out.extend(*lateral),
            Self::Join(join) => {
                join.left.frames(out);
                join.right.frames(out);
            }
        }
    }
}

/// Shifts the slots of an expression down, to be over the rows of a part.
fn shift(expr: &Expr, base: usize) -> Expr {
    let mut shifted = expr.clone();
    if base > 0 {
        shifted.rewrite(&mut |part| {
            if let Expr::Column(index) = part {
                *index -= base;
            }
        });
    }
    shifted
}

fn within(expr: &Expr, start: usize, end: usize) -> bool {
    let mut columns = Vec::new();
    expr.columns(&mut columns);
    columns.iter().all(|column| (start..end).contains(column))
}

fn has_frame(expr: &Expr) -> bool {
    expr.any(&|part| matches!(part, Expr::Subquery(subquery) if subquery.frame.is_some()))
}

impl Binder {
    /// Plans `FROM` and `WHERE`.
    ///
    /// # Errors
    ///
    /// 0A000 for what cannot be planned.
    pub fn plan_from(&mut self, items: Vec<FromItem>, conjuncts: Vec<Expr>) -> Result<Plan> {
        self.plan_from_ordered(items, conjuncts, &[])
    }

    /// As [`Binder::plan_from`], with the wanted order of the rows (a hint for a limited query).
    ///
    /// # Errors
    ///
    /// As [`Binder::plan_from`].
    pub fn plan_from_ordered(
        &mut self,
        items: Vec<FromItem>,
        conjuncts: Vec<Expr>,
        order: &[(Expr, bool)],
    ) -> Result<Plan> {
        if items.is_empty() {
            let condition = if conjuncts.is_empty() { None } else { Some(Expr::and(conjuncts)) };
            return Ok(Plan::OneRow.filtered(condition));
        }
        let mut pool = conjuncts;
        let order = if items.len() == 1 && matches!(items[0], FromItem::Unit { .. }) { order } else { &[] };
        let mut items = items.into_iter();
        let first = items.next().expect("not empty");
        let mut current = self.plan_item(first, &mut pool, order)?;
        for item in items {
            current = self.join(current, item, JoinKind::Inner, Vec::new(), &mut pool)?;
        }
        Ok(if pool.is_empty() { current.plan } else { current.plan.filtered(Some(Expr::and(pool))) })
    }

    /// Plans an item; conditions of the pool that it can test are taken out and tested.
    fn plan_item(&mut self, item: FromItem, pool: &mut Vec<Expr>, order: &[(Expr, bool)]) -> Result<Planned> {
        match item {
            FromItem::Unit { start, width, table, plan, alias, .. } => {
                let mut own = Vec::new();
                pool.retain(|conjunct| {
                    let mut columns = Vec::new();
                    conjunct.columns(&mut columns);
                    // What reads no column is tested once, above.
                    let take = !columns.is_empty()
                        && within(conjunct, start, start + width)
                        && (start == 0 || !has_frame(conjunct));
                    if take {
                        own.push(shift(conjunct, start));
                    }
                    !take
                });
                let order: Vec<(Expr, bool)> =
                    order.iter().map(|(expr, desc)| (shift_safe(expr, start), *desc)).collect();
                let planned = match table {
                    Some(table) => {
                        let extra = if plan.is_some() { vec![SystemColumn::Place] } else { Vec::new() };
                        let access = choose(&table, &own, &order, self);
                        let filter = if own.is_empty() { None } else { Some(Expr::and(own).into()) };
                        Plan::Scan(Box::new(Scan { table, access, filter, extra, alias }))
                    }
                    None => {
                        let plan = plan.expect("a relation that is no table has a plan");
                        match (plan, own.is_empty()) {
                            (Plan::System(table, None), false) => {
                                Plan::System(table, Some(Expr::and(own).into()))
                            }
                            (plan, true) => plan,
                            (plan, false) => plan.filtered(Some(Expr::and(own))),
                        }
                    }
                };
                Ok(Planned { plan: planned, start, width })
            }
            FromItem::Join(node) => {
                let JoinNode { left, right, kind, condition } = *node;
                let mut own = Vec::new();
                if let Some(condition) = condition {
                    condition.conjuncts(&mut own);
                }
                let planned_left = match kind {
                    JoinKind::Inner => {
                        pool.append(&mut own);
                        self.plan_item(left, pool, &[])?
                    }
                    JoinKind::Left => self.plan_item(left, pool, &[])?,
                    JoinKind::Right | JoinKind::Full => self.plan_item(left, &mut Vec::new(), &[])?,
                };
                self.join(planned_left, right, kind, own, pool)
            }
        }
    }

    /// Joins what is planned with the next item. `own` are the conditions of an outer join; an inner join takes what it
    /// can test from the pool.
    fn join(
        &mut self,
        left: Planned,
        right: FromItem,
        kind: JoinKind,
        own: Vec<Expr>,
        pool: &mut Vec<Expr>,
    ) -> Result<Planned> {
        let (right_start, right_end) = right.range();
        let base = left.start.min(right_start);
        let end = right_end.max(left.start + left.width);
        let mut lateral_frames = Vec::new();
        right.frames(&mut lateral_frames);
        let mut conditions = own;
        if kind == JoinKind::Inner {
            pool.retain(|conjunct| {
                let mut columns = Vec::new();
                conjunct.columns(&mut columns);
                let spans = columns.iter().any(|c| *c >= right_start)
                    && columns.iter().any(|c| *c < right_start)
                    && within(conjunct, base, end)
                    && (base == 0 || !has_frame(conjunct));
                if spans {
                    conditions.push(conjunct.clone());
                }
                !spans
            });
        }
        // Conditions on the right side alone go down to it (for an outer join only those of its own ON).
        let mut right_pool: Vec<Expr> = Vec::new();
        match kind {
            JoinKind::Inner => {
                pool.retain(|conjunct| {
                    let mut columns = Vec::new();
                    conjunct.columns(&mut columns);
                    let take = !columns.is_empty()
                        && within(conjunct, right_start, right_end)
                        && !has_frame(conjunct);
                    if take {
                        right_pool.push(conjunct.clone());
                    }
                    !take
                });
            }
            JoinKind::Left => {
                conditions.retain(|conjunct| {
                    let mut columns = Vec::new();
                    conjunct.columns(&mut columns);
                    let take = !columns.is_empty()
                        && within(conjunct, right_start, right_end)
                        && !has_frame(conjunct);
                    if take {
                        right_pool.push(conjunct.clone());
                    }
                    !take
                });
            }
            JoinKind::Right => {
                // WHERE on the preserved side may be tested below.
                pool.retain(|conjunct| {
                    let mut columns = Vec::new();
                    conjunct.columns(&mut columns);
                    let take = !columns.is_empty()
                        && within(conjunct, right_start, right_end)
                        && !has_frame(conjunct);
                    if take {
                        right_pool.push(conjunct.clone());
                    }
                    !take
                });
            }
            JoinKind::Full => {}
        }
        // A table with an index on an equality with the left side: look up instead of scanning.
        let mut lateral = lateral_frames.first().copied();
        let left_width = left.width;
        let mut lookup = None;
        if matches!(kind, JoinKind::Inner | JoinKind::Left)
            && lateral.is_none()
            && let FromItem::Unit { table: Some(table), plan, start, width, alias, .. } = &right
            && !conditions.is_empty()
        {
            let frame = self.new_frame();
            let mut tests: Vec<Expr> = right_pool.iter().map(|expr| shift(expr, *start)).collect();
            for condition in &conditions {
                if has_frame(condition) {
                    continue;
                }
                let mut test = condition.clone();
                test.rewrite(&mut |part| {
                    if let Expr::Column(index) = part {
                        if *index >= right_start {
                            *index -= start;
                        } else {
                            *part = Expr::Outer { frame, index: *index };
                        }
                    }
                });
                tests.push(test);
            }
            let access = choose(table, &tests, &[], self);
            let uses_left = match &access {
                Access::Index { equal, .. } => equal.iter().any(|scalar| {
                    scalar.expr.any(&|part| matches!(part, Expr::Outer { frame: read, .. } if *read == frame))
                }),
                _ => false,
            };
            if uses_left {
                let extra = if plan.is_some() { vec![SystemColumn::Place] } else { Vec::new() };
                let filter = Some(Expr::and(tests).into());
                let scan = Scan { table: table.clone(), access, filter, extra, alias: alias.clone() };
                lookup =
                    Some((Planned { plan: Plan::Scan(Box::new(scan)), start: *start, width: *width }, frame));
            }
        }
        let right = match lookup {
            Some((planned, frame)) => {
                lateral = Some(frame);
                planned
            }
            None => {
                let planned = self.plan_item(right, &mut right_pool, &[])?;
                // What it could not take is tested here.
                match kind {
                    JoinKind::Inner | JoinKind::Left => conditions.append(&mut right_pool),
                    _ => pool.append(&mut right_pool),
                }
                planned
            }
        };
        // Equalities between the sides make a hash join.
        let (mut left_keys, mut right_keys): (Vec<Scalar>, Vec<Scalar>) = (Vec::new(), Vec::new());
        if lateral.is_none() {
            for condition in &conditions {
                let Expr::Call(call) = condition else { continue };
                if call.function.name != "=" || call.args.len() != 2 || call.args.iter().any(Expr::may_wait) {
                    continue;
                }
                let side = |expr: &Expr| {
                    let mut columns = Vec::new();
                    expr.columns(&mut columns);
                    if columns.is_empty() {
                        None
                    } else if columns.iter().all(|c| *c >= right_start) {
                        Some(true)
                    } else if columns.iter().all(|c| *c < right_start) {
                        Some(false)
                    } else {
                        None
                    }
                };
                let (a, b) = (&call.args[0], &call.args[1]);
                match (side(a), side(b)) {
                    (Some(false), Some(true)) => {
                        left_keys.push(shift(a, left.start).into());
                        right_keys.push(shift(b, right.start).into());
                    }
                    (Some(true), Some(false)) => {
                        left_keys.push(shift(b, left.start).into());
                        right_keys.push(shift(a, right.start).into());
                    }
                    _ => {}
                }
            }
        }
        let condition =
            if conditions.is_empty() { None } else { Some(shift(&Expr::and(conditions), base).into()) };
        let join = Join {
            left: Arc::new(left.plan),
            right: Arc::new(right.plan),
            kind,
            condition,
            hash: if left_keys.is_empty() { None } else { Some((left_keys, right_keys)) },
            lateral,
            base: left.start,
            left_width,
            right_width: right.width,
        };
        Ok(Planned { plan: Plan::Join(Box::new(join)), start: base, width: end - base })
    }
}

fn shift_safe(expr: &Expr, base: usize) -> Expr {
    let mut columns = Vec::new();
    expr.columns(&mut columns);
    if columns.iter().all(|column| *column >= base) { shift(expr, base) } else { expr.clone() }
}
