//! A new door in the browser: what is to be done, in its order, and what of it is done.

use std::borrow::Borrow;

use askama::Template;
use axum::extract::Form;
use axum::http::StatusCode;
use axum::response::Response;
use ostiary_config::{Input, SECTIONS, Section};
use ostiary_control::CallError;
use ostiary_control::interface::{
    GetConfiguration_Reply, GetLiveness_Reply, GetState_Reply, ListEvents_Reply, State, TestRelay_Reply,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::liveness::Summary;
use crate::configuration::{change_or_fail, value};
use crate::door::DoorCalls;
use crate::flash::Flash;
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page_with};

/// The key of the language of the door.
const LANGUAGE: &str = "liveness.language";

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    layout: Layout,
    state: State,
    /// The languages of the door, and whether it has this one.
    languages: Vec<(String, bool)>,
    /// Whether somebody chose a language.
    has_language: bool,
    /// Whether the door was opened by a command.
    is_opened: bool,
    /// Whether somebody was let in by face.
    is_recognized: bool,
    /// Whether a test of liveness counts.
    is_tested: bool,
    /// What the door says to the test of the relay.
    problem: Option<String>,
}

/// The language that a person chooses for the door.
#[derive(Deserialize)]
pub struct Chosen {
    language: String,
}

/// The name of the door, which a person types to confirm.
#[derive(Deserialize)]
pub struct Typed {
    door: String,
}

/// `GET /setup`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    shown(&visit, StatusCode::OK, None).await
}

/// `POST /setup/language`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn set_language(visit: Visit, Form(chosen): Form<Chosen>) -> Result<Response, PageError> {
    change_or_fail(&visit, LANGUAGE, Some(chosen.language)).await?;
    Ok(Flash::redirect("/setup", "done-setting", LANGUAGE))
}

/// `POST /setup/relay`
///
/// # Errors
/// The door does not answer.
pub async fn test_relay(visit: Visit, Form(typed): Form<Typed>) -> Result<Response, PageError> {
    let name = typed.door.trim().to_owned();
    let tested = visit.door(move |door| door.call::<TestRelay_Reply>("TestRelay", json!({ "door": name })));
    match tested.await {
        Ok(_) => Ok(Flash::redirect("/setup", "done-relay", "")),
        Err(PageError::Refused(message)) => shown(&visit, StatusCode::CONFLICT, Some(message)).await,
        Err(error) => Err(error),
    }
}

async fn shown(visit: &Visit, status: StatusCode, problem: Option<String>) -> Result<Response, PageError> {
    let reply = visit.door(|door| {
        let GetState_Reply { state } = door.call("GetState", Value::Null)?;
        let GetConfiguration_Reply { settings } = door.call("GetConfiguration", Value::Null)?;
        let (is_opened, is_recognized) = (has_event(door, "command")?, has_event(door, "granted")?);
        let liveness = match door.call::<GetLiveness_Reply>("GetLiveness", Value::Null) {
            Ok(reply) => Some(reply.liveness),
            // The page of the test says why.
            Err(CallError::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok((state, settings, is_opened, is_recognized, liveness))
    });
    let (state, settings, is_opened, is_recognized, liveness) = reply.await?;
    let chosen = value(&settings, LANGUAGE).and_then(Value::as_str).unwrap_or_default();
    let key = SECTIONS.iter().flat_map(Section::keys).find(|key| key.name() == LANGUAGE);
    let languages = match key.map(|key| key.input()) {
        Some(Input::Choice(languages)) => languages,
        _ => return Err(PageError::internal("liveness.language has no choices")),
    };
    let languages = languages.into_iter().map(|language| (language == chosen, language));
    let page = SetupPage {
        layout: visit.layout("setup-title"),
        state,
        languages: languages.map(|(is_chosen, language)| (language, is_chosen)).collect(),
        has_language: settings.iter().any(|setting| setting.key == LANGUAGE && setting.origin != "default"),
        is_opened,
        is_recognized,
        is_tested: liveness.map(Summary::parse).transpose()?.is_some_and(|summary| summary.is_valid),
        problem,
    };
    page_with(status, &page)
}

/// Whether there is an event with this reason.
fn has_event(door: &mut DoorCalls, reason: &str) -> Result<bool, CallError> {
    let filter = json!({ "since": null, "until": null, "after": null, "person": null, "reason": reason });
    let reply: ListEvents_Reply = door.call("ListEvents", json!({ "filter": filter, "limit": 1 }))?;
    Ok(!reply.events.is_empty())
}

impl SetupPage {
    /// What a step is.
    fn mark(&self, is_done: impl Borrow<bool>) -> String {
        self.layout.t(if *is_done.borrow() { "setup-done" } else { "setup-open" })
    }

    fn has_test(&self) -> bool {
        self.state.liveness != "off"
    }
}
