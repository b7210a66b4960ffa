//! Range values.

use super::{Oid, Value, oid};
use crate::error::{DatabaseError, Result, SqlState};

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

/// The value after, for discrete subtypes.
fn successor(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Int4(n) => Value::Int4(n.checked_add(1)?),
        Value::Int8(n) => Value::Int8(n.checked_add(1)?),
        Value::Date(days) if *days != i32::MAX && *days != i32::MIN => Value::Date(days.checked_add(1)?),
        _ => return None,
    })
}

impl RangeValue {
    /// The empty range of a type.
    pub fn empty(type_oid: Oid) -> Self {
        let (lower, upper) = (None, None);
        Self { type_oid, empty: true, lower, upper, lower_inclusive: false, upper_inclusive: false }
    }

    /// A range of bounds, made canonical.
    ///
    /// # Errors
    ///
    /// 22000 when the lower bound is above the upper one, 22003 when a discrete bound overflows.
    pub fn new(
        type_oid: Oid,
        lower: Option<Value>,
        upper: Option<Value>,
        lower_inclusive: bool,
        upper_inclusive: bool,
    ) -> Result<Self> {
        if let (Some(low), Some(high)) = (&lower, &upper)
            && low > high
        {
            let message = "range lower bound must be less than or equal to range upper bound";
            return Err(DatabaseError::new(SqlState(*b"22000"), message));
        }
        let mut range = Self {
            type_oid,
            empty: false,
            lower_inclusive: lower_inclusive && lower.is_some(),
            upper_inclusive: upper_inclusive && upper.is_some(),
            lower,
            upper,
        };
        if matches!(type_oid, oid::INT4RANGE | oid::INT8RANGE | oid::DATERANGE) {
            let overflow = || {
                let name = if type_oid == oid::INT4RANGE { "integer" } else { "bigint" };
                DatabaseError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{name} out of range"))
            };
            if let Some(low) = &range.lower
                && !range.lower_inclusive
            {
                range.lower = Some(successor(low).ok_or_else(overflow)?);
                range.lower_inclusive = true;
            }
            if let Some(high) = &range.upper
                && range.upper_inclusive
            {
                range.upper = Some(successor(high).ok_or_else(overflow)?);
                range.upper_inclusive = false;
            }
        }
        if let (Some(low), Some(high)) = (&range.lower, &range.upper)
            && (low > high || (low == high && !(range.lower_inclusive && range.upper_inclusive)))
        {
            return Ok(Self::empty(type_oid));
        }
        Ok(range)
    }

    /// Whether a value of the subtype lies in it.
    pub fn contains(&self, value: &Value) -> bool {
        !self.empty
            && self
                .lower
                .as_ref()
                .is_none_or(|low| if self.lower_inclusive { low <= value } else { low < value })
            && self
                .upper
                .as_ref()
                .is_none_or(|high| if self.upper_inclusive { value <= high } else { value < high })
    }

    /// Whether the two have a value in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        fn reaches(a: &RangeValue, b: &RangeValue) -> bool {
            match (&a.lower, &b.upper) {
                (Some(low), Some(high)) if a.lower_inclusive && b.upper_inclusive => low <= high,
                (Some(low), Some(high)) => low < high,
                _ => true,
            }
        }
        !self.empty && !other.empty && reaches(self, other) && reaches(other, self)
    }

    /// Whether every value of `other` lies in it.
    pub fn contains_range(&self, other: &Self) -> bool {
        if other.empty {
            return true;
        }
        let lower = match (&self.lower, &other.lower) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(a), Some(b)) => a < b || (a == b && (self.lower_inclusive || !other.lower_inclusive)),
        };
        let upper = match (&self.upper, &other.upper) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(a), Some(b)) => b < a || (a == b && (self.upper_inclusive || !other.upper_inclusive)),
        };
        !self.empty && lower && upper
    }
}
