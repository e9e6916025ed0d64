//! `ostiary models list`: lists the stored bundles.

use std::process::ExitCode;

use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_core::ModelRole;
use ostiary_models::{Bundle, ModelStore, ModelStoreError};
use serde::Serialize;

use crate::cli::Globals;
use crate::cli::output::{json_line, line};

/// One stored bundle.
#[derive(Serialize)]
struct Row {
    version: u64,
    active: bool,
    /// Whether the daemon would roll back this bundle after a crash.
    probation: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    release: Option<ReleaseInfo>,
    /// Why the bundle cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// The data of the release.
#[derive(Serialize)]
struct ReleaseInfo {
    created: Timestamp,
    expires: Timestamp,
    expired: bool,
    /// The id of the embedding model at `engine.precision`.
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

pub fn run(globals: &Globals) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    // Without a trusted publisher nothing was ever stored, or nothing of it counts.
    let model_store = match ModelStore::open(&config.models) {
        Err(ModelStoreError::NoKeys) => return print_rest(globals, &config, None),
        model_store => model_store?,
    };
    let active = model_store.state()?.active();
    let probation = model_store.probation()?.map(|probation| probation.version);
    for version in model_store.versions()? {
        let release = model_store.stored(version).and_then(|kept| {
            let bundle: Bundle = kept.bundle(config.engine.precision)?;
            let release = kept.signed.release;
            Ok(ReleaseInfo {
                created: release.created,
                expires: release.expires,
                expired: release.expires <= Timestamp::now(),
                model: bundle.id(ModelRole::Embedder)?.to_string(),
                note: release.note,
            })
        });
        let (release, problem) = match release {
            Ok(release) => (Some(release), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let is = |other: Option<u64>| other == Some(version);
        let row = Row { version, active: is(active), probation: is(probation), release, problem };
        if globals.json {
            json_line(&row)?;
        } else {
            line(&row_text(&row))?;
        }
    }
    print_rest(globals, &config, active)
}

/// Prints, for people, which models are in use if it is no stored bundle.
fn print_rest(globals: &Globals, config: &Config, active: Option<u64>) -> anyhow::Result<ExitCode> {
    if active.is_none() && !globals.json {
        line("the models that the program came with are in use")?;
    }
    if config.models.dir.is_some() && !globals.json {
        line("models.dir is set and overrides all bundles")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row_text(row: &Row) -> String {
    let mark = if row.active { "*" } else { " " };
    let Row { version, release, problem, .. } = row;
    match (release, problem) {
        (Some(ReleaseInfo { created, expires, expired, model, note }), _) => {
            let day = |time: &Timestamp| time.strftime("%Y-%m-%d").to_string();
            let word = if *expired { "expired" } else { "expires" };
            let note = note.as_deref().map(|note| format!("  {note}")).unwrap_or_default();
            let probation = if row.probation { ", on probation" } else { "" };
            format!(
                "{mark} {version}  created {}, {word} {}, model {model}{probation}{note}",
                day(created),
                day(expires)
            )
        }
        (None, problem) => format!("{mark} {version}  NOT GOOD: {}", problem.as_deref().unwrap_or_default()),
    }
}
