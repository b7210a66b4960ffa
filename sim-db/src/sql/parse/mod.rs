//! From text to statements.
//!
//! `sqlparser` (PostgreSQL dialect) reads queries, DML and the larger DDL. Statements it reads differently from
//! PostgreSQL, or not at all, are read here from its tokens (`utility`); two clauses it cannot hold are rewritten in the
//! token stream first (`rewrite`). What does not parse is 42601 at the token where it stopped, as PostgreSQL words it.

mod cursor;
mod ddl;
mod rewrite;
mod utility;

pub use utility::*;

use super::error::{error, position};
use crate::error::{DatabaseError, Result};
use cursor::Cursor;
use sqlparser::ast;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use std::sync::Arc;

/// Nesting that the parser takes before it gives up.
const DEPTH_MAX: usize = 200;

/// One parsed statement of a script.
pub struct Statement {
    /// The whole text that it stands in; positions count in it.
    pub text: Arc<str>,
    /// Its own part of the text.
    pub own_text: Arc<str>,
    /// What it is.
    pub kind: StatementKind,
}

/// What a statement is.
pub enum StatementKind {
    /// A query, DML or DDL that `sqlparser` read.
    Sql(Box<ast::Statement>),
    /// Everything else.
    Utility(Utility),
}

fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let dialect = PostgreSqlDialect {};
    Tokenizer::new(&dialect, sql).tokenize_with_location().map_err(|raised| {
        let what = match raised.message.as_str() {
            m if m.contains("Unterminated string")
                || m.contains("unterminated")
                || m.contains("Unterminated dollar") =>
            {
                "unterminated quoted string"
            }
            m if m.contains("comment") => "unterminated /* comment",
            _ => "syntax error",
        };
        let rest = text_at(sql, raised.location);
        let fault = error(b"42601", format!("{what} at or near \"{rest}\""));
        position(raised.location).map_or(fault.clone(), |at| fault.at(at))
    })
}

/// The rest of the text from a location.
fn text_at(sql: &str, location: Location) -> &str {
    offset_of(sql, location).map_or("", |at| &sql[at..])
}

/// Byte offset of a location.
pub(super) fn offset_of(sql: &str, location: Location) -> Option<usize> {
    if location.line == 0 {
        return None;
    }
    let mut line_start = 0;
    for _ in 1..location.line {
        line_start += sql[line_start..].find('\n')? + 1;
    }
    let column = location.column.saturating_sub(1) as usize;
    let within = sql[line_start..].char_indices().nth(column).map(|(at, _)| at);
    Some(line_start + within.unwrap_or(sql.len() - line_start))
}

/// 42601 at a token; `None` is the end of the text.
pub(super) fn syntax_error(sql: &str, token: Option<&TokenWithSpan>) -> DatabaseError {
    match token.filter(|token| token.token != Token::EOF) {
        None => error(b"42601", "syntax error at end of input").at(sql.chars().count() as u32 + 1),
        Some(token) => {
            let from = offset_of(sql, token.span.start).unwrap_or(0);
            let to = offset_of(sql, token.span.end).unwrap_or(sql.len()).max(from);
            let word = if to > from { &sql[from..to] } else { "" };
            let fault = error(b"42601", format!("syntax error at or near \"{word}\""));
            position(token.span.start).map_or(fault.clone(), |at| fault.at(at))
        }
    }
}

fn parser_error(sql: &str, tokens: &[TokenWithSpan], raised: &ParserError) -> DatabaseError {
    let message = match raised {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        ParserError::RecursionLimitExceeded => {
            return error(b"54001", "stack depth limit exceeded");
        }
    };
    if message.contains("found: EOF") {
        return syntax_error(sql, None);
    }
    let location = message.rsplit_once("Line: ").and_then(|(_, rest)| {
        let (line, column) = rest.split_once(", Column: ")?;
        Some((line.trim().parse::<u64>().ok()?, column.trim().parse::<u64>().ok()?))
    });
    let token = location.and_then(|(line, column)| {
        tokens.iter().find(|token| token.span.start.line == line && token.span.start.column == column)
    });
    match token {
        Some(token) => syntax_error(sql, Some(token)),
        None => {
            let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
            syntax_error(sql, first)
        }
    }
}

/// Splits and parses a text: one statement for each part between semicolons that is not blank.
///
/// # Errors
///
/// 42601 with its position, 0A000 for a statement that is not supported.
pub fn parse(sql: &str) -> Result<Vec<Arc<Statement>>> {
    super::error::set_text(sql);
    if sql.contains('\0') {
        return Err(error(b"22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    let text: Arc<str> = sql.into();
    let tokens = tokenize(sql)?;
    let mut statements = Vec::new();
    for part in tokens.split(|token| token.token == Token::SemiColon) {
        if part.iter().all(|token| matches!(token.token, Token::Whitespace(_) | Token::EOF)) {
            continue;
        }
        let kind = parse_one(sql, part)?;
        let solid: Vec<&TokenWithSpan> =
            part.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF)).collect();
        let from = solid.first().and_then(|token| offset_of(sql, token.span.start)).unwrap_or(0);
        let to = solid.last().and_then(|token| offset_of(sql, token.span.end)).unwrap_or(sql.len());
        let own_text = sql[from..to.max(from)].into();
        statements.push(Arc::new(Statement { text: text.clone(), own_text, kind }));
    }
    Ok(statements)
}

pub(super) fn parse_one(sql: &str, tokens: &[TokenWithSpan]) -> Result<StatementKind> {
    let mut cursor = Cursor::new(sql, tokens);
    if let Some(utility) = utility::parse(&mut cursor)? {
        return Ok(StatementKind::Utility(utility));
    }
    parse_sql(sql, tokens).map(|statement| StatementKind::Sql(Box::new(statement)))
}

fn with_parser<T>(
    sql: &str,
    tokens: &[TokenWithSpan],
    read: impl FnOnce(&mut Parser<'_>) -> std::result::Result<T, ParserError>,
) -> Result<T> {
    let rewritten = rewrite::rewrite(sql, tokens)?;
    let dialect = PostgreSqlDialect {};
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(rewritten.clone());
    let value = read(&mut parser).map_err(|raised| parser_error(sql, &rewritten, &raised))?;
    let next = parser.peek_token();
    if next.token != Token::EOF {
        return Err(syntax_error(sql, Some(&next)));
    }
    Ok(value)
}

/// A statement that `sqlparser` reads.
fn parse_sql(sql: &str, tokens: &[TokenWithSpan]) -> Result<ast::Statement> {
    let cursor = Cursor::new(sql, tokens);
    if cursor.looking_at("table") {
        return parse_query(sql, tokens).map(ast::Statement::Query);
    }
    with_parser(sql, tokens, |parser| parser.parse_statement())
}

/// A query.
pub(super) fn parse_query(sql: &str, tokens: &[TokenWithSpan]) -> Result<Box<ast::Query>> {
    with_parser(sql, tokens, |parser| parser.parse_query())
}

/// Expressions separated by commas.
pub(super) fn parse_expressions(sql: &str, tokens: &[TokenWithSpan]) -> Result<Vec<ast::Expr>> {
    with_parser(sql, tokens, |parser| parser.parse_comma_separated(Parser::parse_expr))
}

/// A type's name.
pub(super) fn parse_data_type(sql: &str, tokens: &[TokenWithSpan]) -> Result<ast::DataType> {
    with_parser(sql, tokens, |parser| parser.parse_data_type())
}

/// A type given as text, as `regtype` reads it.
///
/// # Errors
///
/// 42601.
pub fn parse_type(text: &str) -> Result<ast::DataType> {
    parse_data_type(text, &tokenize(text)?)
}

/// The index elements of `ON CONFLICT (…)` kept by [`rewrite`] as text.
///
/// # Errors
///
/// 42601.
pub fn parse_conflict_target(text: &str) -> Result<Vec<ast::Expr>> {
    let tokens = tokenize(text)?;
    with_parser(text, &tokens, |parser| {
        parser.parse_comma_separated(|parser| Ok(parser.parse_create_index_expr()?.column.expr))
    })
}

pub use rewrite::{ConflictTarget, LockStrength, RowLock, conflict_target, row_lock};
