//! Making JSON of values: `to_json`, `json_build_object`, `row_to_json` and their `jsonb` twins.

use super::json::jsonb;
use crate::error::Result;
use crate::sql::catalog::{Env, Relation};
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::function::{Function, Kind};
use crate::value::datetime::{write_date, write_timestamp};
use crate::value::oid::*;
use crate::value::text::{self, TextStyle};
use crate::value::{ArrayValue, Jsonb, Numeric, Oid, Value, json, oid, types};
use std::sync::Arc;

/// Writes a document without blanks, as the `json` functions that reprint do.
pub(super) fn write_compact(out: &mut String, document: &Jsonb) {
    match document {
        Jsonb::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_compact(out, element);
            }
            out.push(']');
        }
        Jsonb::Object(members) => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json::write_string(out, key);
                out.push(':');
                write_compact(out, value);
            }
            out.push('}');
        }
        other => json::write(out, other),
    }
}

/// Names of a row's fields.
pub fn field_names(type_oid: Oid, count: usize, env: &Env) -> Vec<Arc<str>> {
    if let Some(user_type) = env.catalog.type_by_oid(type_oid)
        && let crate::sql::catalog::TypeBody::Composite(fields) = &user_type.body
    {
        return fields.iter().map(|(name, _)| name.clone()).collect();
    }
    match env.catalog.row_type_relation(type_oid) {
        Some(Relation::Table(table)) => table.live_columns().map(|(_, column)| column.name.clone()).collect(),
        Some(Relation::View(view)) => view.columns.iter().map(|(name, _)| name.clone()).collect(),
        _ => match crate::sql::bind::record_names(type_oid) {
            Some(names) => names,
            None => (1..=count).map(|n| format!("f{n}").into()).collect(),
        },
    }
}

/// The text that JSON shows for dates: ISO 8601 with a T.
fn json_date(value: &Value, env: &Env) -> Option<String> {
    let mut style: TextStyle = (*env.style).clone();
    style.date_format = crate::value::datetime::DateFormat::Iso;
    let mut out = String::new();
    match value {
        Value::Date(days) => write_date(&mut out, *days, &style),
        Value::Timestamp(moment) => {
            write_timestamp(&mut out, *moment, None, &style);
            out = out.replacen(' ', "T", 1);
        }
        Value::TimestampTz(moment) => {
            write_timestamp(&mut out, *moment, Some(&style.zone), &style);
            out = out.replacen(' ', "T", 1);
            // The offset is written with its minutes.
            if let Some(at) = out.rfind(['+', '-'])
                && out.len() - at == 3
                && at > 10
            {
                out.push_str(":00");
            }
        }
        _ => return None,
    }
    Some(out)
}

/// A value as a document.
///
/// # Errors
///
/// 22P02 for a `json` text that `jsonb` cannot hold.
pub fn to_jsonb(value: &Value, type_oid: Oid, env: &Env) -> Result<Jsonb> {
    Ok(match value {
        Value::Null => Jsonb::Null,
        Value::Bool(b) => Jsonb::Bool(*b),
        Value::Int2(_) | Value::Int4(_) | Value::Int8(_) => {
            Jsonb::Number(Numeric::from(value.as_i64().expect("an integer")))
        }
        Value::Numeric(n) if matches!(**n, Numeric::Finite { .. }) => Jsonb::Number((**n).clone()),
        Value::Float4(n) if n.is_finite() => Jsonb::Number(float_number(value, type_oid, env)),
        Value::Float8(n) if n.is_finite() => Jsonb::Number(float_number(value, type_oid, env)),
        Value::Json(text) => json::parse(text)?,
        Value::Jsonb(document) => (**document).clone(),
        Value::Array(array) => {
            let mut at = 0;
            array_to_jsonb(array, 0, &mut at, env)?
        }
        Value::Record(record) => {
            let names = field_names(record.type_oid, record.values.len(), env);
            let mut members = Vec::new();
            for (at, field) in record.values.iter().enumerate() {
                members.push((names[at].clone(), to_jsonb(field, record.types[at], env)?));
            }
            Jsonb::object(members)
        }
        other => match json_date(other, env) {
            Some(text) => Jsonb::String(text.into()),
            None => Jsonb::String(text::output(other, type_oid, env.text()).into()),
        },
    })
}

fn float_number(value: &Value, type_oid: Oid, env: &Env) -> Numeric {
    Numeric::parse(&text::output(value, type_oid, env.text())).unwrap_or(Numeric::NaN)
}

fn array_to_jsonb(array: &ArrayValue, depth: usize, at: &mut usize, env: &Env) -> Result<Jsonb> {
    let Some((length, _)) = array.dimensions.get(depth) else { return Ok(Jsonb::Array(Vec::new())) };
    let mut elements = Vec::with_capacity(*length);
    for _ in 0..*length {
        if depth + 1 < array.dimensions.len() {
            elements.push(array_to_jsonb(array, depth + 1, at, env)?);
        } else {
            elements.push(to_jsonb(&array.values[*at], array.element, env)?);
            *at += 1;
        }
    }
    Ok(Jsonb::Array(elements))
}

/// Writes a value as `json` text, its key order and spelling kept.
///
/// # Errors
///
/// None so far; the signature leaves room for encodings.
pub fn write_json(out: &mut String, value: &Value, type_oid: Oid, env: &Env) -> Result<()> {
    match value {
        Value::Json(text) => out.push_str(text),
        Value::Array(array) => {
            let mut at = 0;
            write_json_array(out, array, 0, &mut at, env)?;
        }
        Value::Record(record) => {
            let names = field_names(record.type_oid, record.values.len(), env);
            out.push('{');
            for (at, field) in record.values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json::write_string(out, &names[at]);
                out.push(':');
                write_json(out, field, record.types[at], env)?;
            }
            out.push('}');
        }
        other => json::write(out, &to_jsonb(other, type_oid, env)?),
    }
    Ok(())
}

fn write_json_array(
    out: &mut String,
    array: &ArrayValue,
    depth: usize,
    at: &mut usize,
    env: &Env,
) -> Result<()> {
    out.push('[');
    let length = array.dimensions.get(depth).map_or(0, |(length, _)| *length);
    for index in 0..length {
        if index > 0 {
            out.push(',');
        }
        if depth + 1 < array.dimensions.len() {
            write_json_array(out, array, depth + 1, at, env)?;
        } else {
            write_json(out, &array.values[*at], array.element, env)?;
            *at += 1;
        }
    }
    out.push(']');
    Ok(())
}

fn json_value(exec: &Exec, value: &Value, type_oid: Oid) -> Result<Value> {
    let mut out = String::new();
    write_json(&mut out, value, type_oid, &exec.env)?;
    Ok(Value::Json(out.into()))
}

fn key_text(exec: &Exec, value: &Value, type_oid: Oid, position: usize) -> Result<String> {
    if value.is_null() {
        return Err(error(b"22023", format!("argument {position}: key must not be null")));
    }
    if matches!(value, Value::Json(_) | Value::Jsonb(_) | Value::Array(_) | Value::Record(_)) {
        return Err(error(b"22023", "key value must be scalar, not array, composite, or json"));
    }
    Ok(text::output(value, type_oid, exec.text()))
}

fn even(args: &[Value]) -> Result<()> {
    if args.len().is_multiple_of(2) {
        return Ok(());
    }
    Err(error(b"22023", "argument list must have even number of elements")
        .with_hint("The arguments of json_build_object() must consist of alternating keys and values."))
}

fn build_object(exec: &mut Exec, args: &[Value], arg_types: &[Oid]) -> Result<Value> {
    even(args)?;
    let mut out = String::from("{");
    for at in (0..args.len()).step_by(2) {
        if at > 0 {
            out.push_str(", ");
        }
        json::write_string(&mut out, &key_text(exec, &args[at], arg_types[at], at + 1)?);
        out.push_str(" : ");
        write_json(&mut out, &args[at + 1], arg_types[at + 1], &exec.env)?;
    }
    out.push('}');
    Ok(Value::Json(out.into()))
}

fn build_object_jsonb(exec: &mut Exec, args: &[Value], arg_types: &[Oid]) -> Result<Value> {
    even(args)?;
    let mut members = Vec::new();
    for at in (0..args.len()).step_by(2) {
        let key: Arc<str> = key_text(exec, &args[at], arg_types[at], at + 1)?.into();
        members.push((key, to_jsonb(&args[at + 1], arg_types[at + 1], &exec.env)?));
    }
    Ok(jsonb(Jsonb::object(members)))
}

fn build_array(exec: &mut Exec, args: &[Value], arg_types: &[Oid]) -> Result<Value> {
    let mut out = String::from("[");
    for (at, value) in args.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_json(&mut out, value, arg_types[at], &exec.env)?;
    }
    out.push(']');
    Ok(Value::Json(out.into()))
}

fn build_array_jsonb(exec: &mut Exec, args: &[Value], arg_types: &[Oid]) -> Result<Value> {
    let elements = args.iter().zip(arg_types).map(|(value, type_oid)| to_jsonb(value, *type_oid, &exec.env));
    Ok(jsonb(Jsonb::Array(elements.collect::<Result<_>>()?)))
}

/// `json_object('{a,1,b,2}')` and `json_object(keys, values)`.
fn object_of_arrays(args: &[Value]) -> Result<Vec<(Arc<str>, Jsonb)>> {
    let texts = |value: &Value| match value {
        Value::Array(array) => array.values.clone(),
        _ => Vec::new(),
    };
    let mut members = Vec::new();
    let mut add = |key: &Value, value: &Value| -> Result<()> {
        let key = key.as_str().ok_or_else(|| error(b"22004", "null value not allowed for object key"))?;
        members.push((key.into(), value.as_str().map_or(Jsonb::Null, |text| Jsonb::String(text.into()))));
        Ok(())
    };
    if let [keys, values] = args {
        let (keys, values) = (texts(keys), texts(values));
        if keys.len() != values.len() {
            return Err(error(b"2202E", "mismatched array dimensions"));
        }
        for (key, value) in keys.iter().zip(&values) {
            add(key, value)?;
        }
    } else {
        let all = texts(&args[0]);
        if !all.len().is_multiple_of(2) {
            return Err(error(b"2202E", "array must have even number of elements"));
        }
        for pair in all.chunks(2) {
            add(&pair[0], &pair[1])?;
        }
    }
    Ok(members)
}

fn json_object(args: &[Value]) -> Result<Value> {
    let mut out = String::from("{");
    for (at, (key, value)) in object_of_arrays(args)?.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        json::write_string(&mut out, key);
        out.push_str(" : ");
        json::write(&mut out, value);
    }
    out.push('}');
    Ok(Value::Json(out.into()))
}

const UNUSED: Oid = oid::ANYELEMENT;

pub(super) static FUNCTIONS: &[Function] = &[
    Function::of("to_json", &[UNUSED], JSON, Kind::Typed(|exec, a, t| json_value(exec, &a[0], t[0])))
        .stable(),
    Function::of(
        "to_jsonb",
        &[UNUSED],
        JSONB,
        Kind::Typed(|exec, a, t| to_jsonb(&a[0], t[0], &exec.env).map(jsonb)),
    )
    .stable(),
    Function::of("row_to_json", &[RECORD], JSON, Kind::Typed(|exec, a, t| json_value(exec, &a[0], t[0])))
        .stable(),
    Function::of(
        "row_to_json",
        &[RECORD, BOOL],
        JSON,
        Kind::Typed(|exec, a, t| json_value(exec, &a[0], t[0])),
    )
    .stable(),
    Function::of("array_to_json", &[ANYARRAY], JSON, Kind::Typed(|exec, a, t| json_value(exec, &a[0], t[0])))
        .stable(),
    Function::of("json_build_object", &[ANY], JSON, Kind::Typed(build_object))
        .with_nulls()
        .variadic()
        .stable(),
    Function::of("json_build_object", &[], JSON, Kind::Typed(build_object)).with_nulls().stable(),
    Function::of("jsonb_build_object", &[ANY], JSONB, Kind::Typed(build_object_jsonb))
        .with_nulls()
        .variadic()
        .stable(),
    Function::of("jsonb_build_object", &[], JSONB, Kind::Typed(build_object_jsonb)).with_nulls().stable(),
    Function::of("json_build_array", &[ANY], JSON, Kind::Typed(build_array)).with_nulls().variadic().stable(),
    Function::of("json_build_array", &[], JSON, Kind::Typed(build_array)).with_nulls().stable(),
    Function::of("jsonb_build_array", &[ANY], JSONB, Kind::Typed(build_array_jsonb))
        .with_nulls()
        .variadic()
        .stable(),
    Function::of("jsonb_build_array", &[], JSONB, Kind::Typed(build_array_jsonb)).with_nulls().stable(),
    Function::scalar("json_object", &[TEXT_ARRAY], JSON, |_, a| json_object(a)),
    Function::scalar("json_object", &[TEXT_ARRAY, TEXT_ARRAY], JSON, |_, a| json_object(a)),
    Function::scalar("jsonb_object", &[TEXT_ARRAY], JSONB, |_, a| {
        Ok(jsonb(Jsonb::object(object_of_arrays(a)?)))
    }),
    Function::scalar("jsonb_object", &[TEXT_ARRAY, TEXT_ARRAY], JSONB, |_, a| {
        Ok(jsonb(Jsonb::object(object_of_arrays(a)?)))
    }),
];

/// Makes a value of a type from a document: what `jsonb_populate_record` and `jsonb_to_recordset` do with each field.
///
/// # Errors
///
/// Those of the type's input.
pub fn from_jsonb(document: Option<&Jsonb>, data_type: crate::value::DataType, env: &Env) -> Result<Value> {
    let Some(document) = document.filter(|document| !matches!(document, Jsonb::Null)) else {
        return Ok(Value::Null);
    };
    if data_type.oid == oid::JSONB {
        return Ok(jsonb(document.clone()));
    }
    if let (Jsonb::Array(elements), Some(element)) = (document, env.element_of(data_type.oid)) {
        let inner = crate::value::DataType::of(element);
        let values = elements.iter().map(|e| from_jsonb(Some(e), inner, env)).collect::<Result<Vec<_>>>()?;
        return Ok(Value::Array(Arc::new(ArrayValue::from_values(element, values))));
    }
    let text = match super::json::as_text(document) {
        Value::Text(text) => text,
        _ => return Ok(Value::Null),
    };
    let _ = types::info(data_type.oid);
    text::input(&text, data_type, env.text())
}
