//! tokio-stream's wrappers and adapters.

use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, interval, sleep};
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::wrappers::{
    BroadcastStream, IntervalStream, ReceiverStream, TcpListenerStream, UnixListenerStream, WatchStream,
};
use tokio_stream::{StreamExt, StreamMap, StreamNotifyClose};

#[tokio::test]
async fn listeners_are_streams_of_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let clients = tokio::spawn(async move {
        for _ in 0..3 {
            TcpStream::connect(address).await.expect("it listens");
        }
    });
    let mut accepted = TcpListenerStream::new(listener).take(3);
    while let Some(stream) = accepted.next().await {
        assert_eq!(stream.expect("a client").read(&mut [0]).await.expect("it leaves"), 0);
    }
    clients.await.expect("it returns");

    let path = std::env::temp_dir().join(format!("ecosystem-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).expect("free");
    let client = tokio::spawn({
        let path = path.clone();
        async move { UnixStream::connect(path).await.expect("it listens") }
    });
    let accepted = UnixListenerStream::new(listener).next().await.expect("open").expect("a client");
    drop((accepted, client.await.expect("it returns")));
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn intervals_and_channels_are_streams() {
    let start = Instant::now();
    let ticks: Vec<Instant> =
        IntervalStream::new(interval(Duration::from_millis(10))).take(4).collect().await;
    assert!(ticks[3] - start >= Duration::from_millis(30));
    let (sender, receiver) = mpsc::channel(2);
    let producer = tokio::spawn(async move {
        for value in 0..50 {
            sender.send(value).await.expect("read to the end");
        }
    });
    let values: Vec<i32> = ReceiverStream::new(receiver).collect().await;
    producer.await.expect("it returns");
    assert_eq!(values, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_subscriber_is_told_what_it_missed() {
    let (sender, receiver) = broadcast::channel(4);
    let mut stream = BroadcastStream::new(receiver);
    for value in 0..6 {
        sender.send(value).expect("a subscriber");
    }
    drop(sender);
    assert_eq!(stream.next().await, Some(Err(BroadcastStreamRecvError::Lagged(2))));
    assert_eq!(stream.collect::<Vec<_>>().await, (2..6).map(Ok).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_watch_tells_the_latest() {
    let (sender, receiver) = watch::channel(0);
    let mut stream = WatchStream::new(receiver);
    assert_eq!(stream.next().await, Some(0));
    let writer = tokio::spawn(async move {
        for value in 1..=5 {
            sender.send(value).expect("watched");
            sleep(Duration::from_millis(2)).await;
        }
    });
    let seen: Vec<i32> = stream.collect().await;
    writer.await.expect("it returns");
    assert!(seen.is_sorted() && seen.last() == Some(&5), "{seen:?}");
}

#[tokio::test]
async fn adapters_keep_time() {
    let slow = || tokio_stream::iter(0..3).throttle(Duration::from_millis(20));
    let start = Instant::now();
    assert_eq!(slow().collect::<Vec<_>>().await, [0, 1, 2]);
    assert!(start.elapsed() >= Duration::from_millis(40));
    let late = std::pin::pin!(slow().timeout(Duration::from_millis(5)));
    let seen: Vec<bool> = late.take(3).map(|item| item.is_ok()).collect().await;
    assert!(seen[0] && seen.contains(&false), "{seen:?}");
    let chunks: Vec<Vec<i32>> =
        std::pin::pin!(slow().chunks_timeout(2, Duration::from_secs(60))).collect().await;
    assert_eq!(chunks, [vec![0, 1], vec![2]]);
}

#[tokio::test]
async fn streams_are_merged_and_kept_by_key() {
    let numbers = |from: i32| tokio_stream::iter(from..from + 3);
    let mut merged: Vec<i32> = numbers(0).merge(numbers(10)).collect().await;
    merged.sort_unstable();
    assert_eq!(merged, [0, 1, 2, 10, 11, 12]);
    let mut map = StreamMap::new();
    map.insert("low", StreamNotifyClose::new(numbers(0)));
    map.insert("high", StreamNotifyClose::new(numbers(10)));
    let (mut sum, mut closed) = (0, Vec::new());
    while let Some((key, value)) = map.next().await {
        match value {
            Some(value) => sum += value,
            None => closed.push(key),
        }
    }
    closed.sort_unstable();
    assert_eq!((sum, closed), (36, vec!["high", "low"]));
}
