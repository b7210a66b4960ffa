//! Sessions and the rotation of their refresh tokens.

use super::{Claims, Identity};
use crate::event::{fact, now};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sim_runtime::time::Nanos;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a login or a refresh gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// A JWT.
    pub access_token: String,
    /// Good once.
    pub refresh_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
    /// Id of the session.
    pub session: String,
}

/// A login on a device, and all that was refreshed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `ses_1` and so on.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// As given at the login; empty if nothing was.
    pub device: String,
    /// How often its refresh token was rotated.
    pub rotations: u32,
    /// Whether and why it has ended.
    pub revoked: Option<Revocation>,
}

/// The end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Why.
    pub reason: Reason,
    /// When, in true virtual time.
    pub at: Nanos,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user logged out, or revoked a token.
    Logout,
    /// The user logged out everywhere.
    LogoutEverywhere,
    /// The scenario said so.
    Administrator,
    /// An old refresh token was used again.
    Reuse,
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    sessions: Vec<Session>,
    /// The session and its generation, by refresh token.
    refresh: BTreeMap<String, (usize, u32)>,
    /// By session.
    current: Vec<Current>,
}

#[derive(Debug, Clone)]
struct Current {
    tokens: Tokens,
    since: Nanos,
}

impl Sessions {
    pub(super) fn find(&self, id: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == id)
    }

    pub(super) fn all(&self) -> Vec<Session> {
        self.sessions.clone()
    }

    /// The session that a refresh token belongs to.
    pub(super) fn of_refresh_token(&self, token: &str) -> Option<&Session> {
        self.refresh.get(token).map(|(session, _)| &self.sessions[*session])
    }
}

/// Why a refresh was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Unknown,
    Revoked,
    Expired,
    Reused,
}

impl Identity {
    /// A new session with its first tokens.
    pub(super) fn open_session(&self, user: &str, device: &str) -> Tokens {
        let at = self.state.with(|state| {
            let sessions = &mut state.sessions;
            sessions.sessions.push(Session {
                id: format!("ses_{}", sessions.sessions.len() + 1),
                user: user.to_owned(),
                device: device.to_owned(),
                rotations: 0,
                revoked: None,
            });
            sessions.sessions.len() - 1
        });
        let tokens = self.make_tokens(at);
        self.state
            .with(|state| state.sessions.current.push(Current { tokens: tokens.clone(), since: now() }));
        fact("identity", || format!("{user} logged in on {device}: {}", tokens.session));
        tokens
    }

    /// The successor of a refresh token.
    pub(super) fn refresh(&self, token: &str) -> Result<Tokens, Refused> {
        let now = now();
        let nanos = |duration: Duration| Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX);
        let (at, generation, session, current, grace, lifetime) = self.state.with(|state| {
            let (at, generation) = *state.sessions.refresh.get(token).ok_or(Refused::Unknown)?;
            let (session, current) =
                (state.sessions.sessions[at].clone(), state.sessions.current[at].clone());
            Ok((at, generation, session, current, nanos(state.refresh_grace), nanos(state.refresh_lifetime)))
        })?;
        if session.revoked.is_some() {
            return Err(Refused::Revoked);
        }
        if now - current.since > lifetime {
            return Err(Refused::Expired);
        }
        if generation == session.rotations {
            self.state.with(|state| state.sessions.sessions[at].rotations += 1);
            let tokens = self.make_tokens(at);
            self.state.with(|state| {
                state.sessions.current[at] = Current { tokens: tokens.clone(), since: now };
            });
            return Ok(tokens);
        }
        if generation + 1 == session.rotations && now - current.since < grace {
            return Ok(current.tokens);
        }
        fact("identity", || format!("an old refresh token of {} was used again", session.id));
        self.revoke_where(Reason::Reuse, |other| other.id == session.id);
        Err(Refused::Reused)
    }

    pub(super) fn revoke_where(&self, reason: Reason, wanted: impl Fn(&Session) -> bool) {
        let at = now();
        let ended: Vec<String> = self.state.with(|state| {
            let live = state.sessions.sessions.iter_mut().filter(|session| session.revoked.is_none());
            let ending = live.filter(|session| wanted(session));
            ending
                .map(|session| {
                    session.revoked = Some(Revocation { reason, at });
                    format!("{} of {} on {}", session.id, session.user, session.device)
                })
                .collect()
        });
        for session in ended {
            fact("identity", || format!("{session} was revoked: {reason:?}"));
        }
    }

    fn make_tokens(&self, at: usize) -> Tokens {
        let (issued, issuer) = (self.seconds(), self.url());
        self.state.with(|state| {
            let session = &state.sessions.sessions[at];
            let user = &state.users[&session.user];
            state.tokens_made += 1;
            let expires_in = state.access_lifetime.as_secs();
            let claims = Claims {
                iss: issuer,
                sub: session.user.clone(),
                sid: session.id.clone(),
                roles: user.roles().to_vec(),
                roles_version: user.version(),
                iat: issued,
                exp: issued + expires_in,
                jti: format!("tok_{}", state.tokens_made),
            };
            let hash = Sha256::digest(format!("{} {}", claims.iss, claims.jti));
            let secret: String = hash[..12].iter().map(|byte| format!("{byte:02x}")).collect();
            let tokens = Tokens {
                access_token: state.keys.sign(&claims),
                refresh_token: format!("rt_{}_{secret}", session.id),
                token_type: "Bearer".to_owned(),
                expires_in,
                session: session.id.clone(),
            };
            state.sessions.refresh.insert(tokens.refresh_token.clone(), (at, session.rotations));
            tokens
        })
    }
}
