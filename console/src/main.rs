//! Runs the command line of the console.

use std::process::ExitCode;

use ostiary_console::Cli;

fn main() -> ExitCode {
    Cli::execute()
}
