//! An answer that is no: a status, and a sentence in JSON.

use axum::Json;
use axum::http::header::{HeaderValue, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::daemon::handle::{CommandError, LoopError};
use model::api::{Refused, V};

/// Why a request was not served.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(super) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn too_large(most: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {most} bytes"))
    }

    pub(super) fn too_slow(what: &str) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, what)
    }

    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }
}

impl From<LoopError> for Refusal {
    fn from(error: LoopError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<CommandError> for Refusal {
    fn from(error: CommandError) -> Self {
        let status = match &error {
            CommandError::NoProfile(_) | CommandError::NoRun(_) => StatusCode::NOT_FOUND,
            CommandError::OtherTeam(_) => StatusCode::FORBIDDEN,
            CommandError::BadFiles => StatusCode::UNPROCESSABLE_ENTITY,
            CommandError::Paused(_) | CommandError::PausedByConfiguration(_) | CommandError::Ending { .. } => {
                StatusCode::CONFLICT
            }
            CommandError::Journal(_) | CommandError::LoopError(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Refused { error: self.message, ok: None, v: V })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hotset\""));
        }
        response
    }
}

pub(super) async fn no_such_page(uri: Uri) -> Refusal {
    Refusal::not_found(format!("there is no {}", uri.path()))
}

pub(super) async fn no_such_method(method: Method, uri: Uri) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not for {}", uri.path()))
}
