//! A stand-in for the payment provider: captures money once for each idempotency key, and knows who asks.
//!
//!     POST /captures   authorization: Bearer KEY, idempotency-key: K   {"order": 1, "amount": 500, "card": "4242"}
//!       200 {"id": "cap_1", "order": 1, "amount": 500}
//!       402 {"reason": "declined"}                     every card that ends in 0002
//!       409 {"reason": "…"}                            the key was used for something else
//!
//! A key decides once: whoever repeats it gets the first answer.

use anyhow::Context;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// How long the bank takes.
const BANK_DELAY: Duration = Duration::from_millis(20);

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// The shop's order.
    pub order: i64,
    /// In cents.
    pub amount: i64,
    /// Whose money.
    pub card: String,
}

/// Money that has moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// The provider's number of it.
    pub id: String,
    /// The shop's order.
    pub order: i64,
    /// In cents.
    pub amount: i64,
}

#[derive(Clone, Debug)]
struct Decision {
    asked: Capture,
    captured: Option<Captured>,
}

#[derive(Debug, Default)]
struct Books {
    by_key: BTreeMap<String, Decision>,
    captured: Vec<Captured>,
}

/// All money that has moved; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Books>>);

impl Ledger {
    /// The captures of an order.
    pub fn of(&self, order: i64) -> Vec<Captured> {
        self.books().captured.iter().filter(|captured| captured.order == order).cloned().collect()
    }

    /// All captures, in the order they were made.
    pub fn captured(&self) -> Vec<Captured> {
        self.books().captured.clone()
    }

    /// Decides, or answers what was decided: `None` when declined.
    fn capture(&self, key: &str, asked: Capture) -> Result<Option<Captured>, &'static str> {
        let mut books = self.books();
        if let Some(decision) = books.by_key.get(key) {
            return if decision.asked == asked {
                Ok(decision.captured.clone())
            } else {
                Err("the idempotency key was used for something else")
            };
        }
        let captured = (!asked.card.ends_with("0002")).then(|| Captured {
            id: format!("cap_{}", books.captured.len() + 1),
            order: asked.order,
            amount: asked.amount,
        });
        books.captured.extend(captured.clone());
        books.by_key.insert(key.to_owned(), Decision { asked, captured: captured.clone() });
        Ok(captured)
    }

    /// No step fails half-way, so what a panicking thread left is whole.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The program: `PROVIDER_LISTEN` (default `127.0.0.1:7002`) and `PROVIDER_KEY` (default `sk_test_shop`) configure it.
///
/// # Errors
///
/// If the address is taken.
pub async fn start() -> anyhow::Result<()> {
    run(Ledger::default()).await
}

/// As [`start`], over this ledger.
///
/// # Errors
///
/// If the address is taken.
pub async fn run(ledger: Ledger) -> anyhow::Result<()> {
    let setting = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let address = setting("PROVIDER_LISTEN", "127.0.0.1:7002");
    let listener =
        TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address}"))?;
    let ended = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve(listener, ledger, setting("PROVIDER_KEY", "sk_test_shop"), ended).await
}

/// Serves `ledger` to whoever knows `key`, until `ended`.
///
/// # Errors
///
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    ledger: Ledger,
    key: String,
    ended: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    tracing::info!(address = %listener.local_addr()?, "the payment provider listens");
    let router = Router::new().route("/captures", post(capture)).with_state((ledger, Arc::from(key)));
    axum::serve(listener, router).with_graceful_shutdown(ended).await?;
    Ok(())
}

async fn capture(
    State((ledger, key)): State<(Ledger, Arc<str>)>,
    headers: HeaderMap,
    Json(asked): Json<Capture>,
) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::AUTHORIZATION.as_str()) != Some(&format!("Bearer {key}")) {
        return refusal(StatusCode::UNAUTHORIZED, "the key is not known");
    }
    let Some(idempotency_key) = text("idempotency-key").map(str::to_owned) else {
        return refusal(StatusCode::BAD_REQUEST, "there is no idempotency-key");
    };
    tokio::time::sleep(BANK_DELAY).await;
    match ledger.capture(&idempotency_key, asked) {
        Ok(Some(captured)) => Json(captured).into_response(),
        Ok(None) => refusal(StatusCode::PAYMENT_REQUIRED, "declined"),
        Err(reason) => refusal(StatusCode::CONFLICT, reason),
    }
}

fn refusal(status: StatusCode, reason: &str) -> Response {
    #[derive(Serialize)]
    struct Refusal<'a> {
        reason: &'a str,
    }
    (status, Json(Refusal { reason })).into_response()
}
