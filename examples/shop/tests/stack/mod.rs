//! The shop, the inventory and the payment provider on loopback, over databases of the test's own, and a customer's client.

use inventory::stock::{Level, Stock};
use provider::Ledger;
use serde_json::{Value, json};
use shop::config::Config;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// All services of one test; they end with it.
pub struct Stack {
    /// What the provider has done.
    pub ledger: Ledger,
    stock: Stock,
    client: reqwest::Client,
    url: String,
    end: CancellationToken,
    shop: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Stack {
    /// Starts everything; `test` names the databases.
    pub async fn start(test: &str) -> Self {
        let end = CancellationToken::new();
        let ended = || {
            let end = end.clone();
            async move { end.cancelled().await }
        };
        let ledger = Ledger::default();
        let stock = Stock::connect(&database(&format!("{test}_inventory")).await).await;
        let stock = stock.expect("the inventory has a database");

        let (inventory, inventory_url) = listen().await;
        tokio::spawn(inventory::serve(inventory, stock.clone(), ended()));
        let (provider, provider_url) = listen().await;
        tokio::spawn(provider::serve(provider, ledger.clone(), "sk_test".to_owned(), ended()));
        let (listener, url) = listen().await;
        let config = Config {
            listen: String::new(),
            database_url: database(&format!("{test}_shop")).await,
            inventory_url,
            provider_url,
            provider_key: "sk_test".to_owned(),
            reservation: Duration::from_secs(900),
            request: Duration::from_secs(10),
        };
        let ended = ended();
        let shop = tokio::spawn(async move { shop::serve(listener, &config, ended).await });
        Self { ledger, stock, client: reqwest::Client::new(), url, end, shop }
    }

    /// Sends a request, and answers status and body; an empty body is null.
    pub async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.send_with(method, path, body, &[]).await
    }

    pub async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let method = method.parse().expect("the method is a constant");
        let mut request = self.client.request(method, format!("{}{path}", self.url)).json(&body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("the shop answers");
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.expect("the answer has a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, Value::Null).await
    }

    /// Puts so much tea on the shelf, and answers the number of a customer.
    pub async fn open(&self, tea: u32) -> i64 {
        self.send("PUT", "/products/tea", json!({"price": 500})).await;
        self.send("POST", "/products/tea/stock", json!({"quantity": tea})).await;
        let customer = json!({"name": "Anna", "email": "anna@example.com", "phone": "123"});
        let (status, customer) = self.send("POST", "/customers", customer).await;
        assert_eq!(status, 201);
        customer["id"].as_i64().expect("a customer has a number")
    }

    /// How much tea there is.
    pub async fn level(&self) -> Level {
        self.stock.level("tea").await.expect("the database answers")
    }

    /// Orders so much tea.
    pub async fn order(&self, customer: i64, quantity: u32) -> (u16, Value) {
        let order = json!({"customer": customer, "lines": [{"product": "tea", "quantity": quantity}]});
        self.send("POST", "/orders", order).await
    }

    /// Ends the services, and waits until the shop has finished what it does.
    pub async fn end(self) {
        self.end.cancel();
        self.shop.await.expect("the shop does not panic").expect("the shop ends well");
    }
}

/// Where a database of this name is; it is created where servers want that.
async fn database(name: &str) -> String {
    let server = std::env::var("TEST_POSTGRES_URL");
    let server =
        server.expect("TEST_POSTGRES_URL is not set: run the tests with ./with-postgres or cargo sim");
    let url = format!("{server}/{name}");
    match PgConnection::connect(&url).await {
        Ok(connection) => connection.close().await.expect("nothing is left to say"),
        Err(error) => {
            let is_absent =
                error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("3D000"));
            assert!(is_absent, "{url}: {error} (without cargo sim, run the tests with ./with-postgres)");
            let mut server =
                PgConnection::connect(&format!("{server}/postgres")).await.expect("it has just answered");
            let statement = sqlx::AssertSqlSafe(format!("create database {name}"));
            sqlx::raw_sql(statement).execute(&mut server).await.expect("the database is new");
        }
    }
    url
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
    (listener, url)
}
