//! Reading: tables in heap order, indexes in key order, single rows.
//!
//! A scan takes a page of the table, or a leaf of the index, at a time, and holds
//! nothing in between: other sessions, and the scanning statement itself, may write
//! while it goes on. What they write is too new for the snapshot.

use std::{collections::VecDeque, ops::Bound, sync::Arc};

use super::{
    definition::Key,
    heap::Tuple,
    id::{IndexId, TableId, Tid, Xid},
    index::{LeafPosition, as_slice, compare_prefix},
    lock::ProcId,
    session::Session,
    snapshot::Snapshot,
    state::State,
    visibility::is_visible,
};
use crate::{
    error::Result,
    value::{Row, Value},
};

/// Which way an index scan goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// index order
    #[default]
    Forward,
    /// its reverse
    Backward,
}

/// A range of an index, in index order: bounds are prefixes of the key (`a = 1` on `(a, b)` is `Included([1])` twice).
#[derive(Clone, Debug)]
pub struct KeyRange {
    /// where it begins
    pub lower: Bound<Vec<Value>>,
    /// where it ends
    pub upper: Bound<Vec<Value>>,
}

impl KeyRange {
    /// The whole index.
    pub fn all() -> KeyRange {
        KeyRange { lower: Bound::Unbounded, upper: Bound::Unbounded }
    }

    /// Every key that begins with `prefix`.
    pub fn equal(prefix: Vec<Value>) -> KeyRange {
        KeyRange { lower: Bound::Included(prefix.clone()), upper: Bound::Included(prefix) }
    }
}

/// A scan of a table in heap order. Other sessions may run between two rows.
pub struct TableScan {
    session: Session,
    table: TableId,
    snapshot: Snapshot,
    next_block: u32,
    blocks: u32,
    batch: VecDeque<(Tid, Row)>,
}

/// A scan of an index. Other sessions may run between two rows.
pub struct IndexScan {
    session: Session,
    index: IndexId,
    table: TableId,
    snapshot: Snapshot,
    range: KeyRange,
    direction: Direction,
    batch: VecDeque<Tid>,
    resume: Resume,
}

/// Where an index scan goes on.
enum Resume {
    Start,
    /// forward: at this entry; backward: before it
    At(Key, Tid),
    Done,
}

impl State {
    /// The version that the snapshot sees in the chain that begins at `root`.
    fn visible_in_chain(
        &self,
        proc: ProcId,
        table: TableId,
        root: Tid,
        snapshot: &Snapshot,
    ) -> Option<(Tid, &Tuple)> {
        let page = self.store.table(table).heap.page(root.block)?;
        let own = self.own(proc);
        let mut at = page.chain_start(root.offset);
        while let Some(offset) = at {
            let tuple = page.tuple(offset)?;
            if is_visible(tuple, &snapshot.data, snapshot.command, own) {
                return Some((Tid { block: root.block, offset }, tuple));
            }
            at = page.chain_next(tuple);
        }
        None
    }

    /// As [`State::visible_in_chain`], telling SSI of every version looked at.
    fn watched_in_chain(
        &mut self,
        proc: ProcId,
        table: TableId,
        root: Tid,
        snapshot: &Snapshot,
    ) -> Result<Option<(Tid, Row)>> {
        let Some(page) = self.store.table(table).heap.page(root.block) else { return Ok(None) };
        let mut at = page.chain_start(root.offset);
        while let Some(offset) = at {
            let Some(page) = self.store.table(table).heap.page(root.block) else { return Ok(None) };
            let Some(tuple) = page.tuple(offset) else { return Ok(None) };
            let visible = is_visible(tuple, &snapshot.data, snapshot.command, self.own(proc));
            let writer = State::writer_to_check(tuple, visible);
            let (xmin, row, next) = (tuple.xmin, Arc::clone(&tuple.row), page.chain_next(tuple));
            self.ssi_saw(proc, table, writer)?;
            if visible {
                let tid = Tid { block: root.block, offset };
                self.ssi_read_row(proc, table, tid, xmin);
                return Ok(Some((tid, row)));
            }
            at = next;
        }
        Ok(None)
    }

    /// The row that an index entry leads to.
    fn follow_entry(
        &mut self,
        proc: ProcId,
        table: TableId,
        root: Tid,
        snapshot: &Snapshot,
    ) -> Result<Option<(Tid, Row)>> {
        self.prune_page(table, root.block);
        if self.transaction(proc).sxact.is_some() {
            return self.watched_in_chain(proc, table, root, snapshot);
        }
        let found = self.visible_in_chain(proc, table, root, snapshot);
        Ok(found.map(|(tid, tuple)| (tid, Arc::clone(&tuple.row))))
    }

    /// The rows of a page that the snapshot sees, in order.
    fn read_page(
        &mut self,
        proc: ProcId,
        table: TableId,
        block: u32,
        snapshot: &Snapshot,
        out: &mut VecDeque<(Tid, Row)>,
    ) -> Result<()> {
        self.prune_page(table, block);
        let is_watched = self.transaction(proc).sxact.is_some();
        let mut writers: Vec<Xid> = Vec::new();
        let Some(page) = self.store.table(table).heap.page(block) else { return Ok(()) };
        let own = self.own(proc);
        for offset in 1..=page.len() {
            let Some(tuple) = page.tuple(offset) else { continue };
            let visible = is_visible(tuple, &snapshot.data, snapshot.command, own);
            if is_watched {
                writers.push(State::writer_to_check(tuple, visible));
            }
            if visible {
                out.push_back((Tid { block, offset }, Arc::clone(&tuple.row)));
            }
        }
        for writer in writers {
            self.ssi_saw(proc, table, writer)?;
        }
        Ok(())
    }
}

impl TableScan {
    /// The next row.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator could not say that it failed without a Result"
    )]
    pub fn next(&mut self) -> Result<Option<(Tid, Row)>> {
        loop {
            if let Some(found) = self.batch.pop_front() {
                return Ok(Some(found));
            }
            if self.next_block >= self.blocks {
                return Ok(None);
            }
            let block = self.next_block;
            self.next_block += 1;
            let mut state = self.session.core.state.borrow_mut();
            state.read_page(self.session.proc, self.table, block, &self.snapshot, &mut self.batch)?;
        }
    }
}

impl IndexScan {
    /// The next row.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator could not say that it failed without a Result"
    )]
    pub fn next(&mut self) -> Result<Option<(Tid, Row)>> {
        loop {
            while let Some(root) = self.batch.pop_front() {
                let mut state = self.session.core.state.borrow_mut();
                let found = state.follow_entry(self.session.proc, self.table, root, &self.snapshot)?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            if matches!(self.resume, Resume::Done) {
                return Ok(None);
            }
            self.read_leaf();
        }
    }

    fn read_leaf(&mut self) {
        let mut state = self.session.core.state.borrow_mut();
        let index = state.store.index(self.index);
        let orders = Arc::clone(&index.definition.order);
        let tree = &index.tree;
        let (lower, upper) = (as_slice(&self.range.lower), as_slice(&self.range.upper));
        let above_lower = |key: &[Value]| match lower {
            Bound::Unbounded => true,
            Bound::Included(bound) => compare_prefix(&orders, key, bound).is_ge(),
            Bound::Excluded(bound) => compare_prefix(&orders, key, bound).is_gt(),
        };
        let below_upper = |key: &[Value]| match upper {
            Bound::Unbounded => true,
            Bound::Included(bound) => compare_prefix(&orders, key, bound).is_le(),
            Bound::Excluded(bound) => compare_prefix(&orders, key, bound).is_lt(),
        };
        let position: Option<LeafPosition> = match (&self.resume, self.direction) {
            (Resume::Start, Direction::Forward) => tree.first_leaf(&orders, lower),
            (Resume::Start, Direction::Backward) => tree.last_leaf(&orders, upper),
            (Resume::At(key, tid), Direction::Forward) => tree.leaf_for(&orders, key.values(), *tid),
            (Resume::At(key, tid), Direction::Backward) => tree.leaf_before(&orders, key.values(), *tid),
            (Resume::Done, _) => return,
        };
        let Some(position) = position else {
            self.resume = Resume::Done;
            let (proc, table, index) = (self.session.proc, self.table, self.index);
            if tree.has_no_root() {
                state.ssi_read_leaf(proc, table, index, None);
            }
            return;
        };
        let leaf = tree.leaf(position);
        let leaf_id = leaf.id;
        let from = leaf.entries.partition_point(|(key, _)| !above_lower(key.values()));
        let to = leaf.entries.partition_point(|(key, _)| below_upper(key.values()));
        let resumed = match &self.resume {
            Resume::At(key, tid) => Some(leaf.entries.partition_point(|(k, t)| {
                compare_prefix(&orders, k.values(), key.values()).then(t.cmp(tid)).is_lt()
            })),
            _ => None,
        };
        match self.direction {
            Direction::Forward => {
                let from = resumed.map_or(from, |at| at.max(from));
                if from < to {
                    self.batch.extend(leaf.entries[from..to].iter().map(|(_, tid)| *tid));
                }
                self.resume = match tree.next(position) {
                    Some((_, low)) if below_upper(low.0.values()) => Resume::At(low.0.clone(), low.1),
                    _ => Resume::Done,
                };
            }
            Direction::Backward => {
                let to = resumed.map_or(to, |at| at.min(to));
                if from < to {
                    self.batch.extend(leaf.entries[from..to].iter().rev().map(|(_, tid)| *tid));
                }
                self.resume = match tree.previous(position) {
                    Some((_, low)) if from == 0 && above_lower(low.0.values()) => {
                        Resume::At(low.0.clone(), low.1)
                    }
                    _ => Resume::Done,
                };
            }
        }
        let (proc, table, index) = (self.session.proc, self.table, self.index);
        state.ssi_read_leaf(proc, table, index, Some(leaf_id));
    }
}

impl Session {
    /// Every row the snapshot sees, in heap order.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn table_scan(&self, table: TableId, snapshot: &Snapshot) -> Result<TableScan> {
        let mut state = self.core.state.borrow_mut();
        state.ssi_read_table(self.proc, table);
        Ok(TableScan {
            session: self.clone(),
            table,
            snapshot: snapshot.clone(),
            next_block: 0,
            blocks: state.store.table(table).heap.pages(),
            batch: VecDeque::new(),
        })
    }

    /// The rows of a key range that the snapshot sees, in index order.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn index_scan(
        &self,
        index: IndexId,
        range: KeyRange,
        direction: Direction,
        snapshot: &Snapshot,
    ) -> Result<IndexScan> {
        Ok(IndexScan {
            session: self.clone(),
            index,
            table: self.core.state.borrow().store.index(index).definition.table,
            snapshot: snapshot.clone(),
            range,
            direction,
            batch: VecDeque::new(),
            resume: Resume::Start,
        })
    }

    /// Point lookup: the first row with this key that the snapshot sees (the only one, if the index is unique).
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn index_lookup(
        &self,
        index: IndexId,
        key: &[Value],
        snapshot: &Snapshot,
    ) -> Result<Option<(Tid, Row)>> {
        let mut state = self.core.state.borrow_mut();
        if state.transaction(self.proc).sxact.is_some() {
            drop(state);
            return self
                .index_scan(index, KeyRange::equal(key.to_vec()), Direction::Forward, snapshot)?
                .next();
        }
        let found = state.store.index(index);
        let table = found.definition.table;
        let orders = &found.definition.order;
        let mut leaf = found.tree.first_leaf(orders, Bound::Included(key));
        let mut crowded = None;
        let mut answer = None;
        'leaves: while let Some(position) = leaf {
            let entries = &found.tree.leaf(position).entries;
            let from = entries.partition_point(|(k, _)| compare_prefix(orders, k.values(), key).is_lt());
            for (k, root) in &entries[from..] {
                if compare_prefix(orders, k.values(), key).is_ne() {
                    break 'leaves;
                }
                let seen = state.visible_in_chain(self.proc, table, *root, snapshot);
                if let Some((tid, tuple)) = seen {
                    answer = Some((tid, Arc::clone(&tuple.row)));
                    crowded = Some(tid.block);
                    break 'leaves;
                }
            }
            leaf = found.tree.next(position).map(|(next, _)| next);
        }
        if let Some(block) = crowded {
            state.prune_page(table, block);
        }
        Ok(answer)
    }

    /// The row version at `tid` if the snapshot sees it (`WHERE ctid = …`).
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    pub fn fetch(&self, table: TableId, tid: Tid, snapshot: &Snapshot) -> Result<Option<Row>> {
        let mut state = self.core.state.borrow_mut();
        let Some(tuple) = state.store.table(table).heap.tuple(tid) else { return Ok(None) };
        let visible = is_visible(tuple, &snapshot.data, snapshot.command, state.own(self.proc));
        let writer = State::writer_to_check(tuple, visible);
        let (xmin, row) = (tuple.xmin, Arc::clone(&tuple.row));
        state.ssi_saw(self.proc, table, writer)?;
        if visible {
            state.ssi_read_row(self.proc, table, tid, xmin);
        }
        Ok(visible.then_some(row))
    }

    /// Whether the snapshot sees the version at `tid`; no reading, so SERIALIZABLE takes no notice.
    pub fn is_visible(&self, table: TableId, tid: Tid, snapshot: &Snapshot) -> bool {
        let state = self.core.state.borrow();
        let own = state.own(self.proc);
        let tuple = state.store.table(table).heap.tuple(tid);
        tuple.is_some_and(|tuple| is_visible(tuple, &snapshot.data, snapshot.command, own))
    }

    /// `xmin` and `xmax` of the version at `tid` (system columns).
    pub fn version_ids(&self, table: TableId, tid: Tid) -> Option<(Xid, Xid)> {
        let state = self.core.state.borrow();
        state.store.table(table).heap.tuple(tid).map(|tuple| (tuple.xmin, tuple.xmax))
    }
}
