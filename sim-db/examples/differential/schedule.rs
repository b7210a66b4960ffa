//! A schedule: a schema, and statements of some sessions in one order.

/// One statement of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which session.
    pub session: usize,
    /// One Query message.
    pub sql: String,
}

/// What both servers go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Run once, before.
    pub setup: Vec<String>,
    /// How many sessions.
    pub sessions: usize,
    /// The tables, to be compared at the end.
    pub tables: Vec<String>,
    /// In this order; a step of a session that waits is left out.
    pub steps: Vec<Step>,
}
