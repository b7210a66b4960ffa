//! Aggregates: what each keeps while it sees rows, and what it answers.

use super::arithmetic::{f64_of, overflow};
use super::json_build::{to_jsonb, write_json};
use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::function::{Function, Kind};
use crate::value::oid::*;
use crate::value::text;
use crate::value::{ArrayValue, Interval, Jsonb, Numeric, Oid, Value, json};
use num_bigint::BigInt;
use std::sync::Arc;

/// An aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// `count(*)`.
    CountRows,
    /// `count(x)`.
    Count,
    /// `sum`.
    Sum,
    /// `avg`.
    Average,
    /// `min`.
    Min,
    /// `max`.
    Max,
    /// `bool_and`, `every`.
    And,
    /// `bool_or`.
    Or,
    /// `bit_and`.
    BitAnd,
    /// `bit_or`.
    BitOr,
    /// `bit_xor`.
    BitXor,
    /// `array_agg`.
    Array,
    /// `string_agg`.
    String,
    /// `json_agg`.
    Json,
    /// `jsonb_agg`.
    Jsonb,
    /// `json_object_agg`.
    JsonObject,
    /// `jsonb_object_agg`.
    JsonbObject,
    /// `var_pop`, `var_samp`, `stddev_pop`, `stddev_samp`.
    Deviation {
        /// Divide by n - 1.
        sample: bool,
        /// Take the root.
        root: bool,
    },
    /// `corr`, `covar_pop`, `covar_samp`, `regr_slope`, `regr_intercept`, `regr_count`.
    Pair(PairAggregate),
    /// `mode() WITHIN GROUP`.
    Mode,
    /// `percentile_cont(…) WITHIN GROUP`.
    PercentileContinuous,
    /// `percentile_disc(…) WITHIN GROUP`.
    PercentileDiscrete,
}

/// Aggregates of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairAggregate {
    /// Correlation.
    Correlation,
    /// Population covariance.
    CovariancePopulation,
    /// Sample covariance.
    CovarianceSample,
    /// Slope of the regression line.
    Slope,
    /// Its intercept.
    Intercept,
    /// Number of pairs.
    Count,
}

impl Aggregate {
    /// Whether its arguments are the sort keys of `WITHIN GROUP`.
    pub fn is_ordered_set(self) -> bool {
        matches!(self, Self::Mode | Self::PercentileContinuous | Self::PercentileDiscrete)
    }
}

/// What an aggregate has seen.
pub struct Accumulator {
    aggregate: Aggregate,
    result: Oid,
    count: i64,
    number: Number,
    value: Value,
    values: Vec<Value>,
    text: String,
    members: Vec<(Arc<str>, Jsonb)>,
    sums: [f64; 5],
}

enum Number {
    None,
    Integer(i128),
    Numeric(Numeric),
    Float(f64),
    Interval(Interval),
}

impl Accumulator {
    /// An aggregate that has seen nothing; `result` is its result type.
    pub fn new(aggregate: Aggregate, result: Oid) -> Self {
        Self {
            aggregate,
            result,
            count: 0,
            number: Number::None,
            value: Value::Null,
            values: Vec::new(),
            text: String::new(),
            members: Vec::new(),
            sums: [0.0; 5],
        }
    }

    fn add_number(&mut self, value: &Value) -> Result<()> {
        let current = std::mem::replace(&mut self.number, Number::None);
        self.number = match (current, value) {
            (Number::None, Value::Numeric(n)) => Number::Numeric((**n).clone()),
            (Number::Numeric(sum), Value::Numeric(n)) => Number::Numeric(sum.add(n)),
            (Number::None, Value::Float4(_) | Value::Float8(_)) => Number::Float(f64_of(value)),
            (Number::Float(sum), Value::Float4(_) | Value::Float8(_)) => {
                let total = sum + f64_of(value);
                if total.is_infinite() && sum.is_finite() && f64_of(value).is_finite() {
                    return Err(error(b"22003", "value out of range: overflow"));
                }
                Number::Float(total)
            }
            (Number::None, Value::Interval(n)) => Number::Interval(*n),
            (Number::Interval(sum), Value::Interval(n)) => {
                Number::Interval(sum.checked_add(*n).ok_or_else(super::interval_ops::interval_overflow)?)
            }
            (Number::None, other) => Number::Integer(i128::from(other.as_i64().unwrap_or(0))),
            (Number::Integer(sum), other) => Number::Integer(sum + i128::from(other.as_i64().unwrap_or(0))),
            (other, _) => other,
        };
        Ok(())
    }

    /// Takes one row's arguments.
    ///
    /// # Errors
    ///
    /// 22003 on overflow, those of JSON.
    pub fn add(&mut self, args: &[Value], types: &[Oid], exec: &mut Exec) -> Result<()> {
        let first = args.first();
        let null = first.is_some_and(Value::is_null);
        match self.aggregate {
            Aggregate::CountRows => self.count += 1,
            Aggregate::Array => self.values.push(args[0].clone()),
            Aggregate::Json => {
                if self.count > 0 {
                    self.text.push_str(", ");
                    if matches!(first, Some(Value::Record(_) | Value::Array(_))) {
                        self.text.push_str("\n ");
                    }
                }
                self.count += 1;
                write_json(&mut self.text, &args[0], types[0], &exec.env)?;
            }
            Aggregate::Jsonb => self.members.push(("".into(), to_jsonb(&args[0], types[0], &exec.env)?)),
            Aggregate::JsonObject | Aggregate::JsonbObject => {
                if null {
                    return Err(error(b"22023", "field name must not be null"));
                }
                let key: Arc<str> = text::output(&args[0], types[0], exec.text()).into();
                if self.aggregate == Aggregate::JsonbObject {
                    self.members.push((key, to_jsonb(&args[1], types[1], &exec.env)?));
                } else {
                    if self.count > 0 {
                        self.text.push_str(", ");
                    }
                    json::write_string(&mut self.text, &key);
                    self.text.push_str(" : ");
                    write_json(&mut self.text, &args[1], types[1], &exec.env)?;
                }
                self.count += 1;
            }
            _ if null => {}
            Aggregate::Count => self.count += 1,
            Aggregate::Sum | Aggregate::Average => {
                self.count += 1;
                self.add_number(&args[0])?;
            }
            Aggregate::Min => {
                if self.value.is_null() || args[0] < self.value {
                    self.value = args[0].clone();
                }
            }
            Aggregate::Max => {
                if self.value.is_null() || args[0] > self.value {
                    self.value = args[0].clone();
                }
            }
            Aggregate::And | Aggregate::Or => {
                let is_or = self.aggregate == Aggregate::Or;
                let new = args[0].as_bool().unwrap_or(false);
                self.value = Value::Bool(match self.value.as_bool() {
                    None => new,
                    Some(old) if is_or => old || new,
                    Some(old) => old && new,
                });
            }
            Aggregate::BitAnd | Aggregate::BitOr | Aggregate::BitXor => {
                let new = args[0].as_i64().unwrap_or(0);
                let combined = match (self.value.as_i64(), self.aggregate) {
                    (None, _) => new,
                    (Some(old), Aggregate::BitAnd) => old & new,
                    (Some(old), Aggregate::BitOr) => old | new,
                    (Some(old), _) => old ^ new,
                };
                self.value = crate::sql::cast::integer(combined, self.result)?;
            }
            Aggregate::String => {
                if let Value::Bytea(bytes) = &args[0] {
                    if self.count > 0
                        && let Some(Value::Bytea(separator)) = args.get(1)
                    {
                        self.values.push(Value::Bytea(separator.clone()));
                    }
                    self.values.push(Value::Bytea(bytes.clone()));
                } else {
                    if self.count > 0 {
                        self.text.push_str(args.get(1).and_then(Value::as_str).unwrap_or(""));
                    }
                    self.text.push_str(args[0].as_str().unwrap_or(""));
                }
                self.count += 1;
            }
            Aggregate::Deviation { .. } => {
                self.count += 1;
                self.values.push(args[0].clone());
            }
            Aggregate::Pair(_) => {
                if args[1].is_null() {
                    return Ok(());
                }
                let (y, x) = (f64_of(&args[0]), f64_of(&args[1]));
                self.count += 1;
                for (sum, term) in self.sums.iter_mut().zip([x, y, x * x, y * y, x * y]) {
                    *sum += term;
                }
            }
            Aggregate::Mode | Aggregate::PercentileContinuous | Aggregate::PercentileDiscrete => {
                // The direct argument comes first, the sorted value last.
                self.value = args[0].clone();
                self.values.push(args.last().cloned().unwrap_or(Value::Null));
            }
        }
        Ok(())
    }

    fn deviation(&self, sample: bool, root: bool) -> Value {
        let n = self.count;
        if n == 0 || (sample && n < 2) {
            return Value::Null;
        }
        if self.result == FLOAT8 {
            let numbers: Vec<f64> = self.values.iter().map(f64_of).collect();
            let mean = numbers.iter().sum::<f64>() / n as f64;
            let squares: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
            let variance = squares / (n - i64::from(sample)) as f64;
            return Value::Float8(if root { variance.sqrt() } else { variance });
        }
        let numbers: Vec<Numeric> = self
            .values
            .iter()
            .map(|value| match value {
                Value::Numeric(n) => (**n).clone(),
                other => Numeric::from(other.as_i64().unwrap_or(0)),
            })
            .collect();
        let sum = numbers.iter().fold(Numeric::zero(), |sum, x| sum.add(x));
        let squares = numbers.iter().fold(Numeric::zero(), |sum, x| sum.add(&x.mul(x)));
        let count = Numeric::from(n);
        let top = count.mul(&squares).sub(&sum.mul(&sum));
        if top.is_zero() {
            return Value::numeric(Numeric::zero());
        }
        let bottom = count.mul(&Numeric::from(n - i64::from(sample)));
        let variance = top.div(&bottom).unwrap_or(Numeric::NaN);
        Value::numeric(if root { variance.sqrt().unwrap_or(Numeric::NaN) } else { variance })
    }

    fn pair(&self, kind: PairAggregate) -> Value {
        let n = self.count as f64;
        if kind == PairAggregate::Count {
            return Value::Int8(self.count);
        }
        let [sx, sy, sxx, syy, sxy] = self.sums;
        if self.count == 0 || (kind == PairAggregate::CovarianceSample && self.count < 2) {
            return Value::Null;
        }
        let (xx, yy, xy) = (sxx - sx * sx / n, syy - sy * sy / n, sxy - sx * sy / n);
        let result = match kind {
            PairAggregate::CovariancePopulation => xy / n,
            PairAggregate::CovarianceSample => xy / (n - 1.0),
            PairAggregate::Correlation if xx == 0.0 || yy == 0.0 => return Value::Null,
            PairAggregate::Correlation => xy / (xx * yy).sqrt(),
            _ if xx == 0.0 => return Value::Null,
            PairAggregate::Slope => xy / xx,
            _ => (sy - sx * xy / xx) / n,
        };
        Value::Float8(result)
    }

    fn percentile(&self, fraction: f64, continuous: bool) -> Result<Value> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(error(b"22003", format!("percentile value {fraction} is not between 0 and 1")));
        }
        let values: Vec<&Value> = self.values.iter().filter(|value| !value.is_null()).collect();
        if values.is_empty() {
            return Ok(Value::Null);
        }
        if !continuous {
            let at = ((fraction * values.len() as f64).ceil() as usize).max(1) - 1;
            return Ok(values[at].clone());
        }
        let place = fraction * (values.len() - 1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        let part = place - place.floor();
        Ok(match (values[low], values[high]) {
            (Value::Interval(a), Value::Interval(b)) => {
                let span = a.span() as f64 + (b.span() - a.span()) as f64 * part;
                Value::Interval(Interval::new(0, 0, span as i64))
            }
            (a, b) => Value::Float8(f64_of(a) + (f64_of(b) - f64_of(a)) * part),
        })
    }

    /// The answer.
    ///
    /// # Errors
    ///
    /// 22003 when a sum does not fit its type.
    pub fn finish(self) -> Result<Value> {
        Ok(match self.aggregate {
            Aggregate::CountRows | Aggregate::Count => Value::Int8(self.count),
            Aggregate::Sum => match self.number {
                Number::None => Value::Null,
                Number::Integer(sum) if self.result == NUMERIC => {
                    Value::numeric(Numeric::new(BigInt::from(sum), 0))
                }
                Number::Integer(sum) => {
                    i64::try_from(sum).map(Value::Int8).map_err(|_| overflow("bigint"))?
                }
                Number::Numeric(sum) => Value::numeric(sum),
                Number::Float(sum) if self.result == FLOAT4 => Value::Float4(sum as f32),
                Number::Float(sum) => Value::Float8(sum),
                Number::Interval(sum) => Value::Interval(sum),
            },
            Aggregate::Average => match self.number {
                Number::None => Value::Null,
                Number::Integer(sum) => {
                    let total = Numeric::new(BigInt::from(sum), 0);
                    Value::numeric(total.div(&Numeric::from(self.count)).unwrap_or(Numeric::NaN))
                }
                Number::Numeric(sum) => {
                    Value::numeric(sum.div(&Numeric::from(self.count)).unwrap_or(Numeric::NaN))
                }
                Number::Float(sum) => Value::Float8(sum / self.count as f64),
                Number::Interval(sum) => {
                    let micros = sum.span() / i128::from(self.count);
                    let months = sum.months / self.count as i32;
                    let rest = micros - i128::from(months) * 30 * 86_400_000_000;
                    let days = rest / 86_400_000_000;
                    let time = rest - days * 86_400_000_000;
                    if sum.months == 0 && sum.days == 0 {
                        Value::Interval(Interval::new(0, 0, sum.micros / self.count))
                    } else {
                        Value::Interval(Interval::new(months, days as i32, time as i64))
                    }
                }
            },
            Aggregate::Array if self.values.is_empty() => Value::Null,
            Aggregate::Array => {
                let element = crate::value::types::element_of(self.result);
                match self.values.first() {
                    Some(Value::Array(_)) => nested(self.values)?,
                    _ => Value::Array(Arc::new(ArrayValue::from_values(element.unwrap_or(0), self.values))),
                }
            }
            Aggregate::String if self.count == 0 => Value::Null,
            Aggregate::String if self.values.is_empty() => Value::text(self.text),
            Aggregate::String => {
                let mut bytes = Vec::new();
                for value in &self.values {
                    if let Value::Bytea(part) = value {
                        bytes.extend_from_slice(part);
                    }
                }
                Value::Bytea(bytes.into())
            }
            Aggregate::Json if self.count == 0 => Value::Null,
            Aggregate::Json => Value::Json(format!("[{}]", self.text).into()),
            Aggregate::JsonObject if self.count == 0 => Value::Null,
            Aggregate::JsonObject => Value::Json(format!("{{ {} }}", self.text).into()),
            Aggregate::Jsonb | Aggregate::JsonbObject if self.members.is_empty() => Value::Null,
            Aggregate::Jsonb => Value::Jsonb(Arc::new(Jsonb::Array(
                self.members.into_iter().map(|(_, value)| value).collect(),
            ))),
            Aggregate::JsonbObject => Value::Jsonb(Arc::new(Jsonb::object(self.members))),
            Aggregate::Deviation { sample, root } => self.deviation(sample, root),
            Aggregate::Pair(kind) => self.pair(kind),
            Aggregate::Mode => {
                let mut best: Option<(usize, &Value)> = None;
                let mut at = 0;
                while at < self.values.len() {
                    let same =
                        self.values[at..].iter().take_while(|value| **value == self.values[at]).count();
                    if !self.values[at].is_null() && best.is_none_or(|(count, _)| same > count) {
                        best = Some((same, &self.values[at]));
                    }
                    at += same;
                }
                best.map_or(Value::Null, |(_, value)| value.clone())
            }
            Aggregate::PercentileContinuous | Aggregate::PercentileDiscrete => {
                let continuous = self.aggregate == Aggregate::PercentileContinuous;
                match &self.value {
                    Value::Array(fractions) => {
                        let each = fractions
                            .values
                            .iter()
                            .map(|fraction| self.percentile(f64_of(fraction), continuous));
                        let values = each.collect::<Result<Vec<_>>>()?;
                        let element = crate::value::types::element_of(self.result).unwrap_or(FLOAT8);
                        Value::Array(Arc::new(ArrayValue::from_values(element, values)))
                    }
                    Value::Null => Value::Null,
                    fraction => self.percentile(f64_of(fraction), continuous)?,
                }
            }
            Aggregate::Min
            | Aggregate::Max
            | Aggregate::And
            | Aggregate::Or
            | Aggregate::BitAnd
            | Aggregate::BitOr
            | Aggregate::BitXor => self.value,
        })
    }
}

/// The element type of an array that an aggregate of a user type makes: filled in by the planner.
pub fn set_element(value: Value, element: Oid) -> Value {
    match value {
        Value::Array(array) if array.element == 0 => {
            let mut array = (*array).clone();
            array.element = element;
            Value::Array(Arc::new(array))
        }
        other => other,
    }
}

fn nested(values: Vec<Value>) -> Result<Value> {
    let mut flat = Vec::new();
    let mut dimensions: Option<Vec<(usize, i32)>> = None;
    let mut element = 0;
    let count = values.len();
    for value in values {
        let Value::Array(array) = value else {
            return Err(error(b"22004", "cannot accumulate null arrays"));
        };
        if array.values.is_empty() {
            return Err(error(b"2202E", "cannot accumulate empty arrays"));
        }
        if dimensions.as_ref().is_some_and(|known| *known != array.dimensions) {
            return Err(error(b"2202E", "cannot accumulate arrays of different dimensionality"));
        }
        element = array.element;
        dimensions = Some(array.dimensions.clone());
        flat.extend(array.values.iter().cloned());
    }
    let mut all = vec![(count, 1)];
    all.extend(dimensions.unwrap_or_default());
    Ok(Value::Array(Arc::new(ArrayValue { element, dimensions: all, values: flat })))
}

macro_rules! aggregates {
    ($($name:literal ($($arg:ident),*) -> $result:ident = $aggregate:expr;)*) => {
        pub(super) static FUNCTIONS: &[Function] = &[$(
            Function::of($name, &[$($arg),*], $result, Kind::Aggregate($aggregate)).with_nulls(),
        )*];
    };
}

use Aggregate as A;
use PairAggregate as P;

const VARIANCE: A = A::Deviation { sample: true, root: false };
const VARIANCE_POPULATION: A = A::Deviation { sample: false, root: false };
const DEVIATION: A = A::Deviation { sample: true, root: true };
const DEVIATION_POPULATION: A = A::Deviation { sample: false, root: true };
const FLOAT8_ARRAY: Oid = 1022;

aggregates! {
    "count"() -> INT8 = A::CountRows;
    "count"(ANY) -> INT8 = A::Count;
    "sum"(INT4) -> INT8 = A::Sum;
    "sum"(INT8) -> NUMERIC = A::Sum;
    "sum"(INT2) -> INT8 = A::Sum;
    "sum"(NUMERIC) -> NUMERIC = A::Sum;
    "sum"(FLOAT4) -> FLOAT4 = A::Sum;
    "sum"(FLOAT8) -> FLOAT8 = A::Sum;
    "sum"(INTERVAL) -> INTERVAL = A::Sum;
    "avg"(INT4) -> NUMERIC = A::Average;
    "avg"(INT8) -> NUMERIC = A::Average;
    "avg"(INT2) -> NUMERIC = A::Average;
    "avg"(NUMERIC) -> NUMERIC = A::Average;
    "avg"(FLOAT4) -> FLOAT8 = A::Average;
    "avg"(FLOAT8) -> FLOAT8 = A::Average;
    "avg"(INTERVAL) -> INTERVAL = A::Average;
    "min"(INT4) -> INT4 = A::Min;
    "min"(INT8) -> INT8 = A::Min;
    "min"(INT2) -> INT2 = A::Min;
    "min"(NUMERIC) -> NUMERIC = A::Min;
    "min"(FLOAT4) -> FLOAT4 = A::Min;
    "min"(FLOAT8) -> FLOAT8 = A::Min;
    "min"(TEXT) -> TEXT = A::Min;
    "min"(BPCHAR) -> BPCHAR = A::Min;
    "min"(DATE) -> DATE = A::Min;
    "min"(TIME) -> TIME = A::Min;
    "min"(TIMETZ) -> TIMETZ = A::Min;
    "min"(TIMESTAMP) -> TIMESTAMP = A::Min;
    "min"(TIMESTAMPTZ) -> TIMESTAMPTZ = A::Min;
    "min"(INTERVAL) -> INTERVAL = A::Min;
    "min"(OID) -> OID = A::Min;
    "min"(INET) -> INET = A::Min;
    "min"(ANYARRAY) -> ANYARRAY = A::Min;
    "min"(ANYENUM) -> ANYENUM = A::Min;
    "max"(INT4) -> INT4 = A::Max;
    "max"(INT8) -> INT8 = A::Max;
    "max"(INT2) -> INT2 = A::Max;
    "max"(NUMERIC) -> NUMERIC = A::Max;
    "max"(FLOAT4) -> FLOAT4 = A::Max;
    "max"(FLOAT8) -> FLOAT8 = A::Max;
    "max"(TEXT) -> TEXT = A::Max;
    "max"(BPCHAR) -> BPCHAR = A::Max;
    "max"(DATE) -> DATE = A::Max;
    "max"(TIME) -> TIME = A::Max;
    "max"(TIMETZ) -> TIMETZ = A::Max;
    "max"(TIMESTAMP) -> TIMESTAMP = A::Max;
    "max"(TIMESTAMPTZ) -> TIMESTAMPTZ = A::Max;
    "max"(INTERVAL) -> INTERVAL = A::Max;
    "max"(OID) -> OID = A::Max;
    "max"(INET) -> INET = A::Max;
    "max"(ANYARRAY) -> ANYARRAY = A::Max;
    "max"(ANYENUM) -> ANYENUM = A::Max;
    "bool_and"(BOOL) -> BOOL = A::And;
    "every"(BOOL) -> BOOL = A::And;
    "bool_or"(BOOL) -> BOOL = A::Or;
    "bit_and"(INT2) -> INT2 = A::BitAnd;
    "bit_and"(INT4) -> INT4 = A::BitAnd;
    "bit_and"(INT8) -> INT8 = A::BitAnd;
    "bit_or"(INT2) -> INT2 = A::BitOr;
    "bit_or"(INT4) -> INT4 = A::BitOr;
    "bit_or"(INT8) -> INT8 = A::BitOr;
    "bit_xor"(INT2) -> INT2 = A::BitXor;
    "bit_xor"(INT4) -> INT4 = A::BitXor;
    "bit_xor"(INT8) -> INT8 = A::BitXor;
    "array_agg"(ANYNONARRAY) -> ANYARRAY = A::Array;
    "array_agg"(ANYARRAY) -> ANYARRAY = A::Array;
    "string_agg"(TEXT, TEXT) -> TEXT = A::String;
    "string_agg"(BYTEA, BYTEA) -> BYTEA = A::String;
    "json_agg"(ANYELEMENT) -> JSON = A::Json;
    "jsonb_agg"(ANYELEMENT) -> JSONB = A::Jsonb;
    "json_object_agg"(ANY, ANY) -> JSON = A::JsonObject;
    "jsonb_object_agg"(ANY, ANY) -> JSONB = A::JsonbObject;
    "variance"(INT4) -> NUMERIC = VARIANCE;
    "variance"(INT8) -> NUMERIC = VARIANCE;
    "variance"(INT2) -> NUMERIC = VARIANCE;
    "variance"(NUMERIC) -> NUMERIC = VARIANCE;
    "variance"(FLOAT8) -> FLOAT8 = VARIANCE;
    "var_samp"(INT4) -> NUMERIC = VARIANCE;
    "var_samp"(INT8) -> NUMERIC = VARIANCE;
    "var_samp"(NUMERIC) -> NUMERIC = VARIANCE;
    "var_samp"(FLOAT8) -> FLOAT8 = VARIANCE;
    "var_pop"(INT4) -> NUMERIC = VARIANCE_POPULATION;
    "var_pop"(INT8) -> NUMERIC = VARIANCE_POPULATION;
    "var_pop"(NUMERIC) -> NUMERIC = VARIANCE_POPULATION;
    "var_pop"(FLOAT8) -> FLOAT8 = VARIANCE_POPULATION;
    "stddev"(INT4) -> NUMERIC = DEVIATION;
    "stddev"(INT8) -> NUMERIC = DEVIATION;
    "stddev"(INT2) -> NUMERIC = DEVIATION;
    "stddev"(NUMERIC) -> NUMERIC = DEVIATION;
    "stddev"(FLOAT8) -> FLOAT8 = DEVIATION;
    "stddev_samp"(INT4) -> NUMERIC = DEVIATION;
    "stddev_samp"(INT8) -> NUMERIC = DEVIATION;
    "stddev_samp"(NUMERIC) -> NUMERIC = DEVIATION;
    "stddev_samp"(FLOAT8) -> FLOAT8 = DEVIATION;
    "stddev_pop"(INT4) -> NUMERIC = DEVIATION_POPULATION;
    "stddev_pop"(INT8) -> NUMERIC = DEVIATION_POPULATION;
    "stddev_pop"(NUMERIC) -> NUMERIC = DEVIATION_POPULATION;
    "stddev_pop"(FLOAT8) -> FLOAT8 = DEVIATION_POPULATION;
    "corr"(FLOAT8, FLOAT8) -> FLOAT8 = A::Pair(P::Correlation);
    "covar_pop"(FLOAT8, FLOAT8) -> FLOAT8 = A::Pair(P::CovariancePopulation);
    "covar_samp"(FLOAT8, FLOAT8) -> FLOAT8 = A::Pair(P::CovarianceSample);
    "regr_slope"(FLOAT8, FLOAT8) -> FLOAT8 = A::Pair(P::Slope);
    "regr_intercept"(FLOAT8, FLOAT8) -> FLOAT8 = A::Pair(P::Intercept);
    "regr_count"(FLOAT8, FLOAT8) -> INT8 = A::Pair(P::Count);
    "mode"(ANYELEMENT) -> ANYELEMENT = A::Mode;
    "percentile_cont"(FLOAT8, FLOAT8) -> FLOAT8 = A::PercentileContinuous;
    "percentile_cont"(FLOAT8, INTERVAL) -> INTERVAL = A::PercentileContinuous;
    "percentile_cont"(FLOAT8_ARRAY, FLOAT8) -> FLOAT8_ARRAY = A::PercentileContinuous;
    "percentile_disc"(FLOAT8, ANYELEMENT) -> ANYELEMENT = A::PercentileDiscrete;
}
