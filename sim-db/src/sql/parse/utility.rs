//! Statements read here rather than by `sqlparser`.

use super::cursor::Cursor;
use super::ddl;
use super::{StatementKind, parse_data_type, parse_expressions, parse_one, parse_query};
use crate::engine::{IsolationLevel, LockMode};
use crate::error::Result;
use crate::sql::error::unsupported;
use sqlparser::ast;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

pub use ddl::{AlterKind, DdlStatement, DropKind, SequenceChange};

/// A name with an optional schema.
#[derive(Clone, Debug)]
pub struct Name {
    /// Schema.
    pub schema: Option<String>,
    /// Name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Name {
    /// As written in messages.
    pub fn display(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Transaction modes as given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Modes {
    /// `ISOLATION LEVEL`.
    pub isolation: Option<IsolationLevel>,
    /// `READ ONLY` or `READ WRITE`.
    pub read_only: Option<bool>,
    /// `[NOT] DEFERRABLE`.
    pub deferrable: Option<bool>,
}

/// What `COPY` copies.
pub enum CopySource {
    /// A table, some columns.
    Table(Name, Vec<String>),
    /// A query.
    Query(Box<ast::Query>),
}

/// `COPY`'s options.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// `csv`.
    pub csv: bool,
    /// `binary`.
    pub binary: bool,
    /// `DELIMITER`.
    pub delimiter: Option<char>,
    /// `NULL`.
    pub null: Option<String>,
    /// `HEADER`.
    pub header: bool,
    /// `QUOTE`.
    pub quote: char,
    /// `ESCAPE`.
    pub escape: Option<char>,
    /// `FORCE_QUOTE *` or columns.
    pub force_quote: Vec<String>,
    /// `FORCE_NULL` columns.
    pub force_null: Vec<String>,
    /// `FORCE_NOT_NULL` columns.
    pub force_not_null: Vec<String>,
}

/// How far `FETCH` goes.
#[derive(Clone, Copy, Debug)]
pub enum FetchCount {
    /// This many rows on.
    Forward(i64),
    /// All that are left.
    All,
}

/// A statement that is not a query, DML or one of `sqlparser`'s DDL.
pub enum Utility {
    /// `BEGIN`, `START TRANSACTION`.
    Begin {
        /// Modes.
        modes: Modes,
        /// Whether it was `START`.
        start: bool,
    },
    /// `COMMIT`, `END`.
    Commit {
        /// `AND CHAIN`.
        chain: bool,
    },
    /// `ROLLBACK`, `ABORT`.
    Rollback {
        /// `AND CHAIN`.
        chain: bool,
    },
    /// `SAVEPOINT`.
    Savepoint(String),
    /// `RELEASE`.
    Release(String),
    /// `ROLLBACK TO`.
    RollbackTo(String),
    /// `SET`, `None` for `DEFAULT`.
    Set {
        /// Name.
        name: String,
        /// Value.
        value: Option<String>,
        /// `LOCAL`.
        local: bool,
    },
    /// `SET TRANSACTION`.
    SetTransaction(Modes),
    /// `SET SESSION CHARACTERISTICS`.
    SetCharacteristics(Modes),
    /// `SET CONSTRAINTS`; no names: all.
    SetConstraints(Vec<Name>, bool),
    /// `SHOW`; `None` for all.
    Show(Option<String>),
    /// `RESET`; `None` for all.
    Reset(Option<String>),
    /// `DISCARD`: `all`, `plans`, `sequences`, `temp`.
    Discard(String),
    /// `LISTEN`.
    Listen(String),
    /// `UNLISTEN`; `None` for all.
    Unlisten(Option<String>),
    /// `NOTIFY`.
    Notify(String, String),
    /// `PREPARE`.
    Prepare {
        /// Name.
        name: String,
        /// Types given.
        types: Vec<ast::DataType>,
        /// Statement.
        statement: Box<StatementKind>,
        /// Its text.
        text: String,
    },
    /// `EXECUTE`.
    Execute(String, Vec<ast::Expr>),
    /// `DEALLOCATE`; `None` for all.
    Deallocate(Option<String>),
    /// `LOCK TABLE`.
    Lock {
        /// Tables.
        tables: Vec<Name>,
        /// Mode.
        mode: LockMode,
        /// `NOWAIT`.
        nowait: bool,
    },
    /// `COPY`.
    Copy {
        /// What.
        source: CopySource,
        /// `FROM STDIN` rather than `TO STDOUT`.
        from: bool,
        /// Options.
        options: CopyOptions,
        /// `WHERE`, of `FROM`.
        filter: Option<ast::Expr>,
    },
    /// `EXPLAIN`.
    Explain {
        /// `ANALYZE`.
        analyze: bool,
        /// `FORMAT JSON`.
        json: bool,
        /// `COSTS` shown.
        costs: bool,
        /// Statement.
        statement: Box<StatementKind>,
    },
    /// Accepted without effect, with this tag; the tables named must exist.
    Nothing {
        /// Tag.
        tag: &'static str,
        /// Tables named.
        tables: Vec<Name>,
        /// Whether it may not run in a transaction block.
        alone: bool,
    },
    /// `TRUNCATE`.
    Truncate {
        /// Tables.
        tables: Vec<Name>,
        /// `RESTART IDENTITY`.
        restart: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `DECLARE … CURSOR`.
    Declare {
        /// Name.
        name: String,
        /// `WITH HOLD`.
        hold: bool,
        /// Query.
        query: Box<ast::Query>,
        /// Its text.
        text: String,
    },
    /// `FETCH`, and `MOVE` when the flag is set.
    Fetch(String, FetchCount, bool),
    /// `CLOSE`; `None` for all.
    Close(Option<String>),
    /// DDL.
    Ddl(DdlStatement),
}

impl Utility {
    /// Whether it fixes the snapshot of the upper levels, as queries do.
    ///
    /// Source: PostgreSQL's manual, section 13.2.2 (the first query or data-modification statement); which others count
    /// was seen on a server.
    pub fn takes_snapshot(&self) -> bool {
        !matches!(
            self,
            Self::Begin { .. }
                | Self::Commit { .. }
                | Self::Rollback { .. }
                | Self::Savepoint(_)
                | Self::Release(_)
                | Self::RollbackTo(_)
                | Self::Set { .. }
                | Self::SetTransaction(_)
                | Self::SetCharacteristics(_)
                | Self::SetConstraints(..)
                | Self::Show(_)
                | Self::Reset(_)
                | Self::Listen(_)
                | Self::Unlisten(_)
                | Self::Notify(..)
                | Self::Lock { .. }
                | Self::Fetch(..)
        )
    }
}

fn isolation(cursor: &mut Cursor<'_>) -> Result<IsolationLevel> {
    if cursor.eat("serializable") {
        Ok(IsolationLevel::Serializable)
    } else if cursor.eat("repeatable read") {
        Ok(IsolationLevel::RepeatableRead)
    } else if cursor.eat("read committed") || cursor.eat("read uncommitted") {
        Ok(IsolationLevel::ReadCommitted)
    } else {
        Err(cursor.error())
    }
}

fn modes(cursor: &mut Cursor<'_>) -> Result<Modes> {
    let mut modes = Modes::default();
    loop {
        if cursor.eat("isolation level") {
            modes.isolation = Some(isolation(cursor)?);
        } else if cursor.eat("read only") {
            modes.read_only = Some(true);
        } else if cursor.eat("read write") {
            modes.read_only = Some(false);
        } else if cursor.eat("deferrable") {
            modes.deferrable = Some(true);
        } else if cursor.eat("not deferrable") {
            modes.deferrable = Some(false);
        } else {
            break;
        }
        cursor.eat_token(&Token::Comma);
    }
    cursor.expect_end()?;
    Ok(modes)
}

fn chain(cursor: &mut Cursor<'_>) -> Result<bool> {
    let _ = cursor.eat("work") || cursor.eat("transaction");
    let chain = cursor.eat("and chain");
    if !chain {
        cursor.eat("and no chain");
    }
    cursor.expect_end()?;
    Ok(chain)
}

/// A setting's name: `a` or `a.b`.
fn setting_name(cursor: &mut Cursor<'_>) -> Result<String> {
    let mut name = cursor.any_word()?;
    while cursor.eat_token(&Token::Period) {
        name.push('.');
        name.push_str(&cursor.any_word()?);
    }
    Ok(name)
}

/// The value of `SET`: words, numbers and strings joined by commas; `None` for `DEFAULT`.
fn setting_value(cursor: &mut Cursor<'_>, name: &str) -> Result<Option<String>> {
    if cursor.eat("default") {
        return Ok(None);
    }
    let mut parts = Vec::new();
    loop {
        let negative = cursor.eat_token(&Token::Minus);
        let part = match cursor.next().map(|token| &token.token) {
            Some(Token::Word(word)) if word.quote_style.is_some() => {
                if name == "search_path" {
                    format!("\"{}\"", word.value)
                } else {
                    word.value.clone()
                }
            }
            Some(Token::Word(word)) => word.value.to_lowercase(),
            Some(Token::Number(digits, _)) => format!("{}{digits}", if negative { "-" } else { "" }),
            Some(Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => {
                if name == "search_path" && !text.is_empty() && !text.contains(',') {
                    format!("\"{text}\"")
                } else {
                    text.clone()
                }
            }
            _ => return Err(cursor.error()),
        };
        parts.push(part);
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    Ok(Some(parts.join(", ")))
}

fn set(cursor: &mut Cursor<'_>) -> Result<Utility> {
    if cursor.eat("transaction") {
        if cursor.eat("snapshot") {
            return Err(unsupported("SET TRANSACTION SNAPSHOT"));
        }
        return modes(cursor).map(Utility::SetTransaction);
    }
    if cursor.eat("session characteristics as transaction") {
        return modes(cursor).map(Utility::SetCharacteristics);
    }
    if cursor.eat("constraints") {
        let names = if cursor.eat("all") { Vec::new() } else { cursor.names()? };
        let deferred = if cursor.eat("deferred") {
            true
        } else {
            cursor.expect("immediate")?;
            false
        };
        cursor.expect_end()?;
        return Ok(Utility::SetConstraints(names, deferred));
    }
    let local = cursor.eat("local");
    if !local {
        cursor.eat("session");
    }
    if cursor.eat("time zone") {
        let name = "timezone".to_owned();
        if cursor.eat("local") {
            return Ok(Utility::Set { name, value: None, local });
        }
        if cursor.eat("interval") {
            let text = cursor.string()?;
            cursor.rest();
            let interval = crate::value::interval_text::parse_interval(
                &text,
                Some(crate::value::interval_text::IntervalUnit::Hour),
            )?;
            let hours = interval.micros as f64 / 3.6e9;
            return Ok(Utility::Set { name, value: Some(format!("interval {hours}")), local });
        }
        let numeric =
            matches!(cursor.peek().map(|t| &t.token), Some(Token::Number(..) | Token::Minus | Token::Plus));
        let value = setting_value(cursor, "timezone")?;
        cursor.expect_end()?;
        let value = if numeric { value.map(|hours| format!("interval {hours}")) } else { value };
        return Ok(Utility::Set { name, value, local });
    }
    if cursor.eat("names") {
        let value = if cursor.is_end() { None } else { setting_value(cursor, "client_encoding")? };
        return Ok(Utility::Set { name: "client_encoding".to_owned(), value, local });
    }
    if cursor.eat("schema") {
        let value = cursor.string()?;
        return Ok(Utility::Set {
            name: "search_path".to_owned(),
            value: Some(format!("\"{value}\"")),
            local,
        });
    }
    if cursor.eat("authorization") || cursor.looking_at("role") {
        cursor.rest();
        return Ok(Utility::Nothing { tag: "SET", tables: Vec::new(), alone: false });
    }
    let name = setting_name(cursor)?;
    if !cursor.eat_token(&Token::Eq) {
        cursor.expect("to")?;
    }
    let value = setting_value(cursor, &name)?;
    cursor.expect_end()?;
    Ok(Utility::Set { name, value, local })
}

fn lock(cursor: &mut Cursor<'_>) -> Result<Utility> {
    cursor.eat("table");
    let mut tables = Vec::new();
    loop {
        cursor.eat("only");
        tables.push(cursor.name()?);
        cursor.eat_token(&Token::Mul);
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    let mut mode = LockMode::AccessExclusive;
    if cursor.eat("in") {
        mode = if cursor.eat("access share") {
            LockMode::AccessShare
        } else if cursor.eat("row share") {
            LockMode::RowShare
        } else if cursor.eat("row exclusive") {
            LockMode::RowExclusive
        } else if cursor.eat("share update exclusive") {
            LockMode::ShareUpdateExclusive
        } else if cursor.eat("share row exclusive") {
            LockMode::ShareRowExclusive
        } else if cursor.eat("share") {
            LockMode::Share
        } else if cursor.eat("exclusive") {
            LockMode::Exclusive
        } else if cursor.eat("access exclusive") {
            LockMode::AccessExclusive
        } else {
            return Err(cursor.error());
        };
        cursor.expect("mode")?;
    }
    let nowait = cursor.eat("nowait");
    cursor.expect_end()?;
    Ok(Utility::Lock { tables, mode, nowait })
}

fn truncate(cursor: &mut Cursor<'_>) -> Result<Utility> {
    cursor.eat("table");
    let mut tables = Vec::new();
    loop {
        cursor.eat("only");
        tables.push(cursor.name()?);
        cursor.eat_token(&Token::Mul);
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    let restart = cursor.eat("restart identity");
    if !restart {
        cursor.eat("continue identity");
    }
    let cascade = cursor.eat("cascade");
    if !cascade {
        cursor.eat("restrict");
    }
    cursor.expect_end()?;
    Ok(Utility::Truncate { tables, restart, cascade })
}

/// The text that tokens stand for.
fn source(sql: &str, tokens: &[TokenWithSpan]) -> String {
    let from = tokens.first().and_then(|token| super::offset_of(sql, token.span.start)).unwrap_or(0);
    let to = tokens.last().and_then(|token| super::offset_of(sql, token.span.end)).unwrap_or(sql.len());
    sql[from..to.max(from)].to_owned()
}

fn prepare(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let name = cursor.identifier()?;
    let mut types = Vec::new();
    if cursor.eat_token(&Token::LParen) {
        loop {
            let tokens = cursor.take_until(|token| *token == Token::Comma);
            types.push(parse_data_type(cursor.sql, &tokens)?);
            if !cursor.eat_token(&Token::Comma) {
                break;
            }
        }
        cursor.expect_token(&Token::RParen)?;
    }
    cursor.expect("as")?;
    let tokens = cursor.rest();
    let statement = Box::new(parse_one(cursor.sql, &tokens)?);
    Ok(Utility::Prepare { name, types, statement, text: source(cursor.sql, &tokens) })
}

fn explain(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let (mut analyze, mut json, mut costs) = (false, false, true);
    if cursor.eat_token(&Token::LParen) {
        loop {
            let option = cursor.any_word()?;
            let value = match cursor.peek().map(|token| &token.token) {
                Some(Token::Comma | Token::RParen) => "on".to_owned(),
                Some(Token::SingleQuotedString(_)) => cursor.string()?,
                _ => cursor.any_word()?,
            };
            let on = !matches!(value.as_str(), "off" | "false" | "0");
            match option.as_str() {
                "analyze" => analyze = on,
                "costs" => costs = on,
                "format" => match value.as_str() {
                    "json" => json = true,
                    "text" => {}
                    other => return Err(unsupported(format!("EXPLAIN format {other}"))),
                },
                _ => {}
            }
            if !cursor.eat_token(&Token::Comma) {
                break;
            }
        }
        cursor.expect_token(&Token::RParen)?;
    } else {
        analyze = cursor.eat("analyze");
        cursor.eat("verbose");
    }
    let tokens = cursor.rest();
    let statement = Box::new(parse_one(cursor.sql, &tokens)?);
    Ok(Utility::Explain { analyze, json, costs, statement })
}

fn character(cursor: &mut Cursor<'_>) -> Result<char> {
    let text = cursor.string()?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c),
        _ => Err(crate::sql::error::error(b"22023", "COPY delimiter must be a single one-byte character")),
    }
}

fn column_list(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    if cursor.eat_token(&Token::Mul) {
        return Ok(vec!["*".to_owned()]);
    }
    let parenthesized = cursor.eat_token(&Token::LParen);
    let mut columns = vec![cursor.identifier()?];
    while cursor.eat_token(&Token::Comma) {
        columns.push(cursor.identifier()?);
    }
    if parenthesized {
        cursor.expect_token(&Token::RParen)?;
    }
    Ok(columns)
}

fn copy_option(cursor: &mut Cursor<'_>, options: &mut CopyOptions, parenthesized: bool) -> Result<()> {
    let name = cursor.any_word()?;
    match name.as_str() {
        "format" => match cursor.any_word()?.as_str() {
            "csv" => options.csv = true,
            "text" => {}
            "binary" => options.binary = true,
            other => {
                return Err(crate::sql::error::error(
                    b"22023",
                    format!("COPY format \"{other}\" not recognized"),
                ));
            }
        },
        "csv" if !parenthesized => options.csv = true,
        "binary" if !parenthesized => options.binary = true,
        "delimiter" => {
            cursor.eat("as");
            options.delimiter = Some(character(cursor)?);
        }
        "null" => {
            cursor.eat("as");
            options.null = Some(cursor.string()?);
        }
        "header" => {
            options.header = if cursor.eat("false") || cursor.eat("off") {
                false
            } else {
                let _ = cursor.eat("true") || cursor.eat("on") || cursor.eat("match");
                true
            };
        }
        "quote" => {
            cursor.eat("as");
            options.quote = character(cursor)?;
        }
        "escape" => {
            cursor.eat("as");
            options.escape = Some(character(cursor)?);
        }
        "force_quote" => options.force_quote = column_list(cursor)?,
        "force_null" => options.force_null = column_list(cursor)?,
        "force_not_null" => options.force_not_null = column_list(cursor)?,
        "force" if cursor.eat("quote") => options.force_quote = column_list(cursor)?,
        "force" if cursor.eat("not null") => options.force_not_null = column_list(cursor)?,
        "freeze" => {
            let _ = cursor.eat("true") || cursor.eat("false");
        }
        "encoding" => {
            cursor.string()?;
        }
        other => {
            return Err(crate::sql::error::error(b"42601", format!("option \"{other}\" not recognized")));
        }
    }
    Ok(())
}

fn copy(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let source = if cursor.eat_token(&Token::LParen) {
        let tokens = cursor.take_until(|_| false);
        cursor.expect_token(&Token::RParen)?;
        CopySource::Query(parse_query(cursor.sql, &tokens)?)
    } else {
        let name = cursor.name()?;
        let mut columns = Vec::new();
        if cursor.eat_token(&Token::LParen) {
            columns.push(cursor.identifier()?);
            while cursor.eat_token(&Token::Comma) {
                columns.push(cursor.identifier()?);
            }
            cursor.expect_token(&Token::RParen)?;
        }
        CopySource::Table(name, columns)
    };
    let from = cursor.eat("from");
    if !from {
        cursor.expect("to")?;
    }
    if !(cursor.eat("stdin") || cursor.eat("stdout")) {
        return Err(unsupported("COPY to or from a file or program"));
    }
    let mut options = CopyOptions {
        csv: false,
        binary: false,
        delimiter: None,
        null: None,
        header: false,
        quote: '"',
        escape: None,
        force_quote: Vec::new(),
        force_null: Vec::new(),
        force_not_null: Vec::new(),
    };
    cursor.eat("with");
    if cursor.eat_token(&Token::LParen) {
        loop {
            copy_option(cursor, &mut options, true)?;
            if !cursor.eat_token(&Token::Comma) {
                break;
            }
        }
        cursor.expect_token(&Token::RParen)?;
    } else {
        while !cursor.is_end() && !cursor.looking_at("where") {
            copy_option(cursor, &mut options, false)?;
        }
    }
    let mut filter = None;
    if from && cursor.eat("where") {
        filter = parse_expressions(cursor.sql, &cursor.rest())?.pop();
    }
    cursor.expect_end()?;
    Ok(Utility::Copy { source, from, options, filter })
}

fn vacuum(cursor: &mut Cursor<'_>, tag: &'static str, alone: bool) -> Result<Utility> {
    if cursor.eat_token(&Token::LParen) {
        cursor.take_until(|_| false);
        cursor.expect_token(&Token::RParen)?;
    }
    while [
        "full",
        "freeze",
        "verbose",
        "analyze",
        "concurrently",
        "table",
        "index",
        "schema",
        "database",
        "system",
    ]
    .iter()
    .any(|word| cursor.eat(word))
    {}
    let mut tables = Vec::new();
    while !cursor.is_end() {
        tables.push(cursor.name()?);
        if cursor.eat_token(&Token::LParen) {
            cursor.take_until(|_| false);
            cursor.expect_token(&Token::RParen)?;
        }
        if !cursor.eat_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect_end()?;
    Ok(Utility::Nothing { tag, tables, alone })
}

fn fetch(cursor: &mut Cursor<'_>, moving: bool) -> Result<Utility> {
    let count = if cursor.eat("next") {
        FetchCount::Forward(1)
    } else if cursor.eat("first")
        || cursor.eat("prior")
        || cursor.eat("last")
        || cursor.eat("absolute")
        || cursor.eat("relative")
        || cursor.eat("backward")
    {
        return Err(unsupported("FETCH in another direction than forward"));
    } else if cursor.eat("forward all") || cursor.eat("all") {
        FetchCount::All
    } else {
        cursor.eat("forward");
        match cursor.peek().map(|token| &token.token) {
            Some(Token::Number(..) | Token::Minus) => FetchCount::Forward(cursor.integer()?),
            _ => FetchCount::Forward(1),
        }
    };
    let _ = cursor.eat("from") || cursor.eat("in");
    let name = cursor.identifier()?;
    cursor.expect_end()?;
    Ok(Utility::Fetch(name, count, moving))
}

fn declare(cursor: &mut Cursor<'_>) -> Result<Utility> {
    let name = cursor.identifier()?;
    while ["binary", "insensitive", "asensitive", "no scroll", "scroll"].iter().any(|word| cursor.eat(word)) {
    }
    cursor.expect("cursor")?;
    let hold = cursor.eat("with hold");
    if !hold {
        cursor.eat("without hold");
    }
    cursor.expect("for")?;
    let tokens = cursor.rest();
    let text = source(cursor.sql, &tokens);
    Ok(Utility::Declare { name, hold, query: parse_query(cursor.sql, &tokens)?, text })
}

fn ending(cursor: &Cursor<'_>, utility: Utility) -> Result<Option<Utility>> {
    cursor.expect_end()?;
    Ok(Some(utility))
}

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Utility>> {
    let start = cursor.position();
    let Some(Token::Word(word)) = cursor.peek().map(|token| &token.token) else { return Ok(None) };
    if word.quote_style.is_some() {
        return Ok(None);
    }
    let keyword = word.value.to_ascii_lowercase();
    cursor.next();
    Ok(Some(match keyword.as_str() {
        "begin" => {
            let _ = cursor.eat("work") || cursor.eat("transaction");
            Utility::Begin { modes: modes(cursor)?, start: false }
        }
        "start" => {
            cursor.expect("transaction")?;
            Utility::Begin { modes: modes(cursor)?, start: true }
        }
        "commit" | "end" => {
            if cursor.eat("prepared") {
                return Err(unsupported("COMMIT PREPARED"));
            }
            Utility::Commit { chain: chain(cursor)? }
        }
        "rollback" | "abort" => {
            if cursor.eat("prepared") {
                return Err(unsupported("ROLLBACK PREPARED"));
            }
            let _ = cursor.eat("work") || cursor.eat("transaction");
            if cursor.eat("to") {
                cursor.eat("savepoint");
                let name = cursor.identifier()?;
                return ending(cursor, Utility::RollbackTo(name));
            }
            Utility::Rollback { chain: chain(cursor)? }
        }
        "savepoint" => {
            let name = cursor.identifier()?;
            return ending(cursor, Utility::Savepoint(name));
        }
        "release" => {
            cursor.eat("savepoint");
            let name = cursor.identifier()?;
            return ending(cursor, Utility::Release(name));
        }
        "set" => set(cursor)?,
        "show" => {
            if cursor.eat("all") {
                return ending(cursor, Utility::Show(None));
            }
            let name = if cursor.eat("time zone") {
                "TimeZone".to_owned()
            } else if cursor.eat("transaction isolation level") {
                "transaction_isolation".to_owned()
            } else if cursor.eat("session authorization") {
                "session_authorization".to_owned()
            } else {
                setting_name(cursor)?
            };
            return ending(cursor, Utility::Show(Some(name)));
        }
        "reset" => {
            if cursor.eat("all") {
                return ending(cursor, Utility::Reset(None));
            }
            if cursor.eat("session authorization") || cursor.eat("role") {
                return ending(cursor, Utility::Nothing { tag: "RESET", tables: Vec::new(), alone: false });
            }
            let name = if cursor.eat("time zone") {
                "timezone".to_owned()
            } else if cursor.eat("transaction isolation level") {
                "transaction_isolation".to_owned()
            } else {
                setting_name(cursor)?
            };
            return ending(cursor, Utility::Reset(Some(name)));
        }
        "discard" => {
            let what = cursor.any_word()?;
            let what = if what == "temporary" { "temp".to_owned() } else { what };
            if !["all", "plans", "sequences", "temp"].contains(&what.as_str()) {
                return Err(cursor.error());
            }
            return ending(cursor, Utility::Discard(what));
        }
        "listen" => {
            let channel = cursor.identifier()?;
            return ending(cursor, Utility::Listen(channel));
        }
        "unlisten" => {
            if cursor.eat_token(&Token::Mul) {
                return ending(cursor, Utility::Unlisten(None));
            }
            let channel = cursor.identifier()?;
            return ending(cursor, Utility::Unlisten(Some(channel)));
        }
        "notify" => {
            let channel = cursor.identifier()?;
            let payload = if cursor.eat_token(&Token::Comma) { cursor.string()? } else { String::new() };
            return ending(cursor, Utility::Notify(channel, payload));
        }
        "prepare" => {
            if cursor.eat("transaction") {
                return Err(unsupported("PREPARE TRANSACTION"));
            }
            prepare(cursor)?
        }
        "execute" => {
            let name = cursor.identifier()?;
            let mut args = Vec::new();
            if cursor.eat_token(&Token::LParen) {
                let tokens = cursor.take_until(|_| false);
                cursor.expect_token(&Token::RParen)?;
                if !tokens.is_empty() {
                    args = parse_expressions(cursor.sql, &tokens)?;
                }
            }
            return ending(cursor, Utility::Execute(name, args));
        }
        "deallocate" => {
            cursor.eat("prepare");
            if cursor.eat("all") {
                return ending(cursor, Utility::Deallocate(None));
            }
            let name = cursor.identifier()?;
            return ending(cursor, Utility::Deallocate(Some(name)));
        }
        "lock" => lock(cursor)?,
        "copy" => copy(cursor)?,
        "explain" => explain(cursor)?,
        "vacuum" => vacuum(cursor, "VACUUM", true)?,
        "analyze" | "analyse" => vacuum(cursor, "ANALYZE", false)?,
        "reindex" => {
            cursor.rest();
            Utility::Nothing { tag: "REINDEX", tables: Vec::new(), alone: false }
        }
        "cluster" => {
            cursor.rest();
            Utility::Nothing { tag: "CLUSTER", tables: Vec::new(), alone: false }
        }
        "checkpoint" => {
            return ending(cursor, Utility::Nothing { tag: "CHECKPOINT", tables: Vec::new(), alone: false });
        }
        "grant" => {
            cursor.rest();
            Utility::Nothing { tag: "GRANT", tables: Vec::new(), alone: false }
        }
        "revoke" => {
            cursor.rest();
            Utility::Nothing { tag: "REVOKE", tables: Vec::new(), alone: false }
        }
        "truncate" => truncate(cursor)?,
        "declare" => declare(cursor)?,
        "fetch" => fetch(cursor, false)?,
        "move" => fetch(cursor, true)?,
        "close" => {
            if cursor.eat("all") {
                return ending(cursor, Utility::Close(None));
            }
            let name = cursor.identifier()?;
            return ending(cursor, Utility::Close(Some(name)));
        }
        "do" => return Err(unsupported("DO")),
        "call" => return Err(unsupported("CALL")),
        "merge" => return Err(unsupported("MERGE")),
        "refresh" => return Err(unsupported("REFRESH MATERIALIZED VIEW")),
        "load" => return Err(unsupported("LOAD")),
        "import" => return Err(unsupported("IMPORT FOREIGN SCHEMA")),
        "security" => return Err(unsupported("SECURITY LABEL")),
        "reassign" => return Err(unsupported("REASSIGN OWNED")),
        "create" | "alter" | "drop" | "comment" => match ddl::parse(cursor, &keyword)? {
            Some(statement) => Utility::Ddl(statement),
            None => {
                cursor.rewind(start);
                return Ok(None);
            }
        },
        "select" | "values" | "with" | "table" | "insert" | "update" | "delete" => {
            cursor.rewind(start);
            return Ok(None);
        }
        _ => {
            cursor.rewind(start);
            return Err(cursor.error());
        }
    }))
}
