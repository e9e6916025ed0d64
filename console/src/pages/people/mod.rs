//! The enrolled people: the list and one person. The other modules have what administrators do with them.

pub mod camera;
pub mod change;
pub mod enroll;
pub mod photos;
pub mod remove;
pub mod result;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use ostiary_control::CallError;
use ostiary_control::interface::{GetConfiguration_Reply, ListPeople_Reply, Person};
use ostiary_core::fold_group;
use serde_json::Value;

use crate::door::DoorCalls;
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page};

/// The section of the configuration whose keys are groups.
const HOURS: &str = "hours.";

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    layout: Layout,
    people: Vec<ShownPerson>,
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    layout: Layout,
    person: ShownPerson,
    /// What the configuration calls groups; empty if it has none, or the person who asks may not read it.
    groups: Vec<Group>,
}

/// A person as pages show them.
struct ShownPerson {
    id: i64,
    name: String,
    is_enabled: bool,
    group: Option<String>,
    since: String,
    /// With a template of the model in use, or of any model if people are not compared.
    photos: i64,
    /// Whether there is no template of the model in use.
    is_without_photos: bool,
    /// The least cosine of a photo with the others, if there are others.
    spread: Option<String>,
    has_disagreement: bool,
    nearest: Option<Neighbor>,
    aspect: Option<String>,
}

/// The person who comes nearest to another.
struct Neighbor {
    name: String,
    similarity: String,
    threshold: String,
    is_alike: bool,
}

/// A group that a person can be put into.
struct Group {
    name: String,
    is_chosen: bool,
}

/// `GET /people`
///
/// # Errors
/// The door does not answer.
pub async fn list(visit: Visit) -> Result<Response, PageError> {
    let ListPeople_Reply { people } = visit.door(|door| door.call("ListPeople", Value::Null)).await?;
    let people = people.into_iter().map(ShownPerson::of).collect();
    page(&PeoplePage { layout: visit.layout("people-title"), people })
}

/// `GET /people/ID`
///
/// # Errors
/// The door does not answer, or there is no such person.
pub async fn show(visit: Visit, Path(id): Path<i64>) -> Result<Response, PageError> {
    let layout = visit.layout("person-title");
    let may_change = layout.may("admin");
    let found = visit.door(move |door| {
        let Some(person) = person(door, id)? else { return Ok(None) };
        let groups = if may_change { groups(door, person.group.as_deref())? } else { Vec::new() };
        Ok(Some((person, groups)))
    });
    let (person, groups) = found.await?.ok_or(PageError::NoPerson)?;
    page(&PersonPage { layout: layout.titled(&person.name), person: ShownPerson::of(person), groups })
}

/// The person with this number.
fn person(door: &mut DoorCalls, id: i64) -> Result<Option<Person>, CallError> {
    let ListPeople_Reply { people } = door.call("ListPeople", Value::Null)?;
    Ok(people.into_iter().find(|person| person.id == id))
}

/// The groups of the configuration, and the one that the person is in.
fn groups(door: &mut DoorCalls, own: Option<&str>) -> Result<Vec<Group>, CallError> {
    let GetConfiguration_Reply { settings } = door.call("GetConfiguration", Value::Null)?;
    let names = settings.iter().filter(|setting| setting.value.is_some());
    let names = names.filter_map(|setting| setting.key.strip_prefix(HOURS));
    let mut groups: Vec<Group> = names
        .map(|name| Group { name: name.to_owned(), is_chosen: own.is_some_and(|own| is_same(own, name)) })
        .collect();
    if let Some(own) = own
        && !groups.is_empty()
        && !groups.iter().any(|group| group.is_chosen)
    {
        groups.push(Group { name: own.to_owned(), is_chosen: true });
    }
    Ok(groups)
}

/// Whether two names are those of one group.
fn is_same(one: &str, other: &str) -> bool {
    fold_group(one) == fold_group(other)
}

impl ShownPerson {
    fn of(person: Person) -> Self {
        let photos = person.photos.unwrap_or(person.templates);
        Self {
            id: person.id,
            name: person.name,
            is_enabled: person.enabled,
            group: person.group,
            since: person.created.chars().take("2026-01-01".len()).collect(),
            photos,
            is_without_photos: person.photos == Some(0),
            spread: person.spread.filter(|_| photos > 1).map(two_digits),
            has_disagreement: person.disagreement == Some(true),
            nearest: person.nearest.map(|nearest| Neighbor {
                name: nearest.name,
                similarity: two_digits(nearest.similarity),
                threshold: two_digits(nearest.threshold),
                is_alike: nearest.alike,
            }),
            aspect: person.frontal_aspect.map(two_digits),
        }
    }
}

fn two_digits(number: f64) -> String {
    format!("{number:.2}")
}
