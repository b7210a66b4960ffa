//! Faults of a database node, and its read replica, as a client on another node meets them.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use postgres_protocol::message::{backend::Message, frontend};
use sim_db::postgres::{Databases, Postgres};
use sim_net::TcpStream;
use sim_runtime::Sim;
use sim_runtime::fault::Plan;
use sim_runtime::tape::Ratio;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// A client of simple queries.
struct Client {
    stream: TcpStream,
    read: BytesMut,
}

/// Rows in text, joined by `,` and `;`; or the SQLSTATE; or `gone`.
type Answer = Result<String, String>;

impl Client {
    async fn connect(host: &str) -> Result<Self, String> {
        let stream = TcpStream::connect((host, 5432)).await.map_err(|error| error.kind().to_string())?;
        let mut client = Self { stream, read: BytesMut::new() };
        let mut startup = BytesMut::new();
        frontend::startup_message([("user", "app"), ("database", "app")], &mut startup)
            .expect("no NUL in it");
        client.stream.write_all(&startup).await.map_err(|_| "gone")?;
        client.answer().await?;
        Ok(client)
    }

    async fn query(&mut self, sql: &str) -> Answer {
        let mut message = BytesMut::new();
        frontend::query(sql, &mut message).expect("no NUL in it");
        self.stream.write_all(&message).await.map_err(|_| "gone")?;
        self.answer().await
    }

    /// As [`Client::query`], in one text.
    async fn say(&mut self, sql: &str) -> String {
        self.query(sql).await.unwrap_or_else(|code| format!("error {code}"))
    }

    /// Reads to `ReadyForQuery`.
    async fn answer(&mut self) -> Answer {
        let (mut rows, mut failed) = (Vec::new(), None);
        loop {
            match Message::parse(&mut self.read).expect("the server speaks the protocol") {
                Some(Message::DataRow(row)) => {
                    let buffer = row.buffer();
                    let values = row.ranges().map(|range| Ok(range.map_or(&b"null"[..], |at| &buffer[at])));
                    let values: Vec<_> = values.collect().expect("the row is whole");
                    let text = values.iter().map(|value| String::from_utf8_lossy(value)).collect::<Vec<_>>();
                    rows.push(text.join(","));
                }
                Some(Message::ErrorResponse(error)) => {
                    let code = error.fields().find(|field| Ok(field.type_() == b'C')).expect("it is whole");
                    let code = code.expect("an error has an SQLSTATE");
                    failed = Some(String::from_utf8_lossy(code.value_bytes()).into_owned());
                }
                Some(Message::ReadyForQuery(_)) => return failed.map_or(Ok(rows.join(";")), Err),
                Some(_) => {}
                None => {
                    let mut bytes = [0; 4096];
                    match self.stream.read(&mut bytes).await {
                        Ok(count @ 1..) => self.read.extend_from_slice(&bytes[..count]),
                        _ => return Err(failed.unwrap_or_else(|| "gone".to_owned())),
                    }
                }
            }
        }
    }
}

fn database(sim: Sim) -> Postgres {
    let db = sim.postgres("db");
    db.execute("create table item (id int primary key, stock int); insert into item values (1, 5)")
        .expect("the script is right");
    db
}

async fn connect(sim: Sim, host: &'static str) -> Client {
    loop {
        match sim.node("app").run(Client::connect(host)).await {
            Ok(client) => return client,
            Err(_) => sim.sleep(Duration::from_millis(50)).await,
        }
    }
}

const STOCK: &str = "select stock from item";

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_replica_shows_commits_when_its_lag_has_passed(sim: Sim) {
    let db = database(sim);
    let replica = db.replica("replica", Duration::from_secs(5));
    assert_eq!(replica.url(), "postgres://app@replica/app");
    let (mut primary, mut reader) = (connect(sim, "db").await, connect(sim, "replica").await);
    primary.query("update item set stock = 4").await.expect("it is there");
    assert_eq!(primary.say(STOCK).await, "4");
    assert_eq!(reader.say(STOCK).await, "5");
    sim.sleep(Duration::from_secs(6)).await;
    assert_eq!(reader.say(STOCK).await, "4");
    // What it has shown stays, however late it gets.
    replica.set_lag(Duration::from_secs(300));
    assert_eq!(reader.say(STOCK).await, "4");
    primary.query("update item set stock = 3").await.expect("it is there");
    sim.sleep(Duration::from_secs(100)).await;
    assert_eq!(reader.say(STOCK).await, "4");
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_replica_keeps_what_it_may_still_show(sim: Sim) {
    let db = database(sim);
    db.replica("replica", Duration::from_secs(60));
    let (mut primary, mut reader) = (connect(sim, "db").await, connect(sim, "replica").await);
    for _ in 0..300 {
        primary.query("update item set stock = stock + 1").await.expect("it is there");
    }
    primary.query("vacuum item").await.expect("it is there");
    assert_eq!(reader.say(STOCK).await, "5");
    sim.sleep(Duration::from_secs(120)).await;
    assert_eq!(reader.say(STOCK).await, "305");
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_replica_reads_only_and_goes_on_without_its_primary(sim: Sim) {
    let db = database(sim);
    db.replica("replica", Duration::ZERO);
    let mut reader = connect(sim, "replica").await;
    assert_eq!(reader.say("select pg_is_in_recovery()").await, "t");
    assert_eq!(reader.say("update item set stock = 0").await, "error 25006");
    assert_eq!(reader.say("begin").await, "");
    assert_eq!(reader.say("set transaction read write").await, "error 0A000");
    assert_eq!(reader.say("rollback").await, "");
    db.crash();
    assert_eq!(reader.say(STOCK).await, "5");
    let mut again = connect(sim, "replica").await;
    assert_eq!(again.say(STOCK).await, "5");
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_transaction_on_a_replica_sees_one_state(sim: Sim) {
    let db = database(sim);
    db.replica("replica", Duration::from_secs(1));
    let (mut primary, mut reader) = (connect(sim, "db").await, connect(sim, "replica").await);
    reader.query("begin isolation level repeatable read").await.expect("it is there");
    assert_eq!(reader.say(STOCK).await, "5");
    primary.query("update item set stock = 4").await.expect("it is there");
    sim.sleep(Duration::from_secs(2)).await;
    assert_eq!(reader.say(STOCK).await, "5");
    reader.query("commit").await.expect("it is there");
    assert_eq!(reader.say(STOCK).await, "4");
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_failover_loses_sessions_and_no_commit(sim: Sim) {
    let db = database(sim);
    let mut client = connect(sim, "db").await;
    client.query("update item set stock = 4").await.expect("it is there");
    client.query("begin").await.expect("it is there");
    client.query("update item set stock = 0").await.expect("it is there");
    let before = sim.now();
    db.failover(Duration::from_secs(5));
    assert!(client.query("commit").await.is_err());
    let mut again = connect(sim, "db").await;
    assert!(sim.now() - before > 5_000_000_000, "another one takes over after 5 s");
    assert_eq!(again.say(STOCK).await, "4");
}

#[sim_runtime::test(seeds = 50, crate = sim_runtime)]
async fn a_planned_failover_strikes_a_statement(sim: Sim) {
    let db = database(sim);
    sim.faults(&Plan::new().allow("sql.failover", Ratio::new(1, 5)).budget(1).steady());
    let mut acknowledged = 5;
    let mut client = connect(sim, "db").await;
    for _ in 0..10 {
        match client.query("update item set stock = stock - 1 where stock > 0").await {
            Ok(_) => acknowledged -= 1,
            Err(_) => client = connect(sim, "db").await,
        }
        let stock = db.query(STOCK).expect("the table is there").value::<i64>();
        assert_eq!(stock, Some(acknowledged.max(0)));
        acknowledged = acknowledged.max(0);
    }
}

#[sim_runtime::test(seeds = 50, crate = sim_runtime)]
async fn serialization_failures_strike_where_they_are_legal(sim: Sim) {
    database(sim);
    sim.faults(&Plan::new().allow("sql.serialization_failure", Ratio::ALWAYS).budget(1).steady());
    let mut client = connect(sim, "db").await;
    client.query("begin").await.expect("it is there");
    client.query("update item set stock = 4").await.expect("READ COMMITTED has no such failure");
    client.query("commit").await.expect("it is there");
    client.query("begin isolation level serializable").await.expect("it has no transaction yet");
    assert_eq!(client.say(STOCK).await, "error 40001");
    assert_eq!(client.say(STOCK).await, "error 25P02", "the transaction has failed");
    client.query("rollback").await.expect("it is there");
    client.query("begin isolation level serializable").await.expect("the budget is used up");
    assert_eq!(client.say(STOCK).await, "4");
}

#[sim_runtime::test(seeds = 50, crate = sim_runtime)]
async fn a_connection_too_many_is_refused(sim: Sim) {
    let db = database(sim).max_connections(2);
    let refused = Rc::new(Cell::new(0));
    let _held = (connect(sim, "db").await, connect(sim, "db").await);
    let third = sim.node("app").run(Client::connect("db")).await;
    assert_eq!(third.err().as_deref(), Some("53300"));
    drop(db.max_connections(100));
    sim.faults(&Plan::new().allow("sql.too_many_connections", Ratio::new(1, 2)).budget(1).steady());
    for _ in 0..5 {
        if let Err(code) = sim.node("app").run(Client::connect("db")).await {
            assert_eq!(code, "53300");
            refused.set(refused.get() + 1);
        }
    }
    assert!(refused.get() <= 1, "the budget is one");
}
