//! Execution: plans pulled row by row.

pub mod aggregate;
pub mod change;
pub mod foreign_key;
pub mod join;
pub mod node;
pub mod scan;
pub mod set_operation;
pub mod sort;
pub mod window;

use super::context::Exec;
use super::plan::Plan;
use crate::error::Result;
use crate::value::Row;
use node::Node;
use std::sync::Arc;

/// Runs a plan to its end, or to `limit` rows.
///
/// # Errors
///
/// Those of the plan.
pub async fn collect(plan: &Arc<Plan>, exec: &mut Exec, limit: usize) -> Result<Vec<Row>> {
    let mut node = Node::new(plan, exec)?;
    let mut rows = Vec::new();
    while rows.len() < limit {
        match node.next(exec).await? {
            Some(row) => rows.push(row),
            None => break,
        }
    }
    Ok(rows)
}
