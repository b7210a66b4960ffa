//! Clauses that `sqlparser`'s tree has no place for, carried through it in an identifier.
//!
//! `FOR NO KEY UPDATE OF a, b` becomes `FOR UPDATE OF "‹mark›nokeyupdate,a,b"`, and the elements of `ON CONFLICT (…)`
//! become one identifier with their text: the binder reads them back with [`row_lock`] and [`conflict_target`].

use super::cursor::Cursor;
use super::offset_of;
use crate::error::Result;
use sqlparser::ast;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

/// First character of a carried clause: no identifier of a user starts with it.
const MARK: char = '\u{1}';

/// Strength of a row lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockStrength {
    /// `FOR KEY SHARE`.
    KeyShare,
    /// `FOR SHARE`.
    Share,
    /// `FOR NO KEY UPDATE`.
    NoKeyUpdate,
    /// `FOR UPDATE`.
    Update,
}

/// A row-lock clause.
pub struct RowLock {
    /// Strength.
    pub strength: LockStrength,
    /// The tables of `OF`; empty for all.
    pub tables: Vec<String>,
    /// `NOWAIT` or `SKIP LOCKED`.
    pub nonblock: Option<ast::NonBlock>,
}

/// Elements of `ON CONFLICT (…)`.
pub type ConflictTarget = Vec<ast::Expr>;

fn carried(text: String, span: Span) -> TokenWithSpan {
    let word = Word {
        value: format!("{MARK}{text}"),
        quote_style: Some('"'),
        keyword: sqlparser::keywords::Keyword::NoKeyword,
    };
    TokenWithSpan { token: Token::Word(word), span }
}

fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_lowercase()),
        _ => None,
    }
}

pub(super) fn rewrite(sql: &str, tokens: &[TokenWithSpan]) -> Result<Vec<TokenWithSpan>> {
    let solid: Vec<usize> =
        (0..tokens.len()).filter(|at| !matches!(tokens[*at].token, Token::Whitespace(_))).collect();
    let word_at = |place: usize| solid.get(place).and_then(|at| word(&tokens[*at].token));
    let is = |place: usize, text: &str| word_at(place).is_some_and(|w| w == text);
    let mut out = Vec::with_capacity(tokens.len());
    let mut copied = 0;
    let mut place = 0;
    while place < solid.len() {
        let at = solid[place];
        if is(place, "for") {
            let (strength, length) = if is(place + 1, "update") {
                ("update", 2)
            } else if is(place + 1, "no") && is(place + 2, "key") && is(place + 3, "update") {
                ("nokeyupdate", 4)
            } else if is(place + 1, "share") {
                ("share", 2)
            } else if is(place + 1, "key") && is(place + 2, "share") {
                ("keyshare", 3)
            } else {
                place += 1;
                continue;
            };
            out.extend_from_slice(&tokens[copied..=at]);
            let span = tokens[at].span;
            let mut names = Vec::new();
            let mut next = place + length;
            if is(next, "of") {
                next += 1;
                loop {
                    let mut cursor_name = match solid.get(next).map(|at| &tokens[*at].token) {
                        Some(Token::Word(w)) if w.quote_style.is_some() => w.value.clone(),
                        Some(Token::Word(w)) => w.value.to_lowercase(),
                        _ => return Err(super::syntax_error(sql, solid.get(next).map(|at| &tokens[*at]))),
                    };
                    next += 1;
                    while solid.get(next).is_some_and(|at| tokens[*at].token == Token::Period) {
                        if let Some(Token::Word(w)) = solid.get(next + 1).map(|at| &tokens[*at].token) {
                            cursor_name = w.value.clone();
                        }
                        next += 2;
                    }
                    names.push(cursor_name);
                    if !solid.get(next).is_some_and(|at| tokens[*at].token == Token::Comma) {
                        break;
                    }
                    next += 1;
                }
            }
            let plain = |text: &str, keyword| TokenWithSpan {
                token: Token::Word(Word { value: text.to_owned(), quote_style: None, keyword }),
                span,
            };
            out.push(plain("UPDATE", sqlparser::keywords::Keyword::UPDATE));
            out.push(plain("OF", sqlparser::keywords::Keyword::OF));
            let mut carried_text = strength.to_owned();
            for name in &names {
                carried_text.push('\u{2}');
                carried_text.push_str(name);
            }
            out.push(carried(carried_text, span));
            copied = solid.get(next).copied().unwrap_or(tokens.len());
            place = next;
            continue;
        }
        if is(place, "on")
            && is(place + 1, "conflict")
            && solid.get(place + 2).is_some_and(|at| tokens[*at].token == Token::LParen)
        {
            let open = solid[place + 2];
            let mut depth = 0_usize;
            let mut close = None;
            for at in &solid[place + 2..] {
                match tokens[*at].token {
                    Token::LParen => depth += 1,
                    Token::RParen => {
                        depth -= 1;
                        if depth == 0 {
                            close = Some(*at);
                            break;
                        }
                    }
                    _ => {}
                }
            }
            if let Some(close) = close
                && close > open + 1
            {
                let from = offset_of(sql, tokens[open].span.end).unwrap_or(0);
                let to = offset_of(sql, tokens[close].span.start).unwrap_or(from).max(from);
                out.extend_from_slice(&tokens[copied..=open]);
                out.push(carried(sql[from..to].to_owned(), tokens[open + 1].span));
                copied = close;
                place = solid.iter().position(|at| *at == close).unwrap_or(place + 1);
                continue;
            }
        }
        place += 1;
    }
    out.extend_from_slice(&tokens[copied..]);
    let _ = Cursor::new(sql, &[]);
    Ok(out)
}

/// Reads a row-lock clause back.
pub fn row_lock(clause: &ast::LockClause) -> RowLock {
    let nonblock = clause.nonblock;
    let carried = clause.of.as_ref().and_then(|name| match name.0.first() {
        Some(ast::ObjectNamePart::Identifier(ident)) => ident.value.strip_prefix(MARK),
        _ => None,
    });
    let mut parts = carried.unwrap_or("update").split('\u{2}');
    let strength = match parts.next() {
        Some("nokeyupdate") => LockStrength::NoKeyUpdate,
        Some("share") => LockStrength::Share,
        Some("keyshare") => LockStrength::KeyShare,
        _ => LockStrength::Update,
    };
    RowLock { strength, tables: parts.map(str::to_owned).collect(), nonblock }
}

/// Reads the elements of `ON CONFLICT (…)` back.
///
/// # Errors
///
/// 42601.
pub fn conflict_target(columns: &[ast::Ident]) -> Result<ConflictTarget> {
    match columns.first().and_then(|ident| ident.value.strip_prefix(MARK)) {
        Some(text) => super::parse_conflict_target(text),
        None => Ok(columns.iter().cloned().map(ast::Expr::Identifier).collect()),
    }
}
