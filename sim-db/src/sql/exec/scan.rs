//! Scans of tables.

use crate::engine::{Direction, IndexScan, KeyRange, TableId, TableScan, Tid};
use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::plan::{Access, Scan, SystemColumn};
use crate::value::{Row, Value};
use std::ops::Bound;
use std::sync::Arc;

/// Where a scan is.
#[derive(Default)]
pub enum ScanState {
    /// Not open yet.
    #[default]
    Closed,
    /// In heap order.
    Table(TableScan),
    /// In index order.
    Index(IndexScan),
    /// Rows looked up one by one.
    Points(std::vec::IntoIter<(Tid, Row)>),
}

/// A row's place as a value.
pub fn place_value(tid: Tid) -> Value {
    Value::Int8(i64::from(tid.block) << 16 | i64::from(tid.offset))
}

/// The place that a value stands for.
pub fn place_of(value: &Value) -> Option<Tid> {
    value.as_i64().map(|n| Tid { block: (n >> 16) as u32, offset: n as u16 })
}

/// A stored row as wide as the table is now, with the system columns asked for.
pub fn widen(scan: &Scan, tid: Tid, row: Row) -> Row {
    layout(&scan.table, &scan.extra, tid, row)
}

/// As [`widen`], for a table and a list of system columns.
pub fn layout(table: &crate::sql::catalog::Table, extra: &[SystemColumn], tid: Tid, row: Row) -> Row {
    let width = table.columns.len();
    if extra.is_empty() && row.len() == width {
        return row;
    }
    let mut values = Vec::with_capacity(width + extra.len());
    values.extend_from_slice(&row[..row.len().min(width)]);
    for column in &table.columns[values.len()..] {
        values.push(column.missing.clone());
    }
    for column in extra {
        values.push(match column {
            SystemColumn::Place => place_value(tid),
            SystemColumn::Tableoid => Value::Oid(table.oid),
            SystemColumn::Ctid | SystemColumn::Xmin | SystemColumn::Xmax => Value::Null,
        });
    }
    values.into()
}

impl ScanState {
    async fn open(&mut self, scan: &Scan, exec: &mut Exec) -> Result<()> {
        let empty: Row = Arc::from([]);
        let session = exec.session()?.clone();
        let snapshot = exec.snapshot()?.clone();
        *self = match &scan.access {
            Access::Sequential => Self::Table(session.table_scan(TableId(scan.table.oid), &snapshot)?),
            Access::Index { index, equal, lower, upper, unique, backward, descending, .. } => {
                let mut prefix = Vec::with_capacity(equal.len());
                for expr in equal {
                    let value = expr.value(&empty, exec).await?;
                    if value.is_null() {
                        *self = Self::Points(Vec::new().into_iter());
                        return Ok(());
                    }
                    prefix.push(value);
                }
                // The upper levels may see an old row beside the transaction's own new one of the same key.
                if *unique && !session.transaction_options().isolation.keeps_snapshot() {
                    let found = session.index_lookup(*index, &prefix, &snapshot)?;
                    *self = Self::Points(found.into_iter().collect::<Vec<_>>().into_iter());
                    return Ok(());
                }
                let mut bound = async |side: &Option<(crate::sql::expr::Scalar, bool)>| -> Result<Option<Bound<Vec<Value>>>> {
                    let Some((expr, inclusive)) = side else {
                        let whole = if prefix.is_empty() { Bound::Unbounded } else { Bound::Included(prefix.clone()) };
                        return Ok(Some(whole));
                    };
                    let value = expr.value(&empty, exec).await?;
                    if value.is_null() {
                        return Ok(None);
                    }
                    let mut key = prefix.clone();
                    key.push(value);
                    Ok(Some(if *inclusive { Bound::Included(key) } else { Bound::Excluded(key) }))
                };
                let (low, high) = (bound(lower).await?, bound(upper).await?);
                let (Some(mut low), Some(mut high)) = (low, high) else {
                    *self = Self::Points(Vec::new().into_iter());
                    return Ok(());
                };
                if *descending {
                    std::mem::swap(&mut low, &mut high);
                }
                let direction = if *backward { Direction::Backward } else { Direction::Forward };
                Self::Index(session.index_scan(
                    *index,
                    KeyRange { lower: low, upper: high },
                    direction,
                    &snapshot,
                )?)
            }
            Access::Keys { index, array, .. } => {
                let Value::Array(array) = array.value(&empty, exec).await? else {
                    *self = Self::Points(Vec::new().into_iter());
                    return Ok(());
                };
                let mut keys: Vec<Value> =
                    array.values.iter().filter(|key| !key.is_null()).cloned().collect();
                keys.sort();
                keys.dedup();
                let mut rows = Vec::new();
                for key in keys {
                    let range = KeyRange::equal(vec![key]);
                    let mut found = session.index_scan(*index, range, Direction::Forward, &snapshot)?;
                    while let Some(row) = found.next()? {
                        rows.push(row);
                    }
                }
                Self::Points(rows.into_iter())
            }
            Access::Place(place) => {
                let place = place.value(&empty, exec).await?;
                let mut rows = Vec::new();
                if let Some(tid) = place_of(&place)
                    && let Some(row) = session.fetch(TableId(scan.table.oid), tid, &snapshot)?
                {
                    rows.push((tid, row));
                }
                Self::Points(rows.into_iter())
            }
        };
        Ok(())
    }

    /// The next row for which the scan's condition holds.
    ///
    /// # Errors
    ///
    /// Those of the condition; 40001.
    pub async fn next(&mut self, scan: &Scan, exec: &mut Exec) -> Result<Option<Row>> {
        if let Self::Closed = self {
            self.open(scan, exec).await?;
        }
        loop {
            let found = match self {
                Self::Closed => None,
                Self::Table(rows) => rows.next()?,
                Self::Index(rows) => rows.next()?,
                Self::Points(rows) => rows.next(),
            };
            let Some((tid, row)) = found else { return Ok(None) };
            exec.tick()?;
            let row = widen(scan, tid, row);
            match &scan.filter {
                Some(filter) if !filter.holds(&row, exec).await? => {}
                _ => return Ok(Some(row)),
            }
        }
    }
}
