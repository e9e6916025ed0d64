//! Tests at the door which pictures it lets in, and how often it refuses its own people; and what was tested.

use std::ops::ControlFlow;
use std::time::Duration;

use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse, Redirect, Response};
use ostiary_control::CallError;
use ostiary_control::interface::{
    GetLiveness_Reply, GetLivenessParts_Reply, LivenessPart, TestLiveness_Reply,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::flash::Flash;
use crate::page_error::PageError;
use crate::visit::{Layout, Visit, page};
use crate::work::Progress;
use crate::work::liveness::LivenessWork;

/// How long there may be no step: a part waits for people.
const STEP_TIME: Duration = Duration::from_secs(24 * 3600);
/// After this time in which nobody has looked at the page, a part ends: visits on other days are none of its presentations. Long enough to
/// show photos on the phone that has the page.
const UNWATCHED_TIME: Duration = Duration::from_secs(10 * 60);
/// How often it is checked whether somebody looks.
const CHECK_TIME: Duration = Duration::from_secs(10);
/// As many presentations as prove that at most 16.8 % succeed, if none does.
const PRESENTATIONS: u32 = 20;

#[derive(Template)]
#[template(path = "liveness.html")]
struct LivenessPage {
    layout: Layout,
    /// The parts, or why there can be no test.
    parts: Result<Vec<LivenessPart>, String>,
    summary: Result<Summary, String>,
    presentations: u32,
    is_busy: bool,
}

/// What the tests prove now, as the door describes it.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// Whether anything was counted under the present conditions.
    pub is_valid: bool,
    changed_since: Option<Vec<String>>,
    rates: Vec<Rate>,
    text: Vec<String>,
}

/// A rate with its interval, as the door describes it.
#[derive(Debug, Deserialize)]
struct Rate {
    part: String,
    errors: u32,
    trials: u32,
    interval: [f64; 2],
}

#[derive(Template)]
#[template(path = "liveness-work.html")]
struct WorkPage {
    layout: Layout,
    work: Progress<LivenessWork>,
}

/// The part that a person begins.
#[derive(Deserialize)]
pub struct Chosen {
    part: String,
    presentations: u32,
}

/// `GET /setup/liveness`
///
/// # Errors
/// The door does not answer.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let reply = visit.door(|door| {
        let parts = refused(door.call("GetLivenessParts", Value::Null))?;
        let summary = refused(door.call::<GetLiveness_Reply>("GetLiveness", Value::Null))?;
        Ok((parts.map(|parts: GetLivenessParts_Reply| parts.parts), summary))
    });
    let (parts, summary) = reply.await?;
    page(&LivenessPage {
        layout: visit.layout("liveness-title"),
        parts,
        summary: match summary {
            Ok(reply) => Ok(Summary::parse(reply.liveness)?),
            Err(message) => Err(message),
        },
        presentations: PRESENTATIONS,
        is_busy: visit.app.liveness.is_busy(),
    })
}

/// `POST /setup/liveness/begin`
///
/// # Errors
/// A part runs, there is no such part, or the door does not answer or refuses.
pub async fn begin(visit: Visit, Form(chosen): Form<Chosen>) -> Result<Response, PageError> {
    let reply: GetLivenessParts_Reply = visit.door(|door| door.call("GetLivenessParts", Value::Null)).await?;
    let part = reply.parts.into_iter().find(|part| part.name == chosen.part);
    let part = part.ok_or(PageError::BadRequest("error-bad-request"))?;
    let work = visit.app.liveness.begin(LivenessWork {
        words: part.words,
        instructions: part.instructions,
        planned: chosen.presentations,
        ..LivenessWork::default()
    });
    let work = work.ok_or(PageError::BadRequest("liveness-busy"))?;
    let (watched, owner) = (work.clone(), visit.clone());
    tokio::spawn(async move {
        while !watched.is_over() {
            tokio::time::sleep(CHECK_TIME).await;
            if watched.unwatched() > UNWATCHED_TIME && !watched.is_over() {
                log::info!(target: "ostiary::console", "nobody looks at the test of liveness: its part ends");
                // A part that has ended meanwhile needs no end.
                let _ = end_part(&owner).await;
            }
        }
    });
    tokio::spawn(async move {
        let worker = work.clone();
        let tested = visit.long_door(STEP_TIME, move |door| {
            let parameters = json!({ "part": part.name, "presentations": chosen.presentations });
            door.call_more("TestLiveness", parameters, |step: TestLiveness_Reply| {
                worker.update(|state| state.follow(step));
                ControlFlow::Continue(())
            })
        });
        work.end(tested.await.err());
    });
    Ok(Redirect::to("/setup/liveness/work").into_response())
}

/// `GET /setup/liveness/work`: the steps of the part that runs.
///
/// # Errors
/// The page cannot be made.
pub async fn work(visit: Visit) -> Result<Response, PageError> {
    let Some(work) = visit.app.liveness.look() else {
        return Ok(Redirect::to("/setup/liveness").into_response());
    };
    let layout = visit.layout("liveness-work-title");
    let layout = if work.is_over { layout } else { layout.refreshed(3) };
    page(&WorkPage { layout, work })
}

/// `POST /setup/liveness/end`
///
/// # Errors
/// No part runs, or the door does not answer.
pub async fn end(visit: Visit) -> Result<Response, PageError> {
    end_part(&visit).await?;
    visit.app.liveness.update(|state| state.is_ending = true);
    Ok(Flash::redirect("/setup/liveness/work", "done-liveness-ending", ""))
}

async fn end_part(visit: &Visit) -> Result<(), PageError> {
    visit.door(|door| door.call::<Value>("EndLivenessTest", Value::Null).map(drop)).await
}

/// A reply, or why the door refuses it.
fn refused<T>(reply: Result<T, CallError>) -> Result<Result<T, String>, CallError> {
    match reply {
        Ok(reply) => Ok(Ok(reply)),
        Err(CallError::Refused { message }) => Ok(Err(message)),
        Err(error) => Err(error),
    }
}

impl Summary {
    /// Reads what the door says.
    ///
    /// # Errors
    /// The door describes it in another way than this program.
    pub fn parse(value: Value) -> Result<Self, PageError> {
        serde_json::from_value(value).map_err(|error| PageError::internal(format!("liveness: {error}")))
    }
}

impl Rate {
    /// The name of the part in words.
    fn words(&self) -> String {
        self.part.replace('_', " ")
    }

    /// The ends of the interval in percent.
    fn percent(&self) -> String {
        let [low, high] = self.interval;
        format!("{:.1}–{:.1} %", 100.0 * low, 100.0 * high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_shown_with_their_intervals() {
        let summary = Summary::parse(json!({
            "latest": null, "is_valid": true, "changed_since": null, "not_run": ["phone"], "text": ["a"],
            "rates": [{ "part": "small_print", "rate": "apcer", "errors": 0, "trials": 20, "interval": [0.0, 0.168] }]
        }))
        .unwrap();
        assert_eq!(summary.rates[0].words(), "small print");
        assert_eq!(summary.rates[0].percent(), "0.0–16.8 %");
        assert!(Summary::parse(json!({})).is_err());
    }
}
