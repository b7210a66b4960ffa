//! Row versions, and the line pointers that hold them.

use crate::{
    engine::id::{CommandId, Tid, Xid},
    value::Row,
};

/// One version of a row.
#[derive(Clone, Debug)]
pub(crate) struct Tuple {
    /// who inserted it
    pub(crate) xmin: Xid,
    /// who updated or deleted it; [`Xid::NONE`] while nobody has. Lockers are elsewhere (`row_lock`).
    pub(crate) xmax: Xid,
    pub(crate) cmin: CommandId,
    pub(crate) cmax: CommandId,
    /// The newer version, if `xmax` updated it; itself, if it was deleted or is the newest.
    pub(crate) next: Tid,
    /// size on PostgreSQL's page, in bytes, with its line pointer
    pub(crate) size_bytes: u16,
    pub(crate) flags: TupleFlags,
    /// heap-only: the line pointer at which its chain begins
    pub(crate) root: u16,
    pub(crate) row: Row,
}

impl Tuple {
    /// Whether `xmax` (there is one) deleted the row.
    pub(crate) fn is_deleted(&self) -> bool {
        self.flags.has(TupleFlags::DELETED)
    }
}

/// Marks of a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TupleFlags(u8);

impl TupleFlags {
    /// Somebody may hold a row lock: look it up.
    pub(crate) const LOCKED: TupleFlags = TupleFlags(1);
    /// `xmax` deleted the row or changed its key.
    pub(crate) const KEY_CHANGED: TupleFlags = TupleFlags(2);
    /// No index points here: it is reached through the chain of its page (heap-only).
    pub(crate) const HEAP_ONLY: TupleFlags = TupleFlags(4);
    /// Its inserter rolled back; it only takes up space until pruned.
    pub(crate) const ABORTED: TupleFlags = TupleFlags(8);
    /// The newer version is heap-only.
    pub(crate) const HOT_UPDATED: TupleFlags = TupleFlags(16);
    /// `xmax` deleted the row rather than updating it.
    pub(crate) const DELETED: TupleFlags = TupleFlags(32);

    pub(crate) fn has(self, flag: TupleFlags) -> bool {
        self.0 & flag.0 != 0
    }

    pub(crate) fn set(&mut self, flag: TupleFlags, on: bool) {
        if on {
            self.0 |= flag.0;
        } else {
            self.0 &= !flag.0;
        }
    }
}

/// A line pointer.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    /// free for the next version
    Unused,
    /// its row is gone, but it is not given out again before VACUUM
    Dead,
    /// the chain goes on at this offset of the same page
    Redirect(u16),
    /// a version
    Tuple(Tuple),
}
