//! `LIKE`, `SIMILAR TO` and regular expressions.
//!
//! PostgreSQL's advanced regular expressions are run by the `regex` crate, which has the common core of both and a
//! bounded running time; back-references and look-around are refused by name.

use super::arithmetic::i32_of;
use super::string::str_of;
use crate::error::Result;
use crate::sql::context::Exec;
use crate::sql::error::{error, unsupported};
use crate::sql::function::{Function, Kind};
use crate::value::oid::*;
use crate::value::{ArrayValue, Value};
use regex::{Regex, RegexBuilder};
use std::cell::RefCell;
use std::sync::Arc;

/// Compiled patterns kept a thread.
const CACHE_MAX: usize = 64;

thread_local! {
    static CACHE: RefCell<Vec<(String, String, Regex)>> = const { RefCell::new(Vec::new()) };
}

/// Compiles a pattern with the flags of `regexp_replace` and its kin.
///
/// # Errors
///
/// 2201B for an invalid pattern, 22023 for an unknown flag, 0A000 for what the engine does not have.
pub fn regex(pattern: &str, flags: &str) -> Result<Regex> {
    let kept = CACHE.with_borrow(|cache| {
        cache.iter().find(|(p, f, _)| p == pattern && f == flags).map(|(_, _, regex)| regex.clone())
    });
    if let Some(regex) = kept {
        return Ok(regex);
    }
    let (mut insensitive, mut newline, mut extended, mut literal) = (false, false, false, false);
    for flag in flags.chars() {
        match flag {
            'i' => insensitive = true,
            'c' => insensitive = false,
            'n' | 'm' => newline = true,
            's' => newline = false,
            'x' => extended = true,
            'q' => literal = true,
            'g' | 'e' | 't' => {}
            other => return Err(error(b"22023", format!("invalid regular expression option: \"{other}\""))),
        }
    }
    let mut body = pattern;
    if let Some(rest) = pattern.strip_prefix("***=") {
        literal = true;
        body = rest;
    } else if let Some(rest) = pattern.strip_prefix("***:") {
        body = rest;
    } else if let Some(rest) = pattern.strip_prefix("(?i)") {
        insensitive = true;
        body = rest;
    }
    let translated = if literal { regex::escape(body) } else { translate(body)? };
    let built = RegexBuilder::new(&translated)
        .case_insensitive(insensitive)
        .dot_matches_new_line(!newline)
        .multi_line(newline)
        .ignore_whitespace(extended)
        .build()
        .map_err(|_| error(b"2201B", format!("invalid regular expression: {}", reason(body))))?;
    CACHE.with_borrow_mut(|cache| {
        if cache.len() >= CACHE_MAX {
            cache.remove(0);
        }
        cache.push((pattern.to_owned(), flags.to_owned(), built.clone()));
    });
    Ok(built)
}

fn reason(pattern: &str) -> &'static str {
    let count = |c: char| pattern.matches(c).count();
    if count('(') != count(')') {
        "parentheses () not balanced"
    } else if count('[') != count(']') {
        "brackets [] not balanced"
    } else if count('{') != count('}') {
        "braces {} not balanced"
    } else {
        "quantifier operand invalid"
    }
}

/// Differences of syntax between PostgreSQL's expressions and the crate's.
fn translate(pattern: &str) -> Result<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut bracket = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('m') if !bracket => out.push_str(r"\b{start}"),
                Some('M') if !bracket => out.push_str(r"\b{end}"),
                Some('y') if !bracket => out.push_str(r"\b"),
                Some('Y') if !bracket => out.push_str(r"\B"),
                Some('Z') => out.push_str(r"\z"),
                Some(d @ '1'..='9') if !bracket => {
                    return Err(unsupported(format!("regular expression back-reference \\{d}")));
                }
                Some(other) => {
                    out.push('\\');
                    out.push(other);
                }
                None => out.push('\\'),
            },
            '[' if !bracket => {
                bracket = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    out.extend(chars.next());
                }
                if chars.peek() == Some(&']') {
                    chars.next();
                    out.push_str("\\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                // [:alpha:]
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' => out.push_str("\\["),
            ']' if bracket => {
                bracket = false;
                out.push(']');
            }
            '&' | '~' if bracket => {
                out.push('\\');
                out.push(c);
            }
            '(' if !bracket && chars.peek() == Some(&'?') => {
                let mut ahead = chars.clone();
                ahead.next();
                if matches!(ahead.next(), Some('=' | '!' | '<')) {
                    return Err(unsupported("regular expression look-around"));
                }
                out.push('(');
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

/// Whether a text matches a `LIKE` pattern.
///
/// # Errors
///
/// 22025 for a pattern that ends with its escape character.
pub fn like(text: &str, pattern: &str, escape: Option<char>, insensitive: bool) -> Result<bool> {
    if insensitive {
        let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
        return like(&text, &pattern, escape, false);
    }
    #[derive(PartialEq)]
    enum Part {
        Any,
        One,
        Char(char),
    }
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(if Some(c) == escape {
            let escaped = chars
                .next()
                .ok_or_else(|| error(b"22025", "LIKE pattern must not end with escape character"))?;
            Part::Char(escaped)
        } else {
            match c {
                '%' => Part::Any,
                '_' => Part::One,
                c => Part::Char(c),
            }
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut part) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((part + 1, at));
                part += 1;
                continue;
            }
            Some(Part::One) => {
                at += 1;
                part += 1;
                continue;
            }
            Some(Part::Char(c)) if *c == text[at] => {
                at += 1;
                part += 1;
                continue;
            }
            _ => {}
        }
        match retry {
            Some((after, from)) => {
                part = after;
                at = from + 1;
                retry = Some((after, from + 1));
            }
            None => return Ok(false),
        }
    }
    Ok(parts[part..].iter().all(|part| *part == Part::Any))
}

/// The regular expression of a `SIMILAR TO` pattern.
fn similar(pattern: &str, escape: Option<char>) -> String {
    let mut out = String::from("^(?:");
    let mut chars = pattern.chars();
    let mut bracket = false;
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            if let Some(escaped) = chars.next() {
                out.push_str(&regex::escape(&escaped.to_string()));
            }
            continue;
        }
        match c {
            '[' => {
                bracket = true;
                out.push('[');
            }
            ']' => {
                bracket = false;
                out.push(']');
            }
            c if bracket => out.push(c),
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            '|' | '*' | '+' | '?' | '(' | ')' | '{' | '}' => out.push(c),
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push_str(")$");
    out
}

/// The replacement text of `regexp_replace`: `\1`, `\&`, `\\`.
fn replacement(template: &str, captures: &regex::Captures<'_>) -> String {
    let mut out = String::new();
    let mut chars = template.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('&') => out.push_str(&captures[0]),
            Some(d @ '0'..='9') => {
                let group = d.to_digit(10).expect("a digit") as usize;
                out.push_str(captures.get(group).map_or("", |found| found.as_str()));
            }
            Some(other) => out.push(other),
            None => out.push('\\'),
        }
    }
    out
}

fn replace(
    text: &str,
    pattern: &str,
    template: &str,
    start: usize,
    nth: usize,
    flags: &str,
) -> Result<Value> {
    let regex = regex(pattern, flags)?;
    let from = text.char_indices().nth(start.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
    let mut out = String::from(&text[..from]);
    let mut last = from;
    for (count, captures) in regex.captures_iter(&text[from..]).enumerate() {
        if nth != 0 && count + 1 != nth {
            continue;
        }
        let found = captures.get(0).expect("the whole match");
        out.push_str(&text[last..from + found.start()]);
        out.push_str(&replacement(template, &captures));
        last = from + found.end();
    }
    out.push_str(&text[last..]);
    Ok(Value::text(out))
}

fn text_array(values: Vec<Value>) -> Value {
    Value::Array(Arc::new(ArrayValue::from_values(TEXT, values)))
}

fn groups(captures: &regex::Captures<'_>) -> Value {
    let from = usize::from(captures.len() > 1);
    let values =
        captures.iter().skip(from).map(|group| group.map_or(Value::Null, |g| Value::text(g.as_str())));
    text_array(values.collect())
}

fn matches(a: &[Value], flags: &str) -> Result<Vec<Vec<Value>>> {
    let regex = regex(str_of(&a[1]), flags)?;
    let text = str_of(&a[0]);
    let take = if flags.contains('g') { usize::MAX } else { 1 };
    Ok(regex.captures_iter(text).take(take).map(|captures| vec![groups(&captures)]).collect())
}

fn split(a: &[Value], flags: &str) -> Result<Vec<Value>> {
    let regex = regex(str_of(&a[1]), flags)?;
    let text = str_of(&a[0]);
    let mut parts = Vec::new();
    let mut last = 0;
    for found in regex.find_iter(text) {
        // An empty match splits between characters, but not at the ends.
        if found.is_empty() && (found.start() == 0 || found.start() == text.len()) {
            continue;
        }
        parts.push(Value::text(&text[last..found.start()]));
        last = found.end();
    }
    parts.push(Value::text(&text[last..]));
    Ok(parts)
}

fn escape_of(value: &Value) -> Result<Option<char>> {
    let text = str_of(value);
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (None, _) => Ok(None),
        (Some(c), None) => Ok(Some(c)),
        _ => Err(error(b"22025", "invalid escape string")
            .with_hint("Escape string must be empty or one character.")),
    }
}

macro_rules! operators {
    ($(($name:literal, $type:ident, $body:expr);)*) => {
        [$(Function::scalar($name, &[$type, TEXT], BOOL, |_, a| {
            let body: fn(&str, &str) -> Result<bool> = $body;
            body(str_of(&a[0]), str_of(&a[1])).map(Value::Bool)
        }),)*]
    };
}

static OPERATORS: [Function; 20] = operators! {
    ("~~", TEXT, |t, p| like(t, p, Some('\\'), false));
    ("!~~", TEXT, |t, p| like(t, p, Some('\\'), false).map(|m| !m));
    ("~~*", TEXT, |t, p| like(t, p, Some('\\'), true));
    ("!~~*", TEXT, |t, p| like(t, p, Some('\\'), true).map(|m| !m));
    ("~", TEXT, |t, p| Ok(regex(p, "")?.is_match(t)));
    ("!~", TEXT, |t, p| Ok(!regex(p, "")?.is_match(t)));
    ("~*", TEXT, |t, p| Ok(regex(p, "i")?.is_match(t)));
    ("!~*", TEXT, |t, p| Ok(!regex(p, "i")?.is_match(t)));
    ("~~", BPCHAR, |t, p| like(t, p, Some('\\'), false));
    ("!~~", BPCHAR, |t, p| like(t, p, Some('\\'), false).map(|m| !m));
    ("~~*", BPCHAR, |t, p| like(t, p, Some('\\'), true));
    ("!~~*", BPCHAR, |t, p| like(t, p, Some('\\'), true).map(|m| !m));
    ("~", BPCHAR, |t, p| Ok(regex(p, "")?.is_match(t)));
    ("!~", BPCHAR, |t, p| Ok(!regex(p, "")?.is_match(t)));
    ("~~", NAME, |t, p| like(t, p, Some('\\'), false));
    ("!~~", NAME, |t, p| like(t, p, Some('\\'), false).map(|m| !m));
    ("~", NAME, |t, p| Ok(regex(p, "")?.is_match(t)));
    ("!~", NAME, |t, p| Ok(!regex(p, "")?.is_match(t)));
    ("~*", NAME, |t, p| Ok(regex(p, "i")?.is_match(t)));
    ("!~*", NAME, |t, p| Ok(!regex(p, "i")?.is_match(t)));
};

/// The matching operators.
pub(super) fn operators() -> &'static [Function] {
    &OPERATORS
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::scalar("like_escape", &[TEXT, TEXT, TEXT], BOOL, |_, a| {
        like(str_of(&a[0]), str_of(&a[1]), escape_of(&a[2])?, false).map(Value::Bool)
    }),
    Function::scalar("ilike_escape", &[TEXT, TEXT, TEXT], BOOL, |_, a| {
        like(str_of(&a[0]), str_of(&a[1]), escape_of(&a[2])?, true).map(Value::Bool)
    }),
    Function::scalar("similar_to", &[TEXT, TEXT, TEXT], BOOL, |_, a| {
        let pattern = similar(str_of(&a[1]), escape_of(&a[2])?);
        Ok(Value::Bool(regex(&pattern, "")?.is_match(str_of(&a[0]))))
    }),
    Function::scalar("regexp_replace", &[TEXT, TEXT, TEXT], TEXT, |_, a| {
        replace(str_of(&a[0]), str_of(&a[1]), str_of(&a[2]), 1, 1, "")
    }),
    Function::scalar("regexp_replace", &[TEXT, TEXT, TEXT, TEXT], TEXT, |_, a| {
        let flags = str_of(&a[3]);
        replace(str_of(&a[0]), str_of(&a[1]), str_of(&a[2]), 1, usize::from(!flags.contains('g')), flags)
    }),
    Function::scalar("regexp_replace", &[TEXT, TEXT, TEXT, INT4], TEXT, |_, a| {
        replace(str_of(&a[0]), str_of(&a[1]), str_of(&a[2]), i32_of(&a[3]) as usize, 1, "")
    }),
    Function::scalar("regexp_match", &[TEXT, TEXT], TEXT_ARRAY, |_, a| {
        Ok(regex(str_of(&a[1]), "")?
            .captures(str_of(&a[0]))
            .map_or(Value::Null, |captures| groups(&captures)))
    }),
    Function::scalar("regexp_match", &[TEXT, TEXT, TEXT], TEXT_ARRAY, |_, a| {
        let regex = regex(str_of(&a[1]), str_of(&a[2]))?;
        Ok(regex.captures(str_of(&a[0])).map_or(Value::Null, |captures| groups(&captures)))
    }),
    Function::scalar("regexp_like", &[TEXT, TEXT], BOOL, |_, a| {
        Ok(Value::Bool(regex(str_of(&a[1]), "")?.is_match(str_of(&a[0]))))
    }),
    Function::scalar("regexp_like", &[TEXT, TEXT, TEXT], BOOL, |_, a| {
        Ok(Value::Bool(regex(str_of(&a[1]), str_of(&a[2]))?.is_match(str_of(&a[0]))))
    }),
    Function::scalar("regexp_count", &[TEXT, TEXT], INT4, |_, a| {
        Ok(Value::Int4(regex(str_of(&a[1]), "")?.find_iter(str_of(&a[0])).count() as i32))
    }),
    Function::scalar("regexp_substr", &[TEXT, TEXT], TEXT, |_, a| {
        Ok(regex(str_of(&a[1]), "")?
            .find(str_of(&a[0]))
            .map_or(Value::Null, |found| Value::text(found.as_str())))
    }),
    Function::scalar("regexp_instr", &[TEXT, TEXT], INT4, |_, a| {
        let text = str_of(&a[0]);
        let found = regex(str_of(&a[1]), "")?.find(text);
        Ok(Value::Int4(found.map_or(0, |found| text[..found.start()].chars().count() as i32 + 1)))
    }),
    Function::scalar("regexp_split_to_array", &[TEXT, TEXT], TEXT_ARRAY, |_, a| {
        Ok(text_array(split(a, "")?))
    }),
    Function::scalar("regexp_split_to_array", &[TEXT, TEXT, TEXT], TEXT_ARRAY, |_, a| {
        Ok(text_array(split(a, str_of(&a[2]))?))
    }),
    Function::of("regexp_matches", &[TEXT, TEXT], TEXT_ARRAY, Kind::Set(|_, a, _| matches(a, ""), &[])),
    Function::of(
        "regexp_matches",
        &[TEXT, TEXT, TEXT],
        TEXT_ARRAY,
        Kind::Set(|_: &mut Exec, a, _| matches(a, str_of(&a[2])), &[]),
    ),
    Function::of(
        "regexp_split_to_table",
        &[TEXT, TEXT],
        TEXT,
        Kind::Set(|_: &mut Exec, a, _| Ok(split(a, "")?.into_iter().map(|part| vec![part]).collect()), &[]),
    ),
    Function::of(
        "regexp_split_to_table",
        &[TEXT, TEXT, TEXT],
        TEXT,
        Kind::Set(
            |_: &mut Exec, a, _| Ok(split(a, str_of(&a[2]))?.into_iter().map(|part| vec![part]).collect()),
            &[],
        ),
    ),
];
