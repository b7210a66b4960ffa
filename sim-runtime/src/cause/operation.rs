//! One request or statement.

use crate::schedule::TaskId;
use crate::time::Nanos;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// Names an operation of a run, in the order in which they began, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OperationId(pub u32);

impl std::fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "r{}", self.0)
    }
}

/// A request or statement, read along on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Its name.
    pub id: OperationId,
    /// `http`, `sql`, …: as the facts about it are called.
    pub kind: Cow<'static, str>,
    /// What it asks, without its number: `POST /charge`.
    pub asks: String,
    /// The how-manieth of those it is, from 1.
    pub number: u32,
    /// The node that asked.
    pub from: Arc<str>,
    /// The node that was asked.
    pub to: Arc<str>,
    /// The connection it came on, by number within the run.
    pub connection: u64,
    /// The task that asked: not the one that drives the connection.
    pub task: Option<TaskId>,
    /// Where that task waits or was spawned: `src/orders.rs:41:33`; empty if unknown.
    pub place: String,
    /// The operation that the asker worked for.
    pub parent: Option<OperationId>,
    /// The earlier attempt, if this is another one.
    pub earlier: Option<Earlier>,
    /// Step and time at which it was sent.
    pub begun: (u64, Nanos),
    /// Step and time at which the server had read of it.
    pub arrived: Option<(u64, Nanos)>,
    /// Step and time at which its answer was complete, if it was answered.
    pub ended: Option<(u64, Nanos)>,
    /// Step and time at which the asker's end had read of the answer.
    pub seen: Option<(u64, Nanos)>,
    /// What the answer was: `200`, `done`, `error`; empty without one.
    pub outcome: String,
    /// The asker never saw the answer, or the request never arrived.
    pub lost: bool,
}

impl Operation {
    /// As people say it: `POST /charge #3`.
    pub fn label(&self) -> String {
        format!("{} #{}", self.asks, self.number)
    }
}

/// What an operation has to do with an earlier one like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Earlier {
    /// The same asker tries again.
    Retry(OperationId),
    /// The network delivers it again.
    Repeat(OperationId),
}

impl Earlier {
    /// The earlier operation.
    pub fn id(self) -> OperationId {
        match self {
            Self::Retry(id) | Self::Repeat(id) => id,
        }
    }
}
