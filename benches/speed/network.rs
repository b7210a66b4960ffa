//! Exchanges over streams: on the reference loop's mailboxes, and over sim-net's TCP.
//!
//! The reference has no handshake, no windows, no bytes: a message is a vector that arrives later. What is
//! compared is what a simulation pays for a network that behaves like one.

use crate::reference::{Loop, Mailbox};
use crate::workloads::{Draws, world};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use sim::net::{TcpListener, TcpStream, net};
use sim_runtime::Sim;
use sim_runtime::executor::{Heartbeat, spawn};
use std::cell::RefCell;
use std::rc::Rc;

const MESSAGE_BYTES: usize = 64;
const LATENCY_NS: std::ops::Range<u64> = 1_000_000..10_000_000;

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
    /// The same, with the reader on: it sees at the first byte that it understands nothing.
    Opaque,
    /// HTTP/1.1, read along.
    Http,
}

/// One server task for each of `clients` clients, `each` exchanges.
pub fn exchanges_reference(clients: usize, each: usize) {
    let draws = Rc::new(RefCell::new(Draws(1)));
    let latency = move || LATENCY_NS.start + draws.borrow_mut().below(LATENCY_NS.end - LATENCY_NS.start);
    Loop::run(|own| async move {
        let exchange = |_| {
            let (up, down) = (Rc::new(Mailbox::default()), Rc::new(Mailbox::default()));
            let (server, own_latency) = (own.clone(), latency.clone());
            let (requests, answers) = (up.clone(), down.clone());
            let serving = own.spawn(async move {
                for _ in 0..each {
                    let message = requests.take().await;
                    server.send(&answers, message, own_latency());
                }
            });
            serving.detach();
            let (client, own_latency) = (own.clone(), latency.clone());
            own.spawn(async move {
                for number in 0..each {
                    client.send(&up, vec![number as u8; MESSAGE_BYTES], own_latency());
                    assert_eq!(down.take().await.len(), MESSAGE_BYTES);
                }
            })
        };
        let all: Vec<_> = (0..clients).map(exchange).collect();
        for client in all {
            client.await;
        }
    });
}

/// As [`exchanges_reference`], over TCP between two nodes.
pub fn exchanges(clients: usize, each: usize, traffic: Traffic) {
    world(1, Heartbeat::default(), move |sim: Sim| async move {
        net().read_requests(traffic != Traffic::Unread);
        let (request, answer) = match traffic {
            Traffic::Http => (*REQUEST, *ANSWER),
            Traffic::Unread | Traffic::Opaque => ([7; MESSAGE_BYTES], [7; MESSAGE_BYTES]),
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
