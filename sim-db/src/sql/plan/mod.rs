//! Plans: what the executor runs.

pub mod access;
pub mod explain;
pub mod join;
pub mod walk;

use super::bind::scope::{AggregateCall, SetCall, WindowCall};
use super::catalog::Table;
use super::catalog::system::SystemTable;
use super::expr::{Expr, Scalar};
use super::parse::LockStrength;
use crate::engine::{IndexId, WaitPolicy};
use crate::value::{DataType, Oid, Value};
use std::sync::Arc;

/// A sort key.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// Expression over the input row.
    pub expr: Scalar,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST`.
    pub nulls_first: bool,
}

/// A column that the engine keeps for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemColumn {
    /// Where the row is, as this executor writes it.
    Place,
    /// `ctid`.
    Ctid,
    /// `xmin`.
    Xmin,
    /// `xmax`.
    Xmax,
    /// `tableoid`.
    Tableoid,
}

/// How a table is read.
#[derive(Clone, Debug)]
pub enum Access {
    /// All of it.
    Sequential,
    /// A range of an index.
    Index {
        /// Index.
        index: IndexId,
        /// Its name, for EXPLAIN.
        name: Arc<str>,
        /// Values of the leading columns.
        equal: Vec<Scalar>,
        /// Lower bound of the next column; inclusive.
        lower: Option<(Scalar, bool)>,
        /// Upper bound of the next column; inclusive.
        upper: Option<(Scalar, bool)>,
        /// Whether `equal` names one row at most.
        unique: bool,
        /// From the end.
        backward: bool,
        /// The key is descending in its next column: bounds change sides.
        descending: bool,
    },
    /// One look-up for each element of an array.
    Keys {
        /// Index.
        index: IndexId,
        /// Its name, for EXPLAIN.
        name: Arc<str>,
        /// Array of values of the first column.
        array: Scalar,
    },
    /// The row at a place (`ctid = …`).
    Place(Scalar),
}

/// A scan of a table.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Table.
    pub table: Arc<Table>,
    /// How.
    pub access: Access,
    /// Condition over the scan's row.
    pub filter: Option<Scalar>,
    /// System columns after the table's.
    pub extra: Vec<SystemColumn>,
    /// Alias, for EXPLAIN.
    pub alias: Arc<str>,
}

/// How two inputs are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// Inner.
    Inner,
    /// Left outer.
    Left,
    /// Right outer.
    Right,
    /// Full outer.
    Full,
}

/// A join.
#[derive(Clone, Debug)]
pub struct Join {
    /// Left input.
    pub left: Arc<Plan>,
    /// Right input.
    pub right: Arc<Plan>,
    /// Kind.
    pub kind: JoinKind,
    /// Condition over both rows.
    pub condition: Option<Scalar>,
    /// Equal keys of both sides, when it is a hash join.
    pub hash: Option<(Vec<Scalar>, Vec<Scalar>)>,
    /// The right side reads the left row through this frame and is run anew for each.
    pub lateral: Option<usize>,
    /// First slot of the left side in the query's numbering: where the frame's row begins.
    pub base: usize,
    /// Slots of the left side.
    pub left_width: usize,
    /// Slots of the right side.
    pub right_width: usize,
}

/// A table whose rows are locked.
#[derive(Clone, Debug)]
pub struct LockTarget {
    /// Table.
    pub table: Arc<Table>,
    /// First slot of its row.
    pub start: usize,
    /// Slot of its place.
    pub place: usize,
    /// System columns of its scan.
    pub extra: Vec<SystemColumn>,
    /// Strength.
    pub strength: LockStrength,
    /// What to do when it is not free.
    pub policy: WaitPolicy,
}

/// Aggregation.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// Input.
    pub input: Arc<Plan>,
    /// Group keys.
    pub keys: Vec<Scalar>,
    /// Aggregates.
    pub calls: Vec<AggregateCall>,
    /// Grouping sets: places in `keys`; one set of all keys for a plain `GROUP BY`.
    pub sets: Vec<Vec<usize>>,
    /// Whether there is one group even without rows.
    pub scalar: bool,
}

/// A set operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// `UNION`.
    Union,
    /// `INTERSECT`.
    Intersect,
    /// `EXCEPT`.
    Except,
}

/// A common table expression to be kept.
#[derive(Clone, Debug)]
pub struct Cte {
    /// Its number.
    pub id: usize,
    /// Name.
    pub name: Arc<str>,
    /// Plan.
    pub plan: Arc<Plan>,
    /// Whether it modifies data: then it runs whether it is read or not.
    pub modifies: bool,
}

/// How an assigned column gets its value.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Column, from 0.
    pub column: usize,
    /// Value over the row at hand.
    pub value: Scalar,
}

/// `ON CONFLICT`.
#[derive(Clone, Debug)]
pub struct OnConflict {
    /// Arbiter indexes; empty for all.
    pub arbiters: Vec<IndexId>,
    /// `DO UPDATE`: assignments and `WHERE` over (old row with place, excluded row).
    pub update: Option<(Vec<Assignment>, Option<Scalar>)>,
    /// Row-lock strength that the update needs.
    pub strength: LockStrength,
}

/// What each column of a new row is made of.
#[derive(Clone, Debug)]
pub enum ColumnSource {
    /// A slot of the source row.
    Slot(usize),
    /// An expression without a row (defaults).
    Expression(Scalar),
}

/// A statement that changes a table.
#[derive(Clone, Debug)]
pub enum Modify {
    /// `INSERT`.
    Insert {
        /// Table.
        table: Arc<Table>,
        /// Rows to insert.
        source: Arc<Plan>,
        /// One a column of the table.
        columns: Vec<ColumnSource>,
        /// Generated columns, over the new row.
        generated: Vec<Assignment>,
        /// `ON CONFLICT`.
        on_conflict: Option<OnConflict>,
        /// `RETURNING` over the new row.
        returning: Option<Vec<Scalar>>,
        /// Checks and names.
        checks: Arc<RowChecks>,
    },
    /// `UPDATE`.
    Update {
        /// Table.
        table: Arc<Table>,
        /// Rows: the table's, its place, then those of `FROM`.
        source: Arc<Plan>,
        /// Slot of the place.
        place: usize,
        /// New values over the source row.
        assignments: Vec<Assignment>,
        /// Generated columns, over the new row.
        generated: Vec<Assignment>,
        /// Condition to apply again to a row that changed meanwhile.
        recheck: Option<Scalar>,
        /// `RETURNING` over the source row with the new values.
        returning: Option<Vec<Scalar>>,
        /// Checks and names.
        checks: Arc<RowChecks>,
        /// Sub-select rows for `SET (a, b) = (SELECT …)`.
        rows: Vec<Arc<Plan>>,
    },
    /// `DELETE`.
    Delete {
        /// Table.
        table: Arc<Table>,
        /// Rows: the table's, its place, then those of `USING`.
        source: Arc<Plan>,
        /// Slot of the place.
        place: usize,
        /// Condition to apply again to a row that changed meanwhile.
        recheck: Option<Scalar>,
        /// `RETURNING` over the source row.
        returning: Option<Vec<Scalar>>,
    },
}

impl Modify {
    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        match self {
            Self::Insert { table, .. } | Self::Update { table, .. } | Self::Delete { table, .. } => table,
        }
    }

    /// The word for messages and tags.
    pub fn command(&self) -> &'static str {
        match self {
            Self::Insert { .. } => "INSERT",
            Self::Update { .. } => "UPDATE",
            Self::Delete { .. } => "DELETE",
        }
    }

    /// `RETURNING`.
    pub fn returning(&self) -> Option<&Vec<Scalar>> {
        match self {
            Self::Insert { returning, .. }
            | Self::Update { returning, .. }
            | Self::Delete { returning, .. } => returning.as_ref(),
        }
    }
}

/// What every new row of a table is checked for.
#[derive(Clone, Debug, Default)]
pub struct RowChecks {
    /// Check constraints: name and condition over the row.
    pub checks: Vec<(Arc<str>, Scalar)>,
    /// Domains to check: column and type.
    pub domains: Vec<(usize, Oid)>,
}

/// One function of a function scan.
#[derive(Clone, Debug)]
pub struct FunctionCall {
    /// The call.
    pub expr: Expr,
    /// Columns it gives.
    pub width: usize,
    /// Whether it returns rows (else its one value is the row).
    pub set: bool,
    /// Whether its value is a row to be spread over its columns.
    pub spread: bool,
    /// Types of its columns, for `json_to_recordset` and its kin.
    pub columns: Vec<(Arc<str>, DataType)>,
}

/// A plan.
#[derive(Clone, Debug)]
pub enum Plan {
    /// One row without columns.
    OneRow,
    /// Rows of expressions.
    Values(Vec<Vec<Scalar>>),
    /// A table.
    Scan(Box<Scan>),
    /// A table of the catalog.
    System(&'static SystemTable, Option<Scalar>),
    /// Set-returning functions side by side, and `WITH ORDINALITY`.
    Function(Vec<FunctionCall>, bool),
    /// Rows of a kept common table expression.
    Cte(usize, Arc<str>),
    /// The rows of the last round of a recursion.
    WorkTable(usize),
    /// Rows for which a condition holds.
    Filter(Arc<Plan>, Scalar),
    /// Expressions over rows.
    Project(Arc<Plan>, Vec<Scalar>),
    /// Expressions over rows, some of them set-returning.
    ProjectSet(Arc<Plan>, Vec<Scalar>, Vec<SetCall>),
    /// A join.
    Join(Box<Join>),
    /// Sorted.
    Sort(Arc<Plan>, Vec<SortKey>),
    /// Limit and offset; with ties by these keys.
    Limit(Arc<Plan>, Option<Scalar>, Option<Scalar>, Option<Vec<SortKey>>),
    /// Rows locked, and checked again when they changed meanwhile.
    LockRows(Arc<Plan>, Vec<LockTarget>, Option<Scalar>),
    /// Aggregates.
    Aggregate(Box<Aggregation>),
    /// Window functions appended to each row, from this slot on.
    Window(Arc<Plan>, Vec<WindowCall>, usize),
    /// Without duplicates.
    Distinct(Arc<Plan>),
    /// The first row of each group of adjacent equal keys.
    DistinctOn(Arc<Plan>, Vec<Scalar>),
    /// A set operation; the flag is ALL.
    SetOperation(SetKind, bool, Arc<Plan>, Arc<Plan>),
    /// `WITH RECURSIVE`: number of the work table, start, step, `UNION` without ALL.
    Recursive(usize, Arc<Plan>, Arc<Plan>, bool),
    /// Common table expressions to be kept, and the query that reads them.
    With(Vec<Cte>, Arc<Plan>),
    /// A change; its rows are those of `RETURNING`.
    Modify(Box<Modify>),
}

impl Plan {
    /// A filter, unless there is nothing to filter by.
    pub fn filtered(self, condition: Option<Expr>) -> Self {
        match condition {
            None | Some(Expr::Const(Value::Bool(true))) => self,
            Some(condition) => Self::Filter(Arc::new(self), condition.into()),
        }
    }
}
