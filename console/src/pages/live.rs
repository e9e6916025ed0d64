//! The live picture: through a WebSocket with scripts, as a still picture without.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ostiary_control::interface::{LiveFace, LivePrompt};
use ostiary_core::{Prompt, QualityFault};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::camera::Camera;
use crate::live::{Picture, Seen, Watcher};
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page};

/// How long a still picture is waited for.
const STILL_TIME: Duration = Duration::from_secs(5);
/// How often it is checked that the person may still watch.
const CHECK_TIME: Duration = Duration::from_secs(5);
/// The longest message from a browser, bytes: it has nothing to say.
const MAX_MESSAGE: usize = 1024;

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    layout: Layout,
    /// For admins, while the door answers.
    camera: Option<Camera>,
}

/// `GET /live`
///
/// # Errors
/// The page cannot be made.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let layout = visit.layout("live-title");
    let camera = match layout.may("admin") {
        true => match Camera::of(&visit).await {
            Ok(camera) => Some(camera),
            // The page shows when there is a picture again.
            Err(PageError::DoorSilent(_) | PageError::Busy) => None,
            Err(error) => return Err(error),
        },
        false => None,
    };
    // A page with fields is not loaded again while somebody fills them in.
    let layout = if camera.is_none() { layout.refreshed(3) } else { layout };
    page(&LivePage { layout, camera })
}

/// `GET /live/still.jpg`
///
/// # Errors
/// There is no picture, or too many watch.
pub async fn still(visit: Visit) -> Result<Response, PageError> {
    if !visit.is_accepted().await {
        return Err(PageError::AccountEnded);
    }
    let mut watcher = visit.app.live.watch().ok_or(PageError::Busy)?;
    match timeout(STILL_TIME, watcher.next()).await {
        Ok(Seen::Picture(picture)) => {
            Ok(([(CONTENT_TYPE, "image/jpeg")], picture.jpeg.clone()).into_response())
        }
        Ok(Seen::Failed(why)) => Err(PageError::DoorSilent(why)),
        Ok(Seen::Nothing) | Err(_) => Err(PageError::DoorSilent("the camera gives no pictures".to_owned())),
    }
}

/// `GET /live/socket`: for each picture a message with its faces, and one with the JPEG.
///
/// # Errors
/// Too many watch.
pub async fn socket(visit: Visit, upgrade: WebSocketUpgrade) -> Result<Response, PageError> {
    if !visit.is_accepted().await {
        return Err(PageError::AccountEnded);
    }
    let watcher = visit.app.live.watch().ok_or(PageError::Busy)?;
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).write_buffer_size(0);
    Ok(upgrade.on_upgrade(|socket| watch(visit, watcher, socket)))
}

/// Sends pictures until the browser goes, or the person may not watch any longer.
async fn watch(visit: Visit, mut watcher: Watcher, mut socket: WebSocket) {
    let mut checks = interval(CHECK_TIME);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            seen = watcher.next() => {
                let sent = match seen {
                    Seen::Picture(picture) => send(&visit, &mut socket, &picture).await,
                    Seen::Failed(_) => send_text(&mut socket, &json!({ "failed": text(&visit, "live-failed") })).await,
                    Seen::Nothing => Ok(()),
                };
                if sent.is_err() {
                    return;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            _ = checks.tick() => {
                if !visit.is_still_signed_in().await {
                    let _ = send_text(&mut socket, &json!({ "ended": true })).await;
                    return;
                }
            }
        }
    }
}

async fn send(visit: &Visit, socket: &mut WebSocket, picture: &Arc<Picture>) -> Result<(), axum::Error> {
    let faces: Vec<Value> = picture.faces.iter().map(|face| shown(visit, face)).collect();
    let prompt = picture.prompt.as_ref().map(|prompt| shown_prompt(visit, prompt));
    let head = json!({ "width": picture.width, "height": picture.height, "faces": faces, "prompt": prompt });
    send_text(socket, &head).await?;
    socket.send(Message::Binary(picture.jpeg.clone())).await
}

async fn send_text(socket: &mut WebSocket, value: &Value) -> Result<(), axum::Error> {
    socket.send(Message::Text(value.to_string().into())).await
}

/// A face as the script draws it, with words in the language of the person.
fn shown(visit: &Visit, face: &LiveFace) -> Value {
    let label = match &face.looks_like {
        Some(name) => name.clone(),
        None => text(visit, "live-unknown"),
    };
    let advice = face.advice.as_deref().map(|advice| match advice_text(advice) {
        Some(id) => text(visit, id),
        None => advice.to_owned(),
    });
    json!({
        "x": face.x, "y": face.y, "width": face.width, "height": face.height,
        "label": label, "known": face.looks_like.is_some(), "advice": advice,
    })
}

/// A prompt in the language of the page.
fn shown_prompt(visit: &Visit, prompt: &LivePrompt) -> Value {
    let LivePrompt { prompt: name, text, ends_s, .. } = prompt;
    let known = Prompt::ALL.into_iter().find(|prompt| prompt.name() == name);
    let translated = known.and_then(|prompt| Some(visit.texts()?.prompt(prompt)));
    json!({ "text": translated.as_ref().unwrap_or(text), "ends_s": ends_s })
}

fn text(visit: &Visit, id: &str) -> String {
    visit.texts().map_or_else(|| id.to_owned(), |texts| texts.t(id))
}

/// The text of what the door advises.
pub fn advice_text(advice: &str) -> Option<&'static str> {
    let fault = QualityFault::ALL.into_iter().find(|fault| fault.advice() == advice)?;
    Some(match fault {
        QualityFault::TooSmall => "advice-too-small",
        QualityFault::TooDark => "advice-too-dark",
        QualityFault::TooBright => "advice-too-bright",
        QualityFault::Blurred => "advice-blurred",
        QualityFault::TurnedAway => "advice-turned-away",
        QualityFault::Tilted => "advice-tilted",
        QualityFault::EyesCovered => "advice-eyes-covered",
        QualityFault::MouthCovered => "advice-mouth-covered",
        QualityFault::CutOff => "advice-cut-off",
        QualityFault::NotUpright => "advice-not-upright",
    })
}
