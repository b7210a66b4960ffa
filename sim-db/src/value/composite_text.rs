//! Text of arrays, rows and ranges.

use super::text::{TextContext, TypeKind, input, write};
use super::{ArrayValue, DataType, Oid, RangeValue, RecordValue, Value, oid};
use crate::error::{DatabaseError, Result, SqlState};
use std::sync::Arc;

/// Writes an array: `{1,2,NULL}`, quoted where it must be.
pub fn write_array(out: &mut String, array: &ArrayValue, type_oid: Oid, context: TextContext<'_>) {
    if matches!(type_oid, oid::INT2VECTOR | oid::OIDVECTOR) {
        for (at, value) in array.values.iter().enumerate() {
            if at > 0 {
                out.push(' ');
            }
            write(out, value, array.element, context);
        }
        return;
    }
    if array.dimensions.is_empty() {
        return out.push_str("{}");
    }
    if array.dimensions.iter().any(|(_, lower)| *lower != 1) {
        for (length, lower) in &array.dimensions {
            out.push_str(&format!("[{lower}:{}]", i64::from(*lower) + *length as i64 - 1));
        }
        out.push('=');
    }
    let mut at = 0;
    write_dimension(out, array, 0, &mut at, context);
}

fn write_dimension(
    out: &mut String,
    array: &ArrayValue,
    depth: usize,
    at: &mut usize,
    context: TextContext<'_>,
) {
    out.push('{');
    for index in 0..array.dimensions[depth].0 {
        if index > 0 {
            out.push(',');
        }
        if depth + 1 < array.dimensions.len() {
            write_dimension(out, array, depth + 1, at, context);
            continue;
        }
        let value = &array.values[*at];
        *at += 1;
        if value.is_null() {
            out.push_str("NULL");
            continue;
        }
        let mut text = String::new();
        write(&mut text, value, array.element, context);
        let quote = text.is_empty()
            || text.eq_ignore_ascii_case("null")
            || text.contains(|c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_ascii_whitespace());
        if quote {
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('"');
        } else {
            out.push_str(&text);
        }
    }
    out.push('}');
}

fn malformed_array(text: &str, detail: &str) -> DatabaseError {
    DatabaseError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed array literal: \"{text}\""))
        .with_detail(detail)
}

enum Item {
    Null,
    Text(String),
    Nested(Vec<Item>),
}

/// Reads an array of an element type.
///
/// # Errors
///
/// 22P02 for a malformed literal, and the element type's own errors.
pub fn parse_array(text: &str, element: DataType, type_oid: Oid, context: TextContext<'_>) -> Result<Value> {
    if matches!(type_oid, oid::INT2VECTOR | oid::OIDVECTOR) {
        let values = text.split_whitespace().map(|word| input(word, DataType::of(element.oid), context));
        let values = values.collect::<Result<Vec<_>>>()?;
        let dimensions = vec![(values.len(), 0)];
        return Ok(Value::Array(Arc::new(ArrayValue { element: element.oid, dimensions, values })));
    }
    let mut body = text.trim();
    let mut lower_bounds = Vec::new();
    if body.starts_with('[') {
        let (bounds, rest) = body
            .split_once('=')
            .ok_or_else(|| malformed_array(text, "Missing \"=\" after array dimensions."))?;
        for bound in bounds.trim().trim_start_matches('[').trim_end_matches(']').split("][") {
            let lower = bound.split_once(':').map_or("1", |(lower, _)| lower);
            lower_bounds.push(lower.parse::<i32>().map_err(|_| malformed_array(text, "Bad dimensions."))?);
        }
        body = rest.trim();
    }
    let chars: Vec<char> = body.chars().collect();
    if chars.first() != Some(&'{') {
        return Err(malformed_array(text, "Array value must start with \"{\" or dimension information."));
    }
    let mut at = 0;
    let items = parse_items(&chars, &mut at).map_err(|detail| malformed_array(text, detail))?;
    if chars[at..].iter().any(|c| !c.is_whitespace()) {
        return Err(malformed_array(text, "Junk after closing right brace."));
    }
    let mut dimensions = Vec::new();
    let mut values = Vec::new();
    collect(&items, 0, &mut dimensions, &mut values, text, element, context)?;
    if values.is_empty() {
        dimensions.clear();
    }
    let dimensions = dimensions
        .into_iter()
        .enumerate()
        .map(|(at, length)| (length, lower_bounds.get(at).copied().unwrap_or(1)))
        .collect();
    Ok(Value::Array(Arc::new(ArrayValue { element: element.oid, dimensions, values })))
}

fn collect(
    items: &[Item],
    depth: usize,
    dimensions: &mut Vec<usize>,
    values: &mut Vec<Value>,
    text: &str,
    element: DataType,
    context: TextContext<'_>,
) -> Result<()> {
    let ragged =
        || malformed_array(text, "Multidimensional arrays must have sub-arrays with matching dimensions.");
    if dimensions.len() <= depth {
        if !values.is_empty() {
            return Err(ragged());
        }
        dimensions.push(items.len());
    } else if dimensions[depth] != items.len() {
        return Err(ragged());
    }
    for item in items {
        match item {
            Item::Nested(inner) => collect(inner, depth + 1, dimensions, values, text, element, context)?,
            _ if dimensions.len() != depth + 1 => return Err(ragged()),
            Item::Null => values.push(Value::Null),
            Item::Text(item) => values.push(input(item, element, context)?),
        }
    }
    Ok(())
}

fn parse_items(chars: &[char], at: &mut usize) -> std::result::Result<Vec<Item>, &'static str> {
    const END: &str = "Unexpected end of input.";
    *at += 1;
    let mut items = Vec::new();
    loop {
        while chars.get(*at).is_some_and(|c| c.is_whitespace()) {
            *at += 1;
        }
        match chars.get(*at).ok_or(END)? {
            '}' if items.is_empty() => {
                *at += 1;
                return Ok(items);
            }
            '{' => items.push(Item::Nested(parse_items(chars, at)?)),
            '"' => {
                *at += 1;
                let mut text = String::new();
                loop {
                    match chars.get(*at).ok_or(END)? {
                        '"' => break,
                        '\\' => {
                            *at += 1;
                            text.push(*chars.get(*at).ok_or(END)?);
                        }
                        c => text.push(*c),
                    }
                    *at += 1;
                }
                *at += 1;
                items.push(Item::Text(text));
            }
            _ => {
                let mut text = String::new();
                let mut escaped = false;
                loop {
                    match chars.get(*at).ok_or(END)? {
                        ',' | '}' => break,
                        '{' => return Err("Unexpected \"{\" character."),
                        '"' => return Err("Unexpected array element."),
                        '\\' => {
                            *at += 1;
                            escaped = true;
                            text.push(*chars.get(*at).ok_or(END)?);
                        }
                        c => text.push(*c),
                    }
                    *at += 1;
                }
                let trimmed = text.trim_end();
                if trimmed.is_empty() && !escaped {
                    return Err("Unexpected \",\" character.");
                }
                let null = !escaped && trimmed.eq_ignore_ascii_case("null");
                items.push(if null { Item::Null } else { Item::Text(trimmed.to_owned()) });
            }
        }
        while chars.get(*at).is_some_and(|c| c.is_whitespace()) {
            *at += 1;
        }
        match chars.get(*at).ok_or(END)? {
            ',' => *at += 1,
            '}' => {
                *at += 1;
                return Ok(items);
            }
            _ => return Err("Unexpected array element."),
        }
    }
}

/// Writes a row: `(1,"a b",)`.
pub fn write_record(out: &mut String, record: &RecordValue, context: TextContext<'_>) {
    out.push('(');
    for (at, value) in record.values.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        if value.is_null() {
            continue;
        }
        let mut text = String::new();
        write(&mut text, value, record.types.get(at).copied().unwrap_or(oid::TEXT), context);
        let quote = text.is_empty()
            || text.contains(|c: char| matches!(c, '(' | ')' | ',' | '"' | '\\') || c.is_ascii_whitespace());
        if quote {
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push(c);
                }
                out.push(c);
            }
            out.push('"');
        } else {
            out.push_str(&text);
        }
    }
    out.push(')');
}

/// Reads a row of the given columns.
///
/// # Errors
///
/// 22P02 for a malformed literal, and the columns' own errors.
pub fn parse_record(text: &str, columns: &[DataType], context: TextContext<'_>) -> Result<Vec<Value>> {
    let malformed = |detail: &str| {
        DatabaseError::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("malformed record literal: \"{text}\""),
        )
        .with_detail(detail)
    };
    let body = text.trim().strip_prefix('(').ok_or_else(|| malformed("Missing left parenthesis."))?;
    let body = body.strip_suffix(')').ok_or_else(|| malformed("Unexpected end of input."))?;
    let mut fields: Vec<Option<String>> = Vec::new();
    let mut current: Option<String> = None;
    let mut quoted = false;
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                current.get_or_insert_default().push('"');
            }
            '"' => {
                quoted = !quoted;
                current.get_or_insert_default();
            }
            '\\' => current.get_or_insert_default().extend(chars.next()),
            ',' if !quoted => fields.push(current.take()),
            c => current.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err(malformed("Unexpected end of input."));
    }
    if !columns.is_empty() {
        fields.push(current);
    }
    if fields.len() < columns.len() {
        return Err(malformed("Too few columns."));
    }
    if fields.len() > columns.len() {
        return Err(malformed("Too many columns."));
    }
    fields
        .into_iter()
        .zip(columns)
        .map(|(field, column)| field.map_or(Ok(Value::Null), |field| input(&field, *column, context)))
        .collect()
}

/// Writes a range: `[1,5)`, `empty`.
pub fn write_range(out: &mut String, range: &RangeValue, context: TextContext<'_>) {
    if range.empty {
        return out.push_str("empty");
    }
    let subtype = match context.types.kind(range.type_oid) {
        Some(TypeKind::Range(subtype)) => subtype,
        _ => oid::TEXT,
    };
    let bound = |out: &mut String, value: &Option<Value>| {
        let Some(value) = value else { return };
        let mut text = String::new();
        write(&mut text, value, subtype, context);
        if text.is_empty() || text.contains(|c: char| "()[],\"\\".contains(c) || c.is_ascii_whitespace()) {
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push(c);
                }
                out.push(c);
            }
            out.push('"');
        } else {
            out.push_str(&text);
        }
    };
    out.push(if range.lower_inclusive { '[' } else { '(' });
    bound(out, &range.lower);
    out.push(',');
    bound(out, &range.upper);
    out.push(if range.upper_inclusive { ']' } else { ')' });
}

/// Reads a range of a subtype.
///
/// # Errors
///
/// 22P02 for a malformed literal, 22000 when the bounds are out of order.
pub fn parse_range(text: &str, type_oid: Oid, subtype: Oid, context: TextContext<'_>) -> Result<Value> {
    let malformed = |detail: &str| {
        DatabaseError::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("malformed range literal: \"{text}\""),
        )
        .with_detail(detail)
    };
    let body = text.trim();
    if body.eq_ignore_ascii_case("empty") {
        return Ok(Value::Range(Arc::new(RangeValue::empty(type_oid))));
    }
    let lower_inclusive = match body.chars().next() {
        Some('[') => true,
        Some('(') => false,
        _ => return Err(malformed("Missing left parenthesis or bracket.")),
    };
    let upper_inclusive = match body.chars().last() {
        Some(']') => true,
        Some(')') if body.len() > 1 => false,
        _ => return Err(malformed("Unexpected end of input.")),
    };
    let inner = &body[1..body.len() - 1];
    let mut parts: Vec<Option<String>> = vec![None];
    let mut quoted = false;
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        let current = parts.last_mut().expect("starts with one part");
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                current.get_or_insert_default().push('"');
            }
            '"' => quoted = !quoted,
            '\\' => current.get_or_insert_default().extend(chars.next()),
            ',' if !quoted => parts.push(None),
            c => current.get_or_insert_default().push(c),
        }
    }
    if parts.len() != 2 {
        return Err(malformed("Missing comma after lower bound."));
    }
    let upper = parts.pop().expect("two parts");
    let lower = parts.pop().expect("two parts");
    let bound =
        |part: Option<String>| part.map(|part| input(&part, DataType::of(subtype), context)).transpose();
    let range = RangeValue::new(type_oid, bound(lower)?, bound(upper)?, lower_inclusive, upper_inclusive)?;
    Ok(Value::Range(Arc::new(range)))
}
