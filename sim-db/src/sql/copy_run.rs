//! `COPY`: rows between the client and a table or query.

use super::bind::dml::{column_default, generated_columns, row_checks};
use super::bind::{Binder, bind_over_table};
use super::catalog::Relation;
use super::connection::Connection;
use super::error::{error, unsupported};
use super::exec::change::check_row;
use super::exec::foreign_key::{Event, EventKind};
use super::exec::node::Node;
use super::parse::{self, CopySource};
use super::sink::{CopyFormat as WireFormat, Sink};
use crate::copy::{CopyColumns, CopyFormat, CopyHeader, CopyOptions, Decoder, Encoder, RawRow};
use crate::engine::{LockMode, TableId, WaitPolicy};
use crate::error::{DatabaseError, Result};
use crate::value::{DataType, Row, Value, binary, text};
use sqlparser::ast;
use std::sync::Arc;

fn list(columns: &[String]) -> CopyColumns {
    match columns {
        [] => CopyColumns::None,
        [only] if only == "*" => CopyColumns::All,
        some => CopyColumns::Some(some.to_vec()),
    }
}

fn options_of(given: &parse::CopyOptions) -> Result<CopyOptions> {
    let format = if given.binary {
        CopyFormat::Binary
    } else if given.csv {
        CopyFormat::Csv
    } else {
        CopyFormat::Text
    };
    let mut options = CopyOptions::new(format);
    if let Some(delimiter) = given.delimiter {
        options.delimiter = u8::try_from(delimiter)
            .map_err(|_| error(b"0A000", "COPY delimiter must be a single one-byte character"))?;
    }
    if let Some(null) = &given.null {
        options.null.clone_from(null);
    }
    if given.header {
        options.header = CopyHeader::Yes;
    }
    options.quote = u8::try_from(given.quote).unwrap_or(b'"');
    options.escape = given.escape.and_then(|c| u8::try_from(c).ok()).unwrap_or(options.quote);
    options.force_quote = list(&given.force_quote);
    options.force_null = list(&given.force_null);
    options.force_not_null = list(&given.force_not_null);
    Ok(options)
}

impl Connection {
    pub(crate) async fn run_copy(
        &mut self,
        source: &CopySource,
        from: bool,
        options: &parse::CopyOptions,
        filter: Option<&ast::Expr>,
        sink: &mut dyn Sink,
    ) -> Result<String> {
        let options = options_of(options)?;
        match (source, from) {
            (CopySource::Query(query), false) => {
                let env = self.env();
                let mut binder = Binder::new(env.clone(), &[], false);
                let mut bound = binder.bind_query(query)?;
                binder.settle_columns(&mut bound)?;
                for (table, mode) in binder.locks.clone() {
                    self.session.lock_table(TableId(table), mode, WaitPolicy::Wait).await?;
                }
                let names = bound.columns.iter().map(|column| column.name.to_string()).collect();
                let types: Vec<DataType> = bound.columns.iter().map(|column| column.data_type).collect();
                self.copy_out(Arc::new(bound.plan), names, &types, &options, sink).await
            }
            (CopySource::Query(_), true) => Err(error(b"42601", "syntax error at or near \"FROM\"")),
            (CopySource::Table(name, columns), _) => {
                let table = match self.relation(name)? {
                    Relation::Table(table) => table,
                    other => {
                        return Err(error(
                            b"42809",
                            format!("cannot copy from {} \"{}\"", other.kind(), other.name()),
                        ));
                    }
                };
                let mode = if from { LockMode::RowExclusive } else { LockMode::AccessShare };
                self.session.lock_table(TableId(table.oid), mode, WaitPolicy::Wait).await?;
                let mut places = Vec::new();
                if columns.is_empty() {
                    places.extend(
                        table.live_columns().filter(|(_, c)| c.generated.is_none()).map(|(at, _)| at),
                    );
                }
                for column in columns {
                    places.push(table.column(column).ok_or_else(|| {
                        error(
                            b"42703",
                            format!("column \"{column}\" of relation \"{}\" does not exist", table.name),
                        )
                    })?);
                }
                if from {
                    self.refuse_read_only("COPY FROM")?;
                    return self.copy_in(&table, &places, &options, filter, sink).await;
                }
                let scan = super::plan::Scan {
                    table: table.clone(),
                    access: super::plan::Access::Sequential,
                    filter: None,
                    extra: Vec::new(),
                    alias: table.name.clone(),
                };
                let exprs = places.iter().map(|at| super::expr::Expr::Column(*at).into()).collect();
                let plan =
                    super::plan::Plan::Project(Arc::new(super::plan::Plan::Scan(Box::new(scan))), exprs);
                let names = places.iter().map(|at| table.columns[*at].name.to_string()).collect();
                let types: Vec<DataType> = places.iter().map(|at| table.columns[*at].data_type).collect();
                self.copy_out(Arc::new(plan), names, &types, &options, sink).await
            }
        }
    }

    async fn copy_out(
        &mut self,
        plan: Arc<super::plan::Plan>,
        names: Vec<String>,
        types: &[DataType],
        options: &CopyOptions,
        sink: &mut dyn Sink,
    ) -> Result<String> {
        let is_binary = options.format == CopyFormat::Binary;
        let encoder = Encoder::new(options.clone(), names);
        let snapshot = self.session.statement_snapshot().await?;
        let env = self.env();
        let mut exec = self.exec(Some(snapshot), env.clone());
        sink.copy_out(if is_binary { WireFormat::Binary } else { WireFormat::Text }, types.len());
        // The binary header travels with what comes first behind it, the line of names alone: clients count on it.
        let mut start = encoder.start().unwrap_or_default();
        if !is_binary && !start.is_empty() {
            sink.copy_data(&std::mem::take(&mut start));
        }
        let mut node = Node::new(&plan, &mut exec)?;
        let mut count = 0_u64;
        while let Some(row) = node.next(&mut exec).await? {
            let raw: RawRow = row
                .iter()
                .zip(types)
                .map(|(value, data_type)| {
                    if value.is_null() {
                        return None;
                    }
                    if is_binary {
                        let mut out = Vec::new();
                        binary::write(&mut out, value, &*env);
                        return Some(out);
                    }
                    Some(text::output(value, data_type.oid, env.text()).into_bytes())
                })
                .collect();
            start.extend_from_slice(&encoder.row(&raw));
            sink.copy_data(&std::mem::take(&mut start));
            if let Some(wait) = sink.ready() {
                wait.await?;
            }
            count += 1;
        }
        if let Some(end) = encoder.end() {
            start.extend_from_slice(&end);
            sink.copy_data(&start);
        }
        sink.copy_done();
        Ok(format!("COPY {count}"))
    }

    async fn copy_in(
        &mut self,
        table: &Arc<super::catalog::Table>,
        places: &[usize],
        options: &CopyOptions,
        filter: Option<&ast::Expr>,
        sink: &mut dyn Sink,
    ) -> Result<String> {
        let is_binary = options.format == CopyFormat::Binary;
        let env = self.env();
        for at in places {
            if table.columns[*at].generated.is_some() {
                let message = format!("column \"{}\" is a generated column", table.columns[*at].name);
                return Err(error(b"42P10", message).with_detail("Generated columns cannot be used in COPY."));
            }
        }
        let mut defaults = Vec::new();
        for (at, _) in
            table.live_columns().filter(|(at, column)| !places.contains(at) && column.generated.is_none())
        {
            defaults.push((at, column_default(table, at, &env)?));
        }
        if defaults.iter().any(|(_, expr)| expr.may_wait()) {
            return Err(unsupported("a default that waits, in COPY"));
        }
        let filter = match filter {
            Some(filter) => Some(bind_over_table(filter, table, &env)?.expr),
            None => None,
        };
        let checks = row_checks(table, &env)?;
        let generated = generated_columns(table, &env)?;
        let names: Vec<String> = places.iter().map(|at| table.columns[*at].name.to_string()).collect();
        let mut decoder = Decoder::new(options.clone(), names);
        let snapshot = self.session.statement_snapshot().await?;
        let mut exec = self.exec(Some(snapshot), env.clone());
        sink.copy_in(if is_binary { WireFormat::Binary } else { WireFormat::Text }, places.len());
        let mut count = 0_u64;
        loop {
            let piece = sink.next_copy_data().await?;
            let last = piece.is_none();
            let rows = match piece {
                Some(piece) => decoder.push(&piece)?,
                None => decoder.finish()?,
            };
            for raw in rows {
                let mut values = vec![Value::Null; table.columns.len()];
                for (at, field) in places.iter().zip(&raw) {
                    let data_type = table.columns[*at].data_type;
                    if let Some(bytes) = field {
                        values[*at] = if is_binary {
                            binary::read(bytes, data_type, &*env, 0)?
                        } else {
                            text::input(binary::check_text(bytes)?, data_type, env.text())?
                        };
                    }
                }
                for (at, default) in &defaults {
                    values[*at] = super::eval::eval(default, &[], &mut exec)?;
                }
                let shape: Row = values.clone().into();
                for assignment in &generated {
                    values[assignment.column] = assignment.value.value(&shape, &mut exec).await?;
                }
                let row: Row = values.into();
                if let Some(filter) = &filter
                    && !super::eval::holds(filter, &row, &mut exec)?
                {
                    continue;
                }
                check_row(table, &row, &checks, &mut exec).await?;
                self.session.insert(TableId(table.oid), row.clone()).await.map_err(
                    |raised: DatabaseError| {
                        if raised.sqlstate == "23505" && raised.table.is_none() {
                            return raised.with_table("public", &table.name);
                        }
                        raised
                    },
                )?;
                exec.triggers.push(Event::new(table, EventKind::Insert, None, Some(row)));
                count += 1;
            }
            if last {
                break;
            }
        }
        self.finish_statement(&mut exec, true).await?;
        Ok(format!("COPY {count}"))
    }
}
