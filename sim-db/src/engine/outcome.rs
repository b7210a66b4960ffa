//! What the row operations answer.

use crate::{engine::id::Tid, value::Row};

/// Answer of [`Session::lock_row`](crate::engine::Session::lock_row).
#[derive(Clone, Debug)]
pub enum LockRowOutcome {
    /// Locked; the row is as the snapshot saw it.
    Locked,
    /// Read committed only: somebody changed the row meanwhile. Its newest version is
    /// locked: apply WHERE to it again.
    Changed {
        /// where the newest version is
        tid: Tid,
        /// the newest version
        row: Row,
    },
    /// Read committed only: somebody deleted the row. It is not locked: leave it out.
    Deleted,
    /// [`WaitPolicy::Skip`](crate::engine::WaitPolicy::Skip) only: somebody holds it.
    Skipped,
    /// This very command (or a function it called) changed the row already: leave it out.
    SelfModified,
}

/// Answer of [`Session::update`](crate::engine::Session::update).
#[derive(Clone, Debug)]
pub enum UpdateOutcome {
    /// Done; the new version is here.
    Updated(Tid),
    /// Read committed only: as [`LockRowOutcome::Changed`]; nothing was written. Apply
    /// WHERE to it again, compute the new row from it and update *it*.
    Changed {
        /// where the newest version is
        tid: Tid,
        /// the newest version, locked
        row: Row,
    },
    /// Read committed only: somebody deleted the row: leave it out.
    Deleted,
    /// This very command changed the row already: leave it out.
    SelfModified,
}

/// Answer of [`Session::delete`](crate::engine::Session::delete).
#[derive(Clone, Debug)]
pub enum DeleteOutcome {
    /// Done.
    Done,
    /// Read committed only: as [`UpdateOutcome::Changed`]; nothing was deleted.
    Changed {
        /// where the newest version is
        tid: Tid,
        /// the newest version, locked
        row: Row,
    },
    /// Read committed only: somebody else deleted it: leave it out.
    Deleted,
    /// This very command changed the row already: leave it out.
    SelfModified,
}

/// What ON CONFLICT does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConflictAction {
    /// DO NOTHING
    Nothing,
    /// DO UPDATE
    Update,
}

/// Answer of [`Session::insert_or_conflict`](crate::engine::Session::insert_or_conflict).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertOutcome {
    /// Inserted here.
    Inserted(Tid),
    /// A row with this key is there already. For DO NOTHING leave the new row out;
    /// for DO UPDATE go on with
    /// [`lock_conflict`](crate::engine::Session::lock_conflict).
    Conflict(Tid),
}

/// Answer of [`Session::lock_conflict`](crate::engine::Session::lock_conflict).
#[derive(Clone, Debug)]
pub enum LockConflictOutcome {
    /// The existing row, locked: apply DO UPDATE's WHERE and SET to it, then `update` it.
    Locked(Row),
    /// It changed or vanished meanwhile: call `insert_or_conflict` again.
    Retry,
}
