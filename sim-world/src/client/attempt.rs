//! Attempts, hedges and the waits between them.

use super::{Client, Idempotency};
use crate::event::{below, now};
use crate::http::{Error, Request, Response, send_within};
use futures::future::{Either, select};
use sim_runtime::executor::sleep;
use std::pin::pin;
use std::time::Duration;

/// What came of a request.
#[derive(Debug)]
pub struct Outcome {
    /// The last answer, or why there was none.
    pub answer: Result<Response, Error>,
    /// All that was sent.
    pub attempts: Vec<Attempt>,
}

impl Outcome {
    /// Whether the last answer is a success.
    pub fn is_success(&self) -> bool {
        self.answer.as_ref().is_ok_and(Response::is_success)
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The idempotency key it carried.
    pub key: Option<String>,
    /// The key of the second copy, if it was hedged (`Some(None)` without a key).
    pub hedged: Option<Option<String>>,
    /// What came back: a status, or why nothing did.
    pub result: Result<u16, String>,
}

const KEY: &str = "idempotency-key";

impl Client {
    /// Sends a request from the client's node until it is answered or the attempts are used up.
    ///
    /// # Panics
    ///
    /// If the node is down, or crashes meanwhile.
    pub async fn send(&self, request: Request) -> Outcome {
        let own = self.clone();
        self.node.run(async move { own.try_all(request).await }).await
    }

    async fn try_all(&self, request: Request) -> Outcome {
        let shared_key = (self.idempotency == Idempotency::SameKey).then(|| self.new_key());
        let key = || match self.idempotency {
            Idempotency::None => None,
            Idempotency::SameKey => shared_key.clone(),
            Idempotency::NewKeyEachAttempt => Some(self.new_key()),
        };
        let mut attempts = Vec::new();
        let mut wait = self.first_wait;
        loop {
            let (attempt, answer) = self.attempt(&request, &key).await;
            attempts.push(attempt);
            let again = match &answer {
                Ok(answer) => self.retried.contains(&answer.status),
                Err(error) => !matches!(error, Error::Invalid { .. }),
            };
            if !again || attempts.len() >= self.attempts as usize {
                return Outcome { answer, attempts };
            }
            let asked = answer.ok().and_then(|answer| answer.header_value("retry-after")?.parse().ok());
            let half = wait / 2;
            let jitter = Duration::from_micros(below("client/back-off", half.as_micros() as u64 + 1));
            sleep((half + jitter).max(Duration::from_secs(asked.unwrap_or(0)))).await;
            wait = (wait * 2).min(self.longest_wait);
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        key: &impl Fn() -> Option<String>,
    ) -> (Attempt, Result<Response, Error>) {
        let copy = || {
            let key = key();
            let request = match &key {
                Some(key) => request.clone().header(KEY, key),
                None => request.clone(),
            };
            (key, request)
        };
        let (own_key, own) = copy();
        let mut hedged = None;
        let first = pin!(send_within(own, self.time_limit));
        let answer = match self.hedge_after {
            None => first.await,
            Some(after) => match select(first, pin!(sleep(after))).await {
                Either::Left((answer, _)) => answer,
                Either::Right(((), first)) => {
                    let (key, again) = copy();
                    hedged = Some(key);
                    first_good(first, pin!(send_within(again, self.time_limit))).await
                }
            },
        };
        let result = answer.as_ref().map(|answer| answer.status).map_err(ToString::to_string);
        (Attempt { key: own_key, hedged, result }, answer)
    }

    fn new_key(&self) -> String {
        let (name, time) = (self.node.name(), now());
        self.keys.with(|made| {
            *made += 1;
            format!("{name}-{made}-{time:x}")
        })
    }
}

/// The first answer, or the second one if the first to end has none.
async fn first_good(
    one: impl Future<Output = Result<Response, Error>> + Unpin,
    other: impl Future<Output = Result<Response, Error>> + Unpin,
) -> Result<Response, Error> {
    match select(one, other).await {
        Either::Left((Err(_), other)) => other.await,
        Either::Right((Err(_), one)) => one.await,
        Either::Left((answer, _)) | Either::Right((answer, _)) => answer,
    }
}
