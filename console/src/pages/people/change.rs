//! Changes of one person: name, group, whether the person is let in.

use axum::extract::{Form, Path};
use axum::response::Response;
use ostiary_control::interface::RenamePerson_Reply;
use serde::Deserialize;
use serde_json::{Value, json};

use super::person;
use crate::flash::Flash;
use crate::page_error::PageError;
use crate::visit::Visit;

/// Another name.
#[derive(Deserialize)]
pub struct TypedName {
    name: String,
}

/// Another group; empty for none.
#[derive(Deserialize)]
pub struct ChosenGroup {
    group: String,
}

/// Whether the person is let in.
#[derive(Deserialize)]
pub struct Enabled {
    enabled: bool,
}

/// `POST /people/ID/name`
///
/// # Errors
/// The door does not answer or refuses, or there is no such person.
pub async fn rename(
    visit: Visit,
    Path(id): Path<i64>,
    Form(typed): Form<TypedName>,
) -> Result<Response, PageError> {
    let parameters = move |name: String| json!({ "name": name, "new_name": typed.name.trim() });
    change(&visit, id, "RenamePerson", parameters, "done-renamed").await
}

/// `POST /people/ID/group`
///
/// # Errors
/// The door does not answer or refuses, or there is no such person.
pub async fn set_group(
    visit: Visit,
    Path(id): Path<i64>,
    Form(chosen): Form<ChosenGroup>,
) -> Result<Response, PageError> {
    let group = Some(chosen.group.trim().to_owned()).filter(|group| !group.is_empty());
    let parameters = move |name: String| json!({ "name": name, "group": group });
    change(&visit, id, "SetPersonGroup", parameters, "done-grouped").await
}

/// `POST /people/ID/enabled`
///
/// # Errors
/// The door does not answer or refuses, or there is no such person.
pub async fn enable(
    visit: Visit,
    Path(id): Path<i64>,
    Form(Enabled { enabled }): Form<Enabled>,
) -> Result<Response, PageError> {
    let parameters = move |name: String| json!({ "name": name, "enabled": enabled });
    let done = if enabled { "done-enabled" } else { "done-disabled" };
    change(&visit, id, "EnablePerson", parameters, done).await
}

/// Makes a change, and shows the person. All these calls return the person.
async fn change(
    visit: &Visit,
    id: i64,
    method: &'static str,
    parameters: impl FnOnce(String) -> Value + Send + 'static,
    done: &str,
) -> Result<Response, PageError> {
    let changed = visit.door(move |door| {
        let Some(before) = person(door, id)? else { return Ok(None) };
        let RenamePerson_Reply { person } = door.call(method, parameters(before.name))?;
        Ok(Some(person))
    });
    let person = changed.await?.ok_or(PageError::NoPerson)?;
    Ok(Flash::redirect(&format!("/people/{id}"), done, &person.name))
}
