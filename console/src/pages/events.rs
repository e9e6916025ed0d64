//! The record of events: a page of it, new events while it is shown, and all that fit as a file.

mod asked;
mod export;

use std::time::Duration;

use askama::Template;
use axum::body::Bytes;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ostiary_control::interface::ListEvents_Reply;
use ostiary_events::{Event, sentence};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

pub use self::asked::Asked;
use self::asked::KINDS;
pub use self::export::{csv, json_lines};
use super::snapshot;
use crate::local_time;
use crate::page_error::PageError;
use crate::reason;
use crate::stream_body::stream as stream_body;
use crate::visit::{Layout, Visit, page_with};

/// The events of a page.
const PAGE: usize = 50;
/// How often it is checked that the person may still look.
const CHECK_TIME: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    layout: Layout,
    asked: Asked,
    problem: Option<&'static str>,
    reasons: Vec<Choice>,
    kinds: Vec<Choice>,
    events: Vec<ShownEvent>,
    /// The address of the page with older events, if there are any.
    older: Option<String>,
    /// The address of the page with the newest events; on that page too, where it loads the page again.
    newest: String,
    csv: String,
    json_lines: String,
}

/// What can be chosen in a form.
pub struct Choice {
    /// The value.
    pub value: String,
    /// What it says.
    pub text: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// An event as a line of a list.
pub struct ShownEvent {
    /// Its number.
    pub id: u64,
    /// Its time for programs.
    pub stamp: String,
    /// Its time in the zone of the board.
    pub time: String,
    /// The sentence, in English as in the record.
    pub sentence: String,
    /// Whether there is a picture of the stranger that it is about.
    pub has_picture: bool,
}

impl ShownEvent {
    /// An event as the door gives it.
    ///
    /// # Errors
    /// The door has another version.
    pub fn new(event: Value) -> Result<Self, PageError> {
        let event: Event = serde_json::from_value(event).map_err(PageError::internal)?;
        Ok(Self {
            id: event.id,
            stamp: event.time.to_string(),
            time: local_time::shown(event.time),
            sentence: sentence(&event),
            has_picture: false,
        })
    }
}

/// `GET /events`
///
/// # Errors
/// The door does not answer.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    let (events, problem) = match asked.filter() {
        Ok(filter) => (newest(&visit, json!(filter), PAGE + 1).await?, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let has_older = events.len() > PAGE;
    let pictures = snapshot::events(&visit).await?;
    let mut events = events.into_iter().take(PAGE).collect::<Vec<_>>();
    events.iter_mut().for_each(|event| event.has_picture = pictures.contains(&event.id));
    let last = events.last().filter(|_| has_older).map(|event| event.id);
    let layout = visit.layout("events-title");
    let template = EventsPage {
        problem,
        reasons: choices(
            reason::all().map(|reason| (reason.to_string(), reason::text(reason))),
            &asked.reason,
            &layout,
        ),
        kinds: choices(KINDS.iter().map(|kind| (kind.name.to_owned(), kind.text)), &asked.kind, &layout),
        events,
        older: last.map(|last| asked.address("/events", Some(last))),
        newest: asked.address("/events", None),
        csv: asked.address("/events.csv", None),
        json_lines: asked.address("/events.jsonl", None),
        layout,
        asked,
    };
    page_with(if problem.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }, &template)
}

/// The newest events that fit, newest first.
///
/// # Errors
/// The door does not answer.
pub async fn newest(visit: &Visit, filter: Value, limit: usize) -> Result<Vec<ShownEvent>, PageError> {
    let asked = json!({ "filter": filter, "limit": limit });
    let ListEvents_Reply { events } = visit.door(|door| door.call("ListEvents", asked)).await?;
    events.into_iter().rev().map(ShownEvent::new).collect()
}

/// The event with this id.
///
/// # Errors
/// There is none, or the door does not answer.
pub async fn find(visit: &Visit, id: &str) -> Result<Value, PageError> {
    let id: i64 = id.parse().ok().filter(|id| (1..i64::MAX).contains(id)).ok_or(PageError::NotFound)?;
    let asked = json!({ "filter": { "after": id - 1, "before": id + 1 }, "limit": 1 });
    let ListEvents_Reply { events } = visit.door(|door| door.call("ListEvents", asked)).await?;
    events.into_iter().next().ok_or(PageError::NotFound)
}

/// The filter of events that tell of faults.
pub fn faults() -> Value {
    json!({ "kinds": asked::faults() })
}

fn choices(all: impl Iterator<Item = (String, &'static str)>, chosen: &str, layout: &Layout) -> Vec<Choice> {
    all.map(|(value, text)| Choice { is_chosen: value == chosen, text: layout.t(text), value }).collect()
}

/// `GET /events/stream`: the number of each new event, as server-sent events. The page then asks for what it shows.
///
/// # Errors
/// Too many look, or the account has ended.
pub async fn stream(visit: Visit) -> Result<Response, PageError> {
    if !visit.is_accepted().await {
        return Err(PageError::AccountEnded);
    }
    let mut watcher = visit.app.new_events.watch().ok_or(PageError::Busy)?;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, PageError>>(2);
    tokio::spawn(async move {
        let mut checks = interval(CHECK_TIME);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                // The sender lives as long as this watcher.
                _ = watcher.changed() => format!("data: {}\n\n", *watcher.borrow_and_update()),
                _ = checks.tick() => match visit.is_still_signed_in().await {
                    // A comment: it shows that the browser is gone.
                    true => ":\n\n".to_owned(),
                    false => "event: ended\ndata:\n\n".to_owned(),
                },
            };
            let is_last = message.starts_with("event: ended");
            if sender.send(Ok(message.into())).await.is_err() || is_last {
                return;
            }
        }
    });
    Ok(([(CONTENT_TYPE, "text/event-stream")], stream_body(Bytes::new(), receiver)).into_response())
}
