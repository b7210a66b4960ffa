//! The keys that sign access tokens.
//!
//! Ed25519, because its signatures are deterministic: no entropy is drawn, and equal runs have equal tokens.

use super::token::{Claims, encode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt;

pub(super) struct Keys {
    provider: String,
    made: u32,
    /// The last one signs.
    published: Vec<(String, SigningKey)>,
}

impl Keys {
    pub(super) fn new(provider: &str) -> Self {
        let mut keys = Self { provider: provider.to_owned(), made: 0, published: Vec::new() };
        keys.rotate();
        keys
    }

    /// Makes a key and signs with it; its id.
    pub(super) fn rotate(&mut self) -> String {
        self.made += 1;
        let id = format!("key-{}", self.made);
        let seed = Sha256::digest(format!("{} {id}", self.provider));
        self.published.push((id.clone(), SigningKey::from_bytes(&seed.into())));
        id
    }

    pub(super) fn remove(&mut self, id: &str) {
        let at = self.published.iter().position(|(known, _)| known == id);
        let at = at.unwrap_or_else(|| panic!("there is no signing key `{id}`"));
        assert!(at + 1 < self.published.len(), "`{id}` is the key that signs: rotate first");
        self.published.remove(at);
    }

    pub(super) fn sign(&self, claims: &Claims) -> String {
        let (id, key) = self.published.last().expect("the key that signs is never removed");
        let head = encode(&json!({ "alg": "EdDSA", "typ": "JWT", "kid": id }));
        let signed = format!("{head}.{}", encode(claims));
        let signature = key.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(super) fn to_json(&self) -> Value {
        let keys = self.published.iter().map(|(id, key)| {
            let public = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
            json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": id, "x": public })
        });
        json!({ "keys": keys.collect::<Vec<_>>() })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.published.iter().map(|(id, _)| id).collect();
        formatter.debug_struct("Keys").field("published", &ids).finish_non_exhaustive()
    }
}
