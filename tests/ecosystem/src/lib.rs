//! Small servers on tokio, for clients that need one: what they speak to is simulated as they are.

pub mod grpc;
pub mod postgres;
pub mod resp;
