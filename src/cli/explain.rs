//! `ostiary explain`: says why a face was let in or refused.

use std::collections::HashMap;
use std::process::ExitCode;

use ostiary_config::Config;
use ostiary_core::PersonId;
use ostiary_events::EventStore;
use ostiary_facebank::Facebank;
use serde_json::json;

use super::Globals;
use super::failure::Refusal;
use super::output::{json_line, line};
use crate::explain::explain;

/// Explains one decision about a face from its record: what it rests on, and what would have had to be different.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary explain 812\n  ostiary explain\n\nExit code: 0 explained, 1 there is no such decision, 2 an error."
)]
pub struct Args {
    /// The id of the event; by default the newest decision about a face.
    id: Option<u64>,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let store = EventStore::open_read_only(&config.events.path)?;
    let event = match args.id {
        Some(id) => store.decision(id)?.ok_or_else(|| {
            Refusal(format!(
                "the record has no decision about a face with the id {id}; `ostiary events` lists the ids"
            ))
        })?,
        None => store
            .newest_decision()?
            .ok_or_else(|| Refusal("the record has no decision about a face yet".to_owned()))?,
    };
    let sentences = explain(&event, &names(&config)?);
    if globals.json {
        let visit = event.kind.face().and_then(|(_, evidence)| evidence.visit.as_deref());
        json_line(&json!({ "event": event, "visit": visit, "explanation": sentences }))?;
    } else {
        line(&format!("Event {}, {}", event.id, super::clock::shown(event.time)))?;
        sentences.iter().try_for_each(|sentence| line(sentence))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The names of the enrolled people; none without a facebank.
fn names(config: &Config) -> anyhow::Result<HashMap<PersonId, String>> {
    if !config.facebank.path.exists() {
        return Ok(HashMap::new());
    }
    let people = Facebank::open_read_only(&config.facebank.path)?.people()?;
    Ok(people.into_iter().map(|summary| (summary.person.id, summary.person.name)).collect())
}
