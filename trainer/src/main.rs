//! Parse, run, print the error.

use std::process::ExitCode;

use clap::Parser;
use ostiary_trainer::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
