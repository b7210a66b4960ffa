//! A PostgreSQL-compatible store on virtual time.
//!
//! * [`error`]: the one error type, PostgreSQL's fields and codes.
//! * [`value`]: SQL values and types.
//! * [`engine`]: tables, versions, locks, isolation levels: the store without SQL.
//! * [`history`]: what clients saw and did, and the judges that read it: isolation, linearizability, exactly once.
//! * [`sql`]: SQL on the engine.
//! * [`copy`]: the data formats of COPY.
//! * [`wire`]: PostgreSQL's protocol, from bytes to a session.
//! * [`postgres`]: a simulated machine that serves that protocol.
//! * [`simulated`]: the engine inside a run.
//! * [`typed`]: tables of Rust structs on that engine, for code that wants no SQL.

// One shape for a table of functions is worth more than the narrowest signature of each.
#![allow(
    clippy::unnecessary_wraps,
    clippy::wildcard_imports,
    clippy::match_same_arms,
    clippy::unused_async,
    clippy::needless_pass_by_value,
    clippy::items_after_statements,
    clippy::format_push_string,
    clippy::manual_let_else,
    clippy::unnested_or_patterns,
    clippy::trivially_copy_pass_by_ref,
    clippy::only_used_in_recursion,
    clippy::option_option,
    clippy::assigning_clones,
    clippy::type_complexity,
    clippy::large_enum_variant,
    clippy::redundant_closure_for_method_calls,
    clippy::self_only_used_in_recursion,
    clippy::default_trait_access
)]

pub mod copy;
pub mod engine;
pub mod error;
pub mod history;
pub mod postgres;
pub mod simulated;
pub mod sql;
pub mod typed;
pub mod value;
pub mod wire;
