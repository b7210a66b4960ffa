//! Why a request got no answer.

use std::io;
use std::time::Duration;

/// Why a request got no answer. An answer with a status of failure is an answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be sent at all.
    #[error("`{url}` cannot be asked: {reason}")]
    Invalid {
        /// The URL as given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// No connection came about: the server has seen nothing.
    #[error("{url}: no connection: {source}")]
    NotConnected {
        /// The URL.
        url: String,
        /// What the network says.
        source: io::Error,
    },
    /// The connection ended before the answer was complete: whether the request was served is unknown.
    #[error("{url}: the answer got lost: {source}")]
    Lost {
        /// The URL.
        url: String,
        /// What hyper says.
        source: hyper::Error,
    },
    /// No answer in time: whether the request was or will be served is unknown.
    #[error("{url}: no answer within {after:?}")]
    TimedOut {
        /// The URL.
        url: String,
        /// How long was waited.
        after: Duration,
    },
    /// The device that asked crashed, or was asked to stop.
    #[error("{url}: the asking node went away")]
    Abandoned {
        /// The URL.
        url: String,
    },
}

impl Error {
    /// Whether the server may have done the work all the same.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::TimedOut { .. } | Self::Abandoned { .. })
    }
}
