//! The payment provider, as the shop calls it.

use crate::error::{Error, Result};
use crate::model::Payment;
use reqwest::{Client, StatusCode};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::sleep;

/// How often the provider is asked before the worker is left to go on.
const TRIES: u32 = 3;
/// The pause after the first try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(100);

/// Who moves money.
#[derive(Clone, Debug)]
pub struct Provider {
    client: Client,
    url: String,
    key: String,
}

/// What the provider decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The money has moved; the provider's number of it.
    Captured(String),
    /// It has not and will not under this key.
    Declined,
}

#[derive(Serialize)]
struct Capture<'a> {
    order: i64,
    amount: i64,
    card: &'a str,
}

#[derive(Deserialize)]
struct Captured {
    id: String,
}

impl Provider {
    /// At this URL, with the shop's key.
    ///
    /// # Errors
    ///
    /// If the client cannot be made.
    pub fn at(url: &str, key: &str) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(Duration::from_secs(2)).build()?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), key: key.to_owned() })
    }

    /// Moves the money once, however often it is called for a payment.
    ///
    /// # Errors
    ///
    /// If it is not known what the provider did.
    pub async fn capture(&self, request_id: &str, payment: &Payment) -> Result<Decision> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.try_capture(request_id, payment).await {
                Err(error) => tracing::warn!(payment = payment.id, %error, "trying again"),
                decided => return decided,
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.try_capture(request_id, payment).await
    }

    async fn try_capture(&self, request_id: &str, payment: &Payment) -> Result<Decision> {
        let body = Capture { order: payment.order, amount: payment.amount, card: &payment.card };
        let answer = self
            .client
            .post(format!("{}/captures", self.url))
            .bearer_auth(&self.key)
            .header("idempotency-key", payment.idempotency_key())
            .header("x-request-id", request_id)
            .json(&body)
            .send()
            .await
            .map_err(unavailable)?;
        match answer.status() {
            StatusCode::OK => {
                Ok(Decision::Captured(answer.json::<Captured>().await.map_err(unavailable)?.id))
            }
            StatusCode::PAYMENT_REQUIRED => Ok(Decision::Declined),
            other => Err(Error::Unavailable {
                service: "the payment provider",
                reason: format!("status {other}: {}", answer.text().await.unwrap_or_default()),
            }),
        }
    }
}

fn unavailable(error: reqwest::Error) -> Error {
    Error::Unavailable { service: "the payment provider", reason: error.to_string() }
}
