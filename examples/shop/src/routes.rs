//! HTTP in, JSON out.
//!
//!     PUT   /products/{name}         {"price": 500}
//!     GET   /products/{name}
//!     POST  /products/{name}/stock   {"quantity": 3}
//!     POST  /customers               {"name": …, "email": …, "phone": …, "address": …}
//!     GET   /customers/{id}
//!     PATCH /customers/{id}          what is absent stays, what is null is removed
//!     POST  /orders                  {"customer": 1, "lines": [{"product": "tea", "quantity": 1}]}, idempotency-key: K
//!     GET   /orders/{id}
//!     POST  /orders/{id}/payment     {"card": "4242"}

use crate::checkout::Shop;
use crate::error::{Error, Result};
use crate::model::{Customer, CustomerChange, Line, NewCustomer, Order, Product, Status};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use std::time::Duration;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

/// The shop's routes; no request takes longer than `limit`.
pub fn routes(shop: Shop, limit: Duration) -> Router {
    // The layers see a request from the last to the first.
    Router::new()
        .route("/health", get(|| async { "well" }))
        .route("/products/{name}", put(put_product).get(product))
        .route("/products/{name}/stock", post(receive))
        .route("/customers", post(create_customer))
        .route("/customers/{id}", get(customer).patch(change_customer))
        .route("/orders", post(place))
        .route("/orders/{id}", get(order))
        .route("/orders/{id}/payment", post(pay))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limit))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request| {
            let id = request_id(request.headers());
            tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
        }))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .with_state(shop)
}

fn request_id(headers: &HeaderMap) -> &str {
    headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("-")
}

#[derive(Deserialize)]
struct Price {
    price: i64,
}

async fn put_product(
    State(shop): State<Shop>,
    Path(name): Path<String>,
    Json(Price { price }): Json<Price>,
) -> Result<Json<Product>> {
    if price < 0 {
        return Err(Error::Invalid(format!("{price} is no price")));
    }
    let product = Product { name, price };
    shop.store.put_product(&product).await?;
    Ok(Json(product))
}

async fn product(State(shop): State<Shop>, Path(name): Path<String>) -> Result<Json<Product>> {
    shop.store.product(&name).await.map(Json)
}

#[derive(Deserialize)]
struct Delivery {
    quantity: u32,
}

async fn receive(
    State(shop): State<Shop>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(Delivery { quantity }): Json<Delivery>,
) -> Result<StatusCode> {
    let product = shop.store.product(&name).await?;
    shop.inventory.receive(request_id(&headers), &product.name, quantity).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn create_customer(
    State(shop): State<Shop>,
    Json(customer): Json<NewCustomer>,
) -> Result<(StatusCode, Json<Customer>)> {
    if !customer.email.contains('@') {
        return Err(Error::Invalid(format!("`{}` is no email address", customer.email)));
    }
    Ok((StatusCode::CREATED, Json(shop.store.create_customer(customer).await?)))
}

async fn customer(State(shop): State<Shop>, Path(id): Path<i64>) -> Result<Json<Customer>> {
    shop.store.customer(id).await.map(Json)
}

async fn change_customer(
    State(shop): State<Shop>,
    Path(id): Path<i64>,
    Json(change): Json<CustomerChange>,
) -> Result<Json<Customer>> {
    shop.store.change_customer(id, change).await.map(Json)
}

#[derive(Deserialize)]
struct NewOrder {
    customer: i64,
    lines: Vec<Line>,
}

async fn place(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Json(NewOrder { customer, lines }): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>)> {
    let key = headers.get("idempotency-key").map(|key| key.to_str()).transpose();
    let key = key.map_err(|_| Error::Invalid("the idempotency-key is no text".to_owned()))?;
    let order = shop.place(request_id(&headers), customer, key, &lines).await?;
    Ok((StatusCode::CREATED, Json(order)))
}

async fn order(State(shop): State<Shop>, Path(id): Path<i64>) -> Result<Json<Order>> {
    shop.store.order(id).await.map(Json)
}

#[derive(Deserialize)]
struct Pay {
    card: String,
}

async fn pay(
    State(shop): State<Shop>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Json(Pay { card }): Json<Pay>,
) -> Result<(StatusCode, Json<Order>)> {
    let order = shop.pay(request_id(&headers), id, &card).await?;
    let status = if order.status == Status::Paid { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(order)))
}
