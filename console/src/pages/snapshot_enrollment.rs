//! "This was ...": enrolls a person from the picture of a stranger.

use std::time::Duration;

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::Response;
use ostiary_control::CallError;
use ostiary_control::interface::EnrollSnapshot_Reply;
use serde_json::json;

use super::event;
use super::people::result::{EnrolledPage, Refusal, Why};
use super::snapshot::{Asked, number};
use crate::enrollment::Enrollment;
use crate::page_error::PageError;
use crate::visit::{Visit, page};

/// How long the door may take to load its models and to check the picture.
const ANSWER_TIME: Duration = Duration::from_secs(120);

/// What became of a request to enroll.
enum Outcome {
    Checked(EnrollSnapshot_Reply),
    Refused(String),
}

/// `POST /events/ID/snapshot/enroll`: the picture shows this person.
///
/// # Errors
/// The door does not answer, or there is no such event.
pub async fn enroll(
    visit: Visit,
    Path(id): Path<String>,
    Form(asked): Form<Asked>,
) -> Result<Response, PageError> {
    let (event, options) = (number(&id)?, asked.options());
    let name = if asked.person.is_empty() { asked.name.trim() } else { &asked.person };
    if name.is_empty() {
        let refusal = Refusal::for_all(Why::Text("snapshot-no-name")).offering(options);
        return event::refused(visit, &id, asked, refusal, StatusCode::BAD_REQUEST).await;
    }
    let parameters = json!({ "name": name, "event": event, "options": options });
    let sent = visit.long_door(ANSWER_TIME, move |door| match door.call("EnrollSnapshot", parameters) {
        Ok(reply) => Ok(Outcome::Checked(reply)),
        Err(CallError::Refused { message }) => Ok(Outcome::Refused(message)),
        Err(error) => Err(error),
    });
    let refusal = match sent.await? {
        Outcome::Refused(message) => Refusal::for_all(Why::Door(message)).offering(options),
        Outcome::Checked(EnrollSnapshot_Reply { messages, result }) => {
            let enrollment =
                Enrollment::of(result).map_err(|error| PageError::DoorSilent(error.to_string()))?;
            if enrollment.enrolled {
                return page(&EnrolledPage { layout: visit.layout("enrolled-title"), enrollment, messages });
            }
            Refusal::of(&enrollment.problems, options)
        }
    };
    event::refused(visit, &id, asked, refusal, StatusCode::UNPROCESSABLE_ENTITY).await
}
