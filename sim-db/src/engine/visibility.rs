//! Who sees which version.
//!
//! Aborted versions are marked or gone, so three answers about a transaction are
//! enough: it is ours, it was in progress when the snapshot was taken, or it had
//! committed.

use super::{
    heap::{Tuple, TupleFlags},
    id::{CommandId, Xid},
    snapshot::SnapshotData,
};

/// Whether `xid` is one of `own` (ascending).
pub(crate) fn is_own(own: &[Xid], xid: Xid) -> bool {
    match own {
        [] => false,
        [only] => *only == xid,
        many => many.binary_search(&xid).is_ok(),
    }
}

/// Whether a snapshot sees a version. `own` are the reader's transaction and living subtransactions.
pub(crate) fn is_visible(tuple: &Tuple, snapshot: &SnapshotData, command: CommandId, own: &[Xid]) -> bool {
    if tuple.flags.has(TupleFlags::ABORTED) {
        return false;
    }
    if is_own(own, tuple.xmin) {
        if tuple.cmin >= command {
            return false;
        }
    } else if snapshot.is_in_progress(tuple.xmin) {
        return false;
    }
    if !tuple.xmax.is_some() {
        return true;
    }
    if is_own(own, tuple.xmax) {
        return tuple.cmax >= command;
    }
    snapshot.is_in_progress(tuple.xmax)
}

/// What an UPDATE, DELETE or row lock finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpdateState {
    /// the command should not know of it: too new
    Invisible,
    /// nobody changed it (locks aside)
    Current,
    /// a transaction in progress changed it
    BeingChanged(Xid),
    /// a committed transaction replaced it
    Updated,
    /// a committed transaction deleted it
    Deleted,
    /// this transaction changed it, in this command or a later one
    SelfChanged,
}

/// Judges a version for a change by `command` of the transaction with `own`. `is_active` tells of a foreign
/// transaction whether it is in progress.
pub(crate) fn update_state(
    tuple: &Tuple,
    command: CommandId,
    own: &[Xid],
    is_active: impl Fn(Xid) -> bool,
) -> UpdateState {
    if tuple.flags.has(TupleFlags::ABORTED) {
        return UpdateState::Invisible;
    }
    if is_own(own, tuple.xmin) {
        if tuple.cmin >= command {
            return UpdateState::Invisible;
        }
    } else if is_active(tuple.xmin) {
        return UpdateState::Invisible;
    }
    if !tuple.xmax.is_some() {
        return UpdateState::Current;
    }
    if is_own(own, tuple.xmax) {
        return if tuple.cmax >= command { UpdateState::SelfChanged } else { UpdateState::Invisible };
    }
    if is_active(tuple.xmax) {
        UpdateState::BeingChanged(tuple.xmax)
    } else if tuple.is_deleted() {
        UpdateState::Deleted
    } else {
        UpdateState::Updated
    }
}
