//! A PostgreSQL-compatible store on virtual time.

pub mod wire;
