//! What the caller tells the engine of tables, indexes and sequences.
//!
//! The engine knows no columns or types. It computes index keys itself, through
//! [`KeySource`], because undo, pruning and index builds need them when no
//! statement is there to ask.

use std::sync::Arc;

use crate::{
    engine::id::{IndexId, TableId},
    error::Result,
    value::{Row, Value},
};

/// Whether a table's rows outlive a crash or its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// survives a crash
    #[default]
    Permanent,
    /// emptied by a crash
    Unlogged,
    /// the session's own; gone with it
    Temporary,
}

/// A table to create.
#[derive(Clone, Debug)]
pub struct TableDefinition {
    /// the caller's name for it (its OID)
    pub id: TableId,
    /// for messages
    pub name: Arc<str>,
    /// what a crash leaves of it
    pub persistence: Persistence,
}

/// Computes an index key that is not just some columns: expressions, partial indexes. It is called in the middle of the
/// engine's work and must not call the engine.
pub trait ComputeKey: Send + Sync {
    /// The key of a row, or `None` if the row is not in the index (partial index).
    ///
    /// # Errors
    /// Whatever the expression fails with; the statement that wrote the row fails with it.
    fn key(&self, row: &Row) -> Result<Option<Key>>;

    /// The columns (from 0) that key and predicate depend on: an update that leaves
    /// them alone leaves the index alone.
    fn columns(&self) -> &[usize];
}

/// Where an index's keys come from.
#[derive(Clone)]
pub enum KeySource {
    /// these columns, from 0
    Columns(Arc<[usize]>),
    /// an expression, a predicate
    Computed(Arc<dyn ComputeKey>),
}

/// A key: one value an index column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// the common case, without an allocation of its own
    One(Value),
    /// several columns
    Many(Arc<[Value]>),
}

impl Key {
    /// The values, one a column.
    pub fn values(&self) -> &[Value] {
        match self {
            Key::One(value) => std::slice::from_ref(value),
            Key::Many(values) => values,
        }
    }

    /// A key of these values.
    ///
    /// # Panics
    /// If there is none.
    pub fn new(mut values: Vec<Value>) -> Key {
        assert!(!values.is_empty(), "an index key has at least one column");
        if values.len() == 1 { Key::One(values.remove(0)) } else { Key::Many(values.into()) }
    }
}

/// The order of one index column. The default is ASC NULLS LAST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyOrder {
    /// DESC
    pub descending: bool,
    /// NULLS FIRST
    pub nulls_first: bool,
}

/// Whether and when an index refuses equal keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Uniqueness {
    /// equal keys are welcome
    #[default]
    NotUnique,
    /// checked per row, at once
    Immediate,
    /// DEFERRABLE: checked at the end of the statement or at commit, see
    /// [`Session::set_constraint`](crate::engine::Session::set_constraint)
    Deferrable {
        /// INITIALLY DEFERRED
        initially_deferred: bool,
    },
}

/// An index to create.
#[derive(Clone)]
pub struct IndexDefinition {
    /// the caller's name for it (its OID)
    pub id: IndexId,
    /// on this table
    pub table: TableId,
    /// index name, which is the constraint name in 23505
    pub name: Arc<str>,
    /// key columns as 23505's DETAIL shows them: `email`, `lower(email)`, `a, b`
    pub key_text: Arc<str>,
    /// where keys come from
    pub source: KeySource,
    /// one an index column; empty means all ascending, nulls last
    pub order: Arc<[KeyOrder]>,
    /// uniqueness
    pub unique: Uniqueness,
    /// NULLS NOT DISTINCT
    pub nulls_not_distinct: bool,
    /// no predicate and no expressions: such a unique index may be a foreign key's
    /// target, and an update that changes its columns locks the row FOR UPDATE
    pub plain: bool,
}

/// A sequence to create; PostgreSQL's defaults are 1, 1, 1, `i64::MAX`, false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceDefinition {
    /// START
    pub start: i64,
    /// INCREMENT BY, not 0
    pub increment: i64,
    /// MINVALUE
    pub minimum: i64,
    /// MAXVALUE
    pub maximum: i64,
    /// CYCLE
    pub cycle: bool,
}

impl Default for SequenceDefinition {
    fn default() -> Self {
        SequenceDefinition { start: 1, increment: 1, minimum: 1, maximum: i64::MAX, cycle: false }
    }
}
