//! Access tokens: JSON web tokens signed with Ed25519.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The provider's URL.
    pub iss: String,
    /// The user.
    pub sub: String,
    /// The session.
    pub sid: String,
    /// Roles at the time of issue.
    pub roles: Vec<String>,
    /// Grows with each change of the user's roles, from 1.
    pub roles_version: u64,
    /// Issued at, in seconds since the Unix epoch on the provider's clock.
    pub iat: u64,
    /// Good until, likewise; not good in that second any more.
    pub exp: u64,
    /// The token's own id.
    pub jti: String,
}

/// Why an access token is no good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no JSON web token of this provider's kind.
    #[error("this is no access token: {0}")]
    Malformed(&'static str),
    /// The key that signed it is not among the public keys.
    #[error("the key `{0}` is not published")]
    UnknownKey(String),
    /// Somebody changed it.
    #[error("the signature does not fit")]
    Forged,
    /// Its time is over.
    #[error("it expired at {expired}, now is {now} (seconds since the epoch)")]
    Expired {
        /// Its `exp`.
        expired: u64,
        /// The time it was looked at.
        now: u64,
    },
}

/// What a token says, if it is good by these public keys at this time (seconds since the Unix epoch on the clock of
/// whoever looks). Says nothing of revocation. A service has its own library for this; this one is for parts of a
/// test.
///
/// # Errors
///
/// If the token is no good.
pub fn verify(token: &str, jwks: &Value, now: u64) -> Result<Claims, TokenError> {
    let malformed = TokenError::Malformed;
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed("it has no three parts"))?;
    let (head, claims) = signed.split_once('.').ok_or(malformed("it has no three parts"))?;
    let head: Value = decode(head).ok_or(malformed("its head is no JSON"))?;
    let id = head["kid"].as_str().ok_or(malformed("it names no key"))?;
    let keys = jwks["keys"].as_array().ok_or(malformed("the public keys are no key set"))?;
    let key =
        keys.iter().find(|key| key["kid"] == id).ok_or_else(|| TokenError::UnknownKey(id.to_owned()))?;
    let public = key["x"].as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let public = public.and_then(|bytes| VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok());
    let public = public.ok_or(malformed("the public key is none"))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok();
    let signature = signature.and_then(|bytes| Signature::from_slice(&bytes).ok());
    let signature = signature.ok_or(malformed("its signature is none"))?;
    public.verify_strict(signed.as_bytes(), &signature).map_err(|_| TokenError::Forged)?;
    let claims: Claims = decode(claims).ok_or(malformed("its claims are not the provider's"))?;
    if now >= claims.exp {
        return Err(TokenError::Expired { expired: claims.exp, now });
    }
    Ok(claims)
}

pub(super) fn encode(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("claims can be written as JSON"))
}

fn decode<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
