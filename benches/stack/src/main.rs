//! An ordinary axum server and reqwest clients on one thread, over loopback: `stack REQUESTS`.
//!
//! It knows nothing of the simulation and measures nothing, as a clock inside would be virtual: `run` does both.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Requests that are on their way at the same time.
const CLIENTS: u64 = 8;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    id: u64,
    name: String,
    price: u64,
}

fn item(id: u64) -> Item {
    Item { id, name: format!("item {id}"), price: id * 100 }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let requests: u64 = std::env::args().nth(1).ok_or("usage: stack REQUESTS")?.parse()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/items", listener.local_addr()?);
    let router = Router::new().route("/items/{id}", get(|Path(id): Path<u64>| async move { Json(item(id)) }));
    tokio::spawn(axum::serve(listener, router).into_future());

    let http = reqwest::Client::new();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (http, url) = (http.clone(), url.clone());
        clients.spawn(async move {
            for id in (client..requests).step_by(CLIENTS as usize) {
                let answer = http.get(format!("{url}/{id}")).send().await?.error_for_status()?;
                let answer: Item = answer.json().await?;
                assert_eq!(answer, item(id));
            }
            Ok::<_, reqwest::Error>(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(())
}
