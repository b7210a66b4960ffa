//! Tests as a team has them: a real socket, a real client. With `cargo test` they run on the real tokio; with
//! `cargo sim test` each is a sweep of seeds, without an edit.

use axum::{Json, Router, routing::post};
use link_shortener::{Config, Store, router};
use serde_json::{Value, json};
use std::time::Duration;

/// Serves on a free port of loopback; its URL.
async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// The service, with an identity provider that takes each token for the name of its user.
async fn start() -> String {
    let introspect =
        post(|Json(body): Json<Value>| async move { Json(json!({ "active": true, "sub": body["token"] })) });
    let identity_url = serve(Router::new().route("/introspect", introspect)).await;
    let config = Config {
        listen: String::new(),
        quota: 2,
        quota_check: link_shortener::QuotaCheck::WithStoring,
        identity_url,
        checker_url: None,
        payment_url: "http://127.0.0.1:1".to_owned(),
        payment_key: "sk_test".to_owned(),
        webhook_secret: "whsec".to_owned(),
        time_limit: Duration::from_secs(2),
    };
    serve(router(config, Store::default()).expect("the configuration is complete")).await
}

async fn make(url: &str, user: &str) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("{url}/links")).bearer_auth(user);
    let answer = request.json(&json!({ "url": "http://example.org" })).send().await.expect("it is served");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_link_leads_to_its_url() {
    let url = start().await;
    let (status, made) = make(&url, "anna").await;
    assert_eq!(status, 201);
    let code = made["code"].as_str().expect("it has a code");
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let answer = client.expect("it needs nothing").get(format!("{url}/{code}")).send().await;
    let answer = answer.expect("it is served");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (307, &"http://example.org".parse().unwrap())
    );
}

#[tokio::test]
async fn each_user_has_a_quota() {
    let url = start().await;
    for expected in [201, 201, 403] {
        assert_eq!(make(&url, "anna").await.0, expected);
    }
    assert_eq!(make(&url, "bert").await.0, 201);
}
