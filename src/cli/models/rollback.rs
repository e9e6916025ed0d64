//! `ostiary models rollback`: returns to the models that were in use before, even if their bundle has expired.

use std::process::ExitCode;

use anyhow::bail;
use ostiary_models::{Bundle, ModelStore};

use super::excluded_people::ExcludedPeople;
use super::{activation, checks};
use crate::cli::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary models rollback\n\n\
                        These are the bundle that was in use before, or the models that the program came with. \
                        `pull --activate` does not activate the current bundle again. A rollback to an expired bundle \
                        is allowed.")]
pub struct Args {
    #[command(flatten)]
    excluded: ExcludedPeople,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let model_store = ModelStore::open(&config.models)?;
    let lock = model_store.lock()?;
    let state = model_store.state()?;
    if state.active().is_none() {
        bail!("no bundle is in use, so there is nothing to roll back");
    }
    let to = state.rolled_back();
    let encoder = match to.active() {
        Some(version) => checks::check_and_load(&model_store.stored(version)?, &config)?,
        None => checks::test_and_load(&Bundle::shipped(config.engine.precision)?, &config)?,
    };
    activation::replace_models(globals, &config, &model_store, &lock, &to, encoder, &args.excluded)
}
