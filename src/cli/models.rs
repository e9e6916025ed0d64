//! `ostiary models`: downloads, checks and activates signed model bundles.

mod activate;
mod activation;
mod checks;
mod excluded_people;
mod list;
mod pull;
mod rollback;
mod verify;

use std::process::ExitCode;

pub use activation::ActivationError;

use super::Globals;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary models pull\n  ostiary models activate\n  ostiary models rollback\n\n\
                        models.keys holds the keys of the trusted publishers, models.source the source of bundles."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Download the newest bundle, check it and store it.
    Pull(pull::Args),
    /// Check the signatures and files of the stored bundles, and test them on this processor.
    Verify(verify::Args),
    /// Activate a bundle, also in the running daemon.
    Activate(activate::Args),
    /// List the stored bundles.
    #[command(after_help = "Example:\n  ostiary models list --json")]
    List,
    /// Return to the models that were in use before.
    Rollback(rollback::Args),
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::Pull(args) => pull::run(globals, args),
        Verb::Verify(args) => verify::run(globals, args),
        Verb::Activate(args) => activate::run(globals, args),
        Verb::List => list::run(globals),
        Verb::Rollback(args) => rollback::run(globals, args),
    }
}
