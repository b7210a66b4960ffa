//! What the comparison needs of a server: sessions that are stepped.

use crate::client::Answer;

/// What a session is seen doing after a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// It answered.
    Answered(Answer),
    /// It waits.
    Blocked,
}

impl Seen {
    /// Equal in what is compared.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Answered(a), Self::Answered(b)) => a.same(b),
            (Self::Blocked, Self::Blocked) => true,
            _ => false,
        }
    }

    /// One line to read.
    pub fn summary(&self) -> String {
        match self {
            Self::Answered(answer) => answer.summary(),
            Self::Blocked => "waits".to_owned(),
        }
    }
}

/// A server.
pub trait Side {
    /// Begins anew: runs `setup` in an empty database, then opens (or cleans) `sessions` sessions, each of which runs
    /// `each` first.
    fn begin(&mut self, setup: &[String], sessions: usize, each: &str) -> Result<(), String>;

    /// Sends `sql` on a session that is not busy.
    fn send(&mut self, session: usize, sql: &str);

    /// Waits until nothing moves any more; tells what each of the busy sessions does now.
    fn watch(&mut self, busy: &[usize]) -> Vec<Seen>;

    /// In which order sessions that are freed at once go on, from the next [`Side::begin`] on: 0 is the usual one. A
    /// server that cannot choose leaves it to chance.
    fn set_order(&mut self, _order: u64) {}

    /// Runs SQL on a connection of its own.
    fn control(&mut self, sql: &str) -> Answer;
}
