//! Snapshots.

use std::rc::Rc;

/// What a statement sees. Cheap to clone; while one lives, what it sees is kept.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) _data: Rc<()>,
}
