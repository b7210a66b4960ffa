//! A PostgreSQL-compatible store on virtual time.
//!
//! * [`error`]: the one error type, PostgreSQL's fields and codes.
//! * [`value`]: SQL values and types.
//! * [`engine`]: tables, versions, locks, isolation levels: the store without SQL.
//! * [`simulated`]: the engine inside a run.
//! * [`typed`]: tables of Rust structs on that engine, for code that wants no SQL.

pub mod engine;
pub mod error;
pub mod simulated;
pub mod typed;
pub mod value;
