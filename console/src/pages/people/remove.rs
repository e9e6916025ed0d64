//! Removes a person: a page that says what is deleted, and one with what the record of the door has of it.

use std::ops::ControlFlow;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use ostiary_control::CallError;
use ostiary_control::interface::{ListEvents_Reply, ListPeople_Reply, Person, RemovePerson_Reply};
use serde::Deserialize;
use serde_json::{Value, json};

use super::person;
use crate::door::DoorCalls;
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page};

#[derive(Template)]
#[template(path = "person-remove.html")]
struct ConfirmPage {
    layout: Layout,
    person: Person,
}

#[derive(Template)]
#[template(path = "person-removed.html")]
struct RemovedPage {
    layout: Layout,
    event: Removal,
    name: String,
    /// Whether somebody has the name now, because they were enrolled after the removal.
    is_enrolled_again: bool,
}

/// The event of a removal.
#[derive(Debug, Deserialize)]
struct Removal {
    id: i64,
    time: String,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    person: Option<String>,
    /// The token of the person who did it.
    #[serde(default)]
    token: Option<String>,
}

/// `GET /people/ID/remove`: asks whether the person means it.
///
/// # Errors
/// The door does not answer, or there is no such person.
pub async fn confirm(visit: Visit, Path(id): Path<i64>) -> Result<Response, PageError> {
    let person = visit.door(move |door| person(door, id)).await?.ok_or(PageError::NoPerson)?;
    page(&ConfirmPage { layout: visit.layout("person-remove-title"), person })
}

/// `POST /people/ID/remove`
///
/// # Errors
/// The door does not answer or refuses, or there is no such person.
pub async fn remove(visit: Visit, Path(id): Path<i64>) -> Result<Response, PageError> {
    let removed = visit.door(move |door| {
        let Some(before) = person(door, id)? else { return Ok(None) };
        let newest = newest_event(door)?;
        let RemovePerson_Reply { removed } = door.call("RemovePerson", json!({ "name": before.name }))?;
        removal_since(door, newest, &removed).map(Some)
    });
    let event = removed.await?.ok_or(PageError::NoPerson)?;
    let to = event.map_or_else(|| "/people".to_owned(), |event| format!("/people/removed/{}", event.id));
    Ok(Redirect::to(&to).into_response())
}

/// `GET /people/removed/EVENT`: what the record has of a removal.
///
/// # Errors
/// The door does not answer, or the event is not that of a removal.
pub async fn removed(visit: Visit, Path(id): Path<i64>) -> Result<Response, PageError> {
    let found = visit.door(move |door| {
        let ListPeople_Reply { people } = door.call("ListPeople", Value::Null)?;
        let mut event = None;
        let filter = json!({ "filter": { "after": id.saturating_sub(1) } });
        door.call_more("ListEvents", filter, |ListEvents_Reply { events }| {
            event = events.into_iter().next();
            ControlFlow::Break(())
        })?;
        Ok((people, event.and_then(removal)))
    });
    let (people, event) = found.await?;
    let event = event.filter(|event| event.id == id).ok_or(PageError::NotFound)?;
    let name = event.person.clone().unwrap_or_default();
    let is_enrolled_again = people.iter().any(|person| person.name == name);
    page(&RemovedPage { layout: visit.layout("person-removed-title"), event, name, is_enrolled_again })
}

/// The number of the newest event; 0 if there is none.
fn newest_event(door: &mut DoorCalls) -> Result<i64, CallError> {
    let ListEvents_Reply { events } = door.call("ListEvents", json!({ "filter": {}, "limit": 1 }))?;
    Ok(events.last().and_then(|event| event.get("id")?.as_i64()).unwrap_or_default())
}

/// The removal of a person after an event; one before may be that of somebody else, who had the name. It is written by another thread
/// of the door: perhaps not yet.
fn removal_since(door: &mut DoorCalls, event: i64, name: &str) -> Result<Option<Removal>, CallError> {
    for _ in 0..20 {
        let filter = json!({ "filter": { "after": event, "person": name }, "limit": 5 });
        let ListEvents_Reply { events } = door.call("ListEvents", filter)?;
        if let Some(event) = events.into_iter().rev().find_map(removal) {
            return Ok(Some(event));
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Ok(None)
}

/// An event, if it is that of a removal.
fn removal(event: Value) -> Option<Removal> {
    let event: Removal = serde_json::from_value(event).ok()?;
    (event.action.as_deref() == Some("removed") && event.person.is_some()).then_some(event)
}
