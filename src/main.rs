//! Runs the command line.

use std::process::ExitCode;

use ostiary::cli::Cli;

fn main() -> ExitCode {
    Cli::execute(std::env::args_os().collect())
}
