//! What a request is told when it fails.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing: 404.
    #[error("there is no {0}")]
    Absent(String),
    /// It cannot be done as things are: 409.
    #[error("{0}")]
    Conflict(String),
    /// The request makes no sense: 422.
    #[error("{0}")]
    Invalid(String),
    /// Another service did not answer; it may be tried again: 503.
    #[error("{service} did not answer: {reason}")]
    Unavailable {
        /// Which.
        service: &'static str,
        /// What happened instead.
        reason: String,
    },
    /// The database holds what it should not: 500.
    #[error("{0}")]
    Broken(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable { service: "the database", reason: error.to_string() }
    }
}

/// The answer to a request, or why there is none.
pub type Result<T> = std::result::Result<T, Error>;

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: String,
        }
        let status = match self {
            Self::Absent(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        tracing::info!(error = %self, %status, "the request fails");
        (status, Json(Body { error: self.to_string() })).into_response()
    }
}
