//! `ostiary models activate`, and what `pull --activate` does too.

use std::process::ExitCode;

use anyhow::bail;
use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_core::clock::program_made;
use ostiary_models::{ModelStore, StoreLock};

use super::people::People;
use super::{checks, switch};
use crate::cli::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary models activate\n  ostiary models activate 7\n  \
                        ostiary models activate --without Ann\n\n\
                        Everyone gets templates of the new models from the kept crops (facebank.keep_crops); where \
                        somebody has none, nothing is changed until that is agreed to. The running daemon changes \
                        over between two frames, or keeps the old models and says why.")]
pub struct Args {
    /// The version; the newest that is kept where it is not given.
    #[arg(value_name = "VERSION")]
    bundle: Option<u64>,
    #[command(flatten)]
    people: People,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let model_store = ModelStore::open(&config.models)?;
    let lock = model_store.lock()?;
    let Some(version) = args.bundle.or(model_store.versions()?.pop()) else {
        bail!("no bundle is kept; bring one with `ostiary models pull`");
    };
    put_into_use(globals, &config, &model_store, &lock, version, &args.people)
}

/// Puts a bundle that is kept into use.
pub fn put_into_use(
    globals: &Globals,
    config: &Config,
    model_store: &ModelStore,
    lock: &StoreLock,
    version: u64,
    people: &People,
) -> anyhow::Result<ExitCode> {
    let kept = model_store.stored(version)?;
    kept.signed.release.check_time(Timestamp::now(), program_made())?;
    let recognizer = checks::check(&kept, config)?;
    let to = model_store.state()?.activated(version);
    switch::switch(globals, config, model_store, lock, &to, recognizer, people)
}
