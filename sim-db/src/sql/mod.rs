//! SQL on the engine: parse, bind, plan, execute.
//!
//! * [`connection`]: the SQL state of one session; where the wire protocol and the typed callers enter.
//! * [`sink`]: where results, notices and `COPY` data go.

pub mod connection;
pub mod settings;
pub mod sink;

pub use connection::{Completion, Connection, Portal, Prepared, ResultColumn};
pub use sink::{CopyFormat, Sink};
