//! Window functions: partitions sorted, frames walked.

use super::aggregate::over_rows;
use super::sort::compare_keys;
use crate::error::Result;
use crate::sql::bind::scope::{Bound, FrameUnit, Window, WindowCall};
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::eval::eval_async;
use crate::sql::expr::Expr;
use crate::sql::function::{self, Kind};
use crate::sql::functions::window::WindowFunction;
use crate::value::{DataType, Row, Value};
use std::cmp::Ordering;

/// A partition, sorted.
struct Partition {
    /// Places of its rows in the input.
    places: Vec<usize>,
    rows: Vec<Row>,
    keys: Vec<Vec<Value>>,
}

impl Partition {
    /// The first row of the peers of a row.
    fn peers_start(&self, at: usize) -> usize {
        let mut start = at;
        while start > 0 && self.keys[start - 1] == self.keys[at] {
            start -= 1;
        }
        start
    }

    /// One past the last row of the peers of a row.
    fn peers_end(&self, at: usize) -> usize {
        let mut end = at + 1;
        while end < self.keys.len() && self.keys[end] == self.keys[at] {
            end += 1;
        }
        end
    }
}

/// Appends the value of each window call to each row; rows come out in the order of the last window.
///
/// # Errors
///
/// Those of the expressions.
pub async fn run_windows(rows: Vec<Row>, calls: &[WindowCall], exec: &mut Exec) -> Result<Vec<Row>> {
    let mut results: Vec<Vec<Value>> = vec![vec![Value::Null; calls.len()]; rows.len()];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    for (index, call) in calls.iter().enumerate() {
        let partitions = partition(&rows, &call.window, exec).await?;
        order = partitions.iter().flat_map(|partition| partition.places.iter().copied()).collect();
        for partition in &partitions {
            for at in 0..partition.rows.len() {
                exec.tick()?;
                results[partition.places[at]][index] = value(call, partition, at, exec).await?;
            }
        }
    }
    Ok(order
        .into_iter()
        .map(|at| rows[at].iter().cloned().chain(std::mem::take(&mut results[at])).collect::<Vec<_>>().into())
        .collect())
}

async fn partition(rows: &[Row], window: &Window, exec: &mut Exec) -> Result<Vec<Partition>> {
    let mut keyed: Vec<(Vec<Value>, Vec<Value>, usize)> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let mut group = Vec::with_capacity(window.partition.len());
        for expr in &window.partition {
            group.push(eval_async(expr, row, exec).await?);
        }
        let mut key = Vec::with_capacity(window.order.len());
        for (expr, _, _) in &window.order {
            key.push(eval_async(expr, row, exec).await?);
        }
        keyed.push((group, key, at));
    }
    let directions: Vec<(bool, bool)> = window.order.iter().map(|(_, d, n)| (*d, *n)).collect();
    keyed.sort_by(|(a, x, _), (b, y, _)| a.cmp(b).then_with(|| compare_keys(x, y, &directions)));
    let mut partitions: Vec<Partition> = Vec::new();
    let mut last: Option<Vec<Value>> = None;
    for (group, key, at) in keyed {
        if last.as_ref() != Some(&group) {
            partitions.push(Partition { places: Vec::new(), rows: Vec::new(), keys: Vec::new() });
            last = Some(group);
        }
        let partition = partitions.last_mut().expect("one was pushed");
        partition.places.push(at);
        partition.rows.push(rows[at].clone());
        partition.keys.push(key);
    }
    Ok(partitions)
}

async fn offset(expr: &Expr, row: &Row, exec: &mut Exec, what: &str) -> Result<i64> {
    let value = eval_async(expr, row, exec).await?;
    match value.as_i64() {
        Some(n) if n >= 0 => Ok(n),
        Some(_) => Err(error(b"22013", format!("frame {what} offset must not be negative"))),
        None => Err(error(b"22004", format!("frame {what} offset must not be null"))),
    }
}

/// The place in a RANGE frame that an offset from the current row's key leads to.
async fn range_edge(
    partition: &Partition,
    at: usize,
    window: &Window,
    bound: &Bound,
    is_start: bool,
    exec: &mut Exec,
) -> Result<usize> {
    let (Bound::Preceding(expr) | Bound::Following(expr)) = bound else { return Ok(at) };
    let preceding = matches!(bound, Bound::Preceding(_));
    let delta = eval_async(expr, &partition.rows[at], exec).await?;
    let current = partition.keys[at].first().cloned().unwrap_or_default();
    let (descending, nulls_first) = window.order.first().map_or((false, false), |(_, d, n)| (*d, *n));
    if current.is_null() {
        return Ok(if is_start { partition.peers_start(at) } else { partition.peers_end(at) });
    }
    let symbol = if preceding == descending { "+" } else { "-" };
    let edge = shifted(&current, symbol, &delta, exec)?;
    let before = |key: &Value| {
        let order = super::sort::compare(key, &edge, descending, nulls_first);
        if is_start { order == Ordering::Less } else { order != Ordering::Greater }
    };
    Ok(partition.keys.iter().take_while(|key| before(&key[0])).count())
}

/// A key moved by an offset: numbers and dates.
fn shifted(key: &Value, symbol: &str, delta: &Value, exec: &mut Exec) -> Result<Value> {
    use crate::value::oid;
    let type_of = |value: &Value| match value {
        Value::Int2(_) => oid::INT2,
        Value::Int4(_) => oid::INT4,
        Value::Int8(_) => oid::INT8,
        Value::Float8(_) => oid::FLOAT8,
        Value::Float4(_) => oid::FLOAT4,
        Value::Numeric(_) => oid::NUMERIC,
        Value::Date(_) => oid::DATE,
        Value::Timestamp(_) => oid::TIMESTAMP,
        Value::TimestampTz(_) => oid::TIMESTAMPTZ,
        Value::Interval(_) => oid::INTERVAL,
        Value::Time(_) => oid::TIME,
        _ => oid::TEXT,
    };
    let types = [type_of(key), type_of(delta)];
    let chosen = crate::sql::bind::resolve::choose_operator(function::named(symbol), &types, &exec.env);
    let crate::sql::bind::resolve::Resolution::Found { function, types: wanted, .. } = chosen else {
        return Err(crate::sql::error::unsupported("RANGE with offset over this type"));
    };
    let mut args = Vec::new();
    for ((value, from), to) in [key, delta].into_iter().zip(types).zip(wanted) {
        let method = crate::sql::cast::find(from, to, crate::sql::cast::CastContext::Implicit, &exec.env)
            .unwrap_or(crate::sql::cast::CastMethod::Relabel);
        args.push(crate::sql::cast::apply(value.clone(), from, DataType::of(to), method, false, &exec.env)?);
    }
    match function.kind {
        Kind::Scalar(body) => body(exec, &args),
        _ => Err(crate::sql::error::unsupported("RANGE with offset over this type")),
    }
}

/// The rows of the frame: first, one past the last.
async fn frame(partition: &Partition, at: usize, window: &Window, exec: &mut Exec) -> Result<(usize, usize)> {
    let count = partition.rows.len();
    let row = partition.rows[at].clone();
    let start = match (&window.start, window.unit) {
        (Bound::Unbounded, _) => 0,
        (Bound::Current, FrameUnit::Rows) => at,
        (Bound::Current, _) => partition.peers_start(at),
        (Bound::Preceding(expr), FrameUnit::Rows) => {
            (at as i64 - offset(expr, &row, exec, "starting").await?).max(0) as usize
        }
        (Bound::Following(expr), FrameUnit::Rows) => {
            at + offset(expr, &row, exec, "starting").await? as usize
        }
        (bound, FrameUnit::Range) => range_edge(partition, at, window, bound, true, exec).await?,
        (bound, FrameUnit::Groups) => groups_edge(partition, at, bound, true, exec).await?,
    };
    let end = match (&window.end, window.unit) {
        (Bound::Unbounded, _) => count,
        (Bound::Current, FrameUnit::Rows) => at + 1,
        (Bound::Current, _) => partition.peers_end(at),
        (Bound::Preceding(expr), FrameUnit::Rows) => {
            (at as i64 + 1 - offset(expr, &row, exec, "ending").await?).max(0) as usize
        }
        (Bound::Following(expr), FrameUnit::Rows) => {
            at + 1 + offset(expr, &row, exec, "ending").await? as usize
        }
        (bound, FrameUnit::Range) => range_edge(partition, at, window, bound, false, exec).await?,
        (bound, FrameUnit::Groups) => groups_edge(partition, at, bound, false, exec).await?,
    };
    let end = end.min(count);
    Ok((start.min(end), end))
}

async fn groups_edge(
    partition: &Partition,
    at: usize,
    bound: &Bound,
    is_start: bool,
    exec: &mut Exec,
) -> Result<usize> {
    let (Bound::Preceding(expr) | Bound::Following(expr)) = bound else { return Ok(at) };
    let steps = offset(expr, &partition.rows[at], exec, if is_start { "starting" } else { "ending" }).await?;
    let mut place = at;
    for _ in 0..steps {
        if matches!(bound, Bound::Preceding(_)) {
            let start = partition.peers_start(place);
            if start == 0 {
                return Ok(0);
            }
            place = start - 1;
        } else {
            let end = partition.peers_end(place);
            if end >= partition.rows.len() {
                return Ok(partition.rows.len());
            }
            place = end;
        }
    }
    Ok(if is_start { partition.peers_start(place) } else { partition.peers_end(place) })
}

async fn argument(call: &WindowCall, index: usize, row: &Row, exec: &mut Exec) -> Result<Value> {
    match call.call.args.get(index) {
        Some(expr) => eval_async(expr, row, exec).await,
        None => Ok(Value::Null),
    }
}

async fn value(call: &WindowCall, partition: &Partition, at: usize, exec: &mut Exec) -> Result<Value> {
    let count = partition.rows.len();
    let row = partition.rows[at].clone();
    let function = match call.call.function.kind {
        Kind::Window(function) => function,
        _ => {
            let (start, end) = frame(partition, at, &call.window, exec).await?;
            return over_rows(&call.call, &partition.rows[start..end], exec).await;
        }
    };
    Ok(match function {
        WindowFunction::RowNumber => Value::Int8(at as i64 + 1),
        WindowFunction::Rank => Value::Int8(partition.peers_start(at) as i64 + 1),
        WindowFunction::DenseRank => {
            let mut rank = 1;
            for place in 1..=at {
                rank += i64::from(partition.keys[place] != partition.keys[place - 1]);
            }
            Value::Int8(rank)
        }
        WindowFunction::PercentRank => {
            let rank = partition.peers_start(at) as f64;
            Value::Float8(if count > 1 { rank / (count - 1) as f64 } else { 0.0 })
        }
        WindowFunction::CumeDist => Value::Float8(partition.peers_end(at) as f64 / count as f64),
        WindowFunction::Ntile => match argument(call, 0, &row, exec).await?.as_i64() {
            None => Value::Null,
            Some(buckets) if buckets <= 0 => {
                return Err(error(b"22014", "argument of ntile must be greater than zero"));
            }
            Some(buckets) => {
                let (count, at) = (count as i64, at as i64);
                let (size, extra) = (count / buckets, count % buckets);
                let bucket = if at < extra * (size + 1) {
                    at / (size + 1)
                } else {
                    extra + (at - extra * (size + 1)) / size.max(1)
                };
                Value::Int4(bucket as i32 + 1)
            }
        },
        WindowFunction::Lag | WindowFunction::Lead => {
            let steps = match call.call.args.len() {
                1 => Some(1),
                _ => argument(call, 1, &row, exec).await?.as_i64(),
            };
            let Some(steps) = steps else { return Ok(Value::Null) };
            let place = if function == WindowFunction::Lag { at as i64 - steps } else { at as i64 + steps };
            match usize::try_from(place).ok().and_then(|place| partition.rows.get(place)) {
                Some(other) => argument(call, 0, &other.clone(), exec).await?,
                None => argument(call, 2, &row, exec).await?,
            }
        }
        WindowFunction::FirstValue | WindowFunction::LastValue | WindowFunction::NthValue => {
            let (start, end) = frame(partition, at, &call.window, exec).await?;
            let place = match function {
                WindowFunction::FirstValue => Some(start),
                WindowFunction::LastValue => end.checked_sub(1),
                _ => match argument(call, 1, &row, exec).await?.as_i64() {
                    None => None,
                    Some(n) if n <= 0 => {
                        return Err(error(b"22016", "argument of nth_value must be greater than zero"));
                    }
                    Some(n) => Some(start + n as usize - 1),
                },
            };
            match place.filter(|place| *place < end && *place >= start) {
                Some(place) => argument(call, 0, &partition.rows[place].clone(), exec).await?,
                None => Value::Null,
            }
        }
    })
}
