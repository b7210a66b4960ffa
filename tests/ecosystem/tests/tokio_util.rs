//! tokio-util's codecs, tokens, queues and trackers.

use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::{Instant, sleep};
use tokio_util::codec::{BytesCodec, Framed, LengthDelimitedCodec, LinesCodec};
use tokio_util::io::{ReaderStream, StreamReader, SyncIoBridge};
use tokio_util::sync::{CancellationToken, PollSemaphore};
use tokio_util::task::{JoinMap, TaskTracker};
use tokio_util::time::DelayQueue;
use tokio_util::udp::UdpFramed;

/// Two ends of a connection.
async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
    (client.expect("it listens"), server.expect("a client").0)
}

#[tokio::test]
async fn lines_and_frames_come_whole() {
    let (client, server) = connected().await;
    let (mut client, mut server) =
        (Framed::new(client, LinesCodec::new_with_max_length(64)), Framed::new(server, LinesCodec::new()));
    let echo = tokio::spawn(async move {
        while let Some(line) = server.next().await {
            server.send(line.expect("a line").to_uppercase()).await.expect("open");
        }
        server.send("x".repeat(65)).await.expect("open");
    });
    for line in ["one", "", "three"] {
        client.feed(line).await.expect("open");
    }
    SinkExt::<&str>::flush(&mut client).await.expect("open");
    for line in ["ONE", "", "THREE"] {
        assert_eq!(client.next().await.expect("open").expect("a line"), line);
    }
    client.get_mut().shutdown().await.expect("open");
    client.next().await.expect("one more").expect_err("too long");
    echo.await.expect("it returns");

    let (client, server) = connected().await;
    let (mut client, mut server) =
        (Framed::new(client, LengthDelimitedCodec::new()), Framed::new(server, LengthDelimitedCodec::new()));
    let sizes = [0, 1, 70_000, 3];
    let sender = tokio::spawn(async move {
        for size in sizes {
            client.send(Bytes::from(vec![size as u8; size])).await.expect("open");
        }
    });
    let mut received = Vec::new();
    while let Some(frame) = server.next().await {
        let frame = frame.expect("whole");
        assert!(frame.iter().all(|byte| *byte == frame.len() as u8));
        received.push(frame.len());
    }
    sender.await.expect("it returns");
    assert_eq!(received, sizes);
}

#[tokio::test]
async fn datagrams_are_framed() {
    let socket = || async { UdpSocket::bind("127.0.0.1:0").await.expect("a port") };
    let (one, other) = (socket().await, socket().await);
    let to = other.local_addr().expect("bound");
    let mut one = UdpFramed::new(one, BytesCodec::new());
    let mut other = UdpFramed::new(other, BytesCodec::new());
    one.send((Bytes::from_static(b"ping"), to)).await.expect("sent");
    let (bytes, from): (BytesMut, _) = other.next().await.expect("open").expect("whole");
    assert_eq!((&bytes[..], from), (&b"ping"[..], one.get_ref().local_addr().expect("bound")));
    other.send((bytes.freeze(), from)).await.expect("sent");
    assert_eq!(&one.next().await.expect("open").expect("whole").0[..], b"ping");
}

#[tokio::test]
async fn a_token_cancels_those_below_it() {
    let root = CancellationToken::new();
    let (left, right) = (root.child_token(), root.child_token());
    let ended = Arc::new(AtomicUsize::new(0));
    let tracker = TaskTracker::new();
    for token in [left.clone(), right.clone(), right.child_token()] {
        let ended = ended.clone();
        tracker.spawn(async move {
            let done = token.run_until_cancelled(std::future::pending::<()>()).await;
            assert!(done.is_none());
            ended.fetch_add(1, Ordering::Relaxed);
        });
    }
    left.cancel();
    sleep(Duration::from_millis(5)).await;
    assert_eq!((ended.load(Ordering::Relaxed), root.is_cancelled()), (1, false));
    drop(root.drop_guard());
    tracker.close();
    tracker.wait().await;
    assert_eq!((ended.load(Ordering::Relaxed), tracker.len()), (3, 0));
}

#[tokio::test]
async fn a_queue_gives_back_what_is_due() {
    let mut queue = DelayQueue::new();
    let start = Instant::now();
    queue.insert("late", Duration::from_millis(60));
    let moved = queue.insert("moved", Duration::from_secs(3_600));
    let removed = queue.insert("removed", Duration::from_millis(1));
    queue.insert("early", Duration::from_millis(20));
    queue.reset(&moved, Duration::from_millis(40));
    assert_eq!(queue.remove(&removed).into_inner(), "removed");
    let mut order = Vec::new();
    while let Some(expired) = queue.next().await {
        order.push((expired.into_inner(), start.elapsed()));
    }
    assert_eq!(order.iter().map(|(what, _)| *what).collect::<Vec<_>>(), ["early", "moved", "late"]);
    let due = [20, 40, 60].map(Duration::from_millis);
    assert!(order.iter().zip(due).all(|((_, at), due)| *at >= due), "{order:?}");
}

#[tokio::test]
async fn tasks_are_known_by_key() {
    let mut tasks = JoinMap::new();
    for key in ["a", "b", "c"] {
        tasks.spawn(key, async move {
            if key == "b" {
                std::future::pending::<()>().await;
            }
            key.to_uppercase()
        });
    }
    assert!(tasks.abort("b"));
    let mut ended = Vec::new();
    while let Some((key, result)) = tasks.join_next().await {
        ended.push((key, result.ok()));
    }
    ended.sort();
    assert_eq!(ended, [("a", Some("A".to_owned())), ("b", None), ("c", Some("C".to_owned()))]);
}

#[tokio::test]
async fn readers_are_streams_and_streams_are_readers() {
    let (mut client, server) = connected().await;
    let sender = tokio::spawn(async move {
        for part in 0..20_u8 {
            client.write_all(&vec![part; 5_000]).await.expect("open");
        }
    });
    let chunks = ReaderStream::new(server).map(|chunk| chunk.map_err(io::Error::other));
    let mut reader = StreamReader::new(chunks);
    let mut all = Vec::new();
    reader.read_to_end(&mut all).await.expect("until the end");
    sender.await.expect("it returns");
    assert_eq!(all, (0..20).flat_map(|part| vec![part; 5_000]).collect::<Vec<u8>>());
}

#[tokio::test]
async fn blocking_code_reads_an_asynchronous_stream() {
    let (mut client, server) = connected().await;
    let reader = tokio::task::spawn_blocking(move || {
        let mut bridge = SyncIoBridge::new(server);
        std::io::read_to_string(&mut bridge)
    });
    client.write_all(b"first ").await.expect("open");
    sleep(Duration::from_millis(5)).await;
    client.write_all(b"second").await.expect("open");
    drop(client);
    assert_eq!(reader.await.expect("it returns").expect("text"), "first second");
}

#[tokio::test]
async fn a_semaphore_is_polled() {
    let mut permits = PollSemaphore::new(Arc::new(tokio::sync::Semaphore::new(1)));
    let first = permits.next().await.expect("open");
    let second = tokio::spawn(async move { permits.next().await.expect("open").num_permits() });
    sleep(Duration::from_millis(2)).await;
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.await.expect("it returns"), 1);
}
