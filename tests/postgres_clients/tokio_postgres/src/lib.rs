//! Tests of tokio-postgres: see `tests`.
