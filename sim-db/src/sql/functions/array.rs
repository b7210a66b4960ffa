//! Functions and operators of arrays.

use super::arithmetic::i32_of;
use super::string::str_of;
use crate::error::Result;
use crate::sql::error::error;
use crate::sql::function::{Function, Kind};
use crate::value::oid::*;
use crate::value::text;
use crate::value::{ArrayValue, Value};
use std::sync::Arc;

fn array_of(value: &Value) -> Option<&Arc<ArrayValue>> {
    match value {
        Value::Array(array) => Some(array),
        _ => None,
    }
}

fn array(element: u32, values: Vec<Value>) -> Value {
    Value::Array(Arc::new(ArrayValue::from_values(element, values)))
}

fn dimension(a: &[Value]) -> Option<(usize, i32)> {
    let array = array_of(&a[0])?;
    array.dimensions.get(usize::try_from(i32_of(&a[1])).ok()?.checked_sub(1)?).copied()
}

fn append(array: Option<&Arc<ArrayValue>>, item: &Value, element: u32, front: bool) -> Result<Value> {
    let Some(array) = array.filter(|array| !array.values.is_empty()) else {
        return Ok(self::array(element, vec![item.clone()]));
    };
    if array.dimensions.len() != 1 {
        return Err(error(b"22000", "argument must be empty or one-dimensional array"));
    }
    let mut values = array.values.clone();
    let (length, lower) = array.dimensions[0];
    values.insert(if front { 0 } else { length }, item.clone());
    let dimensions = vec![(length + 1, lower)];
    Ok(Value::Array(Arc::new(ArrayValue { element: array.element, dimensions, values })))
}

fn concat(left: &Value, right: &Value) -> Result<Value> {
    let (Some(a), Some(b)) = (array_of(left), array_of(right)) else {
        return Ok(if left.is_null() { right.clone() } else { left.clone() });
    };
    if a.values.is_empty() {
        return Ok(right.clone());
    }
    if b.values.is_empty() {
        return Ok(left.clone());
    }
    let incompatible = || {
        error(b"2202E", "cannot concatenate incompatible arrays")
            .with_detail("Arrays with differing dimensions are not compatible for concatenation.")
    };
    let lengths = |array: &ArrayValue, from: usize| -> Vec<usize> {
        array.dimensions[from..].iter().map(|(length, _)| *length).collect()
    };
    let mut dimensions;
    match a.dimensions.len() as i64 - b.dimensions.len() as i64 {
        0 => {
            if lengths(a, 1) != lengths(b, 1) {
                return Err(incompatible());
            }
            dimensions = a.dimensions.clone();
            dimensions[0].0 += b.dimensions[0].0;
        }
        1 => {
            if lengths(a, 1) != lengths(b, 0) {
                return Err(incompatible());
            }
            dimensions = a.dimensions.clone();
            dimensions[0].0 += 1;
        }
        -1 => {
            if lengths(a, 0) != lengths(b, 1) {
                return Err(incompatible());
            }
            dimensions = b.dimensions.clone();
            dimensions[0].0 += 1;
        }
        _ => return Err(incompatible()),
    }
    let values = a.values.iter().chain(&b.values).cloned().collect();
    Ok(Value::Array(Arc::new(ArrayValue { element: a.element, dimensions, values })))
}

fn contains(left: &Value, right: &Value) -> bool {
    match (array_of(left), array_of(right)) {
        (Some(a), Some(b)) => b.values.iter().all(|item| !item.is_null() && a.values.contains(item)),
        _ => false,
    }
}

fn overlaps(left: &Value, right: &Value) -> bool {
    match (array_of(left), array_of(right)) {
        (Some(a), Some(b)) => b.values.iter().any(|item| !item.is_null() && a.values.contains(item)),
        _ => false,
    }
}

fn to_string(exec: &mut crate::sql::context::Exec, a: &[Value]) -> Value {
    let Some(array) = array_of(&a[0]) else { return Value::Null };
    let Some(separator) = a[1].as_str() else { return Value::Null };
    let null_text = a.get(2).and_then(Value::as_str);
    let parts: Vec<String> = array
        .values
        .iter()
        .filter_map(|item| match (item.is_null(), null_text) {
            (true, None) => None,
            (true, Some(text)) => Some(text.to_owned()),
            (false, _) => Some(text::output(item, array.element, exec.text())),
        })
        .collect();
    Value::text(parts.join(separator))
}

fn one_dimensional(array: &ArrayValue, what: &str) -> Result<()> {
    if array.dimensions.len() > 1 {
        return Err(error(b"0A000", format!("{what} from multidimensional arrays is not supported")));
    }
    Ok(())
}

fn fill(a: &[Value], element: u32) -> Result<Value> {
    let Some(lengths) = array_of(&a[1]) else {
        return Err(error(b"22004", "dimension array or low bound array cannot be null"));
    };
    let lowers: Vec<i32> = match a.get(2).and_then(array_of) {
        Some(lowers) => lowers.values.iter().map(i32_of).collect(),
        None => vec![1; lengths.values.len()],
    };
    let dimensions: Vec<(usize, i32)> = lengths
        .values
        .iter()
        .zip(&lowers)
        .map(|(length, lower)| (i32_of(length).max(0) as usize, *lower))
        .collect();
    let count = dimensions.iter().map(|(length, _)| *length).product::<usize>();
    if count > 1 << 26 {
        return Err(error(b"54000", "array size exceeds the maximum allowed"));
    }
    let dimensions = if count == 0 { Vec::new() } else { dimensions };
    Ok(Value::Array(Arc::new(ArrayValue { element, dimensions, values: vec![a[0].clone(); count] })))
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::of(
        "array_length",
        &[ANYARRAY, INT4],
        INT4,
        Kind::Scalar(|_, a| Ok(dimension(a).map_or(Value::Null, |(length, _)| Value::Int4(length as i32)))),
    ),
    Function::of(
        "array_lower",
        &[ANYARRAY, INT4],
        INT4,
        Kind::Scalar(|_, a| Ok(dimension(a).map_or(Value::Null, |(_, lower)| Value::Int4(lower)))),
    ),
    Function::of(
        "array_upper",
        &[ANYARRAY, INT4],
        INT4,
        Kind::Scalar(|_, a| {
            Ok(dimension(a).map_or(Value::Null, |(length, lower)| Value::Int4(lower + length as i32 - 1)))
        }),
    ),
    Function::scalar("array_ndims", &[ANYARRAY], INT4, |_, a| {
        let count = array_of(&a[0]).map_or(0, |array| array.dimensions.len());
        Ok(if count == 0 { Value::Null } else { Value::Int4(count as i32) })
    }),
    Function::scalar("array_dims", &[ANYARRAY], TEXT, |_, a| {
        let Some(array) = array_of(&a[0]).filter(|array| !array.dimensions.is_empty()) else {
            return Ok(Value::Null);
        };
        let parts = array
            .dimensions
            .iter()
            .map(|(length, lower)| format!("[{lower}:{}]", lower + *length as i32 - 1));
        Ok(Value::text(parts.collect::<String>()))
    }),
    Function::scalar("cardinality", &[ANYARRAY], INT4, |_, a| {
        Ok(Value::Int4(array_of(&a[0]).map_or(0, |array| array.values.len()) as i32))
    }),
    Function::of(
        "array_append",
        &[ANYARRAY, ANYELEMENT],
        ANYARRAY,
        Kind::Typed(|_, a, types| append(array_of(&a[0]), &a[1], types[1], false)),
    )
    .with_nulls(),
    Function::of(
        "array_prepend",
        &[ANYELEMENT, ANYARRAY],
        ANYARRAY,
        Kind::Typed(|_, a, types| append(array_of(&a[1]), &a[0], types[0], true)),
    )
    .with_nulls(),
    Function::scalar("array_cat", &[ANYARRAY, ANYARRAY], ANYARRAY, |_, a| concat(&a[0], &a[1])).with_nulls(),
    Function::scalar("||", &[ANYARRAY, ANYARRAY], ANYARRAY, |_, a| concat(&a[0], &a[1])).with_nulls(),
    Function::of(
        "||",
        &[ANYARRAY, ANYELEMENT],
        ANYARRAY,
        Kind::Typed(|_, a, types| append(array_of(&a[0]), &a[1], types[1], false)),
    )
    .with_nulls(),
    Function::of(
        "||",
        &[ANYELEMENT, ANYARRAY],
        ANYARRAY,
        Kind::Typed(|_, a, types| append(array_of(&a[1]), &a[0], types[0], true)),
    )
    .with_nulls(),
    Function::scalar("@>", &[ANYARRAY, ANYARRAY], BOOL, |_, a| Ok(Value::Bool(contains(&a[0], &a[1])))),
    Function::scalar("<@", &[ANYARRAY, ANYARRAY], BOOL, |_, a| Ok(Value::Bool(contains(&a[1], &a[0])))),
    Function::scalar("&&", &[ANYARRAY, ANYARRAY], BOOL, |_, a| Ok(Value::Bool(overlaps(&a[0], &a[1])))),
    Function::scalar("array_position", &[ANYARRAY, ANYELEMENT], INT4, |_, a| {
        let Some(array) = array_of(&a[0]) else { return Ok(Value::Null) };
        one_dimensional(array, "searching for elements")?;
        let lower = array.dimensions.first().map_or(1, |(_, lower)| *lower);
        let found = array.values.iter().position(|item| *item == a[1]);
        Ok(found.map_or(Value::Null, |at| Value::Int4(at as i32 + lower)))
    })
    .with_nulls(),
    Function::scalar("array_position", &[ANYARRAY, ANYELEMENT, INT4], INT4, |_, a| {
        let Some(array) = array_of(&a[0]) else { return Ok(Value::Null) };
        let lower = array.dimensions.first().map_or(1, |(_, lower)| *lower);
        let from = (i32_of(&a[2]) - lower).max(0) as usize;
        let found = array.values.iter().skip(from).position(|item| *item == a[1]);
        Ok(found.map_or(Value::Null, |at| Value::Int4((at + from) as i32 + lower)))
    })
    .with_nulls(),
    Function::scalar("array_positions", &[ANYARRAY, ANYELEMENT], INT4_ARRAY, |_, a| {
        let Some(found) = array_of(&a[0]) else { return Ok(Value::Null) };
        let lower = found.dimensions.first().map_or(1, |(_, lower)| *lower);
        let places = found.values.iter().enumerate().filter(|(_, item)| **item == a[1]);
        Ok(array(INT4, places.map(|(at, _)| Value::Int4(at as i32 + lower)).collect()))
    })
    .with_nulls(),
    Function::scalar("array_remove", &[ANYARRAY, ANYELEMENT], ANYARRAY, |_, a| {
        let Some(given) = array_of(&a[0]) else { return Ok(Value::Null) };
        one_dimensional(given, "removing elements")?;
        Ok(array(given.element, given.values.iter().filter(|item| **item != a[1]).cloned().collect()))
    })
    .with_nulls(),
    Function::scalar("array_replace", &[ANYARRAY, ANYELEMENT, ANYELEMENT], ANYARRAY, |_, a| {
        let Some(given) = array_of(&a[0]) else { return Ok(Value::Null) };
        let values =
            given.values.iter().map(|item| if *item == a[1] { a[2].clone() } else { item.clone() }).collect();
        let dimensions = given.dimensions.clone();
        Ok(Value::Array(Arc::new(ArrayValue { element: given.element, dimensions, values })))
    })
    .with_nulls(),
    Function::scalar("array_to_string", &[ANYARRAY, TEXT], TEXT, |exec, a| Ok(to_string(exec, a))).stable(),
    Function::scalar("array_to_string", &[ANYARRAY, TEXT, TEXT], TEXT, |exec, a| Ok(to_string(exec, a)))
        .with_nulls()
        .stable(),
    Function::of(
        "array_fill",
        &[ANYELEMENT, INT4_ARRAY],
        ANYARRAY,
        Kind::Typed(|_, a, types| fill(a, types[0])),
    )
    .with_nulls(),
    Function::of(
        "array_fill",
        &[ANYELEMENT, INT4_ARRAY, INT4_ARRAY],
        ANYARRAY,
        Kind::Typed(|_, a, types| fill(a, types[0])),
    )
    .with_nulls(),
    Function::scalar("trim_array", &[ANYARRAY, INT4], ANYARRAY, |_, a| {
        let Some(given) = array_of(&a[0]) else { return Ok(Value::Null) };
        let count = i32_of(&a[1]);
        if count < 0 || count as usize > given.values.len() {
            let message = format!("number of elements to trim must be between 0 and {}", given.values.len());
            return Err(error(b"2202E", message));
        }
        let keep = given.values.len() - count as usize;
        Ok(array(given.element, given.values[..keep].to_vec()))
    }),
    Function::scalar("array_in_text", &[TEXT], TEXT_ARRAY, |_, a| {
        Ok(array(TEXT, vec![Value::text(str_of(&a[0]))]))
    }),
];
