//! The command line of the console. `ostiary console` starts it with the same arguments.

mod accounts;
mod globals;
mod output;
mod owner;
mod pair;
mod serve;
mod terminal_qr;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ostiary_control::CallError;

use self::globals::Globals;

/// A web console for a running door.
#[derive(Debug, Parser)]
#[command(version, bin_name = "ostiary console", propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the console. The service ostiary-console does.
    Serve(serve::Args),
    /// Print a one-time code, with which a browser gets an account.
    Pair(pair::Args),
    /// List and remove the accounts.
    Accounts(accounts::Args),
}

impl Cli {
    /// Runs the command, and prints why it failed. Returns the exit code: 0 done, 1 refused, 2 an error.
    pub fn execute() -> ExitCode {
        let cli = Self::parse();
        let done = match cli.verb {
            Verb::Serve(args) => serve::run(&cli.globals, args),
            Verb::Pair(args) => pair::run(&cli.globals, args),
            Verb::Accounts(args) => accounts::run(&cli.globals, args),
        };
        let Err(error) = done else { return ExitCode::SUCCESS };
        let is_refused = error.chain().any(|cause| {
            cause.is::<output::Refusal>() || matches!(cause.downcast_ref(), Some(CallError::Refused { .. }))
        });
        let (word, code) = if is_refused { ("refused", 1) } else { ("error", 2) };
        eprintln!("{word}: {error:#}");
        if cli.globals.json {
            // Without a reader the line is lost, and the exit code remains.
            let _ = output::json_line(&serde_json::json!({ word: format!("{error:#}") }));
        }
        ExitCode::from(code)
    }
}
