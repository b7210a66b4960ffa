//! Errors of analysis, with the position of the word that is wrong.

use crate::error::{DatabaseError, SqlState};
use sqlparser::ast::Ident;
use sqlparser::tokenizer::{Location, Span};
use std::cell::RefCell;

thread_local! {
    // Where each line of the text being analysed begins, in characters: spans are lines and columns, positions are not.
    static LINE_STARTS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Sets the text that spans belong to, for the statement analysed next.
pub fn set_text(text: &str) {
    LINE_STARTS.with_borrow_mut(|starts| {
        starts.clear();
        starts.push(0);
        for (at, c) in text.chars().enumerate() {
            if c == '\n' {
                starts.push(at as u32 + 1);
            }
        }
    });
}

/// Position in characters from 1; `None` for a span that points nowhere.
pub fn position(location: Location) -> Option<u32> {
    if location.line == 0 {
        return None;
    }
    LINE_STARTS.with_borrow(|starts| {
        starts.get(location.line as usize - 1).map(|start| start + location.column as u32)
    })
}

/// An error of a code.
pub fn error(code: &'static [u8; 5], message: impl Into<String>) -> DatabaseError {
    DatabaseError::new(SqlState(*code), message)
}

/// An error at a place in the text.
pub fn error_at(span: Span, code: &'static [u8; 5], message: impl Into<String>) -> DatabaseError {
    let raised = error(code, message);
    match position(span.start) {
        Some(position) => raised.at(position),
        None => raised,
    }
}

/// An error at an identifier.
pub fn error_at_ident(ident: &Ident, code: &'static [u8; 5], message: impl Into<String>) -> DatabaseError {
    error_at(ident.span, code, message)
}

/// 0A000 naming the construct.
pub fn unsupported(what: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::unsupported(what)
}
