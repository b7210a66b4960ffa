//! The digest covers every byte of every payload: two runs that differ in one byte of one are not alike.

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use sim::Sim;
use sim::explore::{Isolation, Request, Rerun, Runner, Scenario, Settings};
use std::future::Future;
use std::io::{Read, Write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

/// The digest of seed 1 of a scenario.
fn digest<F: Future<Output = ()> + 'static>(name: &str, body: fn(u8) -> F, byte: u8) -> u64 {
    let rerun = Rerun::Program { seed: String::new(), replay: String::new() };
    let scenario = Scenario::new(name, rerun, move |sim: Sim| {
        let node = sim.node("node");
        async move { node.run(body(byte)).await }
    });
    let scenario = scenario.with_parts(sim::PARTS);
    let settings = Settings::from_variables(1, |_| None).expect("defaults");
    let ended = Runner::new(&scenario, Isolation::Thread).run(&scenario, &Request::recorded(1, &settings));
    assert_eq!(format!("{:?}", ended.outcome), "Passed", "{name}");
    ended.digest
}

fn covers<F: Future<Output = ()> + 'static>(name: &str, body: fn(u8) -> F) {
    let first = digest(name, body, 1);
    assert_eq!(first, digest(name, body, 1), "{name}: the same payload, the same digest");
    assert_ne!(first, digest(name, body, 2), "{name}: another payload, another digest");
}

#[test]
fn tcp() {
    covers("tcp", |byte| async move {
        let listener = TcpListener::bind("127.0.0.1:80").await.expect("free");
        let (client, server) = tokio::join!(TcpStream::connect("127.0.0.1:80"), listener.accept());
        client.expect("it listens").write_all(&[0, byte]).await.expect("open");
        server.expect("a client").0.read_exact(&mut [0; 2]).await.expect("sent");
    });
}

#[test]
fn tcp_through_std() {
    covers("tcp_through_std", |byte| async move {
        let listener = std::net::TcpListener::bind("127.0.0.1:80").expect("free");
        let mut client = std::net::TcpStream::connect("127.0.0.1:80").expect("it listens");
        client.write_all(&[0, byte]).expect("open");
        listener.accept().expect("a client").0.read_exact(&mut [0; 2]).expect("sent");
    });
}

#[test]
fn udp() {
    covers("udp", |byte| async move {
        let (one, other) = (UdpSocket::bind("127.0.0.1:1").await, UdpSocket::bind("127.0.0.1:2").await);
        one.expect("free").send_to(&[0, byte], "127.0.0.1:2").await.expect("sent");
        other.expect("free").recv(&mut [0; 2]).await.expect("received");
    });
}

#[test]
fn unix_streams() {
    covers("unix_streams", |byte| async move {
        let listener = UnixListener::bind("/run/socket").expect("free");
        let mut client = UnixStream::connect("/run/socket").await.expect("it listens");
        client.write_all(&[0, byte]).await.expect("open");
        listener.accept().await.expect("a client").0.read_exact(&mut [0; 2]).await.expect("sent");
    });
}

#[test]
fn unix_datagrams() {
    covers("unix_datagrams", |byte| async move {
        let inbox = UnixDatagram::bind("/run/inbox").expect("free");
        UnixDatagram::unbound().expect("a socket").send_to(&[0, byte], "/run/inbox").await.expect("sent");
        inbox.recv(&mut [0; 2]).await.expect("received");
    });
}

async fn post_over(http2: bool, byte: u8) {
    let router = Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }));
    let listener = TcpListener::bind("127.0.0.1:80").await.expect("free");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
    let request =
        hyper::Request::post("http://127.0.0.1/").body(Full::<Bytes>::from(vec![0, byte])).expect("valid");
    let answer = client.request(request).await.expect("answered").into_body().collect().await.expect("read");
    assert_eq!(answer.to_bytes(), "2");
}

#[test]
fn http1() {
    covers("http1", |byte| post_over(false, byte));
}

#[test]
fn http2() {
    covers("http2", |byte| post_over(true, byte));
}
