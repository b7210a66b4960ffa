//! The program: listens, works in the background, ends on ctrl-c.

use crate::checkout::Shop;
use crate::config::Config;
use crate::inventory::Inventory;
use crate::provider::Provider;
use crate::routes::routes;
use crate::store::Store;
use crate::worker;
use anyhow::Context;
use std::future::Future;
use tokio::net::TcpListener;
use tokio::signal::ctrl_c;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The shop, configured by the environment, until ctrl-c or SIGTERM.
///
/// # Errors
///
/// If the configuration is wrong, the address is taken or the database does not answer.
pub async fn start() -> anyhow::Result<()> {
    let config = Config::from_environment()?;
    let mut terminated = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(&config.listen)
        .await
        .with_context(|| format!("SHOP_LISTEN: cannot listen on {}", config.listen))?;
    let ended = async move {
        tokio::select! {
            _ = ctrl_c() => {}
            _ = terminated.recv() => {}
        }
    };
    serve(listener, &config, ended).await
}

/// Serves until `ended`, then finishes the requests that are running and what the worker has begun.
///
/// # Errors
///
/// If a URL is wrong, the database does not answer, the listener fails or the worker panics.
pub async fn serve(
    listener: TcpListener,
    config: &Config,
    ended: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let shop = Shop {
        store: Store::connect(&config.database_url).await.context("SHOP_DATABASE_URL")?,
        inventory: Inventory::at(&config.inventory_url).context("SHOP_INVENTORY_URL")?,
        provider: Provider::at(&config.provider_url, &config.provider_key).context("SHOP_PROVIDER_URL")?,
        reservation: config.reservation,
    };
    tracing::info!(address = %listener.local_addr()?, "the shop listens");
    let end = CancellationToken::new();
    let worker = tokio::spawn(worker::run(shop.clone(), end.clone()));
    let served = axum::serve(listener, routes(shop, config.request)).with_graceful_shutdown(ended).await;
    end.cancel();
    worker.await.context("the worker")?;
    tracing::info!("the shop has ended");
    Ok(served?)
}
