//! A mail service that keeps what it is sent.
//!
//! ```
//! use sim_world::Mail;
//! # fn example(sim: &sim_runtime::Sim) {
//! let mail = Mail::start(sim, "mail");
//! sim.node("api").set_variable("MAIL_URL", &mail.url());
//! let sink = mail.clone();
//! sim.always("nobody is welcomed twice", move || sink.count("anna@example.org", "Welcome") <= 1);
//! # }
//! ```
//!
//! # What services see: `http://NAME`, port 80
//!
//! `POST /messages` with JSON or a form: `to` (an address or a list of them), `from`, `subject`, `text`, `html`. The
//! answer is 202 `{"id"}`; 400 when `to` is missing. A repetition is another mail, as at real services.
//!
//! # Faults
//!
//! | kind in a plan | what |
//! |---|---|
//! | `mail.unavailable` | 503, not sent |
//! | `mail.failed_after` | 500, but it is sent |

use crate::event::{fact, now, strikes};
use crate::http::{self, Incoming, Response};
use crate::shared::Shared;
use serde_json::{Value, json};
use sim_runtime::Sim;
use sim_runtime::executor::sleep;
use sim_runtime::node::Node;
use sim_runtime::time::Nanos;
use std::time::Duration;

/// A mail that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `mail_1` and so on.
    pub id: String,
    /// All recipients.
    pub to: Vec<String>,
    /// The sender; empty if none was given.
    pub from: String,
    /// The subject; empty if none was given.
    pub subject: String,
    /// The text, or the HTML if there is no text.
    pub body: String,
    /// True virtual time.
    pub at: Nanos,
}

/// A mail service; see the [module](self). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mail {
    node: Node,
    state: Shared<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: Vec<Message>,
    failing: u32,
}

/// How long the service takes for a mail.
const LATENCY: Duration = Duration::from_millis(10);

impl Mail {
    /// Starts a mail service on the node `name`.
    pub fn start(sim: &Sim, name: &str) -> Self {
        let node = sim.node(name);
        let mail = Self { node, state: Shared::default() };
        let own = mail.clone();
        node.boot(move || {
            let own = own.clone();
            async move { http::serve(80, move |request| own.clone().handle(request)).await }
        });
        mail
    }

    /// The node it runs on.
    pub fn node(&self) -> Node {
        self.node
    }

    /// Where services find it.
    pub fn url(&self) -> String {
        format!("http://{}", self.node.name())
    }

    /// Refuses the next so many mails with 503.
    pub fn fail_next(&self, mails: u32) {
        self.state.with(|state| state.failing = mails);
    }

    /// All mails, in order.
    pub fn sent(&self) -> Vec<Message> {
        self.state.with(|state| state.sent.clone())
    }

    /// All mails to an address, in order.
    pub fn sent_to(&self, address: &str) -> Vec<Message> {
        let mut sent = self.sent();
        sent.retain(|message| message.to.iter().any(|to| to == address));
        sent
    }

    /// How many mails an address got whose subject has `subject` in it.
    pub fn count(&self, address: &str, subject: &str) -> usize {
        self.state.with(|state| {
            let sent = state.sent.iter();
            sent.filter(|mail| mail.subject.contains(subject) && mail.to.iter().any(|to| to == address))
                .count()
        })
    }

    async fn handle(self, request: Incoming) -> Response {
        sleep(LATENCY).await;
        if !matches!(request.route(), ("POST", path) if path == ["messages"]) {
            return Response::json(404, &json!({ "error": "post mails to /messages" }));
        }
        let failing = self.state.with(|state| {
            let failing = state.failing > 0;
            state.failing = state.failing.saturating_sub(1);
            failing
        });
        if failing || strikes("mail.unavailable", || "POST /messages".to_owned()) {
            return Response::json(503, &json!({ "error": "try again later" }));
        }
        let fields = match request.fields() {
            Ok(fields) => fields,
            Err(malformed) => return Response::json(400, &json!({ "error": malformed.to_string() })),
        };
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let to: Vec<String> = match fields.get("to") {
            Some(Value::String(address)) => vec![address.clone()],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        if to.is_empty() {
            return Response::json(400, &json!({ "error": "to is missing: an address or a list of them" }));
        }
        let body = if fields.contains_key("text") { field("text") } else { field("html") };
        let message = self.state.with(|state| {
            let id = format!("mail_{}", state.sent.len() + 1);
            let message = Message { id, to, from: field("from"), subject: field("subject"), body, at: now() };
            state.sent.push(message.clone());
            message
        });
        fact("mail", || format!("{} to {}: {}", message.id, message.to.join(", "), message.subject));
        if strikes("mail.failed_after", || message.id.clone()) {
            return Response::json(500, &json!({ "error": "something went wrong on our side" }));
        }
        Response::json(202, &json!({ "id": message.id }))
    }
}
