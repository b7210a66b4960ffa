//! The nodes of a running plan.

use super::aggregate::run_aggregation;
use super::change::run_change;
use super::join::JoinState;
use super::scan::ScanState;
use super::set_operation::{RecursiveState, run_set_operation};
use super::sort::{distinct, sort_rows};
use super::window::run_windows;
use crate::error::Result;
use crate::sql::context::{CteState, Exec};
use crate::sql::error::error;
use crate::sql::eval;
use crate::sql::expr::Expr;
use crate::sql::function::{BoxFuture, Kind};
use crate::sql::plan::{FunctionCall, Plan};
use crate::value::{Row, Value};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A running plan: what it is, and where it is.
pub struct Node {
    plan: Arc<Plan>,
    state: State,
}

enum State {
    /// Rows made at once, given out one by one.
    Rows(std::vec::IntoIter<Row>),
    /// Not run yet: makes its rows at the first pull.
    Pending,
    /// One row to come.
    Once(bool),
    /// Place in a list of expression rows.
    Values(usize),
    Scan(Box<ScanState>),
    Input(Box<Node>),
    Join(Box<JoinState>),
    /// Input, rows still to skip, rows still to give, last row for ties.
    Limit(Box<Node>, Option<(u64, Option<u64>)>, Option<Row>),
    /// Input, rows of the current input row.
    Sets(Box<Node>, std::vec::IntoIter<Row>),
    /// Input, key of the last row given.
    DistinctOn(Box<Node>, Option<Vec<Value>>),
    Recursive(Box<RecursiveState>),
    Cte(usize),
}

impl Node {
    /// Prepares a plan to be run.
    ///
    /// # Errors
    ///
    /// Those of opening scans.
    pub fn new(plan: &Arc<Plan>, exec: &mut Exec) -> Result<Self> {
        let state = match &**plan {
            Plan::OneRow => State::Once(true),
            Plan::Values(_) => State::Values(0),
            Plan::Scan(_) => State::Scan(Box::default()),
            Plan::System(..)
            | Plan::Function(..)
            | Plan::Sort(..)
            | Plan::Aggregate(_)
            | Plan::Window(..)
            | Plan::Distinct(_)
            | Plan::SetOperation(..)
            | Plan::Modify(_) => State::Pending,
            Plan::WorkTable(id) => State::Rows(exec.work_table(*id).as_ref().clone().into_iter()),
            Plan::Cte(..) => State::Cte(0),
            Plan::Filter(input, _) | Plan::Project(input, _) | Plan::LockRows(input, ..) => {
                State::Input(Box::new(Self::new(input, exec)?))
            }
            Plan::ProjectSet(input, ..) => {
                State::Sets(Box::new(Self::new(input, exec)?), Vec::new().into_iter())
            }
            Plan::Join(join) => State::Join(Box::new(JoinState::new(join, exec)?)),
            Plan::Limit(input, ..) => State::Limit(Box::new(Self::new(input, exec)?), None, None),
            Plan::DistinctOn(input, _) => State::DistinctOn(Box::new(Self::new(input, exec)?), None),
            Plan::Recursive(..) => State::Recursive(Box::default()),
            Plan::With(ctes, body) => {
                for cte in ctes {
                    exec.open_cte(cte.id, CteState::new(cte.plan.clone(), cte.modifies));
                }
                State::Input(Box::new(Self::new(body, exec)?))
            }
        };
        Ok(Self { plan: plan.clone(), state })
    }

    /// The next row.
    ///
    /// # Errors
    ///
    /// Those of the plan.
    pub fn next<'a>(&'a mut self, exec: &'a mut Exec) -> BoxFuture<'a, Result<Option<Row>>> {
        Box::pin(self.advance(exec))
    }

    async fn advance(&mut self, exec: &mut Exec) -> Result<Option<Row>> {
        exec.tick()?;
        let plan = self.plan.clone();
        match (&mut self.state, &*plan) {
            (State::Rows(rows), _) => Ok(rows.next()),
            (State::Once(left), _) => Ok(std::mem::replace(left, false).then(|| Arc::from([]))),
            (State::Values(at), Plan::Values(rows)) => {
                let Some(exprs) = rows.get(*at) else { return Ok(None) };
                *at += 1;
                let empty: Row = Arc::from([]);
                let mut values = Vec::with_capacity(exprs.len());
                for expr in exprs {
                    values.push(expr.value(&empty, exec).await?);
                }
                Ok(Some(values.into()))
            }
            (State::Scan(scan), Plan::Scan(plan)) => scan.next(plan, exec).await,
            (State::Input(input), Plan::Filter(_, condition)) => {
                while let Some(row) = input.next(exec).await? {
                    if condition.holds(&row, exec).await? {
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
            (State::Input(input), Plan::Project(_, exprs)) => {
                let Some(row) = input.next(exec).await? else { return Ok(None) };
                let mut values = Vec::with_capacity(exprs.len());
                for expr in exprs {
                    values.push(expr.value(&row, exec).await?);
                }
                Ok(Some(values.into()))
            }
            (State::Input(input), Plan::LockRows(_, targets, recheck)) => {
                while let Some(row) = input.next(exec).await? {
                    if let Some(row) = super::change::lock_row(row, targets, recheck.as_ref(), exec).await? {
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
            (State::Input(input), Plan::With(ctes, _)) => {
                for cte in ctes.iter().filter(|cte| cte.modifies) {
                    exec.finish_cte(cte.id).await?;
                }
                input.next(exec).await
            }
            (State::Join(join), Plan::Join(plan)) => join.next(plan, exec).await,
            (State::Limit(input, left, last), Plan::Limit(_, limit, offset, ties)) => {
                if left.is_none() {
                    let empty: Row = Arc::from([]);
                    let mut count = async |scalar: &Option<crate::sql::expr::Scalar>,
                                           code: &'static [u8; 5],
                                           name: &str|
                           -> Result<Option<u64>> {
                        let Some(scalar) = scalar else { return Ok(None) };
                        match scalar.value(&empty, exec).await?.as_i64() {
                            None => Ok(None),
                            Some(n) => u64::try_from(n)
                                .map(Some)
                                .map_err(|_| error(code, format!("{name} must not be negative"))),
                        }
                    };
                    let skip = count(offset, b"2201X", "OFFSET").await?.unwrap_or(0);
                    let give = count(limit, b"2201W", "LIMIT").await?;
                    *left = Some((skip, give));
                }
                let (skip, give) = left.as_mut().expect("set above");
                while *skip > 0 && *give != Some(0) {
                    if input.next(exec).await?.is_none() {
                        return Ok(None);
                    }
                    *skip -= 1;
                }
                if *give == Some(0) {
                    if let (Some(keys), Some(last)) = (ties, last.as_ref())
                        && let Some(row) = input.next(exec).await?
                    {
                        for key in keys {
                            if key.expr.value(&row, exec).await? != key.expr.value(last, exec).await? {
                                return Ok(None);
                            }
                        }
                        return Ok(Some(row));
                    }
                    return Ok(None);
                }
                let row = input.next(exec).await?;
                if let Some(give) = give {
                    *give -= 1;
                    if *give == 0 {
                        last.clone_from(&row);
                    }
                }
                Ok(row)
            }
            (State::Sets(input, rows), Plan::ProjectSet(_, exprs, sets)) => loop {
                if let Some(row) = rows.next() {
                    return Ok(Some(row));
                }
                let Some(row) = input.next(exec).await? else { return Ok(None) };
                let mut lists = Vec::with_capacity(sets.len());
                for set in sets {
                    lists.push(set_rows(&set.expr, &row, exec).await?);
                }
                let count = lists.iter().map(Vec::len).max().unwrap_or(0);
                let mut made = Vec::with_capacity(count);
                for at in 0..count {
                    let mut values = Vec::with_capacity(exprs.len());
                    for scalar in exprs {
                        let mut expr = scalar.expr.clone();
                        expr.rewrite(&mut |part| {
                            if let Expr::SetReturning(index) = part {
                                let value = lists[*index].get(at).and_then(|row| row.first()).cloned();
                                *part = Expr::Const(value.unwrap_or_default());
                            }
                        });
                        values.push(eval::eval_async(&expr, &row, exec).await?);
                    }
                    made.push(values.into());
                }
                *rows = made.into_iter();
            },
            (State::DistinctOn(input, last), Plan::DistinctOn(_, keys)) => {
                while let Some(row) = input.next(exec).await? {
                    let mut key = Vec::with_capacity(keys.len());
                    for expr in keys {
                        key.push(expr.value(&row, exec).await?);
                    }
                    if last.as_ref() != Some(&key) {
                        *last = Some(key);
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
            (State::Recursive(state), Plan::Recursive(id, start, step, distinct)) => {
                state.next(*id, start, step, *distinct, exec).await
            }
            (State::Cte(at), Plan::Cte(id, _)) => {
                let row = exec.cte_row(*id, *at).await?;
                *at += 1;
                Ok(row)
            }
            (State::Pending, plan) => {
                let rows = make_rows(plan, exec).await?;
                let mut rows = rows.into_iter();
                let first = rows.next();
                self.state = State::Rows(rows);
                Ok(first)
            }
            _ => Err(crate::error::DatabaseError::internal("a plan node in a state of another")),
        }
    }
}

async fn input_rows(plan: &Arc<Plan>, exec: &mut Exec) -> Result<Vec<Row>> {
    super::collect(plan, exec, usize::MAX).await
}

async fn make_rows(plan: &Plan, exec: &mut Exec) -> Result<Vec<Row>> {
    match plan {
        Plan::System(table, filter) => {
            let mut rows = (table.rows)(exec)?;
            if let Some(filter) = filter {
                let mut kept = Vec::new();
                for row in rows {
                    if filter.holds(&row, exec).await? {
                        kept.push(row);
                    }
                }
                rows = kept;
            }
            Ok(rows)
        }
        Plan::Function(calls, ordinality) => function_rows(calls, *ordinality, exec).await,
        Plan::Sort(input, keys) => {
            let rows = input_rows(input, exec).await?;
            sort_rows(rows, keys, exec).await
        }
        Plan::Aggregate(aggregation) => run_aggregation(aggregation, exec).await,
        Plan::Window(input, calls, width) => {
            let mut rows = input_rows(input, exec).await?;
            for row in rows.iter_mut().filter(|row| row.len() < *width) {
                let mut values = row.to_vec();
                values.resize(*width, Value::Null);
                *row = values.into();
            }
            run_windows(rows, calls, exec).await
        }
        Plan::Distinct(input) => Ok(distinct(input_rows(input, exec).await?)),
        Plan::SetOperation(kind, all, left, right) => {
            let left = input_rows(left, exec).await?;
            let right = input_rows(right, exec).await?;
            Ok(run_set_operation(*kind, *all, left, right))
        }
        Plan::Modify(modify) => run_change(modify, exec).await.map(|(_, rows)| rows),
        _ => Err(crate::error::DatabaseError::internal("a plan node that makes no rows at once")),
    }
}

/// The rows of a set-returning call.
async fn set_rows(expr: &Expr, row: &Row, exec: &mut Exec) -> Result<Vec<Vec<Value>>> {
    if let Expr::Call(call) = expr
        && let Kind::Set(body, _) = call.function.kind
    {
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            args.push(eval::eval_async(arg, row, exec).await?);
        }
        if call.function.strict && args.iter().any(Value::is_null) {
            return Ok(Vec::new());
        }
        return body(exec, &args, &call.types);
    }
    Ok(vec![vec![eval::eval_async(expr, row, exec).await?]])
}

async fn function_rows(calls: &[FunctionCall], ordinality: bool, exec: &mut Exec) -> Result<Vec<Row>> {
    let empty: Row = Arc::from([]);
    let mut lists: Vec<(usize, Vec<Vec<Value>>)> = Vec::new();
    for call in calls {
        if !call.columns.is_empty() {
            let document = eval::eval_async(&call.expr, &empty, exec).await?;
            lists.push((call.width, recordset(call, &document, exec)?));
            continue;
        }
        let mut rows = if call.set {
            set_rows(&call.expr, &empty, exec).await?
        } else {
            vec![vec![eval::eval_async(&call.expr, &empty, exec).await?]]
        };
        if call.spread {
            for row in &mut rows {
                let fields = match row.first() {
                    Some(Value::Record(record)) => record.values.clone(),
                    _ => vec![Value::Null; call.width],
                };
                *row = fields;
            }
        }
        lists.push((call.width, rows));
    }
    let count = lists.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
    let mut out = Vec::with_capacity(count);
    for at in 0..count {
        let mut values = Vec::new();
        for (width, rows) in &lists {
            match rows.get(at) {
                Some(row) => values.extend(row.iter().take(*width).cloned()),
                None => values.resize(values.len() + width, Value::Null),
            }
        }
        if ordinality {
            values.push(Value::Int8(at as i64 + 1));
        }
        out.push(values.into());
    }
    Ok(out)
}

fn recordset(call: &FunctionCall, document: &Value, exec: &mut Exec) -> Result<Vec<Vec<Value>>> {
    use crate::value::{Jsonb, json};
    let parsed = match document {
        Value::Null => return Ok(Vec::new()),
        Value::Jsonb(document) => (**document).clone(),
        other => json::parse(other.as_str().unwrap_or("null"))?,
    };
    let items = match (call.set, parsed) {
        (true, Jsonb::Array(items)) => items,
        (true, _) => return Err(error(b"22023", "cannot call json_to_recordset on a non-array")),
        (false, single) => vec![single],
    };
    let mut rows = Vec::new();
    for item in &items {
        let mut values = Vec::new();
        for (name, data_type) in &call.columns {
            values.push(crate::sql::functions::json_build::from_jsonb(
                item.get(name),
                *data_type,
                &exec.env,
            )?);
        }
        rows.push(values);
    }
    Ok(rows)
}

impl Exec {
    /// The rows of a recursion's last round.
    pub fn work_table(&mut self, id: usize) -> Arc<Vec<Row>> {
        self.tables.get(id).cloned().flatten().unwrap_or_default()
    }

    /// Sets the rows of a recursion's last round.
    pub fn set_work_table(&mut self, id: usize, rows: Vec<Row>) {
        if self.tables.len() <= id {
            self.tables.resize(id + 1, None);
        }
        self.tables[id] = Some(Arc::new(rows));
    }

    /// Makes a common table expression ready to be read.
    pub fn open_cte(&mut self, id: usize, state: CteState) {
        if self.ctes.len() <= id {
            self.ctes.resize_with(id + 1, || None);
        }
        self.ctes[id] = Some(Rc::new(RefCell::new(state)));
    }

    /// A row of a common table expression by its place, pulled when it is first asked for.
    ///
    /// # Errors
    ///
    /// Those of its plan.
    pub async fn cte_row(&mut self, id: usize, at: usize) -> Result<Option<Row>> {
        let state = self.ctes.get(id).cloned().flatten().ok_or_else(|| {
            crate::error::DatabaseError::internal("a common table expression that is not open")
        })?;
        loop {
            let mut node = {
                let mut state = state.borrow_mut();
                if let Some(row) = state.rows.get(at) {
                    return Ok(Some(row.clone()));
                }
                if state.done {
                    return Ok(None);
                }
                state.node.take()
            };
            if node.is_none() {
                let plan = state.borrow().plan.clone();
                node = Some(Box::new(Node::new(&plan, self)?));
            }
            let mut running = node.expect("made above");
            let row = running.next(self).await?;
            let mut state = state.borrow_mut();
            match row {
                Some(row) => state.rows.push(row),
                None => state.done = true,
            }
            state.node = Some(running);
        }
    }

    /// Runs a common table expression to its end.
    ///
    /// # Errors
    ///
    /// Those of its plan.
    pub async fn finish_cte(&mut self, id: usize) -> Result<()> {
        let mut at = 0;
        while self.cte_row(id, at).await?.is_some() {
            at += 1;
        }
        Ok(())
    }
}
