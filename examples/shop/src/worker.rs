//! Finishes what requests left unfinished: they time out, their callers go away, other services do not answer, the program ends.
//!
//! Several shops may do this at the same time: each step is one transaction of the store, or a call that may be repeated.

use crate::checkout::Shop;
use crate::error::{Error, Result};
use crate::model::Status;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The time between two looks.
pub const LOOK: Duration = Duration::from_secs(1);
/// How long a request is left alone with what it began. Longer than any request takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again, until `ended`; what has begun is finished.
pub async fn run(shop: Shop, ended: CancellationToken) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = ended.cancelled() => return,
        }
        if let Err(error) = look(&shop).await {
            tracing::warn!(%error, "some work is left for the next time");
        }
    }
}

/// One look at everything unfinished.
///
/// # Errors
///
/// If another service does not answer; the rest is left for the next look.
pub async fn look(shop: &Shop) -> Result<()> {
    for order in shop.store.unreserved(PATIENCE).await? {
        shop.store.cancel(order, Status::Placed, "the inventory did not answer").await?;
    }
    for order in shop.store.expired().await? {
        shop.store.cancel(order, Status::Reserved, "not paid in time").await?;
    }
    for payment in shop.store.undecided(PATIENCE).await? {
        match shop.capture("worker", &payment).await {
            Ok(_) | Err(Error::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    for order in shop.store.unsettled().await? {
        shop.settle("worker", order).await;
    }
    Ok(())
}
