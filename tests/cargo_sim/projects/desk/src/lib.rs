//! A help desk: `POST /ticket/N` is logged, written down by a worker and answered; a reminder follows later.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// What the worker is asked for.
struct Job {
    ticket: u32,
    done: oneshot::Sender<u32>,
}

type Jobs = mpsc::Sender<Job>;

/// Serves for ever.
pub async fn serve(listener: TcpListener, archive: String) {
    let (jobs, queue) = mpsc::channel(16);
    tokio::spawn(work(queue, archive));
    let app = Router::new().route("/ticket/{ticket}", post(ticket)).with_state(jobs);
    axum::serve(listener, app).await.unwrap();
}

async fn ticket(State(jobs): State<Jobs>, Path(ticket): Path<u32>) -> Result<String, StatusCode> {
    tracing::info!("ticket {ticket}: received");
    let (done, answer) = oneshot::channel();
    jobs.send(Job { ticket, done }).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let line = answer.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let counted = tokio::task::spawn_blocking(move || {
        tracing::info!("ticket {ticket}: counted");
        line + 1
    });
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tracing::info!("ticket {ticket}: reminded");
    });
    let line = counted.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    println!("ticket {ticket}: stands at line {line}");
    Ok(format!("line {line}"))
}

/// Writes tickets down, one after the other, on its one connection; between them it is woken by a clock.
async fn work(mut queue: mpsc::Receiver<Job>, archive: String) {
    let mut connection = TcpStream::connect(&archive).await.unwrap();
    let mut clock = tokio::time::interval(Duration::from_millis(7));
    let mut line = 0;
    loop {
        tokio::select! {
            job = queue.recv() => {
                let Some(Job { ticket, done }) = job else { return };
                tracing::info!("ticket {ticket}: at the worker");
                let request = format!("POST /line/{ticket} HTTP/1.1\r\nhost: archive\r\ncontent-length: 0\r\n\r\n");
                connection.write_all(request.as_bytes()).await.unwrap();
                let mut answer = Vec::new();
                while !answer.ends_with(b"\r\n\r\nok") {
                    assert!(connection.read_buf(&mut answer).await.unwrap() > 0, "the archive went away");
                }
                line += 1;
                tracing::info!("ticket {ticket}: written");
                let _ = done.send(line);
            }
            _ = clock.tick() => println!("nobody: tick"),
        }
    }
}
