//! One event: all that is known of it, and for a decision about a face, why.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use ostiary_access::Step;
use ostiary_control::interface::ExplainDecision_Reply;
use ostiary_events::{Event, sentence};
use serde::Deserialize;
use serde_json::{Value, json};

use super::events::find;
use super::people::result::{Refusal, Why};
use super::snapshot::{self, Asked, ShownSnapshot};
use super::what_if::Form;
use crate::local_time;
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page, page_with};

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    layout: Layout,
    id: u64,
    stamp: String,
    time: String,
    sentence: String,
    /// The names of the fields of its JSON, with their values.
    fields: Vec<(String, String)>,
    explained: Option<Explained>,
    /// The picture of the stranger that the event is about.
    snapshot: Option<ShownSnapshot>,
}

/// Why a decision was made.
struct Explained {
    sentences: Vec<String>,
    moments: Vec<Moment>,
    /// The object of `ostiary explain --json`.
    json: String,
    form: Form,
}

/// A moment that a decision rests on.
struct Moment {
    /// Since the face came into view, seconds.
    at: String,
    quality: String,
    similarity: String,
    threshold: String,
}

/// What the page needs of the object of `ostiary explain --json`.
#[derive(Deserialize)]
struct Explanation {
    visit: Option<ostiary_events::Visit>,
    explanation: Vec<String>,
}

/// `GET /events/ID`
///
/// # Errors
/// There is no such event, or the door does not answer.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, PageError> {
    page(&event_page(&visit, &id).await?)
}

/// The page again, if nobody could be enrolled from the picture on it.
///
/// # Errors
/// As [`show`].
pub async fn refused(
    visit: Visit,
    id: &str,
    asked: Asked,
    refusal: Refusal,
    status: StatusCode,
) -> Result<Response, PageError> {
    let mut shown = event_page(&visit, id).await?;
    // It can be deleted by now.
    let snapshot = shown.snapshot.as_mut().ok_or(PageError::NotFound)?;
    (snapshot.asked, snapshot.refusal) = (asked, refusal);
    page_with(status, &shown)
}

async fn event_page(visit: &Visit, id: &str) -> Result<EventPage, PageError> {
    let json = find(visit, id).await?;
    let event: Event = serde_json::from_value(json.clone()).map_err(PageError::internal)?;
    let (explained, snapshot) = match event.kind.face() {
        Some(_) => (Some(explain(visit, event.id).await?), snapshot::find(visit, event.id).await?),
        None => (None, None),
    };
    let mut fields = Vec::new();
    add_fields("", &json, &mut fields);
    Ok(EventPage {
        layout: visit.layout("event-title"),
        id: event.id,
        stamp: event.time.to_string(),
        time: local_time::shown(event.time),
        sentence: sentence(&event),
        fields,
        explained,
        snapshot,
    })
}

async fn explain(visit: &Visit, id: u64) -> Result<Explained, PageError> {
    let asked = json!({ "id": id });
    let reply: ExplainDecision_Reply = visit.door(|door| door.call("ExplainDecision", asked)).await?;
    let json = serde_json::to_string_pretty(&reply.explanation).map_err(PageError::internal)?;
    let Explanation { visit: recorded, explanation } =
        serde_json::from_value(reply.explanation).map_err(PageError::internal)?;
    let steps = recorded.iter().flat_map(|visit| visit.record.steps.iter());
    Ok(Explained {
        sentences: explanation,
        moments: steps.map(Moment::new).collect(),
        json,
        form: Form::new(recorded.as_ref()),
    })
}

impl Moment {
    fn new(step: &Step) -> Self {
        let best = step.scores.iter().flatten().next();
        let number =
            |number: Option<f32>| number.map_or_else(|| "–".to_owned(), |number| format!("{number:.3}"));
        Self {
            at: format!("{:.2}", f64::from(step.at_ms) / 1000.0),
            quality: format!("{:.2}", step.weight),
            similarity: number(best.map(|best| best.similarity.0)),
            threshold: number(best.map(|best| best.threshold.0)),
        }
    }
}

/// The fields of an object; those of an object in it with the names of both.
fn add_fields(name: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(object) => {
            for (inner, value) in object {
                let name = if name.is_empty() { inner.clone() } else { format!("{name}.{inner}") };
                add_fields(&name, value, fields);
            }
        }
        Value::String(text) => fields.push((name.to_owned(), text.clone())),
        other => fields.push((name.to_owned(), other.to_string())),
    }
}
