use crate::stack::Stack;
use sim::fault::Plan;
use sim::world::Client;
use sim::world::client::Idempotency;
use sim::world::http::Request;
use sim::world::payments::{Behaviour, On};
use sim::{Ratio, Sim};
use std::time::Duration;

/// Anna buys ten links while answers get lost, requests arrive twice, and webhooks come late and again.
async fn upgrade(sim: Sim, idempotency: Idempotency) {
    let stack = Stack::boot(sim, 2).await;
    let books = stack.payments.clone();
    sim.always("an upgrade is paid once", move || books.captured_at_most_once());
    let plan = Plan::new()
        .allow("http.response_lost", Ratio::new(1, 20))
        .allow("http.delivered_twice", Ratio::new(1, 20))
        .allow("payments.failed_after", Ratio::new(1, 20))
        .allow("payments.webhook_again", Ratio::new(1, 10))
        .allow("payments.webhook_late", Ratio::new(1, 10));
    sim.faults(&plan);

    let app = Client::new(&sim, "phone").idempotency(idempotency).time_limit(Duration::from_secs(5));
    let token = stack.identity.issue("anna", "phone").access_token;
    let outcome = app.send(Request::post("http://links-1:3000/upgrades").bearer(&token)).await;
    sim.sometimes("the upgrade is tried again", outcome.attempts.len() > 1);
    sim.sometimes("the upgrade succeeds", outcome.is_success());

    // Webhooks may be an hour late.
    sim.sleep(Duration::from_secs(3 * 3600)).await;
    let (paid, bought) =
        (stack.payments.captured("upgrade of anna") as u32, stack.store.bought("anna").await);
    assert_eq!(bought, paid * 10, "links bought and payments");
}

#[sim::test(seeds = 300)]
async fn an_upgrade_is_paid_and_credited_once(sim: Sim) {
    upgrade(sim, Idempotency::SameKey).await;
}

#[sim::test(seeds = 300)]
#[should_panic(expected = "upgrade of anna was captured by pay_")]
async fn a_client_with_a_new_key_for_each_attempt_pays_twice(sim: Sim) {
    upgrade(sim, Idempotency::NewKeyEachAttempt).await;
}

#[sim::test(seeds = 50)]
async fn a_declined_payment_buys_nothing(sim: Sim) {
    let stack = Stack::boot(sim, 1).await;
    stack.payments.next(On::create(), Behaviour::Decline("insufficient_funds".into()));
    let app = Client::new(&sim, "phone");
    let token = stack.identity.issue("anna", "phone").access_token;
    let outcome = app.send(Request::post("http://links-1:3000/upgrades").bearer(&token)).await;
    assert_eq!(outcome.answer.expect("the service answers").status, 402);
    assert_eq!(stack.store.bought("anna").await, 0);
}
