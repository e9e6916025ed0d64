//! All events that fit as a file: the table of `ostiary events --csv`, or the lines of `ostiary events --json`. It is sent as the door
//! gives it, and never in memory as a whole.

use std::ops::ControlFlow;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use ostiary_control::interface::ListEvents_Reply;
use ostiary_events::{Event, table_head, table_row};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::asked::Asked;
use crate::page_error::PageError;
use crate::stream_body::stream;
use crate::visit::Visit;

/// How long the door may take for the next events. It reads the record no faster than it has time for.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// The format of a file.
#[derive(Debug, Clone, Copy)]
enum Format {
    Csv,
    JsonLines,
}

/// `GET /events.csv`
///
/// # Errors
/// The door does not answer, the filter is not valid, or another file is being sent.
pub async fn csv(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    export(visit, asked, Format::Csv).await
}

/// `GET /events.jsonl`
///
/// # Errors
/// As [`csv`].
pub async fn json_lines(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, PageError> {
    export(visit, asked, Format::JsonLines).await
}

async fn export(visit: Visit, asked: Asked, format: Format) -> Result<Response, PageError> {
    let filter = asked.filter().map_err(PageError::BadRequest)?;
    let turn = visit.app.export.clone().try_acquire_owned().map_err(|_| PageError::Busy)?;
    let (sender, mut receiver) = mpsc::channel(2);
    let asked = json!({ "filter": filter });
    tokio::spawn(async move {
        let _turn = turn;
        let lines = sender.clone();
        let called = visit.long_door(ANSWER_TIME, move |door| {
            door.call_more("ListEvents", asked, |ListEvents_Reply { events }| {
                let text = format.lines(events).map_err(PageError::internal);
                let is_over = text.is_err();
                // The browser may be gone.
                match lines.blocking_send(text.map(Bytes::from)) {
                    Ok(()) if !is_over => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            })
        });
        if let Err(error) = called.await {
            let _ = sender.send(Err(error)).await;
        }
    });
    // What the door refuses is a page, and no file.
    let first: Bytes = receiver.recv().await.transpose()?.unwrap_or_default();
    let first = [format.head().as_bytes(), first.as_ref()].concat();
    let headers = [(CONTENT_TYPE, format.kind()), (CONTENT_DISPOSITION, format.disposition())];
    Ok((headers, stream(first.into(), receiver)).into_response())
}

impl Format {
    fn kind(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        }
    }

    fn disposition(self) -> &'static str {
        match self {
            Self::Csv => "attachment; filename=events.csv",
            Self::JsonLines => "attachment; filename=events.jsonl",
        }
    }

    fn head(self) -> String {
        match self {
            Self::Csv => table_head() + "\n",
            Self::JsonLines => String::new(),
        }
    }

    fn lines(self, events: Vec<Value>) -> serde_json::Result<String> {
        let line = |event: Value| {
            let event: Event = serde_json::from_value(event)?;
            let line = match self {
                Self::Csv => table_row(&event)?,
                Self::JsonLines => serde_json::to_string(&event)?,
            };
            Ok(line + "\n")
        };
        events.into_iter().map(line).collect()
    }
}
