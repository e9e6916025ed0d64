//! Enrolls a person from photos that the browser sends. Each is sent on to the door before the next one is read, so that the console has
//! one photo in memory.

mod upload;

use std::time::Duration;

use axum::extract::Multipart;
use axum::http::StatusCode;
use axum::response::Response;
use ostiary_control::CallError;
use ostiary_control::interface::{EnrollPhotos_Reply, GetRole_Reply};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;

use self::upload::{Fields, PhotoFault, Upload, UploadError};
use super::enroll::form;
use super::result::{EnrolledPage, Reason, Refusal, Why};
use crate::door::DoorCalls;
use crate::enrollment::Enrollment;
use crate::page_error::PageError;
use crate::visit::{Visit, page};

/// The most bytes of a request. Photos that are too large together are read to their end, because browsers show an answer only then.
pub const MAX_BODY: usize = 128 * 1024 * 1024;
/// How long all may take, over a slow network.
pub const MAX_TIME: Duration = Duration::from_secs(900);
/// How long an upload waits for another one, which may have been lost just before.
const TURN_TIME: Duration = Duration::from_secs(3);
/// How long the door may take to load its models and to check all photos.
const ANSWER_TIME: Duration = Duration::from_secs(180);

/// What became of an upload.
enum Outcome {
    /// The door has checked the photos.
    Checked(EnrollPhotos_Reply),
    /// The door has refused the request.
    Refused(String),
    /// The photos were not sent to be checked.
    Unfit(Refusal),
    /// The request is not understood, or ended.
    Broken(UploadError),
}

/// `POST /people/photos`
///
/// # Errors
/// The door does not answer, or somebody else uploads photos.
pub async fn enroll(visit: Visit, multipart: Multipart) -> Result<Response, PageError> {
    let Ok(Ok(turn)) = timeout(TURN_TIME, visit.app.uploads.clone().acquire_owned()).await else {
        return Err(PageError::Busy);
    };
    let runtime = Handle::current();
    let sent = visit.long_door(ANSWER_TIME, move |door| {
        // Until this thread ends, also if the browser goes.
        let _turn = turn;
        let mut upload = Upload::new(multipart, runtime);
        let outcome = send(door, &mut upload);
        upload.read_to_end();
        Ok((outcome?, upload.fields))
    });
    let (outcome, Fields { name, is_fixed, options }) = sent.await?;
    let refused = |refusal| form(&visit, StatusCode::UNPROCESSABLE_ENTITY, name.clone(), is_fixed, refusal);
    match outcome {
        Outcome::Broken(UploadError::TooLarge) => Err(PageError::TooLarge),
        Outcome::Broken(UploadError::Broken) => Err(PageError::BadRequest("error-bad-request")),
        Outcome::Unfit(refusal) => refused(refusal.offering(options)),
        Outcome::Refused(message) => refused(Refusal::for_all(Why::Door(message)).offering(options)),
        Outcome::Checked(EnrollPhotos_Reply { messages, result }) => {
            let enrollment = match Enrollment::of(result) {
                Ok(enrollment) => enrollment,
                Err(error) => return Err(PageError::DoorSilent(error.to_string())),
            };
            if !enrollment.enrolled {
                return refused(Refusal::of(&enrollment.problems, options));
            }
            page(&EnrolledPage { layout: visit.layout("enrolled-title"), enrollment, messages })
        }
    }
}

/// Sends each photo to the door as it is read, and lets the door enroll the person if all are photos.
fn send(door: &mut DoorCalls, upload: &mut Upload) -> Result<Outcome, CallError> {
    // After it the door reads requests that are as long as a photo.
    let _: GetRole_Reply = door.call("GetRole", Value::Null)?;
    let (mut sent, mut reasons) = (0, Vec::new());
    loop {
        let (name, photo) = match upload.next_photo() {
            Ok(Some(photo)) => photo,
            Ok(None) => break,
            Err(error) => return Ok(Outcome::Broken(error)),
        };
        match photo {
            Ok(photo) if reasons.is_empty() => match door.send_photo(&name, &photo) {
                Ok(()) => sent += 1,
                Err(CallError::Refused { message }) => return Ok(Outcome::Refused(message)),
                Err(error) => return Err(error),
            },
            // Only the reasons of the other photos are of interest.
            Ok(_) => {}
            Err(fault) => reasons.push(Reason { picture: name, why: Why::Text(fault.text()) }),
        }
    }
    if !reasons.is_empty() {
        return Ok(Outcome::Unfit(Refusal { reasons, offers: Vec::new() }));
    }
    if sent == 0 {
        return Ok(Outcome::Unfit(Refusal::for_all(Why::Text(PhotoFault::Missing.text()))));
    }
    let parameters = json!({ "name": upload.fields.name, "options": upload.fields.options });
    match door.call("EnrollPhotos", parameters) {
        Ok(reply) => Ok(Outcome::Checked(reply)),
        Err(CallError::Refused { message }) => Ok(Outcome::Refused(message)),
        Err(error) => Err(error),
    }
}
