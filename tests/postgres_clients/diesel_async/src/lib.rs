//! Tests of a client: see `tests`.
