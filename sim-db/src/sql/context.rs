//! What an execution carries: the session, the snapshot, parameters, rows of enclosing queries.

use super::catalog::Env;
use super::settings::Settings;
use super::sink::Sink;
use crate::engine::{Session, Snapshot, Timestamp};
use crate::error::{DatabaseError, Result};
use crate::value::text::TextContext;
use crate::value::{Row, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// State of one session that functions reach: settings, sequence values, prepared statements' names.
#[derive(Default)]
pub struct SessionState {
    /// Run-time parameters.
    pub settings: Settings,
    /// `currval` of each sequence that this session used.
    pub sequence_values: BTreeMap<u32, i64>,
    /// The sequence that `lastval` means.
    pub last_sequence: Option<u32>,
    /// Database name.
    pub database: Arc<str>,
    /// User name.
    pub user: Arc<str>,
    /// Notices raised by functions, not yet sent.
    pub notices: Vec<DatabaseError>,
    /// Changed settings to report, not yet sent.
    pub reports: Vec<(String, String)>,
}

/// A common table expression being read: its rows so far, and where the rest comes from.
pub struct CteState {
    /// Plan.
    pub plan: Arc<super::plan::Plan>,
    /// Rows pulled so far.
    pub rows: Vec<Row>,
    /// The running plan, once it was asked for a row.
    pub node: Option<Box<super::exec::node::Node>>,
    /// Whether all rows were pulled.
    pub done: bool,
    /// Whether it changes data.
    pub modifies: bool,
}

impl CteState {
    /// One that was not read yet.
    pub fn new(plan: Arc<super::plan::Plan>, modifies: bool) -> Self {
        Self { plan, rows: Vec::new(), node: None, done: false, modifies }
    }
}

/// One execution of one statement.
pub struct Exec {
    session: Option<Session>,
    snapshot: Option<Snapshot>,
    /// Catalog, search path, text style.
    pub env: Arc<Env>,
    /// Session state.
    pub state: Rc<RefCell<SessionState>>,
    /// Parameters.
    pub params: Arc<[Value]>,
    /// Current rows of enclosing queries, by frame number.
    pub frames: Vec<Row>,
    /// Results of sub-selects that are the same for the whole statement.
    pub once: Vec<Option<Arc<Vec<Row>>>>,
    /// Work tables of recursions, by number.
    pub tables: Vec<Option<Arc<Vec<Row>>>>,
    /// Common table expressions being read.
    pub ctes: Vec<Option<Rc<RefCell<CteState>>>>,
    /// When the statement began.
    pub statement_time: Timestamp,
    /// Rows that the last change affected.
    pub affected: u64,
    /// Rows seen since interrupts were last checked.
    pub ticks: u32,
    /// Foreign-key checks and actions that wait for the end of the statement.
    pub triggers: Vec<super::exec::foreign_key::Event>,
}

impl Exec {
    /// An execution in a session.
    pub fn new(
        session: Session,
        snapshot: Option<Snapshot>,
        env: Arc<Env>,
        state: Rc<RefCell<SessionState>>,
    ) -> Self {
        let statement_time = session.engine().environment().now();
        Self {
            session: Some(session),
            snapshot,
            env,
            state,
            params: Arc::new([]),
            frames: Vec::new(),
            once: Vec::new(),
            tables: Vec::new(),
            ctes: Vec::new(),
            statement_time,
            affected: 0,
            ticks: 0,
            triggers: Vec::new(),
        }
    }

    /// An evaluation outside any session: index expressions, constants.
    pub fn detached(env: Arc<Env>) -> Self {
        Self {
            session: None,
            snapshot: None,
            env,
            state: Rc::default(),
            params: Arc::new([]),
            frames: Vec::new(),
            once: Vec::new(),
            tables: Vec::new(),
            ctes: Vec::new(),
            statement_time: Timestamp::default(),
            affected: 0,
            ticks: 0,
            triggers: Vec::new(),
        }
    }

    /// The session.
    ///
    /// # Errors
    ///
    /// XX000 in an index expression, which has none.
    pub fn session(&self) -> Result<&Session> {
        self.session.as_ref().ok_or_else(|| DatabaseError::internal("no session in an immutable expression"))
    }

    /// The statement's snapshot.
    ///
    /// # Errors
    ///
    /// XX000 where there is none.
    pub fn snapshot(&self) -> Result<&Snapshot> {
        self.snapshot.as_ref().ok_or_else(|| DatabaseError::internal("no snapshot here"))
    }

    /// Puts another snapshot in the place of the statement's; answers the old one.
    pub fn replace_snapshot(&mut self, snapshot: Option<Snapshot>) -> Option<Snapshot> {
        std::mem::replace(&mut self.snapshot, snapshot)
    }

    /// Settings and catalog for text formats.
    pub fn text(&self) -> TextContext<'_> {
        self.env.text()
    }

    /// Checks for interrupts every few hundred rows.
    ///
    /// # Errors
    ///
    /// 57014, 57P01.
    pub fn tick(&mut self) -> Result<()> {
        self.ticks += 1;
        if self.ticks.is_multiple_of(512)
            && let Some(session) = &self.session
        {
            session.check_interrupts()?;
        }
        Ok(())
    }

    /// Raises a notice.
    pub fn notice(&self, notice: DatabaseError) {
        self.state.borrow_mut().notices.push(notice);
    }

    /// Sends the notices and reports raised so far.
    pub fn flush_notices(state: &Rc<RefCell<SessionState>>, sink: &mut dyn Sink) {
        let (notices, reports) = {
            let mut state = state.borrow_mut();
            (std::mem::take(&mut state.notices), std::mem::take(&mut state.reports))
        };
        for notice in notices {
            sink.notice(notice);
        }
        for (name, value) in reports {
            sink.parameter_status(&name, &value);
        }
    }
}
