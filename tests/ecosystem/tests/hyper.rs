//! hyper-util's client and server, over HTTP/1.1 and HTTP/2.

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Tells the version and the size of what it got, and the trailer `sum` if there was one.
async fn describe(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("the client sends it all");
    let trailer = body.trailers().and_then(|trailers| trailers.get("sum")).cloned();
    let text = format!("{:?} {} {}", parts.version, parts.uri.path(), body.to_bytes().len());
    let mut response = Response::new(Full::from(text));
    if let Some(sum) = trailer {
        response.headers_mut().insert("sum", sum);
    }
    Ok(response)
}

/// Serves both versions; counts connections.
async fn serve(connections: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("it listens");
            connections.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut server = auto::Builder::new(TokioExecutor::new());
                server.http1().timer(TokioTimer::new());
                server.http2().timer(TokioTimer::new());
                // A client that leaves is nobody's error.
                let _ = server.serve_connection(TokioIo::new(stream), service_fn(describe)).await;
            });
        }
    });
    address
}

fn client<B>(http2: bool) -> Client<HttpConnector, B>
where
    B: hyper::body::Body + Send,
    B::Data: Send,
{
    Client::builder(TokioExecutor::new()).timer(TokioTimer::new()).http2_only(http2).build_http()
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.expect("read").to_bytes().to_vec()).expect("text")
}

#[tokio::test]
async fn http1_keeps_its_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let address = serve(connections.clone()).await;
    let client = client::<Full<Bytes>>(false);
    for size in [0, 10, 100_000] {
        let request = Request::post(format!("http://{address}/upload")).body(Full::from(vec![1; size]));
        let response = client.request(request.expect("valid")).await.expect("answered");
        assert_eq!(response.version(), Version::HTTP_11);
        assert!(response.headers().contains_key("date"));
        assert_eq!(text(response).await, format!("HTTP/1.1 /upload {size}"));
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn http2_carries_many_requests_at_once() {
    let connections = Arc::new(AtomicUsize::new(0));
    let address = serve(connections.clone()).await;
    let client = client::<Full<Bytes>>(true);
    // The first settles the connection, so that the others find it.
    let first =
        client.get(format!("http://{address}/first").parse().expect("valid")).await.expect("answered");
    assert_eq!(text(first).await, "HTTP/2.0 /first 0");
    let requests = (0..50).map(|number: usize| {
        let client = client.clone();
        tokio::spawn(async move {
            let request =
                Request::post(format!("http://{address}/{number}")).body(Full::from(vec![2; number * 1_000]));
            let response = client.request(request.expect("valid")).await.expect("answered");
            assert_eq!(text(response).await, format!("HTTP/2.0 /{number} {}", number * 1_000));
        })
    });
    for request in futures::future::join_all(requests).await {
        request.expect("it returns");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn bodies_end_with_trailers() {
    let address = serve(Arc::default()).await;
    for http2 in [false, true] {
        let client = client(http2);
        let mut trailers = HeaderMap::new();
        trailers.insert("sum", "42".parse().expect("valid"));
        let chunks = (0..3).map(|_| Frame::data(Bytes::from(vec![3; 20_000])));
        let frames = chunks.chain([Frame::trailers(trailers)]);
        let body =
            StreamBody::new(futures::stream::iter(frames.map(Ok::<_, Infallible>)).then(|frame| async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                frame
            }));
        let request =
            Request::post(format!("http://{address}/")).header("trailer", "sum").body(BodyExt::boxed(body));
        let response = client.request(request.expect("valid")).await.expect("answered");
        assert_eq!(response.headers()["sum"], "42");
        assert!(text(response).await.ends_with(" 60000"));
    }
}

#[tokio::test]
async fn a_graceful_shutdown_lets_requests_end() {
    let begun = Arc::new(Notify::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let serving = begun.clone();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let graceful = GracefulShutdown::new();
        let builder = auto::Builder::new(TokioExecutor::new());
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let begun = serving.clone();
                    let slow = service_fn(move |_| {
                        let begun = begun.clone();
                        async move {
                            begun.notify_one();
                            tokio::time::sleep(Duration::from_millis(30)).await;
                            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("done")))
                        }
                    });
                    let stream = TokioIo::new(accepted.expect("it listens").0);
                    let connection = graceful.watch(builder.serve_connection(stream, slow).into_owned());
                    tokio::spawn(async move { connection.await.expect("it ends in order") });
                }
                _ = &mut stopped => break,
            }
        }
        drop(listener);
        graceful.shutdown().await;
    });
    let client = client::<Full<Bytes>>(true);
    let request = tokio::spawn(async move {
        text(client.get(format!("http://{address}/").parse().expect("valid")).await.expect("answered")).await
    });
    begun.notified().await;
    stop.send(()).expect("it serves");
    assert_eq!(request.await.expect("it returns"), "done");
    server.await.expect("it returns");
}
