//! Serving requests.

use super::{Incoming, Response};
use crate::hyper::Io;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use sim_net::TcpListener;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;

/// Serves requests on a port of the current node, for ever; what a node of a third party boots with.
///
/// As at most third parties, a client that goes away does not stop the work: each request is handled in a task
/// of its own that runs to its end.
///
/// # Errors
///
/// If the port is taken.
pub async fn serve<F>(port: u16, handler: impl Fn(Incoming) -> F + Clone + 'static) -> io::Result<()>
where
    F: Future<Output = Response> + 'static,
{
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        let handler = handler.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let handler = handler.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let request = Incoming {
                    method: head.method,
                    path: head.uri.path().to_owned(),
                    query: head.uri.query().unwrap_or_default().to_owned(),
                    headers: head.headers,
                    body,
                    from: peer.ip(),
                };
                let Ok(answer) = sim_runtime::spawn(handler(request)).await else {
                    // The handler panicked, which is reported by itself: no answer, as from a process that died.
                    return pending::<Result<_, hyper::Error>>().await;
                };
                let mut outgoing = hyper::Response::new(Full::new(answer.body));
                *outgoing.status_mut() =
                    answer.status.try_into().expect("a handler answers a status of 100 to 999");
                *outgoing.headers_mut() = answer.headers;
                Ok::<_, hyper::Error>(outgoing)
            }
        });
        // A client that goes away ends its connection with an error, which is its own business.
        drop(sim_runtime::spawn(async move {
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(Io::new(stream), service);
            drop(served.await);
            Ok::<_, Infallible>(())
        }));
    }
}
