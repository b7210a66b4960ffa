//! The inventory, as the shop calls it.

use crate::error::{Error, Result};
use crate::model::Order;
use inventory_proto::inventory_client::InventoryClient;
use inventory_proto::{CommitRequest, Line, ReceiveRequest, ReleaseRequest, ReserveRequest};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

/// Where the shop's own stock comes from.
#[derive(Clone, Debug)]
pub struct Inventory(InventoryClient<Channel>);

/// What the inventory said to a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It holds the lines.
    Yes,
    /// It cannot, for this reason.
    No(String),
}

impl Inventory {
    /// Connects when it is first called, and again whenever the connection is gone.
    ///
    /// # Errors
    ///
    /// If it is no URL.
    pub fn at(url: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(url.to_owned())?
            .connect_timeout(Duration::from_secs(1))
            .timeout(Duration::from_secs(2));
        Ok(Self(InventoryClient::new(endpoint.connect_lazy())))
    }

    /// Adds stock.
    pub async fn receive(&self, request_id: &str, product: &str, quantity: u32) -> Result<()> {
        let message = ReceiveRequest { product: product.to_owned(), quantity };
        self.0.clone().receive(traced(request_id, message)).await.map_err(unavailable)?;
        Ok(())
    }

    /// Sets the order's lines aside.
    pub async fn reserve(&self, request_id: &str, order: &Order) -> Result<Reserved> {
        let line =
            |line: &crate::model::Line| Line { product: line.product.clone(), quantity: line.quantity };
        let message = ReserveRequest { order: order.id, lines: order.lines.iter().map(line).collect() };
        match self.0.clone().reserve(traced(request_id, message)).await {
            Ok(_) => Ok(Reserved::Yes),
            Err(status) if status.code() == Code::FailedPrecondition => {
                Ok(Reserved::No(status.message().to_owned()))
            }
            Err(status) => Err(unavailable(status)),
        }
    }

    /// Puts back what the order holds.
    pub async fn release(&self, request_id: &str, order: i64) -> Result<()> {
        self.0.clone().release(traced(request_id, ReleaseRequest { order })).await.map_err(unavailable)?;
        Ok(())
    }

    /// Takes what the order holds off the shelf.
    pub async fn commit(&self, request_id: &str, order: i64) -> Result<()> {
        self.0.clone().commit(traced(request_id, CommitRequest { order })).await.map_err(unavailable)?;
        Ok(())
    }
}

fn traced<T>(request_id: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Ok(value) = request_id.parse() {
        request.metadata_mut().insert("x-request-id", value);
    }
    request
}

fn unavailable(status: Status) -> Error {
    Error::Unavailable {
        service: "the inventory",
        reason: format!("{}: {}", status.code(), status.message()),
    }
}
