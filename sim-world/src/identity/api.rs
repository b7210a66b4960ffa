//! The provider's HTTP interface.

use super::session::Refused;
use super::{Claims, Identity, Reason};
use crate::event::{below, strikes};
use crate::http::{Incoming, Response};
use serde_json::{Map, Value, json};
use sim_runtime::executor::sleep;
use std::time::Duration;

/// Longest extra time of `identity.slow`.
const SLOW_MS_MAX: u64 = 30_000;

/// Answers a request.
pub(super) async fn handle(identity: Identity, request: Incoming) -> Response {
    let line = || format!("{} {}", request.method, request.path);
    if strikes("identity.unavailable", line) {
        return error(503, "temporarily_unavailable", "try again later");
    }
    let mut latency = identity.state.with(|state| state.latency);
    if strikes("identity.slow", line) {
        latency += Duration::from_millis(below("identity/slow", SLOW_MS_MAX) + 1);
    }
    sleep(latency).await;
    let fields = match request.fields() {
        Ok(fields) => fields,
        Err(malformed) => return error(400, "invalid_request", &malformed.to_string()),
    };
    let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match request.route() {
        ("POST", path) => match path[..] {
            ["login"] => identity.login(&fields, 401),
            ["token"] => match &*field("grant_type") {
                "password" => identity.login(&fields, 400),
                "refresh_token" => match identity.refresh(&field("refresh_token")) {
                    Ok(tokens) => Response::json(200, &tokens),
                    Err(refused) => error(400, "invalid_grant", refused.why()),
                },
                other => {
                    let message = format!("grant_type is password or refresh_token, not `{other}`");
                    error(400, "unsupported_grant_type", &message)
                }
            },
            ["introspect"] => Response::json(200, &introspection(identity.introspect(&field("token")))),
            ["revoke"] => {
                let token = field("token");
                let by_refresh =
                    identity.state.with(|state| Some(state.sessions.of_refresh_token(&token)?.id.clone()));
                let session = by_refresh.or_else(|| Some(identity.introspect(&token)?.sid));
                if let Some(id) = session {
                    identity.revoke_where(Reason::Logout, |session| session.id == id);
                }
                Response::empty(200)
            }
            ["logout"] => {
                let Some(claims) = request.bearer().and_then(|token| identity.introspect(token)) else {
                    return unauthorized();
                };
                let everywhere =
                    fields.get("everywhere").is_some_and(|value| value == true || value == "true");
                if everywhere {
                    identity.revoke_where(Reason::LogoutEverywhere, |session| session.user == claims.sub);
                } else {
                    identity.revoke_where(Reason::Logout, |session| session.id == claims.sid);
                }
                Response::empty(204)
            }
            _ => unknown(&request),
        },
        ("GET", path) => match path[..] {
            ["userinfo"] => match request.bearer().and_then(|token| identity.introspect(token)) {
                Some(Claims { sub, roles, roles_version, .. }) => Response::json(
                    200,
                    &json!({ "sub": sub, "roles": roles, "roles_version": roles_version }),
                ),
                None => unauthorized(),
            },
            [".well-known", "jwks.json"] => Response::json(200, &identity.jwks()),
            _ => unknown(&request),
        },
        _ => unknown(&request),
    }
}

fn error(status: u16, code: &str, description: &str) -> Response {
    Response::json(status, &json!({ "error": code, "error_description": description }))
}

fn unauthorized() -> Response {
    error(401, "invalid_token", "the Authorization header has no access token that is good")
        .header("www-authenticate", "Bearer")
}

fn unknown(request: &Incoming) -> Response {
    error(404, "unknown_path", &format!("{} {} is not served", request.method, request.path))
}

fn introspection(claims: Option<Claims>) -> Value {
    let Some(claims) = claims else { return json!({ "active": false }) };
    let mut answer = serde_json::to_value(claims).expect("claims can be written as JSON");
    answer["active"] = true.into();
    answer
}

impl Refused {
    fn why(self) -> &'static str {
        match self {
            Self::Unknown => "there is no such refresh token",
            Self::Revoked => "the session was revoked",
            Self::Expired => "the refresh token has expired",
            Self::Reused => "the refresh token was used before: the session is revoked",
        }
    }
}

impl Identity {
    fn login(&self, fields: &Map<String, Value>, refused: u16) -> Response {
        let field = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let (user, password) = (field("username"), field("password"));
        let good = self.state.with(|state| {
            state.users.get(user).is_some_and(|known| known.active && known.password == password)
        });
        if good {
            Response::json(200, &self.open_session(user, field("device")))
        } else {
            error(refused, "invalid_grant", "no active user has this name and password")
        }
    }
}
