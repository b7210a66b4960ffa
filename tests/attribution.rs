//! Every statement and every line of output is laid at the door of the request that caused it.
//!
//! The scenario knows the truth: each order has a number of its own, and whatever is done for it names that number.
//! Six customers' orders reach the api at the same time, over HTTP/1.1 with keep-alive and over HTTP/2 on one connection; the api works
//! in spawned tasks and after its answer too, and asks a provider over a connection that all of them share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use sim::Sim;
use sim::cause::{Earlier, Operation, OperationId};
use sim::db::engine::IsolationLevel::ReadCommitted;
use sim::db::simulated::Simulated;
use sim::db::typed::{Database, Table};
use sim::explore::{
    Confirmation, Isolation, Request as Order, Rerun, Runner, Scenario, answer_parent, confirm,
};
use sim::hyper::{Executor, Io};
use sim::net::request::{Action, Ending, Match};
use sim::net::{TcpListener, TcpStream, net};
use sim::time::{sleep, timeout};

type Failure = Box<dyn std::error::Error>;
type Answer = Result<Response<Full<Bytes>>, Failure>;

sim::db::record! { struct Purchase { order: u32, state: String } }

#[derive(Clone)]
struct Store {
    database: Database,
    purchases: Table<Purchase>,
    audit: Table<Purchase>,
    mails: Table<Purchase>,
}

impl Store {
    fn new() -> Store {
        let database = Database::new(Simulated::environment());
        let table = |name: &str| database.table(name, &["order"]);
        Store { purchases: table("purchases"), audit: table("audit"), mails: table("mails"), database }
    }

    async fn put(&self, table: &Table<Purchase>, order: u32, state: &str) -> Result<(), Failure> {
        let transaction = self.database.begin(ReadCommitted).await?;
        if transaction.get(table, order).await?.is_none() {
            transaction.insert(table, Purchase { order, state: state.into() }).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

fn order_of(request: &Request<Incoming>) -> Result<u32, Failure> {
    Ok(request.uri().path().rsplit('/').next().unwrap_or_default().parse()?)
}

async fn serve<F>(http2: bool, handler: impl Fn(Request<Incoming>) -> F + Clone + 'static)
where
    F: Future<Output = Answer> + 'static,
{
    let listener = TcpListener::bind("0.0.0.0:80").await.expect("the port is free");
    while let Ok((stream, _)) = listener.accept().await {
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let answer = handler(request);
            async move {
                let failed = |error: Failure| {
                    let body = Full::from(error.to_string());
                    Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR).body(body)
                };
                answer.await.or_else(failed)
            }
        });
        drop(sim::spawn(async move {
            if http2 {
                hyper::server::conn::http2::Builder::new(Executor)
                    .serve_connection(Io::new(stream), service)
                    .await
                    .is_ok()
            } else {
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(Io::new(stream), service)
                    .await
                    .is_ok()
            }
        }));
    }
}

type Http2 = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

async fn connect_http2(host: &str) -> Result<Http2, Failure> {
    let stream = TcpStream::connect((host, 80)).await?;
    let (sender, connection) = hyper::client::conn::http2::handshake(Executor, Io::new(stream)).await?;
    drop(sim::spawn(async { drop(connection.await) }));
    Ok(sender)
}

fn post(host: &str, path: &str, order: u32) -> Request<Full<Bytes>> {
    Request::post(format!("http://{host}/{path}/{order}"))
        .header("host", host)
        .body(Full::default())
        .expect("a valid request")
}

/// The api's one connection to the provider, made by the first request that wants it.
type Shared = Rc<RefCell<Option<Http2>>>;

async fn buy(store: Store, provider: Shared, request: Request<Incoming>) -> Answer {
    let order = order_of(&request)?;
    println!("order {order}: received");
    store.put(&store.purchases, order, "new").await?;
    let (own, audited) = (store.clone(), order);
    let audit = sim::spawn(async move {
        sleep(Duration::from_millis(3)).await;
        println!("order {audited}: audited");
        own.put(&own.audit, audited, "seen").await.is_ok()
    });
    let known = provider.borrow().clone();
    let mut sender = match known {
        Some(sender) => sender,
        None => {
            let made = connect_http2("provider").await?;
            provider.borrow_mut().insert(made).clone()
        }
    };
    let captured = sender.send_request(post("provider", "capture", order)).await?;
    eprint!("order {order}: ");
    sim::time::yield_now().await;
    eprintln!("the provider says {}", captured.status());
    if !audit.await? {
        return Err("not audited".into());
    }
    // The mail goes out when the customer has the answer already.
    drop(sim::spawn(async move {
        sleep(Duration::from_millis(200)).await;
        println!("order {order}: mail sent");
        store.put(&store.mails, order, "sent").await.is_ok()
    }));
    Ok(Response::new(Full::from("bought")))
}

async fn capture(store: Store, request: Request<Incoming>) -> Answer {
    let order = order_of(&request)?;
    sleep(Duration::from_millis(5)).await;
    println!("order {order}: captured");
    store.put(&store.purchases, 1000 + order, "captured").await?;
    Ok(Response::new(Full::from("captured")))
}

async fn customer(orders: [u32; 2]) -> Result<(), Failure> {
    let stream = TcpStream::connect("api:80").await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(Io::new(stream)).await?;
    drop(sim::spawn(async { drop(connection.await) }));
    for order in orders {
        sender.ready().await?;
        sender.send_request(post("api", "buy", order)).await?;
    }
    Ok(())
}

async fn impatient_app() -> Result<(), Failure> {
    let sender = connect_http2("gateway").await?;
    let both = [21, 22].map(|order| {
        let mut sender = sender.clone();
        sim::spawn(async move { sender.send_request(post("gateway", "buy", order)).await.is_ok() })
    });
    for one in both {
        assert!(one.await?);
    }
    Ok(())
}

async fn retrying(order: u32) -> Result<(), Failure> {
    for _ in 0..3 {
        if timeout(Duration::from_secs(1), customer([order, order + 100]))
            .await
            .is_ok_and(|tried| tried.is_ok())
        {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn shop(sim: Sim) {
    let (store, paid) = (Store::new(), Store::new());
    let (own, provider) = (store.clone(), Shared::default());
    sim.node("api").boot(move || {
        let (store, provider) = (own.clone(), provider.clone());
        serve(false, move |request| buy(store.clone(), provider.clone(), request))
    });
    let (own, provider) = (store.clone(), Shared::default());
    sim.node("gateway").boot(move || {
        let (store, provider) = (own.clone(), provider.clone());
        serve(true, move |request| buy(store.clone(), provider.clone(), request))
    });
    sim.node("provider").boot(move || {
        let store = paid.clone();
        serve(true, move |request| capture(store.clone(), request))
    });
    net().on_request(Match::path("/buy/5"), Action::LoseResponse(Ending::Silence)).until_healed();
    let customers = [
        sim.node("anna").spawn(async { customer([1, 2]).await.is_ok() }),
        sim.node("bert").spawn(async { customer([3, 4]).await.is_ok() }),
        sim.node("carl").spawn(async { retrying(5).await.is_ok() }),
        sim.node("dora").spawn(async { impatient_app().await.is_ok() }),
    ];
    for customer in customers {
        customer.await.expect("a customer does not panic");
    }
    sim.sleep(Duration::from_secs(1)).await;
}

/// The order that the nearest request of a cause names, and the node it was sent to.
fn order_behind(operations: &[Operation], cause: Option<OperationId>) -> Option<(u32, String)> {
    let operation = &operations[cause?.0 as usize - 1];
    let order = operation.asks.rsplit('/').next()?.parse().ok()?;
    Some((order, operation.to.to_string()))
}

/// Checks the facts of these kinds of one run: how many there were, and how many have the right cause.
fn judge(
    facts: &[sim::trace::Fact],
    operations: &[Operation],
    counts: &mut BTreeMap<&'static str, (u32, u32)>,
    wrong: &mut Vec<String>,
) {
    for fact in facts {
        let (kind, truth) = if fact.kind == "log" {
            ("log", fact.text.strip_prefix("order ").and_then(|rest| rest.split(':').next()))
        } else if fact.kind == "db" {
            let digits = |character: char| character.is_ascii_digit();
            let at = fact.text.find(digits).map(|at| &fact.text[at..]);
            let key = at.map(|rest| &rest[..rest.find(|c| !digits(c)).unwrap_or(rest.len())]);
            // A commit names no key: that it has a cause at all is what can be told.
            ("db", key)
        } else {
            continue;
        };
        let found = order_behind(operations, fact.cause);
        let right = match truth.map(|truth| truth.parse::<u32>().expect("it is a number") % 1000) {
            Some(truth) => found == Some((truth, fact.node.to_string())),
            None => found.as_ref().is_some_and(|(_, node)| **node == *fact.node),
        };
        let (all, good) = counts.entry(kind).or_default();
        *all += 1;
        *good += u32::from(right);
        if !right {
            wrong.push(format!("{fact}, laid at the door of {found:?}"));
        }
    }
}

fn scenario(path: &str) -> Scenario {
    let rerun = Rerun::Test { package: "sim".into(), path: path.into() };
    Scenario::new(path, rerun, shop)
}

fn order(seed: u64) -> Order {
    Order { seed, script: None, policy: "uniform".parse().expect("it exists"), recording: true }
}

const SEEDS: u64 = 100;

#[test]
fn every_statement_has_the_right_request() {
    let scenario = scenario("every_statement_has_the_right_request");
    let runner = Runner::new(&scenario, Isolation::Thread);
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    for seed in 1..=SEEDS {
        let ended = runner.run(&scenario, &order(seed));
        assert!(ended.outcome.is_passed(), "seed {seed}: {}", ended.outcome);
        judge(&ended.facts, &ended.operations, &mut counts, &mut wrong);
        // Every request to the provider is the child of one to a shop, whoever made the connection.
        for capture in ended.operations.iter().filter(|operation| operation.asks.contains("/capture/")) {
            let own = order_behind(&ended.operations, Some(capture.id)).map(|(order, _)| order);
            let parent = order_behind(&ended.operations, capture.parent).map(|(order, _)| order);
            assert_eq!(own, parent, "seed {seed}: {capture:?}");
        }
    }
    let (all, good) = counts["db"];
    assert!(all > SEEDS as u32 * 8 * 12, "{all} statements");
    assert_eq!(all, good, "{:#?}", &wrong[..wrong.len().min(20)]);
}

#[test]
fn every_line_of_output_has_the_right_request() {
    let scenario = scenario("every_line_of_output_has_the_right_request");
    if answer_parent(&scenario) {
        return;
    }
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    for seed in 1..=5 {
        let Confirmation::Ran(ended) = confirm(&scenario, &order(seed)) else { panic!("no second process") };
        judge(&ended.facts, &ended.operations, &mut counts, &mut wrong);
    }
    let (all, good) = counts["log"];
    assert!(all > 5 * 8 * 4, "{all} lines");
    assert_eq!(all, good, "{:#?}", &wrong[..wrong.len().min(20)]);
}

#[test]
fn another_attempt_is_called_a_retry() {
    let scenario = scenario("another_attempt_is_called_a_retry");
    let runner = Runner::new(&scenario, Isolation::Thread);
    for seed in 1..=10 {
        let ended = runner.run(&scenario, &order(seed));
        let attempts: Vec<_> =
            ended.operations.iter().filter(|operation| operation.asks == "POST /buy/5").collect();
        assert_eq!(attempts.len(), 2, "seed {seed}");
        assert!(attempts[0].lost && attempts[0].earlier.is_none(), "{:?}", attempts[0]);
        assert_eq!(attempts[1].earlier, Some(Earlier::Retry(attempts[0].id)), "seed {seed}");
        let others = ended.operations.iter().filter(|operation| operation.earlier.is_some()).count();
        assert_eq!(others, 1, "seed {seed}: nothing else is a retry");
    }
}
