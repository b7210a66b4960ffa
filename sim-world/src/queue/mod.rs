//! A queue that delivers at least once.
//!
//! ```
//! use sim_world::Queue;
//! use std::time::Duration;
//! # fn example(sim: &sim_runtime::Sim) {
//! let queue = Queue::start(sim, "queue");
//! queue.set_visibility(Duration::from_secs(30));
//! sim.node("worker").set_variable("QUEUE_URL", &queue.url());
//! let jobs = queue.clone();
//! sim.eventually("every job is done", move || jobs.unfinished("jobs") == 0 && jobs.dead("jobs").is_empty());
//! # }
//! ```
//!
//! # What services see: `http://NAME`, port 80
//!
//! Queues come about when they are named. Bodies are JSON.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /queues/Q/messages` | `body` (any JSON), `delay_ms` (0) | 202 `{"id"}` |
//! | `POST /queues/Q/receive` | `max` (1, at most 10), `wait_ms` (0, at most 20000), `visibility_ms` | `{"messages": […]}` |
//! | `POST /queues/Q/ack` | `receipt` | 204; 409 when the receipt is no longer good |
//! | `POST /queues/Q/release` | `receipt`, `delay_ms` (0) | 204: visible again; 409 |
//! | `POST /queues/Q/extend` | `receipt`, `visibility_ms` | 204; 409 |
//!
//! A message received is `{"id", "receipt", "body", "receives"}` and invisible to others for the visibility time
//! (30 s). Without an ack it comes again, with another receipt; the old one is then no good. After 5 receives without
//! ack ([`Queue::set_receives_max`]) it goes to the queue `Q-dead`. Messages come in about the order they were sent:
//! which of the visible ones is next is drawn, the oldest being the calm choice.
//!
//! # Faults
//!
//! | kind in a plan | what |
//! |---|---|
//! | `queue.delivered_again` | a copy of a received message stays behind: it is received as well, acked or not |
//! | `queue.unavailable` | 503, nothing happened |

mod api;

use crate::event::{fact, now};
use crate::http;
use crate::shared::Shared;
use serde_json::Value;
use sim_runtime::Sim;
use sim_runtime::node::Node;
use sim_runtime::time::Nanos;
use std::collections::BTreeMap;
use std::time::Duration;

/// A message of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `msg_1` and so on.
    pub id: String,
    /// As sent.
    pub body: Value,
    /// How often it was received.
    pub receives: u32,
    /// Invisible until this (true virtual) time.
    visible_at: Nanos,
    /// Of the last receive.
    receipt: Option<String>,
}

/// A queue service; see the [module](self). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    node: Node,
    state: Shared<State>,
}

#[derive(Debug)]
struct State {
    queues: BTreeMap<String, Messages>,
    sent: u64,
    receipts: u64,
    visibility: Duration,
    receives_max: u32,
}

#[derive(Debug, Default)]
struct Messages {
    waiting: Vec<Message>,
    done: Vec<Message>,
}

const VISIBILITY: Duration = Duration::from_secs(30);
const RECEIVES_MAX: u32 = 5;

impl Queue {
    /// Starts a queue service on the node `name`. Messages survive a crash of the node.
    pub fn start(sim: &Sim, name: &str) -> Self {
        let node = sim.node(name);
        let state = Shared::new(State {
            queues: BTreeMap::new(),
            sent: 0,
            receipts: 0,
            visibility: VISIBILITY,
            receives_max: RECEIVES_MAX,
        });
        let queue = Self { node, state };
        let own = queue.clone();
        node.boot(move || {
            let own = own.clone();
            async move { http::serve(80, move |request| api::handle(own.clone(), request)).await }
        });
        queue
    }

    /// The node it runs on.
    pub fn node(&self) -> Node {
        self.node
    }

    /// Where services find it.
    pub fn url(&self) -> String {
        format!("http://{}", self.node.name())
    }

    /// How long a received message is invisible, unless the receiver says otherwise. Default 30 s.
    pub fn set_visibility(&self, visibility: Duration) {
        self.state.with(|state| state.visibility = visibility);
    }

    /// After so many receives without ack a message is dead. Default 5.
    pub fn set_receives_max(&self, receives: u32) {
        self.state.with(|state| state.receives_max = receives);
    }

    /// Sends a message without the wire; its id.
    pub fn send(&self, queue: &str, body: Value, delay: Duration) -> String {
        let visible_at = now().saturating_add(nanos(delay));
        let id = self.state.with(|state| {
            state.sent += 1;
            let id = format!("msg_{}", state.sent);
            let message = Message { id: id.clone(), body, receives: 0, visible_at, receipt: None };
            state.queues.entry(queue.to_owned()).or_default().waiting.push(message);
            id
        });
        fact("queue", || format!("{queue}: {id} sent"));
        id
    }

    /// Messages that were not acked, visible or not; without the dead.
    pub fn unfinished(&self, queue: &str) -> usize {
        self.state.with(|state| state.queues.get(queue).map_or(0, |messages| messages.waiting.len()))
    }

    /// Messages that were not acked.
    pub fn waiting(&self, queue: &str) -> Vec<Message> {
        self.state.with(|state| state.queues.get(queue).map(|of| of.waiting.clone()).unwrap_or_default())
    }

    /// Messages that were acked, in the order of the acks; copies of one message count once.
    pub fn done(&self, queue: &str) -> Vec<Message> {
        self.state.with(|state| state.queues.get(queue).map(|of| of.done.clone()).unwrap_or_default())
    }

    /// Messages that were received too often.
    pub fn dead(&self, queue: &str) -> Vec<Message> {
        self.waiting(&dead(queue))
    }
}

fn dead(queue: &str) -> String {
    format!("{queue}-dead")
}

fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}
