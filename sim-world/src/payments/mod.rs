//! A payment provider.
//!
//! ```
//! use sim_world::Payments;
//! use sim_world::payments::{Behaviour, Mode, On};
//! # fn example(sim: &sim_runtime::Sim) {
//! let payments = Payments::start(sim, "payments");
//! sim.node("api").set_variable("PAYMENT_KEY", &payments.key(Mode::Live));
//! let secret = payments.webhook(Mode::Live, "http://api:3000/webhooks/payments");
//! sim.node("api").set_variable("WEBHOOK_SECRET", &secret);
//! payments.next(On::create().reference("order-7"), Behaviour::FailAfter);
//! let books = payments.clone();
//! sim.always("an order is captured at most once", move || books.captured_at_most_once());
//! # }
//! ```
//!
//! # What the service sees: `http://NAME`, port 80
//!
//! Bodies are JSON or forms; amounts are in minor units (cents). `Authorization: Bearer KEY` says account and mode.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `POST /v1/payments` | `amount`, `currency` (`eur`), `reference`, `customer`, `metadata`, `capture` (`true`) | the payment |
//! | `POST /v1/payments/ID/capture` | `amount` (all of it) | the payment |
//! | `POST /v1/payments/ID/cancel` | | the payment |
//! | `POST /v1/payments/ID/refunds` | `amount` (what is left) | the refund |
//! | `GET /v1/payments/ID`, `GET /v1/payments?reference=R` | | the payment; `{"data": […]}` |
//! | `POST /v1/customers`, `GET /v1/customers/ID` | `reference` | the customer |
//! | `GET /v1/events/ID`, `GET /v1/events` | | the event; `{"data": […]}` |
//!
//! A payment is `{"id", "mode", "status", "amount", "captured", "refunded", "currency", "reference", "customer",
//! "metadata", "version", "created"}`; its status is `processing`, `requires_capture`, `succeeded`, `declined` or
//! `canceled`; `version` grows with each change. Errors are `{"error": {"code", "message"}}`: 400 for what cannot be
//! done, 401 for a wrong key, 402 for a declined payment (its object is in `error.payment`), 404 for an object that is
//! not there *in the key's mode*, 409 for a payment in the wrong state.
//!
//! **Idempotency.** With `Idempotency-Key: K` on a POST, the first answer is kept for 24 hours
//! ([`Payments::set_key_lifetime`]) and given again, with `idempotent-replayed: true`. The same key with
//! another path or body is refused with 400 `idempotency_key_reused`; while the first request is in work, 409
//! `idempotency_key_in_use`. Keys of the two modes are apart. After the lifetime a key is as new.
//!
//! **Modes.** Test keys are taken anywhere, as by real providers: the payment succeeds, no money moves. Objects of one
//! mode are not found with a key of the other.
//!
//! **Webhooks** ([`Payments::webhook`]) tell each change of a payment, at least once, in no certain order:
//! `{"id", "type", "mode", "created", "data": PAYMENT}` with type `payment.STATUS` or `payment.refunded`, signed
//! ([`verify_signature`]). Anything but a status of 200 to 299 within 10 s is tried again after 1 s, 10 s, 1 min,
//! 10 min and 1 h ([`Payments::set_webhook_retries`]).
//!
//! # Faults
//!
//! | kind in a plan | what |
//! |---|---|
//! | `payments.declined` | a new payment is declined |
//! | `payments.slow` | up to 30 s more before anything happens |
//! | `payments.unavailable` | 503, nothing happened |
//! | `payments.failed_after` | 500, and it happened |
//! | `payments.webhook_late` | a webhook is up to an hour late |
//! | `payments.webhook_again` | a webhook is delivered once more, at the same time or up to a minute later |

mod api;
mod check;
mod idempotency;
mod ledger;
mod script;
mod signature;
mod webhook;

pub use ledger::{Capture, Mode, Payment, Refund, Status};
pub use script::{Behaviour, On};
pub use signature::{SIGNATURE_HEADER, SignatureError, sign, verify_signature};
pub use webhook::{Delivery, Event, Release};

use crate::http;
use crate::shared::Shared;
use idempotency::Keys;
use ledger::Ledger;
use script::Script;
use sim_runtime::Sim;
use sim_runtime::node::Node;
use std::time::Duration;
use webhook::Webhooks;

/// A payment provider; see the [module](self). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Payments {
    node: Node,
    state: Shared<State>,
}

#[derive(Debug)]
struct State {
    secret_keys: Vec<(String, Mode)>,
    keys_made: u32,
    ledger: Ledger,
    keys: Keys,
    script: Script,
    webhooks: Webhooks,
    latency: Duration,
}

/// How long the provider takes for a request, unless drawn or scripted otherwise.
const LATENCY: Duration = Duration::from_millis(20);
/// How long the answer to an idempotency key is kept, as at large providers.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 3600);

impl Payments {
    /// Starts a provider on the node `name`. Its books survive a crash of the node.
    pub fn start(sim: &Sim, name: &str) -> Self {
        let node = sim.node(name);
        let secret_keys = [Mode::Test, Mode::Live].map(|mode| (format!("sk_{mode}_{name}_1"), mode));
        let state = Shared::new(State {
            secret_keys: secret_keys.to_vec(),
            keys_made: 1,
            ledger: Ledger::default(),
            keys: Keys::new(KEY_LIFETIME),
            script: Script::default(),
            webhooks: Webhooks::default(),
            latency: LATENCY,
        });
        let payments = Self { node, state };
        let own = payments.clone();
        node.boot(move || {
            let own = own.clone();
            async move {
                own.state.with(|state| state.keys.forget_unfinished());
                own.resume_deliveries();
                http::serve(80, move |request| api::handle(own.clone(), request)).await
            }
        });
        payments
    }

    /// The node it runs on, to crash, pause or cut off.
    pub fn node(&self) -> Node {
        self.node
    }

    /// Where the service finds it.
    pub fn url(&self) -> String {
        format!("http://{}", self.node.name())
    }

    /// The secret key of a mode, the newest one: `sk_test_…` or `sk_live_…`.
    pub fn key(&self, mode: Mode) -> String {
        self.state.with(|state| {
            let mut keys = state.secret_keys.iter().rev();
            keys.find(|(_, of)| *of == mode).map(|(key, _)| key.clone()).unwrap_or_default()
        })
    }

    /// Makes a new secret key of a mode; earlier ones stay valid until [`Payments::revoke_key`].
    pub fn new_key(&self, mode: Mode) -> String {
        let name = self.node.name();
        self.state.with(|state| {
            state.keys_made += 1;
            let key = format!("sk_{mode}_{name}_{}", state.keys_made);
            state.secret_keys.push((key.clone(), mode));
            key
        })
    }

    /// From now on the key is answered with 401.
    pub fn revoke_key(&self, key: &str) {
        self.state.with(|state| state.secret_keys.retain(|(of, _)| of != key));
    }

    /// How long an answer to an idempotency key is kept. Default 24 hours.
    pub fn set_key_lifetime(&self, lifetime: Duration) {
        self.state.with(|state| state.keys.set_lifetime(lifetime));
    }

    /// How long a request takes at least. Default 20 ms; up to a few seconds more are drawn.
    pub fn set_latency(&self, latency: Duration) {
        self.state.with(|state| state.latency = latency);
    }

    /// Scripts the next request that matches.
    pub fn next(&self, on: On, behaviour: Behaviour) {
        self.state.with(|state| state.script.add(on, behaviour, Some(1)));
    }

    /// Scripts every request that matches, from now on. Rules given earlier come first.
    pub fn always(&self, on: On, behaviour: Behaviour) {
        self.state.with(|state| state.script.add(on, behaviour, None));
    }

    /// Forgets the script.
    pub fn behave(&self) {
        self.state.with(|state| state.script = Script::default());
    }
}
