//! Where the server is, and a schema of its own for each test.

/// The server's URL, from `DATABASE_URL`.
///
/// # Panics
///
/// If the variable is not set.
pub fn server() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL names the server: postgres://app@127.0.0.1:5432/app")
}

/// The URL of sessions that work in the schema `schema`.
pub fn url(schema: &str) -> String {
    let server = server();
    let sign = if server.contains('?') { '&' } else { '?' };
    format!("{server}{sign}options=-c%20search_path%3D{schema}")
}

/// Makes the schema, empty.
pub fn fresh(schema: &str) -> String {
    format!("drop schema if exists {schema} cascade; create schema {schema}")
}
