//! Sending one request.

use super::{Error, Request, Response};
use crate::hyper::Io;
use http_body_util::{BodyExt, Full};
use hyper::Uri;
use sim_net::TcpStream;
use sim_runtime::executor::{AbortHandle, sleep, timeout};
use std::time::Duration;

/// Sends a request from the current node, on a connection of its own, and waits for the whole answer.
///
/// # Errors
///
/// If there is no answer. There is no time limit; see [`send_within`].
///
/// # Cancel safety
///
/// Dropping the future closes the connection: the server sees a client that went away.
pub async fn send(request: Request) -> Result<Response, Error> {
    let Request { method, url, headers, body } = request;
    let invalid = |reason: &str| Error::Invalid { url: url.clone(), reason: reason.to_owned() };
    let target: Uri =
        url.parse().map_err(|error: hyper::http::uri::InvalidUri| invalid(&error.to_string()))?;
    if target.scheme_str() != Some("http") {
        return Err(invalid("it does not begin with http://"));
    }
    let authority = target.authority().ok_or_else(|| invalid("it names no host"))?;
    let address = (authority.host(), authority.port_u16().unwrap_or(80));
    let connected = TcpStream::connect(address).await;
    let stream = connected.map_err(|source| Error::NotConnected { url: url.clone(), source })?;
    let lost = |source| Error::Lost { url: url.clone(), source };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(Io::new(stream)).await.map_err(lost)?;
    let _connection = Ends(sim_runtime::spawn(connection).abort_handle());
    let path = target.path_and_query().map_or("/", |path| path.as_str());
    let mut outgoing = hyper::Request::new(Full::new(body));
    *outgoing.method_mut() = method;
    *outgoing.uri_mut() = path.parse().expect("a part of a URL that was parsed");
    *outgoing.headers_mut() = headers;
    let host = authority.as_str().parse().expect("an authority can stand in a header");
    outgoing.headers_mut().entry(hyper::header::HOST).or_insert(host);
    let answer = sender.send_request(outgoing).await.map_err(lost)?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(lost)?.to_bytes();
    Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
}

/// As [`send`], and gives up after `limit`.
///
/// # Errors
///
/// If there is no answer in time.
pub async fn send_within(request: Request, limit: Duration) -> Result<Response, Error> {
    let url = request.url.clone();
    match timeout(limit, send(request)).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::TimedOut { url, after: limit }),
    }
}

/// Waits until something accepts connections at `http://HOST[:PORT]`: the first thing many scenarios need of a service
/// that has just been booted. Nothing is sent.
///
/// # Panics
///
/// If `url` is none.
pub async fn until_served(url: &str) {
    let target: Uri = url.parse().unwrap_or_else(|error| panic!("`{url}` cannot be waited for: {error}"));
    let authority = target.authority().unwrap_or_else(|| panic!("`{url}` names no host to wait for"));
    while TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Ends the connection with whoever waits for its answer.
struct Ends(AbortHandle);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}
