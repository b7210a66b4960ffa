//! SQL/JSON paths: the common core (`$.a.b[*] ? (@.c > 1)`), for `jsonb_path_query` and its kin.

use super::json::{jsonb, jsonb_of};
use super::string::str_of;
use crate::error::Result;
use crate::sql::error::{error, unsupported};
use crate::sql::function::{Function, Kind};
use crate::value::oid::*;
use crate::value::{ArrayValue, Jsonb, Numeric, Value};
use std::sync::Arc;

enum Step {
    Member(String),
    AnyMember,
    Element(i64),
    LastElement,
    AnyElement,
    Filter(Condition),
    Size,
    Type,
}

enum Operand {
    Path(Vec<Step>),
    Literal(Jsonb),
}

enum Condition {
    Compare(Operand, String, Operand),
    Exists(Vec<Step>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

fn syntax(text: &str) -> crate::error::DatabaseError {
    let _ = text;
    error(b"42601", "syntax error in jsonpath".to_owned())
}

impl Parser<'_> {
    fn blanks(&mut self) {
        while self.text[self.at..].starts_with(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn name(&mut self) -> Result<String> {
        self.blanks();
        if self.eat("\"") {
            let rest = &self.text[self.at..];
            let end = rest.find('"').ok_or_else(|| syntax(self.text))?;
            self.at += end + 1;
            return Ok(rest[..end].to_owned());
        }
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len());
        if end == 0 {
            return Err(syntax(self.text));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn path(&mut self) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            self.blanks();
            if self.eat(".") {
                if self.eat("*") {
                    steps.push(Step::AnyMember);
                    continue;
                }
                let name = self.name()?;
                if self.eat("(") {
                    if !self.eat(")") {
                        return Err(syntax(self.text));
                    }
                    steps.push(match name.as_str() {
                        "size" => Step::Size,
                        "type" => Step::Type,
                        other => return Err(unsupported(format!("jsonpath method .{other}()"))),
                    });
                } else {
                    steps.push(Step::Member(name));
                }
            } else if self.eat("[") {
                if self.eat("*") {
                    steps.push(Step::AnyElement);
                } else if self.eat("last") {
                    steps.push(Step::LastElement);
                } else {
                    let index = self.name()?.parse().map_err(|_| syntax(self.text))?;
                    steps.push(Step::Element(index));
                }
                if !self.eat("]") {
                    return Err(syntax(self.text));
                }
            } else if self.eat("?") {
                if !self.eat("(") {
                    return Err(syntax(self.text));
                }
                let condition = self.or()?;
                if !self.eat(")") {
                    return Err(syntax(self.text));
                }
                steps.push(Step::Filter(condition));
            } else {
                return Ok(steps);
            }
        }
    }

    fn or(&mut self) -> Result<Condition> {
        let mut left = self.and()?;
        while self.eat("||") {
            left = Condition::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Condition> {
        let mut left = self.comparison()?;
        while self.eat("&&") {
            left = Condition::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Condition> {
        self.blanks();
        if self.text[self.at..].starts_with('!') && !self.text[self.at..].starts_with("!=") {
            self.at += 1;
            return Ok(Condition::Not(Box::new(self.comparison()?)));
        }
        if self.eat("exists") {
            let _ = self.eat("(") && self.eat("@");
            let path = self.path()?;
            let _ = self.eat(")");
            return Ok(Condition::Exists(path));
        }
        if self.eat("(") {
            let inner = self.or()?;
            return if self.eat(")") { Ok(inner) } else { Err(syntax(self.text)) };
        }
        let left = self.operand()?;
        for operator in ["==", "!=", "<>", "<=", ">=", "<", ">", "like_regex", "starts with"] {
            if self.eat(operator) {
                return Ok(Condition::Compare(left, operator.to_owned(), self.operand()?));
            }
        }
        match left {
            Operand::Path(steps) => Ok(Condition::Exists(steps)),
            Operand::Literal(_) => Err(syntax(self.text)),
        }
    }

    fn operand(&mut self) -> Result<Operand> {
        self.blanks();
        if self.eat("@") || self.eat("$") {
            return Ok(Operand::Path(self.path()?));
        }
        if self.eat("\"") {
            let rest = &self.text[self.at..];
            let end = rest.find('"').ok_or_else(|| syntax(self.text))?;
            self.at += end + 1;
            return Ok(Operand::Literal(Jsonb::String(rest[..end].into())));
        }
        let rest = &self.text[self.at..];
        let end =
            rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '-' | '+')).unwrap_or(rest.len());
        let word = &rest[..end];
        self.at += end;
        Ok(Operand::Literal(match word {
            "true" => Jsonb::Bool(true),
            "false" => Jsonb::Bool(false),
            "null" => Jsonb::Null,
            number => Jsonb::Number(Numeric::parse(number).ok_or_else(|| syntax(self.text))?),
        }))
    }
}

fn parse(text: &str) -> Result<Vec<Step>> {
    let mut parser = Parser { text, at: 0 };
    let _strict = parser.eat("strict") || parser.eat("lax");
    if !parser.eat("$") {
        return Err(syntax(text));
    }
    let steps = parser.path()?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(unsupported(format!("jsonpath \"{}\"", &text[parser.at..])));
    }
    Ok(steps)
}

fn run(documents: Vec<Jsonb>, steps: &[Step]) -> Vec<Jsonb> {
    let mut current = documents;
    for step in steps {
        let mut next = Vec::new();
        for document in current {
            match step {
                Step::Member(name) => match &document {
                    // Lax mode unwraps arrays.
                    Jsonb::Array(elements) => {
                        next.extend(elements.iter().filter_map(|e| e.get(name)).cloned())
                    }
                    other => next.extend(other.get(name).cloned()),
                },
                Step::AnyMember => {
                    if let Jsonb::Object(members) = &document {
                        next.extend(members.iter().map(|(_, value)| value.clone()));
                    }
                }
                Step::Element(index) => match &document {
                    Jsonb::Array(_) => next.extend(document.element(*index).cloned()),
                    other if *index == 0 => next.push(other.clone()),
                    _ => {}
                },
                Step::LastElement => match &document {
                    Jsonb::Array(_) => next.extend(document.element(-1).cloned()),
                    other => next.push(other.clone()),
                },
                Step::AnyElement => match document {
                    Jsonb::Array(elements) => next.extend(elements),
                    other => next.push(other),
                },
                Step::Filter(condition) => match document {
                    Jsonb::Array(elements) => {
                        next.extend(elements.into_iter().filter(|e| holds(condition, e)))
                    }
                    other => next.extend(holds(condition, &other).then_some(other)),
                },
                Step::Size => next.push(Jsonb::Number(Numeric::from(match &document {
                    Jsonb::Array(elements) => elements.len() as i64,
                    _ => 1,
                }))),
                Step::Type => next.push(Jsonb::String(super::json::kind_name(&document).into())),
            }
        }
        current = next;
    }
    current
}

fn holds(condition: &Condition, document: &Jsonb) -> bool {
    let values = |operand: &Operand| match operand {
        Operand::Path(steps) => run(vec![document.clone()], steps),
        Operand::Literal(literal) => vec![literal.clone()],
    };
    match condition {
        Condition::And(left, right) => holds(left, document) && holds(right, document),
        Condition::Or(left, right) => holds(left, document) || holds(right, document),
        Condition::Not(inner) => !holds(inner, document),
        Condition::Exists(steps) => !run(vec![document.clone()], steps).is_empty(),
        Condition::Compare(left, operator, right) => {
            let right = values(right);
            values(left).iter().any(|a| right.iter().any(|b| compare(a, operator, b)))
        }
    }
}

fn compare(left: &Jsonb, operator: &str, right: &Jsonb) -> bool {
    if let (Jsonb::String(text), Jsonb::String(pattern)) = (left, right) {
        match operator {
            "like_regex" => {
                return super::pattern::regex(pattern, "").is_ok_and(|regex| regex.is_match(text));
            }
            "starts with" => return text.starts_with(&**pattern),
            _ => {}
        }
    }
    if super::json::kind_name(left) != super::json::kind_name(right) {
        return matches!(operator, "!=" | "<>");
    }
    match operator {
        "==" => left == right,
        "!=" | "<>" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        ">=" => left >= right,
        _ => false,
    }
}

fn query(a: &[Value]) -> Result<Vec<Jsonb>> {
    Ok(run(vec![jsonb_of(&a[0]).clone()], &parse(str_of(&a[1]))?))
}

pub(super) static FUNCTIONS: &[Function] = &[
    Function::of(
        "jsonb_path_query",
        &[JSONB, JSONPATH],
        JSONB,
        Kind::Set(|_, a, _| Ok(query(a)?.into_iter().map(|document| vec![jsonb(document)]).collect()), &[]),
    ),
    Function::scalar("jsonb_path_query_array", &[JSONB, JSONPATH], JSONB, |_, a| {
        Ok(jsonb(Jsonb::Array(query(a)?)))
    }),
    Function::scalar("jsonb_path_query_first", &[JSONB, JSONPATH], JSONB, |_, a| {
        Ok(query(a)?.into_iter().next().map_or(Value::Null, jsonb))
    }),
    Function::scalar("jsonb_path_exists", &[JSONB, JSONPATH], BOOL, |_, a| {
        Ok(Value::Bool(!query(a)?.is_empty()))
    }),
    Function::scalar("@?", &[JSONB, JSONPATH], BOOL, |_, a| Ok(Value::Bool(!query(a)?.is_empty()))),
    Function::scalar("jsonb_path_match", &[JSONB, JSONPATH], BOOL, |_, a| predicate(a)),
    Function::scalar("@@", &[JSONB, JSONPATH], BOOL, |_, a| predicate(a)),
];

/// A path that is a condition: `$.a > 1`.
fn predicate(a: &[Value]) -> Result<Value> {
    let text = str_of(&a[1]);
    let mut parser = Parser { text, at: 0 };
    let condition = parser.or()?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(syntax(text));
    }
    let _ = Arc::new(ArrayValue::from_values(BOOL, Vec::new()));
    Ok(Value::Bool(holds(&condition, jsonb_of(&a[0]))))
}
