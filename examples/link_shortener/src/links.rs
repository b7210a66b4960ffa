//! Making, following and changing links.

use crate::config::QuotaCheck;
use crate::user::User;
use crate::{App, Link};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(crate) struct New {
    url: String,
}

#[derive(Serialize)]
pub(crate) struct Made {
    code: String,
}

pub(crate) async fn create(
    State(app): State<App>,
    User(user): User,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<Made>), StatusCode> {
    let first = app.config.quota_check == QuotaCheck::First;
    if first && app.store.count(&user).await >= app.config.quota + app.store.bought(&user).await {
        return Err(StatusCode::FORBIDDEN);
    }
    if !harmless(&app, &new.url).await? {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let link = Link { user, url: new.url, title: None };
    let code = if first {
        app.store.insert(link).await
    } else {
        app.store.insert_within(app.config.quota, link).await.ok_or(StatusCode::FORBIDDEN)?
    };
    Ok((StatusCode::CREATED, Json(Made { code })))
}

/// What the checker says of a URL.
async fn harmless(app: &App, url: &str) -> Result<bool, StatusCode> {
    let Some(checker) = &app.config.checker_url else { return Ok(true) };
    let asked = app.http.get(format!("{checker}/check")).query(&[("url", url)]).send().await;
    let answer = asked.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(answer.status().is_success())
}

pub(crate) async fn follow(State(app): State<App>, Path(code): Path<String>) -> Result<Redirect, StatusCode> {
    let link = app.store.get(&code).await.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Redirect::temporary(&link.url))
}

/// Fields that are not named stay as they are.
#[derive(Deserialize)]
pub(crate) struct Change {
    url: Option<String>,
    title: Option<String>,
}

pub(crate) async fn change(
    State(app): State<App>,
    User(user): User,
    Path(code): Path<String>,
    Json(change): Json<Change>,
) -> Result<StatusCode, StatusCode> {
    let changed = app.store.change(&code, &user, |link| {
        if let Some(url) = change.url {
            link.url = url;
        }
        if change.title.is_some() {
            link.title = change.title;
        }
    });
    changed.await.map(|()| StatusCode::NO_CONTENT).ok_or(StatusCode::NOT_FOUND)
}
