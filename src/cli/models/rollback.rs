//! `ostiary models rollback`

use std::process::ExitCode;

use anyhow::bail;
use ostiary_models::{Bundle, ModelStore};

use super::people::People;
use super::{checks, switch};
use crate::cli::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  ostiary models rollback\n\n\
                        The models before are the bundle that was in use before, or those that the program came with. \
                        What is given up is not put into use again by `pull --activate`. Whether the bundle has \
                        expired is not asked.")]
pub struct Args {
    #[command(flatten)]
    people: People,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let model_store = ModelStore::open(&config.models)?;
    let lock = model_store.lock()?;
    let state = model_store.state()?;
    if state.active().is_none() {
        bail!("no bundle is in use, and there is nothing to go back from");
    }
    let to = state.rolled_back();
    let recognizer = match to.active() {
        Some(version) => checks::check(&model_store.stored(version)?, &config)?,
        None => checks::test(&Bundle::shipped(config.engine.precision)?, &config)?,
    };
    switch::switch(globals, &config, &model_store, &lock, &to, recognizer, &args.people)
}
