//! Sorting and removing duplicates.

use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::plan::SortKey;
use crate::value::{Row, Value};
use std::cmp::Ordering;
use std::collections::HashSet;

/// Compares two values in a direction; `NULL`s where they are wanted.
pub fn compare(a: &Value, b: &Value, descending: bool, nulls_first: bool) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) if nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if descending => b.cmp(a),
        (false, false) => a.cmp(b),
    }
}

/// Compares two keys.
pub fn compare_keys(a: &[Value], b: &[Value], directions: &[(bool, bool)]) -> Ordering {
    for ((x, y), (descending, nulls_first)) in a.iter().zip(b).zip(directions) {
        let order = compare(x, y, *descending, *nulls_first);
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Sorts rows; equal ones keep their order.
///
/// # Errors
///
/// Those of the keys.
pub async fn sort_rows(rows: Vec<Row>, keys: &[SortKey], exec: &mut Exec) -> Result<Vec<Row>> {
    let directions: Vec<(bool, bool)> = keys.iter().map(|key| (key.descending, key.nulls_first)).collect();
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(key.expr.value(&row, exec).await?);
        }
        keyed.push((values, row));
    }
    keyed.sort_by(|(a, _), (b, _)| compare_keys(a, b, &directions));
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

/// The first of each set of equal rows.
pub fn distinct(rows: Vec<Row>) -> Vec<Row> {
    let mut seen: HashSet<Row> = HashSet::new();
    rows.into_iter().filter(|row| seen.insert(row.clone())).collect()
}
