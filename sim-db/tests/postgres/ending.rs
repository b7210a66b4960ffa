//! Crashes and stops: what clients see, and what is there afterwards.

use super::client::Client;
use super::milliseconds;
use sim_db::postgres::{Databases, Postgres};
use sim_net::WhenDown;
use sim_runtime::Sim;
use sim_runtime::executor::{sleep, timeout};
use std::io::ErrorKind;
use std::time::Duration;

const TABLE: &str = "create table t (id serial primary key, s text)";

/// A session that has committed one row and left one open.
async fn half_done(db: &Postgres) -> Client {
    db.execute(TABLE).expect("an empty database");
    let mut client = Client::connect("db").await;
    assert_eq!(client.run("insert into t (s) values ('acknowledged')").await, ["INSERT 0 1"]);
    client.run("begin; insert into t (s) values ('open')").await;
    client
}

/// Connects as soon as the server lets clients in, counting those it did not.
async fn patiently() -> (Client, u32) {
    let mut refused = 0;
    loop {
        match Client::open("db", "app").await {
            Ok((client, answer)) if answer == ["ready"] => return (client, refused),
            // A crash may also catch a connection that is being opened.
            Ok((_, answer)) => assert!(answer == ["!57P03", "closed"] || answer == ["closed"], "{answer:?}"),
            Err(error) => {
                let kind = error.kind();
                assert!(matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset), "{kind}");
            }
        }
        refused += 1;
        sleep(milliseconds(5)).await;
    }
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_crash_keeps_what_was_acknowledged_and_skips_sequences(sim: Sim) {
    let db = sim.postgres("db");
    sim_net::net().when_down("db", WhenDown::Refuses);
    let mut client = half_done(&db).await;
    db.crash();
    assert_eq!(client.run("select 1").await, ["closed"]);
    sleep(Duration::from_secs(1)).await;
    db.restart();
    let (mut client, refused) = patiently().await;
    assert!(refused > 0, "a recovery takes time");
    assert_eq!(client.run("select s from t").await, ["acknowledged", "SELECT 1"]);
    assert_eq!(client.run("insert into t (s) values ('after') returning id").await, ["34", "INSERT 0 1"]);
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn a_backends_crash_ends_all_sessions_with_a_warning(sim: Sim) {
    let db = sim.postgres("db");
    let mut client = half_done(&db).await;
    let mut idle = Client::connect("db").await;
    db.crash_backend();
    assert_eq!(client.answer().await, ["?57P02", "closed"]);
    assert_eq!(idle.answer().await, ["?57P02", "closed"]);
    let (mut client, refused) = patiently().await;
    assert!(refused > 0, "a recovery takes time");
    assert_eq!(client.run("insert into t (s) values ('after') returning id").await, ["34", "INSERT 0 1"]);
    assert_eq!(
        db.query("select s from t order by id").expect("the table").to_string(),
        "s=acknowledged; s=after"
    );
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn an_orderly_stop_loses_no_number(sim: Sim) {
    let db = sim.postgres("db");
    let mut client = half_done(&db).await;
    db.stop();
    assert_eq!(client.answer().await, ["!57P01", "closed"]);
    sleep(milliseconds(50)).await;
    let refused = Client::open("db", "app").await.err().map(|error| error.kind());
    assert_eq!(refused, Some(std::io::ErrorKind::ConnectionRefused));
    db.start();
    let (mut client, _) = patiently().await;
    assert_eq!(client.run("insert into t (s) values ('after') returning id").await, ["3", "INSERT 0 1"]);
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn an_immediate_stop_is_a_crash_with_a_word(sim: Sim) {
    let db = sim.postgres("db");
    let mut client = half_done(&db).await;
    db.stop_immediately();
    assert_eq!(client.answer().await, ["?57P01", "closed"]);
    sleep(milliseconds(50)).await;
    db.start();
    let (mut client, refused) = patiently().await;
    assert!(refused > 0, "a recovery takes time");
    assert_eq!(client.run("insert into t (s) values ('after') returning id").await, ["34", "INSERT 0 1"]);
}

#[sim_runtime::test(seeds = 60, crate = sim_runtime)]
async fn a_commit_in_flight_is_kept_or_not_but_never_half(sim: Sim) {
    let db = sim.postgres("db");
    sim_net::net().when_down("db", WhenDown::Refuses);
    db.execute("create table a (n int); create table b (n int)").expect("an empty database");
    let writer = sim.node("api").spawn(async {
        let (mut client, _) = patiently().await;
        client.run("begin; insert into a values (1); insert into b values (1)").await;
        client.run("commit").await
    });
    sleep(Duration::from_micros(sim.lane("crash").below(60_000))).await;
    db.crash();
    db.restart();
    let answer = timeout(Duration::from_secs(60), writer).await.expect("it is reset").expect("no panic");
    let rows = db
        .query("select (select count(*) from a) as a, (select count(*) from b) as b")
        .expect("a count")
        .to_string();
    let kept = rows == "a=1 b=1";
    assert!(kept || rows == "a=0 b=0", "{rows}");
    assert!(kept || answer != ["COMMIT"], "an acknowledged commit is there");
    sim.sometimes("acknowledged", answer == ["COMMIT"]);
    sim.sometimes("kept without an answer", kept && answer == ["closed"]);
}
