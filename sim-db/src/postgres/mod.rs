//! PostgreSQL on a node: a simulated machine that real clients connect to.
//!
//! It listens on port 5432 of a node, in virtual time: any user, any database (each its own, empty at first use).
//! Statements are switch points of the run and facts of its trace, with session and SQLSTATE; a session that waits
//! for a lock is shown with its holder when a run stalls. A crash of the node is a crash of the server: acknowledged
//! commits survive, sequences skip ahead, sessions are gone, and for a while after the restart new ones get 57P03.
//!
//! # Faults
//!
//! | kind in a plan | each opportunity | what |
//! |---|---|---|
//! | `sql.serialization_failure` | a statement of a REPEATABLE READ or SERIALIZABLE transaction | it fails with 40001 |
//! | `sql.too_many_connections` | a new connection | it is refused with 53300 |
//! | `sql.failover` | a statement | as [`Postgres::failover`], 1 s to 10 s |
//!
//! The network adds those of requests: `sql.request_lost` (before the statement), `sql.response_lost` (after it: an
//! acknowledgement of COMMIT, say), `sql.disconnected` (during it), `sql.slow`; see [`sim_net::request`].
//!
//! ```no_run
//! use sim_db::postgres::Databases;
//!
//! # async fn scenario(sim: sim_runtime::Sim) -> Result<(), sim_db::error::DatabaseError> {
//! let db = sim.postgres("db");
//! db.execute("create table account (id int primary key, balance int not null check (balance >= 0))")?;
//! db.execute("insert into account values (1, 100), (2, 100)")?;
//! sim.node("shop").spawn(async { /* connects to `postgres://app@db/app` */ });
//! let inspected = db.clone();
//! sim.always("the money is all there", move || {
//!     let rows = inspected.query("select sum(balance) from account").expect("the table is there");
//!     rows.value() == Some(200)
//! });
//! db.crash();
//! db.restart();
//! # Ok(())
//! # }
//! ```

mod activity;
mod environment;
mod inspect;
mod machine;
mod replica;
mod template;

pub use inspect::Rows;
pub use machine::PORT;
pub use replica::Replica;

use crate::engine::Shutdown;
use crate::error::Result;
use crate::wire::Authentication;
use machine::Machine;
use sim_runtime::Sim;
use sim_runtime::node::service::{self, Service};
use sim_runtime::node::{Finish, Node};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

/// The database that handles look into, and that [`Postgres::url`] names.
const DATABASE: &str = "app";

/// Databases for a scenario: implemented by [`Sim`].
pub trait Databases {
    /// The PostgreSQL server at the node of this name, which is booted if there is none.
    ///
    /// # Panics
    ///
    /// If the name could not be a host name, or the node runs something else.
    #[track_caller]
    fn postgres(&self, name: &str) -> Postgres;
}

impl Databases for Sim {
    #[track_caller]
    fn postgres(&self, name: &str) -> Postgres {
        Postgres { machine: Machine::on(self.node(name)), database: DATABASE.into() }
    }
}

/// Lets runs of this process have a server that their settings ask for: `SIM_POSTGRES=db`.
pub fn offer() {
    service::offer(Service {
        option: "postgres",
        variable: "SIM_POSTGRES",
        boot: |node| drop(Machine::on(node)),
    });
}

/// A PostgreSQL server on a node. Clones are the same server.
#[derive(Clone)]
pub struct Postgres {
    machine: Rc<Machine>,
    database: Rc<str>,
}

impl Postgres {
    /// Its node: for links, cuts, clocks.
    pub fn node(&self) -> Node {
        self.machine.node
    }

    /// How clients find the database: `postgres://app@db/app`, with the password if there is one.
    pub fn url(&self) -> String {
        let password = match self.machine.server.options().authentication {
            Authentication::Trust => String::new(),
            Authentication::Cleartext(password)
            | Authentication::Md5(password)
            | Authentication::ScramSha256(password) => format!(":{password}"),
        };
        format!("postgres://app{password}@{}/{}", self.machine.node.name(), self.database)
    }

    /// The same server, looking into another database. [`Sim::postgres`](Databases::postgres) looks into `app`.
    #[must_use]
    pub fn database(&self, name: &str) -> Postgres {
        Postgres { machine: self.machine.clone(), database: name.into() }
    }

    /// Lets the database begin as a fork of the template `name`, which `make` fills, once a process: with tables by
    /// [`Postgres::execute`], or by the service's own migrations over a real client, at the URL of the handle that it
    /// is given. A fork copies nothing until something is written, so a sweep does not pay for its migrations at
    /// every seed.
    ///
    /// `make` runs in a world of its own with a fixed seed, where there is nothing but this server: the present run
    /// sees the same database whether the template was there already or not, and no choice, fact or moment of its
    /// making. The name stands for the content: the same name with another `make` gives the first one's template.
    ///
    /// # Panics
    ///
    /// If `make` fails, or leaves a transaction open.
    #[must_use]
    pub fn template<M, F>(self, name: &str, make: M) -> Postgres
    where
        M: Fn(Postgres) -> F + Send + Sync + 'static,
        F: Future + 'static,
        F::Output: Finish + 'static,
    {
        self.machine.fork(&self.database, name, make);
        self
    }

    /// Asks clients for this password, with SCRAM-SHA-256, from now on. Default: trust.
    #[must_use]
    pub fn password(self, password: &str) -> Postgres {
        let authentication = Authentication::ScramSha256(password.to_owned());
        self.machine.server.set_options(|options| options.authentication = authentication);
        self
    }

    /// Refuses further connections with 53300 while there are so many. Default: 100.
    #[must_use]
    pub fn max_connections(self, connections: usize) -> Postgres {
        self.machine.server.set_options(|options| options.connections_max = connections);
        self
    }

    /// What the server says it is, such as `16.4`. Default: `15.18`, whose behaviour it has in any case.
    #[must_use]
    pub fn server_version(self, version: &str) -> Postgres {
        self.machine.server.set_options(|options| options.version = version.into());
        self
    }

    /// What a query answers, seen from outside of the run: no choice, no fact, no time, and no effect on sessions. For
    /// properties over rows. It sees what is committed.
    ///
    /// # Errors
    ///
    /// What the query fails with; 55P03 if it would have to wait for a lock.
    pub fn query(&self, sql: &str) -> Result<Rows> {
        self.machine.inspect(&self.database, sql)
    }

    /// Runs a script as [`Postgres::query`] does, for tables and rows that are there before anybody connects.
    ///
    /// # Errors
    ///
    /// As [`Postgres::query`]; nothing of the script is done then, unless it has transactions of its own.
    pub fn execute(&self, sql: &str) -> Result<()> {
        self.machine.inspect(&self.database, sql).map(drop)
    }

    /// Every session in a line: who, what, and what it waits for.
    pub fn activity(&self) -> String {
        self.machine.activity()
    }

    /// The machine loses power: [`Node::crash`]. Acknowledged commits survive, sessions and their work do not. What
    /// clients see is the network's affair ([`sim_net::Net::when_down`]).
    pub fn crash(&self) {
        self.machine.node.crash();
    }

    /// The machine is switched on again: [`Node::restart`]. While the server recovers, 50 ms to 500 ms by the lane
    /// `db/NAME/recovery`, new connections get 57P03.
    pub fn restart(&self) {
        self.machine.node.restart();
    }

    /// One backend dies of a signal, so the server ends all sessions (a warning 57P02, then the end of the stream) and
    /// recovers by itself, for 50 ms to 500 ms; new connections get 57P03 meanwhile.
    pub fn crash_backend(&self) {
        self.machine.crash_backend();
    }

    /// The server is lost, and after a while another one, with everything that was committed, takes over at the same
    /// address: sessions get a warning 57P01 and the end of the stream, connections are refused until then, and get
    /// 57P03 for a moment more; sequences skip ahead.
    #[track_caller]
    pub fn failover(&self, after: Duration) {
        self.machine.fail_over(after, Location::caller());
    }

    /// A read replica on the node `name`, so far behind, at most 10 minutes. See [`Replica`].
    ///
    /// # Panics
    ///
    /// If the node runs something already.
    #[track_caller]
    pub fn replica(&self, name: &str, lag: Duration) -> Replica {
        Replica::start(self, name, lag)
    }

    /// The orderly stop of the server process: sessions end with FATAL 57P01, then connections are refused. Until
    /// [`Postgres::start`].
    pub fn stop(&self) {
        self.machine.stop(Shutdown::Administrator);
    }

    /// The stop that does not wait for anything, and is as a crash for the data: sessions get a warning 57P01 and the
    /// end of the stream. Until [`Postgres::start`].
    pub fn stop_immediately(&self) {
        self.machine.stop(Shutdown::Immediate);
    }

    /// Starts the server process after a stop; nothing if it runs.
    #[track_caller]
    pub fn start(&self) {
        self.machine.start(Location::caller());
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Postgres").field("url", &self.url()).finish_non_exhaustive()
    }
}
