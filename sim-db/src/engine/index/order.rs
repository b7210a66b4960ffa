//! The order of an index's keys.

use std::cmp::Ordering;

use crate::{engine::definition::KeyOrder, value::Value};

fn compare_column(order: KeyOrder, a: &Value, b: &Value) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if order.nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if order.nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if order.descending => b.cmp(a),
        (false, false) => a.cmp(b),
    }
}

/// Compares as many columns as both have.
pub(crate) fn compare_prefix(orders: &[KeyOrder], a: &[Value], b: &[Value]) -> Ordering {
    if orders.is_empty() {
        return a.iter().zip(b).map(|(a, b)| a.cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal);
    }
    let columns = a.iter().zip(b).zip(orders);
    columns.map(|((a, b), order)| compare_column(*order, a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}
