//! The health of the door: its checks, which run on demand, and the faults in the record.

use std::ops::ControlFlow;
use std::time::Duration;

use askama::Template;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use ostiary_control::interface::{Doctor_Reply, GetState_Reply};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;

use super::door::duration;
use super::events::{ShownEvent, faults, newest};
use crate::page_error::PageError;
use crate::stream_body::stream;
use crate::visit::{Layout, Visit, page};

/// The newest faults that are shown.
const FAULTS: usize = 10;
/// The longest wait for the next finding. The door itself ends its checks after two minutes.
const FINDING_TIME: Duration = Duration::from_secs(150);
/// Where the findings stand in the page.
const PLACE: &str = "<!--findings-->";

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    layout: Layout,
    version: String,
    uptime: String,
    fault: Option<String>,
    faults: Vec<ShownEvent>,
}

#[derive(Template)]
#[template(path = "checks.html")]
struct ChecksPage {
    layout: Layout,
}

/// A finding as the door gives it.
#[derive(Deserialize)]
struct Finding {
    check: String,
    /// `ok`, `warning` or `fault`.
    status: String,
    found: String,
    /// How to fix it.
    mend: Option<String>,
}

#[derive(Template)]
#[template(path = "finding.html")]
struct FindingItem<'a> {
    layout: &'a Layout,
    finding: Finding,
}

#[derive(Template)]
#[template(path = "checks-end.html")]
struct ChecksEnd<'a> {
    layout: &'a Layout,
    /// Why there are no more findings: the identifier of a text, and what the door says.
    problem: Option<(&'static str, String)>,
}

/// `GET /health`
///
/// # Errors
/// The door does not answer.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let GetState_Reply { state } = visit.door(|door| door.call("GetState", Value::Null)).await?;
    page(&HealthPage {
        layout: visit.layout("health-title"),
        version: state.version,
        uptime: duration(&visit, state.uptime_s.max(0.0) as u64),
        fault: state.fault,
        faults: newest(&visit, faults(), FAULTS).await?,
    })
}

/// `POST /health`: lets the door check itself. The page grows as the findings come, also without scripts.
///
/// # Errors
/// The door does not answer or refuses.
pub async fn check(visit: Visit) -> Result<Response, PageError> {
    let layout = visit.layout("health-checks");
    let text = ChecksPage { layout: visit.layout("health-checks") }.render().map_err(PageError::internal)?;
    let (head, tail) = text.split_once(PLACE).ok_or(PageError::Internal)?;
    let (head, tail) = (head.to_owned(), tail.to_owned());
    let (sender, mut findings) = mpsc::channel(2);
    tokio::spawn(ask(visit, sender));
    // What the door refuses is a page of its own.
    let mut next = findings.recv().await.transpose()?;
    let (parts, rest) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut problem = None;
        while let Some(finding) = next {
            if parts.send(item(&layout, finding)).await.is_err() {
                // The browser is gone.
                return;
            }
            next = findings.recv().await.transpose().unwrap_or_else(|error| {
                problem = Some((error.text(), error.detail().unwrap_or_default().to_owned()));
                None
            });
        }
        let end = ChecksEnd { layout: &layout, problem }.render().map_err(PageError::internal);
        let _ = parts.send(end.map(|end| (end + &tail).into())).await;
    });
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], stream(head.into(), rest)).into_response())
}

/// Lets the door check itself, until nobody takes the findings.
async fn ask(visit: Visit, findings: mpsc::Sender<Result<Value, PageError>>) {
    let sender = findings.clone();
    let called = visit.long_door(FINDING_TIME, move |door| {
        door.call_more("Doctor", Value::Null, |Doctor_Reply { finding }| {
            match finding.map(|finding| sender.blocking_send(Ok(finding))) {
                None | Some(Ok(())) => ControlFlow::Continue(()),
                Some(Err(_)) => ControlFlow::Break(()),
            }
        })
    });
    if let Err(error) = called.await {
        // Nobody waits any longer.
        let _ = findings.send(Err(error)).await;
    }
}

fn item(layout: &Layout, finding: Value) -> Result<Bytes, PageError> {
    let finding: Finding = serde_json::from_value(finding).map_err(PageError::internal)?;
    Ok(FindingItem { layout, finding }.render().map_err(PageError::internal)?.into())
}
