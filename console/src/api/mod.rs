//! The HTTP API for scripts: the calls of the control API, over HTTPS.
//!
//! `POST /api/v1/GetState` with a JSON object of parameters gives the reply as a JSON object. A call with many replies gives one
//! object a line, as they come. A token of the door (`ostiary tokens create`) in the header `Authorization` says who asks: the
//! cookie of a browser counts for nothing here, so that no other site can use it. `GET /api/openapi.json` has the description,
//! which is made of that of the control API.

mod answer;
mod api_error;
mod description;
mod openapi;
mod parameters;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::time::timeout;

use self::api_error::ApiError;
pub use self::description::interface;
use crate::app::App;

/// The largest body of a request, bytes: that of the door's requests.
const MAX_BODY: usize = 64 * 1024;
/// How long the body of a request may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The routes of the API.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/api/openapi.json", get(openapi::show))
        .route("/api/v1/{method}", post(call).fallback(|| async { ApiError::PostOnly }))
        .route("/api/{*path}", axum::routing::any(|| async { ApiError::NotFound }))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

/// Calls the door. Who has no token does not get as far as sending a body.
async fn call(
    State(app): State<Arc<App>>,
    Path(method): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let token = bearer(request.headers()).ok_or(ApiError::NoToken)?;
    let method = interface()?.method(&method).ok_or(ApiError::NotFound)?;
    let body = Bytes::from_request(request, &());
    let body = timeout(BODY_TIME, body).await.map_err(|_| ApiError::TooSlow)?;
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::Parameters(error.body_text()),
    })?;
    let parameters = method.parameters(&body).map_err(ApiError::Parameters)?;
    match method.has_many_replies {
        true => answer::many(&app, token, method.name, parameters).await,
        false => answer::one(&app, token, method.name, parameters).await.map(IntoResponse::into_response),
    }
}

/// The token of who asks.
pub fn bearer(headers: &HeaderMap) -> Option<String> {
    let field = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = field.split_once(' ')?;
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty();
    is_token.then(|| token.trim().to_owned())
}
