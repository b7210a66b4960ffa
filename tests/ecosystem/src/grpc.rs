//! A gRPC service of each kind of call.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

/// The one message.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Number {
    /// What it says.
    #[prost(int64, tag = "1")]
    pub value: i64,
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number { value }
    }
}

#[allow(missing_docs)]
pub mod generated {
    include!(concat!(env!("OUT_DIR"), "/ecosystem.Calculator.rs"));
}

/// Answers calls; negative numbers are refused.
#[derive(Debug, Default)]
pub struct Calculator;

type Numbers = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;

#[tonic::async_trait]
impl generated::calculator_server::Calculator for Calculator {
    /// After as many milliseconds as the `delay-ms` of the request's metadata says.
    async fn square(&self, request: Request<Number>) -> Result<Response<Number>, Status> {
        let delay = request.metadata().get("delay-ms").and_then(|text| text.to_str().ok()?.parse().ok());
        tokio::time::sleep(Duration::from_millis(delay.unwrap_or(0))).await;
        match request.into_inner().value {
            value if value < 0 => Err(Status::invalid_argument(format!("{value} is negative"))),
            value => Ok(Response::new((value * value).into())),
        }
    }

    async fn sum(&self, request: Request<Streaming<Number>>) -> Result<Response<Number>, Status> {
        let mut numbers = request.into_inner();
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?.value;
        }
        Ok(Response::new(sum.into()))
    }

    type CountStream = Numbers;

    async fn count(&self, request: Request<Number>) -> Result<Response<Numbers>, Status> {
        let (sender, receiver) = mpsc::channel(4);
        let end = request.into_inner().value;
        tokio::spawn(async move {
            for value in 1..=end {
                // Whoever asked may have left.
                if sender.send(Ok(value.into())).await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    type DoubleStream = Numbers;

    async fn double(&self, request: Request<Streaming<Number>>) -> Result<Response<Numbers>, Status> {
        let numbers = request.into_inner().map(|number| number.map(|number| (number.value * 2).into()));
        Ok(Response::new(Box::pin(numbers)))
    }
}
