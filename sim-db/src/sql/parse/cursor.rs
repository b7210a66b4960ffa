//! Walking through tokens.

use super::syntax_error;
use crate::error::Result;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// A place in a list of tokens, blanks left out.
pub struct Cursor<'a> {
    /// The text they are of.
    pub sql: &'a str,
    tokens: Vec<&'a TokenWithSpan>,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(sql: &'a str, tokens: &'a [TokenWithSpan]) -> Self {
        let tokens =
            tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF)).collect();
        Self { sql, tokens, at: 0 }
    }

    pub fn peek(&self) -> Option<&'a TokenWithSpan> {
        self.tokens.get(self.at).copied()
    }

    pub fn next(&mut self) -> Option<&'a TokenWithSpan> {
        let token = self.peek();
        self.at += 1;
        token
    }

    pub fn is_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub fn position(&self) -> usize {
        self.at
    }

    pub fn rewind(&mut self, to: usize) {
        self.at = to;
    }

    fn word_at(&self, at: usize) -> Option<&'a str> {
        match &self.tokens.get(at)?.token {
            Token::Word(word) if word.quote_style.is_none() => Some(&word.value),
            _ => None,
        }
    }

    /// Whether the next words are these.
    pub fn looking_at(&self, words: &str) -> bool {
        words.split(' ').enumerate().all(|(offset, word)| {
            self.word_at(self.at + offset).is_some_and(|found| found.eq_ignore_ascii_case(word))
        })
    }

    /// Takes the next words if they are these.
    pub fn eat(&mut self, words: &str) -> bool {
        let found = self.looking_at(words);
        if found {
            self.at += words.split(' ').count();
        }
        found
    }

    pub fn expect(&mut self, words: &str) -> Result<()> {
        if self.eat(words) { Ok(()) } else { Err(self.error()) }
    }

    pub fn eat_token(&mut self, token: &Token) -> bool {
        let found = self.peek().is_some_and(|next| next.token == *token);
        if found {
            self.at += 1;
        }
        found
    }

    pub fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.eat_token(token) { Ok(()) } else { Err(self.error()) }
    }

    /// 42601 at the next token.
    pub fn error(&self) -> crate::error::DatabaseError {
        syntax_error(self.sql, self.peek())
    }

    pub fn expect_end(&self) -> Result<()> {
        if self.is_end() { Ok(()) } else { Err(self.error()) }
    }

    /// An identifier, folded to lower case unless quoted.
    pub fn identifier(&mut self) -> Result<String> {
        match self.peek().map(|token| &token.token) {
            Some(Token::Word(word)) => {
                let name =
                    if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
                if word.quote_style.is_none() && crate::sql::catalog::env::is_reserved(&name) {
                    return Err(self.error());
                }
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.error()),
        }
    }

    /// An identifier that may be a reserved word too.
    pub fn any_word(&mut self) -> Result<String> {
        match self.peek().map(|token| &token.token) {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() })
            }
            _ => Err(self.error()),
        }
    }

    /// `name` or `schema.name`.
    pub fn name(&mut self) -> Result<super::Name> {
        let token = self.peek();
        let span = token.map_or_else(sqlparser::tokenizer::Span::empty, |token| token.span);
        let mut parts = vec![self.identifier()?];
        while self.eat_token(&Token::Period) {
            parts.push(self.any_word()?);
        }
        let name = parts.pop().expect("at least one part");
        Ok(super::Name { schema: parts.pop(), name, span })
    }

    pub fn names(&mut self) -> Result<Vec<super::Name>> {
        let mut names = vec![self.name()?];
        while self.eat_token(&Token::Comma) {
            names.push(self.name()?);
        }
        Ok(names)
    }

    /// A string literal.
    pub fn string(&mut self) -> Result<String> {
        match self.peek().map(|token| &token.token) {
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            Some(Token::DollarQuotedString(text)) => {
                self.at += 1;
                Ok(text.value.clone())
            }
            _ => Err(self.error()),
        }
    }

    /// A whole number with an optional sign.
    pub fn integer(&mut self) -> Result<i64> {
        let negative = self.eat_token(&Token::Minus);
        if !negative {
            self.eat_token(&Token::Plus);
        }
        match self.peek().map(|token| &token.token) {
            Some(Token::Number(digits, _)) => {
                let number = format!("{}{digits}", if negative { "-" } else { "" });
                let parsed = number.parse().map_err(|_| self.error())?;
                self.at += 1;
                Ok(parsed)
            }
            _ => Err(self.error()),
        }
    }

    /// Takes tokens up to a top-level one that `stop` accepts, or to the end.
    pub fn take_until(&mut self, stop: impl Fn(&Token) -> bool) -> Vec<TokenWithSpan> {
        let mut depth = 0_usize;
        let mut taken = Vec::new();
        while let Some(token) = self.peek() {
            if depth == 0 && stop(&token.token) {
                break;
            }
            match token.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket if depth == 0 => break,
                Token::RParen | Token::RBracket => depth -= 1,
                _ => {}
            }
            taken.push(token.clone());
            self.at += 1;
        }
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> Vec<TokenWithSpan> {
        let rest =
            self.tokens[self.at.min(self.tokens.len())..].iter().map(|token| (*token).clone()).collect();
        self.at = self.tokens.len();
        rest
    }
}
