//! Webhooks: at least once, in no certain order, as late as it pleases them.

use super::signature::{SIGNATURE_HEADER, sign};
use super::{Mode, Payment, Payments};
use crate::event::{below, fact, long_tail, strikes};
use crate::http::{Request, send_within};
use serde_json::{Value, json};
use sim_runtime::executor::sleep;
use sim_runtime::time::{Nanos, SECOND};
use std::collections::BTreeSet;
use std::time::Duration;

/// Something that happened to a payment.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `evt_1` and so on.
    pub id: String,
    /// `payment.STATUS` or `payment.refunded`.
    pub kind: String,
    /// Of the payment.
    pub mode: Mode,
    /// The payment as it was then.
    pub payment: Payment,
    /// Seconds since the Unix epoch on the provider's clock.
    pub created: u64,
}

impl Event {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id, "object": "event", "type": self.kind, "mode": self.mode.to_string(),
            "created": self.created, "data": self.payment.to_json(),
        })
    }
}

/// One attempt to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Id of the event.
    pub event: String,
    /// Where to.
    pub url: String,
    /// From 1.
    pub attempt: u32,
    /// What came back: a status, or why nothing did.
    pub answer: Result<u16, String>,
    /// True virtual time of the end.
    pub at: Nanos,
}

/// In which order webhooks that were held go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// As they came about.
    InOrder,
    /// The newest first.
    Reversed,
}

/// An event for an endpoint: positions in the two lists.
type Pair = (usize, usize);

#[derive(Debug)]
pub(super) struct Webhooks {
    endpoints: Vec<(Mode, String, String)>,
    pub(super) events: Vec<Event>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) pending: BTreeSet<Pair>,
    held: Option<Vec<Pair>>,
    retries: Vec<Duration>,
}

impl Default for Webhooks {
    fn default() -> Self {
        let retries = [1, 10, 60, 600, 3600].map(Duration::from_secs).to_vec();
        Self {
            endpoints: Vec::new(),
            events: Vec::new(),
            deliveries: Vec::new(),
            pending: BTreeSet::new(),
            held: None,
            retries,
        }
    }
}

/// How long a receiver may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Usual and longest time between an event and its webhook.
const DELAY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// Longest delay of `payments.webhook_late`.
const LATE_MS_MAX: u64 = 3_600_000;
/// Longest distance of `payments.webhook_again`.
const AGAIN_MS_MAX: u64 = 60_000;

impl Payments {
    /// Tells events of a mode to this URL from now on; the answer is the secret that signs them.
    pub fn webhook(&self, mode: Mode, url: &str) -> String {
        let name = self.node.name();
        self.state.with(|state| {
            let endpoints = &mut state.webhooks.endpoints;
            let secret = format!("whsec_{mode}_{name}_{}", endpoints.len() + 1);
            endpoints.push((mode, url.to_owned(), secret.clone()));
            secret
        })
    }

    /// When a webhook that was not taken is tried again: the waits between attempts, in order; after the last
    /// one the provider gives up.
    pub fn set_webhook_retries(&self, waits: &[Duration]) {
        self.state.with(|state| state.webhooks.retries = waits.to_vec());
    }

    /// Holds webhooks back, those to come and those not sent yet, until [`Payments::release_webhooks`].
    pub fn hold_webhooks(&self) {
        self.state.with(|state| {
            state.webhooks.held.get_or_insert_default();
        });
    }

    /// Lets held webhooks go, one after the other: each is answered or gives up waiting before the next leaves.
    pub fn release_webhooks(&self, order: Release) {
        let mut held = self.state.with(|state| state.webhooks.held.take().unwrap_or_default());
        held.sort_unstable();
        if order == Release::Reversed {
            held.reverse();
        }
        let own = self.clone();
        if self.node.is_up() {
            drop(self.node.spawn(async move {
                for pair in held {
                    if !own.attempt(pair, 1).await {
                        own.deliver(pair, 1);
                    }
                }
            }));
        }
    }

    /// Delivers an event once more, now, to everybody who was told: a retry from the provider's console.
    ///
    /// # Panics
    ///
    /// If there is no event of this id.
    pub fn redeliver(&self, event: &str) {
        let pairs = self.state.with(|state| {
            let webhooks = &state.webhooks;
            let at = webhooks.events.iter().position(|known| known.id == event);
            let at = at.unwrap_or_else(|| {
                panic!("there is no event `{event}`; the latest is evt_{}", webhooks.events.len())
            });
            webhooks.receivers(at)
        });
        for pair in pairs {
            let own = self.clone();
            drop(self.node.spawn(async move { own.attempt(pair, 1).await }));
        }
    }

    /// Notes what happened to a payment and tells it. Called on the provider's node.
    pub(super) fn emit(&self, kind: &str, payment: &Payment) {
        let created = self.node.wall() / SECOND;
        let (pairs, held) = self.state.with(|state| {
            let webhooks = &mut state.webhooks;
            webhooks.events.push(Event {
                id: format!("evt_{}", webhooks.events.len() + 1),
                kind: kind.to_owned(),
                mode: payment.mode,
                payment: payment.clone(),
                created,
            });
            let pairs = webhooks.receivers(webhooks.events.len() - 1);
            webhooks.pending.extend(pairs.iter().copied());
            if let Some(held) = &mut webhooks.held {
                held.extend(pairs.iter().copied());
            }
            (pairs, webhooks.held.is_some())
        });
        if !held {
            pairs.into_iter().for_each(|pair| self.deliver(pair, 0));
        }
    }

    /// After a restart: whatever was not delivered begins again.
    pub(super) fn resume_deliveries(&self) {
        let pending = self.state.with(|state| state.webhooks.pending.clone());
        pending.into_iter().for_each(|pair| self.deliver(pair, 0));
    }

    /// Delivers in a task of its own, after `attempts` that failed.
    fn deliver(&self, pair: Pair, mut attempts: u32) {
        let own = self.clone();
        drop(sim_runtime::spawn(async move {
            if attempts == 0 {
                own.wait_before(pair).await;
            }
            loop {
                if attempts > 0 {
                    let retries = own.state.with(|state| state.webhooks.retries.clone());
                    let Some(wait) = retries.get(attempts as usize - 1) else {
                        own.state.with(|state| state.webhooks.pending.remove(&pair));
                        return;
                    };
                    sleep(*wait).await;
                }
                let held = own.state.with(|state| match &mut state.webhooks.held {
                    Some(held) => {
                        held.push(pair);
                        true
                    }
                    None => false,
                });
                if held {
                    return;
                }
                attempts += 1;
                if own.attempt(pair, attempts).await {
                    return;
                }
            }
        }));
    }

    /// Lateness, and a second copy.
    async fn wait_before(&self, pair: Pair) {
        let text = self.state.with(|state| {
            let event = &state.webhooks.events[pair.0];
            format!("{} {} of {}", event.id, event.kind, event.payment.id)
        });
        let mut wait = long_tail("payments/webhook", DELAY.0, DELAY.1);
        if strikes("payments.webhook_late", || text.clone()) {
            wait += Duration::from_millis(below("payments/webhook late", LATE_MS_MAX) + 1);
        }
        if strikes("payments.webhook_again", || text) {
            let own = self.clone();
            let after = wait + Duration::from_millis(below("payments/webhook again", AGAIN_MS_MAX));
            drop(sim_runtime::spawn(async move {
                sleep(after).await;
                own.attempt(pair, 1).await
            }));
        }
        sleep(wait).await;
    }

    /// One attempt; whether it was taken.
    async fn attempt(&self, pair: Pair, attempt: u32) -> bool {
        let (event, url, secret) = self.state.with(|state| {
            let (_, url, secret) = &state.webhooks.endpoints[pair.1];
            (state.webhooks.events[pair.0].clone(), url.clone(), secret.clone())
        });
        let body = event.to_json().to_string();
        let signature = sign(&secret, body.as_bytes(), self.node.wall() / SECOND);
        let request = Request::post(&*url)
            .header("content-type", "application/json")
            .header(SIGNATURE_HEADER, &signature)
            .body(body);
        let answer = send_within(request, ANSWER_WITHIN).await;
        let answer = answer.map(|answer| answer.status).map_err(|error| error.to_string());
        let taken = matches!(answer, Ok(200..=299));
        fact("webhook", || {
            let result = match &answer {
                Ok(status) => status.to_string(),
                Err(error) => error.clone(),
            };
            format!("{} {} of {}, attempt {attempt}: {result}", event.id, event.kind, event.payment.id)
        });
        self.state.with(|state| {
            if taken {
                state.webhooks.pending.remove(&pair);
            }
            let at = crate::event::now();
            state.webhooks.deliveries.push(Delivery { event: event.id, url, attempt, answer, at });
        });
        taken
    }
}

impl Webhooks {
    /// Who is told of an event.
    fn receivers(&self, event: usize) -> Vec<Pair> {
        let mode = self.events[event].mode;
        let endpoints = self.endpoints.iter().enumerate();
        endpoints.filter(|(_, (of, _, _))| *of == mode).map(|(at, _)| (event, at)).collect()
    }
}
