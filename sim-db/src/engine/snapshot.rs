//! Snapshots: which transactions a statement sees.
//!
//! A snapshot is the set of transactions in progress when it was taken. Aborted
//! transactions need no place in it: an abort undoes its versions at once, so whoever
//! is neither in progress nor too young has committed.
//!
//! Every snapshot is counted in a registry while it lives; the oldest one decides
//! which dead versions may be pruned. The registry has its own cell, because
//! snapshots are dropped at any moment, also while the state is borrowed.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use super::id::{CommandId, Xid};

/// What a statement sees. Cheap to clone; while one lives, what it sees is kept.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) data: Rc<SnapshotData>,
    /// Own changes by commands before this one are seen.
    pub(crate) command: CommandId,
}

/// The part of a snapshot that commands share.
pub(crate) struct SnapshotData {
    /// every older transaction has ended
    pub(crate) xmin: Xid,
    /// this and younger ones had not begun
    pub(crate) xmax: Xid,
    /// in progress, ascending
    pub(crate) in_progress: Vec<Xid>,
    registry: Rc<RefCell<SnapshotRegistry>>,
}

impl SnapshotData {
    pub(crate) fn new(
        xmin: Xid,
        xmax: Xid,
        in_progress: Vec<Xid>,
        registry: &Rc<RefCell<SnapshotRegistry>>,
    ) -> Rc<SnapshotData> {
        registry.borrow_mut().add(xmin);
        Rc::new(SnapshotData { xmin, xmax, in_progress, registry: Rc::clone(registry) })
    }

    /// Whether `xid` had not ended when the snapshot was taken.
    pub(crate) fn is_in_progress(&self, xid: Xid) -> bool {
        if xid < self.xmin {
            return false;
        }
        xid >= self.xmax || self.in_progress.binary_search(&xid).is_ok()
    }
}

impl Drop for SnapshotData {
    fn drop(&mut self) {
        self.registry.borrow_mut().remove(self.xmin);
    }
}

/// The living snapshots' `xmin`s. A later snapshot never has an older one, so a queue
/// of counts is enough.
#[derive(Default)]
pub(crate) struct SnapshotRegistry {
    living: VecDeque<(Xid, u32)>,
}

impl SnapshotRegistry {
    fn add(&mut self, xmin: Xid) {
        match self.living.back_mut() {
            Some((last, count)) if *last == xmin => *count += 1,
            Some((last, _)) if *last > xmin => {
                let at = self.living.partition_point(|(x, _)| *x < xmin);
                match self.living.get_mut(at) {
                    Some((x, count)) if *x == xmin => *count += 1,
                    _ => self.living.insert(at, (xmin, 1)),
                }
            }
            _ => self.living.push_back((xmin, 1)),
        }
    }

    fn remove(&mut self, xmin: Xid) {
        let at = self.living.partition_point(|(x, _)| *x < xmin);
        let (found, count) = self.living.get_mut(at).expect("a living snapshot is in the registry");
        assert_eq!(*found, xmin, "a living snapshot is in the registry under its xmin");
        *count -= 1;
        while self.living.front().is_some_and(|(_, count)| *count == 0) {
            self.living.pop_front();
        }
    }

    /// The oldest `xmin` of a living snapshot.
    pub(crate) fn oldest(&self) -> Option<Xid> {
        self.living.front().map(|(xmin, _)| *xmin)
    }
}
