//! A third party's server and client from the registry: mini-redis.

use mini_redis::{blocking_client, buffer, client, server};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

async fn serve() -> (SocketAddr, oneshot::Sender<()>, JoinHandle<mini_redis::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(server::run(listener, async move {
        let _ = stopped.await;
    }));
    (address, stop, server)
}

#[tokio::test]
async fn keys_are_kept_until_they_expire() {
    let (at, _stop, _) = serve().await;
    let mut client = client::connect(at).await.expect("it listens");
    assert_eq!(client.get("tea").await.expect("answered"), None);
    client.set("tea", "green".into()).await.expect("stored");
    assert_eq!(client.get("tea").await.expect("answered").as_deref(), Some(&b"green"[..]));
    client.set_expires("milk", "fresh".into(), Duration::from_millis(40)).await.expect("stored");
    assert_eq!(client.get("milk").await.expect("answered").as_deref(), Some(&b"fresh"[..]));
    tokio::time::sleep(Duration::from_millis(80)).await;
    assert_eq!(client.get("milk").await.expect("answered"), None);
}

#[tokio::test]
async fn subscribers_hear_and_the_server_stops_when_all_have_left() {
    let (at, stop, server) = serve().await;
    let mut subscriber = client::connect(at)
        .await
        .expect("it listens")
        .subscribe(vec!["news".into()])
        .await
        .expect("subscribed");
    let mut publisher = client::connect(at).await.expect("it listens");
    assert_eq!(publisher.publish("news", "one".into()).await.expect("published"), 1);
    let heard = subscriber.next_message().await.expect("open").expect("a message");
    assert_eq!((heard.channel.as_str(), &heard.content[..]), ("news", &b"one"[..]));
    stop.send(()).expect("it serves");
    drop((subscriber, publisher));
    server.await.expect("it returns").expect("no error");
    assert!(client::connect(at).await.is_err());
}

#[tokio::test]
async fn a_buffered_client_serves_many_tasks() {
    let (at, _stop, _) = serve().await;
    let client = buffer(client::connect(at).await.expect("it listens"));
    let tasks = (0..20).map(|number: u32| {
        let mut client = client.clone();
        tokio::spawn(async move {
            let key = format!("key {number}");
            client.set(&key, number.to_string().into()).await.expect("stored");
            client.get(&key).await.expect("answered")
        })
    });
    for (number, value) in futures::future::join_all(tasks).await.into_iter().enumerate() {
        assert_eq!(value.expect("it returns").as_deref(), Some(number.to_string().as_bytes()));
    }
}

#[tokio::test]
async fn a_blocking_client_has_a_runtime_of_its_own() {
    let (at, _stop, _) = serve().await;
    let blocking = tokio::task::spawn_blocking(move || {
        let mut client = blocking_client::connect(at).expect("it listens");
        client.set("from", "a thread".into()).expect("stored");
        client.get("from").expect("answered")
    });
    assert_eq!(blocking.await.expect("it returns").as_deref(), Some(&b"a thread"[..]));
}
