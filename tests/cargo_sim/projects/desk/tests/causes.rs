//! The lines a run printed, and the requests they are laid at the door of, against the truth that the lines themselves tell.
//!
//! `tickets` fails on purpose, so that there is a failure file; `judge` reads it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TICKETS: std::ops::RangeInclusive<u32> = 1..=12;

async fn archive(listener: TcpListener) {
    use axum::{Router, extract::Path, routing::post};
    let line = |Path(ticket): Path<u32>| async move {
        tokio::time::sleep(Duration::from_millis(4)).await;
        println!("ticket {ticket}: in the archive");
        "ok"
    };
    axum::serve(listener, Router::new().route("/line/{ticket}", post(line))).await.unwrap();
}

#[tokio::test]
async fn tickets() {
    let _ = tracing_subscriber::fmt().with_writer(std::io::stdout).try_init();
    desk::connect().await.batch_execute("CREATE TABLE tickets (id int PRIMARY KEY, state text)").await.unwrap();
    let archived = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = archived.local_addr().unwrap().to_string();
    tokio::spawn(archive(archived));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let desk = listener.local_addr().unwrap();
    tokio::spawn(desk::serve(listener, address));
    let customers = TICKETS.map(|ticket| {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(u64::from(ticket) / 2)).await;
            let mut stream = TcpStream::connect(desk).await.unwrap();
            let request = format!("POST /ticket/{ticket} HTTP/1.1\r\nhost: desk\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        })
    });
    for customer in customers.collect::<Vec<_>>() {
        customer.await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(std::env::var_os("SIM_TEST_FAIL").is_none(), "so that there is a failure file");
}

/// `CAUSES_FILE` names a failure of `tickets`.
#[test]
fn judge() {
    let Some(file) = std::env::var_os("CAUSES_FILE") else { return };
    let failure = sim::explore::Failure::read(file.as_ref()).unwrap();
    let (mut lines, mut wrong) = (0, Vec::new());
    for fact in failure.facts.iter().filter(|fact| fact.kind == "log") {
        let asked = fact.cause.map(|cause| failure.operations[cause.0 as usize - 1].asks.clone());
        let found = asked.as_deref().and_then(|asked| asked.rsplit('/').next());
        let truth = match fact.text.split_once("ticket ") {
            Some((_, rest)) => rest.split(':').next(),
            None if fact.text == "nobody: tick" => None,
            None => continue,
        };
        lines += 1;
        if found != truth {
            wrong.push(format!("{fact}, laid at the door of {asked:?}"));
        }
    }
    let mut statements = 0;
    for fact in failure.facts.iter().filter(|fact| fact.text.starts_with("session ") && fact.kind == "sql") {
        if fact.text.contains("CREATE TABLE") {
            continue;
        }
        statements += 1;
        // The request above the statement as the wire saw it.
        let mut above = fact.cause.map(|cause| &failure.operations[cause.0 as usize - 1]);
        while above.is_some_and(|operation| operation.kind == "sql") {
            above = above.and_then(|operation| operation.parent).map(|id| &failure.operations[id.0 as usize - 1]);
        }
        let found = above.and_then(|request| request.asks.rsplit('/').next());
        let truth = fact.text.split_once('[').map(|(_, values)| values.split([',', ']']).next().unwrap());
        if found.is_none() || truth.is_some_and(|truth| found != Some(truth)) {
            wrong.push(format!("{fact}, laid at the door of {found:?}"));
        }
    }
    assert!(statements >= 12 * 6, "{statements} statements");
    for operation in failure.operations.iter().filter(|operation| operation.asks.contains("/line/")) {
        let parent = operation.parent.map(|parent| &failure.operations[parent.0 as usize - 1].asks);
        let number = |asked: &String| asked.rsplit('/').next().unwrap().to_owned();
        assert_eq!(parent.map(number), Some(number(&operation.asks)), "{operation:?}");
    }
    assert!(lines > 12 * 7, "{lines} lines");
    assert!(wrong.is_empty(), "{} of {lines} lines and {statements} statements are wrong: {wrong:#?}", wrong.len());
    println!("{lines} lines and {statements} statements, all right");
}
