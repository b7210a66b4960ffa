//! Who asks: the identity provider knows by the access token.

use crate::App;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use serde::Deserialize;

/// The user whose access token a request carries.
pub(crate) struct User(pub(crate) String);

#[derive(Deserialize)]
struct Introspection {
    active: bool,
    #[serde(default)]
    sub: String,
}

impl FromRequestParts<App> for User {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, StatusCode> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
        let url = format!("{}/introspect", app.config.identity_url);
        let asked = app.http.post(url).json(&serde_json::json!({ "token": token })).send().await;
        let unavailable = |_| StatusCode::SERVICE_UNAVAILABLE;
        let answer = asked.and_then(reqwest::Response::error_for_status).map_err(unavailable)?;
        let Introspection { active, sub } = answer.json().await.map_err(unavailable)?;
        if active { Ok(Self(sub)) } else { Err(StatusCode::UNAUTHORIZED) }
    }
}
