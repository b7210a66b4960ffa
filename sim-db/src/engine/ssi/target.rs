//! What a serializable read locks (SIREAD), and when many small locks become a big one.
//!
//! The granules are PostgreSQL's: a row version, a page of a table, a leaf of an
//! index, a whole table or index. A sequential scan locks the table, an index scan the
//! leaves it visits and the versions it finds. More than two locks under one page, or
//! 31 under one table, are traded for a lock on the page or the table.

use std::collections::BTreeMap;

use super::{Ssi, SxactId};
use crate::engine::id::{IndexId, TableId, Tid};

/// `max_pred_locks_per_page`
const ROW_LOCKS_PER_PAGE_MAX: u32 = 2;
/// `max_pred_locks_per_relation` of -2: half of `max_pred_locks_per_transaction`, less one
const LOCKS_PER_RELATION_MAX: u32 = 31;

/// A table or an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Relation {
    Table(TableId),
    Index(IndexId),
}

/// What can be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Target {
    Relation(Relation),
    Page(Relation, u32),
    Row(TableId, Tid),
}

impl Target {
    pub(crate) fn relation(self) -> Relation {
        match self {
            Target::Relation(relation) | Target::Page(relation, _) => relation,
            Target::Row(table, _) => Relation::Table(table),
        }
    }

    /// The next coarser granule.
    pub(crate) fn parent(self) -> Option<Target> {
        match self {
            Target::Relation(_) => None,
            Target::Page(relation, _) => Some(Target::Relation(relation)),
            Target::Row(table, tid) => Some(Target::Page(Relation::Table(table), tid.block)),
        }
    }

    fn ancestors(self) -> impl Iterator<Item = Target> {
        std::iter::successors(self.parent(), |target| target.parent())
    }

    fn children_max(self) -> u32 {
        match self {
            Target::Relation(_) => LOCKS_PER_RELATION_MAX,
            Target::Page(..) => ROW_LOCKS_PER_PAGE_MAX,
            Target::Row(..) => 0,
        }
    }
}

/// What one transaction holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnLocks(BTreeMap<Target, OwnLock>);

#[derive(Clone, Copy, Debug, Default)]
struct OwnLock {
    is_held: bool,
    children: u32,
}

impl OwnLocks {
    fn holds(&self, target: Target) -> bool {
        self.0.get(&target).is_some_and(|lock| lock.is_held)
    }

    pub(crate) fn covers(&self, target: Target) -> bool {
        self.holds(target) || target.ancestors().any(|target| self.holds(target))
    }

    pub(crate) fn held(&self) -> impl Iterator<Item = Target> {
        self.0.iter().filter(|(_, lock)| lock.is_held).map(|(target, _)| *target)
    }

    /// Counts a new lock under its ancestors; answers the coarsest that has too many now.
    fn count_up(&mut self, target: Target) -> Option<Target> {
        let mut promote = None;
        for ancestor in target.ancestors() {
            let lock = self.0.entry(ancestor).or_default();
            lock.children += 1;
            if lock.children > ancestor.children_max() {
                promote = Some(ancestor);
            }
        }
        promote
    }

    fn count_down(&mut self, target: Target) {
        for ancestor in target.ancestors() {
            if let Some(lock) = self.0.get_mut(&ancestor) {
                lock.children = lock.children.saturating_sub(1);
                if lock.children == 0 && !lock.is_held {
                    self.0.remove(&ancestor);
                }
            }
        }
    }

    fn remove(&mut self, target: Target) {
        if let Some(lock) = self.0.get_mut(&target) {
            lock.is_held = false;
            if lock.children == 0 {
                self.0.remove(&target);
            }
        }
    }
}

impl Ssi {
    /// Takes a SIREAD lock.
    pub(crate) fn lock(&mut self, sxact: SxactId, target: Target) {
        let Some(holder) = self.sxacts.get_mut(&sxact) else { return };
        if holder.locks.covers(target) {
            return;
        }
        holder.locks.0.entry(target).or_default().is_held = true;
        let promote = holder.locks.count_up(target);
        self.targets.entry(target).or_default().push(sxact);
        match promote {
            Some(coarser) => {
                self.lock(sxact, coarser);
                // The coarser lock dropped its children, this one too.
            }
            None => self.drop_children(sxact, target),
        }
    }

    fn drop_children(&mut self, sxact: SxactId, target: Target) {
        if matches!(target, Target::Row(..)) {
            return;
        }
        let locks = &self.sxacts[&sxact].locks;
        let below: Vec<Target> =
            locks.held().filter(|held| held.ancestors().any(|ancestor| ancestor == target)).collect();
        for child in below {
            self.unlock(sxact, child);
        }
    }

    /// Gives a SIREAD lock back.
    pub(crate) fn unlock(&mut self, sxact: SxactId, target: Target) {
        if let Some(holder) = self.sxacts.get_mut(&sxact)
            && holder.locks.holds(target)
        {
            holder.locks.remove(target);
            holder.locks.count_down(target);
            self.forget(sxact, target);
        }
    }

    fn forget(&mut self, sxact: SxactId, target: Target) {
        if let Some(holders) = self.targets.get_mut(&target) {
            holders.retain(|holder| *holder != sxact);
            if holders.is_empty() {
                self.targets.remove(&target);
            }
        }
    }

    /// Gives every SIREAD lock of a transaction back.
    pub(crate) fn unlock_all(&mut self, sxact: SxactId) {
        let Some(holder) = self.sxacts.get_mut(&sxact) else { return };
        let locks = std::mem::take(&mut holder.locks);
        for target in locks.held() {
            self.forget(sxact, target);
        }
    }

    /// Who has a SIREAD lock on exactly this.
    pub(crate) fn holders(&self, target: Target) -> &[SxactId] {
        self.targets.get(&target).map_or(&[], Vec::as_slice)
    }

    /// An index leaf split: who read the old one has read the new one.
    pub(crate) fn leaf_split(&mut self, index: IndexId, old: u32, new: u32) {
        let relation = Relation::Index(index);
        for sxact in self.holders(Target::Page(relation, old)).to_vec() {
            self.lock(sxact, Target::Page(relation, new));
        }
    }

    /// Locks on a relation's parts, and on the relation, become locks on `to`.
    fn move_locks(&mut self, from: Relation, to: Relation) {
        let moved: Vec<(Target, Vec<SxactId>)> = self
            .targets
            .iter()
            .filter(|(target, _)| target.relation() == from)
            .map(|(target, holders)| (*target, holders.clone()))
            .collect();
        for (target, holders) in moved {
            for sxact in holders {
                if target != Target::Relation(to) {
                    self.unlock(sxact, target);
                }
                self.lock(sxact, Target::Relation(to));
            }
        }
    }

    /// An index was dropped: what was read through it counts as the table read.
    pub(crate) fn index_gone(&mut self, index: IndexId, table: TableId) {
        if !self.targets.is_empty() {
            self.move_locks(Relation::Index(index), Relation::Table(table));
        }
    }

    /// A table's rows get new places: what was read of it counts as the table read.
    pub(crate) fn table_rewritten(&mut self, table: TableId) {
        if !self.targets.is_empty() {
            self.move_locks(Relation::Table(table), Relation::Table(table));
        }
    }

    /// A table was dropped.
    pub(crate) fn forget_table(&mut self, table: TableId) {
        if self.targets.is_empty() {
            return;
        }
        let relation = Relation::Table(table);
        let gone: Vec<(Target, Vec<SxactId>)> = self
            .targets
            .iter()
            .filter(|(target, _)| target.relation() == relation)
            .map(|(target, holders)| (*target, holders.clone()))
            .collect();
        for (target, holders) in gone {
            for sxact in holders {
                self.unlock(sxact, target);
            }
        }
    }
}
