//! The picture of a stranger: which events have one, the picture itself, and its deletion.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ostiary_control::CallError;
use ostiary_control::interface::{
    DeleteSnapshot_Reply, GetSnapshot_Reply, ListPeople_Reply, ListSnapshots_Reply,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::result::Refusal;
use crate::enrollment::EnrollOptions;
use crate::flash::Flash;
use crate::page_error::PageError;
use crate::visit::Visit;

/// The picture of an event, as its page shows it.
#[derive(Default)]
pub struct ShownSnapshot {
    /// The names of the enrolled people, for those who may enroll.
    pub people: Vec<String>,
    /// Who was chosen.
    pub asked: Asked,
    /// Why nobody was enrolled.
    pub refusal: Refusal,
}

/// Whose face the picture shows.
#[derive(Deserialize, Default)]
pub struct Asked {
    /// The name of an enrolled person; empty for somebody else.
    #[serde(default)]
    pub person: String,
    /// The name of somebody else.
    #[serde(default)]
    pub name: String,
    force: Option<String>,
    allow_similar: Option<String>,
    allow_unlike: Option<String>,
}

impl Asked {
    /// What is accepted in the picture.
    pub fn options(&self) -> EnrollOptions {
        EnrollOptions {
            aligned: false,
            force: self.force.is_some(),
            allow_similar: self.allow_similar.is_some(),
            allow_unlike: self.allow_unlike.is_some(),
        }
    }
}

/// The events of which there is a picture; none for those who may not see it.
///
/// # Errors
/// The door does not answer.
pub async fn events(visit: &Visit) -> Result<BTreeSet<u64>, PageError> {
    if !visit.layout("events-title").may("operator") {
        return Ok(BTreeSet::new());
    }
    let found = visit.door(|door| match door.call("ListSnapshots", Value::Null) {
        // The record can be shown without its pictures; the door tells of the fault in its log and among its checks.
        Err(CallError::Refused { .. }) => Ok(None),
        found => found.map(Some),
    });
    let snapshots = found.await?.map_or_else(Vec::new, |ListSnapshots_Reply { snapshots, .. }| snapshots);
    Ok(snapshots.into_iter().filter_map(|snapshot| u64::try_from(snapshot.event).ok()).collect())
}

/// The picture of an event, if there is one, for those who may see it.
///
/// # Errors
/// The door does not answer.
pub async fn find(visit: &Visit, id: u64) -> Result<Option<ShownSnapshot>, PageError> {
    if !events(visit).await?.contains(&id) {
        return Ok(None);
    }
    let people = match visit.layout("event-title").may("admin") {
        true => visit.door(|door| door.call("ListPeople", Value::Null)).await?,
        false => ListPeople_Reply { people: Vec::new() },
    };
    let people = people.people.into_iter().map(|person| person.name).collect();
    Ok(Some(ShownSnapshot { people, ..ShownSnapshot::default() }))
}

/// `GET /events/ID/snapshot`
///
/// # Errors
/// There is no picture, or the door does not answer.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, PageError> {
    let asked = json!({ "event": number(&id)? });
    let found = visit.door(move |door| match door.call("GetSnapshot", asked) {
        Err(CallError::Refused { .. }) => Ok(None),
        found => found.map(Some),
    });
    let GetSnapshot_Reply { jpeg, .. } = found.await?.ok_or(PageError::NotFound)?;
    let jpeg = BASE64_STANDARD.decode(jpeg).map_err(PageError::internal)?;
    Ok(([(CONTENT_TYPE, "image/jpeg")], jpeg).into_response())
}

/// `POST /events/ID/snapshot/delete`
///
/// # Errors
/// There is no picture, or the door does not answer.
pub async fn delete(visit: Visit, Path(id): Path<String>) -> Result<Response, PageError> {
    let event = number(&id)?;
    let asked = json!({ "event": event });
    let _: DeleteSnapshot_Reply = visit.door(move |door| door.call("DeleteSnapshot", asked)).await?;
    Ok(Flash::redirect(&format!("/events/{event}"), "done-snapshot-deleted", ""))
}

/// The number of an event in an address.
///
/// # Errors
/// It is none.
pub fn number(id: &str) -> Result<i64, PageError> {
    id.parse().ok().filter(|id| *id > 0).ok_or(PageError::NotFound)
}
