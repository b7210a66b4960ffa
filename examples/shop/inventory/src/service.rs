//! The rules of stock over gRPC.

use crate::stock::{Refusal, Stock};
use inventory_proto::inventory_server::Inventory;
use inventory_proto::{
    CommitRequest, CommitResponse, LevelRequest, LevelResponse, ReceiveRequest, ReceiveResponse,
    ReleaseRequest, ReleaseResponse, ReserveRequest, ReserveResponse,
};
use std::collections::BTreeMap;
use tonic::{Request, Response, Status};

/// Answers calls from the stock.
#[derive(Clone, Debug)]
pub struct Service {
    stock: Stock,
}

impl Service {
    /// Over this stock.
    pub fn new(stock: Stock) -> Self {
        Self { stock }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Inventory for Service {
    async fn receive(&self, request: Request<ReceiveRequest>) -> Answer<ReceiveResponse> {
        let ReceiveRequest { product, quantity } = request.into_inner();
        if product.is_empty() {
            return Err(Status::invalid_argument("the product has no name"));
        }
        self.stock.receive(&product, quantity).await.map_err(refused)?;
        Ok(Response::new(ReceiveResponse {}))
    }

    async fn level(&self, request: Request<LevelRequest>) -> Answer<LevelResponse> {
        let level = self.stock.level(&request.get_ref().product).await.map_err(refused)?;
        Ok(Response::new(LevelResponse { on_hand: level.on_hand, reserved: level.reserved }))
    }

    async fn reserve(&self, request: Request<ReserveRequest>) -> Answer<ReserveResponse> {
        let ReserveRequest { order, lines } = request.into_inner();
        let mut wanted = BTreeMap::<_, i64>::new();
        for line in lines {
            *wanted.entry(line.product).or_default() += i64::from(line.quantity);
        }
        self.stock.reserve(order, &wanted).await.map_err(refused)?;
        Ok(Response::new(ReserveResponse {}))
    }

    async fn release(&self, request: Request<ReleaseRequest>) -> Answer<ReleaseResponse> {
        self.stock.release(request.get_ref().order).await.map_err(refused)?;
        Ok(Response::new(ReleaseResponse {}))
    }

    async fn commit(&self, request: Request<CommitRequest>) -> Answer<CommitResponse> {
        self.stock.commit(request.get_ref().order).await.map_err(refused)?;
        Ok(Response::new(CommitResponse {}))
    }
}

fn refused(refusal: Refusal) -> Status {
    tracing::info!(%refusal, "refused");
    match refusal {
        Refusal::Database(_) => Status::unavailable(refusal.to_string()),
        Refusal::OutOfStock { .. } | Refusal::Ended { .. } | Refusal::Unknown { .. } => {
            Status::failed_precondition(refusal.to_string())
        }
    }
}
