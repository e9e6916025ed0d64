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

use activation::ActivationError;
use ostiary_facebank::FacebankError;
use ostiary_models::ModelStoreError;
use ostiary_self_test::SelfTestError;
use serde_json::json;

use super::Globals;
use super::output::json_line;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary models pull\n  ostiary models activate\n  ostiary models rollback\n\n\
                        models.keys holds the keys of the trusted publishers, models.source the source of bundles.\n\n\
                        Exit code: 0 done, or nothing to do, 1 refused, with the reason, 2 an error."
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
    let result = match args.verb {
        Verb::Pull(args) => pull::run(globals, args),
        Verb::Verify(args) => verify::run(globals, args),
        Verb::Activate(args) => activate::run(globals, args),
        Verb::List => list::run(globals),
        Verb::Rollback(args) => rollback::run(globals, args),
    };
    match result {
        Err(error) if is_refusal(&error) => {
            if globals.json {
                json_line(&json!({ "refused": format!("{error:#}") }))?;
            } else {
                eprintln!("refused: {error:#}");
            }
            Ok(ExitCode::from(1))
        }
        result => result,
    }
}

/// Whether the error is a refusal by a check (exit code 1), and not a failure (exit code 2).
fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<ModelStoreError>().is_some_and(ModelStoreError::is_refusal)
            || cause.downcast_ref::<SelfTestError>().is_some_and(SelfTestError::is_refusal)
            || cause.is::<ActivationError>()
            || matches!(cause.downcast_ref(), Some(FacebankError::NoCrops { .. }))
    })
}
