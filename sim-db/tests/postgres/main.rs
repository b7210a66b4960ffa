//! A PostgreSQL node in a scenario: what clients see of it over the simulated network.

mod client;
mod ending;
mod template;

use client::Client;
use sim_db::postgres::Databases;
use sim_runtime::Sim;
use sim_runtime::executor::sleep;
use std::time::Duration;

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[sim_runtime::test(seeds = 20, crate = sim_runtime)]
async fn clients_on_nodes_share_a_database(sim: Sim) {
    let db = sim.postgres("db");
    assert_eq!(db.url(), "postgres://app@db/app");
    db.execute("create table t (n int primary key)").expect("an empty database");
    let writers = ["a", "b", "c"].map(|name| {
        sim.node(name).spawn(async move {
            let mut client = Client::connect("db").await;
            client.run("insert into t values (1)").await
        })
    });
    let mut answers = Vec::new();
    for writer in writers {
        answers.push(writer.await.expect("no panic").join(" "));
    }
    answers.sort();
    assert_eq!(answers, ["!23505", "!23505", "INSERT 0 1"]);
    assert_eq!(db.query("select count(*) from t").expect("a count").value(), Some(1));
}

#[sim_runtime::test(seeds = 5, crate = sim_runtime)]
async fn every_database_name_is_a_database_of_its_own(sim: Sim) {
    let db = sim.postgres("db");
    let (mut one, _) = Client::open("db", "one").await.expect("the server listens");
    one.run("create table t (n int); insert into t values (1)").await;
    let (mut two, _) = Client::open("db", "two").await.expect("the server listens");
    assert_eq!(two.run("select * from t").await, ["!42P01"]);
    assert_eq!(db.database("one").query("select * from t").expect("it is there").to_string(), "n=1");
    // Another node's server shares nothing, and the same name is the same server.
    let other = sim.postgres("other").database("one");
    assert!(other.query("select * from t").is_err());
    assert!(sim.postgres("db").database("one").query("select * from t").is_ok());
}

#[sim_runtime::test(seeds = 5, crate = sim_runtime)]
async fn looking_costs_no_choice_and_no_time(sim: Sim) {
    let db = sim.postgres("db");
    db.execute("create table t (n int, s text); insert into t values (1, 'x'), (2, null)")
        .expect("sound SQL");
    let mut client = Client::connect("db").await;
    client.run("begin; update t set n = 5 where n = 1").await;
    let before =
        (sim.now(), sim_runtime::executor::with_current(|world| (world.digest(), world.tape.choices())));
    let rows = db.query("select n, s from t order by n").expect("sound SQL");
    assert_eq!(rows.to_string(), "n=1 s=x; n=2 s=∅");
    assert_eq!(rows.column::<i64>("n"), [1, 2]);
    let waits = db.execute("update t set n = 6 where n = 1").expect_err("the row is locked");
    assert_eq!(waits.sqlstate, "55P03");
    assert_eq!(db.query("select nothing").expect_err("no such column").sqlstate, "42703");
    let after =
        (sim.now(), sim_runtime::executor::with_current(|world| (world.digest(), world.tape.choices())));
    assert_eq!(before, after);
    assert_eq!(client.run("commit; select n from t order by n").await, ["COMMIT", "2", "5", "SELECT 2"]);
}

#[sim_runtime::test(seeds = 5, crate = sim_runtime)]
async fn who_waits_for_whom_is_told(sim: Sim) {
    let db = sim.postgres("db");
    db.execute("create table t (n int primary key); insert into t values (1)").expect("sound SQL");
    let mut holder = Client::connect("db").await;
    holder.run("begin; update t set n = 2").await;
    let waiter = sim.spawn(async {
        let mut client = Client::connect("db").await;
        client.run("update t set n = 3").await
    });
    sleep(milliseconds(200)).await;
    let activity = db.activity();
    assert!(
        activity.contains("session 1001 (app@app) idle in transaction: begin; update t set n = 2"),
        "{activity}"
    );
    assert!(activity.contains("session 1002 (app@app) waits for ShareLock on transaction"), "{activity}");
    assert!(activity.contains("of session 1001: update t set n = 3"), "{activity}");
    holder.run("rollback").await;
    assert_eq!(waiter.await.expect("no panic"), ["UPDATE 1"]);
}

#[sim_runtime::test(seeds = 3, crate = sim_runtime)]
async fn options_hold_for_later_connections(sim: Sim) {
    let db = sim.postgres("db").max_connections(1).server_version("16.4");
    let mut first = Client::connect("db").await;
    assert_eq!(
        first.run("show server_version; show server_version_num").await,
        ["16.4", "SHOW", "160004", "SHOW"]
    );
    let (_, refused) = Client::open("db", "app").await.expect("the server listens");
    assert_eq!(refused, ["!53300", "closed"]);
    drop(first);
    sleep(milliseconds(100)).await;
    Client::connect("db").await;
    // This client knows no SCRAM: it only sees that it is asked.
    let db = db.password("secret");
    assert_eq!(db.url(), "postgres://app:secret@db/app");
}

#[test]
fn a_run_that_cannot_go_on_says_who_holds_what() {
    use sim_runtime::explore::{Isolation, Request, Rerun, Runner, Scenario};
    use sim_runtime::schedule::PolicyName;
    let rerun = Rerun::Program { seed: String::new(), replay: String::new() };
    let scenario = Scenario::new("stalled", rerun, |sim: Sim| async move {
        let db = sim.postgres("db");
        db.execute("create table t (n int); insert into t values (1)").expect("sound SQL");
        let mut holder = Client::connect("db").await;
        holder.run("begin; lock table t").await;
        Client::connect("db").await.run("select * from t").await;
    });
    let request = Request { seed: 1, script: None, policy: PolicyName::Fifo, recording: true };
    let ended = Runner::new(&scenario, Isolation::Thread).run(&scenario, &request);
    let outcome = ended.outcome.to_string();
    for part in [
        "stalled",
        "session 1002 (app@app) waits for AccessShareLock on table",
        "of session 1001: select * from t",
    ] {
        assert!(outcome.contains(part), "{part} in\n{outcome}");
    }
    let facts: Vec<_> = ended.facts.iter().map(|fact| format!("{} {}", fact.kind, fact.text)).collect();
    assert!(
        facts.iter().any(|fact| fact.starts_with("sql.waits session 1002 waits for AccessShareLock")),
        "{facts:?}"
    );
    assert!(
        facts.iter().any(|fact| fact == "sql session 1001: begin; lock table t: LOCK TABLE"),
        "{facts:?}"
    );
}
