use crate::run::passes;
use sim::Sim;
use sim_world::Client;
use sim_world::client::Idempotency;
use sim_world::http::{Incoming, Request, Response, serve};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

type Keys = Rc<RefCell<Vec<Option<String>>>>;

/// A service that answers with these statuses in turn, then 200; 0 is no answer for a minute. Keeps the keys it saw.
fn service(sim: Sim, statuses: &[u16]) -> Keys {
    let keys = Keys::default();
    let (seen, statuses) = (keys.clone(), Rc::new(RefCell::new(statuses.to_vec())));
    sim.node("api").boot(move || {
        let (seen, statuses) = (seen.clone(), statuses.clone());
        serve(80, move |request: Incoming| {
            seen.borrow_mut().push(request.header("idempotency-key").map(str::to_owned));
            let mut statuses = statuses.borrow_mut();
            let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
            async move {
                if status == 0 {
                    sim.sleep(Duration::from_secs(60)).await;
                }
                Response::empty(status.max(200)).header("retry-after", if status == 429 { "30" } else { "0" })
            }
        })
    });
    keys
}

fn request() -> Request {
    Request::post("http://api/pay")
}

#[test]
fn attempts_end_with_the_first_answer_that_is_final() {
    passes(|sim| async move {
        let keys = service(sim, &[503, 0, 400]);
        let outcome = Client::new(&sim, "app").send(request()).await;
        assert_eq!(outcome.answer.expect("answered").status, 400);
        let results: Vec<_> = outcome.attempts.iter().map(|attempt| attempt.result.clone()).collect();
        let late = "http://api/pay: no answer within 2s".to_owned();
        assert_eq!(results, [Ok(503), Err(late), Ok(400)]);
        let keys = keys.borrow();
        assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]));
    });
}

#[test]
fn a_new_key_each_attempt_is_the_mistake_it_says() {
    passes(|sim| async move {
        let keys = service(sim, &[503]);
        let client = Client::new(&sim, "app").idempotency(Idempotency::NewKeyEachAttempt);
        assert!(client.send(request()).await.is_success());
        assert_ne!(keys.borrow()[0], keys.borrow()[1]);
        let none = client.idempotency(Idempotency::None);
        none.send(request()).await;
        assert_eq!(keys.borrow()[2], None);
    });
}

#[test]
fn attempts_are_limited_and_their_waits_grow() {
    passes(|sim| async move {
        let keys = service(sim, &[500; 9]);
        let client = Client::new(&sim, "app").attempts(3);
        let client = client.back_off(Duration::from_secs(10), Duration::from_secs(15));
        let before = sim.now();
        let outcome = client.send(request()).await;
        assert!(!outcome.is_success());
        assert_eq!(keys.borrow().len(), 3);
        let took = Duration::from_nanos(sim.now() - before);
        assert!((12..=26).contains(&took.as_secs()), "{took:?}: half to all of 10 s and of 15 s");
    });
}

#[test]
fn retry_after_is_heeded() {
    passes(|sim| async move {
        service(sim, &[429]);
        let before = sim.now();
        assert!(Client::new(&sim, "app").send(request()).await.is_success());
        assert!(sim.now() - before >= 30_000_000_000);
    });
}

#[test]
fn a_hedge_overtakes_a_slow_answer() {
    passes(|sim| async move {
        let keys = service(sim, &[0]);
        let client = Client::new(&sim, "app").hedge_after(Duration::from_millis(500));
        let outcome = client.send(request()).await;
        assert!(outcome.is_success());
        assert_eq!(outcome.attempts.len(), 1);
        assert_eq!(outcome.attempts[0].hedged, Some(outcome.attempts[0].key.clone()));
        assert_eq!(keys.borrow().len(), 2);
    });
}

#[test]
fn an_unreachable_service_is_tried_to_the_end() {
    passes(|sim| async move {
        sim.node("api");
        let outcome = Client::new(&sim, "app").attempts(2).send(request()).await;
        assert!(!outcome.answer.expect_err("nobody listens").may_have_happened());
        assert_eq!(outcome.attempts.len(), 2);
    });
}
