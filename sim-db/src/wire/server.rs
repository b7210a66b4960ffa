//! What the connections of one server share: databases by name, process numbers, cancel keys, whether it is up.
//!
//! PostgreSQL's word is "cluster"; it stays a server here because nothing is replicated. A database is an
//! [`Engine`] of its own and springs up empty at its first use, as nobody runs `createdb` in a test.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::authentication::Authentication;
use crate::{
    engine::{Engine, Environment, Pid, Session, Shutdown, Template},
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

/// A server. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    inner: Rc<Inner>,
}

struct Inner {
    environment: Rc<dyn Environment>,
    authentication: Authentication,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    availability: Availability,
    databases: BTreeMap<String, Engine>,
    backends: BTreeMap<Pid, Backend>,
    last_pid: i32,
}

struct Backend {
    secret: i32,
    engine: Engine,
}

impl Server {
    /// A server without databases.
    pub fn new(environment: Rc<dyn Environment>, authentication: Authentication) -> Self {
        let state = RefCell::new(State { last_pid: 1_000, ..State::default() });
        Self { inner: Rc::new(Inner { environment, authentication, state }) }
    }

    /// The world it runs in.
    pub fn environment(&self) -> &Rc<dyn Environment> {
        &self.inner.environment
    }

    /// How clients prove themselves.
    pub fn authentication(&self) -> &Authentication {
        &self.inner.authentication
    }

    /// The database of this name; made empty if it is not there.
    pub fn database(&self, name: &str) -> Engine {
        let mut state = self.inner.state.borrow_mut();
        if let Some(engine) = state.databases.get(name) {
            return engine.clone();
        }
        let engine = Engine::new(self.inner.environment.clone());
        state.databases.insert(name.to_owned(), engine.clone());
        engine
    }

    /// Puts a fork of `template` in the place of the database `name`.
    pub fn fork_database(&self, name: &str, template: &Template) -> Engine {
        let engine = template.fork(self.inner.environment.clone());
        self.inner.state.borrow_mut().databases.insert(name.to_owned(), engine.clone());
        engine
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

    /// A new session in `database`, with its cancel key.
    pub(super) fn connect(&self, database: &str) -> (Session, i32) {
        let engine = self.database(database);
        let mut secret = [0; 4];
        self.inner.environment.fill_entropy(&mut secret);
        let secret = i32::from_be_bytes(secret);
        let mut state = self.inner.state.borrow_mut();
        state.last_pid += 1;
        let pid = Pid(state.last_pid);
        state.backends.insert(pid, Backend { secret, engine: engine.clone() });
        drop(state);
        (engine.connect_as(pid), secret)
    }

    /// Forgets a session that has ended.
    pub(super) fn disconnect(&self, pid: Pid) {
        self.inner.state.borrow_mut().backends.remove(&pid);
    }
}
