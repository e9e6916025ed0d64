//! `ostiary models verify`: checks the stored bundles and tests their models.

use std::process::ExitCode;

use ostiary_models::{ModelStore, ModelStoreError};
use serde_json::json;

use super::checks;
use crate::cli::Globals;
use crate::cli::output::{json_line, line};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary models verify\n  ostiary models verify 7\n\n\
                        Exit code: 0 all are good, 1 one is not good, 2 an error.")]
pub struct Args {
    /// The version; by default all stored bundles.
    #[arg(value_name = "VERSION")]
    bundle: Option<u64>,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let model_store = ModelStore::open(&config.models)?;
    let versions = match args.bundle {
        Some(version) if model_store.versions()?.contains(&version) => vec![version],
        Some(version) => return Err(ModelStoreError::NotStored { version }.into()),
        None => model_store.versions()?,
    };
    let mut all_good = true;
    for version in versions {
        let checked = model_store
            .stored(version)
            .map_err(anyhow::Error::from)
            .and_then(|kept| checks::check_and_load(&kept, &config));
        let problem = checked.err().map(|error| format!("{error:#}"));
        all_good &= problem.is_none();
        match (globals.json, problem) {
            (true, problem) => {
                json_line(&json!({ "version": version, "good": problem.is_none(), "problem": problem }))?;
            }
            (false, None) => line(&format!("{version}  good"))?,
            (false, Some(problem)) => line(&format!("{version}  NOT GOOD: {problem}"))?,
        }
    }
    Ok(ExitCode::from(u8::from(!all_good)))
}
