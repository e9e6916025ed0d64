//! `ostiary explain`: says why a face was let in or refused.

use std::process::ExitCode;

use anyhow::Context;
use jiff::Timestamp;
use ostiary_control::CallError;
use ostiary_control::interface::VarlinkClientInterface;
use serde::Deserialize;

use super::Globals;
use super::output::{json_line, line};
use super::running_door::running_record;
use crate::explain::ExplainedDecision;

/// Explains one decision about a face from its record: what it rests on, and what would have had to be different.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary explain 812\n  ostiary explain\n\nExit code: 0 explained, 1 there is no such decision, 2 an error."
)]
pub struct Args {
    /// The id of the event; by default the newest decision about a face.
    id: Option<u64>,
}

/// What is printed of an explanation.
#[derive(Deserialize)]
struct Explanation {
    event: ExplainedEvent,
    explanation: Vec<String>,
}

#[derive(Deserialize)]
struct ExplainedEvent {
    id: u64,
    time: Timestamp,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let explained = match running_record(&config)? {
        Some(mut client) => {
            let id = args.id.map(|id| i64::try_from(id).unwrap_or(i64::MAX));
            client.door().explain_decision(id).call().map_err(CallError::from)?.explanation
        }
        None => ExplainedDecision::find(&config, args.id)?.json()?,
    };
    if globals.json {
        json_line(&explained)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Explanation { event, explanation } = serde_json::from_value(explained)
        .context("the running door explains decisions in another way than this program")?;
    line(&format!("Event {}, {}", event.id, super::clock::shown(event.time)))?;
    explanation.iter().try_for_each(|sentence| line(sentence))?;
    Ok(ExitCode::SUCCESS)
}
