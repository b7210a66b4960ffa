//! What a fork of a template costs in time, and a row in memory: 20 tables, and 100,000 small rows.
//!
//!     cargo run --release -p sim-db --example footprint
//!
//! Prints microseconds for each fork (the median of 2,000) and the growth of the process's resident memory.

use futures::executor::block_on;
use sim_db::engine::{Engine, Environment, LocalBoxFuture, Timestamp};
use sim_db::sql::{Connection, Sink};
use sim_db::value::Value;
use std::rc::Rc;
use std::time::{Duration, Instant};

struct Still;

impl Environment for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_714_979_289_000_000)
    }

    fn sleep(&self, _: Duration) -> LocalBoxFuture<()> {
        Box::pin(std::future::pending())
    }

    fn fill_entropy(&self, out: &mut [u8]) {
        out.fill(9);
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn row(&mut self, _: &[Value]) {}
}

fn run(engine: &Engine, sql: &str) {
    let mut connection = Connection::new(engine.connect(), "d", "u");
    block_on(async {
        let statements = connection.parse_script(sql).expect("sound SQL");
        for (at, statement) in statements.iter().enumerate() {
            let last = at + 1 == statements.len();
            connection.run_simple(statement, last, &mut Nowhere).await.expect("sound SQL");
        }
    });
}

/// Resident memory of this process, in kibibytes.
fn resident_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("it says so");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of kB")
}

fn main() {
    let engine = Engine::new(Rc::new(Still));
    for n in 0..20 {
        run(
            &engine,
            &format!(
                "create table t{n} (id serial primary key, a text not null, b int unique, c timestamptz default now());
                 create index on t{n} (a); insert into t{n} (a, b) select 'x', g from generate_series(1, 100) as g"
            ),
        );
    }
    let template = engine.template();
    let environment: Rc<dyn Environment> = Rc::new(Still);
    let mut forks: Vec<Duration> = (0..2_000)
        .map(|_| {
            let begin = Instant::now();
            let fork = template.fork(environment.clone());
            let took = begin.elapsed();
            drop(fork);
            took
        })
        .collect();
    forks.sort_unstable();
    println!("fork of 20 tables: {:.1} us", forks[forks.len() / 2].as_secs_f64() * 1e6);

    let engine = Engine::new(Rc::new(Still));
    run(&engine, "create table t (id int primary key, n int, s text)");
    let before = resident_kib();
    for from in (0..100_000).step_by(1_000) {
        run(
            &engine,
            &format!(
                "insert into t select g, g, 'row ' || g from generate_series({from}, {from} + 999) as g"
            ),
        );
    }
    println!("100,000 small rows: {:.1} MiB", (resident_kib() - before) as f64 / 1024.0);
}
