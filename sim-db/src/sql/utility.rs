//! Running the statements that are no queries: transactions, settings, prepared statements, cursors, locks.

use super::connection::{Completion, Connection, CursorState, ResultColumn, Statement, is_ddl, text_column};
use super::error::{error, error_at, unsupported};
use super::parse::{FetchCount, Modes, Name, StatementKind, Utility};
use super::settings::Settings;
use super::sink::Sink;
use crate::engine::{LockMode, TableId, TransactionStatus, WaitPolicy};
use crate::error::{DatabaseError, Result, Severity};
use crate::sql::catalog::Relation;
use crate::sql::catalog::env::Found;
use crate::value::{DataType, Value};
use sqlparser::ast;
use std::sync::Arc;

impl Connection {
    fn warn_no_transaction(&self) {
        self.notice(Severity::Warning, b"25P01", "there is no transaction in progress");
    }

    fn apply_modes(&mut self, modes: Modes) -> Result<()> {
        if let Some(level) = modes.isolation {
            self.session.set_isolation(level)?;
        }
        if let Some(read_only) = modes.read_only {
            self.session.set_read_only(read_only)?;
        }
        if let Some(deferrable) = modes.deferrable {
            self.session.set_deferrable(deferrable)?;
        }
        Ok(())
    }

    fn chain(&mut self, options: crate::engine::TransactionOptions) {
        self.session.begin(options);
        self.in_block = true;
    }

    fn need_block(&self, what: &str) -> Result<()> {
        if self.in_block || (self.several && self.session.status() != TransactionStatus::Idle) {
            return Ok(());
        }
        Err(error(b"25P01", format!("{what} can only be used in transaction blocks")))
    }

    /// Runs a utility statement; answers its tag.
    pub(crate) async fn run_utility(
        &mut self,
        utility: &Utility,
        statement: &Arc<Statement>,
        sink: &mut dyn Sink,
    ) -> Result<String> {
        let done = |tag: &str| Ok(tag.to_owned());
        match utility {
            Utility::Begin { modes, start } => {
                if self.in_block {
                    self.notice(Severity::Warning, b"25001", "there is already a transaction in progress");
                } else {
                    self.begin_implicit();
                    self.in_block = true;
                }
                self.apply_modes(*modes)?;
                done(if *start { "START TRANSACTION" } else { "BEGIN" })
            }
            Utility::Commit { chain } => {
                if !self.in_block {
                    if *chain {
                        return Err(error(
                            b"25P01",
                            "COMMIT AND CHAIN can only be used in transaction blocks",
                        ));
                    }
                    self.warn_no_transaction();
                    if self.session.status() != TransactionStatus::Idle {
                        self.commit_now().await?;
                    }
                    return done("COMMIT");
                }
                let options = self.session.transaction_options();
                let failed = self.session.status() == TransactionStatus::Failed;
                self.commit_now().await?;
                if *chain {
                    self.chain(options);
                }
                done(if failed { "ROLLBACK" } else { "COMMIT" })
            }
            Utility::Rollback { chain } => {
                if !self.in_block {
                    if *chain {
                        return Err(error(
                            b"25P01",
                            "ROLLBACK AND CHAIN can only be used in transaction blocks",
                        ));
                    }
                    self.warn_no_transaction();
                    if self.session.status() != TransactionStatus::Idle {
                        self.rollback_now();
                    }
                    return done("ROLLBACK");
                }
                // A failed transaction has lost its characteristics already.
                let failed = self.session.status() == TransactionStatus::Failed;
                let options =
                    if failed { self.default_options() } else { self.session.transaction_options() };
                self.rollback_now();
                if *chain {
                    self.chain(options);
                }
                done("ROLLBACK")
            }
            Utility::Savepoint(name) => {
                self.need_block("SAVEPOINT")?;
                self.session.savepoint(name);
                self.savepoints.push((name.clone(), self.deferred.clone()));
                done("SAVEPOINT")
            }
            Utility::Release(name) => {
                self.need_block("RELEASE SAVEPOINT")?;
                self.session.release_savepoint(name)?;
                if let Some(at) = self.savepoints.iter().rposition(|(known, _)| known == name) {
                    self.savepoints.truncate(at);
                    self.state.borrow_mut().settings.release(at + 1);
                }
                done("RELEASE")
            }
            Utility::RollbackTo(name) => {
                self.need_block("ROLLBACK TO SAVEPOINT")?;
                self.session.rollback_to_savepoint(name)?;
                if let Some(at) = self.savepoints.iter().rposition(|(known, _)| known == name) {
                    self.savepoints.truncate(at + 1);
                    self.deferred.clone_from(&self.savepoints[at].1);
                    self.state.borrow_mut().settings.rollback_to(at + 1, &self.session);
                }
                done("ROLLBACK")
            }
            Utility::Set { name, value, local } => {
                if *local && !self.in_block && !self.several {
                    self.notice(
                        Severity::Warning,
                        b"25P01",
                        "SET LOCAL can only be used in transaction blocks",
                    );
                }
                self.begin_implicit();
                let reports = {
                    let mut state = self.state.borrow_mut();
                    match value {
                        Some(value) => state.settings.set(name, value, *local, &self.session)?,
                        None => state.settings.reset(name, *local, &self.session)?,
                    }
                };
                self.state.borrow_mut().reports.extend(reports);
                done("SET")
            }
            Utility::SetTransaction(modes) => {
                if !self.in_block && !self.several {
                    self.notice(
                        Severity::Warning,
                        b"25P01",
                        "SET TRANSACTION can only be used in transaction blocks",
                    );
                    return done("SET");
                }
                self.begin_implicit();
                self.apply_modes(*modes)?;
                done("SET")
            }
            Utility::SetCharacteristics(modes) => {
                self.begin_implicit();
                let mut state = self.state.borrow_mut();
                let on = |flag: bool| if flag { "on" } else { "off" };
                if let Some(level) = modes.isolation {
                    state.settings.set(
                        "default_transaction_isolation",
                        level.as_str(),
                        false,
                        &self.session,
                    )?;
                }
                if let Some(flag) = modes.read_only {
                    let reports = state.settings.set(
                        "default_transaction_read_only",
                        on(flag),
                        false,
                        &self.session,
                    )?;
                    state.reports.extend(reports);
                }
                if let Some(flag) = modes.deferrable {
                    state.settings.set("default_transaction_deferrable", on(flag), false, &self.session)?;
                }
                done("SET")
            }
            Utility::SetConstraints(names, deferred) => self.set_constraints(names, *deferred).await,
            Utility::Show(None) => {
                let columns = self.utility_columns(utility)?.expect("SHOW ALL has columns");
                sink.columns(&columns);
                let rows = self.state.borrow().settings.rows();
                for row in rows {
                    let shown = self.state.borrow().settings.show(&row.name, &self.session)?;
                    sink.row(&[Value::text(row.name), Value::text(shown), Value::text("")]);
                }
                done("SHOW")
            }
            Utility::Show(Some(name)) => {
                let value = self.state.borrow().settings.show(name, &self.session)?;
                sink.columns(&text_column(&Settings::canonical_name(name)));
                sink.row(&[Value::text(value)]);
                done("SHOW")
            }
            Utility::Reset(name) => {
                self.begin_implicit();
                let mut state = self.state.borrow_mut();
                let reports = match name {
                    Some(name) => state.settings.reset(name, false, &self.session)?,
                    None => state.settings.reset_all(&self.session),
                };
                state.reports.extend(reports);
                done("RESET")
            }
            Utility::Discard(what) => self.discard(what),
            Utility::Listen(channel) => {
                self.begin_implicit();
                self.session.listen(channel);
                done("LISTEN")
            }
            Utility::Unlisten(channel) => {
                self.begin_implicit();
                self.session.unlisten(channel.as_deref());
                done("UNLISTEN")
            }
            Utility::Notify(channel, payload) => {
                self.begin_implicit();
                if payload.len() >= 8000 {
                    return Err(error(b"22023", "payload string too long"));
                }
                self.session.notify(channel, payload);
                done("NOTIFY")
            }
            Utility::Prepare { name, types, statement: _, text } => self.prepare_sql(name, types, text).await,
            Utility::Execute(name, args) => self.execute_sql(name, args, sink).await,
            Utility::Deallocate(None) => {
                self.prepared.retain(|name, _| name.is_empty());
                done("DEALLOCATE ALL")
            }
            Utility::Deallocate(Some(name)) => {
                self.prepared(name)?;
                self.prepared.remove(name);
                done("DEALLOCATE")
            }
            Utility::Lock { tables, mode, nowait } => {
                if !self.in_block && !self.several {
                    return Err(error(b"25P01", "LOCK TABLE can only be used in transaction blocks"));
                }
                self.begin_implicit();
                for name in tables {
                    let relation = self.relation(name)?;
                    let policy = if *nowait { WaitPolicy::NoWait } else { WaitPolicy::Wait };
                    self.session.lock_table(TableId(relation.oid()), *mode, policy).await.map_err(
                        |raised| {
                            if raised.sqlstate == "55P03" && *nowait {
                                return DatabaseError::table_lock_not_available(relation.name());
                            }
                            raised
                        },
                    )?;
                }
                done("LOCK TABLE")
            }
            Utility::Copy { source, from, options, filter } => {
                self.begin_implicit();
                self.run_copy(source, *from, options, filter.as_ref(), sink).await
            }
            Utility::Explain { analyze, json, costs, statement } => {
                self.begin_implicit();
                self.run_explain(*analyze, *json, *costs, statement, sink).await
            }
            Utility::Nothing { tag, tables, alone } => {
                if *alone && self.in_block {
                    return Err(error(b"25001", format!("{tag} cannot run inside a transaction block")));
                }
                self.begin_implicit();
                for name in tables {
                    let relation = self.relation(name)?;
                    let mode = LockMode::ShareUpdateExclusive;
                    self.session.lock_table(TableId(relation.oid()), mode, WaitPolicy::Wait).await?;
                    if *tag == "VACUUM" {
                        self.session.engine().vacuum(TableId(relation.oid()));
                    }
                }
                done(tag)
            }
            Utility::Truncate { tables, restart, cascade } => {
                self.begin_implicit();
                self.refuse_read_only("TRUNCATE TABLE")?;
                self.run_truncate(tables, *restart, *cascade).await
            }
            Utility::Declare { name, hold, query, text: _ } => {
                self.declare(name, *hold, query, statement).await
            }
            Utility::Fetch(name, count, moving) => self.fetch(name, *count, *moving, sink).await,
            Utility::Close(None) => {
                self.cursors.clear();
                done("CLOSE CURSOR ALL")
            }
            Utility::Close(Some(name)) => match self.cursors.remove(name) {
                Some(_) => done("CLOSE CURSOR"),
                None => Err(error(b"34000", format!("cursor \"{name}\" does not exist"))),
            },
            Utility::Ddl(ddl) => {
                self.begin_implicit();
                self.refuse_read_only("DDL")?;
                self.run_own_ddl(ddl).await
            }
        }
    }

    /// A relation by name.
    ///
    /// # Errors
    ///
    /// 42P01.
    pub(crate) fn relation(&mut self, name: &Name) -> Result<Relation> {
        match self.env().find_relation(name.schema.as_deref(), &name.name) {
            Some(Found::User(relation)) => Ok(relation),
            Some(Found::System(table)) => {
                Err(error(b"42501", format!("permission denied: \"{}\" is a system catalog", table.name)))
            }
            None => {
                Err(error_at(name.span, b"42P01", format!("relation \"{}\" does not exist", name.display())))
            }
        }
    }

    async fn set_constraints(&mut self, names: &[Name], deferred: bool) -> Result<String> {
        if !self.in_block && !self.several {
            self.notice(
                Severity::Warning,
                b"25P01",
                "SET CONSTRAINTS can only be used in transaction blocks",
            );
        }
        self.begin_implicit();
        if names.is_empty() {
            self.constraints_all = Some(deferred);
            self.constraints.clear();
            self.session.set_constraint(None, deferred).await?;
        }
        let env = self.env();
        for name in names {
            let mut found = false;
            for relation in env.catalog.relations() {
                let Relation::Table(table) = relation else { continue };
                for key in table.foreign_keys.iter().filter(|key| *key.name == *name.name) {
                    found = true;
                    if key.deferrable.is_none() {
                        return Err(error(
                            b"42809",
                            format!("constraint \"{}\" is not deferrable", name.name),
                        ));
                    }
                    self.constraints.insert(key.oid, deferred);
                }
                for index in table.indexes.iter().filter(|i| i.constraint.is_some() && *i.name == *name.name)
                {
                    found = true;
                    if index.deferrable.is_none() {
                        return Err(error(
                            b"42809",
                            format!("constraint \"{}\" is not deferrable", name.name),
                        ));
                    }
                    self.session.set_constraint(Some(crate::engine::IndexId(index.oid)), deferred).await?;
                }
            }
            if !found {
                return Err(error(b"42704", format!("constraint \"{}\" does not exist", name.name)));
            }
        }
        if !deferred {
            let overrides = self.overrides();
            let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.deferred)
                .into_iter()
                .partition(|check| overrides(check.constraint) == Some(false));
            self.deferred = now;
            let result = self.run_deferred().await;
            self.deferred = later;
            result?;
        }
        Ok("SET CONSTRAINTS".to_owned())
    }

    fn discard(&mut self, what: &str) -> Result<String> {
        match what {
            "all" => {
                if self.in_block {
                    return Err(error(b"25001", "DISCARD ALL cannot run inside a transaction block"));
                }
                self.begin_implicit();
                self.cursors.clear();
                self.prepared.retain(|name, _| name.is_empty());
                self.session.unlisten(None);
                self.session.advisory_unlock_all();
                let mut state = self.state.borrow_mut();
                let reports = state.settings.reset_all(&self.session);
                state.reports.extend(reports);
                state.sequence_values.clear();
                state.last_sequence = None;
                Ok("DISCARD ALL".to_owned())
            }
            "sequences" => {
                let mut state = self.state.borrow_mut();
                state.sequence_values.clear();
                state.last_sequence = None;
                Ok("DISCARD SEQUENCES".to_owned())
            }
            "plans" => Ok("DISCARD PLANS".to_owned()),
            _ => {
                self.begin_implicit();
                self.drop_temporary();
                Ok("DISCARD TEMP".to_owned())
            }
        }
    }

    async fn prepare_sql(&mut self, name: &str, types: &[ast::DataType], text: &str) -> Result<String> {
        if self.prepared.contains_key(name) {
            return Err(error(b"42P05", format!("prepared statement \"{name}\" already exists")));
        }
        self.begin_implicit();
        let env = self.env();
        let mut given = Vec::new();
        for data_type in types {
            given.push(super::bind::types::resolve(data_type, &env)?.oid);
        }
        let mut statements = super::parse::parse(text)?;
        let statement = statements.pop().ok_or_else(|| error(b"42601", "syntax error at end of input"))?;
        if !matches!(&statement.kind, StatementKind::Sql(sql) if !is_ddl(sql)) {
            return Err(error(b"42601", "utility statements cannot be prepared"));
        }
        let prepared = self.prepare_statement(statement, given, true).await?;
        self.prepared.insert(name.to_owned(), prepared);
        Ok("PREPARE".to_owned())
    }

    async fn execute_sql(&mut self, name: &str, args: &[ast::Expr], sink: &mut dyn Sink) -> Result<String> {
        let prepared = self.prepared(name)?;
        if args.len() != prepared.parameter_types.len() {
            let message = format!("wrong number of parameters for prepared statement \"{name}\"");
            return Err(error(b"42601", message).with_detail(format!(
                "Expected {} parameters but got {}.",
                prepared.parameter_types.len(),
                args.len()
            )));
        }
        self.begin_implicit();
        let env = self.env();
        let mut values = Vec::new();
        for (arg, wanted) in args.iter().zip(&prepared.parameter_types) {
            let target = DataType::of(*wanted);
            let mut binder = super::bind::Binder::new(env.clone(), &[], false);
            let scope = super::bind::scope::Scope {
                no_aggregates: Some("EXECUTE parameters"),
                no_windows: Some("EXECUTE parameters"),
                ..Default::default()
            };
            let expr = binder.with_scope(scope, |binder| {
                let bound = binder.bind_expr(arg)?;
                binder.coerce(bound, target, super::cast::CastContext::Assignment)
            })?;
            let snapshot = self.session.statement_snapshot().await?;
            let mut exec = self.exec(Some(snapshot), env.clone());
            let empty: crate::value::Row = Arc::from([]);
            values.push(super::eval::eval_async(&expr, &empty, &mut exec).await?);
        }
        let mut portal = Self::portal(prepared, values);
        match self.run_portal(&mut portal, 0, sink).await? {
            Completion::Complete(tag) => Ok(tag),
            _ => Ok(String::new()),
        }
    }

    async fn declare(
        &mut self,
        name: &str,
        hold: bool,
        query: &ast::Query,
        statement: &Arc<Statement>,
    ) -> Result<String> {
        if hold {
            return Err(unsupported("DECLARE CURSOR WITH HOLD"));
        }
        if !self.in_block && !self.several {
            return Err(error(b"25P01", "DECLARE CURSOR can only be used in transaction blocks"));
        }
        if self.cursors.contains_key(name) {
            return Err(error(b"42P03", format!("cursor \"{name}\" already exists")));
        }
        let inner = Arc::new(Statement {
            text: statement.text.clone(),
            own_text: statement.own_text.clone(),
            kind: StatementKind::Sql(Box::new(ast::Statement::Query(Box::new(query.clone())))),
        });
        let prepared = self.prepare_statement(inner, Vec::new(), true).await?;
        let columns = prepared.columns.clone().unwrap_or_else(|| Arc::new([]));
        self.cursors
            .insert(name.to_owned(), CursorState { portal: Self::portal(prepared, Vec::new()), columns });
        Ok("DECLARE CURSOR".to_owned())
    }

    async fn fetch(
        &mut self,
        name: &str,
        count: FetchCount,
        moving: bool,
        sink: &mut dyn Sink,
    ) -> Result<String> {
        struct Counted<'a> {
            sink: Option<&'a mut dyn Sink>,
            rows: u64,
        }
        impl Sink for Counted<'_> {
            fn row(&mut self, values: &[Value]) {
                self.rows += 1;
                if let Some(sink) = &mut self.sink {
                    sink.row(values);
                }
            }
        }
        let Some(mut cursor) = self.cursors.remove(name) else {
            return Err(error(b"34000", format!("cursor \"{name}\" does not exist")));
        };
        if !moving {
            sink.columns(&cursor.columns);
        }
        let mut counted = Counted { sink: if moving { None } else { Some(sink) }, rows: 0 };
        let limit = match count {
            FetchCount::All => 0,
            FetchCount::Forward(n) if n < 0 => return Err(error(b"55000", "cursor can only scan forward")),
            FetchCount::Forward(n) => n as usize,
        };
        if !matches!(count, FetchCount::Forward(0)) {
            self.run_portal(&mut cursor.portal, limit, &mut counted).await?;
        }
        let rows = counted.rows;
        self.cursors.insert(name.to_owned(), cursor);
        Ok(format!("{} {rows}", if moving { "MOVE" } else { "FETCH" }))
    }

    /// The columns that a utility statement answers with.
    ///
    /// # Errors
    ///
    /// Those of the statement inside.
    pub(crate) fn utility_columns(&mut self, utility: &Utility) -> Result<Option<Arc<[ResultColumn]>>> {
        Ok(match utility {
            Utility::Show(Some(name)) => Some(text_column(&Settings::canonical_name(name))),
            Utility::Show(None) => {
                let columns: Vec<ResultColumn> = ["name", "setting", "description"]
                    .into_iter()
                    .flat_map(|name| text_column(name).to_vec())
                    .collect();
                Some(columns.into())
            }
            Utility::Explain { json, .. } => {
                let mut columns = text_column("QUERY PLAN").to_vec();
                if *json {
                    columns[0].type_oid = crate::value::oid::JSON;
                }
                Some(columns.into())
            }
            Utility::Execute(name, _) => self.prepared(name)?.columns.clone(),
            Utility::Fetch(name, ..) => self.cursors.get(name).map(|cursor| cursor.columns.clone()),
            _ => None,
        })
    }

    async fn run_explain(
        &mut self,
        analyze: bool,
        json: bool,
        costs: bool,
        kind: &StatementKind,
        sink: &mut dyn Sink,
    ) -> Result<String> {
        let plan = match kind {
            StatementKind::Sql(sql) if !is_ddl(sql) => self.analyse(sql, &[], true).await?.0.plan,
            StatementKind::Utility(Utility::Execute(name, _)) => {
                let prepared = self.prepared(name)?;
                let statement =
                    prepared.statement_kind().ok_or_else(|| unsupported("EXPLAIN of this statement"))?;
                self.analyse(statement, &prepared.parameter_types, true).await?.0.plan
            }
            _ => return Err(unsupported("EXPLAIN of this statement")),
        };
        if analyze {
            let snapshot = self.session.statement_snapshot().await?;
            let env = self.env();
            let mut exec = self.exec(Some(snapshot), env);
            super::exec::collect(&plan, &mut exec, usize::MAX).await?;
            self.finish_statement(&mut exec, true).await?;
        }
        let columns = self
            .utility_columns(&Utility::Explain {
                analyze,
                json,
                costs,
                statement: Box::new(StatementKind::Utility(Utility::Close(None))),
            })?
            .expect("EXPLAIN has a column");
        sink.columns(&columns);
        if json {
            sink.row(&[Value::Json(super::plan::explain::json(&plan).into())]);
        } else {
            for line in super::plan::explain::text(&plan, costs) {
                sink.row(&[Value::text(line)]);
            }
        }
        Ok("EXPLAIN".to_owned())
    }
}
