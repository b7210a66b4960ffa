//! Faults on whole requests, seen by a plain client and a plain server.

mod run;

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use run::{ended, run};
use sim_net::request::{Action, Ending, Match, Until};
use sim_net::{TcpListener, TcpStream, net};
use sim_runtime::executor::{sleep, timeout};
use sim_runtime::fault::Plan;
use sim_runtime::sim::Sim;
use sim_runtime::tape::Ratio;

type Log = Arc<Mutex<Vec<String>>>;

/// Reads one message with a `content-length` of at most one digit; its first line.
async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        let text = String::from_utf8_lossy(buffer).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length =
                text[..end].split("content-length: ").nth(1).map_or(0, |v| v[..1].parse().expect("a digit"));
            let total = end + 4 + length;
            if buffer.len() >= total {
                buffer.drain(..total);
                return Ok(text.lines().next().map(str::to_owned));
            }
        }
        let mut piece = [0; 512];
        let n = stream.read(&mut piece).await?;
        if n == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
        buffer.extend_from_slice(&piece[..n]);
    }
}

fn serve(sim: Sim, log: &Log) {
    let log = log.clone();
    sim.node("server").boot(move || {
        let log = log.clone();
        async move {
            let listener = TcpListener::bind("0.0.0.0:80").await?;
            loop {
                let (mut stream, _) = listener.accept().await?;
                let log = log.clone();
                drop(Sim::current().spawn(async move {
                    let mut buffer = Vec::new();
                    while let Ok(Some(line)) = message(&mut stream, &mut buffer).await {
                        log.lock().expect("one thread").push(line);
                        sleep(Duration::from_millis(5)).await;
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                        if stream.write_all(answer).await.is_err() {
                            break;
                        }
                    }
                }));
            }
            #[expect(unreachable_code, reason = "says what the loop could fail with")]
            Ok::<(), io::Error>(())
        }
    });
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn new() -> Client {
        let stream = TcpStream::connect("server:80").await.expect("listening");
        Client { stream, buffer: Vec::new() }
    }

    async fn post(&mut self, path: &str) -> io::Result<Option<String>> {
        let text = format!("POST {path} HTTP/1.1\r\nhost: server\r\ncontent-length: 1\r\n\r\nx");
        self.stream.write_all(text.as_bytes()).await?;
        message(&mut self.stream, &mut self.buffer).await
    }
}

const OK: &str = "HTTP/1.1 200 OK";

fn lines(log: &Log) -> Vec<String> {
    log.lock().expect("one thread").iter().map(|line| line.replace(" HTTP/1.1", "")).collect()
}

/// Runs a client against the server, on calm seeds and others; then `expected` is what the server saw.
#[track_caller]
fn check<F>(expected: &[&str], client: fn(Sim) -> F)
where
    F: Future<Output = ()> + 'static,
{
    for seed in 0..8 {
        let log = Log::default();
        let seen = log.clone();
        run(seed, move |sim| async move {
            serve(sim, &log);
            sim.node("client").run(client(sim)).await;
            sleep(Duration::from_secs(30)).await;
        });
        assert_eq!(lines(&seen), expected, "seed {seed}");
    }
}

#[test]
fn a_lost_response_was_served_and_the_client_sees_a_reset() {
    check(&["POST /charge", "POST /charge"], |_| async {
        net().lose_response(Match::new("POST", "/charge")).until_healed();
        let mut client = Client::new().await;
        let error = client.post("/charge").await.expect_err("the answer was lost");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let mut client = Client::new().await;
        assert_eq!(client.post("/charge").await.expect("a retry works").as_deref(), Some(OK));
    });
}

#[test]
fn a_response_lost_in_silence_is_a_timeout() {
    check(&["POST /charge"], |_| async {
        let lose = Action::LoseResponse(Ending::Silence);
        net().on_request(Match::path("/charge"), lose).until_healed();
        let mut client = Client::new().await;
        assert!(timeout(Duration::from_secs(20), client.post("/charge")).await.is_err());
    });
}

#[test]
fn a_lost_request_was_never_served() {
    check(&["POST /a"], |_| async {
        let rule = net().lose_request(Match::path("/b"));
        let mut client = Client::new().await;
        assert_eq!(client.post("/a").await.expect("served").as_deref(), Some(OK));
        let error = client.post("/b").await.expect_err("it was lost");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(rule.fired(), 1);
    });
}

#[test]
fn a_request_delivered_twice_is_answered_once() {
    check(&["POST /charge", "POST /charge", "POST /other"], |_| async {
        net().deliver_twice(Match::path("/charge"), Duration::from_secs(1)).until_healed();
        let mut client = Client::new().await;
        assert_eq!(client.post("/charge").await.expect("served").as_deref(), Some(OK));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(client.post("/other").await.expect("served").as_deref(), Some(OK));
    });
}

#[test]
fn a_held_request_waits_until_another_was_answered() {
    check(&["POST /second", "POST /first"], |sim| async move {
        let until = Until::Answered(Match::path("/second"));
        net().on_request(Match::path("/first"), Action::Hold(until)).until_healed();
        let first = sim.spawn(async { Client::new().await.post("/first").await });
        sleep(Duration::from_millis(200)).await;
        Client::new().await.post("/second").await.expect("served");
        first.await.expect("it ran").expect("served");
    });
}

#[test]
fn two_requests_change_places() {
    check(&["POST /b", "POST /a"], |sim| async move {
        let until = Until::Sent(Match::path("/b"));
        net().on_request(Match::path("/a"), Action::Hold(until)).until_healed();
        let a = sim.spawn(async { Client::new().await.post("/a").await });
        sleep(Duration::from_millis(200)).await;
        Client::new().await.post("/b").await.expect("served");
        a.await.expect("it ran").expect("served");
    });
}

#[test]
fn a_signal_releases_a_held_request() {
    check(&["POST /a"], |sim| async move {
        net().on_request(Match::any(), Action::Hold(Until::Signal("commit".into()))).until_healed();
        let a = sim.spawn(async { Client::new().await.post("/a").await });
        sleep(Duration::from_secs(3)).await;
        assert!(!a.is_finished());
        net().signal("commit");
        a.await.expect("it ran").expect("served");
    });
}

#[test]
fn a_slow_response_is_late() {
    check(&["POST /a"], |sim| async move {
        let slow = Action::SlowResponse(Duration::from_secs(7));
        net().on_request(Match::any(), slow).until_healed();
        Client::new().await.post("/a").await.expect("served");
        assert!(sim.now() > 7_000_000_000);
    });
}

#[test]
fn a_client_that_disconnects_is_noticed_by_the_handler() {
    check(&["POST /a"], |_| async {
        let disconnect = Action::Disconnect(Duration::from_millis(1));
        net().on_request(Match::any(), disconnect).until_healed();
        let error = Client::new().await.post("/a").await.expect_err("cut off");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn pipelined_requests_before_the_lost_one_are_answered() {
    check(&["GET /1", "GET /2"], |_| async {
        net().lose_response(Match::path("/2")).until_healed();
        let mut client = Client::new().await;
        let text = b"GET /1 HTTP/1.1\r\nhost: s\r\n\r\nGET /2 HTTP/1.1\r\nhost: s\r\n\r\n";
        client.stream.write_all(text).await.expect("open");
        let first = message(&mut client.stream, &mut client.buffer).await.expect("answered");
        assert_eq!(first.as_deref(), Some(OK));
        let second = message(&mut client.stream, &mut client.buffer).await;
        assert_eq!(second.expect_err("lost").kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn the_trace_names_requests_and_what_happened_to_them() {
    let log = Log::default();
    let ended = ended(3, move |sim| async move {
        serve(sim, &log);
        net().lose_response(Match::new("POST", "/charge").nth(2)).until_healed();
        let client = async {
            let mut client = Client::new().await;
            client.post("/charge").await.expect("served");
            client.post("/charge").await.expect_err("lost");
        };
        sim.node("client").run(client).await;
    });
    let facts: Vec<&str> = ended.facts.iter().filter(|f| &*f.kind == "http").map(|f| &*f.text).collect();
    assert!(facts[0].starts_with("POST /charge #1 from client → 200 in "), "{facts:?}");
    assert!(facts.contains(&"POST /charge #2: response lost"), "{facts:?}");
}

#[test]
fn a_plan_draws_faults_and_accounts_for_them() {
    let lost = (0..40).filter(|&seed| {
        let log = Log::default();
        let ended = ended(seed, move |sim| async move {
            serve(sim, &log);
            sim.faults(&Plan::new().allow("http.response_lost", Ratio::new(1, 4)).budget(1));
            let client = async {
                for _ in 0..5 {
                    let _ =
                        timeout(Duration::from_secs(60), async { Client::new().await.post("/charge").await })
                            .await;
                }
            };
            sim.node("client").run(client).await;
        });
        let account = ended.faults["http.response_lost"];
        assert_eq!(account.fired, account.had_effect);
        assert!(account.fired <= 1 && account.asked >= 5, "{account:?}");
        account.fired == 1
    });
    assert!(lost.count() > 5);
}

#[test]
fn without_a_fault_the_reader_changes_nothing_on_the_wire() {
    for seed in 0..10 {
        let timeline = |read: bool| {
            let log = Log::default();
            let seen = log.clone();
            let ended = ended(seed, move |sim| async move {
                net().read_requests(read);
                serve(sim, &log);
                let client = async {
                    let mut client = Client::new().await;
                    for path in ["/a", "/b", "/c"] {
                        client.post(path).await.expect("served");
                    }
                };
                sim.node("client").run(client).await;
            });
            let facts: Vec<(u64, String)> = ended
                .facts
                .iter()
                .filter(|f| f.kind.starts_with("tcp"))
                .map(|f| (f.at, f.text.clone()))
                .collect();
            (facts, ended.steps, lines(&seen))
        };
        assert_eq!(timeline(true), timeline(false), "seed {seed}");
    }
}
