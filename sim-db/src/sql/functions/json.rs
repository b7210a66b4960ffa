//! Operators and functions of `json` and `jsonb`.

use super::arithmetic::{i32_of, i64_of};
use super::string::str_of;
use crate::error::Result;
use crate::sql::error::error;
use crate::sql::function::{Function, Kind};
use crate::value::oid::*;
use crate::value::{ArrayValue, Jsonb, Value, json};
use std::sync::Arc;

pub(super) fn jsonb_of(value: &Value) -> &Jsonb {
    match value {
        Value::Jsonb(document) => document,
        _ => const { &Jsonb::Null },
    }
}

pub(super) fn jsonb(document: Jsonb) -> Value {
    Value::Jsonb(Arc::new(document))
}

/// The text of a document as `->>` gives it: strings bare, `null` as `NULL`.
pub(super) fn as_text(document: &Jsonb) -> Value {
    match document {
        Jsonb::Null => Value::Null,
        Jsonb::String(text) => Value::Text(text.clone()),
        other => {
            let mut out = String::new();
            json::write(&mut out, other);
            Value::text(out)
        }
    }
}

fn member(document: &Jsonb, key: &str) -> Option<Jsonb> {
    document.get(key).cloned()
}

fn walk(document: &Jsonb, path: &Value) -> Option<Jsonb> {
    let Value::Array(path) = path else { return None };
    let mut at = document;
    for step in &path.values {
        let step = step.as_str()?;
        at = match at {
            Jsonb::Array(_) => at.element(step.parse().ok()?)?,
            _ => at.get(step)?,
        };
    }
    Some(at.clone())
}

/// Where the pieces of a JSON text are: `json` keeps its text, so that an extracted part keeps its spelling.
pub(super) enum Shape<'a> {
    Scalar,
    Array(Vec<&'a str>),
    Object(Vec<(String, &'a str)>),
}

/// Splits a valid JSON text into the texts of its parts.
pub(super) fn split(text: &str) -> Shape<'_> {
    let text = text.trim();
    let (open, object) = match text.as_bytes().first() {
        Some(b'[') => (true, false),
        Some(b'{') => (true, true),
        _ => (false, false),
    };
    if !open {
        return Shape::Scalar;
    }
    let inner = &text[1..text.len() - 1];
    let mut parts = Vec::new();
    let (mut depth, mut quoted, mut escaped, mut start) = (0, false, false, 0);
    let mut colon = None;
    let mut colons = Vec::new();
    for (at, byte) in inner.bytes().enumerate() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth -= 1,
            b':' if depth == 0 && colon.is_none() => colon = Some(at),
            b',' if depth == 0 => {
                parts.push((start, at));
                colons.push(colon.take());
                start = at + 1;
            }
            _ => {}
        }
    }
    if !inner.trim().is_empty() {
        parts.push((start, inner.len()));
        colons.push(colon);
    }
    if !object {
        return Shape::Array(parts.into_iter().map(|(from, to)| inner[from..to].trim()).collect());
    }
    let members = parts.into_iter().zip(colons).filter_map(|((from, to), colon)| {
        let colon = colon?;
        match json::parse(&inner[from..colon]) {
            Ok(Jsonb::String(key)) => Some((key.to_string(), inner[colon + 1..to].trim())),
            _ => None,
        }
    });
    Shape::Object(members.collect())
}

fn json_member<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    match split(text) {
        Shape::Object(members) => {
            members.into_iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
        }
        _ => None,
    }
}

fn json_element(text: &str, index: i64) -> Option<&str> {
    match split(text) {
        Shape::Array(parts) => {
            let at = if index < 0 { index + parts.len() as i64 } else { index };
            parts.get(usize::try_from(at).ok()?).copied()
        }
        _ => None,
    }
}

fn json_walk<'a>(text: &'a str, path: &Value) -> Option<&'a str> {
    let Value::Array(path) = path else { return None };
    let mut at = text;
    for step in &path.values {
        let step = step.as_str()?;
        at = match at.trim_start().as_bytes().first() {
            Some(b'[') => json_element(at, step.parse().ok()?)?,
            _ => json_member(at, step)?,
        };
    }
    Some(at)
}

pub(super) fn json_text(text: &str) -> Result<Value> {
    Ok(match text.trim().as_bytes().first() {
        Some(b'"') => as_text(&json::parse(text)?),
        _ if text.trim() == "null" => Value::Null,
        _ => Value::text(text.trim()),
    })
}

fn opt_jsonb(document: Option<Jsonb>) -> Value {
    document.map_or(Value::Null, jsonb)
}

fn opt_text(document: Option<Jsonb>) -> Value {
    document.map_or(Value::Null, |document| as_text(&document))
}

fn opt_json(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Json(text.into()))
}

/// `left @> right`.
pub fn contains(left: &Jsonb, right: &Jsonb) -> bool {
    match (left, right) {
        (Jsonb::Object(_), Jsonb::Object(members)) => {
            members.iter().all(|(key, value)| left.get(key).is_some_and(|found| contains_inner(found, value)))
        }
        (Jsonb::Array(elements), Jsonb::Array(wanted)) => {
            wanted.iter().all(|value| elements.iter().any(|element| contains_inner(element, value)))
        }
        (Jsonb::Array(elements), scalar) if !matches!(scalar, Jsonb::Object(_)) => elements.contains(scalar),
        (left, right) => left == right,
    }
}

fn contains_inner(left: &Jsonb, right: &Jsonb) -> bool {
    match (left, right) {
        (Jsonb::Object(_), Jsonb::Object(_)) | (Jsonb::Array(_), Jsonb::Array(_)) => contains(left, right),
        _ => left == right,
    }
}

fn has_key(document: &Jsonb, key: &str) -> bool {
    match document {
        Jsonb::Object(_) => document.get(key).is_some(),
        Jsonb::Array(elements) => elements.iter().any(|e| matches!(e, Jsonb::String(text) if &**text == key)),
        Jsonb::String(text) => &**text == key,
        _ => false,
    }
}

fn keys(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(array) => array.values.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn concat(left: &Jsonb, right: &Jsonb) -> Jsonb {
    match (left, right) {
        (Jsonb::Object(a), Jsonb::Object(b)) => Jsonb::object(a.iter().chain(b).cloned().collect()),
        (Jsonb::Array(a), Jsonb::Array(b)) => Jsonb::Array(a.iter().chain(b).cloned().collect()),
        (Jsonb::Array(a), other) => Jsonb::Array(a.iter().cloned().chain([other.clone()]).collect()),
        (other, Jsonb::Array(b)) => {
            Jsonb::Array([other.clone()].into_iter().chain(b.iter().cloned()).collect())
        }
        (a, b) => Jsonb::Array(vec![a.clone(), b.clone()]),
    }
}

fn delete_key(document: &Jsonb, key: &str) -> Result<Jsonb> {
    Ok(match document {
        Jsonb::Object(members) => {
            Jsonb::Object(members.iter().filter(|(name, _)| &**name != key).cloned().collect())
        }
        Jsonb::Array(elements) => {
            let keep = |e: &&Jsonb| !matches!(e, Jsonb::String(text) if &**text == key);
            Jsonb::Array(elements.iter().filter(keep).cloned().collect())
        }
        _ => return Err(error(b"22023", "cannot delete from scalar")),
    })
}

fn delete_index(document: &Jsonb, index: i64) -> Result<Jsonb> {
    match document {
        Jsonb::Array(elements) => {
            let at = if index < 0 { index + elements.len() as i64 } else { index };
            let mut kept = elements.clone();
            if let Ok(at) = usize::try_from(at)
                && at < kept.len()
            {
                kept.remove(at);
            }
            Ok(Jsonb::Array(kept))
        }
        Jsonb::Object(_) => Err(error(b"22023", "cannot delete from object using integer index")),
        _ => Err(error(b"22023", "cannot delete from scalar")),
    }
}

/// What to do at the end of a path.
enum Change<'a> {
    Set(&'a Jsonb, bool),
    Insert(&'a Jsonb, bool),
    Delete,
}

fn change_at(document: &Jsonb, path: &[&str], change: &Change<'_>, depth: usize) -> Result<Jsonb> {
    let Some((step, rest)) = path.split_first() else { return Ok(document.clone()) };
    match document {
        Jsonb::Object(members) => {
            let mut members = members.clone();
            let found = members.iter().position(|(key, _)| &**key == *step);
            match (found, rest.is_empty(), change) {
                (Some(at), false, _) => members[at].1 = change_at(&members[at].1, rest, change, depth + 1)?,
                (Some(at), true, Change::Set(value, _)) => members[at].1 = (*value).clone(),
                (Some(at), true, Change::Delete) => drop(members.remove(at)),
                (Some(_), true, Change::Insert(..)) => {
                    return Err(error(b"22023", "cannot replace existing key")
                        .with_hint("Try using the function jsonb_set to replace key value."));
                }
                (None, true, Change::Set(value, true) | Change::Insert(value, _)) => {
                    members.push(((*step).into(), (*value).clone()));
                }
                _ => {}
            }
            Ok(Jsonb::object(members))
        }
        Jsonb::Array(elements) => {
            let index: i64 = step.parse().map_err(|_| {
                error(
                    b"22P02",
                    format!("path element at position {} is not an integer: \"{step}\"", depth + 1),
                )
            })?;
            let mut elements = elements.clone();
            let length = elements.len() as i64;
            let at = if index < 0 { index + length } else { index };
            let inside = (0..length).contains(&at);
            match (inside, rest.is_empty(), change) {
                (true, false, _) => {
                    elements[at as usize] = change_at(&elements[at as usize], rest, change, depth + 1)?;
                }
                (true, true, Change::Set(value, _)) => elements[at as usize] = (*value).clone(),
                (true, true, Change::Delete) => drop(elements.remove(at as usize)),
                (true, true, Change::Insert(value, after)) => {
                    elements.insert(at as usize + usize::from(*after), (*value).clone());
                }
                (false, true, Change::Set(value, true) | Change::Insert(value, _)) => {
                    elements.insert(if at < 0 { 0 } else { elements.len() }, (*value).clone());
                }
                _ => {}
            }
            Ok(Jsonb::Array(elements))
        }
        scalar if depth == 0 => {
            let what = if matches!(change, Change::Delete) { "delete path in" } else { "set path in" };
            let _ = scalar;
            Err(error(b"22023", format!("cannot {what} scalar")))
        }
        scalar => Ok(scalar.clone()),
    }
}

fn path_of(value: &Value) -> Result<Vec<&str>> {
    let Value::Array(array) = value else { return Ok(Vec::new()) };
    array
        .values
        .iter()
        .enumerate()
        .map(|(at, step)| {
            step.as_str()
                .ok_or_else(|| error(b"22004", format!("path element at position {} is null", at + 1)))
        })
        .collect()
}

pub(super) fn kind_name(document: &Jsonb) -> &'static str {
    match document {
        Jsonb::Null => "null",
        Jsonb::Bool(_) => "boolean",
        Jsonb::Number(_) => "number",
        Jsonb::String(_) => "string",
        Jsonb::Array(_) => "array",
        Jsonb::Object(_) => "object",
    }
}

fn strip_nulls(document: &Jsonb) -> Jsonb {
    match document {
        Jsonb::Object(members) => Jsonb::Object(
            members
                .iter()
                .filter(|(_, value)| !matches!(value, Jsonb::Null))
                .map(|(key, value)| (key.clone(), strip_nulls(value)))
                .collect(),
        ),
        Jsonb::Array(elements) => Jsonb::Array(elements.iter().map(strip_nulls).collect()),
        other => other.clone(),
    }
}

fn array_length(document: &Jsonb) -> Result<Value> {
    match document {
        Jsonb::Array(elements) => Ok(Value::Int4(elements.len() as i32)),
        Jsonb::Object(_) => Err(error(b"22023", "cannot get array length of a non-array")),
        _ => Err(error(b"22023", "cannot get array length of a scalar")),
    }
}

fn set_returning_error(what: &str, document: &Jsonb) -> crate::error::DatabaseError {
    let kind = match document {
        Jsonb::Array(_) => "an array",
        Jsonb::Object(_) => "an object",
        _ => "a scalar",
    };
    error(b"22023", format!("cannot {what} {kind}").replace("call", "call"))
}

fn elements(document: &Jsonb, name: &str) -> Result<Vec<Jsonb>> {
    match document {
        Jsonb::Array(elements) => Ok(elements.clone()),
        Jsonb::Object(_) => Err(error(b"22023", "cannot extract elements from an object")),
        _ => {
            let _ = name;
            Err(error(b"22023", "cannot extract elements from a scalar"))
        }
    }
}

fn members(document: &Jsonb, name: &str) -> Result<Vec<(Arc<str>, Jsonb)>> {
    match document {
        Jsonb::Object(members) => Ok(members.clone()),
        other => Err(set_returning_error(&format!("call {name} on"), other)),
    }
}

fn parsed(value: &Value) -> Result<Jsonb> {
    json::parse(str_of(value))
}

type Rows = Result<Vec<Vec<Value>>>;

fn json_members<'a>(value: &'a Value, name: &str) -> Result<Vec<(String, &'a str)>> {
    match split(str_of(value)) {
        Shape::Object(members) => Ok(members),
        Shape::Array(_) => Err(error(b"22023", format!("cannot call {name} on an array"))),
        Shape::Scalar => Err(error(b"22023", format!("cannot call {name} on a scalar"))),
    }
}

fn json_elements<'a>(value: &'a Value, name: &str) -> Result<Vec<&'a str>> {
    match split(str_of(value)) {
        Shape::Array(elements) => Ok(elements),
        Shape::Object(_) => Err(error(b"22023", "cannot call ".to_owned() + name + " on a non-array")),
        Shape::Scalar => Err(error(b"22023", "cannot call ".to_owned() + name + " on a scalar")),
    }
}

fn keys_of(document: &Jsonb) -> Rows {
    match document {
        Jsonb::Object(members) => Ok(members.iter().map(|(key, _)| vec![Value::Text(key.clone())]).collect()),
        other => Err(set_returning_error("call jsonb_object_keys on", other)),
    }
}

const EACH_JSONB: &[(&str, crate::value::Oid)] = &[("key", TEXT), ("value", JSONB)];
const EACH_JSON: &[(&str, crate::value::Oid)] = &[("key", TEXT), ("value", JSON)];
const EACH_TEXT: &[(&str, crate::value::Oid)] = &[("key", TEXT), ("value", TEXT)];
const VALUE_JSONB: &[(&str, crate::value::Oid)] = &[("value", JSONB)];
const VALUE_JSON: &[(&str, crate::value::Oid)] = &[("value", JSON)];
const VALUE_TEXT: &[(&str, crate::value::Oid)] = &[("value", TEXT)];

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("->", &[JSONB, TEXT], JSONB, |_, a| {
        Ok(opt_jsonb(member(jsonb_of(&a[0]), str_of(&a[1]))))
    }),
    Function::scalar("->", &[JSONB, INT4], JSONB, |_, a| {
        Ok(opt_jsonb(jsonb_of(&a[0]).element(i64::from(i32_of(&a[1]))).cloned()))
    }),
    Function::scalar("->>", &[JSONB, TEXT], TEXT, |_, a| {
        Ok(opt_text(member(jsonb_of(&a[0]), str_of(&a[1]))))
    }),
    Function::scalar("->>", &[JSONB, INT4], TEXT, |_, a| {
        Ok(opt_text(jsonb_of(&a[0]).element(i64::from(i32_of(&a[1]))).cloned()))
    }),
    Function::scalar("#>", &[JSONB, TEXT_ARRAY], JSONB, |_, a| Ok(opt_jsonb(walk(jsonb_of(&a[0]), &a[1])))),
    Function::scalar("#>>", &[JSONB, TEXT_ARRAY], TEXT, |_, a| Ok(opt_text(walk(jsonb_of(&a[0]), &a[1])))),
    Function::scalar("->", &[JSON, TEXT], JSON, |_, a| {
        Ok(opt_json(json_member(str_of(&a[0]), str_of(&a[1]))))
    }),
    Function::scalar("->", &[JSON, INT4], JSON, |_, a| {
        Ok(opt_json(json_element(str_of(&a[0]), i64_of(&a[1]))))
    }),
    Function::scalar("->>", &[JSON, TEXT], TEXT, |_, a| {
        json_member(str_of(&a[0]), str_of(&a[1])).map_or(Ok(Value::Null), json_text)
    }),
    Function::scalar("->>", &[JSON, INT4], TEXT, |_, a| {
        json_element(str_of(&a[0]), i64_of(&a[1])).map_or(Ok(Value::Null), json_text)
    }),
    Function::scalar("#>", &[JSON, TEXT_ARRAY], JSON, |_, a| Ok(opt_json(json_walk(str_of(&a[0]), &a[1])))),
    Function::scalar("#>>", &[JSON, TEXT_ARRAY], TEXT, |_, a| {
        json_walk(str_of(&a[0]), &a[1]).map_or(Ok(Value::Null), json_text)
    }),
    Function::scalar("jsonb_extract_path", &[JSONB, TEXT], JSONB, |_, a| {
        Ok(opt_jsonb(walk(jsonb_of(&a[0]), &text_path(&a[1..]))))
    })
    .variadic(),
    Function::scalar("jsonb_extract_path_text", &[JSONB, TEXT], TEXT, |_, a| {
        Ok(opt_text(walk(jsonb_of(&a[0]), &text_path(&a[1..]))))
    })
    .variadic(),
    Function::scalar("json_extract_path", &[JSON, TEXT], JSON, |_, a| {
        Ok(opt_json(json_walk(str_of(&a[0]), &text_path(&a[1..]))))
    })
    .variadic(),
    Function::scalar("json_extract_path_text", &[JSON, TEXT], TEXT, |_, a| {
        json_walk(str_of(&a[0]), &text_path(&a[1..])).map_or(Ok(Value::Null), json_text)
    })
    .variadic(),
    Function::scalar("@>", &[JSONB, JSONB], BOOL, |_, a| {
        Ok(Value::Bool(contains(jsonb_of(&a[0]), jsonb_of(&a[1]))))
    }),
    Function::scalar("<@", &[JSONB, JSONB], BOOL, |_, a| {
        Ok(Value::Bool(contains(jsonb_of(&a[1]), jsonb_of(&a[0]))))
    }),
    Function::scalar("?", &[JSONB, TEXT], BOOL, |_, a| {
        Ok(Value::Bool(has_key(jsonb_of(&a[0]), str_of(&a[1]))))
    }),
    Function::scalar("jsonb_exists", &[JSONB, TEXT], BOOL, |_, a| {
        Ok(Value::Bool(has_key(jsonb_of(&a[0]), str_of(&a[1]))))
    }),
    Function::scalar("?|", &[JSONB, TEXT_ARRAY], BOOL, |_, a| {
        Ok(Value::Bool(keys(&a[1]).into_iter().any(|key| has_key(jsonb_of(&a[0]), key))))
    }),
    Function::scalar("?&", &[JSONB, TEXT_ARRAY], BOOL, |_, a| {
        Ok(Value::Bool(keys(&a[1]).into_iter().all(|key| has_key(jsonb_of(&a[0]), key))))
    }),
    Function::scalar("||", &[JSONB, JSONB], JSONB, |_, a| {
        Ok(jsonb(concat(jsonb_of(&a[0]), jsonb_of(&a[1]))))
    }),
    Function::scalar("-", &[JSONB, TEXT], JSONB, |_, a| {
        delete_key(jsonb_of(&a[0]), str_of(&a[1])).map(jsonb)
    }),
    Function::scalar("-", &[JSONB, INT4], JSONB, |_, a| {
        delete_index(jsonb_of(&a[0]), i64_of(&a[1])).map(jsonb)
    }),
    Function::scalar("-", &[JSONB, TEXT_ARRAY], JSONB, |_, a| {
        let mut document = jsonb_of(&a[0]).clone();
        for key in keys(&a[1]) {
            document = delete_key(&document, key)?;
        }
        Ok(jsonb(document))
    }),
    Function::scalar("#-", &[JSONB, TEXT_ARRAY], JSONB, |_, a| {
        change_at(jsonb_of(&a[0]), &path_of(&a[1])?, &Change::Delete, 0).map(jsonb)
    }),
    Function::scalar("jsonb_set", &[JSONB, TEXT_ARRAY, JSONB], JSONB, |_, a| {
        change_at(jsonb_of(&a[0]), &path_of(&a[1])?, &Change::Set(jsonb_of(&a[2]), true), 0).map(jsonb)
    }),
    Function::scalar("jsonb_set", &[JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, |_, a| {
        let create = a[3].as_bool().unwrap_or(true);
        change_at(jsonb_of(&a[0]), &path_of(&a[1])?, &Change::Set(jsonb_of(&a[2]), create), 0).map(jsonb)
    }),
    Function::scalar("jsonb_insert", &[JSONB, TEXT_ARRAY, JSONB], JSONB, |_, a| {
        change_at(jsonb_of(&a[0]), &path_of(&a[1])?, &Change::Insert(jsonb_of(&a[2]), false), 0).map(jsonb)
    }),
    Function::scalar("jsonb_insert", &[JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, |_, a| {
        let after = a[3].as_bool().unwrap_or(false);
        change_at(jsonb_of(&a[0]), &path_of(&a[1])?, &Change::Insert(jsonb_of(&a[2]), after), 0).map(jsonb)
    }),
    Function::scalar("jsonb_typeof", &[JSONB], TEXT, |_, a| Ok(Value::text(kind_name(jsonb_of(&a[0]))))),
    Function::scalar("json_typeof", &[JSON], TEXT, |_, a| Ok(Value::text(kind_name(&parsed(&a[0])?)))),
    Function::scalar("jsonb_array_length", &[JSONB], INT4, |_, a| array_length(jsonb_of(&a[0]))),
    Function::scalar("json_array_length", &[JSON], INT4, |_, a| array_length(&parsed(&a[0])?)),
    Function::scalar("jsonb_strip_nulls", &[JSONB], JSONB, |_, a| Ok(jsonb(strip_nulls(jsonb_of(&a[0]))))),
    Function::scalar("json_strip_nulls", &[JSON], JSON, |_, a| {
        let mut out = String::new();
        super::json_build::write_compact(&mut out, &strip_nulls(&parsed(&a[0])?));
        Ok(Value::Json(out.into()))
    }),
    Function::scalar("jsonb_pretty", &[JSONB], TEXT, |_, a| {
        let mut out = String::new();
        json::write_pretty(&mut out, jsonb_of(&a[0]), 0);
        Ok(Value::text(out))
    }),
    Function::of(
        "jsonb_array_elements",
        &[JSONB],
        JSONB,
        Kind::Set(
            |_, a, _| Ok(elements(jsonb_of(&a[0]), "")?.into_iter().map(|e| vec![jsonb(e)]).collect()),
            VALUE_JSONB,
        ),
    ),
    Function::of(
        "jsonb_array_elements_text",
        &[JSONB],
        TEXT,
        Kind::Set(
            |_, a, _| Ok(elements(jsonb_of(&a[0]), "")?.iter().map(|e| vec![as_text(e)]).collect()),
            VALUE_TEXT,
        ),
    ),
    Function::of(
        "json_array_elements",
        &[JSON],
        JSON,
        Kind::Set(
            |_, a, _| {
                Ok(json_elements(&a[0], "json_array_elements")?
                    .into_iter()
                    .map(|e| vec![Value::Json(e.into())])
                    .collect())
            },
            VALUE_JSON,
        ),
    ),
    Function::of(
        "json_array_elements_text",
        &[JSON],
        TEXT,
        Kind::Set(
            |_, a, _| {
                json_elements(&a[0], "json_array_elements_text")?
                    .into_iter()
                    .map(|e| Ok(vec![json_text(e)?]))
                    .collect()
            },
            VALUE_TEXT,
        ),
    ),
    Function::of(
        "jsonb_each",
        &[JSONB],
        RECORD,
        Kind::Set(
            |_, a, _| {
                let members = members(jsonb_of(&a[0]), "jsonb_each")?;
                Ok(members.into_iter().map(|(key, value)| vec![Value::Text(key), jsonb(value)]).collect())
            },
            EACH_JSONB,
        ),
    ),
    Function::of(
        "jsonb_each_text",
        &[JSONB],
        RECORD,
        Kind::Set(
            |_, a, _| {
                let members = members(jsonb_of(&a[0]), "jsonb_each_text")?;
                Ok(members.into_iter().map(|(key, value)| vec![Value::Text(key), as_text(&value)]).collect())
            },
            EACH_TEXT,
        ),
    ),
    Function::of(
        "json_each",
        &[JSON],
        RECORD,
        Kind::Set(
            |_, a, _| {
                let members = json_members(&a[0], "json_each")?;
                Ok(members
                    .into_iter()
                    .map(|(key, value)| vec![Value::text(key), Value::Json(value.into())])
                    .collect())
            },
            EACH_JSON,
        ),
    ),
    Function::of(
        "json_each_text",
        &[JSON],
        RECORD,
        Kind::Set(
            |_, a, _| {
                let members = json_members(&a[0], "json_each_text")?;
                members
                    .into_iter()
                    .map(|(key, value)| Ok(vec![Value::text(key), json_text(value)?]))
                    .collect()
            },
            EACH_TEXT,
        ),
    ),
    Function::of("jsonb_object_keys", &[JSONB], TEXT, Kind::Set(|_, a, _| keys_of(jsonb_of(&a[0])), &[])),
    Function::of(
        "json_object_keys",
        &[JSON],
        TEXT,
        Kind::Set(
            |_, a, _| {
                let members = json_members(&a[0], "json_object_keys")?;
                Ok(members.into_iter().map(|(key, _)| vec![Value::text(key)]).collect())
            },
            &[],
        ),
    ),
];

fn text_path(steps: &[Value]) -> Value {
    Value::Array(Arc::new(ArrayValue::from_values(TEXT, steps.to_vec())))
}
