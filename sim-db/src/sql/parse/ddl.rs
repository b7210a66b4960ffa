//! DDL read here: what `sqlparser` reads otherwise than PostgreSQL, or not at all.

use super::cursor::Cursor;
use super::utility::Name;
use super::{parse_data_type, parse_expressions};
use crate::error::Result;
use crate::sql::error::unsupported;
use sqlparser::ast;
use sqlparser::tokenizer::Token;

/// What `DROP` drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropKind {
    /// Table.
    Table,
    /// View.
    View,
    /// Index.
    Index,
    /// Sequence.
    Sequence,
    /// Type.
    Type,
    /// Domain.
    Domain,
    /// Schema.
    Schema,
    /// Extension.
    Extension,
}

/// Parameters of a sequence as given.
#[derive(Clone, Debug, Default)]
pub struct SequenceChange {
    /// `AS`.
    pub data_type: Option<ast::DataType>,
    /// `INCREMENT`.
    pub increment: Option<i64>,
    /// `MINVALUE`, `Some(None)` for none.
    pub minimum: Option<Option<i64>>,
    /// `MAXVALUE`, `Some(None)` for none.
    pub maximum: Option<Option<i64>>,
    /// `START`.
    pub start: Option<i64>,
    /// `RESTART`, `Some(None)` without a value.
    pub restart: Option<Option<i64>>,
    /// `CYCLE`.
    pub cycle: Option<bool>,
    /// `OWNED BY`, `Some(None)` for none: table and column.
    pub owned_by: Option<Option<(Name, String)>>,
}

/// An `ALTER` read here.
#[derive(Debug)]
pub enum AlterKind {
    /// `RENAME TO`, of a relation of this kind.
    Rename(DropKind, Name, String),
    /// `SET SCHEMA`.
    SetSchema(DropKind, Name, String),
    /// `ALTER SEQUENCE` with parameters.
    Sequence(Name, SequenceChange),
    /// `ALTER TYPE … ADD VALUE`: label, before or after another one, `IF NOT EXISTS`.
    AddValue {
        /// Type.
        name: Name,
        /// New label.
        label: String,
        /// Neighbour, and whether the new label goes before it.
        neighbour: Option<(String, bool)>,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// `ALTER TYPE … RENAME VALUE`.
    RenameValue(Name, String, String),
    /// `ALTER TABLE … ALTER CONSTRAINT … [DEFERRABLE] [INITIALLY …]`.
    Constraint(Name, String, Option<bool>),
    /// Without effect here: owners, storage, statistics, triggers.
    Nothing(Name),
}

/// DDL read here.
#[derive(Debug)]
pub enum DdlStatement {
    /// `DROP`.
    Drop {
        /// What.
        kind: DropKind,
        /// `IF EXISTS`.
        if_exists: bool,
        /// Names.
        names: Vec<Name>,
        /// `CASCADE`.
        cascade: bool,
    },
    /// `ALTER`.
    Alter {
        /// What.
        kind: AlterKind,
        /// `IF EXISTS`.
        if_exists: bool,
        /// Command tag.
        tag: &'static str,
    },
    /// `CREATE SCHEMA`.
    CreateSchema(String, bool),
    /// `CREATE SEQUENCE`.
    CreateSequence {
        /// Name.
        name: Name,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// `TEMPORARY`.
        temporary: bool,
        /// Parameters.
        parameters: SequenceChange,
    },
    /// `CREATE TYPE … AS ENUM`.
    CreateEnum(Name, Vec<String>),
    /// `CREATE TYPE … AS (…)`.
    CreateComposite(Name, Vec<(String, ast::DataType)>),
    /// `CREATE DOMAIN`.
    CreateDomain {
        /// Name.
        name: Name,
        /// Base type.
        data_type: ast::DataType,
        /// `NOT NULL`.
        not_null: bool,
        /// `DEFAULT`.
        default: Option<ast::Expr>,
        /// Checks, named or not.
        checks: Vec<(Option<String>, ast::Expr)>,
    },
    /// `CREATE EXTENSION`.
    CreateExtension(String, bool),
    /// `COMMENT ON`: object kind, name, column, text.
    Comment {
        /// `table`, `column`, `schema` …
        kind: String,
        /// Object.
        name: Name,
        /// Text; `None` takes it away.
        text: Option<String>,
    },
}

pub(super) fn sequence_options(cursor: &mut Cursor<'_>) -> Result<SequenceChange> {
    let mut change = SequenceChange::default();
    loop {
        if cursor.eat("as") {
            let tokens = vec![cursor.next().cloned().ok_or_else(|| cursor.error())?];
            change.data_type = Some(parse_data_type(cursor.sql, &tokens)?);
        } else if cursor.eat("increment") {
            cursor.eat("by");
            change.increment = Some(cursor.integer()?);
        } else if cursor.eat("minvalue") {
            change.minimum = Some(Some(cursor.integer()?));
        } else if cursor.eat("no minvalue") {
            change.minimum = Some(None);
        } else if cursor.eat("maxvalue") {
            change.maximum = Some(Some(cursor.integer()?));
        } else if cursor.eat("no maxvalue") {
            change.maximum = Some(None);
        } else if cursor.eat("start") {
            cursor.eat("with");
            change.start = Some(cursor.integer()?);
        } else if cursor.eat("restart") {
            let with = cursor.eat("with");
            let number = matches!(cursor.peek().map(|t| &t.token), Some(Token::Number(..) | Token::Minus));
            change.restart = Some(if with || number { Some(cursor.integer()?) } else { None });
        } else if cursor.eat("cache") {
            cursor.integer()?;
        } else if cursor.eat("cycle") {
            change.cycle = Some(true);
        } else if cursor.eat("no cycle") {
            change.cycle = Some(false);
        } else if cursor.eat("owned by") {
            if cursor.eat("none") {
                change.owned_by = Some(None);
            } else {
                let full = cursor.name()?;
                // table.column, or schema.table.column whose first part `name` has dropped.
                let table = full.schema.clone().ok_or_else(|| cursor.error())?;
                change.owned_by =
                    Some(Some((Name { schema: None, name: table, span: full.span }, full.name)));
            }
        } else {
            return Ok(change);
        }
    }
}

fn drop(cursor: &mut Cursor<'_>) -> Result<Option<DdlStatement>> {
    let kind = if cursor.eat("table") {
        DropKind::Table
    } else if cursor.eat("view") {
        DropKind::View
    } else if cursor.eat("index") {
        cursor.eat("concurrently");
        DropKind::Index
    } else if cursor.eat("sequence") {
        DropKind::Sequence
    } else if cursor.eat("type") {
        DropKind::Type
    } else if cursor.eat("domain") {
        DropKind::Domain
    } else if cursor.eat("schema") {
        DropKind::Schema
    } else if cursor.eat("extension") {
        DropKind::Extension
    } else {
        let what = cursor.any_word()?.to_uppercase();
        return Err(unsupported(format!("DROP {what}")));
    };
    let if_exists = cursor.eat("if exists");
    let names = if kind == DropKind::Extension {
        let mut names = Vec::new();
        loop {
            let span = cursor.peek().map_or_else(sqlparser::tokenizer::Span::empty, |token| token.span);
            names.push(Name { schema: None, name: cursor.any_word()?, span });
            if !cursor.eat_token(&Token::Comma) {
                break names;
            }
        }
    } else {
        cursor.names()?
    };
    let cascade = cursor.eat("cascade");
    if !cascade {
        cursor.eat("restrict");
    }
    cursor.expect_end()?;
    Ok(Some(DdlStatement::Drop { kind, if_exists, names, cascade }))
}

fn create(cursor: &mut Cursor<'_>) -> Result<Option<DdlStatement>> {
    if cursor.eat("schema") {
        let if_not_exists = cursor.eat("if not exists");
        let name = if cursor.eat("authorization") { cursor.identifier()? } else { cursor.identifier()? };
        if cursor.eat("authorization") {
            cursor.any_word()?;
        }
        if !cursor.is_end() {
            return Err(unsupported("CREATE SCHEMA with elements"));
        }
        return Ok(Some(DdlStatement::CreateSchema(name, if_not_exists)));
    }
    let temporary = cursor.looking_at("temp sequence") || cursor.looking_at("temporary sequence");
    if temporary {
        cursor.next();
    }
    if cursor.eat("sequence") {
        let if_not_exists = cursor.eat("if not exists");
        let name = cursor.name()?;
        let parameters = sequence_options(cursor)?;
        cursor.expect_end()?;
        return Ok(Some(DdlStatement::CreateSequence { name, if_not_exists, temporary, parameters }));
    }
    if cursor.eat("type") {
        let name = cursor.name()?;
        if cursor.eat("as enum") {
            cursor.expect_token(&Token::LParen)?;
            let mut labels = Vec::new();
            while !cursor.eat_token(&Token::RParen) {
                labels.push(cursor.string()?);
                cursor.eat_token(&Token::Comma);
            }
            cursor.expect_end()?;
            return Ok(Some(DdlStatement::CreateEnum(name, labels)));
        }
        if !cursor.eat("as") || !cursor.eat_token(&Token::LParen) {
            return Err(unsupported("CREATE TYPE other than enum and composite"));
        }
        let mut fields = Vec::new();
        while !cursor.eat_token(&Token::RParen) {
            let field = cursor.identifier()?;
            let tokens = cursor.take_until(|token| *token == Token::Comma);
            fields.push((field, parse_data_type(cursor.sql, &tokens)?));
            cursor.eat_token(&Token::Comma);
        }
        cursor.expect_end()?;
        return Ok(Some(DdlStatement::CreateComposite(name, fields)));
    }
    if cursor.eat("domain") {
        return domain(cursor).map(Some);
    }
    if cursor.eat("extension") {
        let if_not_exists = cursor.eat("if not exists");
        let name = cursor.any_word()?;
        cursor.rest();
        return Ok(Some(DdlStatement::CreateExtension(name, if_not_exists)));
    }
    for (words, name) in [
        ("function", "CREATE FUNCTION"),
        ("or replace function", "CREATE FUNCTION"),
        ("procedure", "CREATE PROCEDURE"),
        ("or replace procedure", "CREATE PROCEDURE"),
        ("trigger", "CREATE TRIGGER"),
        ("or replace trigger", "CREATE TRIGGER"),
        ("constraint trigger", "CREATE TRIGGER"),
        ("rule", "CREATE RULE"),
        ("role", "CREATE ROLE"),
        ("user", "CREATE ROLE"),
        ("policy", "CREATE POLICY"),
        ("materialized view", "CREATE MATERIALIZED VIEW"),
        ("aggregate", "CREATE AGGREGATE"),
        ("operator", "CREATE OPERATOR"),
        ("database", "CREATE DATABASE"),
        ("publication", "CREATE PUBLICATION"),
        ("subscription", "CREATE SUBSCRIPTION"),
        ("cast", "CREATE CAST"),
        ("collation", "CREATE COLLATION"),
        ("statistics", "CREATE STATISTICS"),
        ("tablespace", "CREATE TABLESPACE"),
        ("foreign", "CREATE FOREIGN TABLE"),
        ("server", "CREATE SERVER"),
        ("event", "CREATE EVENT TRIGGER"),
        ("text search", "CREATE TEXT SEARCH"),
        ("language", "CREATE LANGUAGE"),
    ] {
        if cursor.looking_at(words) {
            return Err(unsupported(name));
        }
    }
    Ok(None)
}

fn domain(cursor: &mut Cursor<'_>) -> Result<DdlStatement> {
    let name = cursor.name()?;
    cursor.eat("as");
    let is_clause = |token: &Token| {
        matches!(token, Token::Word(word) if word.quote_style.is_none() && ["default", "constraint", "not", "null", "check", "collate"]
            .contains(&word.value.to_ascii_lowercase().as_str()))
    };
    let tokens = cursor.take_until(is_clause);
    let data_type = parse_data_type(cursor.sql, &tokens)?;
    let (mut not_null, mut default, mut checks) = (false, None, Vec::new());
    while !cursor.is_end() {
        let constraint = if cursor.eat("constraint") { Some(cursor.identifier()?) } else { None };
        if cursor.eat("not null") {
            not_null = true;
        } else if cursor.eat("null") {
        } else if cursor.eat("collate") {
            cursor.any_word()?;
        } else if cursor.eat("default") {
            let tokens = cursor.take_until(is_clause);
            default = parse_expressions(cursor.sql, &tokens)?.pop();
        } else if cursor.eat("check") {
            cursor.expect_token(&Token::LParen)?;
            let tokens = cursor.take_until(|_| false);
            cursor.expect_token(&Token::RParen)?;
            let condition = parse_expressions(cursor.sql, &tokens)?.pop().ok_or_else(|| cursor.error())?;
            checks.push((constraint, condition));
        } else {
            return Err(cursor.error());
        }
    }
    Ok(DdlStatement::CreateDomain { name, data_type, not_null, default, checks })
}

fn alter(cursor: &mut Cursor<'_>) -> Result<Option<DdlStatement>> {
    let (kind, tag) = if cursor.eat("table") {
        (DropKind::Table, "ALTER TABLE")
    } else if cursor.eat("index") {
        (DropKind::Index, "ALTER INDEX")
    } else if cursor.eat("view") {
        (DropKind::View, "ALTER VIEW")
    } else if cursor.eat("sequence") {
        (DropKind::Sequence, "ALTER SEQUENCE")
    } else if cursor.eat("type") {
        (DropKind::Type, "ALTER TYPE")
    } else if cursor.eat("schema") {
        (DropKind::Schema, "ALTER SCHEMA")
    } else if cursor.eat("domain") {
        (DropKind::Domain, "ALTER DOMAIN")
    } else {
        let what = cursor.any_word()?;
        return match what.as_str() {
            "role" | "user" | "database" | "default" | "system" | "extension" => {
                Err(unsupported(format!("ALTER {}", what.to_uppercase())))
            }
            _ => Err(unsupported(format!("ALTER {}", what.to_uppercase()))),
        };
    };
    let if_exists = cursor.eat("if exists");
    cursor.eat("only");
    let name = cursor.name()?;
    cursor.eat_token(&Token::Mul);
    let made = |kind| Ok(Some(DdlStatement::Alter { kind, if_exists, tag }));
    if cursor.eat("rename to") {
        let new_name = cursor.identifier()?;
        cursor.expect_end()?;
        return made(AlterKind::Rename(kind, name, new_name));
    }
    if cursor.eat("set schema") {
        let schema = cursor.identifier()?;
        return made(AlterKind::SetSchema(kind, name, schema));
    }
    if cursor.eat("owner to") {
        cursor.rest();
        return made(AlterKind::Nothing(name));
    }
    match kind {
        DropKind::Sequence => {
            let change = sequence_options(cursor)?;
            cursor.expect_end()?;
            made(AlterKind::Sequence(name, change))
        }
        DropKind::Type if cursor.eat("add value") => {
            let if_not_exists = cursor.eat("if not exists");
            let label = cursor.string()?;
            let neighbour = if cursor.eat("before") {
                Some((cursor.string()?, true))
            } else if cursor.eat("after") {
                Some((cursor.string()?, false))
            } else {
                None
            };
            cursor.expect_end()?;
            made(AlterKind::AddValue { name, label, neighbour, if_not_exists })
        }
        DropKind::Type if cursor.eat("rename value") => {
            let from = cursor.string()?;
            cursor.expect("to")?;
            let to = cursor.string()?;
            made(AlterKind::RenameValue(name, from, to))
        }
        DropKind::Table if cursor.eat("alter constraint") => {
            let constraint = cursor.identifier()?;
            let mut deferrable = None;
            if cursor.eat("not deferrable") {
            } else if cursor.eat("deferrable") {
                deferrable = Some(false);
            }
            if cursor.eat("initially deferred") {
                deferrable = Some(true);
            } else {
                cursor.eat("initially immediate");
            }
            cursor.expect_end()?;
            made(AlterKind::Constraint(name, constraint, deferrable))
        }
        DropKind::Table
            if [
                "set (",
                "enable",
                "disable",
                "cluster on",
                "replica",
                "set logged",
                "set unlogged",
                "set without",
            ]
            .iter()
            .any(|words| cursor.looking_at(words.trim_end_matches(" (")))
                && !cursor.looking_at("set schema") =>
        {
            cursor.rest();
            made(AlterKind::Nothing(name))
        }
        DropKind::Table => Ok(None),
        _ => Err(unsupported(format!("this form of {tag}"))),
    }
}

fn comment(cursor: &mut Cursor<'_>) -> Result<Option<DdlStatement>> {
    cursor.expect("on")?;
    let mut kind = cursor.any_word()?;
    if kind == "constraint" {
        let constraint = cursor.identifier()?;
        cursor.expect("on")?;
        let name = cursor.name()?;
        kind = format!("constraint {constraint}");
        return finish_comment(cursor, kind, name);
    }
    let mut name = cursor.name()?;
    if kind == "column" {
        // table.column: `name` read it as schema.name.
        let table = name.schema.clone().ok_or_else(|| cursor.error())?;
        kind = format!("column {}", name.name);
        name = Name { schema: None, name: table, span: name.span };
    } else if matches!(kind.as_str(), "function" | "procedure" | "aggregate" | "routine") {
        cursor
            .take_until(|token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("is")));
    }
    finish_comment(cursor, kind, name)
}

fn finish_comment(cursor: &mut Cursor<'_>, kind: String, name: Name) -> Result<Option<DdlStatement>> {
    cursor.expect("is")?;
    let text = if cursor.eat("null") { None } else { Some(cursor.string()?) };
    cursor.expect_end()?;
    Ok(Some(DdlStatement::Comment { kind, name, text }))
}

pub(super) fn parse(cursor: &mut Cursor<'_>, keyword: &str) -> Result<Option<DdlStatement>> {
    match keyword {
        "drop" => drop(cursor),
        "create" => create(cursor),
        "alter" => alter(cursor),
        _ => comment(cursor),
    }
}
