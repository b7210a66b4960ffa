//! The redis client's multiplexed connection, its connection manager and its subscriptions.

use ecosystem::resp::{self, Store};
use futures::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::{AsyncCommands, AsyncConnectionConfig, Client, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Serves at an address; port 0 takes a free one.
async fn serve(at: SocketAddr, store: Store) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(at).await.expect("free");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move { resp::serve(listener, store).await.expect("it listens") });
    (address, server)
}

fn any() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn client(at: SocketAddr) -> Client {
    Client::open(format!("redis://{at}/")).expect("a valid address")
}

async fn connected() -> MultiplexedConnection {
    let (at, _) = serve(any(), Store::default()).await;
    client(at).get_multiplexed_async_connection().await.expect("it listens")
}

#[tokio::test]
async fn commands_answer_in_their_types() {
    let mut connection = connected().await;
    let _: () = connection.set("name", "tea").await.expect("stored");
    assert_eq!(connection.get::<_, String>("name").await.expect("stored"), "tea");
    assert_eq!(connection.get::<_, Option<String>>("other").await.expect("answered"), None);
    let binary: Vec<u8> = (0..=255).collect();
    let _: () = connection.set("bytes", &binary).await.expect("stored");
    assert_eq!(connection.get::<_, Vec<u8>>("bytes").await.expect("stored"), binary);
    let error = connection.incr::<_, _, i64>("name", 1).await.expect_err("not a number");
    assert_eq!(error.kind(), ErrorKind::ResponseError);
}

#[tokio::test]
async fn one_connection_serves_many_tasks() {
    let connection = connected().await;
    let tasks = (0..20).map(|_| {
        let mut connection = connection.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                let _: i64 =
                    redis::cmd("INCR").arg("count").query_async(&mut connection).await.expect("counted");
            }
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.expect("it returns");
    }
    assert_eq!(connection.clone().get::<_, i64>("count").await.expect("stored"), 200);
}

#[tokio::test]
async fn a_pipeline_is_answered_at_once() {
    let mut connection = connected().await;
    let mut pipeline = redis::pipe();
    pipeline.set("a", 1).ignore().cmd("INCR").arg("a").cmd("INCR").arg("a").mget(&["a", "b"]);
    let answers: (i64, i64, Vec<Option<i64>>) =
        pipeline.query_async(&mut connection).await.expect("answered");
    assert_eq!(answers, (2, 3, vec![Some(3), None]));
}

#[tokio::test]
async fn a_subscriber_hears_what_is_published() {
    let (at, _) = serve(any(), Store::default()).await;
    let mut subscriber = client(at).get_async_pubsub().await.expect("it listens");
    subscriber.subscribe("news").await.expect("subscribed");
    let mut publisher = client(at).get_multiplexed_async_connection().await.expect("it listens");
    for number in 0..5 {
        let _: i64 = publisher.publish("news", number).await.expect("published");
        let _: i64 = publisher.publish("weather", number).await.expect("published");
    }
    let heard: Vec<i32> = subscriber
        .on_message()
        .take(5)
        .map(|message| message.get_payload::<i32>().expect("a number"))
        .collect()
        .await;
    assert_eq!(heard, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn the_manager_connects_again() {
    let store = Store::default();
    let (at, server) = serve(any(), store.clone()).await;
    let settings = ConnectionManagerConfig::new().set_factor(2).set_max_delay(20).set_number_of_retries(20);
    let mut manager = ConnectionManager::new_with_config(client(at), settings).await.expect("it listens");
    let _: () = manager.set("kept", 1).await.expect("stored");
    let _: () = redis::cmd("QUIT").query_async(&mut manager).await.expect("the server says so and closes");
    server.abort();
    assert!(server.await.expect_err("aborted").is_cancelled());
    let (again, _) = serve(at, store).await;
    assert_eq!(again, at);
    let mut failures = 0;
    let kept: i64 = loop {
        match manager.get("kept").await {
            Ok(kept) => break kept,
            Err(error) => {
                failures += 1;
                assert!(failures < 50, "{error}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn an_answer_may_be_too_late() {
    let (at, _) = serve(any(), Store::default()).await;
    let settings = AsyncConnectionConfig::new().set_response_timeout(Duration::from_millis(30));
    let connection = client(at).get_multiplexed_async_connection_with_config(&settings).await;
    let mut connection = connection.expect("it listens");
    let late = connection.blpop::<_, Option<(String, String)>>("empty", 0.0).await.expect_err("late");
    assert!(late.is_timeout(), "{late:?}");
}
