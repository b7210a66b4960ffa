//! Faults on whole requests, with hyper's own client and server, over HTTP/1.1 and HTTP/2.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use sim::Sim;
use sim::explore::{Isolation, Request as Order, Rerun, Runner, Scenario};
use sim::hyper::{Executor, Io};
use sim::net::request::{Action, Ending, Match, Until};
use sim::net::{TcpListener, TcpStream, net};
use sim::time::{sleep, timeout};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Http1,
    Http2,
}
use Version::{Http1, Http2};

/// What the server did, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// Says that a handler was dropped before it was done.
struct Noted(Log, String, bool);

impl Drop for Noted {
    fn drop(&mut self) {
        if !self.2 {
            self.0.lock().expect("one thread").push(format!("{} dropped", self.1));
        }
    }
}

async fn handle(request: Request<Incoming>, log: Log) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let line = format!("{} {}", request.method(), request.uri().path());
    let body = request.into_body().collect().await?.to_bytes();
    log.lock().expect("one thread").push(format!("{line} {}", String::from_utf8_lossy(&body)));
    let mut noted = Noted(log, line, false);
    sleep(Duration::from_millis(20)).await;
    noted.2 = true;
    Ok(Response::new(Full::from("done")))
}

fn serve(sim: Sim, version: Version, log: &Log) {
    let log = log.clone();
    sim.node("server").boot(move || {
        let log = log.clone();
        async move {
            let listener = TcpListener::bind("0.0.0.0:80").await.expect("the port is free");
            while let Ok((stream, _)) = listener.accept().await {
                let log = log.clone();
                let service = service_fn(move |request| handle(request, log.clone()));
                // An error is a connection that a fault ended.
                drop(sim::spawn(async move {
                    match version {
                        Http1 => hyper::server::conn::http1::Builder::new()
                            .pipeline_flush(true)
                            .serve_connection(Io::new(stream), service)
                            .await
                            .is_ok(),
                        Http2 => hyper::server::conn::http2::Builder::new(Executor)
                            .serve_connection(Io::new(stream), service)
                            .await
                            .is_ok(),
                    }
                }));
            }
        }
    });
}

enum Sender {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

/// A connection to the server.
#[derive(Clone)]
struct Client(Rc<RefCell<Sender>>);

impl Client {
    async fn new(version: Version) -> Client {
        let stream = TcpStream::connect("server:80").await.expect("the server listens");
        let sender = match version {
            Http1 => {
                let (sender, connection) =
                    hyper::client::conn::http1::handshake(Io::new(stream)).await.expect("no i/o yet");
                drop(sim::spawn(async { drop(connection.await) }));
                Sender::Http1(sender)
            }
            Http2 => {
                let (sender, connection) = hyper::client::conn::http2::handshake(Executor, Io::new(stream))
                    .await
                    .expect("room for it");
                drop(sim::spawn(async { drop(connection.await) }));
                Sender::Http2(sender)
            }
        };
        Client(Rc::new(RefCell::new(sender)))
    }

    /// Posts; the body of the answer.
    fn post(
        &self,
        path: &str,
        body: &'static str,
    ) -> impl Future<Output = Result<String, hyper::Error>> + use<> {
        let request = Request::post(format!("http://server{path}"))
            .header("host", "server")
            .body(Full::from(body))
            .expect("a valid request");
        let (first, second) = match &mut *self.0.borrow_mut() {
            Sender::Http1(sender) => (Some(sender.send_request(request)), None),
            Sender::Http2(sender) => (None, Some(sender.send_request(request))),
        };
        async move {
            let response = match (first, second) {
                (Some(answer), _) => answer.await?,
                (_, Some(answer)) => answer.await?,
                (None, None) => unreachable!("one of them was sent"),
            };
            let body = response.into_body().collect().await?.to_bytes();
            Ok(String::from_utf8_lossy(&body).into_owned())
        }
    }
}

struct Ran {
    served: Vec<String>,
    facts: Vec<String>,
}

/// Runs a client against the server on some seeds; the server must have done `served`, the trace must hold `facts`.
#[track_caller]
fn check<F>(version: Version, served: &[&str], facts: &[&str], client: fn(Version) -> F)
where
    F: Future<Output = ()> + 'static,
{
    for seed in 0..5 {
        let ran = run(version, seed, client);
        assert_eq!(ran.served, served, "{version:?}, seed {seed}");
        for fact in facts {
            assert!(
                ran.facts.iter().any(|f| f.contains(fact)),
                "{version:?}: no `{fact}` in {:#?}",
                ran.facts
            );
        }
    }
}

fn run<F>(version: Version, seed: u64, client: fn(Version) -> F) -> Ran
where
    F: Future<Output = ()> + 'static,
{
    let log = Log::default();
    let served = log.clone();
    let rerun = Rerun::Test { package: "sim".into(), path: "http_faults".into() };
    let scenario = Scenario::new("http_faults", rerun, move |sim: Sim| {
        let log = log.clone();
        async move {
            serve(sim, version, &log);
            sim.node("client").run(client(version)).await;
            sleep(Duration::from_secs(20)).await;
        }
    });
    let policy = "uniform".parse().expect("it exists");
    let order = Order { seed, script: None, policy, recording: true };
    let ended = Runner::new(&scenario, Isolation::Thread).run(&scenario, &order);
    assert!(ended.outcome.is_passed(), "{version:?}, seed {seed}: {}", ended.outcome);
    let facts =
        ended.facts.iter().filter(|fact| &*fact.kind == "http").map(|fact| fact.text.clone()).collect();
    let mut served = served.lock().expect("one thread").clone();
    if served.len() > 2 && version == Http2 {
        // Streams of one connection are served side by side.
        served.sort_unstable();
    }
    Ran { served, facts }
}

#[test]
fn requests_are_facts() {
    for version in [Http1, Http2] {
        let facts = ["POST /charge #1 from client → 200 in ", "POST /charge #2 from client → 200 in "];
        check(version, &["POST /charge a", "POST /charge b"], &facts, |version| async move {
            let client = Client::new(version).await;
            assert_eq!(client.post("/charge", "a").await.expect("served"), "done");
            assert_eq!(client.post("/charge", "b").await.expect("served"), "done");
        });
    }
}

#[test]
fn a_response_is_lost_after_the_work_was_done() {
    for version in [Http1, Http2] {
        let facts = ["POST /charge #2: response lost", "POST /charge #3 from client → 200"];
        let served = ["POST /charge a", "POST /charge b", "POST /charge b"];
        check(version, &served, &facts, |version| async move {
            net().lose_response(Match::new("POST", "/charge").nth(2)).until_healed();
            let client = Client::new(version).await;
            client.post("/charge", "a").await.expect("served");
            client.post("/charge", "b").await.expect_err("its answer was lost");
            let again = Client::new(version).await;
            assert_eq!(again.post("/charge", "b").await.expect("a retry works"), "done");
        });
    }
}

#[test]
fn a_response_lost_in_silence_leaves_the_client_waiting() {
    for version in [Http1, Http2] {
        check(version, &["POST /charge a"], &["POST /charge #1: response lost"], |version| async move {
            net().on_request(Match::path("/charge"), Action::LoseResponse(Ending::Silence)).until_healed();
            let client = Client::new(version).await;
            assert!(timeout(Duration::from_secs(10), client.post("/charge", "a")).await.is_err());
        });
    }
}

#[test]
fn a_lost_request_is_never_seen() {
    for version in [Http1, Http2] {
        check(version, &["POST /a 1"], &["POST /b #1: request lost"], |version| async move {
            net().lose_request(Match::path("/b")).until_healed();
            let client = Client::new(version).await;
            client.post("/a", "1").await.expect("served");
            client.post("/b", "2").await.expect_err("it was lost");
        });
    }
}

#[test]
fn a_request_delivered_twice_is_done_twice_and_answered_once() {
    for version in [Http1, Http2] {
        let facts = ["POST /charge #1: delivered twice", "POST /charge #1 (again) from client → 200"];
        check(version, &["POST /charge money", "POST /charge money"], &facts, |version| async move {
            net().deliver_twice(Match::path("/charge"), Duration::from_secs(2)).until_healed();
            let client = Client::new(version).await;
            assert_eq!(client.post("/charge", "money").await.expect("served"), "done");
            sleep(Duration::from_secs(5)).await;
        });
    }
}

#[test]
fn a_held_request_waits_for_another() {
    for version in [Http1, Http2] {
        let facts = ["POST /first #1: held", "POST /first #1: goes on"];
        check(version, &["POST /second 2", "POST /first 1"], &facts, |version| async move {
            let until = Until::Answered(Match::path("/second"));
            net().on_request(Match::path("/first"), Action::Hold(until)).until_healed();
            let (one, two) = (Client::new(version).await, Client::new(version).await);
            let first = sim::spawn(async move { one.post("/first", "1").await });
            sleep(Duration::from_millis(300)).await;
            two.post("/second", "2").await.expect("served");
            first.await.expect("it ran").expect("served");
        });
    }
}

#[test]
fn two_requests_change_places() {
    for version in [Http1, Http2] {
        check(version, &["POST /b 2", "POST /a 1"], &["POST /a #1: held"], |version| async move {
            let until = Until::Sent(Match::path("/b"));
            net().on_request(Match::path("/a"), Action::Hold(until)).until_healed();
            let (one, two) = (Client::new(version).await, Client::new(version).await);
            let a = sim::spawn(async move { one.post("/a", "1").await });
            sleep(Duration::from_millis(300)).await;
            two.post("/b", "2").await.expect("served");
            a.await.expect("it ran").expect("served");
        });
    }
}

#[test]
fn a_slow_response_is_late_and_whole() {
    for version in [Http1, Http2] {
        check(version, &["POST /a 1"], &["POST /a #1: response slow"], |version| async move {
            net().on_request(Match::any(), Action::SlowResponse(Duration::from_secs(3))).until_healed();
            let before = Sim::current().now();
            assert_eq!(Client::new(version).await.post("/a", "1").await.expect("served"), "done");
            assert!(Sim::current().now() - before > 3_000_000_000);
        });
    }
}

#[test]
fn a_client_that_disconnects_cancels_the_handler() {
    for version in [Http1, Http2] {
        let served = ["POST /a 1", "POST /a dropped"];
        check(version, &served, &["POST /a #1: client disconnected"], |version| async move {
            net().on_request(Match::any(), Action::Disconnect(Duration::from_millis(10))).until_healed();
            Client::new(version).await.post("/a", "1").await.expect_err("it was cut off");
        });
    }
}

#[test]
fn streams_of_one_connection_are_told_apart() {
    let facts = ["POST /0 #1 from", "POST /1 #1 from", "POST /2 #1 from", "POST /3 #1 from"];
    check(Http2, &["POST /0 x", "POST /1 x", "POST /2 x", "POST /3 x"], &facts, |version| async move {
        let client = Client::new(version).await;
        let all = (0..4).map(|n| client.post(&format!("/{n}"), "x")).collect::<Vec<_>>();
        for answer in futures::future::join_all(all).await {
            assert_eq!(answer.expect("served"), "done");
        }
    });
}

#[test]
fn a_lost_response_ends_the_other_streams_with_the_connection() {
    let served = ["POST /0 x", "POST /1 x", "POST /2 x"];
    check(Http2, &served, &["POST /1 #1: response lost"], |version| async move {
        net().lose_response(Match::path("/1")).until_healed();
        let client = Client::new(version).await;
        let all = (0..3).map(|n| client.post(&format!("/{n}"), "x")).collect::<Vec<_>>();
        let answers = futures::future::join_all(all).await;
        assert!(answers[1].is_err());
        for answer in answers.iter().flatten() {
            assert_eq!(answer, "done", "what arrives is whole");
        }
    });
}

#[test]
fn without_faults_the_reader_leaves_no_mark_on_the_wire() {
    for version in [Http1, Http2] {
        for seed in 0..5 {
            let with = wire(version, seed, true);
            assert!(!with.is_empty());
            assert_eq!(with, wire(version, seed, false), "{version:?}, seed {seed}");
        }
    }
}

/// Every write of a run without faults: when, by whom, how long, and a hash of its bytes.
fn wire(version: Version, seed: u64, read: bool) -> Vec<(u64, String, String)> {
    let rerun = Rerun::Test { package: "sim".into(), path: "http_faults".into() };
    let scenario = Scenario::new("wire", rerun, move |sim: Sim| async move {
        net().read_requests(read);
        serve(sim, version, &Log::default());
        let client = async move {
            let client = Client::new(version).await;
            for path in ["/a", "/b", "/a"] {
                client.post(path, "body").await.expect("served");
            }
        };
        sim.node("client").run(client).await;
    });
    let policy = "uniform".parse().expect("it exists");
    let order = Order { seed, script: None, policy, recording: true };
    let ended = Runner::new(&scenario, Isolation::Thread).run(&scenario, &order);
    assert!(ended.outcome.is_passed(), "{}", ended.outcome);
    let writes = ended.facts.iter().filter(|fact| &*fact.kind == "tcp.data");
    writes.map(|fact| (fact.at, fact.node.to_string(), fact.text.clone())).collect()
}
