//! The program `ostiary-trainer`, which runs on a workstation: it prepares training sets, and imports, quantizes, evaluates,
//! exports and publishes the models that the door runs.

mod torch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ostiary_trainer::{
    calibrate, describe, evaluate, export, import, keys, measure_door, measure_liveness, pairs, prepare,
    publish, quantize,
};

/// Prepare training sets; import, quantize, evaluate, export and publish the models of a door.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Compute the thresholds of a model from visits of strangers, and measure them.
    Calibrate(calibrate::Args),
    /// Report the contents of a set of faces and its suspect labels.
    Describe(describe::Args),
    /// Measure the accuracy of models by the published protocols.
    Evaluate(evaluate::Args),
    /// Export a trained network as a bundle of models for a door.
    Export(export::Args),
    /// Convert the weights of published packages into the models that ship.
    Import(import::Args),
    /// Make a key pair for signing bundles of models.
    Keys(keys::Args),
    /// Measure the accuracy of the door's program over folders of faces.
    MeasureDoor(measure_door::Args),
    /// Count the live faces and the photos that presentation attack detection takes for live.
    MeasureLiveness(measure_liveness::Args),
    /// Draw verification pairs from a set of faces.
    Pairs(pairs::Args),
    /// Convert a published set of faces into a training set.
    Prepare(prepare::Args),
    /// Sign models and publish them for doors to pull.
    Publish(publish::Args),
    /// Quantize a network to 8 bits.
    Quantize(quantize::Args),
    /// Train a network on a prepared set (needs the program ostiary-trainer-torch).
    Train(torch::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Calibrate(args) => calibrate::run(&args),
        Verb::Describe(args) => describe::run(&args),
        Verb::Evaluate(args) => evaluate::run(&args, &torch::evaluate),
        Verb::Export(args) => export::run(&args),
        Verb::Import(args) => import::run(&args),
        Verb::Keys(args) => keys::run(&args),
        Verb::MeasureDoor(args) => measure_door::run(args),
        Verb::MeasureLiveness(args) => measure_liveness::run(&args),
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
