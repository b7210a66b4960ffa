//! A server beside its client, on 127.0.0.1.
#![allow(dead_code, reason = "each test file uses its part")]

/// Serves a router on a free port; the address as the beginning of a URL.
pub async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    at
}
