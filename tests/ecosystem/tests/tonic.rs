//! tonic as its users have it, with a service of each kind of call.

use ecosystem::grpc::generated::calculator_client::CalculatorClient;
use ecosystem::grpc::generated::calculator_server::CalculatorServer;
use ecosystem::grpc::{Calculator, Number};
use std::net::SocketAddr;
use std::time::Duration;
use tokio_stream::StreamExt;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request};

/// Serves on a free port, which is bound through std.
async fn serve() -> SocketAddr {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).expect("a port").with_nodelay(Some(true));
    let address = incoming.local_addr().expect("bound");
    let server = Server::builder().add_service(CalculatorServer::new(Calculator));
    tokio::spawn(server.serve_with_incoming(incoming));
    address
}

async fn client() -> CalculatorClient<Channel> {
    CalculatorClient::connect(format!("http://{}", serve().await)).await.expect("it listens")
}

fn number(value: i64) -> Number {
    Number { value }
}

#[tokio::test]
async fn a_unary_call_answers_or_says_why_not() {
    let mut client = client().await;
    assert_eq!(client.square(number(12)).await.expect("answered").into_inner(), number(144));
    let refused = client.square(number(-1)).await.expect_err("negative");
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "-1 is negative"));
}

#[tokio::test]
async fn streams_go_either_way_and_both() {
    let mut client = client().await;
    let numbers = tokio_stream::iter((1..=100).map(number));
    assert_eq!(client.sum(numbers).await.expect("answered").into_inner(), number(5_050));
    let counted = client.count(number(20)).await.expect("answered").into_inner();
    let counted: Vec<i64> = counted.map(|number| number.expect("it comes").value).collect().await;
    assert_eq!(counted, (1..=20).collect::<Vec<_>>());
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let asked = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let mut doubled = client.double(asked).await.expect("answered").into_inner();
    for value in 0..10 {
        sender.send(number(value)).await.expect("it is read");
        assert_eq!(doubled.message().await.expect("open"), Some(number(value * 2)));
    }
    drop(sender);
    assert_eq!(doubled.message().await.expect("it ends in order"), None);
}

#[tokio::test]
async fn a_reader_that_leaves_ends_the_stream() {
    let mut client = client().await;
    let mut counted = client.count(number(i64::MAX)).await.expect("answered").into_inner();
    assert_eq!(counted.message().await.expect("open"), Some(number(1)));
    drop(counted);
    // The connection is there for others.
    assert_eq!(client.square(number(3)).await.expect("answered").into_inner(), number(9));
}

#[tokio::test]
async fn a_deadline_passes() {
    let mut client = client().await;
    let mut slow = Request::new(number(5));
    slow.metadata_mut().insert("delay-ms", "60000".parse().expect("valid"));
    slow.set_timeout(Duration::from_millis(50));
    let late = client.square(slow).await.expect_err("late");
    assert!(matches!(late.code(), Code::Cancelled | Code::DeadlineExceeded), "{late:?}");
    let mut quick = Request::new(number(5));
    quick.metadata_mut().insert("delay-ms", "1".parse().expect("valid"));
    quick.set_timeout(Duration::from_secs(60));
    assert_eq!(client.square(quick).await.expect("in time").into_inner(), number(25));
}

#[tokio::test]
async fn many_calls_share_a_lazy_channel() {
    let endpoint = Endpoint::from_shared(format!("http://{}", serve().await)).expect("valid");
    let channel = endpoint.concurrency_limit(8).tcp_keepalive(Some(Duration::from_secs(30))).connect_lazy();
    let calls = (0..40).map(|value| {
        let mut client = CalculatorClient::new(channel.clone());
        tokio::spawn(async move { client.square(number(value)).await.expect("answered").into_inner().value })
    });
    let squares: Vec<i64> = futures::future::join_all(calls)
        .await
        .into_iter()
        .map(|square| square.expect("it returns"))
        .collect();
    assert_eq!(squares, (0..40).map(|value| value * value).collect::<Vec<_>>());
}

#[tokio::test]
async fn serve_binds_an_address_itself() {
    // A port that is free now; the server binds it through std.
    let address = {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        probe.local_addr().expect("bound")
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = Server::builder().add_service(CalculatorServer::new(Calculator));
    let server = tokio::spawn(server.serve_with_shutdown(address, async { stopped.await.expect("told") }));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("valid");
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    let mut client = CalculatorClient::new(channel);
    assert_eq!(client.square(number(2)).await.expect("answered").into_inner(), number(4));
    drop(client);
    stop.send(()).expect("it serves");
    server.await.expect("it returns").expect("no error");
}
