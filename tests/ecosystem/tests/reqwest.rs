//! reqwest as its users have it.

mod local;

use axum::Router;
use axum::extract::{ConnectInfo, Path};
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::{get, post};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A server that says from which port it was asked.
async fn who_asks() -> String {
    let router = Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.port().to_string() }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = format!("http://{}/", listener.local_addr().expect("bound"));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    at
}

async fn text(client: &reqwest::Client, at: &str) -> String {
    client.get(at).send().await.expect("answered").text().await.expect("read")
}

#[tokio::test]
async fn the_pool_keeps_connections() {
    let at = who_asks().await;
    let client = reqwest::Client::new();
    let mut ports = BTreeSet::new();
    for _ in 0..10 {
        ports.insert(text(&client, &at).await);
    }
    assert_eq!(ports.len(), 1, "one after the other they share a connection");
    let eager = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let mut ports = BTreeSet::new();
    for _ in 0..5 {
        ports.insert(text(&eager, &at).await);
    }
    assert_eq!(ports.len(), 5, "without idle connections each has its own");
}

#[tokio::test]
async fn an_idle_connection_is_given_up() {
    let at = who_asks().await;
    let limit = Duration::from_millis(20);
    let client = reqwest::Client::builder().pool_idle_timeout(limit).build().expect("a client");
    let first = text(&client, &at).await;
    tokio::time::sleep(limit * 3).await;
    assert_ne!(text(&client, &at).await, first);
}

#[tokio::test]
async fn redirects_are_followed_so_far() {
    let router = Router::new().route(
        "/hop/{left}",
        get(|Path(left): Path<u32>| async move {
            match left {
                0 => Ok("arrived"),
                left => Err(Redirect::to(&format!("/hop/{}", left - 1))),
            }
        }),
    );
    let at = local::serve(router).await;
    let client = reqwest::Client::new();
    let answer = client.get(format!("{at}/hop/5")).send().await.expect("answered");
    assert_eq!(answer.url().path(), "/hop/0");
    assert_eq!(answer.text().await.expect("read"), "arrived");
    assert!(client.get(format!("{at}/hop/11")).send().await.expect_err("too many").is_redirect());
    let stays =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let answer = stays.get(format!("{at}/hop/1")).send().await.expect("answered");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/hop/0");
}

#[tokio::test]
async fn timeouts_say_what_took_too_long() {
    let router = Router::new()
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_secs(3_600)).await }))
        .route(
            "/drips",
            get(|| async {
                axum::body::Body::from_stream(futures::stream::unfold(0, |at| async move {
                    tokio::time::sleep(Duration::from_secs(if at == 0 { 0 } else { 3_600 })).await;
                    Some((Ok::<_, std::io::Error>("drop"), at + 1))
                }))
            }),
        );
    let at = local::serve(router).await;
    let limit = Duration::from_millis(30);
    let client = reqwest::Client::new();
    let late = client.get(format!("{at}/slow")).timeout(limit).send().await.expect_err("late");
    assert!(late.is_timeout() && !late.is_connect(), "{late:?}");
    let read = reqwest::Client::builder().read_timeout(limit).build().expect("a client");
    let answer = read.get(format!("{at}/drips")).send().await.expect("the head comes");
    assert!(answer.text().await.expect_err("the rest does not").is_timeout());
    let refused = client.get("http://127.0.0.1:9/").send().await.expect_err("nobody");
    assert!(refused.is_connect(), "{refused:?}");
}

#[tokio::test]
async fn failures_are_tried_again() {
    let tries = Arc::new(AtomicU32::new(0));
    let router = Router::new().route(
        "/flaky",
        post({
            let tries = tries.clone();
            move || async move {
                match tries.fetch_add(1, Ordering::Relaxed) {
                    0 | 1 => StatusCode::SERVICE_UNAVAILABLE,
                    _ => StatusCode::OK,
                }
            }
        }),
    );
    let at = local::serve(router).await;
    let policy =
        reqwest::retry::for_host("127.0.0.1").no_budget().max_retries_per_request(5).classify_fn(|tried| {
            if tried.status() == Some(StatusCode::SERVICE_UNAVAILABLE) {
                tried.retryable()
            } else {
                tried.success()
            }
        });
    let client = reqwest::Client::builder().retry(policy).build().expect("a client");
    let answer = client.post(format!("{at}/flaky")).body("again").send().await.expect("answered");
    assert_eq!((answer.status(), tries.load(Ordering::Relaxed)), (StatusCode::OK, 3));
}
