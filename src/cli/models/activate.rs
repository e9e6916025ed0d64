//! `ostiary models activate`, and what `pull --activate` does too.

use std::process::ExitCode;

use anyhow::bail;
use jiff::Timestamp;
use ostiary_config::Config;
use ostiary_core::clock::program_made;
use ostiary_models::{Shelf, ShelfLock};

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
    let shelf = Shelf::open(&config.models)?;
    let lock = shelf.lock()?;
    let Some(version) = args.bundle.or(shelf.versions()?.pop()) else {
        bail!("no bundle is kept; bring one with `ostiary models pull`");
    };
    put_into_use(globals, &config, &shelf, &lock, version, &args.people)
}

/// Puts a bundle that is kept into use.
pub fn put_into_use(
    globals: &Globals,
    config: &Config,
    shelf: &Shelf,
    lock: &ShelfLock,
    version: u64,
    people: &People,
) -> anyhow::Result<ExitCode> {
    let kept = shelf.kept(version)?;
    kept.signed.release.check_time(Timestamp::now(), program_made())?;
    let recogniser = checks::check(&kept, config)?;
    let to = shelf.state()?.activated(version);
    switch::switch(globals, config, shelf, lock, &to, recogniser, people)
}
