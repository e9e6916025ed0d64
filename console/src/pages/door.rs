//! The state of the door, and what operators do with it.

use askama::Template;
use axum::extract::Form;
use axum::response::Response;
use ostiary_control::interface::{GetState_Reply, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::flash::Flash;
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page};

#[derive(Template)]
#[template(path = "door.html")]
struct DoorPage {
    layout: Layout,
    state: State,
    minutes_left: Option<u64>,
    uptime: String,
}

#[derive(Template)]
#[template(path = "door-open.html")]
struct ConfirmPage {
    layout: Layout,
}

/// For how long a person wants the door held open.
#[derive(Deserialize)]
pub struct Hold {
    minutes: u32,
}

/// `GET /door`
///
/// # Errors
/// The door does not answer.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let GetState_Reply { state } = visit.door(|door| door.call("GetState", Value::Null)).await?;
    let minutes_left = state.mode_ends_s.map(|seconds| (seconds / 60.0).ceil().max(0.0) as u64);
    let uptime = duration(&visit, state.uptime_s.max(0.0) as u64);
    page(&DoorPage { layout: visit.layout("door-title").refreshed(15), state, minutes_left, uptime })
}

/// A span of time in words.
pub fn duration(visit: &Visit, seconds: u64) -> String {
    let (id, number) = match seconds {
        0..3600 => ("duration-minutes", seconds / 60),
        3600..172_800 => ("duration-hours", seconds / 3600),
        _ => ("duration-days", seconds / 86_400),
    };
    visit.texts().map_or_else(String::new, |texts| texts.with(id, "number", number))
}

/// `GET /door/open`: asks whether the person means it.
///
/// # Errors
/// The page cannot be made.
pub async fn confirm_open(visit: Visit) -> Result<Response, PageError> {
    page(&ConfirmPage { layout: visit.layout("open-title") })
}

/// `POST /door/open`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn open(visit: Visit) -> Result<Response, PageError> {
    command(&visit, "Open", Value::Null, "done-opened").await
}

/// `POST /door/hold`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn hold(visit: Visit, Form(hold): Form<Hold>) -> Result<Response, PageError> {
    let seconds = f64::from(hold.minutes) * 60.0;
    command(&visit, "HoldOpen", json!({ "seconds": seconds }), "done-held").await
}

/// `POST /door/lockdown`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn lock_down(visit: Visit) -> Result<Response, PageError> {
    command(&visit, "LockDown", Value::Null, "done-locked-down").await
}

/// `POST /door/normal`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn set_normal(visit: Visit) -> Result<Response, PageError> {
    command(&visit, "SetNormal", Value::Null, "done-normal").await
}

async fn command(
    visit: &Visit,
    method: &'static str,
    parameters: Value,
    done: &str,
) -> Result<Response, PageError> {
    let _: Value = visit.door(move |door| door.call(method, parameters)).await?;
    Ok(Flash::redirect("/door", done, ""))
}
