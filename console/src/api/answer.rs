//! Calls the door for a script, and passes its replies on.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use futures_util::stream::poll_fn;
use ostiary_control::Closer;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::api_error::ApiError;
use crate::app::App;
use crate::door::DoorError;

/// How long the door may take for one reply: a change of the configuration waits for tests of models.
const ANSWER_TIME: Duration = Duration::from_secs(125);
/// How long the door may take for the next of many replies.
const NEXT_TIME: Duration = Duration::from_hours(24);
/// How long the head of the answer waits for the first of many replies.
const FIRST_TIME: Duration = Duration::from_secs(2);
/// The replies that wait for a script that reads slowly.
const WAITING: usize = 4;

/// A call with one reply.
///
/// # Errors
/// Why there is none.
pub async fn one(
    app: &App,
    token: String,
    method: &'static str,
    parameters: Value,
) -> Result<Json<Value>, ApiError> {
    let called =
        app.door.long_calls(Some(token), ANSWER_TIME, move |door| door.call(method, parameters)).await;
    Ok(Json(called?))
}

/// A call with many replies: a JSON object a line. An error before the first is an error of the request; a later one is the last line.
///
/// # Errors
/// Why there is no reply.
pub async fn many(
    app: &Arc<App>,
    token: String,
    method: &'static str,
    parameters: Value,
) -> Result<Response, ApiError> {
    let (sender, mut replies) = mpsc::channel::<Result<Value, ApiError>>(WAITING);
    let (door, failed) = (app.door.clone(), sender.clone());
    let (ends, connection) = oneshot::channel();
    tokio::spawn(async move {
        let called = door.stream(Some(token), NEXT_TIME, move |door| {
            // If the script has gone already, this ends the connection.
            let _ = ends.send(CloseOnDrop(door.closer()));
            door.call_more(method, parameters, |reply: Value| match sender.blocking_send(Ok(reply)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            })
        });
        if let Err(error) = called.await {
            // A script that has gone needs no error.
            let _ = failed.send(Err(ApiError::from(error))).await;
        }
    });
    // A door that refuses says so at once; while nothing happens, a script waits for the first line and not for the head.
    let mut next = match timeout(FIRST_TIME, replies.recv()).await {
        Ok(Some(first)) => Some(first?),
        Ok(None) | Err(_) => None,
    };
    // Dropped with the response, when the script goes.
    let connection = connection.await.ok();
    let lines = poll_fn(move |context| match next.take().filter(|_| connection.is_some()) {
        Some(first) => std::task::Poll::Ready(Some(line(&first))),
        None => replies
            .poll_recv(context)
            .map(|reply| reply.map(|reply| line(&reply.unwrap_or_else(|error| error.object())))),
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

/// Ends the call of the door when the script goes, also while no reply comes.
struct CloseOnDrop(Closer);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn line(value: &Value) -> Result<Bytes, DoorError> {
    Ok(Bytes::from(format!("{value}\n")))
}
