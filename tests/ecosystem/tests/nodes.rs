//! The same crates on nodes of their own, over a network that loses and delays.

use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::{get, post};
use ecosystem::grpc::generated::calculator_client::CalculatorClient;
use ecosystem::grpc::generated::calculator_server::CalculatorServer;
use ecosystem::grpc::{Calculator, Number};
use ecosystem::resp;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// What leaks into payloads when it is not decided: the time, a random id, the order of a hash map.
#[sim::test(seeds = 20)]
async fn http_over_the_network_says_the_same_for_the_same_seed(sim: sim::Sim) {
    sim.node("api").boot(|| async {
        let router = Router::new().route(
            "/",
            get(|| async {
                let entries = (0..20).map(|number| (format!("key {number}"), number));
                let map: HashMap<String, u32> = entries.collect();
                ([("x-request-id", uuid::Uuid::new_v4().to_string())], Json(map))
            }),
        );
        axum::serve(TcpListener::bind("0.0.0.0:80").await?, router).await
    });
    let client = sim.node("client").run(async {
        let client = reqwest::Client::new();
        let answer = loop {
            match client.get("http://api/").send().await {
                Ok(answer) => break answer,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        assert!(answer.headers().contains_key("date"));
        let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
        let body = answer.text().await.expect("read");
        (id, body)
    });
    let (id, body) = client.await;
    sim.note(format!("{id} {body}"));
}

/// A counter behind HTTP, whose node crashes now and then: what was acknowledged before the last crash is lost, and
/// never more.
#[sim::test(seeds = 20)]
async fn a_server_that_crashes_is_found_again(sim: sim::Sim) {
    let api = sim.node("api");
    api.boot(|| async {
        let count = Arc::new(AtomicU64::new(0));
        let router = Router::new()
            .route(
                "/",
                post(|State(count): State<Arc<AtomicU64>>| async move {
                    (count.fetch_add(1, Ordering::SeqCst) + 1).to_string()
                }),
            )
            .with_state(count);
        axum::serve(TcpListener::bind("0.0.0.0:80").await?, router).await
    });
    let client = sim.node("client").run(async {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).build().expect("a client");
        let (mut counts, mut failures) = (Vec::new(), 0);
        while counts.len() < 30 {
            match client.post("http://api/").send().await {
                Ok(answer) => {
                    counts.push(answer.text().await.expect("read").parse::<u64>().expect("a number"))
                }
                Err(_) => {
                    failures += 1;
                    sleep(Duration::from_millis(100)).await;
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        (counts, failures)
    });
    for _ in 0..2 {
        sleep(Duration::from_secs(1)).await;
        api.crash();
        sleep(Duration::from_millis(500)).await;
        api.restart();
    }
    let (counts, failures) = client.await;
    assert!(failures > 0, "a restart is seen as a failure at least once");
    let starts = counts.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert_eq!(starts, 2, "{counts:?}");
}

#[sim::test(seeds = 20)]
async fn grpc_goes_by_name_to_a_server_that_binds_itself(sim: sim::Sim) {
    sim.node("calculator").boot(|| {
        let server = tonic::transport::Server::builder().add_service(CalculatorServer::new(Calculator));
        server.serve(([0, 0, 0, 0], 50_051).into())
    });
    let client = sim.node("client").run(async {
        let endpoint = tonic::transport::Endpoint::from_static("http://calculator:50051");
        let channel = loop {
            match endpoint.connect().await {
                Ok(channel) => break channel,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        let mut client = CalculatorClient::new(channel);
        let square = client.square(Number { value: 9 }).await.expect("answered").into_inner().value;
        let mut counted = client.count(Number { value: 5 }).await.expect("answered").into_inner();
        let mut sum = 0;
        while let Some(number) = counted.message().await.expect("open") {
            sum += number.value;
        }
        (square, sum)
    });
    assert_eq!(client.await, (81, 15));
}

#[sim::test(seeds = 20)]
async fn a_redis_client_survives_a_cut(sim: sim::Sim) {
    let server = sim.node("redis");
    server.boot(|| async {
        resp::serve(TcpListener::bind("0.0.0.0:6379").await?, resp::Store::default()).await
    });
    let client = sim.node("worker").run(async {
        let client = redis::Client::open("redis://redis/").expect("a valid address");
        let settings = redis::aio::ConnectionManagerConfig::new()
            .set_response_timeout(Duration::from_secs(1))
            .set_connection_timeout(Duration::from_secs(1))
            .set_number_of_retries(3);
        let mut manager = loop {
            match redis::aio::ConnectionManager::new_with_config(client.clone(), settings.clone()).await {
                Ok(manager) => break manager,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        let (mut counted, mut failed) = (0, 0);
        while counted < 50 {
            match redis::cmd("INCR").arg("n").query_async::<i64>(&mut manager).await {
                Ok(_) => counted += 1,
                Err(_) => failed += 1,
            }
            sleep(Duration::from_millis(100)).await;
        }
        let total: i64 = redis::cmd("GET").arg("n").query_async(&mut manager).await.expect("stored");
        (counted, failed, total)
    });
    sleep(Duration::from_secs(2)).await;
    let cut = sim::net::net().cut("redis", "worker");
    sleep(Duration::from_secs(5)).await;
    drop(cut);
    let (counted, failed, total) = client.await;
    assert!(failed > 0, "the cut is seen");
    assert!(
        (counted..=counted + failed).contains(&total),
        "{counted} answered, {failed} failed, {total} counted"
    );
}

#[sim::test(seeds = 20)]
async fn a_third_partys_server_is_a_node(sim: sim::Sim) {
    sim.node("store").boot(|| async {
        let listener = TcpListener::bind("0.0.0.0:6379").await.expect("a port");
        mini_redis::server::run(listener, tokio::signal::ctrl_c()).await.expect("no error");
    });
    let clients: Vec<_> = (0..3)
        .map(|number| {
            sim.node(&format!("client-{number}")).run(async move {
                let mut client = loop {
                    match mini_redis::client::connect("store:6379").await {
                        Ok(client) => break client,
                        Err(_) => sleep(Duration::from_millis(50)).await,
                    }
                };
                for round in 0..10 {
                    let key = format!("{number}/{round}");
                    client.set(&key, key.clone().into()).await.expect("stored");
                    assert_eq!(client.get(&key).await.expect("answered").as_deref(), Some(key.as_bytes()));
                }
            })
        })
        .collect();
    for client in clients {
        client.await;
    }
}
