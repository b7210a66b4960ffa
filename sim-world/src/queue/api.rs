//! The queue's HTTP interface.

use super::{Message, Queue, dead, nanos};
use crate::event::{below, fact, now, strikes};
use crate::http::{Incoming, Response};
use serde_json::{Value, json};
use sim_runtime::executor::sleep;
use std::time::Duration;

/// How long a request takes.
const LATENCY: Duration = Duration::from_millis(2);
/// How often a waiting receiver looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const WAIT_MS_MAX: u64 = 20_000;
const BATCH_MAX: u64 = 10;

/// Answers a request.
pub(super) async fn handle(queue: Queue, request: Incoming) -> Response {
    sleep(LATENCY).await;
    let line = || format!("{} {}", request.method, request.path);
    if strikes("queue.unavailable", line) {
        return error(503, "try again later");
    }
    let fields = match request.fields() {
        Ok(fields) => fields,
        Err(malformed) => return error(400, &malformed.to_string()),
    };
    let number = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.parse().ok(),
        value => value.and_then(Value::as_u64),
    };
    let duration = |name: &str| number(name).map(Duration::from_millis);
    let receipt = fields.get("receipt").and_then(Value::as_str).unwrap_or_default();
    let (method, path) = request.route();
    let ("POST", ["queues", name, action]) = (method, &path[..]) else {
        return error(404, &format!("{} is not served", line()));
    };
    match *action {
        "messages" => {
            let Some(body) = fields.get("body") else { return error(400, "body is missing: any JSON") };
            let id = queue.send(name, body.clone(), duration("delay_ms").unwrap_or_default());
            Response::json(202, &json!({ "id": id }))
        }
        "receive" => {
            let most = number("max").unwrap_or(1).min(BATCH_MAX) as usize;
            let deadline =
                now() + nanos(Duration::from_millis(number("wait_ms").unwrap_or(0).min(WAIT_MS_MAX)));
            loop {
                let messages = queue.receive(name, most, duration("visibility_ms"));
                if !messages.is_empty() || now() >= deadline {
                    return Response::json(200, &json!({ "messages": messages }));
                }
                sleep(LOOK_EVERY.min(Duration::from_nanos(deadline - now()))).await;
            }
        }
        "ack" => queue.finish(name, receipt),
        "release" => queue.put_off(name, receipt, duration("delay_ms").unwrap_or_default()),
        "extend" => match duration("visibility_ms") {
            Some(visibility) => queue.put_off(name, receipt, visibility),
            None => error(400, "visibility_ms is missing"),
        },
        _ => error(404, &format!("{} is not served", line())),
    }
}

fn error(status: u16, message: &str) -> Response {
    Response::json(status, &json!({ "error": message }))
}

fn stale(receipt: &str) -> Response {
    error(409, &format!("the receipt `{receipt}` is not good: the message was acked or received again"))
}

impl Queue {
    fn receive(&self, name: &str, most: usize, visibility: Option<Duration>) -> Vec<Value> {
        let now = now();
        let mut received = Vec::new();
        while received.len() < most {
            let visible: Vec<usize> = self.state.with(|state| {
                let waiting = state.queues.get(name).map_or(&[][..], |messages| &messages.waiting);
                let visible = waiting.iter().enumerate().filter(|(_, message)| message.visible_at <= now);
                visible.map(|(at, _)| at).collect()
            });
            if visible.is_empty() {
                break;
            }
            let at = visible[below("queue/order", visible.len() as u64) as usize];
            let again = strikes("queue.delivered_again", || format!("{name}: a message"));
            let message = self.state.with(|state| {
                let (visibility, most) = (visibility.unwrap_or(state.visibility), state.receives_max);
                let messages = state.queues.get_mut(name)?;
                if messages.waiting[at].receives >= most {
                    let mut message = messages.waiting.remove(at);
                    (message.receipt, message.visible_at) = (None, now);
                    let id = message.id.clone();
                    state.queues.entry(dead(name)).or_default().waiting.push(message);
                    return Some(Err(id));
                }
                state.receipts += 1;
                let message = &mut messages.waiting[at];
                message.receives += 1;
                let receipt = format!("{}-{}", message.id, state.receipts);
                message.receipt = Some(receipt.clone());
                let copy = again.then(|| Message { receipt: None, ..message.clone() });
                message.visible_at = now.saturating_add(nanos(visibility));
                let received = (message.id.clone(), message.body.clone(), message.receives);
                messages.waiting.extend(copy);
                let (id, body, receives) = received;
                Some(Ok(json!({
                    "id": id, "receipt": receipt, "body": body, "receives": receives,
                })))
            });
            match message {
                Some(Ok(message)) => {
                    fact("queue", || format!("{name}: {} received, {}", message["id"], message["receives"]));
                    received.push(message);
                }
                Some(Err(id)) => fact("queue", || format!("{name}: {id} is dead")),
                None => break,
            }
        }
        received
    }

    fn finish(&self, name: &str, receipt: &str) -> Response {
        let done = self.state.with(|state| {
            let messages = state.queues.get_mut(name)?;
            let at =
                messages.waiting.iter().position(|message| message.receipt.as_deref() == Some(receipt))?;
            let message = messages.waiting.remove(at);
            let id = message.id.clone();
            if messages.done.iter().all(|done| done.id != id) {
                messages.done.push(message);
            }
            Some(id)
        });
        match done {
            Some(id) => {
                fact("queue", || format!("{name}: {id} acked"));
                Response::empty(204)
            }
            None => stale(receipt),
        }
    }

    /// Sets how long a received message stays invisible from now.
    fn put_off(&self, name: &str, receipt: &str, by: Duration) -> Response {
        let until = now().saturating_add(nanos(by));
        let found = self.state.with(|state| {
            let messages = state.queues.get_mut(name)?;
            let mut waiting = messages.waiting.iter_mut();
            let message = waiting.find(|message| message.receipt.as_deref() == Some(receipt))?;
            message.visible_at = until;
            if by.is_zero() {
                message.receipt = None;
            }
            Some(())
        });
        found.map_or_else(|| stale(receipt), |()| Response::empty(204))
    }
}
