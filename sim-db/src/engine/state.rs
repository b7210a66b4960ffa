//! Everything the engine knows, in one cell.
//!
//! Statements borrow it for one step at a time and never across an await.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use super::{
    environment::Environment,
    id::{IndexId, Pid, SequenceId, TableId, Xid},
    index::Index,
    lock::{LockManager, ProcId},
    object::ObjectMap,
    replay::Replay,
    row_lock::RowLocks,
    sequence::Sequence,
    session_state::SessionState,
    shared::Shared,
    snapshot::{Snapshot, SnapshotData, SnapshotRegistry},
    ssi::Ssi,
    table::Table,
    transaction::Transaction,
};

/// What sessions share.
pub(crate) struct Core {
    pub(crate) state: RefCell<State>,
    pub(crate) environment: Rc<dyn Environment>,
}

/// What a fork takes along: the committed database.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) tables: BTreeMap<TableId, Shared<Table>>,
    pub(crate) indexes: BTreeMap<IndexId, Shared<Index>>,
    pub(crate) sequences: BTreeMap<SequenceId, Sequence>,
    pub(crate) objects: Shared<ObjectMap>,
    /// the stamp of the last committed change of objects
    pub(crate) catalog_version: u64,
    /// the last stamp given out; every change of objects has its own
    last_stamp: u64,
    pub(crate) next_oid: u32,
    pub(crate) next_xid: Xid,
}

/// The first object identifier that is not PostgreSQL's own.
const FIRST_OID: u32 = 16384;
/// The first transaction; PostgreSQL's initdb leaves about this.
const FIRST_XID: Xid = Xid(730);

impl Default for Store {
    fn default() -> Self {
        Store {
            tables: BTreeMap::new(),
            indexes: BTreeMap::new(),
            sequences: BTreeMap::new(),
            objects: Shared::new(ObjectMap::default()),
            catalog_version: 1,
            last_stamp: 1,
            next_oid: FIRST_OID,
            next_xid: FIRST_XID,
        }
    }
}

impl Store {
    /// A stamp for a change of objects.
    pub(crate) fn next_stamp(&mut self) -> u64 {
        self.last_stamp += 1;
        self.last_stamp
    }

    pub(crate) fn table(&self, id: TableId) -> &Table {
        self.tables.get(&id).expect("the caller names a table that it created and did not drop")
    }

    pub(crate) fn table_mut(&mut self, id: TableId) -> &mut Table {
        let table = self.tables.get_mut(&id);
        Shared::make_mut(table.expect("the caller names a table that it created and did not drop"))
    }

    pub(crate) fn index(&self, id: IndexId) -> &Index {
        self.indexes.get(&id).expect("the caller names an index that it created and did not drop")
    }

    pub(crate) fn index_mut(&mut self, id: IndexId) -> &mut Index {
        let index = self.indexes.get_mut(&id);
        Shared::make_mut(index.expect("the caller names an index that it created and did not drop"))
    }
}

/// The mutable whole.
pub(crate) struct State {
    pub(crate) store: Store,
    /// transactions and subtransactions in progress that have an id, ascending, with their session
    pub(crate) active: Vec<(Xid, ProcId)>,
    pub(crate) sessions: Vec<Option<SessionState>>,
    pub(crate) by_pid: BTreeMap<Pid, ProcId>,
    pub(crate) next_pid: Pid,
    pub(crate) locks: LockManager,
    pub(crate) row_locks: RowLocks,
    pub(crate) ssi: Ssi,
    pub(crate) snapshots: Rc<RefCell<SnapshotRegistry>>,
    /// what commits made true, if there are replicas
    pub(crate) replay: Option<Replay>,
}

/// The first session's process number.
const FIRST_PID: Pid = Pid(1001);

impl State {
    pub(crate) fn new(store: Store) -> State {
        State {
            store,
            active: Vec::new(),
            sessions: Vec::new(),
            by_pid: BTreeMap::new(),
            next_pid: FIRST_PID,
            locks: LockManager::default(),
            row_locks: RowLocks::default(),
            ssi: Ssi::default(),
            snapshots: Rc::default(),
            replay: None,
        }
    }

    pub(crate) fn session(&self, proc: ProcId) -> &SessionState {
        self.sessions[proc as usize].as_ref().expect("a session is used only until it is closed")
    }

    pub(crate) fn session_mut(&mut self, proc: ProcId) -> &mut SessionState {
        self.sessions[proc as usize].as_mut().expect("a session is used only until it is closed")
    }

    pub(crate) fn transaction(&self, proc: ProcId) -> &Transaction {
        self.session(proc).transaction.as_deref().expect("the caller has begun a transaction")
    }

    pub(crate) fn transaction_mut(&mut self, proc: ProcId) -> &mut Transaction {
        self.session_mut(proc).transaction.as_deref_mut().expect("the caller has begun a transaction")
    }

    /// The ids of the session's transaction and its living subtransactions.
    pub(crate) fn own(&self, proc: ProcId) -> &[Xid] {
        self.session(proc).transaction.as_ref().map_or(&[], |t| &t.xids)
    }

    /// The session that runs a transaction, if it is in progress.
    pub(crate) fn runner(&self, xid: Xid) -> Option<ProcId> {
        match self.active.first() {
            Some((first, _)) if *first <= xid => {
                self.active.binary_search_by_key(&xid, |(x, _)| *x).ok().map(|at| self.active[at].1)
            }
            _ => None,
        }
    }

    pub(crate) fn is_active(&self, xid: Xid) -> bool {
        self.runner(xid).is_some()
    }

    fn new_xid(&mut self, proc: ProcId) -> Xid {
        let xid = self.store.next_xid;
        self.store.next_xid.0 += 1;
        self.active.push((xid, proc));
        xid
    }

    /// The id of the session's innermost subtransaction, assigned now (and its parents' before it) if it had none.
    pub(crate) fn xid(&mut self, proc: ProcId) -> Xid {
        let innermost = self.transaction(proc).levels.last().expect("a transaction has a level").xid;
        if innermost.is_some() {
            return innermost;
        }
        for at in 0..self.transaction(proc).levels.len() {
            if self.transaction(proc).levels[at].xid.is_some() {
                continue;
            }
            let xid = self.new_xid(proc);
            let transaction = self.transaction_mut(proc);
            transaction.levels[at].xid = xid;
            transaction.xids.push(xid);
            if let Some(sxact) = transaction.sxact {
                self.ssi.register_xid(sxact, xid, at == 0);
            }
        }
        self.transaction(proc).levels.last().expect("a transaction has a level").xid
    }

    /// Takes ended transactions out of those in progress.
    pub(crate) fn remove_active(&mut self, xids: &[Xid]) {
        match xids {
            [] => {}
            [xid] => {
                if let Ok(at) = self.active.binary_search_by_key(xid, |(x, _)| *x) {
                    self.active.remove(at);
                }
            }
            _ => self.active.retain(|(x, _)| xids.binary_search(x).is_err()),
        }
    }

    /// The newest snapshot, for the session's own use.
    pub(crate) fn take_snapshot(&self) -> Rc<SnapshotData> {
        let xmax = self.store.next_xid;
        let xmin = self.active.first().map_or(xmax, |(xid, _)| *xid);
        let in_progress = self.active.iter().map(|(xid, _)| *xid).collect();
        SnapshotData::new(xmin, xmax, in_progress, &self.snapshots)
    }

    /// A newest snapshot that sees what the session did before its current command.
    pub(crate) fn latest_snapshot(&self, proc: ProcId) -> Snapshot {
        let command = self.session(proc).transaction.as_ref().map_or(0, |t| t.command);
        Snapshot { data: self.take_snapshot(), command }
    }

    /// Versions that a transaction older than this made dead can be seen by nobody.
    pub(crate) fn horizon(&self) -> Xid {
        let oldest_active = self.active.first().map_or(self.store.next_xid, |(xid, _)| *xid);
        self.snapshots.borrow().oldest().map_or(oldest_active, |xmin| xmin.min(oldest_active))
    }

    /// Prunes a page if it is nearly full, and drops what the indexes hold of rows that died.
    pub(crate) fn prune_page(&mut self, table: TableId, block: u32) {
        let wants = |state: &State, horizon| {
            state.store.table(table).heap.page(block).is_some_and(|page| page.wants_pruning(horizon))
        };
        // The horizon costs more than the look at the page that mostly says no.
        if !wants(self, Xid(u64::MAX)) {
            return;
        }
        let horizon = self.horizon();
        if !wants(self, horizon) {
            return;
        }
        let gone = self.store.table_mut(table).heap.prune(block, horizon);
        self.drop_index_entries(table, &gone);
    }

    /// Takes rows out of every index of the table.
    pub(crate) fn drop_index_entries(
        &mut self,
        table: TableId,
        gone: &[(super::id::Tid, crate::value::Row)],
    ) {
        if gone.is_empty() {
            return;
        }
        for id in self.store.table(table).indexes.clone() {
            let index = self.store.index_mut(id);
            let definition = Arc::clone(&index.definition);
            for (tid, row) in gone {
                if let Ok(Some(key)) = index.key(row) {
                    index.tree.remove(&definition.order, key.values(), *tid);
                }
            }
        }
    }

    /// Wakes a session that waits for something else than a lock.
    pub(crate) fn wake(&mut self, proc: ProcId) {
        if let Some(Some(session)) = self.sessions.get_mut(proc as usize)
            && let Some(waker) = session.waker.take()
        {
            waker.wake();
        }
    }
}
