use crate::run::{facts, passes};
use serde_json::{Value, json};
use sim::Sim;
use sim_world::Payments;
use sim_world::http::{Incoming, Request, Response, send, send_within, serve};
use sim_world::payments::{
    Behaviour, Mode, On, Release, SIGNATURE_HEADER, SignatureError, sign, verify_signature,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A provider, and a shop that asks it.
fn start(sim: Sim) -> (Payments, Shop) {
    let payments = Payments::start(&sim, "payments");
    let shop = Shop { sim, url: payments.url(), key: payments.key(Mode::Live) };
    (payments, shop)
}

#[derive(Clone)]
struct Shop {
    sim: Sim,
    url: String,
    key: String,
}

impl Shop {
    async fn ask(&self, request: Request) -> (u16, Value) {
        let answer = self.sim.node("shop").run(send(request)).await.expect("the provider answers");
        (answer.status, answer.value())
    }

    fn request(&self, path: &str, body: &Value) -> Request {
        Request::post(format!("{}{path}", self.url)).bearer(&self.key).json(body)
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(self.request(path, &body)).await
    }

    async fn keyed(&self, key: &str, body: Value) -> (u16, Value) {
        self.ask(self.request("/v1/payments", &body).header("idempotency-key", key)).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Request::get(format!("{}{path}", self.url)).bearer(&self.key)).await
    }
}

#[test]
fn a_payment_is_captured_and_refunded_in_parts() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        let (status, payment) =
            shop.post("/v1/payments", json!({ "amount": 500, "reference": "order-1" })).await;
        assert_eq!(
            (status, &payment["status"], &payment["captured"]),
            (200, &json!("succeeded"), &json!(500))
        );
        let id = payment["id"].as_str().expect("it has an id");
        let refunds = format!("/v1/payments/{id}/refunds");
        assert_eq!(shop.post(&refunds, json!({ "amount": 200 })).await.0, 200);
        assert_eq!(payments.money_moved("order-1"), 300);
        let (status, error) = shop.post(&refunds, json!({ "amount": 301 })).await;
        assert_eq!((status, &error["error"]["code"]), (400, &json!("amount_too_large")));
        assert_eq!(shop.post(&refunds, json!({})).await.0, 200);
        assert_eq!(payments.money_moved("order-1"), 0);
        assert_eq!(shop.post(&refunds, json!({})).await.0, 400);
        assert_eq!(shop.get(&format!("/v1/payments/{id}")).await.1["refunded"], 500);
    });
}

#[test]
fn an_authorised_payment_is_captured_once_or_canceled() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        let make = || shop.post("/v1/payments", json!({ "amount": 500, "capture": false, "reference": "o" }));
        let id = make().await.1["id"].as_str().expect("it has an id").to_owned();
        assert_eq!(payments.captured("o"), 0);
        let capture = format!("/v1/payments/{id}/capture");
        assert_eq!(shop.post(&capture, json!({ "amount": 501 })).await.0, 400);
        assert_eq!(shop.post(&capture, json!({ "amount": 400 })).await.1["captured"], 400);
        assert_eq!(shop.post(&capture, json!({})).await.0, 409);
        let other = make().await.1["id"].as_str().expect("it has an id").to_owned();
        assert_eq!(
            shop.post(&format!("/v1/payments/{other}/cancel"), json!({})).await.1["status"],
            "canceled"
        );
        assert_eq!(shop.post(&format!("/v1/payments/{other}/capture"), json!({})).await.0, 409);
        assert_eq!(payments.money_moved("o"), 400);
    });
}

#[test]
fn what_cannot_be_done_is_refused_with_a_reason() {
    passes(|sim| async move {
        let (_, shop) = start(sim);
        let cases = [
            ("/v1/payments", json!({}), 400, "amount is missing: a whole number of minor units"),
            (
                "/v1/payments",
                json!({ "amount": "ten" }),
                400,
                "amount is a whole number of minor units, not \"ten\"",
            ),
            (
                "/v1/payments",
                json!({ "amount": 1, "customer": "cus_9" }),
                404,
                "there is no customer `cus_9` in live mode",
            ),
            ("/v1/payments/pay_9/capture", json!({}), 404, "there is no payment `pay_9` in live mode"),
            ("/v2/payments", json!({}), 404, "POST /v2/payments is not served"),
        ];
        for (path, body, status, message) in cases {
            let (got, error) = shop.post(path, body).await;
            assert_eq!((got, error["error"]["message"].as_str()), (status, Some(message)));
        }
    });
}

#[test]
fn a_key_is_answered_the_same_until_it_expires() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        payments.set_key_lifetime(Duration::from_secs(3600));
        let body = || json!({ "amount": 500, "reference": "order-1" });
        let first = shop.keyed("k", body()).await;
        assert_eq!(shop.keyed("k", body()).await, first);
        let (status, error) = shop.keyed("k", json!({ "amount": 501, "reference": "order-1" })).await;
        assert_eq!((status, &error["error"]["code"]), (400, &json!("idempotency_key_reused")));
        assert_eq!(payments.captured("order-1"), 1);
        assert_eq!(payments.captured_at_most_once(), Ok(()));
        sim.sleep(Duration::from_secs(3601)).await;
        assert_eq!(shop.keyed("k", body()).await.1["id"], "pay_2");
        let twice = "order-1 was captured by pay_1 (500) and pay_2 (500)";
        assert_eq!(payments.captured_at_most_once(), Err(twice.to_owned()));
    });
}

#[test]
fn a_key_in_work_is_a_conflict() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        payments.next(On::create(), Behaviour::Slow(Duration::from_secs(60)));
        let slow = sim.spawn({
            let shop = shop.clone();
            async move { shop.keyed("k", json!({ "amount": 5 })).await }
        });
        sim.sleep(Duration::from_secs(10)).await;
        let (status, error) = shop.keyed("k", json!({ "amount": 5 })).await;
        assert_eq!((status, &error["error"]["code"]), (409, &json!("idempotency_key_in_use")));
        assert_eq!(slow.await.expect("it ran").0, 200);
        assert_eq!(payments.captures().len(), 1);
    });
}

#[test]
fn play_money_is_taken_but_does_not_move() {
    passes(|sim| async move {
        let (payments, mut shop) = start(sim);
        shop.key = payments.key(Mode::Test);
        let (status, payment) =
            shop.post("/v1/payments", json!({ "amount": 500, "reference": "order-1" })).await;
        assert_eq!((status, &payment["mode"]), (200, &json!("test")));
        assert_eq!((payments.captured("order-1"), payments.money_moved("order-1")), (1, 0));
        let why = "order-1 was paid with play money: pay_1 was made with a test key";
        assert_eq!(payments.real_money_only(), Err(why.to_owned()));
        let customer = shop.post("/v1/customers", json!({})).await.1["id"].clone();
        shop.key = payments.key(Mode::Live);
        let (status, error) = shop.post("/v1/payments", json!({ "amount": 1, "customer": customer })).await;
        let message = "customer `cus_1` exists in test mode, but a live mode key was used";
        assert_eq!((status, error["error"]["message"].as_str()), (404, Some(message)));
        assert_eq!(shop.get("/v1/payments/pay_1").await.0, 404);
    });
}

#[test]
fn keys_change_and_are_revoked() {
    passes(|sim| async move {
        let (payments, mut shop) = start(sim);
        let new = payments.new_key(Mode::Live);
        assert_eq!(shop.post("/v1/payments", json!({ "amount": 1 })).await.0, 200);
        payments.revoke_key(&shop.key);
        assert_eq!(shop.post("/v1/payments", json!({ "amount": 1 })).await.0, 401);
        assert_eq!(payments.key(Mode::Live), new);
        shop.key = new;
        assert_eq!(shop.post("/v1/payments", json!({ "amount": 1 })).await.0, 200);
    });
}

#[test]
fn the_script_is_followed() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        let pay = |order: &str| shop.post("/v1/payments", json!({ "amount": 5, "reference": order }));
        payments.next(On::create().reference("b"), Behaviour::Decline("insufficient_funds".into()));
        payments.next(On::any(), Behaviour::Unavailable);
        assert_eq!(pay("a").await.0, 503);
        assert_eq!(pay("a").await.0, 200);
        let (status, error) = pay("b").await;
        assert_eq!((status, &error["error"]["code"]), (402, &json!("insufficient_funds")));
        assert_eq!(error["error"]["payment"]["status"], "declined");
        assert_eq!(pay("b").await.0, 200);
        payments.next(On::create(), Behaviour::FailAfter);
        assert_eq!(pay("c").await.0, 500);
        assert_eq!(payments.captured("c"), 1);
        for (behaviour, captured) in [(Behaviour::SilentBefore, 0), (Behaviour::SilentAfter, 1)] {
            payments.next(On::create(), behaviour);
            let order = format!("d{captured}");
            let request = shop.request("/v1/payments", &json!({ "amount": 5, "reference": order }));
            send_within(request, Duration::from_secs(60)).await.expect_err("there is no answer");
            assert_eq!(payments.captured(&order), captured);
        }
        payments.next(On::create(), Behaviour::Settle(Duration::from_secs(90)));
        assert_eq!(pay("e").await.1["status"], "processing");
        assert_eq!(payments.captured("e"), 0);
        sim.sleep(Duration::from_secs(91)).await;
        assert_eq!(payments.captured("e"), 1);
    });
}

#[test]
fn an_answer_lost_after_the_effect_is_told_under_the_same_key() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        payments.next(On::create(), Behaviour::FailAfter);
        let body = json!({ "amount": 5, "reference": "a" });
        assert_eq!(shop.keyed("k", body.clone()).await.0, 500);
        assert_eq!(shop.keyed("k", body).await.1["id"], "pay_1");
        assert_eq!(payments.captured("a"), 1);
    });
}

/// A receiver that answers with these statuses in turn, then 200, and what it got: event and payment status.
type Received = Rc<RefCell<Vec<(String, String)>>>;

fn receiver(sim: Sim, secret: &str, statuses: &[u16]) -> Received {
    let received = Received::default();
    let statuses = Rc::new(RefCell::new(statuses.to_vec()));
    let (log, secret) = (received.clone(), secret.to_owned());
    sim.node("shop").boot(move || {
        let (log, statuses, secret) = (log.clone(), statuses.clone(), secret.clone());
        serve(3000, move |request: Incoming| {
            let signature = request.header(SIGNATURE_HEADER).unwrap_or_default();
            let now = sim.node("shop").wall() / 1_000_000_000;
            let tolerance = Duration::from_secs(300);
            let genuine = verify_signature(&secret, signature, &request.body, now, tolerance);
            assert_eq!(genuine, Ok(()));
            let event: Value = serde_json::from_slice(&request.body).expect("it is JSON");
            let text = |value: &Value| value.as_str().expect("it is text").to_owned();
            log.borrow_mut().push((text(&event["id"]), text(&event["data"]["status"])));
            let mut statuses = statuses.borrow_mut();
            let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
            async move { Response::empty(status) }
        })
    });
    received
}

#[test]
fn webhooks_are_signed_and_tried_again() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        let secret = payments.webhook(Mode::Live, "http://shop:3000/hooks");
        payments.webhook(Mode::Test, "http://shop:3000/hooks/test");
        let received = receiver(sim, &secret, &[500, 503]);
        shop.post("/v1/payments", json!({ "amount": 5 })).await;
        sim.sleep(Duration::from_secs(60)).await;
        assert!(!payments.delivering());
        assert_eq!(*received.borrow(), vec![("evt_1".to_owned(), "succeeded".to_owned()); 3]);
        let attempts: Vec<_> =
            payments.deliveries().into_iter().map(|delivery| (delivery.attempt, delivery.answer)).collect();
        assert_eq!(attempts, [(1, Ok(500)), (2, Ok(503)), (3, Ok(200))]);
        payments.redeliver("evt_1");
        sim.sleep(Duration::from_secs(1)).await;
        assert_eq!(received.borrow().len(), 4);
    });
}

#[test]
fn webhooks_given_up_are_no_longer_delivered() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        let secret = payments.webhook(Mode::Live, "http://shop:3000/hooks");
        payments.set_webhook_retries(&[Duration::from_secs(5)]);
        let received = receiver(sim, &secret, &[500; 9]);
        shop.post("/v1/payments", json!({ "amount": 5 })).await;
        sim.sleep(Duration::from_secs(3600)).await;
        assert_eq!(received.borrow().len(), 2);
        assert!(!payments.delivering());
    });
}

#[test]
fn held_webhooks_go_out_in_the_order_asked_for() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        let secret = payments.webhook(Mode::Live, "http://shop:3000/hooks");
        let received = receiver(sim, &secret, &[]);
        payments.hold_webhooks();
        let payment = shop.post("/v1/payments", json!({ "amount": 5, "capture": false })).await.1;
        let id = payment["id"].as_str().expect("it has an id");
        shop.post(&format!("/v1/payments/{id}/capture"), json!({})).await;
        sim.sleep(Duration::from_secs(60)).await;
        assert_eq!(received.borrow().len(), 0);
        payments.release_webhooks(Release::Reversed);
        sim.sleep(Duration::from_secs(1)).await;
        let statuses: Vec<_> = received.borrow().iter().map(|(_, status)| status.clone()).collect();
        assert_eq!(statuses, ["succeeded", "requires_capture"]);
    });
}

#[test]
fn a_crash_of_the_provider_loses_no_webhook() {
    passes(|sim| async move {
        let (payments, shop) = start(sim);
        let secret = payments.webhook(Mode::Live, "http://shop:3000/hooks");
        shop.post("/v1/payments", json!({ "amount": 5 })).await;
        payments.node().crash();
        let received = receiver(sim, &secret, &[]);
        sim.sleep(Duration::from_secs(5)).await;
        payments.node().restart();
        sim.sleep(Duration::from_secs(100)).await;
        assert!(!received.borrow().is_empty());
        assert!(!payments.delivering());
    });
}

#[test]
fn a_signature_fits_its_secret_body_and_time() {
    let signature = sign("whsec", b"{}", 1_000);
    assert_eq!(
        signature, "t=1000,v1=12ea441391fdd08b20eaf150b36092e5e2a923e74bd6909f24f88dd43b631cb2",
        "the HMAC-SHA256 of `1000.{{}}`"
    );
    let check =
        |secret, body: &[u8], now| verify_signature(secret, &signature, body, now, Duration::from_secs(300));
    assert_eq!(check("whsec", b"{}", 1_300), Ok(()));
    assert_eq!(check("whsec", b"{ }", 1_000), Err(SignatureError::Wrong));
    assert_eq!(check("other", b"{}", 1_000), Err(SignatureError::Wrong));
    assert_eq!(check("whsec", b"{}", 1_301), Err(SignatureError::Old(Duration::from_secs(301))));
    let malformed = verify_signature("whsec", "v1=00", b"{}", 0, Duration::ZERO);
    assert_eq!(malformed, Err(SignatureError::Malformed("v1=00".into())));
}

#[test]
fn the_timeline_tells_it_in_domain_words() {
    let told = facts("payment", |sim| async move {
        let (_, shop) = start(sim);
        shop.post("/v1/payments", json!({ "amount": 500, "reference": "order-1" })).await;
        shop.post("/v1/payments/pay_1/refunds", json!({ "amount": 200 })).await;
    });
    insta::assert_snapshot!(told, @r"
    payments pay_1 succeeded for order-1: 500 eur (live)
    payments pay_1 refunded for order-1: 200 eur (live)
    ");
}
