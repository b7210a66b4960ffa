use crate::run::passes;
use serde_json::{Value, json};
use sim_world::Queue;
use sim_world::http::{Request, send};
use std::time::Duration;

async fn post(queue: &Queue, action: &str, body: Value) -> (u16, Value) {
    let request = Request::post(format!("{}/queues/jobs/{action}", queue.url())).json(&body);
    let answer = send(request).await.expect("it is served");
    (answer.status, answer.value())
}

async fn receive(queue: &Queue, body: Value) -> Vec<Value> {
    post(queue, "receive", body).await.1["messages"].as_array().expect("it is a list").clone()
}

#[test]
fn a_message_comes_again_until_it_is_acked() {
    passes(|sim| async move {
        let queue = Queue::start(&sim, "queue");
        assert_eq!(post(&queue, "messages", json!({ "body": { "order": 7 } })).await.0, 202);
        let first = receive(&queue, json!({})).await.remove(0);
        assert_eq!((&first["body"]["order"], &first["receives"]), (&json!(7), &json!(1)));
        assert!(receive(&queue, json!({})).await.is_empty());
        sim.sleep(Duration::from_secs(31)).await;
        let second = receive(&queue, json!({})).await.remove(0);
        assert_eq!(second["receives"], 2);
        assert_eq!(post(&queue, "ack", json!({ "receipt": first["receipt"] })).await.0, 409);
        assert_eq!(post(&queue, "ack", json!({ "receipt": second["receipt"] })).await.0, 204);
        sim.sleep(Duration::from_secs(31)).await;
        assert!(receive(&queue, json!({})).await.is_empty());
        assert_eq!((queue.unfinished("jobs"), queue.done("jobs").len()), (0, 1));
    });
}

#[test]
fn a_message_received_too_often_is_dead() {
    passes(|sim| async move {
        let queue = Queue::start(&sim, "queue");
        queue.set_receives_max(2);
        let id = queue.send("jobs", json!(1), Duration::ZERO);
        for _ in 0..2 {
            let message = receive(&queue, json!({})).await.remove(0);
            assert_eq!(post(&queue, "release", json!({ "receipt": message["receipt"] })).await.0, 204);
        }
        assert!(receive(&queue, json!({})).await.is_empty());
        assert_eq!(queue.dead("jobs")[0].id, id);
        assert_eq!(queue.unfinished("jobs"), 0);
    });
}

#[test]
fn a_delayed_message_waits_and_a_receiver_waits_for_it() {
    passes(|sim| async move {
        let queue = Queue::start(&sim, "queue");
        post(&queue, "messages", json!({ "body": 1, "delay_ms": 5000 })).await;
        assert!(receive(&queue, json!({})).await.is_empty());
        let before = sim.now();
        assert_eq!(receive(&queue, json!({ "wait_ms": 20_000, "max": 10 })).await.len(), 1);
        assert!(sim.now() - before > 4_000_000_000);
    });
}

#[test]
fn the_visibility_can_be_chosen_and_extended() {
    passes(|sim| async move {
        let queue = Queue::start(&sim, "queue");
        queue.send("jobs", json!(1), Duration::ZERO);
        let message = receive(&queue, json!({ "visibility_ms": 5000 })).await.remove(0);
        let extend = json!({ "receipt": message["receipt"], "visibility_ms": 60_000 });
        assert_eq!(post(&queue, "extend", extend).await.0, 204);
        sim.sleep(Duration::from_secs(50)).await;
        assert!(receive(&queue, json!({})).await.is_empty());
        sim.sleep(Duration::from_secs(11)).await;
        assert_eq!(receive(&queue, json!({})).await.len(), 1);
    });
}

#[test]
fn messages_survive_a_crash() {
    passes(|sim| async move {
        let queue = Queue::start(&sim, "queue");
        post(&queue, "messages", json!({ "body": 1 })).await;
        queue.node().crash();
        queue.node().restart();
        sim_world::http::until_served(&queue.url()).await;
        assert_eq!(receive(&queue, json!({})).await.len(), 1);
    });
}
