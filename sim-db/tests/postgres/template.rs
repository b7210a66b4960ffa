//! Templates: made once, forked in every run, and never seen in a digest.

use super::client::Client;
use sim_db::postgres::{Databases, Postgres};
use sim_runtime::Sim;
use sim_runtime::explore::{Isolation, Request, Rerun, Runner, Scenario};
use sim_runtime::schedule::PolicyName;
use std::sync::atomic::{AtomicU32, Ordering};

static MADE: AtomicU32 = AtomicU32::new(0);

/// The migrations of a service, over the wire.
async fn migrate(_: Postgres) {
    MADE.fetch_add(1, Ordering::Relaxed);
    let mut client = Client::connect("db").await;
    for n in 0..5 {
        let answer = client
            .run(&format!("create table t{n} (id serial primary key, s text default md5(random()::text))"))
            .await;
        assert_eq!(answer, ["CREATE TABLE"]);
    }
    client.run("insert into t0 default values").await;
}

fn run(seed: u64) -> (u64, String) {
    let rerun = Rerun::Program { seed: String::new(), replay: String::new() };
    let scenario = Scenario::new("templates", rerun, |sim: Sim| async move {
        let db = sim.postgres("db").template("five tables", migrate);
        let mut client = Client::connect("db").await;
        client.run("insert into t0 (s) values ('mine')").await;
        let rows = db.query("select id, s from t0 order by id").expect("the table").to_string();
        sim.note(rows);
    });
    let request = Request { seed, script: None, policy: PolicyName::Uniform, recording: true };
    let ended = Runner::new(&scenario, Isolation::Thread).run(&scenario, &request);
    assert!(ended.outcome.is_passed(), "{}", ended.outcome);
    let note = ended.facts.iter().find(|fact| fact.kind == "note").expect("the scenario notes");
    (ended.digest, note.text.clone())
}

#[test]
fn runs_fork_what_one_made_and_no_digest_tells_which() {
    let (fresh, rows) = run(7);
    assert!(rows.ends_with("id=2 s=mine"), "{rows}");
    // Runs at the same time, on threads of their own.
    let threads: Vec<_> =
        (0..4).map(|n| std::thread::spawn(move || run(if n == 0 { 7 } else { n }))).collect();
    let others: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    assert_eq!(others[0], (fresh, rows.clone()));
    for (_, of_other) in &others {
        assert_eq!(*of_other, rows, "no run sees another's rows");
    }
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
}
