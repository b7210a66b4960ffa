//! What the connections of one server share: databases by name, process numbers, cancel keys, whether it is up.
//!
//! PostgreSQL's word is "cluster"; it stays a server here because nothing is replicated. A database is an
//! [`Engine`] of its own and springs up empty at its first use, as nobody runs `createdb` in a test.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use super::authentication::Authentication;
use crate::{
    engine::{Engine, Environment, Pid, Session, Shutdown, Template, TransactionStatus},
    error::{DatabaseError, Result, SqlState},
};

/// Whether new connections are let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// Yes.
    #[default]
    Up,
    /// 57P03 "the database system is starting up"
    StartingUp,
    /// 57P03 "the database system is shutting down"
    ShuttingDown,
    /// 57P03 "the database system is in recovery mode"
    Recovering,
    /// 57P03 "the database system is not yet accepting connections"
    NotYetAccepting,
}

impl Availability {
    /// The error that a client gets.
    ///
    /// # Errors
    /// FATAL 57P03 unless [`Availability::Up`].
    pub fn check(self) -> Result<()> {
        let doing = match self {
            Self::Up => return Ok(()),
            Self::StartingUp => "is starting up",
            Self::ShuttingDown => "is shutting down",
            Self::Recovering => "is in recovery mode",
            Self::NotYetAccepting => "is not yet accepting connections",
        };
        Err(DatabaseError::fatal(SqlState::CANNOT_CONNECT_NOW, format!("the database system {doing}")))
    }
}

/// What a server is told at its start; a change concerns connections opened later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How clients prove themselves; default trust.
    pub authentication: Authentication,
    /// Sessions at once; one more is refused with 53300. Default 100, as PostgreSQL's.
    pub connections_max: usize,
    /// `server_version` as clients see it; what the server does is PostgreSQL 15's whatever it says.
    pub version: Arc<str>,
}

/// The server whose behaviour is modelled.
pub const VERSION: &str = "15.18";

impl Default for Options {
    fn default() -> Self {
        Self { authentication: Authentication::Trust, connections_max: 100, version: VERSION.into() }
    }
}

/// A session as [`Server::sessions`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Process number.
    pub pid: Pid,
    /// Who connected.
    pub user: Arc<str>,
    /// To which database.
    pub database: Arc<str>,
    /// The last statement, or the running one; empty before the first.
    pub statement: Arc<str>,
}

/// A server. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    inner: Rc<Inner>,
}

struct Inner {
    /// What a fault that takes the whole server away does.
    fail_over: RefCell<Option<Box<dyn Fn()>>>,
    environment: Rc<dyn Environment>,
    options: RefCell<Options>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// Whether databases keep what was true, for replicas.
    has_replicas: bool,
    availability: Availability,
    databases: BTreeMap<String, Engine>,
    backends: BTreeMap<Pid, Backend>,
    last_pid: i32,
}

struct Backend {
    secret: i32,
    engine: Engine,
    info: SessionInfo,
}

/// A session's place at its server, given up when dropped: however the session ends.
pub(super) struct Seat {
    server: Server,
    /// The session.
    pub(super) session: Session,
    /// What a cancel request has to know.
    pub(super) secret: i32,
}

impl Seat {
    /// Faults that a plan draws for a statement; see [`Server::planned`].
    pub(super) fn planned(&self, sql: &str) -> Result<()> {
        self.server.planned(&self.session, sql)
    }

    /// Notes the statement that runs.
    pub(super) fn runs(&self, statement: Arc<str>) {
        if let Some(backend) = self.server.inner.state.borrow_mut().backends.get_mut(&self.session.pid()) {
            backend.info.statement = statement;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let gone = self.server.inner.state.borrow_mut().backends.remove(&self.session.pid());
        drop(gone);
    }
}

impl Server {
    /// A server without databases.
    pub fn new(environment: Rc<dyn Environment>, authentication: Authentication) -> Self {
        let state = RefCell::new(State { last_pid: 1_000, ..State::default() });
        let options = RefCell::new(Options { authentication, ..Options::default() });
        Self { inner: Rc::new(Inner { fail_over: RefCell::default(), environment, options, state }) }
    }

    /// The world it runs in.
    pub fn environment(&self) -> &Rc<dyn Environment> {
        &self.inner.environment
    }

    /// Its options now.
    pub fn options(&self) -> Options {
        self.inner.options.borrow().clone()
    }

    /// Changes its options, for connections opened from now on.
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) {
        change(&mut self.inner.options.borrow_mut());
    }

    /// The database of this name; made empty if it is not there.
    pub fn database(&self, name: &str) -> Engine {
        let mut state = self.inner.state.borrow_mut();
        if let Some(engine) = state.databases.get(name) {
            return engine.clone();
        }
        let engine = Engine::new(self.inner.environment.clone());
        if state.has_replicas {
            engine.keep_for_replicas();
        }
        state.databases.insert(name.to_owned(), engine.clone());
        engine
    }

    /// The database of this name, if it is in use.
    pub fn find_database(&self, name: &str) -> Option<Engine> {
        self.inner.state.borrow().databases.get(name).cloned()
    }

    /// The sessions, by process number.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.inner.state.borrow().backends.values().map(|backend| backend.info.clone()).collect()
    }

    /// Puts a fork of `template` in the place of the database `name`.
    pub fn fork_database(&self, name: &str, template: &Template) -> Engine {
        let engine = template.fork(self.inner.environment.clone());
        let mut state = self.inner.state.borrow_mut();
        if state.has_replicas {
            engine.keep_for_replicas();
        }
        state.databases.insert(name.to_owned(), engine.clone());
        engine
    }

    /// Keeps, from now on, what a replica needs.
    pub fn keep_for_replicas(&self) {
        self.inner.state.borrow_mut().has_replicas = true;
        self.engines().iter().for_each(Engine::keep_for_replicas);
    }

    /// What happens when the fault `sql.failover` strikes a statement: whatever it is ends all sessions.
    pub fn on_failover(&self, act: impl Fn() + 'static) {
        *self.inner.fail_over.borrow_mut() = Some(Box::new(act));
    }

    /// Faults that a plan draws for a statement that is about to run.
    ///
    /// # Errors
    /// What the statement fails with.
    pub(super) fn planned(&self, session: &Session, sql: &str) -> Result<()> {
        let environment = &self.inner.environment;
        let describe =
            || format!("session {}: {}", session.pid(), sql.split_whitespace().collect::<Vec<_>>().join(" "));
        if session.is_replica() {
            return Ok(());
        }
        if let Some(act) = &*self.inner.fail_over.borrow()
            && environment.strikes("sql.failover", &describe)
        {
            act();
            return Ok(());
        }
        // Legal at any statement of these levels; READ COMMITTED never gets one.
        let keeps_snapshot = session.status() == TransactionStatus::Active
            && session.transaction_options().isolation.keeps_snapshot();
        if keeps_snapshot && environment.strikes("sql.serialization_failure", &describe) {
            return Err(DatabaseError::concurrent_update());
        }
        Ok(())
    }

    /// The names of the databases in use.
    pub fn database_names(&self) -> Vec<String> {
        self.inner.state.borrow().databases.keys().cloned().collect()
    }

    /// Whether new connections are let in.
    pub fn availability(&self) -> Availability {
        self.inner.state.borrow().availability
    }

    /// Lets new connections in, or says why not.
    pub fn set_availability(&self, availability: Availability) {
        self.inner.state.borrow_mut().availability = availability;
    }

    /// A crash: every session ends as `how` says, what was not committed is gone. New connections are let in by
    /// [`Server::set_availability`].
    pub fn crash(&self, how: Shutdown) {
        for engine in self.engines() {
            engine.crash(how);
        }
    }

    /// An orderly stop: every session ends with 57P01.
    pub fn stop(&self) {
        for engine in self.engines() {
            engine.stop();
        }
    }

    fn engines(&self) -> Vec<Engine> {
        self.inner.state.borrow().databases.values().cloned().collect()
    }

    /// A cancel request, as it comes on a connection of its own: acts if the secret is right and a statement runs.
    pub fn cancel(&self, pid: Pid, secret: i32) {
        let engine = match self.inner.state.borrow().backends.get(&pid) {
            Some(backend) if backend.secret == secret => backend.engine.clone(),
            _ => return,
        };
        engine.cancel(pid);
    }

    /// Whether one more session is let in.
    ///
    /// # Errors
    /// FATAL 57P03 unless the server is up, 53300 when there are too many sessions.
    pub(super) fn admit(&self) -> Result<()> {
        self.availability().check()?;
        let full = self.inner.state.borrow().backends.len() >= self.inner.options.borrow().connections_max;
        if full
            || self.inner.environment.strikes("sql.too_many_connections", &|| "a new connection".to_owned())
        {
            return Err(DatabaseError::fatal(
                SqlState::parse("53300").expect("five characters"),
                "sorry, too many clients already",
            ));
        }
        Ok(())
    }

    /// A new session in `database`.
    pub(super) fn connect(&self, database: &str, user: &str) -> Seat {
        let engine = self.database(database);
        let mut secret = [0; 4];
        self.inner.environment.fill_entropy(&mut secret);
        let secret = i32::from_be_bytes(secret);
        let mut state = self.inner.state.borrow_mut();
        state.last_pid += 1;
        let pid = Pid(state.last_pid);
        let info = SessionInfo { pid, user: user.into(), database: database.into(), statement: "".into() };
        state.backends.insert(pid, Backend { secret, engine: engine.clone(), info });
        drop(state);
        Seat { server: self.clone(), session: engine.connect_as(pid), secret }
    }
}
