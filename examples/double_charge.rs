//! A double charge, found by seed, shrunk to one lost response, repeated, and mended.
//!
//! Three machines: a customer's client, an api, a payment provider; and the api's store. The api
//! does what many do: it looks whether the order has been charged, asks the provider for the money and writes
//! the charge down. Two things break it, and neither shows in a demo: an answer that gets lost after the money
//! has moved, so that the client tries again; and two requests for one order at the same time.
//!
//! The mended api claims the order first, under a unique key, and asks the provider with an idempotency key.
//!
//!     cargo run --release --example double_charge                    the whole story
//!     cargo run --release --example double_charge -- --seed 7        one seed of the broken api
//!     cargo run --release --example double_charge -- --replay FILE   a saved failure
//!     cargo run --release --example double_charge -- --fixed --seeds 50000

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use sim::db::error::SqlState;
use sim::db::simulated::Simulated;
use sim::db::typed::{Database, Table, TableBuilder};
use sim::drive::drive;
use sim::explore::{Extent, Isolation, Replayed, Rerun, Scenario, Settings, Verdict};
use sim::fault::Plan;
use sim::hyper::Io;
use sim::net::{TcpListener, TcpStream};
use sim::time::{sleep, timeout};
use sim::{Ratio, Sim, report};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

type Failure = Box<dyn std::error::Error>;

// ---------------------------------------------------------------------------------------------------------
// The payment provider: moves money, and knows idempotency keys if it is given any.

/// What the provider has done: the truth that the property looks at.
#[derive(Default)]
struct Ledger {
    /// Capture numbers by order.
    captures: BTreeMap<u32, Vec<u32>>,
    by_key: BTreeMap<String, u32>,
    count: u32,
}

async fn provider(ledger: Rc<RefCell<Ledger>>) -> Result<(), Failure> {
    serve(move |request| {
        let ledger = ledger.clone();
        async move {
            let order = order_of(&request)?;
            let key = request
                .headers()
                .get("idempotency-key")
                .map(|key| key.to_str().map(str::to_owned))
                .transpose()?;
            // The bank takes its time.
            sleep(Duration::from_millis(20)).await;
            let mut ledger = ledger.borrow_mut();
            if let Some(capture) = key.as_ref().and_then(|key| ledger.by_key.get(key)) {
                return Ok((StatusCode::OK, format!("capture {capture}")));
            }
            ledger.count += 1;
            let capture = ledger.count;
            ledger.captures.entry(order).or_default().push(capture);
            if let Some(key) = key {
                ledger.by_key.insert(key, capture);
            }
            Ok((StatusCode::OK, format!("capture {capture}")))
        }
    })
    .await
}

// ---------------------------------------------------------------------------------------------------------
// The api, broken and mended.

sim::db::record! {
    /// A charge that has been made, or (with no capture yet) claimed.
    struct Charge {
        order: u32,
        capture: Option<String>,
    }
}

#[derive(Clone)]
struct Store {
    database: Database,
    charges: Table<Charge>,
}

async fn api(store: Store, mended: bool) -> Result<(), Failure> {
    serve(move |request| {
        let store = store.clone();
        async move {
            let order = order_of(&request)?;
            if mended { charge_once(&store, order).await } else { charge(&store, order).await }
        }
    })
    .await
}

/// Look, pay, write: correct as long as nothing is lost and nobody hurries.
async fn charge(store: &Store, order: u32) -> Result<(StatusCode, String), Failure> {
    let look = store.database.begin(READ_COMMITTED).await?;
    let charged = look.get(&store.charges, order).await?;
    look.commit().await?;
    if let Some(Charge { capture: Some(capture), .. }) = charged {
        return Ok((StatusCode::OK, capture));
    }
    let capture = post("provider", &format!("/capture/{order}"), None).await?;
    let write = store.database.begin(READ_COMMITTED).await?;
    write.insert(&store.charges, Charge { order, capture: Some(capture.clone()) }).await?;
    write.commit().await?;
    Ok((StatusCode::OK, capture))
}

/// Claim, pay under the claim's key, complete: whoever comes again finds the claim and asks under the same key.
async fn charge_once(store: &Store, order: u32) -> Result<(StatusCode, String), Failure> {
    let claim = store.database.begin(READ_COMMITTED).await?;
    match claim.insert(&store.charges, Charge { order, capture: None }).await {
        Ok(()) => claim.commit().await?,
        // The unique key says that the order is claimed. It may be charged, too, or the one who claimed it has failed.
        Err(error) if error.sqlstate == SqlState::UNIQUE_VIOLATION => claim.rollback().await,
        Err(error) => return Err(error.into()),
    }
    let capture = post("provider", &format!("/capture/{order}"), Some(&format!("order-{order}"))).await?;
    let complete = store.database.begin(READ_COMMITTED).await?;
    complete.update(&store.charges, order, |charge| charge.capture = Some(capture.clone())).await?;
    complete.commit().await?;
    Ok((StatusCode::OK, capture))
}

// ---------------------------------------------------------------------------------------------------------
// The customer's client: tries again when it gets no answer in time.

const TRIES: u32 = 4;

async fn pay(sim: Sim, order: u32) {
    for attempt in 1..=TRIES {
        let answer = timeout(Duration::from_secs(2), post("api", &format!("/charge/{order}"), None)).await;
        if let Ok(Ok(_)) = answer {
            sim.sometimes("a payment succeeds after a retry", attempt > 1);
            return;
        }
        sleep(Duration::from_millis(100 << attempt)).await;
    }
}

// ---------------------------------------------------------------------------------------------------------
// The scenario.

/// One customer pays two orders; see the top of this file.
pub async fn scenario(sim: Sim, mended: bool) {
    let ledger: Rc<RefCell<Ledger>> = Rc::default();
    let database = Database::new(Simulated::environment());
    let store = Store { charges: TableBuilder::new("charges", &["order"]).create(&database), database };

    let books = ledger.clone();
    sim.node("provider").boot(move || provider(books.clone()));
    sim.node("api").boot(move || api(store.clone(), mended));
    sim.faults(&Plan::new().allow("http.response_lost", Ratio::new(1, 20)).budget(2));

    sim.always("an order is charged at most once", move || {
        let ledger = ledger.borrow();
        let twice = ledger.captures.iter().find(|(_, captures)| captures.len() > 1);
        twice.map_or(Ok(()), |(order, captures)| {
            Err(format!("order {order} was charged by captures {captures:?}"))
        })
    });

    // Each order is paid once. Now and then the customer of order 2 is impatient and clicks a second time.
    let client = sim.node("client");
    let first = client.spawn(pay(sim, 1));
    let second = client.spawn(pay(sim, 2));
    let impatient = sim.lane("impatient customer");
    let again = client.spawn(async move {
        if impatient.chance(Ratio::new(1, 30)) {
            sleep(Duration::from_millis(impatient.below(50))).await;
            pay(sim, 2).await;
        }
    });
    for tab in [first, second, again] {
        tab.await.expect("a client does not panic");
    }
}

fn declare(mended: bool) -> Scenario {
    let flag = if mended { " --fixed" } else { "" };
    let command = format!("cargo run --release --example double_charge --{flag}");
    let rerun = Rerun::Program {
        seed: format!("{command} --seed {{seed}}"),
        replay: format!("{command} --replay {{file}}"),
    };
    let name = if mended { "double_charge_fixed" } else { "double_charge" };
    Scenario::new(name, rerun, move |sim| scenario(sim, mended))
}

// ---------------------------------------------------------------------------------------------------------
// The program around it.

/// Finds a double charge by seed.
#[derive(Parser)]
struct Arguments {
    /// Runs one seed.
    #[arg(long, conflicts_with_all = ["replay", "seeds"])]
    seed: Option<u64>,
    /// Repeats a saved failure.
    #[arg(long, conflicts_with = "seeds")]
    replay: Option<PathBuf>,
    /// Sweeps so many seeds.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Runs the mended api instead of the broken one.
    #[arg(long)]
    fixed: bool,
    /// Runs at once; by default one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: Option<u64>,
}

const BROKEN_SEEDS: u64 = 200;
const FIXED_SEEDS: u64 = 10_000;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether the story went as told.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let scenario = declare(arguments.fixed);
    let settings = |extent| -> Result<Settings, Failure> {
        let mut settings = Settings::from_environment(1)?;
        settings.extent = extent;
        settings.isolation = Isolation::Thread;
        settings.jobs = arguments.jobs.map_or(Ok(settings.jobs), usize::try_from)?;
        Ok(settings)
    };
    let tell = |scenario: &Scenario, extent| -> Result<Verdict, Failure> {
        let settings = settings(extent)?;
        let verdict = drive(scenario, &settings)?;
        print!("{}", report::render(scenario, &settings, &verdict));
        Ok(verdict)
    };
    let extent = match (arguments.seed, &arguments.replay, arguments.seeds) {
        (Some(seed), _, _) => Some(Extent::Seed(seed)),
        (_, Some(file), _) => Some(Extent::Replay(file.clone())),
        (_, _, Some(seeds)) => Some(Extent::Seeds(seeds)),
        _ if arguments.fixed => Some(Extent::Seeds(FIXED_SEEDS)),
        _ => None,
    };
    if let Some(extent) = extent {
        return Ok(match tell(&scenario, extent)? {
            Verdict::Replayed(_, replayed, _) => !matches!(replayed, Replayed::Diverged(_)),
            Verdict::Failed(..) | Verdict::Leaks(..) => !arguments.fixed,
            Verdict::Passed(_) | Verdict::Skipped => true,
        });
    }
    println!("1. The broken api, {BROKEN_SEEDS} seeds.\n");
    let file = match tell(&scenario, Extent::Seeds(BROKEN_SEEDS))? {
        Verdict::Failed(_, diagnosis) => Some(diagnosis.file),
        _ => None,
    };
    let mut as_told = file.is_some();
    if let Some(file) = file {
        println!("\n2. The saved failure, repeated.\n");
        as_told &= matches!(tell(&scenario, Extent::Replay(file))?, Verdict::Replayed(_, Replayed::Same, _));
    }
    println!("\n3. The mended api, {FIXED_SEEDS} seeds.\n");
    as_told &=
        matches!(tell(&declare(true), Extent::Seeds(FIXED_SEEDS))?, Verdict::Passed(_) | Verdict::Skipped);
    Ok(as_told)
}

// ---------------------------------------------------------------------------------------------------------
// Plain hyper on simulated streams.

const READ_COMMITTED: sim::db::engine::IsolationLevel = sim::db::engine::IsolationLevel::ReadCommitted;
const PORT: u16 = 80;

/// Serves `POST` requests for ever; a handler's error becomes status 500.
async fn serve<F>(handler: impl Fn(Request<Incoming>) -> F + Clone + 'static) -> Result<(), Failure>
where
    F: Future<Output = Result<(StatusCode, String), Failure>> + 'static,
{
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let answer = handler(request);
            async move {
                let (status, text) = answer
                    .await
                    .unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()));
                Response::builder().status(status).body(Full::new(Bytes::from(text)))
            }
        });
        // A client that goes away ends its connection with an error, which is its own business.
        sim::spawn(async move {
            hyper::server::conn::http1::Builder::new().serve_connection(Io::new(stream), service).await.ok()
        });
    }
}

/// Sends one request on a connection of its own and answers the body.
async fn post(host: &str, path: &str, idempotency_key: Option<&str>) -> Result<String, Failure> {
    let stream = TcpStream::connect((host, PORT)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(Io::new(stream)).await?;
    let connection = sim::spawn(connection);
    let mut request = Request::builder().method(Method::POST).uri(path).header("host", host);
    if let Some(key) = idempotency_key {
        request = request.header("idempotency-key", key);
    }
    let response = sender.send_request(request.body(Full::new(Bytes::new()))?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    drop(sender);
    connection.abort();
    if status.is_success() {
        Ok(String::from_utf8(body.to_vec())?)
    } else {
        Err(format!("status {status}").into())
    }
}

/// The order in `/charge/ORDER` or `/capture/ORDER`.
fn order_of(request: &Request<Incoming>) -> Result<u32, Failure> {
    let order = request.uri().path().rsplit('/').next().unwrap_or_default();
    Ok(order.parse()?)
}
