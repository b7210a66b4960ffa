//! Serializable snapshot isolation, as PostgreSQL 15's.
//!
//! Reads leave SIREAD locks ([`target`]), which block nobody. A write that meets one, or
//! a read that meets a version it cannot see, is a read-write conflict ([`conflict`]);
//! two in a row may be an anomaly, and somebody fails with 40001. Which one, and at
//! which statement, follows PostgreSQL's `predicate.c` in every test it makes.
//! [`lifecycle`] is how transactions come and go.
//!
//! What it does not have is PostgreSQL's summarised past of transactions that no longer
//! fit shared memory: memory here grows instead.

mod conflict;
mod lifecycle;
mod target;

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use target::OwnLocks;
pub(crate) use target::{Relation, Target};

use super::{
    heap::Tuple,
    id::{IndexId, TableId, Tid, Xid},
    lock::ProcId,
    snapshot::SnapshotData,
    state::State,
    visibility::is_own,
};
use crate::error::Result;

/// A serializable transaction; never used again.
pub(crate) type SxactId = u64;

/// A place in the order of commits; 0 is before all.
type CommitNumber = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Flag {
    /// its place among the commits is taken; it cannot fail any more
    Prepared = 1,
    Committed = 2,
    RolledBack = 4,
    /// it has to fail at its next step
    Doomed = 8,
    /// it conflicts out to one that committed before it
    ConflictOut = 16,
    /// declared so, or committed without writing
    ReadOnly = 32,
    /// no anomaly can come of its snapshot
    Safe = 64,
    /// an anomaly can come of its snapshot
    Unsafe = 128,
}

/// A serializable transaction, running or remembered.
pub(crate) struct Sxact {
    proc: ProcId,
    snapshot: Rc<SnapshotData>,
    flags: u16,
    prepared_at: CommitNumber,
    committed_at: CommitNumber,
    last_commit_before_snapshot: CommitNumber,
    earliest_out_commit: CommitNumber,
    /// who wrote what this one read
    out_conflicts: Vec<SxactId>,
    /// who read what this one wrote
    in_conflicts: Vec<SxactId>,
    /// read-only: the writers that may yet make its snapshot unsafe
    watches: Vec<SxactId>,
    /// writer: the read-only ones that watch it
    watched_by: Vec<SxactId>,
    locks: OwnLocks,
    did_write: bool,
    /// it had an id before it had a snapshot
    has_early_xid: bool,
    finished_before: Xid,
    top_xid: Xid,
    xids: Vec<Xid>,
}

impl Sxact {
    fn new(proc: ProcId, snapshot: Rc<SnapshotData>, last_commit_before_snapshot: CommitNumber) -> Sxact {
        Sxact {
            proc,
            snapshot,
            flags: 0,
            prepared_at: 0,
            committed_at: 0,
            last_commit_before_snapshot,
            earliest_out_commit: 0,
            out_conflicts: Vec::new(),
            in_conflicts: Vec::new(),
            watches: Vec::new(),
            watched_by: Vec::new(),
            locks: OwnLocks::default(),
            did_write: false,
            has_early_xid: false,
            finished_before: Xid::NONE,
            top_xid: Xid::NONE,
            xids: Vec::new(),
        }
    }

    fn is(&self, flag: Flag) -> bool {
        self.flags & flag as u16 != 0
    }

    fn set(&mut self, flag: Flag) {
        self.flags |= flag as u16;
    }
}

/// Every serializable transaction that still matters.
#[derive(Default)]
pub(crate) struct Ssi {
    sxacts: BTreeMap<SxactId, Sxact>,
    by_xid: BTreeMap<Xid, SxactId>,
    targets: BTreeMap<Target, Vec<SxactId>>,
    /// committed ones, in order
    finished: VecDeque<SxactId>,
    next_id: SxactId,
    /// running ones not declared read-only
    writers: u32,
    last_commit: CommitNumber,
    clear_through: CommitNumber,
    cleared_through: CommitNumber,
    /// the oldest `xmin` of a running one, and how many have it
    oldest_xmin: Option<(Xid, u32)>,
}

impl Ssi {
    fn get(&self, id: SxactId) -> &Sxact {
        self.sxacts.get(&id).expect("conflicts are removed with the transaction they name")
    }

    fn get_mut(&mut self, id: SxactId) -> &mut Sxact {
        self.sxacts.get_mut(&id).expect("conflicts are removed with the transaction they name")
    }

    /// SIREAD locks for `pg_locks`.
    pub(crate) fn list(&self) -> Vec<(&'static str, TableId, Option<Tid>, ProcId)> {
        let mut all = Vec::new();
        for (target, holders) in &self.targets {
            let (kind, tid) = match *target {
                Target::Relation(_) => ("relation", None),
                Target::Page(_, block) => ("page", Some(Tid { block, offset: 0 })),
                Target::Row(_, tid) => ("tuple", Some(tid)),
            };
            let table = match target.relation() {
                Relation::Table(table) => table,
                Relation::Index(index) => TableId(index.0),
            };
            let running = holders.iter().map(|id| self.get(*id)).filter(|sxact| !sxact.is(Flag::Committed));
            all.extend(running.map(|sxact| (kind, table, tid, sxact.proc)));
        }
        all
    }
}

/// What reads and writes tell it. All of it is free for transactions that are not serializable.
impl State {
    fn watched_on(&mut self, proc: ProcId, table: TableId) -> Option<SxactId> {
        self.transaction(proc).sxact?;
        if self.store.table(table).session.is_some() {
            return None;
        }
        self.watched(proc)
    }

    /// The whole table is about to be read.
    pub(crate) fn ssi_read_table(&mut self, proc: ProcId, table: TableId) {
        if let Some(sxact) = self.watched_on(proc, table) {
            self.ssi.lock(sxact, Target::Relation(Relation::Table(table)));
        }
    }

    /// A leaf of an index is about to be read; `None`: the index has none yet.
    pub(crate) fn ssi_read_leaf(&mut self, proc: ProcId, table: TableId, index: IndexId, leaf: Option<u32>) {
        if let Some(sxact) = self.watched_on(proc, table) {
            let relation = Relation::Index(index);
            self.ssi
                .lock(sxact, leaf.map_or(Target::Relation(relation), |leaf| Target::Page(relation, leaf)));
        }
    }

    /// A visible version was found through an index.
    pub(crate) fn ssi_read_row(&mut self, proc: ProcId, table: TableId, tid: Tid, xmin: Xid) {
        if let Some(sxact) = self.watched_on(proc, table)
            && !is_own(self.own(proc), xmin)
        {
            self.ssi.lock(sxact, Target::Row(table, tid));
        }
    }

    /// A version was looked at: whoever wrote it after the snapshot, or replaced it, is a conflict.
    ///
    /// # Errors
    /// 40001.
    pub(crate) fn ssi_saw(&mut self, proc: ProcId, table: TableId, writer: Xid) -> Result<()> {
        let Some(me) = self.watched_on(proc, table) else { return Ok(()) };
        let mine = self.ssi.get(me);
        if mine.is(Flag::Doomed) {
            return Err(conflict::pivot("during conflict out checking"));
        }
        if !writer.is_some() {
            return Ok(());
        }
        let Some(other) = self.ssi.by_xid.get(&writer).copied() else { return Ok(()) };
        if other == me {
            return Ok(());
        }
        let theirs = self.ssi.get(other);
        if theirs.is(Flag::RolledBack) {
            return Ok(());
        }
        let is_harmless = mine.is(Flag::ReadOnly)
            && theirs.is(Flag::Committed)
            && (!theirs.is(Flag::ConflictOut)
                || mine.last_commit_before_snapshot < theirs.earliest_out_commit);
        if is_harmless || !mine.snapshot.is_in_progress(writer) {
            return Ok(());
        }
        self.ssi.flag_conflict(me, other, me)
    }

    /// Something is about to be written: the row, the leaf, and whatever contains them.
    ///
    /// # Errors
    /// 40001.
    pub(crate) fn ssi_write(&mut self, proc: ProcId, table: TableId, target: Target) -> Result<()> {
        let Some(me) = self.watched_on(proc, table) else { return Ok(()) };
        if self.ssi.get(me).is(Flag::Doomed) {
            return Err(conflict::pivot("during conflict in checking"));
        }
        self.ssi.get_mut(me).did_write = true;
        let in_subtransaction = self.transaction(proc).levels.len() > 1;
        let mut at = Some(target);
        while let Some(target) = at {
            self.ssi_write_one(me, target, in_subtransaction)?;
            at = target.parent();
        }
        Ok(())
    }

    /// Every row of a table is about to go (TRUNCATE, DROP): whoever read any of it is a conflict.
    ///
    /// # Errors
    /// 40001.
    pub(crate) fn ssi_write_whole(&mut self, proc: ProcId, table: TableId) -> Result<()> {
        let Some(me) = self.watched_on(proc, table) else { return Ok(()) };
        self.ssi.get_mut(me).did_write = true;
        let indexes = &self.store.table(table).indexes;
        let concerns = |target: &Target| match target.relation() {
            Relation::Table(id) => id == table,
            Relation::Index(id) => indexes.contains(&id),
        };
        let targets = self.ssi.targets.iter().filter(|(target, _)| concerns(target));
        let mut readers: Vec<SxactId> = targets.flat_map(|(_, holders)| holders.iter().copied()).collect();
        readers.sort_unstable();
        readers.dedup();
        for reader in readers.into_iter().filter(|reader| *reader != me) {
            self.ssi.flag_conflict(reader, me, me)?;
        }
        Ok(())
    }

    fn ssi_write_one(&mut self, me: SxactId, target: Target, in_subtransaction: bool) -> Result<()> {
        if self.ssi.holders(target).is_empty() {
            return Ok(());
        }
        let mut holds_itself = false;
        for reader in self.ssi.holders(target).to_vec() {
            if reader == me {
                holds_itself = true;
                continue;
            }
            let other = self.ssi.get(reader);
            let overlaps =
                !other.is(Flag::Committed) || self.ssi.get(me).snapshot.xmin < other.finished_before;
            if !other.is(Flag::Doomed) && overlaps {
                self.ssi.flag_conflict(reader, me, me)?;
            }
        }
        if holds_itself && !in_subtransaction && matches!(target, Target::Row(..)) {
            // The write lock says more than the read lock.
            self.ssi.unlock(me, target);
        }
        Ok(())
    }

    /// The version's writer that a reader may conflict with: who replaced it, if it is seen, or else who wrote it.
    pub(crate) fn writer_to_check(tuple: &Tuple, is_visible: bool) -> Xid {
        if is_visible { tuple.xmax } else { tuple.xmin }
    }
}
