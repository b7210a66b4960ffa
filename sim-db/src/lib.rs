//! A PostgreSQL-compatible store on virtual time.
//!
//! * [`value`]: SQL values and types.
//! * [`wire`]: PostgreSQL's protocol, from bytes to a session.

pub mod value;
pub mod wire;
