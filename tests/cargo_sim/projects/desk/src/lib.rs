//! A help desk: `POST /ticket/N` is logged, noted in PostgreSQL over a connection that all requests share, written down by a worker
//! with a connection of its own, and answered; a reminder follows later.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{Client, NoTls};

/// What the worker is asked for.
struct Job {
    ticket: u32,
    done: oneshot::Sender<u32>,
}

#[derive(Clone)]
struct Desk {
    jobs: mpsc::Sender<Job>,
    /// One connection, on which the statements of all requests queue.
    store: Arc<Client>,
}

/// A connection to the store.
pub async fn connect() -> Client {
    let (client, connection) = tokio_postgres::connect("postgres://app@db/app", NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Serves for ever.
pub async fn serve(listener: TcpListener, archive: String) {
    let (jobs, queue) = mpsc::channel(16);
    tokio::spawn(work(queue, archive));
    let store = Arc::new(connect().await);
    let app = Router::new().route("/ticket/{ticket}", post(ticket)).with_state(Desk { jobs, store });
    axum::serve(listener, app).await.unwrap();
}

async fn ticket(State(desk): State<Desk>, Path(ticket): Path<u32>) -> Result<String, StatusCode> {
    tracing::info!("ticket {ticket}: received");
    let number = i32::try_from(ticket).unwrap();
    desk.store.execute("INSERT INTO tickets (id, state) VALUES ($1, $2)", &[&number, &"new"]).await.unwrap();
    let (done, answer) = oneshot::channel();
    desk.jobs.send(Job { ticket, done }).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let line = answer.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let counted = tokio::task::spawn_blocking(move || {
        tracing::info!("ticket {ticket}: counted");
        line + 1
    });
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        desk.store.execute("UPDATE tickets SET state = 'reminded' WHERE id = $1", &[&number]).await.unwrap();
        tracing::info!("ticket {ticket}: reminded");
    });
    let line = counted.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    println!("ticket {ticket}: stands at line {line}");
    Ok(format!("line {line}"))
}

/// Writes tickets down, one after the other, on its one connection; between them it is woken by a clock.
async fn work(mut queue: mpsc::Receiver<Job>, archive: String) {
    let mut connection = TcpStream::connect(&archive).await.unwrap();
    let mut store = connect().await;
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
                let number = i32::try_from(ticket).unwrap();
                let writing = store.transaction().await.unwrap();
                writing.query_one("SELECT state FROM tickets WHERE id = $1 FOR UPDATE", &[&number]).await.unwrap();
                writing.execute("UPDATE tickets SET state = 'written' WHERE id = $1", &[&number]).await.unwrap();
                writing.commit().await.unwrap();
                line += 1;
                tracing::info!("ticket {ticket}: written");
                let _ = done.send(line);
            }
            _ = clock.tick() => println!("nobody: tick"),
        }
    }
}
