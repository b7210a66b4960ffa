//! Statements a second through tokio-postgres: the same program against the real server and, under `cargo sim`, against
//! sim-db. `./bench` runs both and prints the ratios.
//!
//! Prints `NAME RATE` lines. Real time is read from the host's `/proc/uptime`, because a simulated clock says nothing
//! of how fast the simulation is.

use std::future::Future;
use tokio_postgres::{Client, Error, NoTls};

/// Seconds of real time for each workload, at least.
const SECONDS: f64 = 2.0;
/// Operations between two looks at the clock.
const BATCH: u64 = 500;

fn now() -> f64 {
    let text = std::fs::read_to_string("/proc/uptime").expect("Linux has /proc/uptime");
    text.split(' ').next().and_then(|seconds| seconds.parse().ok()).expect("its first word is a number")
}

/// Runs `operation` for numbers from `from` until enough time has passed, and prints the rate.
async fn measure<F: Future<Output = Result<(), Error>>>(name: &str, mut operation: impl FnMut(u64) -> F) -> Result<(), Error> {
    for n in 0..BATCH {
        operation(n).await?;
    }
    let (begin, mut done) = (now(), 0);
    loop {
        for n in done..done + BATCH {
            operation(BATCH + n).await?;
        }
        done += BATCH;
        let passed = now() - begin;
        if passed >= SECONDS {
            println!("{name} {:.0}", done as f64 / passed);
            return Ok(());
        }
    }
}

/// A number below `bound`, spread over it.
fn spread(n: u64, bound: u64) -> i32 {
    (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).wrapping_rem(bound) as i32
}

async fn filled(client: &Client, table: &str, rows: u64) -> Result<(), Error> {
    client
        .batch_execute(&format!(
            "drop table if exists {table};
             create table {table} (id int primary key, name text not null, balance int not null);
             insert into {table} select n, 'name ' || n, 100 from generate_series(0, {rows} - 1) as n;
             analyze {table}"
        ))
        .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names the server");
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("set client_min_messages = warning").await?;
    for (rows, name) in [(1_000, "1k"), (1_000_000, "1m")] {
        filled(&client, "account", rows).await?;
        let select = client.prepare("select id, name, balance from account where id = $1").await?;
        let (shared, select) = (&client, &select);
        measure(&format!("select_{name}"), |n| async move {
            let row = shared.query_one(select, &[&spread(n, rows)]).await?;
            assert_eq!(row.get::<_, i32>(0), spread(n, rows));
            Ok(())
        })
        .await?;
        let update = client.prepare("update account set balance = balance + 1 where id = $1").await?;
        let update = &update;
        let begun = now();
        let mut done = 0;
        while now() - begun < SECONDS {
            for n in done..done + BATCH {
                let transaction = client.transaction().await?;
                assert_eq!(transaction.execute(update, &[&spread(n, rows)]).await?, 1);
                transaction.commit().await?;
            }
            done += BATCH;
        }
        println!("update_{name} {:.0}", done as f64 / (now() - begun));
        let insert = client.prepare("insert into account values ($1, 'new', 0)").await?;
        let (shared, insert) = (&client, &insert);
        measure(&format!("insert_{name}"), |n| async move {
            let id = i32::try_from(rows + n).expect("fewer than 2^31 rows");
            assert_eq!(shared.execute(insert, &[&id]).await?, 1);
            Ok(())
        })
        .await?;
    }
    Ok(())
}
