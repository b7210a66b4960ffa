//! PostgreSQL's frontend/backend protocol, version 3.
//!
//! Bytes become messages in [`channel`], [`startup`] and [`frontend`]; a session ([`serve_connection`]) hands statements to
//! the SQL layer and writes what it answers through [`backend`]. [`server`] is what sessions share.
//! Streams are those of the `futures` crate, so the same session runs on a simulated network, a real socket,
//! or a [`pipe`].

pub mod authentication;
pub mod backend;
pub mod channel;
mod cursor;
mod ending;
mod extended;
pub mod frontend;
pub mod malformed;
pub mod pipe;
mod report;
mod results;
pub mod server;
mod session;
mod simple;
pub mod startup;

pub use authentication::Authentication;
pub use server::{Availability, Options, Server, SessionInfo};
pub use session::{serve_connection, serve_replica_connection};
