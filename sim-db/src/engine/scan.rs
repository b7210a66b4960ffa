//! Scans.

use std::ops::Bound;

use crate::{
    engine::id::Tid,
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
pub struct TableScan(());

impl TableScan {
    /// The next row.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<(Tid, Row)>> {
        todo!()
    }
}

/// A scan of an index. Other sessions may run between two rows.
pub struct IndexScan(());

impl IndexScan {
    /// The next row.
    ///
    /// # Errors
    /// 40001 at SERIALIZABLE.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<(Tid, Row)>> {
        todo!()
    }
}
