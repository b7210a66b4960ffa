//! What a transaction has to take back if it aborts, and to do when it commits.
//!
//! PostgreSQL leaves aborted versions in place and asks the commit log about each; we
//! are one thread and take them back at once, so nobody ever has to ask. What a
//! sequential scan shows stays the same: an aborted version keeps its place on the
//! page until pruned, only nobody sees it.

use std::sync::Arc;

use super::{
    definition::IndexDefinition,
    heap::{Heap, TupleFlags},
    id::{IndexId, SequenceId, TableId, Tid, Xid},
    index::Tree,
    lock::ProcId,
    object::{ObjectChange, ObjectKey},
    sequence::Sequence,
    shared::Shared,
    state::State,
};

/// A table's contents, put aside by TRUNCATE or a rewrite.
pub(crate) struct Contents {
    pub(crate) heap: Heap,
    pub(crate) trees: Vec<(IndexId, Tree)>,
}

/// One step of a transaction.
pub(crate) enum Undo {
    /// a version was inserted
    Insert(TableId, Tid),
    /// a version was replaced or deleted
    Change(TableId, Tid),
    /// a row lock was taken
    RowLock(TableId, Tid, Xid),
    CreateTable(TableId),
    DropTable(TableId),
    RenameTable(TableId, Arc<str>),
    /// the contents from before
    Contents(TableId, Box<Contents>),
    CreateIndex(IndexId),
    DropIndex(IndexId),
    RedefineIndex(Arc<IndexDefinition>),
    CreateSequence(SequenceId),
    DropSequence(SequenceId),
    AlterSequence(SequenceId, Box<Sequence>),
    /// an object was changed; what this transaction said of it before
    Object(Box<(ObjectKey, Option<ObjectChange>)>),
    /// SET CONSTRAINTS; the mode before
    ConstraintMode(Option<IndexId>, Option<bool>),
}

impl State {
    /// Takes one step back.
    pub(crate) fn undo(&mut self, proc: ProcId, step: Undo) {
        match step {
            Undo::Insert(table, tid) => self.undo_insert(table, tid),
            Undo::Change(table, tid) => {
                if let Some(tuple) = self.store.table_mut(table).heap.tuple_mut(tid) {
                    tuple.xmax = Xid::NONE;
                    tuple.next = tid;
                    for flag in [TupleFlags::KEY_CHANGED, TupleFlags::HOT_UPDATED, TupleFlags::DELETED] {
                        tuple.flags.set(flag, false);
                    }
                }
                let heap = &mut self.store.table_mut(table).heap;
                heap.dead = heap.dead.saturating_sub(1);
            }
            Undo::RowLock(table, tid, xid) => self.free_row_lock(table, tid, xid),
            Undo::CreateTable(id) => self.remove_table(id),
            Undo::DropTable(_) | Undo::DropSequence(_) => {}
            Undo::RenameTable(id, name) => self.store.table_mut(id).name = name,
            Undo::Contents(id, contents) => self.restore_contents(id, *contents),
            Undo::CreateIndex(id) => self.remove_index(id),
            Undo::DropIndex(id) => {
                self.store.index_mut(id).is_dropped = false;
                self.relink_indexes(self.store.index(id).definition.table);
            }
            Undo::RedefineIndex(definition) => {
                let (id, table) = (definition.id, definition.table);
                self.store.index_mut(id).definition = definition;
                self.relink_indexes(table);
            }
            Undo::CreateSequence(id) => drop(self.store.sequences.remove(&id)),
            Undo::AlterSequence(id, before) => drop(self.store.sequences.insert(id, *before)),
            Undo::Object(change) => {
                let (key, before) = *change;
                let stamp = self.store.next_stamp();
                let transaction = self.transaction_mut(proc);
                transaction.object_stamp = stamp;
                match before {
                    Some(before) => transaction.objects.insert(key, before),
                    None => transaction.objects.remove(&key),
                };
            }
            Undo::ConstraintMode(index, before) => {
                let modes = &mut self.transaction_mut(proc).constraint_modes;
                match before {
                    Some(before) => modes.insert(index, before),
                    None => modes.remove(&index),
                };
            }
        }
    }

    fn undo_insert(&mut self, table: TableId, tid: Tid) {
        let Some(tuple) = self.store.table_mut(table).heap.tuple_mut(tid) else { return };
        tuple.flags.set(TupleFlags::ABORTED, true);
        let (row, xmin) = (Arc::clone(&tuple.row), tuple.xmin);
        let heap_only = tuple.flags.has(TupleFlags::HEAP_ONLY);
        let heap = &mut self.store.table_mut(table).heap;
        heap.dead += 1;
        if let Some(page) = heap.page_mut(tid.block) {
            page.mark_prunable(xmin, tid.offset);
        }
        if !heap_only {
            self.drop_index_entries(table, &[(tid, row)]);
        }
    }

    /// A row lock ends.
    pub(crate) fn free_row_lock(&mut self, table: TableId, tid: Tid, xid: Xid) {
        let none_left = self.row_locks.remove(table, tid, xid);
        if none_left
            && self.store.tables.contains_key(&table)
            && let Some(tuple) = self.store.table_mut(table).heap.tuple_mut(tid)
        {
            tuple.flags.set(TupleFlags::LOCKED, false);
        }
    }

    /// What a step leaves to do when the transaction commits.
    pub(crate) fn finish(&mut self, step: &Undo) {
        match *step {
            Undo::RowLock(table, tid, xid) => self.free_row_lock(table, tid, xid),
            Undo::DropTable(id) => self.remove_table(id),
            Undo::DropIndex(id) => self.remove_index(id),
            Undo::DropSequence(id) => drop(self.store.sequences.remove(&id)),
            _ => {}
        }
    }

    /// Removes a table with its indexes.
    pub(crate) fn remove_table(&mut self, id: TableId) {
        if self.store.tables.remove(&id).is_some() {
            self.store.indexes.retain(|_, index| index.definition.table != id);
            self.row_locks.forget_table(id);
            self.ssi.forget_table(id);
        }
    }

    fn remove_index(&mut self, id: IndexId) {
        if let Some(index) = self.store.indexes.remove(&id) {
            self.ssi.index_gone(id, index.definition.table);
            self.relink_indexes(index.definition.table);
        }
    }

    /// Tells a table which indexes it has.
    pub(crate) fn relink_indexes(&mut self, table: TableId) {
        let indexes = self.store.indexes.values().map(|index| &**index);
        let indexes = indexes.filter(|index| index.definition.table == table && !index.is_dropped);
        if let Some(table) = self.store.tables.get_mut(&table) {
            Shared::make_mut(table).set_indexes(indexes);
        }
    }

    fn restore_contents(&mut self, id: TableId, contents: Contents) {
        self.store.table_mut(id).heap = contents.heap;
        self.row_locks.forget_table(id);
        for (index, tree) in contents.trees {
            if let Some(index) = self.store.indexes.get_mut(&index) {
                Shared::make_mut(index).tree = tree;
            }
        }
    }
}
