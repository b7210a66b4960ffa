//! Who holds row locks.
//!
//! PostgreSQL packs lockers into the row's `xmax` (several of them as a multixact);
//! here they stand beside the heap, while they last, and the row only carries a mark
//! to look. An updater's own lock is its `xmax`, not an entry here. A lock follows
//! its row: when an update replaces a version, holders that the update did not have to
//! wait for hold the new version too.

use std::collections::HashMap;

use super::{
    heap::{Tuple, TupleFlags},
    id::{TableId, Tid, Xid},
    lock::TagHash,
    mode::RowLockMode,
    visibility::is_own,
};

/// Row locks by place.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowLocks {
    holders: HashMap<(TableId, Tid), Vec<(Xid, RowLockMode)>, TagHash>,
}

impl RowLocks {
    /// The holders of a version, in the order they came.
    pub(crate) fn holders(&self, table: TableId, tid: Tid) -> &[(Xid, RowLockMode)] {
        self.holders.get(&(table, tid)).map_or(&[], Vec::as_slice)
    }

    /// Adds a holder, or strengthens what it holds; tells whether it was new.
    pub(crate) fn add(&mut self, table: TableId, tid: Tid, xid: Xid, mode: RowLockMode) -> bool {
        let holders = self.holders.entry((table, tid)).or_default();
        let found = holders.iter_mut().find(|(x, _)| *x == xid);
        let is_new = found.is_none();
        match found {
            Some((_, held)) => *held = mode.max(*held),
            None => holders.push((xid, mode)),
        }
        is_new
    }

    /// Takes a holder out; tells whether none is left.
    pub(crate) fn remove(&mut self, table: TableId, tid: Tid, xid: Xid) -> bool {
        let Some(holders) = self.holders.get_mut(&(table, tid)) else { return false };
        holders.retain(|(x, _)| *x != xid);
        let none_left = holders.is_empty();
        if none_left {
            self.holders.remove(&(table, tid));
        }
        none_left
    }

    /// Drops every lock on a table's rows.
    pub(crate) fn forget_table(&mut self, table: TableId) {
        self.holders.retain(|(t, _), _| *t != table);
    }
}

/// The lock that the transaction in `xmax` has by changing the row.
pub(crate) fn changer_mode(tuple: &Tuple) -> RowLockMode {
    if tuple.flags.has(TupleFlags::KEY_CHANGED) { RowLockMode::Update } else { RowLockMode::NoKeyUpdate }
}

/// What keeps somebody from locking a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contention {
    /// transactions to wait for, in order
    pub(crate) wait_for: Vec<Xid>,
    /// whether the asker holds some lock on the row itself
    pub(crate) is_member: bool,
    /// whether what it holds is enough already
    pub(crate) is_enough: bool,
    /// met in a version to come: PostgreSQL waits there, NOWAIT and SKIP LOCKED or not
    pub(crate) is_newer: bool,
}

/// Looks at a version's holders for one who wants `mode`.
pub(crate) fn contention(
    tuple: &Tuple,
    holders: &[(Xid, RowLockMode)],
    mode: RowLockMode,
    own: &[Xid],
    is_active: impl Fn(Xid) -> bool,
) -> Contention {
    let mut found = Contention::default();
    for (xid, held) in holders {
        if is_own(own, *xid) {
            found.is_member = true;
            found.is_enough |= *held >= mode;
        } else if held.conflicts_with(mode) && is_active(*xid) {
            found.wait_for.push(*xid);
        }
    }
    let changer = tuple.xmax;
    if changer.is_some()
        && !is_own(own, changer)
        && changer_mode(tuple).conflicts_with(mode)
        && is_active(changer)
    {
        found.wait_for.push(changer);
    }
    found
}
