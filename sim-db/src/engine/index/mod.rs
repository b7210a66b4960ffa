//! Indexes: a definition and a tree.

mod order;
mod tree;

use std::{fmt::Write as _, ops::Bound, sync::Arc};

pub(crate) use order::compare_prefix;
pub(crate) use tree::{LeafPosition, Tree};

use super::definition::{IndexDefinition, Key, KeySource, Uniqueness};
use crate::{
    error::Result,
    value::{Row, Value},
};

/// An index of a table.
#[derive(Clone)]
pub(crate) struct Index {
    pub(crate) definition: Arc<IndexDefinition>,
    pub(crate) tree: Tree,
    /// dropped by a transaction that has not committed yet
    pub(crate) is_dropped: bool,
}

impl Index {
    pub(crate) fn new(definition: IndexDefinition) -> Index {
        Index { definition: Arc::new(definition), tree: Tree::default(), is_dropped: false }
    }

    /// The key of a row, or `None` if the row is not in the index.
    pub(crate) fn key(&self, row: &Row) -> Result<Option<Key>> {
        match &self.definition.source {
            KeySource::Columns(columns) if columns.len() == 1 => Ok(Some(Key::One(column(row, columns[0])))),
            KeySource::Columns(columns) => {
                Ok(Some(Key::Many(columns.iter().map(|c| column(row, *c)).collect())))
            }
            KeySource::Computed(compute) => compute.key(row),
        }
    }

    /// The columns that decide a row's entry.
    pub(crate) fn columns(&self) -> &[usize] {
        match &self.definition.source {
            KeySource::Columns(columns) => columns,
            KeySource::Computed(compute) => compute.columns(),
        }
    }

    /// Whether equal keys are refused at once or later.
    pub(crate) fn is_unique(&self) -> bool {
        self.definition.unique != Uniqueness::NotUnique
    }

    /// Whether a key with these values is never equal to another: it has a NULL.
    pub(crate) fn is_distinct_by_null(&self, key: &Key) -> bool {
        !self.definition.nulls_not_distinct && key.values().iter().any(Value::is_null)
    }

    /// `Key (columns)=(values)`.
    pub(crate) fn key_text(&self, key: &Key) -> String {
        let mut text = format!("Key ({})=(", self.definition.key_text);
        for (n, value) in key.values().iter().enumerate() {
            if n > 0 {
                text.push_str(", ");
            }
            match value {
                Value::Null => text.push_str("null"),
                value => {
                    write!(text, "{}", super::display::ValueText(value)).expect("a String takes any text")
                }
            }
        }
        text.push(')');
        text
    }
}

/// A column of a row; rows older than the column have NULL there.
fn column(row: &Row, at: usize) -> Value {
    row.get(at).cloned().unwrap_or(Value::Null)
}

/// The bound's slice.
pub(crate) fn as_slice(bound: &Bound<Vec<Value>>) -> Bound<&[Value]> {
    match bound {
        Bound::Included(values) => Bound::Included(values),
        Bound::Excluded(values) => Bound::Excluded(values),
        Bound::Unbounded => Bound::Unbounded,
    }
}
