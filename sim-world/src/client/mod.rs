//! A client that retries, as the libraries in services and apps do.
//!
//! ```
//! use sim_world::client::{Client, Idempotency};
//! use sim_world::http::Request;
//! use std::time::Duration;
//! # async fn example(sim: &sim_runtime::Sim) {
//! let app = Client::new(sim, "app")
//!     .time_limit(Duration::from_secs(2))
//!     .attempts(4)
//!     .back_off(Duration::from_millis(100), Duration::from_secs(5))
//!     .idempotency(Idempotency::NewKeyEachAttempt);
//! let outcome = app.send(Request::post("http://api:3000/orders/7/pay")).await;
//! assert!(outcome.attempts.len() <= 4);
//! # }
//! ```
//!
//! An attempt is repeated when no answer came in time, the connection failed, or the answer was 408, 425, 429, 500,
//! 502, 503 or 504. The wait doubles with each attempt; half of it is drawn (jitter). A `Retry-After` in seconds
//! lengthens it.

mod attempt;

pub use attempt::{Attempt, Outcome};

use crate::shared::Shared;
use sim_runtime::Sim;
use sim_runtime::node::Node;
use std::time::Duration;

/// Which `Idempotency-Key` an attempt carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// None but what the request itself has.
    None,
    /// One for all attempts of a request: as it should be.
    SameKey,
    /// Another one for each attempt: a common mistake.
    NewKeyEachAttempt,
}

/// A client that retries; see the [module](self). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    node: Node,
    time_limit: Duration,
    attempts: u32,
    first_wait: Duration,
    longest_wait: Duration,
    hedge_after: Option<Duration>,
    idempotency: Idempotency,
    retried: Vec<u16>,
    keys: Shared<u64>,
}

impl Client {
    /// A client on the node `name`: 4 attempts of 2 s each, waits of 100 ms to 10 s, no hedging, the same
    /// idempotency key for all attempts.
    pub fn new(sim: &Sim, name: &str) -> Self {
        Self {
            node: sim.node(name),
            time_limit: Duration::from_secs(2),
            attempts: 4,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(10),
            hedge_after: None,
            idempotency: Idempotency::SameKey,
            retried: vec![408, 425, 429, 500, 502, 503, 504],
            keys: Shared::default(),
        }
    }

    /// The node it runs on.
    pub fn node(&self) -> Node {
        self.node
    }

    /// How long an attempt waits for its answer. Default 2 s.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Attempts at most, the first included. Default 4.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        assert!(attempts > 0, "a client makes at least one attempt");
        self.attempts = attempts;
        self
    }

    /// The wait after the first attempt and the longest one. Default 100 ms and 10 s.
    #[must_use]
    pub fn back_off(mut self, first: Duration, longest: Duration) -> Self {
        (self.first_wait, self.longest_wait) = (first, longest);
        self
    }

    /// When an attempt has had no answer for so long, the request is sent a second time beside it, and the first
    /// answer counts. Default: never.
    #[must_use]
    pub fn hedge_after(mut self, wait: Duration) -> Self {
        self.hedge_after = Some(wait);
        self
    }

    /// Which idempotency key attempts carry. Default: the same.
    #[must_use]
    pub fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }

    /// Which answers are tried again. Default 408, 425, 429, 500, 502, 503, 504.
    #[must_use]
    pub fn retry_statuses(mut self, statuses: &[u16]) -> Self {
        self.retried = statuses.to_vec();
        self
    }
}
