//! Why a request does not get its page.

use std::fmt::Display;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Why a request does not get its page. The response has the status; `visit` makes a page of it in the language of the person.
#[derive(Debug, Clone)]
pub enum PageError {
    /// Nobody is signed in.
    NotSignedIn,
    /// The door does not accept the token any longer: the account was removed.
    AccountEnded,
    /// The role of the person does not allow it. The message is that of the door.
    NotAllowed(String),
    /// The door refuses the request. The message is that of the door.
    Refused(String),
    /// The door does not run or does not answer.
    DoorSilent(String),
    /// There is no such page.
    NotFound,
    /// There is no such person: somebody has removed the person meanwhile.
    NoPerson,
    /// The request comes from another site.
    OtherSite,
    /// The request is not understood. The text has this identifier.
    BadRequest(&'static str),
    /// The body of the request is too large.
    TooLarge,
    /// Too many tries or requests.
    TooMany,
    /// The console is busy.
    Busy,
    /// Something does not work that should; the log has more.
    Internal,
}

impl PageError {
    /// Something does not work that should. It is logged.
    pub fn internal(error: impl Display) -> Self {
        log::error!(target: "ostiary::console", "{error}");
        Self::Internal
    }

    /// What a refusal of axum is, which has only a status: a form that is incomplete, or a body that is too large.
    pub fn of_status(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Some(Self::TooLarge),
            StatusCode::BAD_REQUEST
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::UPGRADE_REQUIRED => Some(Self::BadRequest("error-bad-request")),
            _ => None,
        }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotSignedIn | Self::AccountEnded => StatusCode::UNAUTHORIZED,
            Self::NotAllowed(_) | Self::OtherSite => StatusCode::FORBIDDEN,
            Self::Refused(_) => StatusCode::CONFLICT,
            Self::DoorSilent(_) | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound | Self::NoPerson => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The identifier of the text that says what happened and what to do.
    pub fn text(&self) -> &'static str {
        match self {
            Self::NotSignedIn => "error-not-signed-in",
            Self::AccountEnded => "error-account-ended",
            Self::NotAllowed(_) => "error-not-allowed",
            Self::Refused(_) => "error-refused",
            Self::DoorSilent(_) => "error-door-silent",
            Self::NotFound => "error-not-found",
            Self::NoPerson => "error-no-person",
            Self::OtherSite => "error-other-site",
            Self::BadRequest(text) => text,
            Self::TooLarge => "error-too-large",
            Self::TooMany => "error-too-many",
            Self::Busy => "error-busy",
            Self::Internal => "error-internal",
        }
    }

    /// What the door or the system says, in English.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::NotAllowed(message) | Self::Refused(message) | Self::DoorSilent(message) => Some(message),
            _ => None,
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
