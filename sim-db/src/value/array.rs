//! Arrays: elements in row-major order with PostgreSQL's dimensions and lower bounds.

use super::{Oid, Value};

/// An array of any number of dimensions; none when it is empty.
#[derive(Clone, Debug)]
pub struct ArrayValue {
    /// Element type.
    pub element: Oid,
    /// `(length, lower bound)` of each dimension.
    pub dimensions: Vec<(usize, i32)>,
    /// Elements, last dimension fastest.
    pub values: Vec<Value>,
}

impl ArrayValue {
    /// A one-dimensional array starting at 1 (no dimension when `values` is empty).
    pub fn from_values(element: Oid, values: Vec<Value>) -> Self {
        let dimensions = if values.is_empty() { Vec::new() } else { vec![(values.len(), 1)] };
        Self { element, dimensions, values }
    }

    /// The element at `subscripts`, one a dimension; `None` outside the bounds or for a wrong count.
    pub fn get(&self, subscripts: &[i32]) -> Option<&Value> {
        if subscripts.len() != self.dimensions.len() {
            return None;
        }
        let mut offset = 0;
        for (&subscript, &(length, lower)) in subscripts.iter().zip(&self.dimensions) {
            let index = usize::try_from(i64::from(subscript) - i64::from(lower)).ok()?;
            if index >= length {
                return None;
            }
            offset = offset * length + index;
        }
        self.values.get(offset)
    }
}
