//! Grouping and aggregation.

use super::sort::compare_keys;
use crate::error::{DatabaseError, Result};
use crate::sql::bind::group::is_grouping;
use crate::sql::bind::scope::AggregateCall;
use crate::sql::context::Exec;
use crate::sql::eval::eval_async;
use crate::sql::function::Kind;
use crate::sql::functions::aggregate::{Accumulator, Aggregate, set_element};
use crate::sql::plan::Aggregation;
use crate::value::{Row, Value};
use std::collections::{HashMap, HashSet};

/// What one aggregate of one group has: rows kept when it is sorted or distinct, else the running state.
enum Running {
    Direct(Box<Accumulator>),
    Kept(Vec<(Vec<Value>, Vec<Value>)>),
}

/// The aggregate that a call is.
fn aggregate_of(call: &AggregateCall) -> Result<Aggregate> {
    match call.function.kind {
        Kind::Aggregate(aggregate) => Ok(aggregate),
        _ => Err(DatabaseError::internal("an aggregate call of a function that is none")),
    }
}

fn start(call: &AggregateCall) -> Result<Running> {
    let aggregate = aggregate_of(call)?;
    if call.distinct || !call.order.is_empty() {
        return Ok(Running::Kept(Vec::new()));
    }
    Ok(Running::Direct(Box::new(Accumulator::new(aggregate, call.result))))
}

/// The arguments and sort keys of a call for a row; `None` when its filter leaves the row out.
async fn inputs(
    call: &AggregateCall,
    row: &Row,
    exec: &mut Exec,
) -> Result<Option<(Vec<Value>, Vec<Value>)>> {
    if let Some(filter) = &call.filter
        && !matches!(eval_async(filter, row, exec).await?, Value::Bool(true))
    {
        return Ok(None);
    }
    let mut args = Vec::with_capacity(call.args.len());
    for arg in &call.args {
        args.push(eval_async(arg, row, exec).await?);
    }
    let mut keys = Vec::with_capacity(call.order.len());
    for (expr, _, _) in &call.order {
        keys.push(eval_async(expr, row, exec).await?);
    }
    Ok(Some((args, keys)))
}

fn finish(running: Running, call: &AggregateCall, exec: &mut Exec) -> Result<Value> {
    let aggregate = aggregate_of(call)?;
    let value = match running {
        Running::Direct(accumulator) => accumulator.finish()?,
        Running::Kept(mut rows) => {
            let directions: Vec<(bool, bool)> = call.order.iter().map(|(_, d, n)| (*d, *n)).collect();
            if call.distinct && call.order.is_empty() {
                rows.sort_by(|(a, _), (b, _)| a.cmp(b));
            } else {
                rows.sort_by(|(_, a), (_, b)| compare_keys(a, b, &directions));
            }
            let mut seen: HashSet<Vec<Value>> = HashSet::new();
            let mut accumulator = Accumulator::new(aggregate, call.result);
            for (args, _) in rows {
                if call.distinct && !seen.insert(args.clone()) {
                    continue;
                }
                accumulator.add(&args, &call.types, exec)?;
            }
            accumulator.finish()?
        }
    };
    Ok(set_element(value, exec.env.element_of(call.result).unwrap_or(0)))
}

/// Evaluates one aggregate over rows: window frames.
///
/// # Errors
///
/// Those of the arguments and the aggregate.
pub async fn over_rows(call: &AggregateCall, rows: &[Row], exec: &mut Exec) -> Result<Value> {
    let mut running = start(call)?;
    for row in rows {
        if let Some((args, keys)) = inputs(call, row, exec).await? {
            match &mut running {
                Running::Direct(accumulator) => accumulator.add(&args, &call.types, exec)?,
                Running::Kept(rows) => rows.push((args, keys)),
            }
        }
    }
    finish(running, call, exec)
}

/// Runs an aggregation: one row a group, keys first, then aggregates.
///
/// # Errors
///
/// Those of keys, arguments and aggregates.
pub async fn run_aggregation(plan: &Aggregation, exec: &mut Exec) -> Result<Vec<Row>> {
    let mut input = super::node::Node::new(&plan.input, exec)?;
    // Groups in order of first appearance, so that a run is repeatable.
    let mut places: Vec<HashMap<Vec<Value>, usize>> = vec![HashMap::new(); plan.sets.len()];
    let mut groups: Vec<(usize, Vec<Value>, Vec<Running>)> = Vec::new();
    let start_all = || plan.calls.iter().map(start).collect::<Result<Vec<Running>>>();
    if plan.scalar {
        places[0].insert(Vec::new(), 0);
        groups.push((0, Vec::new(), start_all()?));
    }
    while let Some(row) = input.next(exec).await? {
        let mut key = Vec::with_capacity(plan.keys.len());
        for expr in &plan.keys {
            key.push(expr.value(&row, exec).await?);
        }
        let mut args = Vec::with_capacity(plan.calls.len());
        for call in &plan.calls {
            args.push(if is_grouping(call) { None } else { inputs(call, &row, exec).await? });
        }
        for (set, members) in plan.sets.iter().enumerate() {
            let whole = members.len() == key.len();
            let own: Vec<Value> = if whole {
                key.clone()
            } else {
                key.iter()
                    .enumerate()
                    .map(|(at, value)| if members.contains(&at) { value.clone() } else { Value::Null })
                    .collect()
            };
            let place = match places[set].get(&own) {
                Some(place) => *place,
                None => {
                    groups.push((set, own.clone(), start_all()?));
                    places[set].insert(own, groups.len() - 1);
                    groups.len() - 1
                }
            };
            for ((running, call), given) in groups[place].2.iter_mut().zip(&plan.calls).zip(&args) {
                let Some((args, keys)) = given else { continue };
                match running {
                    Running::Direct(accumulator) => accumulator.add(args, &call.types, exec)?,
                    Running::Kept(rows) => rows.push((args.clone(), keys.clone())),
                }
            }
        }
    }
    // A grouping set without columns has its one group even over no rows.
    for (set, members) in plan.sets.iter().enumerate() {
        if members.is_empty() && !plan.keys.is_empty() && places[set].is_empty() {
            groups.push((set, vec![Value::Null; plan.keys.len()], start_all()?));
        }
    }
    let mut rows = Vec::with_capacity(groups.len());
    for (set, key, running) in groups {
        let mut values = key;
        values.resize(plan.keys.len(), Value::Null);
        for (running, call) in running.into_iter().zip(&plan.calls) {
            if is_grouping(call) {
                let mut bits = 0;
                for arg in &call.args {
                    let at = match arg {
                        crate::sql::expr::Expr::Const(value) => value.as_i64().unwrap_or(0) as usize,
                        _ => 0,
                    };
                    bits = bits << 1 | i32::from(!plan.sets[set].contains(&at));
                }
                values.push(Value::Int4(bits));
            } else {
                values.push(finish(running, call, exec)?);
            }
        }
        rows.push(values.into());
    }
    Ok(rows)
}
