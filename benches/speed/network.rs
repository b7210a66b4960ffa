//! What the request reader costs, and what open connections weigh.

use crate::workloads::{Exchanges, world};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use sim::net::{TcpListener, TcpStream, net};
use sim_runtime::Sim;
use sim_runtime::executor::{Heartbeat, spawn};

const MESSAGE_BYTES: usize = 64;

/// A request and an answer of 64 bytes each, as HTTP.
const REQUEST: &[u8; MESSAGE_BYTES] =
    b"POST /charge HTTP/1.1\r\nhost: server\r\ncontent-length: 6\r\n\r\n123456";
const ANSWER: &[u8; MESSAGE_BYTES] =
    b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\nx: 4567\r\n\r\n9012345678901234";

/// What travels, and who looks at it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Bytes that mean nothing, with the request reader off.
    Unread,
    /// HTTP/1.1, read along.
    Http,
}

/// As [`crate::workloads::exchanges_reference`], over TCP between two nodes.
pub fn exchanges(exchanges: Exchanges, traffic: Traffic) {
    let Exchanges { clients, each } = exchanges;
    world(1, Heartbeat::default(), move |sim: Sim| async move {
        net().read_requests(traffic != Traffic::Unread);
        let (request, answer) = match traffic {
            Traffic::Http => (*REQUEST, *ANSWER),
            Traffic::Unread => ([7; MESSAGE_BYTES], [7; MESSAGE_BYTES]),
        };
        sim.node("server").boot(move || async move {
            let listener = TcpListener::bind("0.0.0.0:80").await.expect("the port is free");
            while let Ok((mut stream, _)) = listener.accept().await {
                drop(spawn(async move {
                    let mut buffer = [0; MESSAGE_BYTES];
                    while stream.read_exact(&mut buffer).await.is_ok() {
                        stream.write_all(&answer).await.expect("the client reads");
                    }
                }));
            }
        });
        let client = sim.node("client");
        let exchange = |_| {
            client.spawn(async move {
                let mut stream = TcpStream::connect("server:80").await.expect("the server listens");
                let mut buffer = [0; MESSAGE_BYTES];
                for _ in 0..each {
                    stream.write_all(&request).await.expect("the server reads");
                    stream.read_exact(&mut buffer).await.expect("the server answers");
                }
            })
        };
        let all: Vec<_> = (0..clients).map(exchange).collect();
        for client in all {
            client.await.expect("nobody aborts it");
        }
    });
}

/// Opens connections, sends a message over each, and leaves them open.
pub fn idle(connections: usize) {
    world(1, Heartbeat::default(), move |sim: Sim| async move {
        sim.node("server").boot(|| async {
            let listener = TcpListener::bind("0.0.0.0:80").await.expect("the port is free");
            let mut all = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; MESSAGE_BYTES];
                stream.read_exact(&mut buffer).await.expect("the client writes");
                all.push(stream);
            }
        });
        let client = async move {
            let mut all = Vec::with_capacity(connections);
            for _ in 0..connections {
                let mut stream = TcpStream::connect("server:80").await.expect("the server listens");
                stream.write_all(REQUEST).await.expect("there is room");
                all.push(stream);
            }
        };
        sim.node("client").run(client).await;
    });
}
