//! Bound expressions: names resolved, types known, casts explicit.

use super::cast::CastMethod;
use super::function::{Function, Kind, Volatility};
use super::plan::Plan;
use crate::value::{DataType, Oid, Value};
use std::sync::Arc;

/// An expression over the current row, the parameters and the rows of enclosing queries.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A constant.
    Const(Value),
    /// `$n`, counted from 0.
    Param(usize),
    /// A slot of the current row.
    Column(usize),
    /// A slot of the row that an enclosing query (or the left side of a join) is at.
    Outer {
        /// Which row: see `Exec::frames`.
        frame: usize,
        /// Slot.
        index: usize,
    },
    /// A function or operator.
    Call(Box<Call>),
    /// A cast.
    Cast(Box<Cast>),
    /// All true.
    And(Vec<Expr>),
    /// Any true.
    Or(Vec<Expr>),
    /// Negation.
    Not(Box<Expr>),
    /// `IS [NOT] NULL`.
    IsNull(Box<Expr>, bool),
    /// `IS [NOT] TRUE | FALSE | UNKNOWN`: wanted value, negated.
    BooleanTest(Box<Expr>, Option<bool>, bool),
    /// `IS [NOT] DISTINCT FROM`; the flag is NOT.
    Distinct(Box<Expr>, Box<Expr>, bool),
    /// `CASE WHEN`.
    Case(Vec<(Expr, Expr)>, Box<Expr>),
    /// `COALESCE`.
    Coalesce(Vec<Expr>),
    /// `GREATEST` (true) or `LEAST`.
    Extreme(Vec<Expr>, bool),
    /// `NULLIF`: the equality call, and its first argument.
    NullIf(Box<Expr>, Box<Expr>),
    /// `ARRAY[…]`: element type, items; items are arrays themselves when `nested`.
    Array {
        /// Element type.
        element: Oid,
        /// Items.
        items: Vec<Expr>,
        /// Whether the items are arrays.
        nested: bool,
    },
    /// `ROW(…)`.
    Record {
        /// Type.
        type_oid: Oid,
        /// Types of the fields.
        types: Arc<[Oid]>,
        /// Fields.
        items: Vec<Expr>,
    },
    /// `left op ANY (array)`, or ALL.
    Quantified(Box<Quantified>),
    /// `array[…]`.
    Subscript(Box<Expr>, Vec<Subscript>),
    /// `(row).field`.
    Field(Box<Expr>, usize),
    /// A sub-select.
    Subquery(Box<Subquery>),
    /// The n-th aggregate of the query; gone once grouping is planned.
    Aggregate(usize),
    /// The n-th window function of the query; gone once windows are planned.
    Window(usize),
    /// The n-th set-returning function of the select list; gone once it is planned.
    SetReturning(usize),
    /// `GROUPING(…)`-like and domain checks.
    CheckDomain(Box<Expr>, Oid),
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is called.
    pub function: &'static Function,
    /// Arguments, coerced.
    pub args: Vec<Expr>,
    /// Types of the arguments.
    pub types: Arc<[Oid]>,
    /// Result type, polymorphism resolved.
    pub result: Oid,
}

/// A cast.
#[derive(Clone, Debug, PartialEq)]
pub struct Cast {
    /// What is cast.
    pub input: Expr,
    /// From.
    pub source: Oid,
    /// To.
    pub target: DataType,
    /// How.
    pub method: CastMethod,
    /// Whether it was written by the user: then strings are cut silently.
    pub explicit: bool,
}

/// `left op ANY (array)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantified {
    /// The operator.
    pub function: &'static Function,
    /// Its argument types.
    pub types: Arc<[Oid]>,
    /// Left side.
    pub left: Expr,
    /// The array.
    pub array: Expr,
    /// ALL rather than ANY.
    pub all: bool,
    /// Cast of each element before the comparison, when its type is not the operator's.
    pub element_cast: Option<(Oid, DataType, CastMethod)>,
}

/// One subscript: an index, or a slice.
#[derive(Clone, Debug, PartialEq)]
pub enum Subscript {
    /// `[i]`.
    Index(Expr),
    /// `[lower:upper]`.
    Slice(Option<Expr>, Option<Expr>),
}

/// What a sub-select is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum SubqueryKind {
    /// `EXISTS`.
    Exists,
    /// Its single value.
    Scalar,
    /// Its rows as one array of an element type.
    Array(Oid),
    /// `left op ANY (…)`: one comparison a column, over (left value, column): slots of a row of both.
    Any {
        /// Left side.
        left: Vec<Expr>,
        /// Comparison of row slots: left values first, then the sub-select's columns.
        test: Box<Expr>,
        /// ALL rather than ANY.
        all: bool,
    },
    /// A row compared with the single row of the sub-select: as `Any`.
    Row {
        /// Left side.
        left: Vec<Expr>,
        /// Comparison of row slots.
        test: Box<Expr>,
    },
}

/// A sub-select in an expression.
#[derive(Clone, Debug)]
pub struct Subquery {
    /// What it is asked.
    pub kind: SubqueryKind,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// The frame that receives the current row, when the plan refers to it.
    pub frame: Option<usize>,
    /// Whether the result is the same for the whole statement (no outer references, nothing volatile): kept under
    /// this number.
    pub once: Option<usize>,
}

impl PartialEq for Subquery {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.plan, &other.plan) && self.kind == other.kind
    }
}

impl Expr {
    /// A call.
    pub fn call(function: &'static Function, args: Vec<Self>, types: Vec<Oid>, result: Oid) -> Self {
        Self::Call(Box::new(Call { function, args, types: types.into(), result }))
    }

    /// The constant `NULL`.
    pub fn null() -> Self {
        Self::Const(Value::Null)
    }

    /// The conjunction; true for none.
    pub fn and(mut parts: Vec<Self>) -> Self {
        match parts.len() {
            0 => Self::Const(Value::Bool(true)),
            1 => parts.remove(0),
            _ => Self::And(parts),
        }
    }

    /// Splits a conjunction.
    pub fn conjuncts(self, out: &mut Vec<Self>) {
        match self {
            Self::And(parts) => parts.into_iter().for_each(|part| part.conjuncts(out)),
            other => out.push(other),
        }
    }

    /// Calls `visit` on the direct parts.
    pub fn for_each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        match self {
            Self::Const(_)
            | Self::Param(_)
            | Self::Column(_)
            | Self::Outer { .. }
            | Self::Aggregate(_)
            | Self::Window(_)
            | Self::SetReturning(_) => {}
            Self::Call(call) => call.args.iter().for_each(visit),
            Self::Cast(cast) => visit(&cast.input),
            Self::And(parts) | Self::Or(parts) | Self::Coalesce(parts) | Self::Extreme(parts, _) => {
                parts.iter().for_each(visit);
            }
            Self::Not(input)
            | Self::IsNull(input, _)
            | Self::BooleanTest(input, ..)
            | Self::Field(input, _)
            | Self::CheckDomain(input, _) => visit(input),
            Self::Distinct(left, right, _) | Self::NullIf(left, right) => {
                visit(left);
                visit(right);
            }
            Self::Case(branches, otherwise) => {
                for (condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                visit(otherwise);
            }
            Self::Array { items, .. } | Self::Record { items, .. } => items.iter().for_each(visit),
            Self::Quantified(quantified) => {
                visit(&quantified.left);
                visit(&quantified.array);
            }
            Self::Subscript(array, subscripts) => {
                visit(array);
                for subscript in subscripts {
                    match subscript {
                        Subscript::Index(index) => visit(index),
                        Subscript::Slice(lower, upper) => {
                            lower.iter().for_each(&mut *visit);
                            upper.iter().for_each(&mut *visit);
                        }
                    }
                }
            }
            Self::Subquery(subquery) => match &subquery.kind {
                SubqueryKind::Any { left, .. } | SubqueryKind::Row { left, .. } => {
                    left.iter().for_each(visit)
                }
                _ => {}
            },
        }
    }

    /// Calls `visit` on the direct parts, to change them.
    pub fn for_each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Self)) {
        match self {
            Self::Const(_)
            | Self::Param(_)
            | Self::Column(_)
            | Self::Outer { .. }
            | Self::Aggregate(_)
            | Self::Window(_)
            | Self::SetReturning(_) => {}
            Self::Call(call) => call.args.iter_mut().for_each(visit),
            Self::Cast(cast) => visit(&mut cast.input),
            Self::And(parts) | Self::Or(parts) | Self::Coalesce(parts) | Self::Extreme(parts, _) => {
                parts.iter_mut().for_each(visit);
            }
            Self::Not(input)
            | Self::IsNull(input, _)
            | Self::BooleanTest(input, ..)
            | Self::Field(input, _)
            | Self::CheckDomain(input, _) => visit(input),
            Self::Distinct(left, right, _) | Self::NullIf(left, right) => {
                visit(left);
                visit(right);
            }
            Self::Case(branches, otherwise) => {
                for (condition, result) in branches {
                    visit(condition);
                    visit(result);
                }
                visit(otherwise);
            }
            Self::Array { items, .. } | Self::Record { items, .. } => items.iter_mut().for_each(visit),
            Self::Quantified(quantified) => {
                visit(&mut quantified.left);
                visit(&mut quantified.array);
            }
            Self::Subscript(array, subscripts) => {
                visit(array);
                for subscript in subscripts {
                    match subscript {
                        Subscript::Index(index) => visit(index),
                        Subscript::Slice(lower, upper) => {
                            lower.iter_mut().for_each(&mut *visit);
                            upper.iter_mut().for_each(&mut *visit);
                        }
                    }
                }
            }
            Self::Subquery(subquery) => match &mut subquery.kind {
                SubqueryKind::Any { left, .. } | SubqueryKind::Row { left, .. } => {
                    left.iter_mut().for_each(visit)
                }
                _ => {}
            },
        }
    }

    /// Whether `test` holds for this expression or any part of it (not inside sub-selects).
    pub fn any(&self, test: &dyn Fn(&Self) -> bool) -> bool {
        if test(self) {
            return true;
        }
        let mut found = false;
        self.for_each_child(&mut |child| found = found || child.any(test));
        found
    }

    /// Changes this expression and all its parts, parts first (not inside sub-selects).
    pub fn rewrite(&mut self, change: &mut dyn FnMut(&mut Self)) {
        self.for_each_child_mut(&mut |child| child.rewrite(change));
        change(self);
    }

    /// Whether evaluation may wait: it has a sub-select, or a function that waits.
    pub fn may_wait(&self) -> bool {
        self.any(&|expr| match expr {
            Self::Subquery(_) => true,
            Self::Call(call) => matches!(call.function.kind, Kind::Async(_)),
            _ => false,
        })
    }

    /// Whether it has a volatile function.
    pub fn is_volatile(&self) -> bool {
        self.any(&|expr| match expr {
            Self::Call(call) => call.function.volatility == Volatility::Volatile,
            Self::Subquery(subquery) => subquery.plan.is_volatile(),
            _ => false,
        })
    }

    /// Whether it is the same for every row of a statement's plan node: no columns of the current row, nothing volatile.
    pub fn is_row_independent(&self) -> bool {
        !self.is_volatile()
            && !self.any(&|expr| match expr {
                Self::Column(_) | Self::Aggregate(_) | Self::Window(_) | Self::SetReturning(_) => true,
                Self::Subquery(subquery) => subquery.frame.is_some(),
                _ => false,
            })
    }

    /// The slots of the current row that it reads, those read by sub-selects through a frame included.
    pub fn columns(&self, out: &mut Vec<usize>) {
        match self {
            Self::Column(index) => out.push(*index),
            Self::Subquery(subquery) => {
                if let Some(frame) = subquery.frame {
                    subquery.plan.outer_columns(frame, out);
                }
            }
            _ => {}
        }
        self.for_each_child(&mut |child| child.columns(out));
    }
}

/// An expression ready to be evaluated: whether it may wait is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// The expression.
    pub expr: Expr,
    /// Whether evaluation may wait.
    pub may_wait: bool,
}

impl From<Expr> for Scalar {
    fn from(expr: Expr) -> Self {
        let may_wait = expr.may_wait();
        Self { expr, may_wait }
    }
}
