//! One connection, from its first byte to its last: start-up, then messages one after the other.
//!
//! A running statement is never raced against the socket: like a PostgreSQL backend, a session notices that its
//! client has gone when it next reads or writes, so a statement of a vanished client runs to its end and, outside a
//! transaction block, commits. What does interrupt a statement (cancel, termination, timeouts) goes through the
//! engine.

use std::rc::Rc;
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::{
    future::{Either, select},
    io::{AsyncRead, AsyncWrite},
};

use super::{
    backend::Status,
    channel::{Channel, End},
    ending::Ending,
    extended::Portal,
    frontend::{self, Frontend},
    malformed::Malformed,
    report::report,
    results::{Formats, Results},
    server::{Seat, Server},
    startup::{self, Packet, Refusal, STARTUP_BYTES_MAX, Startup},
};
use crate::{
    engine::{Lag, Session as EngineSession, Shutdown, TransactionStatus},
    error::{DatabaseError, Result, Severity},
    sql::{Completion, Connection},
    value::{
        Oid, Value,
        text::{self, TextContext},
    },
};

/// Serves one connection until either side ends it.
pub async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin>(server: &Server, stream: S) {
    serve(server, None, stream).await;
}

/// As [`serve_connection`], for a replica that lags: its sessions see the databases of `server` as they were, and are let in
/// whether that server is up or not.
pub async fn serve_replica_connection<S: AsyncRead + AsyncWrite + Unpin>(
    server: &Server,
    lag: &Rc<Lag>,
    stream: S,
) {
    serve(server, Some(lag), stream).await;
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(server: &Server, lag: Option<&Rc<Lag>>, stream: S) {
    let mut channel = Channel::new(stream);
    if let Err(ending) = converse(server, lag, &mut channel).await {
        ending.write(&mut channel.out);
    }
    // Whether the last words arrive is the client's affair.
    let _ = channel.flush().await;
    channel.close().await;
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    server: &Server,
    lag: Option<&Rc<Lag>>,
    channel: &mut Channel<S>,
) -> Result<(), Ending> {
    let Some(startup) = opening(server, channel).await? else { return Ok(()) };
    if (startup.major, startup.minor) != (3, 0) || !startup.unknown_protocol_options.is_empty() {
        channel.out.negotiate_protocol_version(&startup.unknown_protocol_options);
    }
    let admit = || if lag.is_some() { Ok(()) } else { server.admit() };
    admit().map_err(Ending::Fatal)?;
    let mut entropy = [0; 34];
    server.environment().fill_entropy(&mut entropy);
    let options = server.options();
    options.authentication.run(channel, &startup.user, entropy).await?;
    if lag.is_none() {
        server.availability().check().map_err(Ending::Fatal)?;
    }
    channel.out.authentication(0, &[]);
    if startup.replication {
        let error = DatabaseError::unsupported("a replication connection");
        return Err(Ending::Fatal(error));
    }
    let seat = server.connect(&startup.database, &startup.user);
    if let Some(lag) = lag {
        seat.session.lag(lag.clone());
    }
    let mut connection = Connection::new(seat.session.clone(), &startup.database, &startup.user);
    connection.set_server_version(&options.version);
    let mut session = Session {
        connection,
        engine: seat.session.clone(),
        seat: &seat,
        channel,
        portals: BTreeMap::new(),
        texts: BTreeMap::new(),
        reported: BTreeSet::new(),
    };
    let result = session.run(&startup).await;
    session.portals.clear();
    session.connection.close();
    result
}

/// The packets before a session: until one starts it.
async fn opening<S: AsyncRead + AsyncWrite + Unpin>(
    server: &Server,
    channel: &mut Channel<S>,
) -> Result<Option<Startup>, Ending> {
    loop {
        let body = channel.startup_packet(STARTUP_BYTES_MAX).await?;
        match startup::parse(&body) {
            Ok(Packet::SslRequest | Packet::GssEncRequest) => {
                channel.out.no_encryption();
                channel.flush().await?;
            }
            Ok(Packet::Cancel { pid, secret }) => {
                server.cancel(crate::engine::Pid(pid), secret);
                return Ok(None);
            }
            Ok(Packet::Startup(startup)) => return Ok(Some(startup)),
            Err(Refusal::Silent) => return Err(Ending::Gone),
            Err(Refusal::Fatal(malformed)) => return Err(Ending::Fatal(malformed.into())),
        }
    }
}

/// What a message leaves to do.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Read on.
    Read,
    /// Tell the client that a new exchange may begin.
    Ready,
}

/// What ends a wait for the client.
enum Event {
    /// A message is there, or none will come.
    Message(Result<(), End>),
    /// The client was silent for too long.
    Idle(Shutdown),
    /// The engine has something for this session.
    Woken,
}

pub(super) struct Session<'c, S> {
    pub(super) connection: Connection,
    pub(super) engine: EngineSession,
    pub(super) seat: &'c Seat,
    pub(super) channel: &'c mut Channel<S>,
    pub(super) portals: BTreeMap<String, Portal>,
    /// The texts of prepared statements, by name, for those who read about the run.
    pub(super) texts: BTreeMap<String, Arc<str>>,
    /// The settings as the client was told them.
    reported: BTreeSet<(String, String)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<'_, S> {
    async fn run(&mut self, startup: &Startup) -> Result<(), Ending> {
        for (name, value) in &startup.settings {
            self.connection.set_startup_parameter(name, value).map_err(Ending::Fatal)?;
        }
        self.report_parameters();
        self.channel.out.backend_key_data(self.engine.pid().0, self.seat.secret);
        let mut skip_to_sync = false;
        loop {
            self.announce_ready().await?;
            let mut at_rest = true;
            loop {
                let (tag, message) = self.next_message(at_rest).await?;
                at_rest = false;
                if skip_to_sync && tag != b'S' && tag != b'X' {
                    continue;
                }
                skip_to_sync = false;
                self.engine.set_busy(true);
                let result = match message {
                    Ok(Frontend::Terminate) => return Err(Ending::Gone),
                    Ok(message) => self.handle(message).await,
                    Err(malformed) => Err(Failure::Wire(malformed.into())),
                };
                self.engine.set_busy(false);
                let result = match result {
                    Err(Failure::Wire(error)) => {
                        self.connection.fail();
                        Err(Failure::Sql(error))
                    }
                    other => other,
                };
                match result {
                    Ok(Next::Read) => {}
                    Ok(Next::Ready) => break,
                    Err(Failure::Ending(ending)) => return Err(ending),
                    Err(Failure::Sql(error) | Failure::Wire(error)) => {
                        self.tell(&error)?;
                        if frontend::skips_to_sync(tag) {
                            skip_to_sync = true;
                        } else {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Tells settings that differ from what the client knows.
    fn report_parameters(&mut self) {
        for (name, value) in self.connection.reported_parameters() {
            let entry = (name, value);
            if !self.reported.contains(&entry) {
                self.channel.out.parameter_status(&entry.0, &entry.1);
                self.reported.retain(|(name, _)| *name != entry.0);
                self.reported.insert(entry);
            }
        }
    }

    /// Notifications, changed parameters, `ReadyForQuery`.
    async fn announce_ready(&mut self) -> Result<(), Ending> {
        self.write_notifications();
        self.report_parameters();
        let status = match self.engine.status() {
            TransactionStatus::Idle => Status::Idle,
            TransactionStatus::Active => Status::InTransaction,
            TransactionStatus::Failed => Status::Failed,
        };
        self.channel.out.ready_for_query(status);
        Ok(self.channel.flush().await?)
    }

    fn write_notifications(&mut self) {
        if self.engine.status() == TransactionStatus::Idle {
            for message in self.engine.take_notifications() {
                self.channel.out.notification_response(message.pid.0, &message.channel, &message.payload);
            }
        }
    }

    /// Waits for the client's next message; meanwhile the session may be ended, idle for too long, or notified.
    async fn next_message(&mut self, at_rest: bool) -> Result<(u8, Result<Frontend, Malformed>), Ending> {
        let idle = if at_rest { self.idle_limit() } else { None };
        let mut timer = idle.map(|(limit, how)| (self.engine.engine().environment().sleep(limit), how));
        loop {
            if let Some(how) = self.engine.shutdown() {
                return Err(Ending::Shutdown(how));
            }
            let engine = self.engine.clone();
            let woken = pin!(async {
                match &mut timer {
                    None => {
                        engine.wakeup().await;
                        None
                    }
                    Some((sleep, how)) => match select(pin!(engine.wakeup()), sleep).await {
                        Either::Left(_) => None,
                        Either::Right(_) => Some(*how),
                    },
                }
            });
            let event = match select(pin!(self.channel.ready()), woken).await {
                Either::Left((ready, _)) => Event::Message(ready),
                Either::Right((Some(how), _)) => Event::Idle(how),
                Either::Right((None, _)) => Event::Woken,
            };
            match event {
                Event::Message(ready) => {
                    ready?;
                    let (tag, body) = self.channel.take();
                    return Ok((tag, frontend::parse(tag, body)));
                }
                Event::Idle(how) => return Err(Ending::Shutdown(how)),
                Event::Woken if self.engine.shutdown().is_some() => {}
                Event::Woken => {
                    self.write_notifications();
                    self.channel.flush().await?;
                }
            }
        }
    }

    /// How long the client may say nothing, and what happens then.
    fn idle_limit(&self) -> Option<(Duration, Shutdown)> {
        let (in_transaction_ms, idle_ms) = self.connection.idle_timeouts_ms();
        let (limit_ms, how) = if self.engine.status() == TransactionStatus::Idle {
            (idle_ms, Shutdown::Idle)
        } else {
            (in_transaction_ms, Shutdown::IdleInTransaction)
        };
        (limit_ms > 0).then(|| (Duration::from_millis(limit_ms), how))
    }

    async fn handle(&mut self, message: Frontend) -> Result<Next, Failure> {
        match message {
            Frontend::Query(text) => {
                self.simple_query(&text).await?;
                return Ok(Next::Ready);
            }
            Frontend::Parse { name, query, parameter_types } => {
                self.parse(&name, &query, &parameter_types).await?;
            }
            Frontend::Bind(bind) => self.bind(bind).await?,
            Frontend::Describe(target) => self.describe(&target)?,
            Frontend::Execute { portal, max_rows } => self.execute(&portal, max_rows).await?,
            Frontend::Close(target) => self.close(&target),
            Frontend::Flush => self.channel.flush().await?,
            Frontend::Sync => {
                self.finish().await?;
                return Ok(Next::Ready);
            }
            // Left over from a COPY that failed; the protocol has them ignored.
            Frontend::CopyData(_) | Frontend::CopyDone | Frontend::CopyFail(_) => {}
            Frontend::FunctionCall => {
                let error = DatabaseError::unsupported("the function call message");
                return Err(Failure::Wire(error));
            }
            Frontend::Terminate | Frontend::Password(_) => {
                return Err(Ending::violation("invalid frontend message").into());
            }
        }
        Ok(Next::Read)
    }

    /// Ends the implicit transaction, if one is open.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        let result = self.connection.sync().await;
        self.drop_dead_portals();
        Ok(result?)
    }

    /// Portals live as long as their transaction.
    fn drop_dead_portals(&mut self) {
        if self.connection.status() == TransactionStatus::Idle {
            self.portals.clear();
        }
    }

    /// The connection, and where the answers of its next statement go.
    pub(super) fn results<'a>(
        &'a mut self,
        formats: &'a Formats,
        describes: bool,
    ) -> (&'a mut Connection, Results<'a, S>) {
        let results = Results {
            engine: self.engine.clone(),
            style: self.connection.text_style(),
            types: self.connection.types(),
            channel: self.channel,
            formats,
            describes,
            column_types: Vec::new(),
            rows: 0,
            scratch: String::new(),
            ending: None,
        };
        (&mut self.connection, results)
    }

    /// Faults that a plan draws before a statement runs.
    pub(super) fn planned(&self, sql: &str) -> Result<(), Failure> {
        // As a failure on the wire, so that the transaction fails with it.
        self.seat.planned(sql).map_err(Failure::Wire)?;
        match self.engine.shutdown() {
            Some(how) => Err(Ending::Shutdown(how).into()),
            None => Ok(()),
        }
    }

    /// How a statement ended; one that lost the client, or the protocol's thread, ends the session.
    pub(super) fn outcome(
        &mut self,
        completion: Result<Completion>,
        ending: Option<Ending>,
    ) -> Result<Completion, Failure> {
        match (completion, ending) {
            (Ok(completion), None) => Ok(completion),
            (Err(error), None) => Err(error.into()),
            (completion, Some(ending)) => {
                if let (Err(error), Ending::Fatal(_)) = (completion, &ending) {
                    report(&mut self.channel.out, &error);
                }
                Err(ending.into())
            }
        }
    }

    /// Tells the client of a failure.
    fn tell(&mut self, error: &DatabaseError) -> Result<(), Ending> {
        if let Some(how) = self.engine.shutdown() {
            return Err(Ending::Shutdown(how));
        }
        if error.severity >= Severity::Fatal {
            return Err(Ending::Fatal(error.clone()));
        }
        self.drop_dead_portals();
        report(&mut self.channel.out, error);
        Ok(())
    }

    /// Tells the world what a statement did, with the values of its parameters, for those who read about the run.
    pub(super) fn observe<'v>(
        &self,
        sql: &str,
        values: impl Iterator<Item = (&'v Value, &'v Oid)> + Clone,
        result: &Result<Completion>,
    ) {
        let told = || {
            let sql: Vec<&str> = sql.split_whitespace().collect();
            let mut sql = sql.join(" ");
            let (style, types) = (self.connection.text_style(), self.connection.types());
            let context = TextContext::new(&style, &*types);
            let shown = |(value, oid): (&Value, &Oid)| match value {
                Value::Null => "NULL".to_owned(),
                Value::Bool(_) => text::output(value, *oid, context),
                value if value.as_i64().is_some() => text::output(value, *oid, context),
                value => format!("'{}'", text::output(value, *oid, context)),
            };
            let values: Vec<String> = values.clone().map(shown).collect();
            if !values.is_empty() {
                sql = format!("{sql} [{}]", values.join(", "));
            }
            let outcome = match result {
                Ok(Completion::Complete(tag)) => tag.clone(),
                Ok(Completion::Suspended) => "more rows to come".to_owned(),
                Ok(Completion::Empty) => "nothing to do".to_owned(),
                Err(error) => {
                    let constraint = error.constraint.as_deref().map(|name| format!(" {name}"));
                    format!("{}{}", error.sqlstate, constraint.unwrap_or_default())
                }
            };
            format!("session {}: {sql}: {outcome}", self.engine.pid())
        };
        self.engine.engine().environment().observe("sql", &told);
    }

    /// Sends what waits once it has become much.
    pub(super) async fn flush_if_full(&mut self) -> Result<(), End> {
        if self.channel.out.pending().len() >= super::backend::Output::FLUSH_BYTES {
            self.channel.flush().await?;
        }
        Ok(())
    }
}

/// Why a message was not handled.
#[derive(Debug)]
pub(super) enum Failure {
    /// A statement failed, and its transaction with it; the session goes on.
    Sql(DatabaseError),
    /// A message was wrong: the transaction has still to fail.
    Wire(DatabaseError),
    /// It does not.
    Ending(Ending),
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Sql(error)
    }
}

impl From<Ending> for Failure {
    fn from(ending: Ending) -> Self {
        Self::Ending(ending)
    }
}

impl From<End> for Failure {
    fn from(end: End) -> Self {
        Self::Ending(end.into())
    }
}
