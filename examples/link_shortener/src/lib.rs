//! A link shortener: each user may have so many links, and more for money.
//!
//! | route | |
//! |---|---|
//! | `POST /links` `{"url"}` | a short link of the user whose access token is sent; 403 when the quota is used up |
//! | `GET /CODE` | leads to the URL |
//! | `PATCH /links/CODE` `{"url"?, "title"?}` | changes what is named |
//! | `POST /upgrades` | pays for ten links more |
//! | `POST /webhooks/payments` | the payment provider tells of a payment |

mod config;
mod links;
mod payment;
mod store;
mod user;

pub use config::{Config, QuotaCheck};
pub use store::{Link, Store};

use anyhow::Context;
use axum::Router;
use axum::routing::{get, patch, post};
use std::sync::Arc;

/// What each request handler gets.
#[derive(Clone)]
struct App {
    config: Arc<Config>,
    store: Store,
    http: reqwest::Client,
}

/// Reads the environment and serves for ever: what `main` does, and what a node of a test boots with.
pub async fn run(store: Store) -> anyhow::Result<()> {
    let config = Config::from_environment()?;
    let listener = tokio::net::TcpListener::bind(&config.listen)
        .await
        .with_context(|| format!("cannot listen at {}", config.listen))?;
    axum::serve(listener, router(config, store)?).await?;
    Ok(())
}

/// The service without its socket.
pub fn router(config: Config, store: Store) -> anyhow::Result<Router> {
    let http = reqwest::Client::builder().timeout(config.time_limit).build()?;
    let app = App { config: Arc::new(config), store, http };
    Ok(Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/links", post(links::create))
        .route("/links/{code}", patch(links::change))
        .route("/upgrades", post(payment::upgrade))
        .route("/webhooks/payments", post(payment::webhook))
        .route("/{code}", get(links::follow))
        .with_state(app))
}
