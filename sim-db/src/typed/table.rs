//! Typed tables: a record, a primary key, unique keys.

use std::{marker::PhantomData, sync::Arc};

use super::{Database, Record};
use crate::engine::{
    IndexDefinition, IndexId, KeySource, Persistence, TableDefinition, TableId, TransactionOptions,
    Uniqueness,
};

/// A table of records `R`. Clones are the same table; it is the same one in every fork of its database.
pub struct Table<R> {
    pub(super) info: Arc<TableInfo>,
    record: PhantomData<fn() -> R>,
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Table { info: Arc::clone(&self.info), record: PhantomData }
    }
}

pub(super) struct TableInfo {
    pub(super) id: TableId,
    pub(super) name: Arc<str>,
    /// name, index; the first is the primary key
    pub(super) keys: Vec<(Arc<str>, IndexId)>,
}

impl<R> Table<R> {
    /// The index of a unique key (or a plain index) by its name.
    ///
    /// # Panics
    /// If the table has none of this name.
    pub(super) fn key(&self, name: &str) -> IndexId {
        let found = self.info.keys.iter().find(|(key, _)| &**key == name);
        found.unwrap_or_else(|| panic!("the table has no key \"{name}\"")).1
    }

    /// Whether the table has a key or an index of this name.
    pub fn has_key(&self, name: &str) -> bool {
        self.info.keys.iter().any(|(key, _)| &**key == name)
    }

    pub(super) fn primary_key(&self) -> IndexId {
        self.info.keys[0].1
    }
}

/// A table about to be created.
#[must_use = "a table is created by `create`"]
pub struct TableBuilder<R> {
    name: Arc<str>,
    keys: Vec<(Arc<str>, Vec<usize>, Uniqueness)>,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> TableBuilder<R> {
    /// A table whose primary key (`<name>_pkey`) is these columns.
    ///
    /// # Panics
    /// If the record has no such column.
    pub fn new(name: &str, primary_key: &[&str]) -> TableBuilder<R> {
        let builder = TableBuilder { name: name.into(), keys: Vec::new(), record: PhantomData };
        builder.key(&format!("{name}_pkey"), primary_key, Uniqueness::Immediate)
    }

    /// A unique key; its name is the constraint in 23505.
    ///
    /// # Panics
    /// If the record has no such column.
    pub fn unique(self, name: &str, columns: &[&str]) -> TableBuilder<R> {
        self.key(name, columns, Uniqueness::Immediate)
    }

    /// An index that is not unique.
    ///
    /// # Panics
    /// If the record has no such column.
    pub fn index(self, name: &str, columns: &[&str]) -> TableBuilder<R> {
        self.key(name, columns, Uniqueness::NotUnique)
    }

    fn key(mut self, name: &str, columns: &[&str], unique: Uniqueness) -> TableBuilder<R> {
        let place = |column: &&str| {
            R::COLUMNS.iter().position(|c| c == column).unwrap_or_else(|| {
                panic!("table \"{}\" has no column \"{column}\"; it has {:?}", self.name, R::COLUMNS)
            })
        };
        let columns = columns.iter().map(place).collect();
        self.keys.push((name.into(), columns, unique));
        self
    }

    /// Creates it.
    pub fn create(self, database: &Database) -> Table<R> {
        let engine = database.engine();
        let session = engine.connect();
        session.begin(TransactionOptions::default());
        let id = TableId(engine.next_oid());
        session.create_table(TableDefinition {
            id,
            name: Arc::clone(&self.name),
            persistence: Persistence::Permanent,
        });
        let mut keys = Vec::new();
        for (name, columns, unique) in self.keys {
            let index = IndexId(engine.next_oid());
            let key_text: Vec<&str> = columns.iter().map(|c| R::COLUMNS[*c]).collect();
            session
                .create_index(IndexDefinition {
                    id: index,
                    table: id,
                    name: Arc::clone(&name),
                    key_text: key_text.join(", ").into(),
                    source: KeySource::Columns(columns.into()),
                    order: [].into(),
                    unique,
                    nulls_not_distinct: false,
                    plain: true,
                })
                .expect("an index on an empty table meets no duplicates");
            keys.push((name, index));
        }
        session.commit_now().expect("creating a table conflicts with nothing");
        session.close();
        Table { info: Arc::new(TableInfo { id, name: self.name, keys }), record: PhantomData }
    }
}
