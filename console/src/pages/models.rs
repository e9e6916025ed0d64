//! The stored bundles of models: checked, and changed from one to another.

use std::ops::ControlFlow;
use std::time::Duration;

use askama::Template;
use axum::extract::{Form, Query};
use axum::response::{IntoResponse, Redirect, Response};
use ostiary_control::interface::{
    ActivateModels_Reply, ListModels_Reply, ListPeople_Reply, TemplateProgress, VerifyModels_Reply,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page};
use crate::work::Progress;
use crate::work::models::{Changed, Checked, ModelsWork};

/// How long the door may take for a reply: with onnxruntime it tests models for 15 minutes.
const ANSWER_TIME: Duration = Duration::from_secs(21 * 60);

#[derive(Template)]
#[template(path = "models.html")]
struct ModelsPage {
    layout: Layout,
    bundles: Vec<Bundle>,
    has_active: bool,
    is_overridden: bool,
    is_busy: bool,
}

/// A stored bundle, as the door describes it.
#[derive(Debug, Deserialize)]
struct Bundle {
    version: u64,
    active: bool,
    probation: bool,
    created: Option<String>,
    expires: Option<String>,
    #[serde(default)]
    expired: bool,
    model: Option<String>,
    note: Option<String>,
    /// Why it cannot be read.
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "models-confirm.html")]
struct ConfirmPage {
    layout: Layout,
    action: &'static str,
    question: String,
    version: Option<u64>,
    /// The people who may have no template afterwards.
    without: Vec<String>,
}

#[derive(Template)]
#[template(path = "models-work.html")]
struct WorkPage {
    layout: Layout,
    work: Progress<ModelsWork>,
}

/// Which bundle is meant.
#[derive(Deserialize)]
pub struct Chosen {
    version: Option<u64>,
}

/// `GET /models`
///
/// # Errors
/// The door does not answer or refuses.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let list: ListModels_Reply = visit.door(|door| door.call("ListModels", Value::Null)).await?;
    page(&ModelsPage {
        layout: visit.layout("models-title"),
        bundles: list.bundles.into_iter().map(parse).collect::<Result<_, _>>()?,
        has_active: list.active.is_some(),
        is_overridden: list.overridden,
        is_busy: visit.app.models.is_busy(),
    })
}

/// `GET /models/activate?version=NUMBER`: asks whether the person means it.
///
/// # Errors
/// There is no such bundle, or the door does not answer or refuses.
pub async fn confirm_activate(visit: Visit, Query(chosen): Query<Chosen>) -> Result<Response, PageError> {
    let reply = visit.door(|door| {
        let list: ListModels_Reply = door.call("ListModels", Value::Null)?;
        let people: ListPeople_Reply = door.call("ListPeople", Value::Null)?;
        Ok((list.bundles, people.people))
    });
    let (bundles, people) = reply.await?;
    let bundles = bundles.into_iter().map(parse).collect::<Result<Vec<Bundle>, _>>()?;
    let is_chosen = |bundle: &Bundle| Some(bundle.version) == chosen.version;
    let bundle = bundles.into_iter().find(is_chosen).ok_or(PageError::NotFound)?;
    let has_template = |models: &[String]| bundle.model.as_ref().is_some_and(|model| models.contains(model));
    let without = people.into_iter().filter(|person| person.crops == 0 && !has_template(&person.models));
    let layout = visit.layout("models-activate-title");
    page(&ConfirmPage {
        question: layout.with("models-activate-question", "number", bundle.version),
        layout,
        action: "/models/activate",
        version: Some(bundle.version),
        without: without.map(|person| person.name).collect(),
    })
}

/// `GET /models/rollback`: asks whether the person means it.
///
/// # Errors
/// The door does not answer or refuses.
pub async fn confirm_rollback(visit: Visit) -> Result<Response, PageError> {
    let reply: ListPeople_Reply = visit.door(|door| door.call("ListPeople", Value::Null)).await?;
    // Which models were in use before is known to the door only.
    let without = reply.people.into_iter().filter(|person| person.crops == 0);
    let layout = visit.layout("models-rollback-title");
    page(&ConfirmPage {
        question: layout.t("models-rollback-question"),
        layout,
        action: "/models/rollback",
        version: None,
        without: without.map(|person| person.name).collect(),
    })
}

/// `POST /models/activate`
///
/// # Errors
/// A check or a change runs.
pub async fn activate(
    visit: Visit,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    let version = fields.iter().find(|(name, _)| name == "version");
    let version = version.map(|(_, value)| value.parse::<u64>()).transpose();
    let version = version.map_err(|_| PageError::BadRequest("error-bad-request"))?;
    let parameters = json!({ "version": version, "without": without(fields) });
    change(&visit, "ActivateModels", parameters, "models-activate-title")
}

/// `POST /models/rollback`
///
/// # Errors
/// A check or a change runs.
pub async fn rollback(
    visit: Visit,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, PageError> {
    change(&visit, "RollbackModels", json!({ "without": without(fields) }), "models-rollback-title")
}

/// `POST /models/verify`
///
/// # Errors
/// A check or a change runs.
pub async fn verify(visit: Visit, Form(chosen): Form<Chosen>) -> Result<Response, PageError> {
    let work = visit.app.models.begin(ModelsWork::new("models-verify-title"));
    let work = work.ok_or(PageError::BadRequest("models-busy"))?;
    tokio::spawn(async move {
        let worker = work.clone();
        let verified = visit.long_door(ANSWER_TIME, move |door| {
            let parameters = json!({ "version": chosen.version });
            door.call_more("VerifyModels", parameters, |reply: VerifyModels_Reply| {
                if let Some(Ok(checked)) = reply.bundle.map(parse::<Checked>) {
                    worker.update(|state| state.checked.push(checked));
                }
                ControlFlow::Continue(())
            })
        });
        work.end(verified.await.err());
    });
    Ok(Redirect::to("/models/work").into_response())
}

/// `GET /models/work`: how far a check or a change is.
///
/// # Errors
/// None was begun.
pub async fn work(visit: Visit) -> Result<Response, PageError> {
    let Some(work) = visit.app.models.look() else { return Ok(Redirect::to("/models").into_response()) };
    let layout = visit.layout(work.state.title);
    let layout = if work.is_over { layout } else { layout.refreshed(3) };
    page(&WorkPage { layout, work })
}

/// Begins a change. Its replies are the same, whether it is an activation or a rollback.
fn change(
    visit: &Visit,
    method: &'static str,
    parameters: Value,
    title: &'static str,
) -> Result<Response, PageError> {
    let work = visit.app.models.begin(ModelsWork::new(title)).ok_or(PageError::BadRequest("models-busy"))?;
    let visit = visit.clone();
    tokio::spawn(async move {
        let worker = work.clone();
        let changed = visit.long_door(ANSWER_TIME, move |door| {
            door.call_more(method, parameters, |reply: ActivateModels_Reply| {
                worker.update(|state| {
                    if let Some(TemplateProgress { done, of }) = reply.progress {
                        state.templates = Some((done, of));
                    }
                    state.changed = reply.result.and_then(|result| parse(result).ok());
                });
                ControlFlow::Continue(())
            })
        });
        work.end(changed.await.err());
    });
    Ok(Redirect::to("/models/work").into_response())
}

impl Bundle {
    /// The day of a time.
    fn day<'a>(&self, time: &'a str) -> &'a str {
        time.split('T').next().unwrap_or_default()
    }
}

fn without(fields: Vec<(String, String)>) -> Vec<String> {
    fields.into_iter().filter(|(name, _)| name == "without").map(|(_, value)| value).collect()
}

fn parse<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T, PageError> {
    serde_json::from_value(value).map_err(|error| PageError::internal(format!("models: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_and_results_of_the_door_are_read() {
        let bundle: Bundle = parse(json!({
            "version": 7, "active": true, "probation": false, "created": "2026-01-02T03:04:05Z",
            "expires": "2027-01-02T03:04:05Z", "expired": false, "model": "a"
        }))
        .unwrap();
        assert_eq!(bundle.created.as_deref().map(|time| bundle.day(time)), Some("2026-01-02"));
        let bad: Bundle =
            parse(json!({ "version": 8, "active": false, "probation": false, "problem": "no" })).unwrap();
        assert_eq!((bad.problem.as_deref(), bad.model), (Some("no"), None));
        assert!(matches!(parse(json!({ "refused": "no" })).unwrap(), Changed::Refused { .. }));
        let changed = json!({
            "version": null, "active": true, "model": "a", "templates": 3, "strangers": ["Ann"], "daemon": true
        });
        assert!(matches!(parse(changed).unwrap(), Changed::Changed { templates: 3, .. }));
    }
}
