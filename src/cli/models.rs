//! `ostiary models`: downloads, checks and activates signed model bundles. Where a door runs, it is asked to, with the rights of the
//! user; `pull` is a matter of the command, because the door's service has no access to the internet.

mod excluded_people;
mod pull;
mod stored;

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use excluded_people::ExcludedPeople;
use stored::Stored;

use super::Globals;
use super::file_owner::continue_as_owner;
use crate::model_bundles::ModelChange;

/// The interval at which the spinner moves.
const TICK_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary models pull\n  ostiary models activate\n  ostiary models rollback\n\n\
                        models.keys holds the keys of the trusted publishers, models.source the source of bundles.\n\n\
                        Where a door runs, it does all except pull: members of the group ostiary-viewer may list, those of \
                        ostiary-admin may also verify, activate and roll back. pull takes root, who then goes on as the user \
                        who owns the bundles, or that user."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Download the newest bundle, check it and store it.
    Pull(pull::Args),
    /// Check the signatures and files of the stored bundles, and test them on this processor.
    #[command(after_help = "Examples:\n  ostiary models verify\n  ostiary models verify 7\n\n\
                            Exit code: 0 all are good, 1 one is not good, 2 an error.")]
    Verify {
        /// The version; by default all stored bundles.
        #[arg(value_name = "VERSION")]
        bundle: Option<u64>,
    },
    /// Activate a bundle, also in the running daemon.
    #[command(after_help = "Examples:\n  ostiary models activate\n  ostiary models activate 7\n  \
                            ostiary models activate --without Ann\n\n\
                            First, templates for the new models are computed from the kept crops (facebank.keep_crops). \
                            If a person has no crops, nothing is changed unless you agree with --without. The running \
                            daemon changes to the new models between two frames, or keeps the old models and logs why.")]
    Activate {
        /// The version; by default the newest stored bundle.
        #[arg(value_name = "VERSION")]
        bundle: Option<u64>,
        #[command(flatten)]
        excluded: ExcludedPeople,
    },
    /// List the stored bundles.
    #[command(after_help = "Example:\n  ostiary models list --json")]
    List,
    /// Return to the models that were in use before.
    #[command(after_help = "Example:\n  ostiary models rollback\n\n\
                            These are the bundle that was in use before, or the models that the program came with. \
                            `pull --activate` does not activate the current bundle again. A rollback to an expired bundle \
                            is allowed.")]
    Rollback {
        #[command(flatten)]
        excluded: ExcludedPeople,
    },
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let config = globals.config()?;
    match args.verb {
        Verb::Pull(args) => {
            // Before anything of the network is read.
            continue_as_owner(&config.models.store)?;
            pull::run(globals, &config, args)
        }
        Verb::Verify { bundle } => Stored::open(globals, &config)?.verify(bundle),
        Verb::Activate { bundle, excluded } => {
            Stored::open(globals, &config)?.change(ModelChange::Activate { version: bundle }, excluded)
        }
        Verb::List => Stored::open(globals, &config)?.list(),
        Verb::Rollback { excluded } => {
            Stored::open(globals, &config)?.change(ModelChange::Rollback, excluded)
        }
    }
}
