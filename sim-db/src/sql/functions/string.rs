//! Functions of strings.

use super::arithmetic::i32_of;
use crate::error::Result;
use crate::sql::catalog::env::quote_identifier;
use crate::sql::context::Exec;
use crate::sql::error::error;
use crate::sql::function::{Function, Kind};
use crate::value::oid::*;
use crate::value::text;
use crate::value::{Oid, Value};

/// Longest result of `repeat` and padding, in bytes.
const LENGTH_MAX: usize = 1 << 28;

pub(super) fn str_of(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn too_long() -> crate::error::DatabaseError {
    error(b"54000", "requested length too large")
}

/// `substring(text FROM start FOR length)` on characters, as the standard counts.
fn substring(text: &str, start: i64, length: Option<i64>) -> Result<Value> {
    let end = match length {
        Some(length) if length < 0 => return Err(error(b"22011", "negative substring length not allowed")),
        Some(length) => start.saturating_add(length),
        None => i64::MAX,
    };
    let from = (start.max(1) - 1) as usize;
    let count = (end - start.max(1)).max(0) as usize;
    Ok(Value::text(text.chars().skip(from).take(count).collect::<String>()))
}

fn pad(text: &str, length: i32, fill: &str, left: bool) -> Result<Value> {
    let length = length.max(0) as usize;
    if length > LENGTH_MAX {
        return Err(too_long());
    }
    let current = text.chars().count();
    if current >= length {
        return Ok(Value::text(text.chars().take(length).collect::<String>()));
    }
    if fill.is_empty() {
        return Ok(Value::text(text));
    }
    let padding: String = fill.chars().cycle().take(length - current).collect();
    Ok(Value::text(if left { padding + text } else { text.to_owned() + &padding }))
}

fn trim_set<'a>(text: &'a str, set: &str, left: bool, right: bool) -> &'a str {
    let inside = |c: char| set.contains(c);
    let text = if left { text.trim_start_matches(inside) } else { text };
    if right { text.trim_end_matches(inside) } else { text }
}

fn initcap(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric();
    }
    out
}

/// Position of `needle` in characters from 1; 0 when it is not there.
fn position(text: &str, needle: &str) -> i32 {
    text.find(needle).map_or(0, |at| text[..at].chars().count() as i32 + 1)
}

fn split_part(text: &str, delimiter: &str, field: i32) -> Result<Value> {
    if field == 0 {
        return Err(error(b"22023", "field position must not be zero"));
    }
    let parts: Vec<&str> = if delimiter.is_empty() { vec![text] } else { text.split(delimiter).collect() };
    let at = if field > 0 { i64::from(field) - 1 } else { parts.len() as i64 + i64::from(field) };
    Ok(Value::text(usize::try_from(at).ok().and_then(|at| parts.get(at).copied()).unwrap_or("")))
}

fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

fn text_of(exec: &Exec, value: &Value, type_oid: Oid) -> String {
    text::output(value, type_oid, exec.text())
}

/// Texts of the arguments, an array given with VARIADIC spread out.
fn concatenate(exec: &mut Exec, args: &[Value], types: &[Oid], separator: &str) -> String {
    let mut out = String::new();
    let mut first = true;
    for (value, type_oid) in args.iter().zip(types) {
        if value.is_null() {
            continue;
        }
        if !first {
            out.push_str(separator);
        }
        first = false;
        // concat shows booleans as their output function does.
        out.push_str(&text_of(exec, value, *type_oid));
    }
    out
}

fn format(exec: &mut Exec, args: &[Value], types: &[Oid]) -> Result<Value> {
    if args[0].is_null() {
        return Ok(Value::Null);
    }
    let pattern = str_of(&args[0]).to_owned();
    let (args, types) = (&args[1..], &types[1..]);
    let mut out = String::new();
    let mut next = 0;
    let mut chars = pattern.chars().peekable();
    let unfinished = || {
        error(b"22023", "unterminated format() type specifier").with_hint("For a single \"%\" use \"%%\".")
    };
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut digits = String::new();
        let mut left = false;
        let mut width: Option<i64> = None;
        let mut position = None;
        let kind = loop {
            match chars.next().ok_or_else(unfinished)? {
                d @ '0'..='9' => digits.push(d),
                '$' => position = Some(std::mem::take(&mut digits).parse::<usize>().unwrap_or(0)),
                '-' => left = true,
                '*' => {
                    let value =
                        args.get(next).ok_or_else(|| error(b"22023", "too few arguments for format()"))?;
                    width = value.as_i64();
                    next += 1;
                }
                other => break other,
            }
        };
        if let Ok(given) = digits.parse::<i64>() {
            width = Some(given);
        }
        if kind == '%' {
            out.push('%');
            continue;
        }
        if !matches!(kind, 's' | 'I' | 'L') {
            let message = format!("unrecognized format() type specifier \"{kind}\"");
            return Err(error(b"22023", message).with_hint("For a single \"%\" use \"%%\"."));
        }
        let at = match position {
            Some(0) => {
                return Err(error(
                    b"22023",
                    "format specifies argument 0, but arguments are numbered from 1",
                ));
            }
            Some(position) => position - 1,
            None => next,
        };
        let value = args.get(at).ok_or_else(|| error(b"22023", "too few arguments for format()"))?;
        next = at + 1;
        let piece = match (kind, value.is_null()) {
            ('s', true) => String::new(),
            ('L', true) => "NULL".to_owned(),
            ('I', true) => {
                return Err(error(b"22004", "null values cannot be formatted as an SQL identifier"));
            }
            ('I', false) => quote_identifier(&text_of(exec, value, types[at])),
            ('L', false) => quote_literal(&text_of(exec, value, types[at])),
            _ => text_of(exec, value, types[at]),
        };
        let width = width.unwrap_or(0);
        let missing = (width.unsigned_abs() as usize).saturating_sub(piece.chars().count()).min(LENGTH_MAX);
        let padding = " ".repeat(missing);
        if left || width < 0 {
            out.push_str(&piece);
            out.push_str(&padding);
        } else {
            out.push_str(&padding);
            out.push_str(&piece);
        }
    }
    Ok(Value::text(out))
}

fn overlay(text: &str, with: &str, from: i32, count: i32) -> Result<Value> {
    if from <= 0 {
        return Err(error(b"22011", "negative substring length not allowed"));
    }
    let head: String = text.chars().take(from as usize - 1).collect();
    let tail: String = text.chars().skip((from - 1 + count).max(0) as usize).collect();
    Ok(Value::text(format!("{head}{with}{tail}")))
}

fn to_base(number: i64, bits: u64, base: u64) -> String {
    let mut n = if number < 0 { (number as u64) & (u64::MAX >> (64 - bits)) } else { number as u64 };
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdef"[(n % base) as usize]);
        n /= base;
        if n == 0 {
            break;
        }
    }
    digits.reverse();
    String::from_utf8(digits).expect("ASCII digits")
}

fn substring_regex(text: &str, pattern: &str) -> Result<Value> {
    let regex = super::pattern::regex(pattern, "")?;
    Ok(match regex.captures(text) {
        None => Value::Null,
        Some(captures) => {
            let group = if captures.len() > 1 { captures.get(1) } else { captures.get(0) };
            group.map_or(Value::Null, |found| Value::text(found.as_str()))
        }
    })
}

fn repeat(text: &str, count: i32) -> Result<Value> {
    let count = count.max(0) as usize;
    if text.len().saturating_mul(count) > LENGTH_MAX {
        return Err(too_long());
    }
    Ok(Value::text(text.repeat(count)))
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("||", &[TEXT, TEXT], TEXT, |_, a| {
        let (left, right) = (str_of(&a[0]), str_of(&a[1]));
        let mut joined = String::with_capacity(left.len() + right.len());
        joined.push_str(left);
        joined.push_str(right);
        Ok(Value::text(joined))
    }),
    Function::of(
        "||",
        &[ANYNONARRAY, TEXT],
        TEXT,
        Kind::Typed(|exec, a, types| Ok(Value::text(text_of(exec, &a[0], types[0]) + str_of(&a[1])))),
    )
    .stable(),
    Function::of(
        "||",
        &[TEXT, ANYNONARRAY],
        TEXT,
        Kind::Typed(|exec, a, types| {
            Ok(Value::text(str_of(&a[0]).to_owned() + &text_of(exec, &a[1], types[1])))
        }),
    )
    .stable(),
    Function::scalar("lower", &[TEXT], TEXT, |_, a| Ok(Value::text(str_of(&a[0]).to_lowercase()))),
    Function::scalar("upper", &[TEXT], TEXT, |_, a| Ok(Value::text(str_of(&a[0]).to_uppercase()))),
    Function::scalar("initcap", &[TEXT], TEXT, |_, a| Ok(Value::text(initcap(str_of(&a[0]))))),
    Function::scalar("length", &[TEXT], INT4, |_, a| Ok(Value::Int4(str_of(&a[0]).chars().count() as i32))),
    Function::scalar("length", &[BPCHAR], INT4, |_, a| {
        Ok(Value::Int4(str_of(&a[0]).trim_end_matches(' ').chars().count() as i32))
    }),
    Function::scalar("char_length", &[TEXT], INT4, |_, a| {
        Ok(Value::Int4(str_of(&a[0]).chars().count() as i32))
    }),
    Function::scalar("char_length", &[BPCHAR], INT4, |_, a| {
        Ok(Value::Int4(str_of(&a[0]).trim_end_matches(' ').chars().count() as i32))
    }),
    Function::scalar("character_length", &[TEXT], INT4, |_, a| {
        Ok(Value::Int4(str_of(&a[0]).chars().count() as i32))
    }),
    Function::scalar("octet_length", &[TEXT], INT4, |_, a| Ok(Value::Int4(str_of(&a[0]).len() as i32))),
    Function::scalar("bit_length", &[TEXT], INT4, |_, a| Ok(Value::Int4(str_of(&a[0]).len() as i32 * 8))),
    Function::scalar("substring", &[TEXT, INT4], TEXT, |_, a| {
        substring(str_of(&a[0]), i64::from(i32_of(&a[1])), None)
    }),
    Function::scalar("substring", &[TEXT, INT4, INT4], TEXT, |_, a| {
        substring(str_of(&a[0]), i64::from(i32_of(&a[1])), Some(i64::from(i32_of(&a[2]))))
    }),
    Function::scalar("substr", &[TEXT, INT4], TEXT, |_, a| {
        substring(str_of(&a[0]), i64::from(i32_of(&a[1])), None)
    }),
    Function::scalar("substr", &[TEXT, INT4, INT4], TEXT, |_, a| {
        substring(str_of(&a[0]), i64::from(i32_of(&a[1])), Some(i64::from(i32_of(&a[2]))))
    }),
    Function::scalar("substring", &[TEXT, TEXT], TEXT, |_, a| substring_regex(str_of(&a[0]), str_of(&a[1]))),
    Function::scalar("left", &[TEXT, INT4], TEXT, |_, a| {
        let (text, n) = (str_of(&a[0]), i32_of(&a[1]));
        let count =
            if n >= 0 { n as usize } else { text.chars().count().saturating_sub(n.unsigned_abs() as usize) };
        Ok(Value::text(text.chars().take(count).collect::<String>()))
    }),
    Function::scalar("right", &[TEXT, INT4], TEXT, |_, a| {
        let (text, n) = (str_of(&a[0]), i32_of(&a[1]));
        let length = text.chars().count();
        let skip = if n >= 0 { length.saturating_sub(n as usize) } else { n.unsigned_abs() as usize };
        Ok(Value::text(text.chars().skip(skip).collect::<String>()))
    }),
    Function::scalar("lpad", &[TEXT, INT4], TEXT, |_, a| pad(str_of(&a[0]), i32_of(&a[1]), " ", true)),
    Function::scalar("lpad", &[TEXT, INT4, TEXT], TEXT, |_, a| {
        pad(str_of(&a[0]), i32_of(&a[1]), str_of(&a[2]), true)
    }),
    Function::scalar("rpad", &[TEXT, INT4], TEXT, |_, a| pad(str_of(&a[0]), i32_of(&a[1]), " ", false)),
    Function::scalar("rpad", &[TEXT, INT4, TEXT], TEXT, |_, a| {
        pad(str_of(&a[0]), i32_of(&a[1]), str_of(&a[2]), false)
    }),
    Function::scalar("btrim", &[TEXT], TEXT, |_, a| {
        Ok(Value::text(trim_set(str_of(&a[0]), " ", true, true)))
    }),
    Function::scalar("btrim", &[TEXT, TEXT], TEXT, |_, a| {
        Ok(Value::text(trim_set(str_of(&a[0]), str_of(&a[1]), true, true)))
    }),
    Function::scalar("ltrim", &[TEXT], TEXT, |_, a| {
        Ok(Value::text(trim_set(str_of(&a[0]), " ", true, false)))
    }),
    Function::scalar("ltrim", &[TEXT, TEXT], TEXT, |_, a| {
        Ok(Value::text(trim_set(str_of(&a[0]), str_of(&a[1]), true, false)))
    }),
    Function::scalar("rtrim", &[TEXT], TEXT, |_, a| {
        Ok(Value::text(trim_set(str_of(&a[0]), " ", false, true)))
    }),
    Function::scalar("rtrim", &[TEXT, TEXT], TEXT, |_, a| {
        Ok(Value::text(trim_set(str_of(&a[0]), str_of(&a[1]), false, true)))
    }),
    Function::scalar("position", &[TEXT, TEXT], INT4, |_, a| {
        Ok(Value::Int4(position(str_of(&a[0]), str_of(&a[1]))))
    }),
    Function::scalar("strpos", &[TEXT, TEXT], INT4, |_, a| {
        Ok(Value::Int4(position(str_of(&a[0]), str_of(&a[1]))))
    }),
    Function::scalar("starts_with", &[TEXT, TEXT], BOOL, |_, a| {
        Ok(Value::Bool(str_of(&a[0]).starts_with(str_of(&a[1]))))
    }),
    Function::scalar("^@", &[TEXT, TEXT], BOOL, |_, a| {
        Ok(Value::Bool(str_of(&a[0]).starts_with(str_of(&a[1]))))
    }),
    Function::scalar("replace", &[TEXT, TEXT, TEXT], TEXT, |_, a| {
        let from = str_of(&a[1]);
        if from.is_empty() {
            return Ok(a[0].clone());
        }
        Ok(Value::text(str_of(&a[0]).replace(from, str_of(&a[2]))))
    }),
    Function::scalar("translate", &[TEXT, TEXT, TEXT], TEXT, |_, a| {
        let to: Vec<char> = str_of(&a[2]).chars().collect();
        let from: Vec<char> = str_of(&a[1]).chars().collect();
        let translated = str_of(&a[0]).chars().filter_map(|c| match from.iter().position(|f| *f == c) {
            None => Some(c),
            Some(at) => to.get(at).copied(),
        });
        Ok(Value::text(translated.collect::<String>()))
    }),
    Function::scalar("reverse", &[TEXT], TEXT, |_, a| {
        Ok(Value::text(str_of(&a[0]).chars().rev().collect::<String>()))
    }),
    Function::scalar("repeat", &[TEXT, INT4], TEXT, |_, a| repeat(str_of(&a[0]), i32_of(&a[1]))),
    Function::scalar("split_part", &[TEXT, TEXT, INT4], TEXT, |_, a| {
        split_part(str_of(&a[0]), str_of(&a[1]), i32_of(&a[2]))
    }),
    Function::of(
        "concat",
        &[ANY],
        TEXT,
        Kind::Typed(|exec, a, types| Ok(Value::text(concatenate(exec, a, types, "")))),
    )
    .with_nulls()
    .variadic()
    .stable(),
    Function::of(
        "concat_ws",
        &[TEXT, ANY],
        TEXT,
        Kind::Typed(|exec, a, types| {
            let Value::Text(separator) = &a[0] else { return Ok(Value::Null) };
            Ok(Value::text(concatenate(exec, &a[1..], &types[1..], separator)))
        }),
    )
    .with_nulls()
    .variadic()
    .stable(),
    Function::of("format", &[TEXT, ANY], TEXT, Kind::Typed(format)).with_nulls().variadic().stable(),
    Function::of("format", &[TEXT], TEXT, Kind::Typed(format)).with_nulls().stable(),
    Function::scalar("quote_ident", &[TEXT], TEXT, |_, a| Ok(Value::text(quote_identifier(str_of(&a[0]))))),
    Function::scalar("quote_literal", &[TEXT], TEXT, |_, a| Ok(Value::text(quote_literal(str_of(&a[0]))))),
    Function::of(
        "quote_literal",
        &[ANYELEMENT],
        TEXT,
        Kind::Typed(|exec, a, types| Ok(Value::text(quote_literal(&text_of(exec, &a[0], types[0]))))),
    )
    .stable(),
    Function::of(
        "quote_nullable",
        &[ANYELEMENT],
        TEXT,
        Kind::Typed(|exec, a, types| {
            if a[0].is_null() {
                return Ok(Value::text("NULL"));
            }
            Ok(Value::text(quote_literal(&text_of(exec, &a[0], types[0]))))
        }),
    )
    .with_nulls()
    .stable(),
    Function::scalar("ascii", &[TEXT], INT4, |_, a| {
        Ok(Value::Int4(str_of(&a[0]).chars().next().map_or(0, |c| c as i32)))
    }),
    Function::scalar("chr", &[INT4], TEXT, |_, a| {
        let code = i32_of(&a[0]);
        if code == 0 {
            return Err(error(b"54000", "null character not permitted"));
        }
        let c = u32::try_from(code).ok().and_then(char::from_u32);
        c.map(|c| Value::text(c.to_string()))
            .ok_or_else(|| error(b"54000", format!("requested character too large for encoding: {code}")))
    }),
    Function::scalar("to_hex", &[INT4], TEXT, |_, a| {
        Ok(Value::text(to_base(i64::from(i32_of(&a[0])), 32, 16)))
    }),
    Function::scalar("to_hex", &[INT8], TEXT, |_, a| {
        Ok(Value::text(to_base(a[0].as_i64().unwrap_or(0), 64, 16)))
    }),
    Function::scalar("overlay", &[TEXT, TEXT, INT4], TEXT, |_, a| {
        let with = str_of(&a[1]);
        overlay(str_of(&a[0]), with, i32_of(&a[2]), with.chars().count() as i32)
    }),
    Function::scalar("overlay", &[TEXT, TEXT, INT4, INT4], TEXT, |_, a| {
        overlay(str_of(&a[0]), str_of(&a[1]), i32_of(&a[2]), i32_of(&a[3]))
    }),
    Function::scalar("unistr", &[TEXT], TEXT, |_, a| Ok(a[0].clone())),
    Function::scalar("normalize", &[TEXT], TEXT, |_, a| Ok(a[0].clone())),
    Function::scalar("string_to_array", &[TEXT, TEXT], TEXT_ARRAY, |_, a| Ok(string_to_array(a, None)))
        .with_nulls(),
    Function::scalar("string_to_array", &[TEXT, TEXT, TEXT], TEXT_ARRAY, |_, a| {
        Ok(string_to_array(a, a[2].as_str()))
    })
    .with_nulls(),
    Function::scalar("parse_ident", &[TEXT], TEXT_ARRAY, |_, a| {
        let parts = crate::sql::catalog::Env::split_name(str_of(&a[0])).ok_or_else(|| {
            error(b"22023", format!("string is not a valid identifier: \"{}\"", str_of(&a[0])))
        })?;
        let values = parts.into_iter().map(Value::text).collect();
        Ok(Value::Array(std::sync::Arc::new(crate::value::ArrayValue::from_values(TEXT, values))))
    }),
];

fn string_to_array(a: &[Value], null_text: Option<&str>) -> Value {
    let Value::Text(text) = &a[0] else { return Value::Null };
    let item = |part: String| if null_text == Some(part.as_str()) { Value::Null } else { Value::text(part) };
    let values = match a[1].as_str() {
        _ if text.is_empty() => Vec::new(),
        None => text.chars().map(|c| item(c.to_string())).collect(),
        Some("") => vec![item(text.to_string())],
        Some(delimiter) => text.split(delimiter).map(|part| item(part.to_owned())).collect(),
    };
    Value::Array(std::sync::Arc::new(crate::value::ArrayValue::from_values(TEXT, values)))
}
