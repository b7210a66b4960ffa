//! The SQL state of one session: what the wire protocol calls.

use super::bind::{Binder, Bound, OutputColumn};
use super::catalog::{Catalog, Env, PG_CATALOG};
use super::context::{Exec, SessionState};
use super::error::{error, unsupported};
use super::exec::foreign_key::{self, Deferred};
use super::exec::node::Node;
use super::parse::{self, StatementKind, Utility};
use super::plan::{Modify, Plan};
use super::sink::Sink;
use crate::engine::{LockMode, Session, TableId, TransactionOptions, TransactionStatus, WaitPolicy};
use crate::error::{DatabaseError, Result, Severity, SqlState};
use crate::value::calendar::UNIX_EPOCH_OFFSET;
use crate::value::text::{TextStyle, TypeCatalog};
use crate::value::{DataType, Oid, Value, oid};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

pub use super::parse::Statement;

/// A column of a result, as `RowDescription` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Name.
    pub name: Arc<str>,
    /// Type, of the base type for a domain.
    pub type_oid: Oid,
    /// Type modifier, -1 for none.
    pub typmod: i32,
    /// `typlen`.
    pub size: i16,
    /// Table it comes from, 0 for none.
    pub table_oid: Oid,
    /// Number in that table, 0 for none.
    pub attribute_number: i16,
}

/// A planned statement, good as long as nothing it rests on changes.
pub(crate) struct Planned {
    version: u64,
    path: Arc<[Oid]>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) columns: Arc<[ResultColumn]>,
    returns_rows: bool,
    locks: Vec<(Oid, LockMode)>,
    writes: Option<&'static str>,
    locks_rows: Option<&'static str>,
    parameter_types: Vec<Oid>,
}

/// A statement that cannot be planned as things stand, and the tables it had named until then: they are locked before
/// the error counts, as who holds them may be about to make the statement right.
struct Refused {
    raised: DatabaseError,
    locks: Vec<(Oid, LockMode)>,
}

/// A prepared statement: analysed, its parameters typed. Planned at first execution; the plan is shared.
pub struct Prepared {
    /// Parameter types.
    pub parameter_types: Vec<Oid>,
    /// Columns of the result; `None` when it returns no rows.
    pub columns: Option<Arc<[ResultColumn]>>,
    /// Whether the text was empty.
    pub is_empty: bool,
    statement: Option<Arc<Statement>>,
    planned: RefCell<Option<Rc<Planned>>>,
    given_types: Vec<Oid>,
    from_sql: bool,
    /// Whether the client knows its columns: then they must not change.
    is_kept: bool,
}

/// Where a portal is.
enum Progress {
    Start,
    Running(Box<(Exec, Node, Rc<Planned>)>),
    Done,
}

/// A bound statement, to be run in one go or by portions.
pub struct Portal {
    prepared: Rc<Prepared>,
    parameters: Arc<[Value]>,
    progress: Progress,
}

impl Portal {
    /// The values of its parameters.
    pub(crate) fn parameters(&self) -> &[Value] {
        &self.parameters
    }
}

/// A cursor of `DECLARE`.
pub(crate) struct CursorState {
    pub(crate) portal: Portal,
    pub(crate) columns: Arc<[ResultColumn]>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    /// Done, with this command tag.
    Complete(String),
    /// The row limit was reached: run the portal again for more.
    Suspended,
    /// There was no statement.
    Empty,
}

/// The SQL state of one session: settings, prepared statements, the transaction block.
pub struct Connection {
    pub(crate) session: Session,
    pub(crate) state: Rc<RefCell<SessionState>>,
    catalog: RefCell<Option<Arc<Catalog>>>,
    pub(crate) prepared: BTreeMap<String, Rc<Prepared>>,
    pub(crate) cursors: BTreeMap<String, CursorState>,
    /// Inside `BEGIN … COMMIT`.
    pub(crate) in_block: bool,
    /// Savepoints: name, deferred checks at that time.
    pub(crate) savepoints: Vec<(String, Vec<Deferred>)>,
    pub(crate) deferred: Vec<Deferred>,
    /// `SET CONSTRAINTS`: all, then by constraint.
    pub(crate) constraints_all: Option<bool>,
    pub(crate) constraints: BTreeMap<Oid, bool>,
    pub(crate) temporary_schema: Option<Oid>,
    /// Names listened to.
    pub(crate) several: bool,
}

impl Connection {
    /// A connection on an engine's session. `user` is only a name.
    pub fn new(session: Session, database: &str, user: &str) -> Self {
        let mut state =
            SessionState { database: database.into(), user: user.into(), ..SessionState::default() };
        state.settings.set_internal("session_authorization", user);
        state.settings.tell_engine(&session);
        Self {
            session,
            state: Rc::new(RefCell::new(state)),
            catalog: RefCell::new(None),
            prepared: BTreeMap::new(),
            cursors: BTreeMap::new(),
            in_block: false,
            savepoints: Vec::new(),
            deferred: Vec::new(),
            constraints_all: None,
            constraints: BTreeMap::new(),
            temporary_schema: None,
            several: false,
        }
    }

    /// The engine's session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Sets a run-time parameter as the startup packet does (it becomes what `RESET` goes back to).
    ///
    /// # Errors
    ///
    /// 42704 for an unknown name, 22023 for a bad value.
    pub fn set_startup_parameter(&mut self, name: &str, value: &str) -> Result<()> {
        let mut state = self.state.borrow_mut();
        state.settings.set_startup(name, value)?;
        state.settings.tell_engine(&self.session);
        Ok(())
    }

    /// Lets the server say that it is this version: `15.18`, `16.4 (Debian 16.4-1)`. What it does stays the same.
    pub fn set_server_version(&mut self, version: &str) {
        let mut state = self.state.borrow_mut();
        let number = |part: Option<&str>| {
            let digits: String = part.unwrap_or("0").chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u32>().unwrap_or(0)
        };
        let mut parts = version.split('.');
        let number = number(parts.next()) * 10_000 + number(parts.next());
        state.settings.set_internal("server_version", version);
        state.settings.set_internal("server_version_num", &number.to_string());
    }

    /// The settings to report at startup, with their values.
    pub fn reported_parameters(&self) -> Vec<(String, String)> {
        self.state.borrow().settings.reported()
    }

    /// `ReadyForQuery`'s status.
    pub fn status(&self) -> TransactionStatus {
        if self.in_block { self.session.status() } else { TransactionStatus::Idle }
    }

    /// The catalog, search path and formats of the next statement.
    pub(crate) fn env(&self) -> Arc<Env> {
        let version = self.session.catalog_version();
        let kept = self.catalog.borrow().as_ref().filter(|catalog| catalog.version == version).cloned();
        let catalog = kept.unwrap_or_else(|| {
            let catalog = Arc::new(Catalog::read(&self.session));
            *self.catalog.borrow_mut() = Some(catalog.clone());
            catalog
        });
        let state = self.state.borrow();
        let mut path: Vec<Oid> = Vec::new();
        let mut create_in = None;
        for name in state.settings.search_path() {
            let name = if name == "$user" { state.user.to_string() } else { name };
            if name == "pg_temp" {
                path.extend(self.temporary_schema);
                continue;
            }
            let Some(schema) = catalog.schema(&name) else { continue };
            if !path.contains(&schema.oid) {
                path.push(schema.oid);
            }
            if create_in.is_none() && schema.oid != PG_CATALOG {
                create_in = Some(schema.oid);
            }
        }
        if !path.contains(&PG_CATALOG) {
            path.insert(0, PG_CATALOG);
        }
        if let Some(temporary) = self.temporary_schema
            && !path.contains(&temporary)
        {
            path.insert(0, temporary);
        }
        let now = match self.session.status() {
            TransactionStatus::Idle => self.session.engine().environment().now().0,
            _ => self.session.transaction_timestamp().0,
        };
        let style = state.settings.text_style(now - UNIX_EPOCH_OFFSET);
        Arc::new(Env { catalog, path: path.into(), create_in, style })
    }

    /// An execution in this session.
    pub(crate) fn exec(&mut self, snapshot: Option<crate::engine::Snapshot>, env: Arc<Env>) -> Exec {
        Exec::new(self.session.clone(), snapshot, env, self.state.clone())
    }

    /// Splits and parses a simple query's text. Empty for an empty text.
    ///
    /// # Errors
    ///
    /// 42601 with its position.
    pub fn parse_script(&mut self, sql: &str) -> Result<Vec<Arc<Statement>>> {
        let parsed = parse::parse(sql);
        match parsed {
            Ok(statements) => {
                self.several = statements.len() > 1;
                Ok(statements)
            }
            Err(raised) => {
                self.statement_failed();
                Err(raised)
            }
        }
    }

    /// Starts the transaction of a statement that stands alone.
    pub(crate) fn begin_implicit(&mut self) {
        if self.session.status() == TransactionStatus::Idle {
            let options = self.default_options();
            self.session.begin(options);
        }
    }

    pub(crate) fn default_options(&self) -> TransactionOptions {
        let state = self.state.borrow();
        TransactionOptions {
            isolation: state.settings.default_isolation(),
            read_only: state.settings.is_on("default_transaction_read_only"),
            deferrable: state.settings.is_on("default_transaction_deferrable"),
        }
    }

    /// A statement failed: the transaction has failed with it.
    pub(crate) fn statement_failed(&mut self) {
        if self.session.status() == TransactionStatus::Idle {
            return;
        }
        if self.session.status() == TransactionStatus::Active {
            self.session.fail();
        }
        if !self.in_block {
            self.rollback_now();
        }
    }

    fn forget_transaction(&mut self, committed: bool) {
        self.in_block = false;
        self.savepoints.clear();
        self.deferred.clear();
        self.constraints_all = None;
        self.constraints.clear();
        self.cursors.clear();
        self.state.borrow_mut().settings.end_transaction(committed, &self.session);
    }

    pub(crate) fn rollback_now(&mut self) {
        self.session.rollback();
        self.forget_transaction(false);
    }

    /// Runs what was put off, and commits.
    pub(crate) async fn commit_now(&mut self) -> Result<()> {
        if self.session.status() == TransactionStatus::Failed {
            self.rollback_now();
            return Ok(());
        }
        if let Err(raised) = self.run_deferred().await {
            self.rollback_now();
            return Err(raised);
        }
        let result = self.session.commit().await;
        self.forget_transaction(result.is_ok());
        result
    }

    /// Runs the deferred foreign-key checks.
    pub(crate) async fn run_deferred(&mut self) -> Result<()> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        let env = self.env();
        let mut exec = self.exec(None, env);
        for check in std::mem::take(&mut self.deferred) {
            foreign_key::run_deferred(&check, &mut exec).await?;
        }
        Ok(())
    }

    pub(crate) fn overrides(&self) -> impl Fn(u32) -> Option<bool> + 'static {
        let (all, by_constraint) = (self.constraints_all, self.constraints.clone());
        move |constraint| by_constraint.get(&constraint).copied().or(all)
    }

    /// Runs one statement of a simple query, all rows; `last` says that no other follows in the message. The implicit
    /// transaction of the message is closed by [`Connection::sync`], or here after the last statement.
    ///
    /// # Errors
    ///
    /// What the statement fails with; the transaction (block) has then failed already.
    pub async fn run_simple(
        &mut self,
        statement: &Arc<Statement>,
        last: bool,
        sink: &mut dyn Sink,
    ) -> Result<Completion> {
        let result = self.run_guarded(statement, last, sink).await;
        Exec::flush_notices(&self.state, sink);
        if result.is_err() {
            self.statement_failed();
        }
        result
    }

    async fn run_guarded(
        &mut self,
        statement: &Arc<Statement>,
        last: bool,
        sink: &mut dyn Sink,
    ) -> Result<Completion> {
        self.enter(&statement.kind)?;
        self.start_clock();
        self.session.set_busy(true);
        let result = self.run_statement(statement, sink).await;
        self.session.set_busy(false);
        let tag = match result {
            Ok(tag) => {
                if last && !self.in_block && self.session.status() != TransactionStatus::Idle {
                    self.commit_now().await?;
                }
                tag
            }
            Err(raised) => {
                self.session.set_statement_deadline(None);
                return Err(raised);
            }
        };
        self.session.set_statement_deadline(None);
        Ok(Completion::Complete(tag))
    }

    /// Whether a statement may run now: in a failed transaction only those that end it.
    fn enter(&mut self, kind: &StatementKind) -> Result<()> {
        super::error::set_text("");
        if self.in_block && self.session.status() == TransactionStatus::Failed {
            let ends = matches!(
                kind,
                StatementKind::Utility(
                    Utility::Commit { .. } | Utility::Rollback { .. } | Utility::RollbackTo(_)
                )
            );
            if !ends {
                return Err(DatabaseError::transaction_aborted());
            }
        }
        Ok(())
    }

    fn start_clock(&mut self) {
        let timeout = self.state.borrow().settings.timeout("statement_timeout");
        let deadline = timeout.map(|timeout| self.session.engine().environment().now().after(timeout));
        self.session.set_statement_deadline(deadline);
    }

    async fn run_statement(&mut self, statement: &Arc<Statement>, sink: &mut dyn Sink) -> Result<String> {
        super::error::set_text(&statement.text);
        match &statement.kind {
            StatementKind::Utility(utility) => {
                if utility.takes_snapshot() && self.session.status() != TransactionStatus::Idle {
                    self.fix_snapshot().await?;
                }
                self.run_utility(utility, statement, sink).await
            }
            StatementKind::Sql(sql) if is_ddl(sql) => {
                self.begin_implicit();
                self.fix_snapshot().await?;
                self.refuse_read_only(ddl_tag(sql))?;
                self.run_ddl(sql).await
            }
            StatementKind::Sql(_) => {
                let prepared = Rc::new(Prepared {
                    parameter_types: Vec::new(),
                    columns: None,
                    is_empty: false,
                    statement: Some(statement.clone()),
                    planned: RefCell::new(None),
                    given_types: Vec::new(),
                    from_sql: false,
                    is_kept: false,
                });
                let mut portal = Portal { prepared, parameters: Arc::new([]), progress: Progress::Start };
                match self.run_portal(&mut portal, 0, sink).await? {
                    Completion::Complete(tag) => Ok(tag),
                    _ => Ok(String::new()),
                }
            }
        }
    }

    pub(crate) fn refuse_read_only(&self, command: &str) -> Result<()> {
        if self.session.transaction_options().read_only {
            return Err(DatabaseError::read_only_transaction(command));
        }
        Ok(())
    }

    /// Analyses a statement as PostgreSQL does: the upper levels fix their snapshot first, then the tables it names
    /// are locked, and what it means is settled (or refused) only when they are.
    pub(crate) async fn analyse(
        &mut self,
        sql: &sqlparser::ast::Statement,
        given: &[Oid],
        params_allowed: bool,
    ) -> Result<(Planned, Arc<Env>)> {
        self.begin_implicit();
        self.fix_snapshot().await?;
        loop {
            let env = self.env();
            let (planned, locks) = match self.plan(sql, given, params_allowed, &env) {
                Ok(planned) => {
                    let locks = planned.locks.clone();
                    (Ok(planned), locks)
                }
                Err(refused) => (Err(refused.raised), refused.locks),
            };
            self.lock_tables(&locks).await?;
            if self.session.catalog_version() == env.catalog.version {
                return Ok((planned?, env));
            }
        }
    }

    /// The upper levels take their one snapshot when the first statement is analysed.
    async fn fix_snapshot(&self) -> Result<()> {
        if self.session.transaction_options().isolation.keeps_snapshot() {
            self.session.statement_snapshot().await?;
        }
        Ok(())
    }

    async fn lock_tables(&self, locks: &[(Oid, LockMode)]) -> Result<()> {
        for (table, mode) in locks {
            self.session.lock_table(TableId(*table), *mode, WaitPolicy::Wait).await?;
        }
        Ok(())
    }

    /// Binds a statement.
    fn plan(
        &self,
        sql: &sqlparser::ast::Statement,
        given: &[Oid],
        params_allowed: bool,
        env: &Arc<Env>,
    ) -> std::result::Result<Planned, Refused> {
        let mut binder = Binder::new(env.clone(), given, params_allowed);
        binder.session = Some(self.session.clone());
        let bound = binder.bind_statement(sql).and_then(|mut bound| {
            binder.settle_columns(&mut bound)?;
            Ok(bound)
        });
        let locks = std::mem::take(&mut binder.locks);
        let bound = match bound {
            Ok(bound) => bound,
            Err(raised) => return Err(Refused { raised, locks }),
        };
        let Bound { plan, columns } = bound;
        let parameter_types = binder.params.borrow().clone();
        let returns_rows = match main_change(&plan) {
            Some(modify) => modify.returning().is_some(),
            None => true,
        };
        Ok(Planned {
            version: env.catalog.version,
            path: env.path.clone(),
            plan: Arc::new(plan),
            columns: describe(&columns, env),
            returns_rows,
            locks,
            writes: binder.writes,
            locks_rows: binder.locks_rows,
            parameter_types,
        })
    }

    /// Parse: one statement with parameters. `parameter_types` may be shorter than needed; 0 is "not given".
    ///
    /// # Errors
    ///
    /// 42601, 42P01, 42703, 42P18 … with positions; 25P02 in a failed transaction. The transaction has then failed.
    pub async fn prepare(&mut self, sql: &str, parameter_types: &[Oid]) -> Result<Rc<Prepared>> {
        let result = self.prepare_inner(sql, parameter_types).await;
        if result.is_err() {
            self.statement_failed();
        }
        result
    }

    async fn prepare_inner(&mut self, sql: &str, parameter_types: &[Oid]) -> Result<Rc<Prepared>> {
        let mut statements = parse::parse(sql)?;
        if statements.len() > 1 {
            return Err(error(b"42601", "cannot insert multiple commands into a prepared statement"));
        }
        let Some(statement) = statements.pop() else {
            return Ok(Rc::new(Prepared {
                parameter_types: parameter_types.to_vec(),
                columns: None,
                is_empty: true,
                statement: None,
                planned: RefCell::new(None),
                given_types: Vec::new(),
                from_sql: false,
                is_kept: true,
            }));
        };
        self.enter(&statement.kind)?;
        let given: Vec<Oid> =
            parameter_types.iter().map(|oid| if *oid == oid::UNKNOWN { 0 } else { *oid }).collect();
        self.prepare_statement(statement, given, false).await
    }

    /// Analyses a statement to be run later.
    pub(crate) async fn prepare_statement(
        &mut self,
        statement: Arc<Statement>,
        given: Vec<Oid>,
        from_sql: bool,
    ) -> Result<Rc<Prepared>> {
        let StatementKind::Sql(sql) = &statement.kind else {
            return self.prepare_other(statement, given, from_sql);
        };
        if is_ddl(sql) {
            return self.prepare_other(statement, given, from_sql);
        }
        super::error::set_text(&statement.text);
        let (mut planned, _) = self.analyse(sql, &given, true).await?;
        for (at, type_oid) in planned.parameter_types.iter_mut().enumerate() {
            if *type_oid == 0 || *type_oid == oid::UNKNOWN {
                return Err(error(
                    b"42P18",
                    format!("could not determine data type of parameter ${}", at + 1),
                ));
            }
        }
        let columns = planned.returns_rows.then(|| planned.columns.clone());
        let parameter_types = planned.parameter_types.clone();
        Ok(Rc::new(Prepared {
            given_types: parameter_types.clone(),
            parameter_types,
            columns,
            is_empty: false,
            statement: Some(statement),
            planned: RefCell::new(Some(Rc::new(planned))),
            from_sql,
            is_kept: true,
        }))
    }

    /// A statement that is not planned: it is looked at when it runs.
    fn prepare_other(
        &mut self,
        statement: Arc<Statement>,
        given: Vec<Oid>,
        from_sql: bool,
    ) -> Result<Rc<Prepared>> {
        let columns = match &statement.kind {
            StatementKind::Utility(utility) => self.utility_columns(utility)?,
            StatementKind::Sql(_) => None,
        };
        Ok(Rc::new(Prepared {
            parameter_types: Vec::new(),
            columns,
            is_empty: false,
            statement: Some(statement),
            planned: RefCell::new(None),
            given_types: given,
            from_sql,
            is_kept: true,
        }))
    }

    /// Bind: a portal of a prepared statement.
    ///
    /// # Errors
    ///
    /// 08P01 for a wrong number of parameters, 0A000 "cached plan must not change result type", 25P02.
    pub async fn bind(&mut self, prepared: &Rc<Prepared>, parameters: Vec<Value>) -> Result<Portal> {
        let result = self.bind_inner(prepared, parameters).await;
        if result.is_err() {
            self.statement_failed();
        }
        result
    }

    async fn bind_inner(&mut self, prepared: &Rc<Prepared>, parameters: Vec<Value>) -> Result<Portal> {
        if let Some(statement) = &prepared.statement {
            self.enter(&statement.kind)?;
        }
        if parameters.len() != prepared.parameter_types.len() && !prepared.is_empty {
            let message = format!(
                "bind message supplies {} parameters, but prepared statement \"\" requires {}",
                parameters.len(),
                prepared.parameter_types.len()
            );
            return Err(error(b"08P01", message));
        }
        if prepared.planned.borrow().is_some() {
            self.current_plan(prepared).await?;
        }
        Ok(Portal { prepared: prepared.clone(), parameters: parameters.into(), progress: Progress::Start })
    }

    /// The plan of a prepared statement, its tables locked; made anew when the catalog or the search path changed.
    async fn current_plan(&mut self, prepared: &Prepared) -> Result<(Rc<Planned>, Arc<Env>)> {
        self.begin_implicit();
        self.fix_snapshot().await?;
        let env = self.env();
        let kept = prepared.planned.borrow().clone();
        if let Some(planned) = kept
            && planned.version == env.catalog.version
            && planned.path == env.path
        {
            self.lock_tables(&planned.locks).await?;
            if self.session.catalog_version() == env.catalog.version {
                return Ok((planned, env));
            }
        }
        let statement =
            prepared.statement.as_ref().ok_or_else(|| DatabaseError::internal("a plan of no statement"))?;
        let params = !prepared.given_types.is_empty() || prepared.columns.is_some() || prepared.from_sql;
        let StatementKind::Sql(sql) = &statement.kind else {
            return Err(DatabaseError::internal("a utility statement to be planned"));
        };
        super::error::set_text(&statement.text);
        let (planned, env) = self.analyse(sql, &prepared.given_types, params).await?;
        let planned = Rc::new(planned);
        if prepared.is_kept {
            let now = planned.returns_rows.then_some(&planned.columns);
            let same = match (&prepared.columns, now) {
                (None, None) => true,
                (Some(old), Some(new)) => {
                    old.len() == new.len()
                        && old.iter().zip(new.iter()).all(|(a, b)| {
                            a.name == b.name && a.type_oid == b.type_oid && a.typmod == b.typmod
                        })
                }
                _ => false,
            };
            if !same {
                return Err(error(b"0A000", "cached plan must not change result type"));
            }
        }
        *prepared.planned.borrow_mut() = Some(planned.clone());
        Ok((planned, env))
    }

    /// Execute: up to `max_rows` rows (0: all) of a portal.
    ///
    /// # Errors
    ///
    /// What the statement fails with; the transaction has then failed already.
    pub async fn execute(
        &mut self,
        portal: &mut Portal,
        max_rows: usize,
        sink: &mut dyn Sink,
    ) -> Result<Completion> {
        let Some(statement) = portal.prepared.statement.clone() else { return Ok(Completion::Empty) };
        let result = self.execute_inner(portal, &statement, max_rows, sink).await;
        self.session.set_busy(false);
        self.session.set_statement_deadline(None);
        Exec::flush_notices(&self.state, sink);
        if result.is_err() {
            portal.progress = Progress::Done;
            self.statement_failed();
        }
        result
    }

    async fn execute_inner(
        &mut self,
        portal: &mut Portal,
        statement: &Arc<Statement>,
        max_rows: usize,
        sink: &mut dyn Sink,
    ) -> Result<Completion> {
        self.enter(&statement.kind)?;
        self.start_clock();
        self.session.set_busy(true);
        if portal.prepared.planned.borrow().is_none() {
            if matches!(portal.progress, Progress::Done) {
                return Ok(Completion::Complete(String::new()));
            }
            portal.progress = Progress::Done;
            return self.run_statement(statement, sink).await.map(Completion::Complete);
        }
        self.run_portal(portal, max_rows, sink).await
    }

    /// Makes a portal ready: plan, locks, snapshot.
    async fn open(
        &mut self,
        prepared: &Prepared,
        parameters: &Arc<[Value]>,
    ) -> Result<(Exec, Node, Rc<Planned>)> {
        let (planned, env) = self.current_plan(prepared).await?;
        let snapshot = self.session.statement_snapshot().await?;
        if let Some(command) = planned.writes {
            self.refuse_read_only(command)?;
        }
        if let Some(clause) = planned.locks_rows {
            self.refuse_read_only(&format!("SELECT {clause}"))?;
        }
        let mut exec = self.exec(Some(snapshot), env);
        exec.params = parameters.clone();
        let node = Node::new(&planned.plan, &mut exec)?;
        Ok((exec, node, planned))
    }

    /// Runs a portal: rows to the sink, then what follows the statement.
    pub(crate) async fn run_portal(
        &mut self,
        portal: &mut Portal,
        max_rows: usize,
        sink: &mut dyn Sink,
    ) -> Result<Completion> {
        if matches!(portal.progress, Progress::Start) {
            let opened = self.open(&portal.prepared, &portal.parameters).await?;
            if opened.2.returns_rows {
                sink.columns(&opened.2.columns);
            }
            portal.progress = Progress::Running(Box::new(opened));
        }
        let Progress::Running(running) = &mut portal.progress else {
            return Ok(Completion::Complete("SELECT 0".to_owned()));
        };
        let (exec, node, planned) = &mut **running;
        let mut count = 0_u64;
        let returns_rows = planned.returns_rows;
        let changes = main_change(&planned.plan).is_some();
        loop {
            if max_rows > 0 && count == max_rows as u64 {
                return Ok(Completion::Suspended);
            }
            let Some(row) = node.next(exec).await? else { break };
            count += 1;
            if returns_rows {
                sink.row(&row);
                if let Some(wait) = sink.ready() {
                    wait.await?;
                }
            }
        }
        let writes = planned.writes.is_some();
        let tag = match main_change(&planned.plan) {
            Some(Modify::Insert { .. }) => format!("INSERT 0 {}", exec.affected),
            Some(Modify::Update { .. }) => format!("UPDATE {}", exec.affected),
            Some(Modify::Delete { .. }) => format!("DELETE {}", exec.affected),
            None => format!("SELECT {count}"),
        };
        let _ = changes;
        let Progress::Running(running) = std::mem::replace(&mut portal.progress, Progress::Done) else {
            return Ok(Completion::Complete(tag));
        };
        let (mut exec, node, _) = *running;
        drop(node);
        self.finish_statement(&mut exec, writes).await?;
        Ok(Completion::Complete(tag))
    }

    /// Foreign keys, deferred checks, and the command counter after a statement.
    pub(crate) async fn finish_statement(&mut self, exec: &mut Exec, writes: bool) -> Result<()> {
        if !exec.triggers.is_empty() {
            let overrides = self.overrides();
            let deferred = foreign_key::run_events(exec, &overrides).await?;
            self.deferred.extend(deferred);
        }
        if writes {
            self.session.end_statement().await?;
            self.session.advance_command();
        }
        Ok(())
    }

    /// Sync, or the end of a simple query: commits the implicit transaction, if one is open.
    ///
    /// # Errors
    ///
    /// What the commit fails with (deferred constraints, 40001).
    pub async fn sync(&mut self) -> Result<()> {
        if self.in_block || self.session.status() == TransactionStatus::Idle {
            return Ok(());
        }
        self.commit_now().await
    }

    /// An error that the wire found itself (a bad message): the transaction fails as if a statement had.
    pub fn fail(&mut self) {
        self.statement_failed();
    }

    /// Settings for text formats, as they are now.
    pub fn text_style(&self) -> Arc<TextStyle> {
        let now = self.session.engine().environment().now().0;
        self.state.borrow().settings.text_style(now - UNIX_EPOCH_OFFSET)
    }

    /// Types and names for text and binary formats.
    pub fn types(&self) -> Arc<dyn TypeCatalog> {
        self.env()
    }

    /// Keeps a prepared statement under a name, where SQL's `EXECUTE` and `DEALLOCATE` see it; the unnamed one is "".
    ///
    /// # Errors
    ///
    /// 42P05 when the name is taken.
    pub fn store_prepared(&mut self, name: &str, prepared: Rc<Prepared>) -> Result<()> {
        if !name.is_empty() && self.prepared.contains_key(name) {
            return Err(error(b"42P05", format!("prepared statement \"{name}\" already exists")));
        }
        self.prepared.insert(name.to_owned(), prepared);
        Ok(())
    }

    /// The prepared statement of a name.
    ///
    /// # Errors
    ///
    /// 26000 when there is none.
    pub fn prepared(&self, name: &str) -> Result<Rc<Prepared>> {
        self.prepared.get(name).cloned().ok_or_else(|| {
            let message = if name.is_empty() {
                "unnamed prepared statement does not exist".to_owned()
            } else {
                format!("prepared statement \"{name}\" does not exist")
            };
            error(b"26000", message)
        })
    }

    /// Close: forgets a prepared statement; nothing when there is none.
    pub fn close_prepared(&mut self, name: &str) {
        self.prepared.remove(name);
    }

    /// `idle_in_transaction_session_timeout` and `idle_session_timeout`, in milliseconds, 0 for none.
    pub fn idle_timeouts_ms(&self) -> (u64, u64) {
        let state = self.state.borrow();
        let ms = |name: &str| state.settings.timeout(name).map_or(0, |timeout| timeout.as_millis() as u64);
        (ms("idle_in_transaction_session_timeout"), ms("idle_session_timeout"))
    }

    /// Ends the session: rolls back, frees everything.
    pub fn close(&mut self) {
        self.cursors.clear();
        self.prepared.clear();
        self.session.close();
    }

    /// Raises a warning or notice.
    pub(crate) fn notice(&self, severity: Severity, code: &'static [u8; 5], message: impl Into<String>) {
        let mut notice = DatabaseError::new(SqlState(*code), message);
        notice.severity = severity;
        self.state.borrow_mut().notices.push(notice);
    }

    /// A portal of a prepared statement, for `EXECUTE` and cursors.
    pub(crate) fn portal(prepared: Rc<Prepared>, parameters: Vec<Value>) -> Portal {
        Portal { prepared, parameters: parameters.into(), progress: Progress::Start }
    }
}

/// The change that a plan is, common table expressions before it set aside.
pub(crate) fn main_change(plan: &Plan) -> Option<&Modify> {
    match plan {
        Plan::Modify(modify) => Some(modify),
        Plan::With(_, body) => main_change(body),
        Plan::Project(input, _) => match &**input {
            Plan::Modify(modify) => Some(modify),
            _ => None,
        },
        _ => None,
    }
}

/// Output columns as the client sees them: domains as their base types.
pub(crate) fn describe(columns: &[OutputColumn], env: &Env) -> Arc<[ResultColumn]> {
    columns
        .iter()
        .map(|column| {
            let base = env.base_type(column.data_type);
            let type_oid = if base.oid >= 0xF000_0000 { oid::RECORD } else { base.oid };
            ResultColumn {
                name: column.name.clone(),
                type_oid,
                typmod: base.typmod,
                size: env.type_length(type_oid),
                table_oid: column.table_oid,
                attribute_number: column.attribute,
            }
        })
        .collect()
}

/// One column of text.
pub(crate) fn text_column(name: &str) -> Arc<[ResultColumn]> {
    let data_type = DataType::of(oid::TEXT);
    Arc::new([ResultColumn {
        name: name.into(),
        type_oid: data_type.oid,
        typmod: -1,
        size: -1,
        table_oid: 0,
        attribute_number: 0,
    }])
}

/// Whether `sqlparser` read a DDL statement.
pub(crate) fn is_ddl(statement: &sqlparser::ast::Statement) -> bool {
    use sqlparser::ast::Statement as S;
    !matches!(statement, S::Query(_) | S::Insert(_) | S::Update(_) | S::Delete(_))
}

fn ddl_tag(statement: &sqlparser::ast::Statement) -> &'static str {
    use sqlparser::ast::Statement as S;
    match statement {
        S::CreateTable(table) if table.query.is_some() => "CREATE TABLE AS",
        S::CreateTable(_) => "CREATE TABLE",
        S::CreateIndex(_) => "CREATE INDEX",
        S::CreateView(_) => "CREATE VIEW",
        S::AlterTable(_) => "ALTER TABLE",
        _ => "this statement",
    }
}

/// 0A000 for a statement by its first words.
pub(crate) fn unsupported_statement(statement: &sqlparser::ast::Statement) -> DatabaseError {
    let text = statement.to_string();
    unsupported(text.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

impl Prepared {
    /// The statement, if it is a query or a change.
    pub(crate) fn statement_kind(&self) -> Option<&sqlparser::ast::Statement> {
        match &self.statement.as_ref()?.kind {
            StatementKind::Sql(sql) => Some(sql),
            StatementKind::Utility(_) => None,
        }
    }
}
