//! Tables and indexes come and go, transactionally.
//!
//! The caller holds the table locks that keep others away, so a change is made in
//! place, at once, and undone by a rollback; what is dropped stays until commit.

use std::sync::Arc;

use super::{
    definition::{IndexDefinition, Key, TableDefinition},
    heap::{Tuple, TupleFlags},
    id::{IndexId, TableId, Tid},
    index::{Index, compare_prefix},
    session::{Engine, Session},
    shared::Shared,
    state::State,
    table::Table,
    undo::{Contents, Undo},
    unique::KeyState,
};
use crate::{
    error::{DatabaseError, Result, SqlState},
    value::Row,
};

impl State {
    /// Empties a table and its indexes.
    pub(crate) fn take_contents(&mut self, id: TableId) -> Contents {
        self.ssi.table_rewritten(id);
        let heap = std::mem::take(&mut self.store.table_mut(id).heap);
        let mut trees = Vec::new();
        for index in self.store.table(id).indexes.clone() {
            self.ssi.index_gone(index, id);
            trees.push((index, std::mem::take(&mut self.store.index_mut(index).tree)));
        }
        Contents { heap, trees }
    }

    /// Frees what no snapshot can see.
    pub(crate) fn vacuum(&mut self, table: TableId) {
        let horizon = self.horizon();
        let gone = self.store.table_mut(table).heap.vacuum(horizon);
        self.drop_index_entries(table, &gone);
        for index in self.store.table(table).indexes.clone() {
            for merged in self.store.index_mut(index).tree.drop_empty_leaves() {
                // Who has read the leaf that is gone has read its range.
                self.ssi.leaf_split(index, merged.old, merged.new);
            }
        }
    }

    /// The last version of the chain at `root` that can be of interest, if there is any.
    fn chain_key_version(&self, table: TableId, root: Tid) -> Option<&Tuple> {
        let horizon = self.horizon();
        let page = self.store.table(table).heap.page(root.block)?;
        let mut last = None;
        let mut at = page.chain_start(root.offset);
        while let Some(tuple) = at.and_then(|offset| page.tuple(offset)) {
            let is_dead =
                tuple.flags.has(TupleFlags::ABORTED) || (tuple.xmax.is_some() && tuple.xmax < horizon);
            if !is_dead {
                last = Some(tuple);
            }
            at = page.chain_next(tuple);
        }
        last
    }

    /// Builds an index from the table's rows.
    fn build_index(&mut self, proc: u32, id: IndexId) -> Result<()> {
        let index = self.store.index(id);
        let definition = Arc::clone(&index.definition);
        let table = definition.table;
        let mut entries: Vec<(Key, Tid)> = Vec::new();
        let heap = &self.store.table(table).heap;
        for block in 0..heap.pages() {
            let Some(page) = heap.page(block) else { continue };
            for offset in 1..=page.len() {
                let is_root = match page.tuple(offset) {
                    Some(tuple) => !tuple.flags.has(TupleFlags::HEAP_ONLY),
                    None => page.chain_start(offset).is_some(),
                };
                let root = Tid { block, offset };
                if is_root
                    && let Some(tuple) = self.chain_key_version(table, root)
                    && let Some(key) = index.key(&tuple.row)?
                {
                    entries.push((key, root));
                }
            }
        }
        entries.sort_by(|(a, s), (b, t)| {
            compare_prefix(&definition.order, a.values(), b.values()).then(s.cmp(t))
        });
        for (key, tid) in entries {
            let index = self.store.index(id);
            if index.is_unique()
                && self.key_state(proc, index, &key, None) != KeyState::Free
                && self.chain_is_live(proc, table, tid)
            {
                let mut error = DatabaseError::new(
                    SqlState::UNIQUE_VIOLATION,
                    format!("could not create unique index \"{}\"", definition.name),
                )
                .with_detail(format!("{} is duplicated.", index.key_text(&key)))
                .with_constraint(&definition.name);
                error.table = Some(self.store.table(table).name.to_string());
                return Err(error);
            }
            self.store.index_mut(id).tree.insert(&definition.order, key, tid);
        }
        Ok(())
    }
}

impl Session {
    /// Creates an empty table.
    #[allow(clippy::needless_pass_by_value, reason = "as `create_index`, which keeps what it is given")]
    pub fn create_table(&self, definition: TableDefinition) {
        let mut state = self.core.state.borrow_mut();
        let table = Table::new(&definition, Some(self.proc));
        state.store.tables.insert(definition.id, Shared::new(table));
        state.transaction_mut(self.proc).undo.push(Undo::CreateTable(definition.id));
    }

    /// Drops a table and its indexes (at commit).
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn drop_table(&self, table: TableId) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        state.ssi_write_whole(self.proc, table)?;
        state.transaction_mut(self.proc).undo.push(Undo::DropTable(table));
        Ok(())
    }

    /// Renames it, for messages.
    pub fn rename_table(&self, table: TableId, name: Arc<str>) {
        let mut state = self.core.state.borrow_mut();
        let before = std::mem::replace(&mut state.store.table_mut(table).name, name);
        state.transaction_mut(self.proc).undo.push(Undo::RenameTable(table, before));
    }

    /// Empties a table and its indexes.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn truncate_table(&self, table: TableId) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        state.ssi_write_whole(self.proc, table)?;
        self.put_contents_aside(&mut state, table);
        Ok(())
    }

    fn put_contents_aside(&self, state: &mut State, table: TableId) {
        state.xid(self.proc);
        let contents = state.take_contents(table);
        state.transaction_mut(self.proc).undo.push(Undo::Contents(table, Box::new(contents)));
    }

    /// Puts `change(row)` in the place of every row (ALTER TABLE that rewrites); builds the indexes anew. Snapshots
    /// taken before do not see the rows any more, as in PostgreSQL.
    ///
    /// # Errors
    /// What `change` fails with, 23505.
    pub fn rewrite_table(&self, table: TableId, change: &mut dyn FnMut(&Row) -> Result<Row>) -> Result<()> {
        let snapshot = self.latest_snapshot();
        let snapshot = super::snapshot::Snapshot { command: self.command() + 1, ..snapshot };
        let mut scan = self.table_scan(table, &snapshot)?;
        let mut rows = Vec::new();
        while let Some((_, row)) = scan.next()? {
            rows.push(change(&row)?);
        }
        let mut state = self.core.state.borrow_mut();
        self.put_contents_aside(&mut state, table);
        for row in rows {
            state.insert_version(self.proc, table, row)?;
        }
        for index in state.store.table(table).indexes.clone() {
            state.build_index(self.proc, index)?;
        }
        Ok(())
    }

    /// Creates and fills an index.
    ///
    /// # Errors
    /// 23505 "could not create unique index …"; what the key expression fails with.
    pub fn create_index(&self, definition: IndexDefinition) -> Result<()> {
        let mut state = self.core.state.borrow_mut();
        let (id, table) = (definition.id, definition.table);
        state.store.indexes.insert(id, Shared::new(Index::new(definition)));
        if let Err(error) = state.build_index(self.proc, id) {
            state.store.indexes.remove(&id);
            return Err(error);
        }
        state.relink_indexes(table);
        state.transaction_mut(self.proc).undo.push(Undo::CreateIndex(id));
        Ok(())
    }

    /// Puts a definition in the place of the one with the same id, without building the index anew: renames, and
    /// other names or column numbers for the same keys.
    pub fn redefine_index(&self, definition: IndexDefinition) {
        let mut state = self.core.state.borrow_mut();
        let (id, table) = (definition.id, definition.table);
        let before = std::mem::replace(&mut state.store.index_mut(id).definition, Arc::new(definition));
        state.relink_indexes(table);
        state.transaction_mut(self.proc).undo.push(Undo::RedefineIndex(before));
    }

    /// Drops an index (at commit; this transaction does not use it any more).
    pub fn drop_index(&self, index: IndexId) {
        let mut state = self.core.state.borrow_mut();
        let dropped = state.store.index_mut(index);
        dropped.is_dropped = true;
        let table = dropped.definition.table;
        state.relink_indexes(table);
        state.transaction_mut(self.proc).undo.push(Undo::DropIndex(index));
    }
}

impl Engine {
    /// Frees what no snapshot can see, as VACUUM. The caller holds `ShareUpdateExclusive` on the table.
    pub fn vacuum(&self, table: TableId) {
        self.core.state.borrow_mut().vacuum(table);
    }

    /// About how many rows and exactly how many pages a table has, for the planner: no locks, O(1).
    pub fn table_size(&self, table: TableId) -> (u64, u32) {
        let state = self.core.state.borrow();
        let heap = &state.store.table(table).heap;
        (heap.versions.saturating_sub(heap.dead), heap.pages())
    }

    /// How many entries an index has, for the planner.
    pub fn index_size(&self, index: IndexId) -> u64 {
        self.core.state.borrow().store.index(index).tree.len()
    }
}
