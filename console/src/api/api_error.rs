//! Why a call of the API has no reply.

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ostiary_control::CallError;
use serde_json::{Value, json};

use crate::door::DoorError;

/// Why a call has no reply. The names in the replies are stable.
#[derive(Debug, Clone)]
pub enum ApiError {
    /// The header `Authorization` has no token.
    NoToken,
    /// The door does not accept the token, or its role does not allow the call.
    NotAllowed(String),
    /// There is no such call.
    NotFound,
    /// Calls are made with POST.
    PostOnly,
    /// The parameters are not those of the call.
    Parameters(String),
    /// The body is too large.
    TooLarge,
    /// The body does not come.
    TooSlow,
    /// The door refuses it, and nothing has changed, unless the message says otherwise.
    Refused(String),
    /// The door does not run or does not answer.
    DoorSilent(String),
    /// Too many calls are being answered.
    Busy,
    /// Something does not work that should; the log has more.
    Internal,
}

impl ApiError {
    /// The status, the stable name and the message.
    fn parts(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "no_token",
                "a call takes a token of the door: `Authorization: Bearer TOKEN`; `sudo ostiary tokens create` makes one",
            ),
            Self::NotAllowed(message) => (StatusCode::FORBIDDEN, "not_allowed", message),
            Self::NotFound => {
                (StatusCode::NOT_FOUND, "not_found", "there is no such call: /api/openapi.json lists all")
            }
            Self::PostOnly => (StatusCode::METHOD_NOT_ALLOWED, "post_only", "a call is made with POST"),
            Self::Parameters(message) => (StatusCode::BAD_REQUEST, "parameters", message),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body has more than 64 KiB"),
            Self::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come within 30 seconds")
            }
            Self::Refused(message) => (StatusCode::CONFLICT, "refused", message),
            Self::DoorSilent(message) => (StatusCode::SERVICE_UNAVAILABLE, "door_silent", message),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "too many calls are being answered: try again later",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "this should not happen: the log of the console has more",
            ),
        }
    }

    /// As a JSON object: `error` is the stable name, `message` says why and what to do.
    pub fn object(&self) -> Value {
        let (_, error, message) = self.parts();
        json!({ "error": error, "message": message })
    }
}

impl From<DoorError> for ApiError {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::Call(CallError::Refused { message }) => Self::Refused(message),
            DoorError::Call(CallError::NotAllowed { message }) => Self::NotAllowed(message),
            DoorError::Busy => Self::Busy,
            DoorError::Absent(_) | DoorError::Call(_) => Self::DoorSilent(error.to_string()),
            DoorError::Ended => Self::Internal,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.parts().0, Json(self.object())).into_response();
        match self {
            Self::NoToken => {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::PostOnly => {
                response.headers_mut().insert("allow", HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        response
    }
}
