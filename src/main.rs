//! Parses the command line, runs the command, and prints its error.

use std::process::ExitCode;

use clap::Parser;
use ostiary::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
