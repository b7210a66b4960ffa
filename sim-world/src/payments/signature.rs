//! Signatures of webhooks: HMAC-SHA256 over time and body, as most providers do it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::Duration;

/// The header a webhook's signature comes in.
pub const SIGNATURE_HEADER: &str = "payments-signature";

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It has not the form `t=SECONDS,v1=HEX`.
    #[error("`{0}` is no signature: it should look like `t=1700000000,v1=5257a8…`")]
    Malformed(String),
    /// It was made with another secret or over another body.
    #[error("the signature does not fit the body")]
    Wrong,
    /// It was made too long ago, or lies as far in the future.
    #[error("the signature is {0:?} away from now")]
    Old(Duration),
}

/// The signature of a body: `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256, keyed with the secret, of
/// `SECONDS.BODY`.
pub fn sign(secret: &str, body: &[u8], seconds: u64) -> String {
    format!("t={seconds},v1={}", mac(secret, body, seconds))
}

/// Whether a webhook is genuine and new: what a handler should do first. A service has its own; this one is for
/// those that are part of a test.
///
/// `now` is in seconds since the Unix epoch.
///
/// # Errors
///
/// If it is not.
pub fn verify_signature(
    secret: &str,
    signature: &str,
    body: &[u8],
    now: u64,
    tolerance: Duration,
) -> Result<(), SignatureError> {
    let malformed = || SignatureError::Malformed(signature.to_owned());
    let part = |name: &str| signature.split(',').find_map(|part| part.trim().strip_prefix(name));
    let seconds: u64 = part("t=").and_then(|text| text.parse().ok()).ok_or_else(malformed)?;
    if part("v1=").ok_or_else(malformed)? != mac(secret, body, seconds) {
        return Err(SignatureError::Wrong);
    }
    let away = Duration::from_secs(now.abs_diff(seconds));
    if away > tolerance { Err(SignatureError::Old(away)) } else { Ok(()) }
}

fn mac(secret: &str, body: &[u8], seconds: u64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
