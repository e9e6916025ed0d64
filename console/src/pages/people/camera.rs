//! Enrolls a person with the door's camera: the page shows what the door asks for, beside the live picture. Through a WebSocket with
//! scripts; without, the page is loaded again and again.

mod prompt;
mod run;

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Form, WebSocketUpgrade};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::time::interval;

use self::prompt::Prompt;
use self::run::run;
use super::result::{EnrolledPage, Refusal, Why};
use crate::camera_enrollment::{CameraEnrollment, End, Progress};
use crate::enrollment::EnrollOptions;
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page};

/// After how many seconds a browser without scripts loads the page again.
const REFRESH_S: u32 = 2;
/// How often an open page is taken note of.
const STAY_TIME: Duration = Duration::from_secs(2);
/// The longest message from a browser, bytes: it has nothing to say.
const MAX_MESSAGE: usize = 1024;

#[derive(Template)]
#[template(path = "enroll-camera.html")]
struct CameraPage {
    layout: Layout,
    name: String,
    prompts: Vec<Prompt>,
    /// The number of the first prompt that is not on the page.
    next: usize,
}

#[derive(Template)]
#[template(path = "enroll-camera-ended.html")]
struct EndedPage {
    layout: Layout,
    name: String,
    any_pose: bool,
    refusal: Refusal,
}

/// Who is enrolled, and how.
#[derive(Deserialize)]
pub struct Wanted {
    name: String,
    any_pose: Option<String>,
    force: Option<String>,
    allow_similar: Option<String>,
    allow_unlike: Option<String>,
}

/// `POST /people/camera`
///
/// # Errors
/// Somebody else is being enrolled.
pub async fn begin(visit: Visit, Form(wanted): Form<Wanted>) -> Result<Response, PageError> {
    let options = EnrollOptions {
        aligned: false,
        force: wanted.force.is_some(),
        allow_similar: wanted.allow_similar.is_some(),
        allow_unlike: wanted.allow_unlike.is_some(),
    };
    let name = wanted.name.trim().to_owned();
    let (account, any_pose) = (visit.session()?.account, wanted.any_pose.is_some());
    let enrollment = visit.app.camera_enrollments.begin(account, name, any_pose, options).await?;
    tokio::spawn(run(visit.clone(), enrollment));
    Ok(Redirect::to("/people/camera").into_response())
}

/// `GET /people/camera`
///
/// # Errors
/// The page cannot be made.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let Some(enrollment) = own(&visit)? else {
        return Ok(Redirect::to("/people/enroll").into_response());
    };
    enrollment.stay();
    let progress = enrollment.progress().borrow().clone();
    let ended = |refusal| {
        let layout = visit.layout("enroll-camera-ended-title");
        let (name, any_pose) = (enrollment.name.clone(), enrollment.any_pose);
        page(&EndedPage { layout, name, any_pose, refusal })
    };
    match progress.end {
        None => {
            let layout = visit.layout("enroll-camera-title").refreshed(REFRESH_S);
            let next = progress.dropped + progress.messages.len();
            let prompts = prompts(&visit, &progress, 0);
            page(&CameraPage { layout, name: enrollment.name.clone(), prompts, next })
        }
        Some(End::Result(result)) if result.enrolled => {
            let messages = progress.messages.into_iter().filter(|message| prompt::is_notice(message));
            let layout = visit.layout("enrolled-title");
            page(&EnrolledPage { layout, enrollment: result, messages: messages.collect() })
        }
        Some(End::Result(result)) => ended(Refusal::of(&result.problems, enrollment.options)),
        Some(End::Left) => {
            ended(Refusal::for_all(Why::Text("enroll-camera-left")).offering(enrollment.options))
        }
        Some(End::Failed(error)) => {
            let why = match error.detail() {
                Some(detail) => Why::Door(detail.to_owned()),
                None => Why::Text(error.text()),
            };
            ended(Refusal::for_all(why).offering(enrollment.options))
        }
    }
}

/// `POST /people/camera/cancel`
///
/// # Errors
/// Nobody is signed in.
pub async fn cancel(visit: Visit) -> Result<Response, PageError> {
    if let Some(enrollment) = own(&visit)? {
        enrollment.leave();
        // The page after this one says that it has ended.
        let mut progress = enrollment.progress();
        let ended = progress.wait_for(|progress| progress.end.is_some());
        let _ = tokio::time::timeout(Duration::from_secs(5), ended).await;
    }
    Ok(Redirect::to("/people/camera").into_response())
}

/// `GET /people/camera/socket`: the prompts, as the door gives them.
///
/// # Errors
/// Nobody is being enrolled.
pub async fn socket(visit: Visit, upgrade: WebSocketUpgrade) -> Result<Response, PageError> {
    let enrollment = own(&visit)?.ok_or(PageError::NotFound)?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).write_buffer_size(0);
    Ok(upgrade.on_upgrade(|socket| follow(visit, enrollment, socket)))
}

/// Sends prompts until the enrollment has ended or the browser goes.
async fn follow(visit: Visit, enrollment: Arc<CameraEnrollment>, mut socket: WebSocket) {
    let mut progress = enrollment.progress();
    progress.mark_changed();
    let (mut looks, mut sent) = (interval(STAY_TIME), 0);
    loop {
        tokio::select! {
            changed = progress.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = progress.borrow_and_update().clone();
                let prompts = prompts(&visit, &now, sent);
                let first = now.dropped.max(sent);
                sent = now.dropped + now.messages.len();
                let text = json!({ "first": first, "prompts": prompts, "ended": now.end.is_some() });
                if socket.send(Message::Text(text.to_string().into())).await.is_err() || now.end.is_some() {
                    return enrollment.go();
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return enrollment.go(),
                Some(Ok(_)) => {}
            },
            _ = looks.tick() => enrollment.stay(),
        }
    }
}

/// The enrollment that the account has begun.
fn own(visit: &Visit) -> Result<Option<Arc<CameraEnrollment>>, PageError> {
    let account = visit.session()?.account;
    Ok(visit.app.camera_enrollments.of(account))
}

/// The messages from a number on, in the language of the person.
fn prompts(visit: &Visit, progress: &Progress, from: usize) -> Vec<Prompt> {
    let new = progress.messages.iter().skip(from.saturating_sub(progress.dropped));
    new.map(|message| Prompt::of(visit.texts(), message)).collect()
}
