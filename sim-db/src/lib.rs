//! A PostgreSQL-compatible store on virtual time.

pub mod error;
pub mod value;
