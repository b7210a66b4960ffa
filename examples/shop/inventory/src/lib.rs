//! The inventory: who holds how much of what.
//!
//! * [`stock`]: the rules
//! * [`service`]: the rules over gRPC
//! * [`start`]: the program

pub mod config;
pub mod service;
pub mod stock;

use anyhow::Context;
use config::Config;
use inventory_proto::inventory_server::InventoryServer;
use service::Service;
use std::future::Future;
use stock::Stock;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

/// The program: configured by the environment, ended by ctrl-c.
///
/// # Errors
///
/// If the configuration is wrong, the address is taken or the database does not answer.
pub async fn start() -> anyhow::Result<()> {
    let config = Config::from_environment()?;
    let listener = TcpListener::bind(&config.listen)
        .await
        .with_context(|| format!("INVENTORY_LISTEN: cannot listen on {}", config.listen))?;
    let stock = Stock::connect(&config.database_url).await.context("INVENTORY_DATABASE_URL")?;
    let ended = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for ctrl-c");
            std::future::pending::<()>().await;
        }
    };
    serve(listener, stock, ended).await
}

/// Serves `stock` until `ended`, then finishes the calls that are running.
///
/// # Errors
///
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    stock: Stock,
    ended: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    tracing::info!(address = %listener.local_addr()?, "the inventory listens");
    Server::builder()
        .add_service(InventoryServer::new(Service::new(stock)))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), ended)
        .await?;
    tracing::info!("the inventory has ended");
    Ok(())
}
