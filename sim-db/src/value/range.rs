//! Range values.

use super::{Oid, Value};

/// A value of a range type; discrete ranges are kept canonical, `[lower, upper)`.
#[derive(Clone, Debug)]
pub struct RangeValue {
    /// Range type.
    pub type_oid: Oid,
    /// Whether it contains nothing; the other fields then mean nothing.
    pub empty: bool,
    /// Lower bound; `None` is unbounded.
    pub lower: Option<Value>,
    /// Upper bound; `None` is unbounded.
    pub upper: Option<Value>,
    /// Whether the lower bound belongs to the range.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to the range.
    pub upper_inclusive: bool,
}
