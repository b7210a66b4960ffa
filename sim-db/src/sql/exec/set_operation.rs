//! `UNION`, `INTERSECT`, `EXCEPT`, and recursion.

use super::node::Node;
use super::sort::distinct;
use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::plan::{Plan, SetKind};
use crate::value::Row;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Combines two lists of rows.
pub fn run_set_operation(kind: SetKind, all: bool, left: Vec<Row>, right: Vec<Row>) -> Vec<Row> {
    if kind == SetKind::Union {
        let rows: Vec<Row> = left.into_iter().chain(right).collect();
        return if all { rows } else { distinct(rows) };
    }
    let mut counts: HashMap<Row, usize> = HashMap::new();
    for row in right {
        *counts.entry(row).or_default() += 1;
    }
    let keep_matched = kind == SetKind::Intersect;
    let mut rows = Vec::new();
    for row in left {
        let matched = match counts.get_mut(&row) {
            Some(count) if *count > 0 => {
                if all {
                    *count -= 1;
                }
                true
            }
            _ => false,
        };
        if matched == keep_matched {
            rows.push(row);
        }
    }
    if all { rows } else { distinct(rows) }
}

/// Where a recursion is.
#[derive(Default)]
pub struct RecursiveState {
    running: Option<Node>,
    started: bool,
    round: Vec<Row>,
    seen: HashSet<Row>,
}

impl RecursiveState {
    /// The next row; a round is run when the one before is used up.
    ///
    /// # Errors
    ///
    /// Those of the terms.
    pub async fn next(
        &mut self,
        id: usize,
        start: &Arc<Plan>,
        step: &Arc<Plan>,
        unique: bool,
        exec: &mut Exec,
    ) -> Result<Option<Row>> {
        if !self.started {
            self.started = true;
            self.running = Some(Node::new(start, exec)?);
        }
        loop {
            let Some(node) = &mut self.running else { return Ok(None) };
            match node.next(exec).await? {
                Some(row) => {
                    if unique && !self.seen.insert(row.clone()) {
                        continue;
                    }
                    self.round.push(row.clone());
                    return Ok(Some(row));
                }
                None => {
                    let round = std::mem::take(&mut self.round);
                    if round.is_empty() {
                        self.running = None;
                        return Ok(None);
                    }
                    exec.set_work_table(id, round);
                    self.running = Some(Node::new(step, exec)?);
                }
            }
        }
    }
}
