//! `ostiary models activate`; `pull --activate` uses it too.

use std::process::ExitCode;

use anyhow::bail;
use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_core::clock::build_time;
use ostiary_models::{ModelStore, StoreLock};

use super::excluded_people::ExcludedPeople;
use super::{activation, checks};
use crate::cli::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  ostiary models activate\n  ostiary models activate 7\n  \
                        ostiary models activate --without Ann\n\n\
                        First, templates for the new models are computed from the kept crops (facebank.keep_crops). \
                        If a person has no crops, nothing is changed unless you agree with --without. The running \
                        daemon changes to the new models between two frames, or keeps the old models and logs why.")]
pub struct Args {
    /// The version; by default the newest stored bundle.
    #[arg(value_name = "VERSION")]
    bundle: Option<u64>,
    #[command(flatten)]
    excluded: ExcludedPeople,
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    let model_store = ModelStore::open(&config.models)?;
    let lock = model_store.lock()?;
    let Some(version) = args.bundle.or(model_store.versions()?.pop()) else {
        bail!("no bundle is stored; download one with `ostiary models pull`");
    };
    activate(globals, &config, &model_store, &lock, version, &args.excluded)
}

/// Checks and activates a stored bundle.
pub fn activate(
    globals: &Globals,
    config: &Config,
    model_store: &ModelStore,
    lock: &StoreLock,
    version: u64,
    excluded: &ExcludedPeople,
) -> anyhow::Result<ExitCode> {
    let stored = model_store.stored(version)?;
    stored.signed.release.check_time(Timestamp::now(), build_time())?;
    let encoder = checks::check_and_load(&stored, config)?;
    let to = model_store.state()?.activated(version);
    activation::replace_models(globals, config, model_store, lock, &to, encoder, excluded)
}
