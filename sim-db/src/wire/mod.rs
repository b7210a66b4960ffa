//! PostgreSQL's frontend/backend protocol, version 3.

pub mod authentication;
pub mod backend;
pub mod channel;
mod cursor;
pub mod frontend;
pub mod malformed;
pub mod pipe;
mod report;
pub mod server;
pub mod startup;
