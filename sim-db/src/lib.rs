//! A PostgreSQL-compatible store on virtual time.
//!
//! * [`error`]: the one error type, PostgreSQL's fields and codes.
//! * [`value`]: SQL values and types.
//! * [`engine`]: tables, versions, locks, isolation levels: the store without SQL.
//! * [`history`]: what clients saw and did, and the judges that read it: isolation, linearizability, exactly once.
//! * [`sql`]: SQL on the engine.
//! * [`copy`]: the data formats of COPY.
//! * [`wire`]: PostgreSQL's protocol, from bytes to a session.
//! * [`simulated`]: the engine inside a run.
//! * [`typed`]: tables of Rust structs on that engine, for code that wants no SQL.

pub mod copy;
pub mod engine;
pub mod error;
pub mod history;
pub mod simulated;
pub mod sql;
pub mod typed;
pub mod value;
pub mod wire;
