//! An order's way through stock and payment.

use crate::error::{Error, Result};
use crate::inventory::{Inventory, Reserved};
use crate::model::{Line, Order, Payment, Status};
use crate::provider::{Decision, Provider};
use crate::store::{Paying, Store};
use std::time::Duration;

/// What a request needs; clones share it.
#[derive(Clone, Debug)]
pub struct Shop {
    /// What the shop remembers.
    pub store: Store,
    /// Who holds the stock.
    pub inventory: Inventory,
    /// Who moves money.
    pub provider: Provider,
    /// How long an order may wait for its payment.
    pub reservation: Duration,
}

impl Shop {
    /// Places an order and has its lines set aside. The same key gives the same order.
    ///
    /// # Errors
    ///
    /// If customer or product are not known, something is not in stock, or the inventory does not answer. In
    /// the last case the worker will cancel the order.
    pub async fn place(
        &self,
        request_id: &str,
        customer: i64,
        key: Option<&str>,
        lines: &[Line],
    ) -> Result<Order> {
        let lines = merged(lines)?;
        let order = self.store.place_order(customer, key, &lines).await?;
        let order = match order.status {
            Status::Placed => order,
            _ => return alive(order),
        };
        match self.inventory.reserve(request_id, &order).await? {
            Reserved::Yes => alive(self.store.reserved(order.id, self.reservation).await?),
            Reserved::No(reason) => {
                self.store.cancel(order.id, Status::Placed, &reason).await?;
                self.settle(request_id, order.id).await;
                Err(Error::Conflict(reason))
            }
        }
    }

    /// Pays an order. What comes back is still *paying* when the provider has not answered; the worker will
    /// find out.
    ///
    /// # Errors
    ///
    /// If the order is not known, cannot be paid, or the card is declined.
    pub async fn pay(&self, request_id: &str, order: i64, card: &str) -> Result<Order> {
        match self.store.start_payment(order, card).await? {
            Paying::Already(order) => Ok(order),
            Paying::Started(payment) => match self.capture(request_id, &payment).await {
                Ok(order) => Ok(order),
                Err(Error::Unavailable { service, reason }) => {
                    tracing::warn!(order, service, reason, "what became of the payment is not known yet");
                    self.store.order(order).await
                }
                Err(error) => Err(error),
            },
        }
    }

    /// Has the provider move the money, and writes down what it decided.
    ///
    /// # Errors
    ///
    /// If the card is declined, or it is not known what the provider did.
    pub async fn capture(&self, request_id: &str, payment: &Payment) -> Result<Order> {
        match self.provider.capture(request_id, payment).await? {
            Decision::Captured(capture) => {
                let order = self.store.paid(payment.id, &capture).await?;
                self.settle(request_id, order.id).await;
                Ok(order)
            }
            Decision::Declined => {
                self.store.declined(payment.id).await?;
                Err(Error::Conflict(format!("the card of order {} is declined", payment.order)))
            }
        }
    }

    /// Tells the inventory what became of an order that is paid or cancelled. If it does not answer, the
    /// worker tells it again.
    pub async fn settle(&self, request_id: &str, order: i64) {
        if let Err(error) = self.try_settle(request_id, order).await {
            tracing::warn!(order, %error, "what the inventory holds is not settled yet");
        }
    }

    async fn try_settle(&self, request_id: &str, order: i64) -> Result<()> {
        match self.store.order(order).await?.status {
            Status::Paid => self.inventory.commit(request_id, order).await?,
            Status::Cancelled => self.inventory.release(request_id, order).await?,
            Status::Placed | Status::Reserved | Status::Paying => return Ok(()),
        }
        self.store.settled(order).await
    }
}

/// The order, unless it was cancelled.
fn alive(order: Order) -> Result<Order> {
    match order.status {
        Status::Cancelled => Err(Error::Conflict(order.reason.unwrap_or_default())),
        _ => Ok(order),
    }
}

/// The lines by product, each once.
fn merged(lines: &[Line]) -> Result<Vec<Line>> {
    let mut merged: Vec<Line> = Vec::new();
    for line in lines {
        if line.quantity == 0 {
            return Err(Error::Invalid(format!("nobody orders 0 of {}", line.product)));
        }
        match merged.iter_mut().find(|other| other.product == line.product) {
            Some(other) => {
                let sum = other.quantity.checked_add(line.quantity);
                other.quantity =
                    sum.ok_or_else(|| Error::Invalid(format!("too many of {}", line.product)))?;
            }
            None => merged.push(line.clone()),
        }
    }
    if merged.is_empty() {
        return Err(Error::Invalid("an order needs a line".to_owned()));
    }
    merged.sort();
    Ok(merged)
}
