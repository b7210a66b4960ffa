//! Links for money: the payment is asked for here, and credited when the provider tells of it.

use crate::App;
use crate::user::User;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

/// Links that an upgrade buys, and what it costs in cents.
const LINKS: u32 = 10;
const PRICE: u32 = 500;

pub(crate) async fn upgrade(
    State(app): State<App>,
    User(user): User,
    headers: HeaderMap,
) -> Result<StatusCode, StatusCode> {
    // The client's key, so that its retries are one payment.
    let key = headers.get("idempotency-key").ok_or(StatusCode::BAD_REQUEST)?;
    let payment = json!({
        "amount": PRICE, "reference": format!("upgrade of {user}"), "metadata": { "user": user },
    });
    let url = format!("{}/v1/payments", app.config.payment_url);
    let request = app.http.post(url).bearer_auth(&app.config.payment_key);
    let asked = request.header("idempotency-key", key).json(&payment).send().await;
    let answer = asked.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    match answer.status().as_u16() {
        200 => Ok(StatusCode::ACCEPTED),
        402 => Err(StatusCode::PAYMENT_REQUIRED),
        _ => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Payment,
}

#[derive(Deserialize)]
struct Payment {
    id: String,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    user: String,
}

pub(crate) async fn webhook(State(app): State<App>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers.get("payments-signature").and_then(|value| value.to_str().ok());
    if !signature.is_some_and(|signature| genuine(&app.config.webhook_secret, signature, &body)) {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(event) = serde_json::from_slice::<Event>(&body) else { return StatusCode::BAD_REQUEST };
    if event.kind == "payment.succeeded" {
        app.store.credit(&event.data.id, &event.data.metadata.user, LINKS).await;
    }
    StatusCode::OK
}

/// Whether the provider has signed this: HMAC-SHA256 over `SECONDS.BODY`.
fn genuine(secret: &str, signature: &str, body: &[u8]) -> bool {
    let part = |name: &str| signature.split(',').find_map(|part| part.strip_prefix(name));
    let (Some(seconds), Some(Ok(sent))) = (part("t="), part("v1=").map(hex::decode)) else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&sent).is_ok()
}
