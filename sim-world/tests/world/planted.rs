//! A planted defect for each component, found by seed, confirmed alone and shrunk to what matters; and the mended
//! twin, which survives the same faults.

use crate::run::{finds, survives};
use serde_json::{Value, json};
use sim::fault::Plan;
use sim::{Ratio, Sim};
use sim_world::client::Idempotency;
use sim_world::config::{Flags, Rollout, Stage, Variable};
use sim_world::http::{Incoming, Request, Response, send, send_within, serve, until_served};
use sim_world::payments::Mode;
use sim_world::{Browser, Client, Fleet, Identity, Mail, Payments, Queue};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

/// Finds `defect` and checks how it is told: the property's words, and a trigger of at most so many choices.
#[track_caller]
fn check<F>(test: &str, words: &str, choices: usize, defect: impl Fn(Sim) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let Some(diagnosis) = finds(&format!("planted::{test}"), defect) else { return };
    let told = diagnosis.ended.outcome.to_string();
    assert!(told.contains(words), "{told}");
    assert!(diagnosis.failure.choices.len() <= choices, "{}", diagnosis.failure.choices);
}

// Payments and the retrying client: a retry under another key after a lost answer.

async fn retried_payment(sim: Sim, idempotency: Idempotency) {
    let payments = Payments::start(&sim, "payments");
    let books = payments.clone();
    sim.always("an order is captured at most once", move || books.captured_at_most_once());
    sim.faults(&Plan::new().allow("http.response_lost", Ratio::new(1, 10)).budget(2));
    until_served(&payments.url()).await;
    let shop = Client::new(&sim, "shop").idempotency(idempotency);
    for order in ["order-1", "order-2"] {
        let request =
            Request::post(format!("{}/v1/payments", payments.url())).bearer(&payments.key(Mode::Live));
        let outcome = shop.send(request.json(&json!({ "amount": 500, "reference": order }))).await;
        sim.sometimes("a payment is tried again", outcome.attempts.len() > 1);
    }
}

#[test]
fn a_new_key_after_a_lost_answer_captures_twice() {
    let words = "was captured by pay_";
    check("a_new_key_after_a_lost_answer_captures_twice", words, 2, |sim| {
        retried_payment(sim, Idempotency::NewKeyEachAttempt)
    });
}

#[test]
fn the_same_key_captures_once() {
    survives(300, &["http.response_lost"], |sim| retried_payment(sim, Idempotency::SameKey));
}

// Webhooks and mail: a receiver that thanks for each delivery, and one that writes what it is told.

struct Receiver {
    remembers: bool,
    looks_at_versions: bool,
}

async fn webhooks(sim: Sim, receiver: Receiver) {
    let (payments, mail) = (Payments::start(&sim, "payments"), Mail::start(&sim, "mail"));
    payments.webhook(Mode::Live, "http://shop:3000/hooks");
    let status: Rc<RefCell<(u64, String)>> = Rc::default();
    let (known, post) = (status.clone(), format!("{}/messages", mail.url()));
    let receiver = Rc::new((receiver, RefCell::new(BTreeSet::new())));
    sim.node("shop").boot(move || {
        let (known, post, receiver) = (known.clone(), post.clone(), receiver.clone());
        serve(3000, move |request: Incoming| {
            let (known, post, receiver) = (known.clone(), post.clone(), receiver.clone());
            async move {
                let event: Value = serde_json::from_slice(&request.body).expect("it is JSON");
                let (receiver, seen) = &*receiver;
                if !seen.borrow_mut().insert(event["id"].to_string()) && receiver.remembers {
                    return Response::empty(200);
                }
                let version = event["data"]["version"].as_u64().expect("it has a version");
                if !receiver.looks_at_versions || version > known.borrow().0 {
                    *known.borrow_mut() = (version, event["data"]["status"].to_string());
                }
                if event["type"] == "payment.succeeded" {
                    let thanks = json!({ "to": "anna@example.org", "subject": "Thank you" });
                    let sent = send(Request::post(post).json(&thanks)).await;
                    sent.expect("the mail service is there");
                }
                Response::empty(200)
            }
        })
    });
    let sink = mail.clone();
    sim.always("one mail for a payment", move || match sink.count("anna@example.org", "Thank you") {
        0 | 1 => Ok(()),
        mails => Err(format!("anna was thanked {mails} times")),
    });
    let books = payments.clone();
    sim.eventually("the shop knows the payment's status", move || {
        let truth = books.payments().first().map(|payment| format!("\"{}\"", payment.status.as_str()));
        if truth.as_ref() == Some(&status.borrow().1) && !books.delivering() {
            return Ok(());
        }
        Err(format!("the shop has {}, the provider {truth:?}", status.borrow().1))
    });
    let plan = Plan::new().allow("payments.webhook_again", Ratio::new(1, 8));
    sim.faults(&plan.allow("payments.webhook_late", Ratio::new(1, 8)).budget(2));
    until_served("http://shop:3000").await;
    let request = |path: &str| {
        Request::post(format!("{}/v1/payments{path}", payments.url())).bearer(&payments.key(Mode::Live))
    };
    send(request("").json(&json!({ "amount": 500, "capture": false }))).await.expect("it is served");
    send(request("/pay_1/capture")).await.expect("it is served");
    sim.sleep(Duration::from_secs(2 * 3600)).await;
}

#[test]
fn a_webhook_delivered_twice_thanks_twice() {
    check("a_webhook_delivered_twice_thanks_twice", "anna was thanked 2 times", 3, |sim| {
        webhooks(sim, Receiver { remembers: false, looks_at_versions: true })
    });
}

#[test]
fn a_webhook_out_of_order_turns_the_status_back() {
    check("a_webhook_out_of_order_turns_the_status_back", "the shop has \"requires_capture\"", 3, |sim| {
        webhooks(sim, Receiver { remembers: true, looks_at_versions: false })
    });
}

#[test]
fn a_receiver_that_remembers_and_compares_is_right() {
    let faults = ["payments.webhook_again", "payments.webhook_late"];
    survives(300, &faults, |sim| webhooks(sim, Receiver { remembers: true, looks_at_versions: true }));
}

// Mail: a retry after an error that was none.

async fn welcome(sim: Sim, attempts: u32) {
    let mail = Mail::start(&sim, "mail");
    let sink = mail.clone();
    sim.always("nobody is welcomed twice", move || sink.count("anna@example.org", "Welcome") <= 1);
    sim.faults(&Plan::new().allow("mail.failed_after", Ratio::new(1, 10)).budget(1));
    until_served(&mail.url()).await;
    let message = json!({ "to": "anna@example.org", "subject": "Welcome" });
    let app = Client::new(&sim, "app").attempts(attempts);
    app.send(Request::post(format!("{}/messages", mail.url())).json(&message)).await;
}

#[test]
fn a_mail_tried_again_is_sent_twice() {
    check("a_mail_tried_again_is_sent_twice", "nobody is welcomed twice", 1, |sim| welcome(sim, 3));
    survives(200, &["mail.failed_after"], |sim| welcome(sim, 1));
}

// Identity: a role that was taken away and is still in a cache.

async fn refunds(sim: Sim, cached: Option<Duration>) {
    let identity = Identity::start(&sim, "identity");
    identity.add_user("bert", "secret", &["admin"]);
    let refunded: Rc<Cell<Option<u64>>> = Rc::default();
    let (done, asked) = (refunded.clone(), format!("{}/introspect", identity.url()));
    let cache: Rc<RefCell<BTreeMap<String, (u64, bool)>>> = Rc::default();
    sim.node("api").boot(move || {
        let (done, asked, cache) = (done.clone(), asked.clone(), cache.clone());
        serve(3000, move |request: Incoming| {
            let (done, asked, cache) = (done.clone(), asked.clone(), cache.clone());
            async move {
                let token = request.bearer().unwrap_or_default().to_owned();
                let known = cache.borrow().get(&token).copied();
                let fresh = known.filter(|(since, _)| {
                    cached.is_some_and(|cached| u128::from(sim.now() - since) < cached.as_nanos())
                });
                let admin = match fresh {
                    Some((_, admin)) => admin,
                    None => {
                        let began = sim.now();
                        let answer = send(Request::post(asked).json(&json!({ "token": token }))).await;
                        let roles = answer.expect("the provider is there").value()["roles"].clone();
                        let admin = roles.as_array().is_some_and(|roles| roles.contains(&json!("admin")));
                        cache.borrow_mut().insert(token, (began, admin));
                        admin
                    }
                };
                if admin && request.path == "/refund" {
                    done.set(Some(sim.now()));
                }
                Response::empty(if admin { 200 } else { 403 })
            }
        })
    });
    let truth = identity.clone();
    sim.always("no refund a second after the role was lost", move || {
        match (truth.role_lost("bert", "admin"), refunded.get()) {
            (Some(lost), Some(at)) if at > lost + 1_000_000_000 => {
                Err(format!("bert refunded {} ms after he lost the role", (at - lost) / 1_000_000))
            }
            _ => Ok(()),
        }
    });
    until_served("http://api:3000").await;
    let tab = Browser::new(&sim, "laptop").tab("http://api:3000");
    tab.set_header("authorization", &format!("Bearer {}", identity.issue("bert", "laptop").access_token));
    let pause = move |name: &str| sim.sleep(Duration::from_millis(sim.lane(name).below(60_000)));
    let taken = {
        let identity = identity.clone();
        sim.spawn(async move {
            pause("the chief").await;
            identity.set_roles("bert", &[]);
        })
    };
    for _ in 0..3 {
        pause("bert").await;
        tab.get("/report").await.expect("served");
    }
    let refund = tab.post("/refund", &json!({})).await.expect("served");
    sim.sometimes("the refund is refused", refund.status == 403);
    taken.await.expect("it ran");
}

#[test]
fn a_cached_role_outlives_its_loss() {
    check("a_cached_role_outlives_its_loss", "after he lost the role", 3, |sim| {
        refunds(sim, Some(Duration::from_secs(60)))
    });
}

#[test]
fn a_role_asked_for_each_time_does_not() {
    survives(300, &[], |sim| refunds(sim, None));
}

// The browser: a double click on a service that looks before it writes.

async fn double_click(sim: Sim, claims: bool) {
    let orders: Rc<RefCell<Vec<String>>> = Rc::default();
    let (kept, claimed) = (orders.clone(), Rc::new(RefCell::new(BTreeSet::new())));
    sim.node("shop").boot(move || {
        let (kept, claimed) = (kept.clone(), claimed.clone());
        serve(3000, move |request: Incoming| {
            let (kept, claimed) = (kept.clone(), claimed.clone());
            async move {
                let cart = request.query_value("cart").unwrap_or_default();
                let there =
                    kept.borrow().contains(&cart) || claims && !claimed.borrow_mut().insert(cart.clone());
                sim.sleep(Duration::from_millis(15)).await;
                if !there {
                    kept.borrow_mut().push(cart);
                }
                Response::empty(200)
            }
        })
    });
    sim.always("one order for a cart", move || orders.borrow().len() <= 1);
    until_served("http://shop:3000").await;
    let tab = Browser::new(&sim, "phone").tab("http://shop:3000");
    let (first, second) = tab.double_click(Request::post("/orders?cart=7")).await;
    assert_eq!((first.expect("served").status, second.expect("served").status), (200, 200));
}

#[test]
fn a_double_click_orders_twice() {
    check("a_double_click_orders_twice", "one order for a cart", 2, |sim| double_click(sim, false));
    survives(200, &[], |sim| double_click(sim, true));
}

// The queue: a worker that believes each message comes once.

async fn worker(sim: Sim, remembers: bool) {
    let queue = Queue::start(&sim, "queue");
    let done: Rc<RefCell<BTreeMap<String, u32>>> = Rc::default();
    let (work, url) = (done.clone(), format!("{}/queues/jobs", queue.url()));
    sim.node("worker").boot(move || {
        let (work, url) = (work.clone(), url.clone());
        async move {
            until_served("http://queue").await;
            loop {
                let request = Request::post(format!("{url}/receive")).json(&json!({ "wait_ms": 5000 }));
                let Ok(answer) = send_within(request, Duration::from_secs(10)).await else { continue };
                for message in answer.value()["messages"].as_array().into_iter().flatten() {
                    let id = message["id"].to_string();
                    if !remembers || !work.borrow().contains_key(&id) {
                        *work.borrow_mut().entry(id).or_default() += 1;
                    }
                    let ack =
                        Request::post(format!("{url}/ack")).json(&json!({ "receipt": message["receipt"] }));
                    drop(send_within(ack, Duration::from_secs(10)).await);
                }
            }
        }
    });
    sim.always("each job is done once", move || {
        let twice = done.borrow().iter().find(|(_, times)| **times > 1).map(|(id, _)| id.clone());
        twice.map_or(Ok(()), |id| Err(format!("{id} was done twice")))
    });
    let jobs = queue.clone();
    sim.eventually("every job is acked", move || jobs.unfinished("jobs") == 0);
    let plan = Plan::new().allow("queue.delivered_again", Ratio::new(1, 10));
    sim.faults(&plan.allow("http.response_lost", Ratio::new(1, 20)).budget(2));
    for job in 0..3 {
        queue.send("jobs", json!(job), Duration::from_secs(job));
    }
    sim.sleep(Duration::from_secs(120)).await;
}

#[test]
fn a_job_is_done_twice() {
    check("a_job_is_done_twice", "was done twice", 2, |sim| worker(sim, false));
    survives(200, &["queue.delivered_again", "http.response_lost"], |sim| worker(sim, true));
}

// Configuration: a secret of each process's own, a sandbox key, and a flag on one node only.

async fn fleet(sim: Sim, sandbox: bool, secret: bool) {
    let payments = Payments::start(&sim, "payments");
    let fleet = Fleet::new(&sim);
    fleet.service("api", Stage::Live, &["api-1", "api-2"]);
    fleet.declare(Variable::secret("PAYMENT_KEY").live_prefix("sk_live_").test_prefix("sk_test_"));
    fleet.set("api", "PAYMENT_KEY", &payments.key(if sandbox { Mode::Test } else { Mode::Live }));
    if secret {
        fleet.set("api", "SESSION_SECRET", "kept in a safe");
    }
    let checked = fleet.clone();
    sim.always("no configuration drift", move || checked.no_drift());
    for node in fleet.nodes("api") {
        node.boot(|| async {
            let secret = std::env::var("SESSION_SECRET").unwrap_or_else(|_| "made up".into());
            let key = std::env::var("PAYMENT_KEY").expect("it is set");
            serve(3000, move |_| {
                let known = format!("{secret} {key}");
                async move { Response::text(200, known) }
            })
            .await
        });
    }
    until_served("http://api-1:3000").await;
    until_served("http://api-2:3000").await;
    sim.sometimes("the first request", true);
    send(Request::get("http://api-1:3000/")).await.expect("served");
}

#[test]
fn a_secret_of_each_process_is_found_before_the_first_request() {
    let words = "SESSION_SECRET was asked for and is not set, so the code's own default is in force (service api: api-";
    check("a_secret_of_each_process_is_found_before_the_first_request", words, 0, |sim| {
        fleet(sim, false, false)
    });
}

#[test]
fn a_sandbox_key_in_production_is_found_before_the_first_request() {
    let words = "PAYMENT_KEY has a value of test mode in a live service (service api: api-1, api-2)";
    check("a_sandbox_key_in_production_is_found_before_the_first_request", words, 0, |sim| {
        fleet(sim, true, true)
    });
    survives(20, &[], |sim| fleet(sim, false, true));
}

async fn rollout(sim: Sim, on_one_node: bool) {
    let flags = Flags::start(&sim, "flags");
    flags.set("checkout", Rollout::percent(50));
    if on_one_node {
        flags.set_on("api-2", "checkout", Rollout::ON);
    }
    let answers = flags.clone();
    sim.always("a user sees the same on all nodes", move || answers.one_answer_for_each());
    until_served(&flags.url()).await;
    for request in 0..6 {
        let node = *sim.lane("balancer").pick(&["api-1", "api-2"]);
        let url = format!("{}/flags/checkout?unit=user-{}", flags.url(), request % 3);
        sim.node(node).run(send(Request::get(url))).await.expect("it is served");
    }
}

#[test]
fn a_flag_on_one_node_is_seen_by_users() {
    check("a_flag_on_one_node_is_seen_by_users", "checkout is on at api-2 and off at api-1", 2, |sim| {
        rollout(sim, true)
    });
    survives(200, &[], |sim| rollout(sim, false));
}
