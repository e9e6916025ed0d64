//! `ostiary models`: signed bundles of models, from their publisher to the running daemon.

mod activate;
mod checks;
mod list;
mod people;
mod pull;
mod rollback;
mod switch;
mod verify;

use std::process::ExitCode;

use ostiary_facebank::FacebankError;
use ostiary_models::ReleaseError;
use ostiary_self_test::SelfTestError;
use serde_json::json;
use switch::SwitchError;

use super::Globals;
use super::output::json_line;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  ostiary models pull\n  ostiary models activate\n  ostiary models rollback\n\n\
                        Whose bundles are trusted is models.keys, where they come from models.source.\n\n\
                        Exit code 0: done, or nothing to do. 1: refused, with the reason. 2: an error."
)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Bring the newest bundle, check it, and keep it.
    Pull(pull::Args),
    /// Check the bundles that are kept, to the last byte and on this processor.
    Verify(verify::Args),
    /// Put a bundle into use, in the running daemon too.
    Activate(activate::Args),
    /// List the bundles that are kept.
    #[command(after_help = "Example:\n  ostiary models list --json")]
    List,
    /// Go back to the models that were in use before.
    Rollback(rollback::Args),
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    let done = match args.verb {
        Verb::Pull(args) => pull::run(globals, args),
        Verb::Verify(args) => verify::run(globals, args),
        Verb::Activate(args) => activate::run(globals, args),
        Verb::List => list::run(globals),
        Verb::Rollback(args) => rollback::run(globals, args),
    };
    match done {
        Err(error) if is_refusal(&error) => {
            if globals.json {
                json_line(&json!({ "refused": format!("{error:#}") }))?;
            } else {
                eprintln!("refused: {error:#}");
            }
            Ok(ExitCode::from(1))
        }
        done => done,
    }
}

/// Whether a check said no, rather than that something could not be done.
fn is_refusal(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<ReleaseError>().is_some_and(ReleaseError::is_refusal)
            || cause.downcast_ref::<SelfTestError>().is_some_and(SelfTestError::is_refusal)
            || cause.is::<SwitchError>()
            || matches!(cause.downcast_ref(), Some(FacebankError::NoCrops { .. }))
    })
}
