//! Joins: the right side is hashed or kept once, or run anew for each left row.

use super::node::Node;
use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::expr::Scalar;
use crate::sql::plan::{Join, JoinKind};
use crate::value::{Row, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Where a join is.
pub struct JoinState {
    left: Node,
    /// The right rows, once they are kept.
    right: Option<Kept>,
    current: Option<Current>,
    /// Right and full joins: which right rows found a partner.
    matched: Vec<bool>,
    /// Place among the right rows without a partner, once the left side is done.
    unmatched: Option<usize>,
}

struct Kept {
    rows: Arc<Vec<Row>>,
    /// Places by key, for a hash join.
    by_key: Option<HashMap<Vec<Value>, Vec<usize>>>,
}

struct Current {
    row: Row,
    candidates: Candidates,
    found: bool,
}

enum Candidates {
    Places(std::vec::IntoIter<usize>),
    Lateral(Box<Node>),
}

fn padded(row: &Row, width: usize, out: &mut Vec<Value>) {
    out.extend_from_slice(&row[..row.len().min(width)]);
    for _ in row.len()..width {
        out.push(Value::Null);
    }
}

fn combined(join: &Join, left: Option<&Row>, right: Option<&Row>) -> Row {
    let mut values = Vec::with_capacity(join.left_width + join.right_width);
    match left {
        Some(row) => padded(row, join.left_width, &mut values),
        None => values.resize(join.left_width, Value::Null),
    }
    match right {
        Some(row) => padded(row, join.right_width, &mut values),
        None => values.resize(join.left_width + join.right_width, Value::Null),
    }
    values.into()
}

async fn key(exprs: &[Scalar], row: &Row, exec: &mut Exec) -> Result<Option<Vec<Value>>> {
    let mut key = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let value = expr.value(row, exec).await?;
        if value.is_null() {
            return Ok(None);
        }
        key.push(value);
    }
    Ok(Some(key))
}

impl JoinState {
    /// Prepares a join.
    ///
    /// # Errors
    ///
    /// Those of opening its sides.
    pub fn new(join: &Join, exec: &mut Exec) -> Result<Self> {
        let left = Node::new(&join.left, exec)?;
        Ok(Self { left, right: None, current: None, matched: Vec::new(), unmatched: None })
    }

    async fn keep_right(&mut self, join: &Join, exec: &mut Exec) -> Result<()> {
        let rows = super::collect(&join.right, exec, usize::MAX).await?;
        let mut by_key = None;
        if let Some((_, right_keys)) = &join.hash {
            let mut map: HashMap<Vec<Value>, Vec<usize>> = HashMap::new();
            for (at, row) in rows.iter().enumerate() {
                if let Some(key) = key(right_keys, row, exec).await? {
                    map.entry(key).or_default().push(at);
                }
            }
            by_key = Some(map);
        }
        self.matched = vec![false; rows.len()];
        self.right = Some(Kept { rows: Arc::new(rows), by_key });
        Ok(())
    }

    async fn start(&mut self, join: &Join, row: Row, exec: &mut Exec) -> Result<()> {
        if let Some(frame) = join.lateral {
            // The frame's row is numbered as the whole query's: what stands left of this join keeps its place.
            let mut values: Vec<Value> = exec.frames.get(frame).map_or_else(Vec::new, |row| row.to_vec());
            values.resize(join.base, Value::Null);
            padded(&row, join.left_width, &mut values);
            if exec.frames.len() <= frame {
                exec.frames.resize(frame + 1, Arc::new([]));
            }
            exec.frames[frame] = values.into();
            let node = Node::new(&join.right, exec)?;
            self.current =
                Some(Current { row, candidates: Candidates::Lateral(Box::new(node)), found: false });
            return Ok(());
        }
        if self.right.is_none() {
            self.keep_right(join, exec).await?;
        }
        let kept = self.right.as_ref().expect("kept above");
        let places: Vec<usize> = match (&kept.by_key, &join.hash) {
            (Some(map), Some((left_keys, _))) => match key(left_keys, &row, exec).await? {
                Some(key) => map.get(&key).cloned().unwrap_or_default(),
                None => Vec::new(),
            },
            _ => (0..kept.rows.len()).collect(),
        };
        self.current =
            Some(Current { row, candidates: Candidates::Places(places.into_iter()), found: false });
        Ok(())
    }

    /// The next row.
    ///
    /// # Errors
    ///
    /// Those of the sides and the condition.
    pub async fn next(&mut self, join: &Join, exec: &mut Exec) -> Result<Option<Row>> {
        loop {
            if let Some(at) = &mut self.unmatched {
                let rows = self.right.as_ref().expect("kept before the left side ended").rows.clone();
                while *at < rows.len() {
                    *at += 1;
                    if !self.matched[*at - 1] {
                        return Ok(Some(combined(join, None, Some(&rows[*at - 1]))));
                    }
                }
                return Ok(None);
            }
            let Some(current) = &mut self.current else {
                match self.left.next(exec).await? {
                    Some(row) => self.start(join, row, exec).await?,
                    None if matches!(join.kind, JoinKind::Right | JoinKind::Full) => {
                        if self.right.is_none() {
                            self.keep_right(join, exec).await?;
                        }
                        self.unmatched = Some(0);
                    }
                    None => return Ok(None),
                }
                continue;
            };
            let (candidate, place) = match &mut current.candidates {
                Candidates::Places(places) => match places.next() {
                    Some(at) => (Some(self.right.as_ref().expect("kept").rows[at].clone()), Some(at)),
                    None => (None, None),
                },
                Candidates::Lateral(node) => (node.next(exec).await?, None),
            };
            match candidate {
                Some(right) => {
                    exec.tick()?;
                    let row = combined(join, Some(&current.row), Some(&right));
                    if let Some(condition) = &join.condition
                        && !condition.holds(&row, exec).await?
                    {
                        continue;
                    }
                    current.found = true;
                    if let Some(at) = place {
                        self.matched[at] = true;
                    }
                    return Ok(Some(row));
                }
                None => {
                    let done = self.current.take().expect("checked above");
                    if !done.found && matches!(join.kind, JoinKind::Left | JoinKind::Full) {
                        return Ok(Some(combined(join, Some(&done.row), None)));
                    }
                }
            }
        }
    }
}
