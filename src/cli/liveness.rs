//! `ostiary liveness`: tests at the door which pictures it lets in and which people it refuses, and shows what was tested.

mod keyboard;
mod show;
mod test;

use std::process::ExitCode;

use clap::Subcommand;

use super::Globals;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  sudo ostiary liveness test\n  ostiary liveness show")]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Test which pictures this door lets in, and how often it refuses its own people.
    ///
    /// This command says what to hold before the camera, and the running door counts the visits. The result of each part is recorded
    /// with its exact intervals (95 %, Clopper-Pearson), and holds until the camera, the models or the thresholds change. The
    /// lockout works as usual: the command says when to wait, or to take another person's picture.
    Test(test::Args),
    /// Show what the tests at this door prove now.
    #[command(after_help = "Example:\n  ostiary liveness show\n\n\
                            Exit code: 0 there is a valid test, 1 there is none, or the latest is void, 2 an error.")]
    Show,
}

/// Runs a test of all kinds, with the usual number of presentations.
pub fn test(globals: &Globals) -> anyhow::Result<ExitCode> {
    test::run(globals, &test::Args::default())
}

pub fn run(globals: &Globals, args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::Test(args) => test::run(globals, &args),
        Verb::Show => show::run(globals),
    }
}
