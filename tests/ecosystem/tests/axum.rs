//! axum as its users have it.

mod local;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Form, Json, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

#[derive(Deserialize, Serialize)]
struct Order {
    item: String,
    count: u32,
}

#[derive(Deserialize)]
struct Page {
    from: u32,
}

#[tokio::test]
async fn extractors_take_requests_apart() {
    let counted = Arc::new(AtomicU64::new(0));
    let router = Router::new()
        .route(
            "/users/{id}",
            get(|Path(id): Path<u32>, Query(page): Query<Page>| async move {
                format!("user {id} from {}", page.from)
            }),
        )
        .route(
            "/orders",
            post(|State(counted): State<Arc<AtomicU64>>, Json(order): Json<Order>| async move {
                counted.fetch_add(order.count.into(), Ordering::Relaxed);
                (StatusCode::CREATED, Json(order))
            }),
        )
        .route("/form", post(|Form(order): Form<Order>| async move { order.item }))
        .route(
            "/agent",
            get(|headers: HeaderMap| async move {
                headers.get("user-agent").map_or_else(Vec::new, |agent| agent.as_bytes().to_vec())
            }),
        )
        .with_state(counted.clone());
    let at = local::serve(router).await;
    let client = reqwest::Client::builder().user_agent("tests").build().expect("a client");
    let text = client.get(format!("{at}/users/7?from=3")).send().await.expect("sent").text().await;
    assert_eq!(text.expect("read"), "user 7 from 3");
    let order = Order { item: "tea".into(), count: 3 };
    let created = client.post(format!("{at}/orders")).json(&order).send().await.expect("sent");
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.json::<Order>().await.expect("an order").item, "tea");
    assert_eq!(counted.load(Ordering::Relaxed), 3);
    let form = client.post(format!("{at}/form")).header("content-type", "application/x-www-form-urlencoded");
    let form = form.body("item=milk&count=1").send().await.expect("sent").text().await;
    assert_eq!(form.expect("read"), "milk");
    assert_eq!(
        client.get(format!("{at}/agent")).send().await.expect("sent").text().await.expect("read"),
        "tests"
    );
    for (path, status) in [("/users/x?from=1", 400), ("/users/1", 400), ("/nowhere", 404), ("/orders", 405)] {
        let answer = client.get(format!("{at}{path}")).send().await.expect("sent");
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    let malformed =
        client.post(format!("{at}/orders")).header("content-type", "application/json").body("{\"item\":1}");
    assert_eq!(malformed.send().await.expect("sent").status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let router = Router::new()
        .route(
            "/count",
            get(|| async {
                let lines = futures::stream::iter(0..200).then(|line| async move {
                    if line % 50 == 0 {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    Ok::<_, std::io::Error>(Bytes::from(format!("line {line} {}\n", "x".repeat(1_000))))
                });
                Body::from_stream(lines)
            }),
        )
        .route(
            "/size",
            post(|body: Body| async move {
                let mut chunks = body.into_data_stream();
                let mut size = 0;
                while let Some(chunk) = chunks.next().await {
                    size += chunk.expect("the client sends it all").len();
                }
                size.to_string()
            }),
        );
    let at = local::serve(router).await;
    let client = reqwest::Client::new();
    let mut chunks = client.get(format!("{at}/count")).send().await.expect("sent").bytes_stream();
    let mut text = Vec::new();
    while let Some(chunk) = chunks.next().await {
        text.extend_from_slice(&chunk.expect("it comes"));
    }
    let text = String::from_utf8(text).expect("text");
    assert_eq!(text.lines().count(), 200);
    assert!(text.lines().enumerate().all(|(at, line)| line.starts_with(&format!("line {at} "))));
    let parts = futures::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(vec![7_u8; 10_000])));
    let body = reqwest::Body::wrap_stream(parts);
    let size = client.post(format!("{at}/size")).body(body).send().await.expect("sent").text().await;
    assert_eq!(size.expect("read"), "1000000");
}

#[tokio::test]
async fn a_websocket_talks_until_it_is_closed() {
    let router = Router::new().route(
        "/ws",
        any(|upgrade: WebSocketUpgrade| async {
            upgrade.on_upgrade(async |mut socket| {
                while let Some(Ok(message)) = socket.recv().await {
                    let answer = match message {
                        Message::Text(text) => Message::text(text.to_uppercase()),
                        Message::Binary(bytes) => {
                            Message::binary(bytes.iter().rev().copied().collect::<Vec<_>>())
                        }
                        Message::Close(_) => break,
                        _ => continue,
                    };
                    if socket.send(answer).await.is_err() {
                        break;
                    }
                }
            })
        }),
    );
    let at = local::serve(router).await.replace("http", "ws");
    let (mut socket, response) =
        tokio_tungstenite::connect_async(format!("{at}/ws")).await.expect("upgraded");
    assert_eq!(response.status().as_u16(), 101);
    use tokio_tungstenite::tungstenite::Message as Sent;
    socket.send(Sent::text("hello")).await.expect("open");
    assert_eq!(socket.next().await.expect("open").expect("answered"), Sent::text("HELLO"));
    socket.send(Sent::binary(vec![1, 2, 3])).await.expect("open");
    assert_eq!(socket.next().await.expect("open").expect("answered"), Sent::binary(vec![3, 2, 1]));
    socket.close(None).await.expect("open");
    while let Some(message) = socket.next().await {
        assert!(matches!(message, Ok(Sent::Close(_)) | Err(_)), "{message:?}");
    }
}

#[tokio::test]
async fn a_graceful_shutdown_ends_what_was_begun() {
    let begun = Arc::new(Notify::new());
    let router = Router::new().route(
        "/slow",
        get({
            let begun = begun.clone();
            move || async move {
                begun.notify_one();
                tokio::time::sleep(Duration::from_millis(30)).await;
                "done"
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        axum::serve(listener, router).with_graceful_shutdown(async { stopped.await.expect("told") }).await
    });
    let request = tokio::spawn(async move {
        reqwest::get(format!("http://{address}/slow")).await.expect("answered").text().await.expect("read")
    });
    begun.notified().await;
    stop.send(()).expect("the server waits");
    assert_eq!(request.await.expect("it returns"), "done");
    server.await.expect("it returns").expect("no error");
    let refused = reqwest::get(format!("http://{address}/slow")).await.expect_err("nobody listens");
    assert!(refused.is_connect(), "{refused:?}");
}

#[tokio::test]
async fn a_handler_is_dropped_when_its_client_leaves() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let dropped = Arc::new(Notify::new());
    let router = Router::new().route(
        "/forever",
        get({
            let dropped = dropped.clone();
            move || async move {
                let _dropped = Dropped(dropped);
                std::future::pending::<()>().await;
            }
        }),
    );
    let at = local::serve(router).await;
    let client = reqwest::Client::builder().timeout(Duration::from_millis(20)).build().expect("a client");
    let error = client.get(format!("{at}/forever")).send().await.expect_err("it never answers");
    assert!(error.is_timeout());
    dropped.notified().await;
}

#[tokio::test]
async fn many_connections_know_whom_they_serve() {
    let router =
        Router::new().route(
            "/me",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move {
                peer.port().to_string().into_response()
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = format!("http://{}/me", listener.local_addr().expect("bound"));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let clients = (0..20).map(|_| {
        let at = at.clone();
        tokio::spawn(async move { reqwest::get(at).await.expect("answered").text().await.expect("read") })
    });
    let mut ports: Vec<String> =
        futures::future::join_all(clients).await.into_iter().map(|port| port.expect("it returns")).collect();
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), 20);
}
