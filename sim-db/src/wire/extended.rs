//! The extended query: statements prepared, bound to portals, run by portions.

use std::rc::Rc;
use std::sync::Arc;

use futures::io::{AsyncRead, AsyncWrite};

use super::{
    frontend::{Bind, Target},
    results::{Formats, describe_rows},
    session::{Failure, Session},
};
use crate::{
    engine::TransactionStatus,
    error::{DatabaseError, Result, SqlState},
    sql::{Completion, Portal as SqlPortal, Prepared},
    value::{
        DataType, Oid, Value, binary,
        text::{self, TextContext},
    },
};

/// A bound statement with the formats of its result.
pub(super) struct Portal {
    statement: Rc<Prepared>,
    sql: Arc<str>,
    portal: SqlPortal,
    formats: Formats,
    /// It stopped at a row limit before.
    was_suspended: bool,
    /// The tag with which it ended.
    ended: Option<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    /// `P`
    pub(super) async fn parse(&mut self, name: &str, query: &str, types: &[Oid]) -> Result<(), Failure> {
        if name.is_empty() {
            self.connection.close_prepared("");
        }
        let prepared = self.connection.prepare(query, types).await?;
        self.connection.store_prepared(name, prepared).map_err(Failure::Wire)?;
        self.texts.insert(name.to_owned(), query.into());
        self.channel.out.parse_complete();
        Ok(())
    }

    /// `B`
    pub(super) async fn bind(&mut self, bind: Bind) -> Result<(), Failure> {
        let statement = self.prepared(&bind.statement).map_err(Failure::Wire)?;
        if bind.parameters.len() != statement.parameter_types.len() {
            return Err(Failure::Wire(DatabaseError::new(
                SqlState::PROTOCOL_VIOLATION,
                format!(
                    "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                    bind.parameters.len(),
                    bind.statement,
                    statement.parameter_types.len()
                ),
            )));
        }
        let formats = Formats::new(bind.parameter_formats);
        let parameters = self.parameters(&statement, &bind.parameters, &formats).map_err(Failure::Wire)?;
        if bind.portal.is_empty() {
            self.portals.remove("");
        } else if self.portals.contains_key(&bind.portal) {
            let code = SqlState::parse("42P03").expect("five characters");
            let message = format!("cursor \"{}\" already exists", bind.portal);
            return Err(Failure::Wire(DatabaseError::new(code, message)));
        }
        let portal = self.connection.bind(&statement, parameters).await?;
        let formats = Formats::new(bind.result_formats);
        let columns = statement.columns.as_ref().map_or(0, |columns| columns.len());
        if formats.count() > 1 && formats.count() != columns {
            let message = format!(
                "bind message has {} result formats but query has {columns} columns",
                formats.count()
            );
            return Err(Failure::Wire(DatabaseError::new(SqlState::PROTOCOL_VIOLATION, message)));
        }
        // A statement that SQL's PREPARE made has no text here.
        let sql = self.texts.get(&bind.statement).cloned().unwrap_or_else(|| "EXECUTE".into());
        self.portals.insert(
            bind.portal,
            Portal { statement, sql, portal, formats, was_suspended: false, ended: None },
        );
        self.channel.out.bind_complete();
        Ok(())
    }

    fn prepared(&self, name: &str) -> Result<Rc<Prepared>> {
        self.connection.prepared(name).map_err(|error| {
            if !name.is_empty() {
                return error;
            }
            let message = "unnamed prepared statement does not exist";
            DatabaseError::new(SqlState::INVALID_SQL_STATEMENT_NAME, message)
        })
    }

    fn parameters(
        &self,
        statement: &Prepared,
        given: &[Option<Vec<u8>>],
        formats: &Formats,
    ) -> Result<Vec<Value>> {
        let style = self.connection.text_style();
        let types = self.connection.types();
        let context = TextContext::new(&style, &*types);
        let read = |(i, (bytes, oid)): (usize, (&Option<Vec<u8>>, &Oid))| {
            let Some(bytes) = bytes else { return Ok(Value::Null) };
            let data_type = DataType::of(*oid);
            match formats.of(i) {
                0 => text::input(binary::check_text(bytes)?, data_type, context),
                1 => binary::read(bytes, data_type, &*types, i + 1),
                other => Err(unsupported_format(other)),
            }
        };
        given.iter().zip(&statement.parameter_types).enumerate().map(read).collect()
    }

    /// `D`
    pub(super) fn describe(&mut self, target: &Target) -> Result<(), Failure> {
        let (statement, formats) = match target {
            Target::Statement(name) => {
                let statement = self.prepared(name).map_err(Failure::Wire)?;
                (statement, Formats::default())
            }
            Target::Portal(name) => {
                let portal = self.portals.get(name).ok_or_else(|| no_such_portal(name))?;
                (portal.statement.clone(), portal.formats.clone())
            }
        };
        if statement.columns.is_some() && self.engine.status() == TransactionStatus::Failed {
            return Err(Failure::Wire(DatabaseError::transaction_aborted()));
        }
        if matches!(target, Target::Statement(_)) {
            self.channel.out.parameter_description(&statement.parameter_types);
        }
        match &statement.columns {
            Some(columns) => describe_rows(&mut self.channel.out, columns, &formats),
            None => self.channel.out.no_data(),
        }
        Ok(())
    }

    /// `E`
    pub(super) async fn execute(&mut self, name: &str, max_rows: i32) -> Result<(), Failure> {
        let mut portal = self.portals.remove(name).ok_or_else(|| no_such_portal(name))?;
        if let Some(code) = portal.formats.unsupported() {
            return Err(Failure::Wire(unsupported_format(code)));
        }
        if let Some(tag) = &portal.ended {
            if portal.statement.columns.is_none() {
                return Err(Failure::Wire(DatabaseError::new(
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!("portal \"{name}\" cannot be run"),
                )));
            }
            self.channel.out.command_complete(&with_count(tag, 0));
            self.portals.insert(name.to_owned(), portal);
            return Ok(());
        }
        self.seat.runs(portal.sql.clone());
        self.planned(&portal.sql)?;
        let in_block = self.connection.status() != TransactionStatus::Idle;
        let (connection, mut results) = self.results(&portal.formats, false);
        if let Some(columns) = &portal.statement.columns {
            results.column_types = columns.iter().map(|column| column.type_oid).collect();
        }
        let max_rows = usize::try_from(max_rows).unwrap_or(0);
        let completion = connection.execute(&mut portal.portal, max_rows, &mut results).await;
        let (ending, rows) = (results.ending.take(), results.rows);
        let values = portal.portal.parameters().iter().zip(&portal.statement.parameter_types);
        self.observe(&portal.sql, values, &completion);
        match self.outcome(completion, ending)? {
            Completion::Complete(tag) => {
                // After portions, the tag counts the rows of the last one.
                let tag = if portal.was_suspended { with_count(&tag, rows) } else { tag };
                self.channel.out.command_complete(&tag);
                portal.ended = Some(tag);
            }
            Completion::Suspended => {
                portal.was_suspended = true;
                self.channel.out.portal_suspended();
            }
            Completion::Empty => self.channel.out.empty_query_response(),
        }
        if in_block && self.connection.status() == TransactionStatus::Idle {
            self.portals.clear();
        } else {
            self.portals.insert(name.to_owned(), portal);
        }
        Ok(self.flush_if_full().await?)
    }

    /// `C`
    pub(super) fn close(&mut self, target: &Target) {
        match target {
            Target::Statement(name) => {
                self.connection.close_prepared(name);
                self.texts.remove(name);
            }
            Target::Portal(name) => drop(self.portals.remove(name)),
        }
        self.channel.out.close_complete();
    }
}

/// A tag with another number of rows at its end.
fn with_count(tag: &str, rows: usize) -> String {
    match tag.rsplit_once(' ') {
        Some((words, count)) if count.bytes().all(|b| b.is_ascii_digit()) => format!("{words} {rows}"),
        _ => tag.to_owned(),
    }
}

fn no_such_portal(name: &str) -> Failure {
    let message = format!("portal \"{name}\" does not exist");
    Failure::Wire(DatabaseError::new(SqlState::INVALID_CURSOR_NAME, message))
}

fn unsupported_format(code: u16) -> DatabaseError {
    DatabaseError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {code}"))
}
