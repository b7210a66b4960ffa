//! SQL on the engine: parse, bind, plan, execute.
//!
//! * [`connection`]: the SQL state of one session; where the wire protocol and the typed callers enter.
//! * [`sink`]: where results, notices and `COPY` data go.
//! * [`parse`]: text to statements. [`bind`]: names and types. [`plan`]: what is run. [`exec`]: running it.
//! * [`expr`], [`eval`], [`cast`], [`function`], [`functions`]: expressions and what they call.
//! * [`catalog`]: tables, types and the rest, and the system tables that show them. [`settings`]: run-time parameters.

pub mod bind;
pub mod cast;
pub mod catalog;
pub mod connection;
pub mod context;
mod copy_run;
mod ddl;
pub mod error;
pub mod eval;
pub mod exec;
pub mod expr;
pub mod function;
pub mod functions;
pub mod parse;
pub mod plan;
pub mod settings;
pub mod sink;
mod utility;

pub use connection::{Completion, Connection, Portal, Prepared, ResultColumn};
pub use sink::{CopyFormat, Sink};
