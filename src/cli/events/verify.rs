//! Verifies the trail of the events.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use ostiary_events::trail::{HeadError, SignedHead, SigningKey};
use ostiary_events::{EventStore, TrailReport, key_path};
use serde_json::json;

use crate::cli::Globals;
use crate::cli::output::{json_line, line};

/// The most bytes of a head that are read; a head has about 200.
const MAX_HEAD_BYTES: u64 = 4096;

pub(super) fn run(globals: &Globals, path: &Path, head: Option<&Path>) -> anyhow::Result<ExitCode> {
    let store = EventStore::open_read_only(path)?;
    let key = SigningKey::load(&key_path(path))?;
    let outside =
        head.map(|file| read_head(file).map(|note| SignedHead::verify(&note, key.public()))).transpose()?;
    let (outside, refused) = match outside {
        Some(Err(error @ HeadError::Format(_))) => return Err(error.into()),
        Some(Err(error)) => (None, Some(error)),
        Some(Ok(head)) => (Some(head), None),
        None => (None, None),
    };
    let TrailReport { leaves, events, erased, signed, fault } =
        store.verify_trail(Some(key.public()), outside.as_ref())?;
    let fault = fault.map(|fault| fault.to_string()).or(refused.map(|error| error.to_string()));
    if globals.json {
        json_line(&json!({
            "fits": fault.is_none(),
            "fault": fault,
            "leaves": leaves,
            "events": events,
            "erased": erased,
            "signed": signed,
            "head": outside.as_ref().map(SignedHead::size),
            "key": key.public().text(),
        }))?;
    } else if let Some(fault) = &fault {
        line(&format!("The record does not fit its trail: {fault}."))?;
    } else {
        line(&format!(
            "The record fits its trail: {} events are kept of {leaves} that were recorded.",
            events + erased
        ))?;
        if erased > 0 {
            line(&format!(
                "What {erased} of them said was erased; the events `administered` say when, by whom, and of how many."
            ))?;
        }
        match signed {
            Some(signed) => line(&format!("The last signed head in the store has {signed} events."))?,
            None => line("There is no signed head in the store yet.")?,
        }
        if let Some(head) = &outside {
            line(&format!("The given head has {} events, which are the first of this trail.", head.size()))?;
        }
        line(&format!("Key: {}", key.public().text()))?;
    }
    Ok(ExitCode::from(u8::from(fault.is_some())))
}

fn read_head(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let reader: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(fs::File::open(file).with_context(|| file.display().to_string())?),
    };
    reader.take(MAX_HEAD_BYTES).read_to_string(&mut text).with_context(|| file.display().to_string())?;
    Ok(text)
}
