//! `ostiary models list`

use std::process::ExitCode;

use jiff::Timestamp;
use ostiary_models::{Bundle, ModelStore};
use ostiary_vision::Embedder;
use serde::Serialize;

use crate::cli::Globals;
use crate::cli::output::{json_line, line};

/// One bundle that is kept.
#[derive(Serialize)]
struct Row {
    version: u64,
    active: bool,
    /// Whether a crash of the daemon would go back to the bundle before.
    probation: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    about: Option<About>,
    /// Why nothing is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// What its publisher says of it.
#[derive(Serialize)]
struct About {
    created: Timestamp,
    expires: Timestamp,
    expired: bool,
    /// The embedding model, at `engine.precision`.
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

pub fn run(globals: &Globals) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let model_store = ModelStore::open(&config.models)?;
    let active = model_store.state()?.active();
    let probation = model_store.probation()?.map(|probation| probation.version);
    for version in model_store.versions()? {
        let about = model_store.stored(version).and_then(|kept| {
            let bundle: Bundle = kept.bundle(config.engine.precision)?;
            let release = kept.signed.release;
            Ok(About {
                created: release.created,
                expires: release.expires,
                expired: release.expires <= Timestamp::now(),
                model: bundle.id(Embedder::ROLE)?.to_string(),
                note: release.note,
            })
        });
        let (about, problem) = match about {
            Ok(about) => (Some(about), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let is = |other: Option<u64>| other == Some(version);
        let row = Row { version, active: is(active), probation: is(probation), about, problem };
        if globals.json {
            json_line(&row)?;
        } else {
            line(&told(&row))?;
        }
    }
    if active.is_none() && !globals.json {
        line("the models that the program came with are in use")?;
    }
    if config.models.dir.is_some() && !globals.json {
        line("models.dir is set, and wins over all bundles")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn told(row: &Row) -> String {
    let mark = if row.active { "*" } else { " " };
    let Row { version, about, problem, .. } = row;
    match (about, problem) {
        (Some(About { created, expires, expired, model, note }), _) => {
            let day = |time: &Timestamp| time.strftime("%Y-%m-%d").to_string();
            let word = if *expired { "expired" } else { "expires" };
            let note = note.as_deref().map(|note| format!("  {note}")).unwrap_or_default();
            let probation = if row.probation { ", on probation" } else { "" };
            format!(
                "{mark} {version}  made {}, {word} {}, model {model}{probation}{note}",
                day(created),
                day(expires)
            )
        }
        (None, problem) => format!("{mark} {version}  NOT GOOD: {}", problem.as_deref().unwrap_or_default()),
    }
}
