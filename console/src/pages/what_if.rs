//! What if: recorded decisions, decided again with other settings. Nothing is changed.

use std::ops::ControlFlow;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use ostiary_access::Reason;
use ostiary_control::interface::Replay_Reply;
use ostiary_events::Event;
use ostiary_report::{Difference, ReplaySummary};
use serde::Deserialize;
use serde_json::json;

use super::events::find;
use crate::local_time;
use crate::page_error::PageError;
use crate::reason;
use crate::visit::{Layout, Visit, page_with};

/// How long the door may take for an answer: it reads all of the record, no faster than it has time for.
const ANSWER_TIME: Duration = Duration::from_secs(150);
/// The most decisions that are shown; all are counted.
const MAX_SHOWN: usize = 200;
/// The longest value, bytes.
const MAX_VALUE: usize = 64;

#[derive(Template)]
#[template(path = "what-if.html")]
struct WhatIfPage {
    layout: Layout,
    id: u64,
    form: Form,
    /// What is wrong with the form: the identifier of a text.
    problem: Option<&'static str>,
    /// Why the door refuses it.
    refusal: Option<String>,
    found: Option<Found>,
}

/// The settings that can be changed, with what is typed, and what decided.
pub struct Form {
    /// Those with a number.
    pub numbers: Vec<Field>,
    /// Those with a choice.
    pub choices: Vec<Field>,
    /// The spans of time, each with whether it is chosen.
    pub spans: Vec<(&'static str, &'static str, bool)>,
}

/// A setting.
pub struct Field {
    /// The name in the form.
    pub name: &'static str,
    /// The key of the configuration.
    pub key: &'static str,
    /// The identifier of the text.
    pub text: &'static str,
    /// The value with which it was decided, if that is known.
    pub recorded: Option<String>,
    /// What is typed.
    pub value: String,
    /// What can be chosen; none for a number.
    pub choices: &'static [&'static str],
}

/// What a person wants to know. A field that is empty stays as it was.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    fpir: String,
    frames: String,
    margin: String,
    cooldown: String,
    level: String,
    alike: String,
    span: String,
}

/// What a replay found.
struct Found {
    summary: ReplaySummary,
    changes: Vec<Change>,
    differences: Vec<ShownDifference>,
    /// Number of further differences.
    more: u64,
}

/// Decisions with the same reasons.
struct Change {
    recorded: String,
    replayed: String,
    number: u64,
}

/// A decision that would be another one.
struct ShownDifference {
    id: u64,
    stamp: String,
    time: String,
    person: String,
    recorded: String,
    replayed: String,
}

impl Form {
    /// The empty form, with what decided.
    pub fn new(recorded: Option<&ostiary_events::Visit>) -> Self {
        Self::filled(&Asked::default(), recorded)
    }

    fn filled(asked: &Asked, recorded: Option<&ostiary_events::Visit>) -> Self {
        let rules = recorded.map(|visit| &visit.record.rules);
        let number = |name, key, text, value: &String, recorded: Option<String>| Field {
            name,
            key,
            text,
            recorded,
            value: value.clone(),
            choices: &[],
        };
        let numbers = vec![
            number(
                "fpir",
                "door.fpir",
                "whatif-fpir",
                &asked.fpir,
                recorded.and_then(|visit| visit.fpir).map(|fpir| fpir.to_string()),
            ),
            number(
                "frames",
                "door.frames",
                "whatif-frames",
                &asked.frames,
                rules.map(|rules| rules.moments.to_string()),
            ),
            number(
                "margin",
                "door.margin",
                "whatif-margin",
                &asked.margin,
                rules.map(|rules| rules.matching.margin.to_string()),
            ),
            number(
                "cooldown",
                "door.cooldown_s",
                "whatif-cooldown",
                &asked.cooldown,
                rules.map(|rules| rules.cooldown.as_secs_f64().to_string()),
            ),
        ];
        let level = rules.and_then(|rules| serde_json::to_value(rules.liveness.level).ok());
        let choices = vec![
            Field {
                choices: &["off", "passive", "active"],
                ..number(
                    "level",
                    "liveness.level",
                    "whatif-level",
                    &asked.level,
                    level.as_ref().and_then(|level| level.as_str()).map(str::to_owned),
                )
            },
            Field {
                choices: &["refuse", "allow"],
                ..number("alike", "door.alike", "whatif-alike", &asked.alike, None)
            },
        ];
        let spans = SPANS.map(|(name, text, _)| (name, text, asked.span == name));
        Self { numbers, choices, spans: spans.to_vec() }
    }

    /// The changes as the door takes them.
    fn changes(&self) -> Result<Vec<String>, &'static str> {
        let typed =
            || self.numbers.iter().chain(&self.choices).filter(|field| !field.value.trim().is_empty());
        if typed().next().is_none() {
            return Err("whatif-nothing");
        }
        let is_valid = |field: &Field| match field.choices {
            [] => {
                field.value.len() <= MAX_VALUE && field.value.trim().parse::<f64>().is_ok_and(f64::is_finite)
            }
            choices => choices.contains(&field.value.as_str()),
        };
        if !typed().all(is_valid) {
            return Err("whatif-bad-value");
        }
        Ok(typed().map(|field| format!("{}={}", field.key, field.value.trim())).collect())
    }
}

/// The spans of time up to the event, hours; 0 for the event alone.
const SPANS: [(&str, &str, i64); 3] =
    [("visit", "whatif-visit", 0), ("day", "whatif-day", 24), ("week", "whatif-week", 7 * 24)];

/// `GET /events/ID/what-if`
///
/// # Errors
/// There is no such event, or the door does not answer.
pub async fn show(
    visit: Visit,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    let event = find(&visit, &id).await?;
    let event: Event = serde_json::from_value(event).map_err(PageError::internal)?;
    let form = Form::filled(&asked, None);
    let hours = SPANS.iter().find(|(name, ..)| *name == asked.span).map(|(.., hours)| *hours);
    let (found, problem, refusal) = match (form.changes(), hours) {
        (Err(problem), _) => (None, Some(problem), None),
        (Ok(_), None) => (None, Some("whatif-bad-span"), None),
        (Ok(changes), Some(hours)) => match replay(&visit, event.time, hours, changes).await {
            Ok(found) => (Some(found), None, None),
            Err(PageError::Refused(message)) => (None, None, Some(message)),
            Err(error) => return Err(error),
        },
    };
    let status = if found.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let layout = visit.layout("whatif-title");
    page_with(status, &WhatIfPage { layout, id: event.id, form, problem, refusal, found })
}

async fn replay(
    visit: &Visit,
    time: Timestamp,
    hours: i64,
    changes: Vec<String>,
) -> Result<Found, PageError> {
    let since = time.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MIN);
    // Up to the event and with it.
    let until = time.checked_add(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MAX);
    let asked = json!({ "since": since.to_string(), "until": until.to_string(), "changes": changes });
    let called = visit.long_door(ANSWER_TIME, move |door| {
        let (mut shown, mut more, mut summary) = (Vec::new(), 0u64, None);
        door.call_more("Replay", asked, |reply: Replay_Reply| {
            let room = MAX_SHOWN.saturating_sub(shown.len());
            more += reply.differences.len().saturating_sub(room) as u64;
            shown.extend(reply.differences.into_iter().take(room));
            summary = reply.summary;
            ControlFlow::Continue(())
        })?;
        Ok((shown, more, summary))
    });
    let (shown, more, summary) = called.await?;
    let summary = summary.ok_or_else(|| PageError::internal("the door ended the replay before its end"))?;
    let summary: ReplaySummary = serde_json::from_value(summary).map_err(PageError::internal)?;
    let words = |name: &str| word(visit, reason::of(name));
    let changes = summary.changes.iter().map(|change| Change {
        recorded: words(&change.recorded),
        replayed: words(&change.replayed),
        number: change.number,
    });
    let changes = changes.collect();
    let differences = shown.into_iter().map(|difference| {
        let difference: Difference = serde_json::from_value(difference).map_err(PageError::internal)?;
        Ok(ShownDifference {
            id: difference.id,
            stamp: difference.time.to_string(),
            time: local_time::shown(difference.time),
            person: difference.person.unwrap_or_default(),
            recorded: word(visit, Some(difference.recorded)),
            replayed: word(visit, difference.replayed),
        })
    });
    Ok(Found { changes, differences: differences.collect::<Result<_, PageError>>()?, more, summary })
}

/// A reason in the language of the person, or that there is no decision.
fn word(visit: &Visit, reason: Option<Reason>) -> String {
    let id = reason.map_or("whatif-no-decision", reason::text);
    visit.texts().map_or_else(|| id.to_owned(), |texts| texts.t(id))
}
