//! A table: its heap, and what its indexes mean for writes.

use std::sync::Arc;

use super::{
    definition::{Persistence, TableDefinition, Uniqueness},
    heap::Heap,
    id::IndexId,
    index::Index,
    lock::ProcId,
};
use crate::value::Row;

/// A table's storage.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) name: Arc<str>,
    pub(crate) persistence: Persistence,
    /// the session a temporary table belongs to
    pub(crate) session: Option<ProcId>,
    pub(crate) heap: Heap,
    /// ascending, as PostgreSQL goes through them
    pub(crate) indexes: Vec<IndexId>,
    /// columns that some index depends on
    indexed_columns: Vec<usize>,
    /// columns of unique indexes that a foreign key may point at
    key_columns: Vec<usize>,
}

impl Table {
    pub(crate) fn new(definition: &TableDefinition, session: Option<ProcId>) -> Table {
        Table {
            name: Arc::clone(&definition.name),
            persistence: definition.persistence,
            session: session.filter(|_| definition.persistence == Persistence::Temporary),
            heap: Heap::default(),
            indexes: Vec::new(),
            indexed_columns: Vec::new(),
            key_columns: Vec::new(),
        }
    }

    /// Learns its indexes.
    pub(crate) fn set_indexes<'a>(&mut self, indexes: impl Iterator<Item = &'a Index>) {
        self.indexes.clear();
        self.indexed_columns.clear();
        self.key_columns.clear();
        for index in indexes {
            self.indexes.push(index.definition.id);
            self.indexed_columns.extend_from_slice(index.columns());
            if index.definition.plain && index.definition.unique == Uniqueness::Immediate {
                self.key_columns.extend_from_slice(index.columns());
            }
        }
        self.indexes.sort_unstable();
        for columns in [&mut self.indexed_columns, &mut self.key_columns] {
            columns.sort_unstable();
            columns.dedup();
        }
    }

    /// Whether an update leaves every index entry as it is.
    pub(crate) fn keeps_indexes(&self, old: &Row, new: &Row) -> bool {
        same(&self.indexed_columns, old, new)
    }

    /// Whether an update leaves every key that a foreign key may point at.
    pub(crate) fn keeps_keys(&self, old: &Row, new: &Row) -> bool {
        same(&self.key_columns, old, new)
    }
}

fn same(columns: &[usize], old: &Row, new: &Row) -> bool {
    columns.iter().all(|c| old.get(*c) == new.get(*c))
}
