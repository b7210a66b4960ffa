//! Who may start a session.
//!
//! A simulated database needs passwords only so that a client's own code for them runs; hence one password for
//! everybody instead of a table of roles. The exchange takes its salt and nonce from the caller: nothing here
//! draws entropy.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures::io::{AsyncRead, AsyncWrite};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};

use super::{
    channel::{Channel, End},
    malformed::Malformed,
};

/// The rounds of a new PostgreSQL password.
const ITERATIONS: u32 = 4_096;
const MECHANISM: &str = "SCRAM-SHA-256";

/// How a client proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Authentication {
    /// Everybody is who they say.
    #[default]
    Trust,
    /// The password in the clear.
    Cleartext(String),
    /// PostgreSQL's MD5 scheme.
    Md5(String),
    /// SCRAM-SHA-256 without channel binding (there is no TLS).
    ScramSha256(String),
}

impl Authentication {
    /// Asks for the proof and checks it; sends no `AuthenticationOk`. `entropy` makes salt and nonce.
    ///
    /// # Errors
    /// A wrong proof or message is a violation with the SQLSTATE that ends the session.
    pub async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        channel: &mut Channel<S>,
        user: &str,
        entropy: [u8; 34],
    ) -> Result<(), End> {
        match self {
            Self::Trust => Ok(()),
            Self::Cleartext(password) => {
                channel.out.authentication(3, &[]);
                let given = answer(channel).await?;
                check(password_text(&given)? == password.as_bytes(), user)
            }
            Self::Md5(password) => {
                let salt = &entropy[..4];
                channel.out.authentication(5, salt);
                let given = answer(channel).await?;
                let inner = hex(&Md5::digest([password.as_bytes(), user.as_bytes()].concat()));
                let outer = hex(&Md5::digest([inner.as_bytes(), salt].concat()));
                check(password_text(&given)? == format!("md5{outer}").as_bytes(), user)
            }
            Self::ScramSha256(password) => scram(channel, user, password, &entropy).await,
        }
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(channel: &mut Channel<S>) -> Result<Vec<u8>, End> {
    channel.flush().await?;
    channel.ready_password().await?;
    Ok(channel.take().1.to_vec())
}

fn password_text(body: &[u8]) -> Result<&[u8], End> {
    match body.split_last() {
        Some((0, text)) if !text.contains(&0) && !text.is_empty() => Ok(text),
        Some((0, [])) => Err(End::Violation(Malformed {
            sqlstate: "28P01",
            message: "empty password returned by client".to_owned(),
        })),
        _ => Err(End::Violation(Malformed::protocol("invalid password packet size"))),
    }
}

fn check(right: bool, user: &str) -> Result<(), End> {
    if right {
        return Ok(());
    }
    Err(End::Violation(Malformed {
        sqlstate: "28P01",
        message: format!("password authentication failed for user \"{user}\""),
    }))
}

async fn scram<S: AsyncRead + AsyncWrite + Unpin>(
    channel: &mut Channel<S>,
    user: &str,
    password: &str,
    entropy: &[u8; 34],
) -> Result<(), End> {
    channel.out.authentication(10, format!("{MECHANISM}\0\0").as_bytes());
    let first = answer(channel).await?;
    let client_first = client_first(&first)?;
    let (flags, bare) = split_gs2(&client_first)?;
    let client_nonce = bare
        .split(',')
        .nth(1)
        .and_then(|part| part.strip_prefix("r="))
        .filter(|nonce| !nonce.is_empty())
        .ok_or_else(|| scram_violation("malformed SCRAM message"))?;
    let (salt, nonce) = entropy.split_at(16);
    let nonce = format!("{client_nonce}{}", BASE64.encode(nonce));
    let server_first = format!("r={nonce},s={},i={ITERATIONS}", BASE64.encode(salt));
    channel.out.authentication(11, server_first.as_bytes());

    let last = answer(channel).await?;
    let last = std::str::from_utf8(&last).map_err(|_| scram_violation("malformed SCRAM message"))?;
    let (without_proof, proof) =
        last.rsplit_once(",p=").ok_or_else(|| scram_violation("malformed SCRAM message"))?;
    let expected = format!("c={},r={nonce}", BASE64.encode(flags));
    if without_proof != expected {
        return Err(scram_violation("malformed SCRAM message"));
    }
    let salted = salted_password(password.as_bytes(), salt);
    let signed = format!("{bare},{server_first},{without_proof}");
    let client_key = mac(&salted, b"Client Key");
    let stored_key = Sha256::digest(client_key);
    let signature = mac(&stored_key, signed.as_bytes());
    let wanted: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
    check(BASE64.decode(proof).is_ok_and(|given| given == wanted), user)?;
    let server_signature = mac(&mac(&salted, b"Server Key"), signed.as_bytes());
    channel.out.authentication(12, format!("v={}", BASE64.encode(server_signature)).as_bytes());
    Ok(())
}

/// The SASL message inside `SASLInitialResponse`: mechanism, length, data.
fn client_first(body: &[u8]) -> Result<String, End> {
    let mut cursor = super::cursor::Cursor::new(body);
    let mechanism = cursor.string().map_err(End::Violation)?;
    if mechanism != MECHANISM {
        return Err(scram_violation("client selected an invalid SASL authentication mechanism"));
    }
    let length = cursor.i32().map_err(End::Violation)?;
    let length = usize::try_from(length).map_err(|_| scram_violation("malformed SCRAM message"))?;
    let data = cursor.bytes(length).map_err(End::Violation)?;
    cursor.end().map_err(End::Violation)?;
    String::from_utf8(data.to_vec()).map_err(|_| scram_violation("malformed SCRAM message"))
}

/// Cuts `n,,` or `y,,` (no channel binding) from the rest.
fn split_gs2(message: &str) -> Result<(&str, &str), End> {
    let well_formed = matches!(message.get(..3), Some("n,," | "y,,"));
    if well_formed { Ok(message.split_at(3)) } else { Err(scram_violation("malformed SCRAM message")) }
}

fn scram_violation(message: &str) -> End {
    End::Violation(Malformed::protocol(message))
}

/// PBKDF2 with HMAC-SHA-256, one block.
fn salted_password(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut block = mac(password, &[salt, &1_u32.to_be_bytes()].concat());
    let mut result = block;
    for _ in 1..ITERATIONS {
        block = mac(password, &block);
        for (r, b) in result.iter_mut().zip(block) {
            *r ^= b;
        }
    }
    result
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
