//! JSON text: parsing with PostgreSQL's strictness, and the two ways it writes documents.

use super::{Jsonb, Numeric};
use crate::error::{DatabaseError, Result, SqlState};
use std::sync::Arc;

const DEPTH_MAX: usize = 2_000;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

fn invalid(detail: String) -> DatabaseError {
    DatabaseError::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")
        .with_detail(detail)
}

/// Parses a document.
///
/// # Errors
///
/// 22P02 for a text that is not JSON, 22P05 for `\u0000`, which the server cannot store in `jsonb`.
pub fn parse(text: &str) -> Result<Jsonb> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let document = parser.value()?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.unexpected("end of input"));
    }
    Ok(document)
}

/// Checks that a text is JSON, as the input of type `json` does.
///
/// # Errors
///
/// 22P02 for a text that is not JSON.
pub fn validate(text: &str) -> Result<()> {
    match parse(text) {
        Err(error) if error.sqlstate == SqlState(*b"22P05") => Ok(()),
        other => other.map(drop),
    }
}

impl Parser<'_> {
    fn blanks(&mut self) {
        while self.text[self.at..].starts_with([' ', '\t', '\n', '\r']) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, wanted: &str) -> DatabaseError {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return invalid("The input string ended unexpectedly.".to_owned());
        }
        let end = rest
            .char_indices()
            .find(|(at, c)| *at > 0 && !c.is_alphanumeric() && *c != '_')
            .map_or(rest.len(), |(at, _)| at);
        let token = &rest[..end];
        match wanted {
            "" => invalid(format!("Token \"{token}\" is invalid.")),
            _ => invalid(format!("Expected {wanted}, but found \"{token}\".")),
        }
    }

    fn value(&mut self) -> Result<Jsonb> {
        self.blanks();
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Jsonb::String(self.string()?.into())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'a'..=b'z' | b'A'..=b'Z') => {
                let rest = &self.text[self.at..];
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let document = match &rest[..end] {
                    "true" => Jsonb::Bool(true),
                    "false" => Jsonb::Bool(false),
                    "null" => Jsonb::Null,
                    _ => return Err(self.unexpected("")),
                };
                self.at += end;
                Ok(document)
            }
            _ => Err(self.unexpected("JSON value")),
        }
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Result<Jsonb>) -> Result<Jsonb> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(DatabaseError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        self.at += 1;
        let document = inner(self);
        self.depth -= 1;
        document
    }

    fn object(&mut self) -> Result<Jsonb> {
        let mut members: Vec<(Arc<str>, Jsonb)> = Vec::new();
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Jsonb::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected(if members.is_empty() { "string or \"}\"" } else { "string" }));
            }
            let key: Arc<str> = self.string()?.into();
            self.blanks();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("\":\""));
            }
            self.at += 1;
            members.push((key, self.value()?));
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.unexpected("\",\" or \"}\"")),
            }
        }
        self.at += 1;
        Ok(Jsonb::object(members))
    }

    fn array(&mut self) -> Result<Jsonb> {
        let mut elements = Vec::new();
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Jsonb::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.unexpected("\",\" or \"]\"")),
            }
        }
        self.at += 1;
        Ok(Jsonb::Array(elements))
    }

    fn number(&mut self) -> Result<Jsonb> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start + usize::from(bytes[start] == b'-');
        let digits = |at: &mut usize| {
            let from = *at;
            while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at - from
        };
        let leading_zero = bytes.get(at) == Some(&b'0');
        let whole = digits(&mut at);
        let mut good = whole > 0 && !(leading_zero && whole > 1);
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            good &= digits(&mut at) > 0;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            if matches!(bytes.get(at), Some(b'+' | b'-')) {
                at += 1;
            }
            good &= digits(&mut at) > 0;
        }
        good &= !bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if !good {
            return Err(self.unexpected(""));
        }
        self.at = at;
        let number = Numeric::parse(&self.text[start..at]).ok_or_else(|| self.unexpected(""))?;
        Ok(Jsonb::Number(number))
    }

    fn string(&mut self) -> Result<String> {
        let mut out = String::new();
        let mut null_escape = false;
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let Some(c) = rest.chars().next() else {
                return Err(invalid("The input string ended unexpectedly.".to_owned()));
            };
            self.at += c.len_utf8();
            match c {
                '"' => break,
                '\\' => match self.peek() {
                    Some(b'u') => {
                        self.at += 1;
                        match self.unicode()? {
                            '\0' => null_escape = true,
                            c => out.push(c),
                        }
                    }
                    Some(escape) => {
                        out.push(match escape {
                            b'"' | b'\\' | b'/' => escape as char,
                            b'b' => '\u{8}',
                            b'f' => '\u{c}',
                            b'n' => '\n',
                            b'r' => '\r',
                            b't' => '\t',
                            other => {
                                return Err(invalid(format!(
                                    "Escape sequence \"\\{}\" is invalid.",
                                    other as char
                                )));
                            }
                        });
                        self.at += 1;
                    }
                    None => return Err(invalid("The input string ended unexpectedly.".to_owned())),
                },
                c if (c as u32) < 0x20 => {
                    return Err(invalid(format!("Character with value 0x{:02x} must be escaped.", c as u32)));
                }
                c => out.push(c),
            }
        }
        if null_escape {
            return Err(DatabaseError::new(SqlState(*b"22P05"), "unsupported Unicode escape sequence")
                .with_detail("\\u0000 cannot be converted to text."));
        }
        Ok(out)
    }

    fn hex(&mut self) -> Result<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits
            .ok_or_else(|| invalid("\"\\u\" must be followed by four hexadecimal digits.".to_owned()))?;
        self.at += 4;
        Ok(u32::from_str_radix(digits, 16).expect("four hexadecimal digits"))
    }

    fn unicode(&mut self) -> Result<char> {
        let high = self.hex()?;
        if (0xD800..0xDC00).contains(&high) {
            if !self.text[self.at..].starts_with("\\u") {
                return Err(invalid("Unicode low surrogate must follow a high surrogate.".to_owned()));
            }
            self.at += 2;
            let low = self.hex()?;
            if !(0xDC00..0xE000).contains(&low) {
                return Err(invalid("Unicode low surrogate must follow a high surrogate.".to_owned()));
            }
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            return Ok(char::from_u32(code).expect("a surrogate pair is a character"));
        }
        char::from_u32(high)
            .ok_or_else(|| invalid("Unicode low surrogate must follow a high surrogate.".to_owned()))
    }
}

/// Writes a JSON string literal.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Writes a document as `jsonb` is shown: one space after `:` and `,`.
pub fn write(out: &mut String, document: &Jsonb) {
    match document {
        Jsonb::Null => out.push_str("null"),
        Jsonb::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Jsonb::Number(n) => out.push_str(&n.to_string()),
        Jsonb::String(text) => write_string(out, text),
        Jsonb::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write(out, element);
            }
            out.push(']');
        }
        Jsonb::Object(members) => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                write_string(out, key);
                out.push_str(": ");
                write(out, value);
            }
            out.push('}');
        }
    }
}

/// Writes a document over several lines, as `jsonb_pretty` does.
pub fn write_pretty(out: &mut String, document: &Jsonb, indent: usize) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"    ".repeat(depth));
    };
    match document {
        Jsonb::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(out, indent + 1);
                write_pretty(out, element, indent + 1);
            }
            line(out, indent);
            out.push(']');
        }
        Jsonb::Object(members) => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(out, indent + 1);
                write_string(out, key);
                out.push_str(": ");
                write_pretty(out, value, indent + 1);
            }
            line(out, indent);
            out.push('}');
        }
        other => write(out, other),
    }
}
